"""Loops in eBPF whose turns are told by constants: several variables, downwards, changed at the body's end."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES = "header h_t { bit<112> eth; bit<8> a; bit<8> b; bit<16> r; } struct headers { h_t h; }"
LOOPS = {
    "two variables": "for (bit<8> i = 0, bit<8> j = 9; i < j; i = i + 1, j = j - 2) { r = r * 3 + (i ++ j); }",
    "downwards": "for (bit<8> i = 5; i != 0; i = i - 1) { r = r * 2 + (bit<16>) (hdr.h.a & i); }",
    "at least": "for (bit<8> i = 5; i >= 2; i = i - 1) { r = r * 2 + (bit<16>) i; }",
    "round the end": "for (bit<8> i = 250; i > 5; i = i + 1) { r = r * 2 + (bit<16>) i; }",
    "doubled": "for (bit<8> i = 1; i < 100; i = i * 2) { r = r + (bit<16>) i; }",
    "shifted": "for (bit<8> m = 0xf0; m != 0; m = m << 1) { r = r + (bit<16>) (m & hdr.h.a); }",
    "signed": "for (int<8> i = -3; i < 2; i = i + 1) { r = r * 2 + (bit<16>) (bit<8>) i; }",
    "no turn": "for (bit<8> i = 3; i < 3; i = i + 1, r = r + 1) { r = 7; }",
    "what only an update changes": """bit<8> m = hdr.h.a;
        for (bit<8> i = 0; i < 4; i = i + 1, m = m >> 1) { r[0:0] = m[0:0]; }""",
    "changed at the body's end": "for (bit<8> i = 0; i < 6; ) { r = r + (bit<16>) i; i = i + 2; }",
    "begun before": """bit<8> k = 1; r = 3;
        for (; k < 9; ) { if (hdr.h.a == k) { break; } r = r + 2; k = k + 3; } hdr.h.b = k;""",
    "another condition too": "for (bit<8> i = 0; i < 4 && hdr.h.a != i; i = i + 1) { r = r + (bit<16>) hdr.h.b; }",
    "continue": "for (bit<8> i = 0, bit<8> j = 4; i < j; i = i + 1) { if (hdr.h.a == i) { continue; } r = r + 1; }",
    "an element that the variable names, at the body's end": """bit<16>[3] z; for (bit<8> i = 0; i < 3; i = i + 1) {
        z[i] = (bit<16>) (hdr.h.a + i); } r = z[1] ++ z[2] == 0 ? 16w5 : z[hdr.h.b[0:0]];""",
    "over a range of signed numbers": """int<8> last = (int<8>) hdr.h.a; for (int<8> i in -3 .. 4) {
        if (i > last) { break; } r = r * 2 + (bit<16>) (bit<8>) i; }""",
    "over a range of signed numbers whose ends the packet says": """int<4> low = (int<4>) hdr.h.a[3:0];
        for (int<4> i in low .. (int<4>) hdr.h.b[3:0]) { r = r * 2 + (bit<16>) (int<16>) i; }""",
    "over all signed numbers there are": "for (int<3> i in -4 .. 3) { r = r * 3 + (bit<16>) (int<16>) i; }",
    "over a list": "for (bit<8> i in (list<bit<8>>) {1, 7, hdr.h.a}) { r = r * 3 + (bit<16>) (i & hdr.h.b); }",
    "the next one begins where it ended": """bit<8> k = 0; for (; k < 3; ) { k = k + 1; }
        for (bit<8> i = 0; i < 2; i = i + 1) { r = r + (bit<16>) k; }""",
}
REFUSED = {
    "the body changes it": "for (bit<8> i = 5; i != 0; i = i - 1) { if (hdr.h.a == i) { i = 1; } r = r + 1; }",
    "an action changes it": "k = 5; for (; k != 0; k = k - 1) { set(); r = r + 1; }",
    "continue leaves it out": "for (bit<8> i = 0; i < 6; ) { if (hdr.h.a == i) { continue; } i = i + 2; }",
    "it has no end": "for (bit<8> i = 1; i != 0; i = i + 2) { r = r + 1; }",
    "the packet says where it begins": "for (bit<8> i = hdr.h.a; i != 0; i = i - 1) { r = r + 1; }",
    "the packet said it before": "bit<8> k = 0; k = hdr.h.a; for (; k != 0; k = k - 1) { r = r + 1; }",
    "something came between": "k = 1; set(); for (; k != 4; k = k + 1) { r = r + 1; }",
}


def _program(statements: str) -> ir.Program:
    ingress = f"""bit<8> k; action set() {{ k = hdr.h.b; }}
        apply {{ std.egress_spec = 1; bit<16> r = 0; {statements} hdr.h.r = r; }}"""
    parser = "state start { p.extract(hdr.h); transition accept; }"
    return load_text(v1_program(TYPES, parser, ingress, "p.emit(hdr);"), "loop.p4").program


@pytest.mark.parametrize("name", LOOPS)
def test_proven(name: str) -> None:
    program = _program(LOOPS[name])
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(CannotOffload, match=r"turns|changed inside"):
        lower(_program(REFUSED[name]), None, {"hook": "xdp"})
