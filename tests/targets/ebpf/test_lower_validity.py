"""Deparsers know which headers can be valid together: what they ask for, and that what they are told is true."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET

TEXT: Final = """
#include <core.p4>
#include <v1model.p4>
header eth_t { bit<48> dst; bit<48> src; bit<16> kind; }
header a_t { bit<8> x; bit<8> last; }
header b_t { bit<16> y; }
header_union u_t { a_t a; b_t b; }
struct inner { a_t a; b_t b; }
struct headers { eth_t eth; a_t[SIZE] s; a_t a; b_t b; inner n; u_t u; }
struct meta { bit<8> left; }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.eth); transition select(hdr.eth.kind) {
        0x1234: stack; 0x1235: one; 0x1236: other; 0x1237: both; 0x1238: first; default: accept; } }
    state stack { p.extract(hdr.s.next); transition select(hdr.s.last.last) { 1: one; default: stack; } }
    state one { p.extract(hdr.a); transition select(hdr.a.last) { 1: other; default: accept; } }
    state other { p.extract(hdr.b); transition accept; }
    state both { p.extract(hdr.n.a); p.extract(hdr.n.b); transition accept; }
    state first { p.extract(hdr.u.a); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control change(inout a_t a, out b_t b, in bit<8> x) { apply { if (x == 3) return; a.setInvalid(); if (x == 4) exit;
    b.setValid(); b.y = 7; } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    change() sub;
    action drop() { mark_to_drop(std); }
    action push(bit<8> x) { hdr.s.push_front(1); hdr.s[0].setValid(); hdr.s[0] = { x, 0 }; }
    action pop() { hdr.s.pop_front(1); }
    action take(inout b_t b) { b.setInvalid(); }
    action give(inout a_t a, bit<8> x) { a.setValid(); a = { x, 1 }; }
    action leave() { hdr.a.setInvalid(); exit; }
    table t { key = { hdr.eth.dst: exact; } actions = { push; pop; leave; NoAction; } default_action = NoAction(); }
    table w { key = { hdr.eth.dst: exact; } actions = { give(hdr.a); take(hdr.b); NoAction; } }
    apply { std.egress_spec = 5; BODY }
}
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) { apply { } }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
"""
BODIES: Final = {
    "pushed and popped": "t.apply();",
    "an answer that is asked for": "if (t.apply().hit) { hdr.a.setInvalid(); } else { hdr.b.setValid(); hdr.b.y = 1; }",
    "an action that is asked for": "switch (t.apply().action_run) { push: pop: { hdr.a = { 1, 2 }; } leave: { } "
    "default: { hdr.b.setInvalid(); } }",
    "actions that are given headers": "w.apply();",
    "validity is asked for": "if (hdr.a.isValid() && !hdr.b.isValid()) { hdr.a.setInvalid(); } "
    "else if (hdr.n.b.isValid() || hdr.s[1].isValid()) { hdr.n.a.setInvalid(); }",
    "copies": "hdr.a = hdr.n.a; hdr.n.b = hdr.b;",
    "copies of structs": "inner i = hdr.n; hdr.n.a.setInvalid(); if (hdr.eth.src == 1) hdr.n = i;",
    "one or the other": "hdr.a = hdr.eth.src == 7 ? hdr.n.a : hdr.s[0];",
    "literals": "hdr.n = { { 1, 2 }, hdr.b }; if (hdr.eth.src == 7) hdr.a = {#};",
    "swapped": "a_t t1 = hdr.a; hdr.a = hdr.n.a; hdr.n.a = t1;",
    "elements by index": "m.left = hdr.a.x; hdr.s[m.left[0:0]].setInvalid();",
    "elements by index that are given": "m.left = hdr.a.x; hdr.s[m.left[0:0]] = { 3, 3 };",
    "members of unions that are given": "if (hdr.eth.src == 1) hdr.u.b = { 9 };",
    "members of unions": "if (hdr.u.a.isValid()) { hdr.u.b.setValid(); hdr.u.b.y = 9; }",
    "controls": "sub.apply(hdr.a, hdr.b, hdr.a.x);",
    "controls in a branch": "if (hdr.b.isValid()) { sub.apply(hdr.n.a, hdr.n.b, hdr.eth.src[7:0]); } "
    "hdr.b.setInvalid();",
    "left early": "if (hdr.eth.src == 1) { hdr.a.setInvalid(); return; } hdr.b.setInvalid();",
    "a name that hides": "a_t hdr_a; { a_t a = { 1, 2 }; a.setInvalid(); hdr.a = a; } hdr_a.setValid(); "
    "hdr_a = { 7, 7 }; if (hdr.eth.src == 1) hdr.a = hdr_a;",
    "loops": "for (bit<8> i = 0; i < 2; i = i + 1) { hdr.s.push_front(1); hdr.s[0].setValid(); hdr.s[0] = { i, i }; "
    "if (hdr.eth.src == 1) break; }",
    "all at once": "hdr.s.pop_front(2); hdr.a.setInvalid(); hdr.b.setValid(); hdr.b.y = 3; if (hdr.n.a.isValid()) "
    "hdr.n.b.setInvalid();",
}


def _text(body: str, size: int = 3) -> str:
    return TEXT.replace("BODY", body).replace("SIZE", str(size))


@lru_cache
def _loaded(text: str) -> ir.Program:
    return load_text(text, "validity.p4").program


def _lowered(body: str, size: int = 3, hook: str = "xdp") -> BpfObject:
    return lower(_loaded(_text(body, size)), None, {"hook": hook, "min_frame": "60"})


@pytest.mark.long
@pytest.mark.parametrize("body", [pytest.param(text, id=name) for name, text in BODIES.items()])
def test_what_is_emitted_is_what_is_valid(body: str) -> None:
    proof = Checker(_loaded(_text(body)), timeout=120).check_artifact(TARGET, _lowered(body), None).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.long
@pytest.mark.parametrize("hook", ["xdp", "tc"])
def test_deep_stacks_take_code_for_what_can_be_valid_together(hook: str) -> None:
    """Not for each set of valid elements: of ten, there are more than thousand."""
    small, large = (len(_lowered("t.apply();", size, hook).programs[0].insns) for size in (5, 10))
    assert large < 4 * small
