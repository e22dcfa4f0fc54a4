"""Header unions in eBPF: whatever makes one member valid or invalid makes the others invalid (spec 8.20)."""

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
header s_t { bit<8> v; }
header_union u_t { x_t x; s_t s; }
struct headers { h_t h; u_t u; u_t[2] us; s_t none; x_t x; }
"""
PARSE = "state start { p.extract(hdr.h); transition accept; }"
SEEN = "hdr.h.a = (hdr.u.x.isValid() ? 8w1 : 0) + (hdr.u.s.isValid() ? 8w2 : 0) + (hdr.u.isValid() ? 8w4 : 0);"
AROUND = """
    action change(inout s_t s) { s.setValid(); s.v = 4; }
    action remove(inout s_t s) { s.setInvalid(); }
"""
FUNCTIONS = """
void make(inout s_t s) { s.setValid(); s.v = 4; }
void drop(out s_t s) { }
void keep(inout s_t s) { }
"""
BODIES = {
    "set valid": "hdr.u.x = {1, 2}; hdr.u.s.setValid(); hdr.u.s.v = hdr.h.b;",
    "another set invalid": "hdr.u.x = {1, 2}; hdr.u.s.setInvalid();",
    "another set invalid, or not": "hdr.u.x = {1, 2}; if (hdr.h.b == 1) { hdr.u.s.setInvalid(); }",
    "an invalid header assigned": "hdr.u.x = {1, 2}; hdr.u.s = hdr.none;",
    "a header assigned that may be invalid": """hdr.u.x = {1, 2};
        if (hdr.h.b == 1) { hdr.none = {3}; } hdr.u.s = hdr.none;""",
    "a function that makes one": "hdr.u.x = {1, 2}; make(hdr.u.s);",
    "a function that makes one invalid": "hdr.u.x = {1, 2}; drop(hdr.u.s);",
    "a function that leaves it": "hdr.u.x = {1, 2}; keep(hdr.u.s);",
    "an action that makes one": "hdr.u.x = {1, 2}; change(hdr.u.s);",
    "an action that makes one invalid": "hdr.u.x = {1, 2}; remove(hdr.u.s);",
    "an element of a stack": "hdr.us[1].x = {1, 2}; make(hdr.us[1].s); hdr.us[0].s = {7}; hdr.us[0].x.setInvalid();",
    "an element that the packet says": """hdr.us[hdr.h.b & 1].x = {1, 2};
        make(hdr.us[0].s); hdr.us[hdr.h.b & 1].s = hdr.none;""",
}
INNER = "sub() inner; shared() copying; outer() twice; keep_x() keeping;"
PARSER = """
parser keep_x(packet_in p, in x_t before, inout x_t x) { state start { transition accept; } }
parser sub(packet_in p, out s_t s, inout x_t x) { state start { p.extract(s); x.setInvalid(); transition accept; } }
parser shared(packet_in p, in x_t before, inout x_t x) {
    state start { transition select(before.y) { 1: accept; default: without; } }
    state without { x.setInvalid(); transition accept; }
}
parser outer(packet_in p, in x_t before, inout x_t x) {
    shared() inner;
    state start { inner.apply(p, x, x); transition accept; }
}
"""
STATES = {
    "extracted after another": "p.extract(hdr.u.x); p.extract(hdr.u.s);",
    "another set invalid": "p.extract(hdr.u.x); hdr.u.s.setInvalid();",
    "an invalid header assigned": "p.extract(hdr.u.x); hdr.u.s = hdr.none;",
    "made by a parser": "p.extract(hdr.u.x); inner.apply(p, hdr.u.s, hdr.us[0].x);",
    "made invalid by a parser": "p.extract(hdr.u.x); inner.apply(p, hdr.none, hdr.u.x);",
    "two members for a parser": "p.extract(hdr.u.x); inner.apply(p, hdr.u.s, hdr.u.x);",
    "a copy made invalid by a parser": "p.extract(hdr.x); copying.apply(p, hdr.x, hdr.x);",
    "a copy of a copy": "p.extract(hdr.x); twice.apply(p, hdr.x, hdr.x);",
    "a copy of what may be invalid": """p.extract(hdr.x); if (hdr.x.y == 2) { hdr.x.setInvalid(); }
        keeping.apply(p, hdr.x, hdr.x);""",
}


@pytest.mark.parametrize("name", BODIES)
def test_unions_are_lowered_as_the_specification_says(name: str) -> None:
    ingress = f"{AROUND} apply {{ std.egress_spec = 1; {BODIES[name]} {SEEN} }}"
    accepted(v1_program(TYPES + FUNCTIONS, PARSE, ingress, "p.emit(hdr);"))


@pytest.mark.parametrize("name", STATES)
def test_so_are_unions_that_a_parser_fills(name: str) -> None:
    states = f"{INNER} state start {{ p.extract(hdr.h); {STATES[name]} transition accept; }}"
    accepted(v1_program(TYPES + PARSER, states, f"apply {{ std.egress_spec = 1; {SEEN} }}", "p.emit(hdr);"))


def accepted(text: str) -> None:
    program = load_text(text, "union.p4").program
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)
