"""The ubpf_model architecture: what passes, marks, redirection, truncation, registers, hashes."""

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.arch.bpf_externs import lookup3
from p4verify.semantics.meaning.behaviour import Choice
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import Unsupported
from tests.support.p4_text import does, out

_TEXT = """#include <core.p4>
{define}
#include <ubpf_model.p4>
header h_t {{ bit<8> a; bit<8> b; bit<16> c; }}
struct headers {{ h_t h; h_t e; }}
struct meta {{ bit<32> n; }}
parser P(packet_in pkt, out headers hdr, inout meta m{std}) {{ {parser} }}
control C(inout headers hdr, inout meta m{std}) {{
    {locals}
    apply {{ {body} }}
}}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr.e); pkt.emit(hdr.h); }} }}
ubpf(P(), C(), D()) main;
"""
_PARSER = "state start { pkt.extract(hdr.h); transition accept; }"


def ubpf(body: str, *, locals: str = "", parser: str = _PARSER, define: str = "") -> ir.Program:
    """A ubpf_model program with this pipeline; ``hdr.h`` has a, b (8 bits) and c (16 bits)."""
    std = "" if define else ", inout standard_metadata std"
    text = _TEXT.format(body=body, locals=locals, parser=parser, define=define, std=std)
    return load_text(text, "test.p4").program


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("", "01020304aa"),
        ("hdr.h.a = 9;", "09020304aa"),
        ("mark_to_drop();", ""),
        ("mark_to_drop(); mark_to_pass();", "01020304aa"),
        ("if (hdr.h.a == 1) { mark_to_drop(); }", ""),
        ("if (hdr.h.a == 2) { mark_to_drop(); }", "01020304aa"),
        ("std.output_action = ubpf_action.DROP;", ""),
        ("std.output_action = ubpf_action.ABORT; mark_to_pass();", ""),
        ("hdr.h.setInvalid();", "aa"),
    ],
)
def test_packets_pass_unless_they_are_marked(body: str, wanted: str) -> None:
    assert out(ubpf(body), "01020304aa") == wanted


def test_marks_outlast_calls_and_exits() -> None:
    called = "action drop() { mark_to_drop(); exit; } table t { actions = { drop; } const default_action = drop; }"
    assert out(ubpf("t.apply(); mark_to_pass();", locals=called), "01020304") == ""


def test_a_packet_that_is_rejected_passes_unchanged() -> None:
    rejecting = "state start { pkt.extract(hdr.h); transition select(hdr.h.a) { 1: accept; } }"
    program = ubpf("mark_to_drop();", parser=rejecting)
    assert does(program, "02020304aa") == (("stack", 0, "02020304aa"),)
    assert does(program, "0102") == (("stack", 0, "0102"),)
    assert does(program, "01020304aa") == ()


def test_redirection() -> None:
    program = ubpf("std.output_action = ubpf_action.REDIRECT; std.output_port = std.input_port + 1;")
    assert does(program, "01020304", port=6) == (("port", 7, "01020304"),)


def test_a_clone_is_told() -> None:
    with pytest.raises(Unsupported, match="cloned"):
        meaning(ubpf("std.clone = hdr.h.a == 1;"))


def test_the_metadata_of_before_2020() -> None:
    assert out(ubpf("hdr.h.b = 7;", define="#define UBPF_MODEL_VERSION 20200304"), "01020304") == "01070304"


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [(0, "0909030405"), (4, "09090304"), (5, "0909030405"), (99, "0909030405"), (1 << 31, "0909030405"), (3, "010203")],
)
def test_truncation_comes_before_headers_are_written(limit: int, wanted: str) -> None:
    program = ubpf(f"hdr.h.a = 9; hdr.h.b = 9; truncate({limit});")
    assert does(program, "0102030405") == (("stack", 0, wanted),)


def test_headers_that_fit_a_truncated_packet_are_written_and_the_others_show_what_was_there() -> None:
    body = "hdr.e.setValid(); hdr.e.a = 9; hdr.e.b = 9; hdr.e.c = 9; mark_to_drop(); truncate({});"
    packet = bytes.fromhex("0102030405")
    assert run(ubpf(body.format(6)), None, packet, 0).outputs == (("stack", 0, bytes.fromhex("090900090102")),)
    assert run(ubpf(body.format(8)), None, packet, 0).outputs == ()
    seen: list[Choice] = []
    result = run(ubpf(body.format(2)), None, packet, 0, choice=lambda c: seen.append(c) or 0xEE)
    assert result.outputs == (("stack", 0, bytes.fromhex("eeee")),)
    assert "room" in seen[0].reason


