"""What P4Info says of small programs."""

from __future__ import annotations

import pytest

from p4verify.semantics import ir, p4info
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.p4info.types import TypeTable
from p4verify.semantics.rules.p4ids import ids_of
from p4verify.semantics.rules.protobuf_text import parse
from p4verify.semantics.source import InputError, Unsupported

_FRAME = """
#include <core.p4>
#include <v1model.p4>
@p4runtime_translation("x.org/port", %(shape)s) type bit<9> port_t;
@controller_header("packet_in") header cpu_h { @id(3) bit<9> port; @hidden bit<7> pad; }
header h_t { bit<8> a; int<16> b; port_t p; }
struct H { cpu_h cpu; h_t h; }
struct M { }
parser P(packet_in p, out H h, inout M m, inout standard_metadata_t s) {
    state start { p.extract(h.h); transition accept; }
}
control V(inout H h, inout M m) { apply { } }
control I(inout H h, inout M m, inout standard_metadata_t s) {
    %(locals)s
    apply { %(body)s }
}
control E(inout H h, inout M m, inout standard_metadata_t s) { apply { } }
control D(packet_out p, in H h) { apply { p.emit(h.h); p.emit(h.cpu); } }
@brief("It \\"works\\"") V1Switch(P(), V(), I(), E(), V(), D()) main;
"""


def _info(locals_: str, body: str, shape: str = "string") -> p4info.P4Info:
    text = _FRAME % {"locals": locals_, "body": body, "shape": shape}
    program = load_text(text).program
    info = p4info.from_program(program)
    message = parse(p4info.write(info), "p4info")
    assert len(message.messages("tables")) == len(info.tables)
    table_ids = ids_of(program).tables
    assert all(table_ids[t.preamble.id].control_name == t.preamble.name for t in info.tables)
    return info


def test_keys_parameters_and_the_default_action() -> None:
    info = _info(
        """
        action set(@id(9) bit<8> x, int<16> y, port_t p) { h.h.a = x; h.h.b = y; h.h.p = p; }
        table t {
            key = { h.h.a : exact @name("first"); h.h.b : ternary @brief("second"); h.h.p : optional; }
            actions = { @tableonly NoAction; set; }
            const default_action = set(3, -2, (port_t) 5);
            size = 12;
        }""",
        "t.apply();",
    )
    (table,) = info.tables
    assert [(k.id, k.name, k.bitwidth, k.match_type) for k in table.match_fields] == [
        (1, "first", 8, "EXACT"),
        (2, "h.h.b", 16, "TERNARY"),
        (3, "h.h.p", 0, "OPTIONAL"),
    ]
    assert table.match_fields[1].doc is not None
    assert table.size == 12
    assert [r.scope for r in table.action_refs] == ["TABLE_ONLY", None]
    assert table.const_default_action_id == table.action_refs[1].id
    assert table.initial_default_action is not None
    arguments = [(a.param_id, a.value) for a in table.initial_default_action.arguments]
    assert arguments == [(9, b"\x03"), (2, b"\xff\xfe"), (3, b"\x00\x05")]
    action = next(a for a in info.actions if a.preamble.alias == "set")
    assert [(p.id, p.bitwidth, p.type_name and p.type_name.name) for p in action.params] == [
        (9, 8, None),
        (2, 16, None),
        (3, 0, "port_t"),
    ]
    assert info.type_info is not None
    translated = info.type_info.new_types["port_t"].translated_type
    assert translated is not None
    assert (translated.uri, translated.sdn_bitwidth) == ("x.org/port", None)


def test_a_translation_to_bits() -> None:
    info = _info("table t { key = { h.h.p : exact; } actions = { NoAction; } }", "t.apply();", "32")
    assert info.tables[0].match_fields[0].bitwidth == 32


def test_what_is_not_used_is_not_there() -> None:
    info = _info(
        """
        action inner() { h.h.a = 1; }
        action called(bit<8> x) { h.h.a = x; inner(); }
        action unused() { }
        table t { actions = { NoAction; } }
        table u { actions = { unused; } default_action = unused(); }""",
        "t.apply(); called(3); if (false) { u.apply(); }",
    )
    assert [t.preamble.name for t in info.tables] == ["I.t"]
    assert [(a.preamble.name, a.params) for a in info.actions] == [("NoAction", ()), ("I.called", ())]


def test_packet_headers_and_the_package() -> None:
    info = _info("", "")
    (header,) = info.controller_packet_metadata
    assert header.preamble.name == header.preamble.alias == "packet_in"
    assert [(f.id, f.name, f.bitwidth) for f in header.metadata] == [(3, "port", 9)]
    assert info.pkg_info is not None
    assert info.pkg_info.doc is not None
    assert info.pkg_info.doc.brief == 'It "works"'
    assert 'brief: "It \\"works\\""' in p4info.write(info)


def test_externs() -> None:
    info = _info(
        """
        counter(8, CounterType.packets_and_bytes) c;
        direct_meter<bit<8>>(MeterType.bytes) dm;
        register<int<7>>(4) r;
        @max_group_size(3) action_selector(HashAlgorithm.crc16, 100, 4) sel;
        action a() { dm.read(h.h.a); c.count(1); }
        table t { key = { h.h.a : selector; h.h.b : exact; } actions = { a; } implementation = sel; meters = dm;
                  default_action = a(); support_timeout = true; }""",
        "t.apply(); r.write(0, 1);",
    )
    (table,) = info.tables
    assert [(k.id, k.name) for k in table.match_fields] == [(2, "h.h.b")]
    assert table.idle_timeout_behavior == "NOTIFY_CONTROL"
    (profile,) = info.action_profiles
    assert (profile.with_selector, profile.size, profile.max_group_size) == (True, 100, 3)
    assert profile.preamble.id == table.implementation_id
    assert profile.table_ids == (table.preamble.id,)
    assert [(c.size, c.spec.unit) for c in info.counters] == [(8, "BOTH")]
    assert [(c.direct_table_id, c.spec.unit) for c in info.direct_meters] == [(table.preamble.id, "BYTES")]
    assert table.direct_resource_ids == (info.direct_meters[0].preamble.id,)
    assert info.registers[0].size == 4
    bitstring = info.registers[0].type_spec.bitstring
    assert bitstring is not None
    assert bitstring.int is not None


def test_an_id_given_twice_is_refused() -> None:
    tables = "@id(5) table t { actions = { NoAction; } } @id(5) table u { actions = { NoAction; } }"
    with pytest.raises(InputError, match="taken already"):
        _info(tables, "t.apply(); u.apply();")


def test_types_nested_without_end_are_refused() -> None:
    type_: ir.Type = ir.bits(8)
    for _ in range(5000):
        type_ = ir.TupleType((type_,))
    with pytest.raises(Unsupported, match="deeper"):
        TypeTable(()).spec(type_)


def test_a_scope_must_be_one() -> None:
    with pytest.raises(InputError, match="both @tableonly and @defaultonly"):
        _info("table t { actions = { @tableonly @defaultonly NoAction; } }", "t.apply();")
