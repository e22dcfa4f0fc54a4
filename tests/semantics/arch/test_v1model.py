"""The v1model architecture: ports, drops, checksums, counters, registers, what is refused."""

import binascii
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.meaning import parsing
from p4verify.semantics.meaning.behaviour import LENGTH, PORT
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.build import program_rules
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Replica, Rule, RuleSet
from p4verify.semantics.source import Unsupported
from tests.support.p4_text import does, out, v1model


@pytest.mark.parametrize(
    ("body", "egress", "wanted"),
    [
        ("sm.egress_spec = 5;", "", 5),
        ("sm.egress_spec = sm.ingress_port;", "", 3),
        ("sm.egress_spec = 511;", "", None),
        ("mark_to_drop(sm);", "", None),
        ("mark_to_drop(sm); sm.egress_spec = 4;", "", 4),
        ("", "mark_to_drop(sm);", None),
        ("", "sm.egress_spec = 9;", 1),  # the port is decided when ingress ends
        ("", "sm.egress_port = 9;", 1),
        ("", "if (sm.egress_port == 1) { mark_to_drop(sm); }", None),
    ],
)
def test_where_a_packet_goes(body: str, egress: str, wanted: int | None) -> None:
    sent = does(v1model(body, egress=egress), "01020304", port=3)
    assert [port for _, port, _ in sent] == ([] if wanted is None else [wanted])


def test_ports_have_nine_bits() -> None:
    behaviour = meaning(v1model(""))
    assert any("512" in a.text for a in behaviour.domain)
    with pytest.raises(ValueError, match="512"):
        run(v1model(""), None, b"abcd", 512)


def test_metadata_at_the_start() -> None:
    body = """hdr.h.a = (bit<8>) sm.packet_length; hdr.h.b = (bit<8>) sm.instance_type; hdr.h.c = (bit<8>) sm.mcast_grp;
        hdr.h.d = (bit<8>) sm.ingress_port;"""
    assert out(v1model(body), "0102030405", port=7) == "0500000705"


def test_timestamps_are_inputs() -> None:
    program = v1model("hdr.h.a = sm.ingress_global_timestamp[7:0];", egress="hdr.h.b = sm.deq_qdepth[7:0];")
    names = {t.name for c in meaning(program).cases for o in c.outputs for t in b.variables(*o.packet.prefix)}
    assert {"in.ingress_global_timestamp", "in.deq_qdepth"} <= names
    result = run(program, None, bytes(4), 0, metadata={"ingress_global_timestamp": 0x1FF, "deq_qdepth": 2})
    assert result.outputs[0][2].hex() == "ff020000"


# --- state ----------------------------------------------------------------------------------------------------------


def after(program: object, packet: str, name: str, index: int, before: int = 0) -> int:
    """A cell after a packet, both by the behaviour and by the run."""
    frame = bytes.fromhex(packet)
    functions = {f"state.{name}": lambda i: before}
    outcome = evaluate_behaviour(meaning(program), frame, 0, functions=functions, cells={name: [index]}, default=0)  # type: ignore[arg-type]
    result = run(program, None, frame, 0, cells={name: lambda i: before})  # type: ignore[arg-type]
    assert result.state.get(name, {}).get(index, before) == outcome.state[name][index]
    return outcome.state[name][index]


def state_name(program: object) -> str:
    (name,) = (o for o in meaning(program).observables if o != "outputs")  # type: ignore[arg-type]
    return name


def test_counters_count_within_their_size() -> None:
    program = v1model("c.count((bit<32>) hdr.h.a);", locals="counter(4, CounterType.packets) c;")
    name = state_name(program)
    assert after(program, "02000000", name, 2, before=10) == 11
    assert after(program, "02000000", name, 3, before=10) == 10
    assert after(program, "04000000", name, 4, before=10) == 10
    assert after(program, "0200", name, 0, before=10) in (10, 11)  # the index is undefined: the packet is short


def test_counters_of_bytes_and_both() -> None:
    both = v1model("c.count(1);", locals="counter(4, CounterType.packets_and_bytes) c;")
    names = [o for o in meaning(both).observables if o != "outputs"]
    assert sorted(n.rsplit(".", 1)[1] for n in names) == ["bytes", "packets"]
    assert {n.rsplit(".", 1)[1]: after(both, "0000000011", n, 1) for n in names} == {"bytes": 5, "packets": 1}


def test_counts_under_a_condition() -> None:
    program = v1model(
        "if (hdr.h.a == 1) { c.count(0); } else { c.count(1); c.count(1); }",
        locals="counter(4, CounterType.packets) c;",
    )
    name = state_name(program)
    assert [after(program, "01000000", name, i) for i in (0, 1)] == [1, 0]
    assert [after(program, "02000000", name, i) for i in (0, 1)] == [0, 2]


