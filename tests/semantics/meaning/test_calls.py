"""Headers, stacks and unions: what their methods do, and copying in and out of sub-controls."""

import pytest

from p4verify.semantics.p4.frontend import load_text
from tests.support.p4_text import out, v1model

FULL = "hdr.s[0] = {1,1,1,1}; hdr.s[1] = {2,2,2,2}; hdr.s[2] = {3,3,3,3};"
ONES, TWOS, THREES = "01010101", "02020202", "03030303"


@pytest.mark.parametrize(
    ("operation", "wanted"),
    [
        ("", ONES + TWOS + THREES),
        ("hdr.s.push_front(1);", ONES + TWOS),
        ("hdr.s.push_front(1); hdr.s[0] = {9,9,9,9};", "09090909" + ONES + TWOS),
        ("hdr.s.push_front(2);", ONES),
        ("hdr.s.push_front(3);", ""),
        ("hdr.s.push_front(7);", ""),
        ("hdr.s.pop_front(1);", TWOS + THREES),
        ("hdr.s.pop_front(2);", THREES),
        ("hdr.s.pop_front(9);", ""),
        ("hdr.s[1].setInvalid();", ONES + THREES),
        ("hdr.s[1].setInvalid(); hdr.s.pop_front(1);", THREES),
        ("hdr.s[hdr.h.a] = {7,7,7,7};", ONES + "07070707" + THREES),  # hdr.h.a is 1
        ("hdr.s[hdr.h.b] = {7,7,7,7};", ONES + TWOS + THREES),  # hdr.h.b is 9: beyond the end
        ("hdr.s[hdr.h.a].setInvalid();", ONES + THREES),
        ("hdr.s[2] = hdr.s[hdr.h.a];", ONES + TWOS + TWOS),
        ("h_t[3] t = hdr.s; hdr.s[0].setInvalid(); hdr.s = t;", ONES + TWOS + THREES),
    ],
)
def test_stacks(operation: str, wanted: str) -> None:
    program = v1model(FULL + operation, deparser="pkt.emit(hdr.s);")
    assert out(program, "01090000") == wanted


def test_push_front_moves_the_next_index() -> None:
    """After one extract and a push of one, ``next`` is the third element."""
    parser = (
        """state start { pkt.extract(hdr.s.next); hdr.s.push_front(1); pkt.extract(hdr.s.next); transition accept; }"""
    )
    program = v1model("", parser=parser, deparser="pkt.emit(hdr.s);")
    assert out(program, ONES + TWOS) == ONES + TWOS


UNION = """#include <core.p4>
#include <v1model.p4>
header a_t {{ bit<8> x; }}
header b_t {{ bit<16> y; }}
header_union u_t {{ a_t a; b_t b; }}
struct headers {{ a_t k; u_t u; u_t w; }}
struct meta_t {{ }}
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    state start {{ pkt.extract(hdr.k); transition select(hdr.k.x) {{ 1: a; 2: b; default: accept; }} }}
    state a {{ pkt.extract(hdr.u.a); transition accept; }}
    state b {{ pkt.extract(hdr.u.b); transition accept; }}
}}
control V(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    apply {{ sm.egress_spec = 1; {body} }} }}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{ apply {{ }} }}
control C(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr.u); pkt.emit(hdr.w); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


@pytest.mark.parametrize(
    ("body", "packet", "wanted"),
    [
        ("", "01aa", "aa"),
        ("", "02aabb", "aabb"),
        ("", "03", ""),
        ("hdr.u.b.setValid(); hdr.u.b.y = 7;", "01aa", "0007"),
        ("hdr.u.a.setInvalid();", "02aabb", ""),  # whichever member is valid becomes invalid
        ("hdr.u.a = { 5 };", "02aabb", "05"),
        ("a_t t; hdr.u.a = t;", "02aabb", ""),  # an invalid header assigned
        ("hdr.w = hdr.u;", "02aabb", "aabbaabb"),
        ("hdr.u.b.y = 1;", "02aabb", "0001"),
        ("if (hdr.u.isValid()) { hdr.w.a = { 9 }; }", "01aa", "aa09"),
        ("if (hdr.u.isValid()) { hdr.w.a = { 9 }; }", "03", ""),
        ("if (hdr.u == hdr.w) { hdr.w.a = { 9 }; }", "03", "09"),
    ],
)
def test_unions(body: str, packet: str, wanted: str) -> None:
    assert out(load_text(UNION.format(body=body), "test.p4").program, packet) == wanted


SUB = """control Sub(inout h_t x, in bit<8> by, out bit<8> seen) {
    apply { seen = x.a; x.a = x.a + by; if (by == 9) { exit; } if (by == 8) { return; } x.b = 1; } }"""


@pytest.mark.parametrize(
    ("packet", "wanted"),
    [("01000003", "04010107"), ("01000008", "09000107"), ("01000009", "0a000109")],
)
def test_a_sub_control_copies_in_and_out_however_it_ends(packet: str, wanted: str) -> None:
    program = v1model("sub.apply(hdr.h, hdr.h.d, hdr.h.c); hdr.h.d = 7;", locals="Sub() sub;", top=SUB)
    assert out(program, packet) == wanted


def test_locals_of_a_control_begin_anew_each_time() -> None:
    top = "control Count(out bit<8> r) { bit<8> n = 0; apply { n = n + 1; r = n; } }"
    program = v1model("c.apply(hdr.h.a); c.apply(hdr.h.b);", locals="Count() c;", top=top)
    assert out(program, "00000000") == "01010000"


def test_an_action_called_by_an_action_has_its_own_parameters() -> None:
    declared = "action inner(inout bit<8> x) { x = x + 1; } action outer(inout bit<8> x) { inner(hdr.h.b); x = x + 5; }"
    assert out(v1model("outer(hdr.h.a);", locals=declared), "01010000") == "06020000"