@pytest.mark.long
def test_a_length_from_the_packet() -> None:
    program = ubpf("truncate((bit<32>) hdr.h.b); hdr.h.a = 9;")
    for length in (0, 1, 3, 4, 5, 6, 255):
        (sent,) = does(program, f"01{length:02x}030405")
        assert len(sent[2]) == 2 * (min(length, 5) if length else 5)
    with pytest.raises(Unsupported, match="too many"):
        meaning(ubpf("truncate(hdr.h.c ++ hdr.h.c);"))


def test_registers() -> None:
    body = "m.n = r.read((bit<32>) hdr.h.a); r.write((bit<32>) hdr.h.a, m.n + 1); hdr.h.b = (bit<8>) m.n;"
    behaviour = meaning(ubpf(body, locals="Register<bit<32>, bit<32>>(8) r;"))
    (name,) = (o for o in behaviour.observables if o != "outputs")
    functions = {f"state.{name}": lambda i: 40 + i}
    result = evaluate_behaviour(behaviour, bytes([3, 0, 0, 0]), 0, functions=functions, cells={name: [2, 3]})
    assert result.outputs == (("stack", 0, bytes([3, 43, 0, 0])),)
    assert result.state[name] == {2: 42, 3: 44}
    beyond = evaluate_behaviour(behaviour, bytes([8, 0, 0, 0]), 0, functions=functions, cells={name: [8]}, choices=0x77)
    assert beyond.outputs == (("stack", 0, bytes([8, 0x77, 0, 0])),)
    assert beyond.state[name] == {8: 48}


def _hash(data: bytes) -> int:
    return lookup3([b.bv(octet, 8) for octet in data]).value


def test_lookup3_as_its_author_gives_it() -> None:
    """The values of ``driver5`` in the public ``lookup3.c``."""
    assert _hash(b"") == 0xDEADBEEF
    assert _hash(b"Four score and seven years ago") == 0x17770551


def test_a_hash_is_over_the_structure_of_the_host() -> None:
    program = ubpf("hash(m.n, HashAlgorithm.lookup3, { hdr.h.c, hdr.h.a, hdr.h.b }); hdr.h.c = m.n[15:0];")
    wanted = _hash(bytes.fromhex("040301000200")) & 0xFFFF
    assert out(program, "01020304") == f"0102{wanted:04x}"
    with pytest.raises(Unsupported, match="aligns"):
        meaning(ubpf("hash(m.n, HashAlgorithm.lookup3, { hdr.h.a, (bit<32>) hdr.h.c }); hdr.h.c = m.n[15:0];"))


@pytest.mark.parametrize(
    ("checksum", "old", "new"),
    [(0x1234, 0x5678, 0x9ABC), (0xFFFF, 0, 0xFFFF), (0, 0xFFFF, 0), (0xDD2F, 0x5555, 0x3285)],
)
def test_checksums_are_updated_as_rfc_1624_says(checksum: int, old: int, new: int) -> None:
    def folded(total: int) -> int:
        while total >> 16:
            total = (total & 0xFFFF) + (total >> 16)
        return total

    body = f"hdr.h.c = csum_replace2(hdr.h.c, {old}, {new});"
    wanted = ~folded((~checksum & 0xFFFF) + (~old & 0xFFFF) + new) & 0xFFFF
    assert out(ubpf(body), f"0000{checksum:04x}") == f"0000{wanted:04x}"
    body = f"hdr.h.c = csum_replace4(hdr.h.c, 32w{old << 16 | new}, 32w{new << 16 | 7});"
    wanted = ~folded((~checksum & 0xFFFF) + (~old & 0xFFFF) + (~new & 0xFFFF) + new + 7) & 0xFFFF
    assert out(ubpf(body), f"0000{checksum:04x}") == f"0000{wanted:04x}"


def test_the_time_is_anything() -> None:
    behaviour = meaning(ubpf("hdr.h.c = ubpf_time_get_ns()[15:0];"))
    assert [c.reason for c in behaviour.choices] == ["the time"]
