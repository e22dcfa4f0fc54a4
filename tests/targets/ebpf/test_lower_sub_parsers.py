"""Sub-parsers in eBPF: what is copied in and out, and what stays known of headers then."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES = """
header h_t { bit<112> eth; bit<8> a; bit<8> b; }
header x_t { bit<8> x; bit<8> y; }
struct headers { h_t h; x_t x; x_t[2] xs; }
"""
PARSERS = """
parser sub(packet_in p, out x_t x, inout bit<8> n) {
    state start { p.extract(x); n = n + 1; x.y = x.y + 3; transition accept; }
}
parser count(packet_in p, inout bit<8> n) { state start { p.advance(8); n = n + 1; transition accept; } }
parser both(packet_in p, inout x_t x, inout bit<8> n) { state start { n = n + x.x; x.y = 7; transition accept; } }
"""
INSTANCES = "sub() sub; count() count; both() both;"
STATES = {
    "a header and a field of another": "sub.apply(p, hdr.x, hdr.h.a);",
    "a field of a header": "p.extract(hdr.x); count.apply(p, hdr.x.x);",
    "a field of a header in a stack": "p.extract(hdr.xs.next); count.apply(p, hdr.xs[0].y);",
    "a header and one of its fields": "p.extract(hdr.x); both.apply(p, hdr.x, hdr.x.x);",
    "next, which only an extraction moves": "sub.apply(p, hdr.xs.next, hdr.h.a); sub.apply(p, hdr.xs.next, hdr.h.b);",
}


@pytest.mark.parametrize("name", STATES)
def test_what_sub_parsers_copy_out(name: str) -> None:
    """Found by a test program: a header was taken for an invalid one once one of its fields was copied out."""
    states = f"{INSTANCES} state start {{ p.extract(hdr.h); {STATES[name]} transition accept; }}"
    text = v1_program(TYPES + PARSERS, states, "apply { std.egress_spec = 1; }", "p.emit(hdr);")
    program = load_text(text, "sub.p4").program
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)


REJECTING = """
parser sub(packet_in p, out x_t x, inout h_t h, in bit<8> n) {
    state start { p.extract(x); h.a = 7; verify(n != 1, error.NoMatch); transition accept; }
}
parser around(packet_in p, inout headers hdr) {
    sub() sub;
    state start { hdr.h.b = 5; sub.apply(p, hdr.x, hdr.h, ARGUMENT); transition accept; }
}
"""
REJECTS = "around() around; state start { p.extract(hdr.h); around.apply(p, hdr); transition accept; }"


@pytest.mark.parametrize(("argument", "handed"), [("hdr.xs[0].x", 1), ("hdr.h.a", 0)], ids=["apart", "overlapping"])
def test_sub_parsers_that_reject_hand_over_all_or_nothing(argument: str, handed: bool) -> None:
    """As where p4c puts the states of a sub-parser into its caller's, which works on the caller's variables unless
    arguments overlap; found by a test program whose headers were lost behind an error."""
    top = REJECTING.replace("ARGUMENT", argument)
    control = "apply { std.egress_spec = 1; if (std.parser_error != error.NoError) { hdr.h.b = hdr.h.b + 0x10; } }"
    states = REJECTS.replace("p.extract(hdr.h);", "p.extract(hdr.h); hdr.xs[0].setValid(); hdr.xs[0].x = hdr.h.a;")
    program = load_text(v1_program(TYPES + top, states, control, "p.emit(hdr.h); p.emit(hdr.x);"), "sub.p4").program
    artifact = TARGET.lower(program, None, {"hook": "xdp"})
    frame = bytes(14) + b"\1\2\3\4\5"
    (sent,) = evaluate_behaviour(TARGET.meaning(artifact), frame, 1, default=0).outputs
    assert sent[2] == bytes(14) + (b"\7\x15\3\4\5" if handed else b"\1\x15\5")
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)
