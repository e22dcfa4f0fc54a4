"""Parsers in eBPF that choose by one of two values, of which one may be an error."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES = """
header h_t { bit<112> eth; bit<8> a; bit<8> b; }
header x_t { bit<8> x; bit<8> y; }
struct headers { h_t h; x_t[2] xs; }
"""
CHOSEN_KEYS = {
    "as long as there is an element": """state start { p.extract(hdr.h); transition tags; }
        state tags { transition select(hdr.h.b, hdr.h.a == 0 ? hdr.h.b : hdr.xs.last.y) {
            (_, 1 .. 3): more; (9, _): reject; default: accept; } }
        state more { hdr.h.a = hdr.h.a + 1; p.extract(hdr.xs.next); transition tags; }""",
    "where there is none": """state start { p.extract(hdr.h);
        transition select(hdr.h.a == 1 ? hdr.h.b : hdr.xs.last.y, hdr.h.b) { (5, _): accept; (_, 6): more; } }
        state more { p.extract(hdr.xs.next); transition accept; }""",
}
WRONG = {
    "as long as there is an element": ("hdr.xs.last.y", "hdr.xs.last.x"),
    "where there is none": ("hdr.h.a == 1", "hdr.h.a == 2"),
}


@pytest.mark.parametrize("name", CHOSEN_KEYS)
def test_keys_that_are_elements_of_stacks_or_something_else(name: str) -> None:
    """Found by a test program that looked at the type behind the last VLAN tag, if there was one: it was refused."""
    control = "apply { std.egress_spec = 1; if (std.parser_error == error.StackOutOfBounds) { hdr.h.b = 0xE; } }"
    text = v1_program(TYPES, CHOSEN_KEYS[name], control, "p.emit(hdr);")
    program = load_text(text, "keys.p4").program
    artifact = TARGET.lower(program, None, {"hook": "xdp"})
    proof = Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)
    old, new = WRONG[name]
    other = load_text(text.replace(old, new), "keys.p4").program
    proof = Checker(other, timeout=60, machines_confirm=False).check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is Verdict.REJECT