def test_nothing_is_counted_in_egress_for_a_packet_that_was_dropped() -> None:
    locals_ = "if (hdr.h.a == 1) { mark_to_drop(sm); }"
    text = "c.count(0);"
    program = load_text(_with_egress_counter(locals_, text), "test.p4").program
    name = state_name(program)
    assert after(program, "01000000", name, 0) == 0
    assert after(program, "02000000", name, 0) == 1


def _with_egress_counter(ingress: str, egress: str) -> str:
    return f"""#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; bit<8> b; bit<8> c; bit<8> d; }}
struct headers {{ h_t h; }}
struct meta_t {{ }}
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    state start {{ pkt.extract(hdr.h); transition accept; }} }}
control V(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    apply {{ sm.egress_spec = 1; {ingress} }} }}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    counter(4, CounterType.packets) c; apply {{ {egress} }} }}
control C(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


REGISTER = "register<bit<8>>(4) r;"


def test_a_register_reads_what_was_written_before() -> None:
    body = """r.write(1, hdr.h.a); bit<8> t; r.read(t, 1); hdr.h.b = t;
        r.write((bit<32>) hdr.h.c, 7); r.read(t, 1); hdr.h.d = t;"""
    program = v1model(body, locals=REGISTER)
    assert out(program, "05000000") == "05050005"
    assert out(program, "05000100") == "05050107"


def test_a_register_beyond_its_size() -> None:
    program = v1model(
        "bit<8> t; r.read(t, (bit<32>) hdr.h.a); hdr.h.b = t; r.write((bit<32>) hdr.h.a, 9);", locals=REGISTER
    )
    behaviour = meaning(program)
    name = state_name(program)
    functions = {f"state.{name}": lambda i: 3}
    inside = evaluate_behaviour(
        behaviour, bytes([3, 0, 0, 0]), 0, functions=functions, choices=-1, cells={name: [3, 4]}
    )
    assert inside.outputs[0][2][1] == 3
    assert inside.state[name] == {3: 9, 4: 3}
    beyond = evaluate_behaviour(
        behaviour, bytes([4, 0, 0, 0]), 0, functions=functions, choices=-1, cells={name: [3, 4]}
    )
    assert beyond.outputs == () or beyond.outputs[0][2][1] == 0xFF
    assert beyond.state[name] == {3: 3, 4: 3}


def test_a_direct_counter_counts_hits_by_entry() -> None:
    declared = """direct_counter(CounterType.packets) dc; action set(bit<8> x) { hdr.h.d = x; }
        table t { key = { hdr.h.a : exact; } actions = { set; NoAction; } counters = dc; }"""
    program = v1model("t.apply();", locals=declared)
    name = state_name(program)
    rules = RuleSet({"I.t": tuple(Rule("I.t", (Exact(k),), ActionCall("set", (1,))) for k in (5, 6))})
    assert run(program, rules, bytes([6, 0, 0, 0]), 0).state == {name: {1: 1}}
    assert run(program, rules, bytes([7, 0, 0, 0]), 0).state.get(name, {}) == {}
    functions = {"table.I.t.hit": lambda key: int(key == 6)}
    known = {**functions, f"state.{name}": lambda i: 0}
    outcome = evaluate_behaviour(
        meaning(program), bytes([6, 0, 0, 0]), 0, functions=known, cells={name: [5, 6]}, default=0
    )
    assert outcome.state[name] == {5: 0, 6: 1}


def test_a_meter_has_any_colour() -> None:
    program = v1model(
        "bit<2> col; m.execute_meter(1, col); hdr.h.a = 6w0 ++ col;", locals="meter(4, MeterType.packets) m;"
    )
    behaviour = meaning(program)
    assert any("meter" in note for note in behaviour.notes)
    seen = {evaluate_behaviour(behaviour, bytes(4), 0, choices=c, default=0).outputs[0][2][0] for c in range(4)}
    assert seen == {0, 1, 2}


def test_random_stays_between_its_bounds() -> None:
    program = v1model("bit<8> t; random(t, 3, 6); hdr.h.a = t;")
    seen = {evaluate_behaviour(meaning(program), bytes(4), 0, choices=c, default=0).outputs[0][2][0] for c in range(10)}
    assert seen == {3, 4, 5, 6}


def test_an_assertion_restricts_the_inputs_and_says_so() -> None:
    program = v1model("if (hdr.h.b == 1) { assert(hdr.h.a < 10); }")
    behaviour = meaning(program)
    assert any("assert at test.p4" in a.text for a in behaviour.domain)
    assert evaluate_behaviour(behaviour, bytes([20, 0, 0, 0]), 0, default=0).outputs
    with pytest.raises(ValueError, match="assert"):
        evaluate_behaviour(behaviour, bytes([20, 1, 0, 0]), 0, default=0)


@pytest.mark.parametrize("call", ["assert", "assume"])
def test_a_run_stops_where_an_assertion_is_false(call: str) -> None:
    program = v1model(f"r.write(0, 7); {call}(hdr.h.a < 10); r.write(1, 7);", locals="register<bit<8>>(4) r;")
    fine, stopped = run(program, None, bytes([1, 0, 0, 0]), 0), run(program, None, bytes([20, 0, 0, 0]), 0)
    assert fine.failed is None
    assert (len(fine.outputs), fine.state) == (1, {"I.r": {0: 7, 1: 7}})
    assert stopped.failed is not None
    assert (stopped.outputs, stopped.events, stopped.state) == ((), (), {})
    data = stopped.to_json()
    assert (data["stopped"]["extern"], data["dropped"]) == (call, False)
    assert data["trace"][-1] == data["stopped"]


def test_what_left_before_an_assertion_fails_has_left() -> None:
    """The pass that fails is the second; in the first a copy was sent."""
    again = "if (sm.instance_type == 4) { assert(false); } else { sm.mcast_grp = 1; }"
    egress = "if (sm.instance_type == 5 && sm.egress_rid == 2) { recirculate_preserving_field_list(1); }"
    program = v1model(again, egress=egress)
    rules = replace(program_rules(program), multicast={1: (Replica(3, 1), Replica(4, 2), Replica(5, 3))})
    result = run(program, rules, bytes(4), 0)
    assert result.passes == 2
    assert [port for _, port, _ in result.outputs] == [3, 5]
    assert result.failed is not None


# --- checksums ------------------------------------------------------------------------------------------------------


def test_hash_offsets_and_limits() -> None:
    body = (
        "bit<32> t; hash(t, HashAlgorithm.crc32, 32w0, { hdr.h.a, hdr.h.b, hdr.h.c }, 32w0xffffffff); hdr.h.d = t[7:0];"
    )
    wanted = binascii.crc32(bytes([1, 2, 3])) % 0xFFFFFFFF & 0xFF
    assert out(v1model(body), "01020300") == f"010203{wanted:02x}"
    zero = "bit<8> t; hash(t, HashAlgorithm.crc16, 8w9, { hdr.h.a }, 8w0); hdr.h.d = t;"
    assert out(v1model(zero), "01020300") == "01020309"
    some = "bit<8> t; hash(t, HashAlgorithm.identity, 8w9, { hdr.h.a }, 8w4); hdr.h.d = t;"
    assert out(v1model(some), "07020300") == "0702030c"


CHECKSUM = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<16> a; bit<16> b; bit<16> sum; }}
struct headers {{ h_t h; }}
struct meta_t {{ }}
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    state start {{ pkt.extract(hdr.h); transition accept; }} }}
control V(inout headers hdr, inout meta_t meta) {{ apply {{ {verify} }} }}
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    apply {{ sm.egress_spec = 1; if (sm.checksum_error == 1) {{ mark_to_drop(sm); }} }} }}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{ apply {{ }} }}
control C(inout headers hdr, inout meta_t meta) {{ apply {{ {update} }} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
DATA = "{ hdr.h.a, hdr.h.b }, hdr.h.sum, HashAlgorithm.csum16"


def checksum(verify: str = "", update: str = "") -> object:
    return load_text(CHECKSUM.format(verify=verify, update=update), "test.p4").program


def test_verify_checksum_sets_the_error() -> None:
    program = checksum(verify=f"verify_checksum(hdr.h.isValid(), {DATA});")
    assert out(program, "00010002fffc") == "00010002fffc"  # type: ignore[arg-type]
    assert out(program, "00010002fffd") == ""  # type: ignore[arg-type]
    assert out(program, "0001") == "0001"  # type: ignore[arg-type]


def test_update_checksum_writes_it_under_its_condition() -> None:
    program = checksum(update=f"update_checksum(hdr.h.a == 1, {DATA});")
    assert out(program, "000100020000") == "00010002fffc"  # type: ignore[arg-type]
    assert out(program, "000200020000") == "000200020000"  # type: ignore[arg-type]


def test_payload_checksums_of_a_packet_that_is_known() -> None:
    program = checksum(update=f"update_checksum_with_payload(true, {DATA});")
    result = run(program, None, bytes.fromhex("000100020000" + "0003" + "04"), 0)  # type: ignore[arg-type]
    assert result.outputs[0][2].hex() == f"00010002{0xFFFF - 6 - 0x400:04x}000304"
    behaviour = meaning(program)  # type: ignore[arg-type]
    for rest in ("", "03", "0304", "030405", "ffff", "00" * 9 + "80"):
        frame = bytes.fromhex("000100020000" + rest)
        assert evaluate_behaviour(behaviour, frame, 0).outputs == run(program, None, frame, 0).outputs  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["csum16", "xor16", "crc16", "crc32", "identity", "crc32_custom", "random"])
@pytest.mark.parametrize("data", ["{ hdr.h.a, hdr.h.b }", "{ hdr.h.a[7:0] }"])
@settings(max_examples=5)
@given(frames=st.lists(st.binary(min_size=6, max_size=30), min_size=4, max_size=4))
def test_hashes_over_the_payload(name: str, data: str, frames: list[bytes]) -> None:
    program = checksum(update=f"update_checksum_with_payload(true, {data}, hdr.h.sum, HashAlgorithm.{name});")
    behaviour = meaning(program)  # type: ignore[arg-type]
    for frame in frames:
        whole = evaluate_behaviour(behaviour, frame, 0, default=0)
        assert whole.outputs == run(program, None, frame, 0).outputs or name == "crc32_custom"  # type: ignore[arg-type]


def test_verify_checksum_over_the_payload() -> None:
    program = checksum(verify=f"verify_checksum_with_payload(true, {DATA});")
    good = bytes.fromhex("00010002") + (0xFFFF - 3 - 0x0304 - 0x0500).to_bytes(2, "big") + bytes.fromhex("030405")
    for frame in (good, good[:-1] + b"\6"):
        seen = run(program, None, frame, 0)  # type: ignore[arg-type]
        assert bool(seen.outputs) == (frame == good)
        assert evaluate_behaviour(meaning(program), frame, 0, default=0).outputs == seen.outputs  # type: ignore[arg-type]


# --- layouts --------------------------------------------------------------------------------------------------------


def test_layouts_are_split_on_validity_only() -> None:
    body = "if (hdr.h.b == 1) { hdr.e.setValid(); hdr.e = { 9, 9, 9, 9 }; } if (hdr.h.c == 1) { mark_to_drop(sm); }"
    behaviour = meaning(v1model(body))
    lengths = sorted(len(o.packet.prefix) for c in behaviour.cases for o in c.outputs)
    assert lengths == [0, 4, 4, 8]  # for a short packet hdr.h.b is anything
    assert out(v1model(body), "01010300ee") == "0101030009090909ee"
    assert does(v1model(body), "01010100ee") == ()


def test_guards_imply_that_the_payload_is_there() -> None:
    behaviour = meaning(v1model(""))
    for case in behaviour.cases:
        need = max((o.packet.payload for o in case.outputs), default=0)
        for length in range(need):
            assert b.substitute([case.guard], {LENGTH: b.bv(length, 16), PORT: b.bv(0, 32)})[0] is b.FALSE


def test_headers_that_are_no_whole_bytes_are_refused() -> None:
    top = "header odd_t { bit<4> x; }"
    with pytest.raises(Unsupported, match="no whole bytes"):
        meaning(v1model("", top=top, parser="state start { pkt.extract<odd_t>(_); transition accept; }", deparser=""))


def test_no_error_is_no_error_whatever_is_declared_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """error { Early }
        #include <core.p4>
        #include <v1model.p4>
        header h_t { bit<8> a; } struct headers { h_t h; } struct meta_t { }
        parser P(packet_in p, out headers h, inout meta_t m, inout standard_metadata_t s) {
            state start { p.extract(h.h); transition accept; } }
        control V(inout headers h, inout meta_t m) { apply { } }
        control I(inout headers h, inout meta_t m, inout standard_metadata_t s) { apply {
            s.egress_spec = 1; if (s.parser_error != error.NoError) { h.h.a = 0xff; } } }
        control E(inout headers h, inout meta_t m, inout standard_metadata_t s) { apply { } }
        control C(inout headers h, inout meta_t m) { apply { } }
        control D(packet_out p, in headers h) { apply { p.emit(h); } }
        V1Switch(P(), V(), I(), E(), C(), D()) main;"""
    assert run(load_text(text, "t.p4").program, None, b"\x05", 0).outputs == (("port", 1, b"\x05"),)
    monkeypatch.setattr(parsing, "MAX_WAYS", 0)  # packets that are accepted and rejected go one way
    for packet in (b"\x05", b""):
        assert run(load_text(text, "t.p4").program, None, packet, 0).outputs == (("port", 1, packet),)
