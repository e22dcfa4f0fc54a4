"""Small pairs of programs, each argued by a section of the P4-16 specification (1.2.5): equal, different, or different
only where a value is undefined.

They are of the kinds that compilers get wrong when they inline, reorder or fold: the order of side effects, copying in
and out, what an early end skips, invalid headers, stacks, unions, and arithmetic at its borders.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import InputError, Unsupported

TYPES = """#include <core.p4>
extern bit<8> told(in bit<8> x);
extern void log(string s, in bit<8> x);
header h_t { bit<8> a; bit<8> b; }
header g_t { bit<16> w; }
header v_t { varbit<32> v; }
header_union u_t { h_t h; g_t g; }
struct p_t { bit<8> k; bit<8> l; }
struct s_t { h_t h; h_t[3] st; u_t u; p_t p; bit<8> x; bit<8> y; bit<16> w; int<8> i; bool f; v_t v; }
bit<8> up(inout bit<8> a) { a = a + 1; return a; }
bool yes(inout bit<8> a) { a = a + 1; return true; }
bit<8> mix(in bit<8> a, in bit<8> b) { return (a << 4) ^ b; }
void both(inout bit<8> a, inout bit<8> b) { a = 1; b = 2; }
void leave(out bit<8> a) { }
bit<8> two(in bit<8> a) { if (a == 1) { return 2; } return 3; }
void once(inout bit<8> a) { a = 1; if (a == 1) { return; } a = 2; }
void add(inout bit<8> a, in bit<8> b) { a = 0; a = a + b; }
"""
CONTROL = """
control c(inout s_t s) {{
    action five(inout bit<8> a) {{ a = 5; exit; }}
    action ends() {{ s.x = 1; exit; }}
    action stops() {{ s.x = 1; if (s.f) {{ return; }} s.x = 2; }}
    action put(bit<8> v) {{ s.y = v; }}
    action none() {{ }}
    {local}
    apply {{ {body} }}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""
PARSER = """
parser c(packet_in pk, out s_t s) {{
    state start {{ {body} }}
    state one {{ s.x = 1; transition accept; }}
    state two {{ s.x = 2; transition accept; }}
}}
parser proto(packet_in pk, out s_t s);
package top(proto p);
top(c()) main;
"""


@dataclass(frozen=True)
class Pair:
    """Two bodies; ``first`` and ``second`` may be ``locals | body``."""

    section: str
    first: str
    second: str
    parser: bool = False

    def programs(self) -> tuple[ir.Program, ir.Program]:
        return self._program(self.first), self._program(self.second)

    def _program(self, text: str) -> ir.Program:
        local, _, body = text.rpartition("@@")
        template = PARSER if self.parser else CONTROL
        return load_text(TYPES + template.format(local=local, body=body), "pair.p4").program


def table(entries: str, key: str = "s.x : ternary;") -> str:
    return (
        f"table t {{ key = {{ {key} }} actions = {{ put; none; }} const entries = {{ {entries} }}"
        " const default_action = none(); } @@ t.apply();"
    )


EQUAL = {
    "copy out, left to right": Pair("6.8", "both(s.x, s.x);", "s.x = 2;"),
    "an argument is copied in": Pair("6.8", "add(s.x, s.x);", "s.x = s.x;"),
    "arguments, left to right": Pair("6.8", "s.y = mix(up(s.x), s.x);", "bit<8> t = up(s.x); s.y = mix(t, s.x);"),
    "&& evaluates what it needs": Pair("8.6", "s.f = s.f && yes(s.x);", "if (s.f) { s.f = yes(s.x); }"),
    "|| evaluates what it needs": Pair("8.6", "s.f = s.f || yes(s.x);", "if (!s.f) { s.f = yes(s.x); }"),
    "?: evaluates one branch": Pair(
        "8.6", "s.y = s.f ? up(s.x) : 8w7;",
        "if (s.f) { s.y = up(s.x); } else { s.y = 7; }",
    ),
    "exit ends the block": Pair("12.5", "ends(); s.x = 2;", "s.x = 1;"),
    "exit copies out": Pair("12.5", "five(s.x); s.x = 9;", "s.x = 5;"),
    "return ends the action": Pair("12.4", "stops(); s.y = 7;", "s.x = s.f ? 8w1 : 2; s.y = 7;"),
    "return ends the control": Pair("12.4", "if (s.f) { return; } s.x = 1;", "if (!s.f) { s.x = 1; }"),
    "return of a function": Pair("10", "s.x = two(s.x);", "s.x = s.x == 1 ? 8w2 : 3;"),
    "return copies out": Pair("6.8", "once(s.x);", "s.x = 1;"),
    "a slice is assigned": Pair("8.7", "s.x[3:0] = 5;", "s.x = (s.x & 0xf0) | 5;"),
    "a slice of a slice": Pair("8.7", "s.y = (bit<8>)s.x[6:1][2:1];", "s.y = (bit<8>)s.x[3:2];"),
    "labels fall through": Pair(
        "12.7", "switch (s.x) { 1: 2: { s.y = 1; } default: { s.y = 2; } }",
        "if (s.x == 1 || s.x == 2) { s.y = 1; } else { s.y = 2; }",
    ),
    "a switch without default": Pair("12.7", "switch (s.x) { 1: { s.y = 1; } }", "if (s.x == 1) { s.y = 1; }"),
    "a table without keys misses": Pair(
        "14.2", "table t { actions = { put; } const default_action = put(4); } @@ s.f = t.apply().hit;",
        "s.y = 4; s.f = false;",
    ),
    "the first entry wins": Pair(
        "14.2.1.4", table("0x10 &&& 0xf0 : put(1); 0x11 : put(2);"), "if (s.x[7:4] == 1) { s.y = 1; }"
    ),
    "entries that do not meet": Pair(
        "14.2.1.4", table("1 : put(1); 2 : put(2);"), table("2 : put(2); 1 : put(1);")
    ),
    "the key is evaluated once": Pair(
        "14.2", table("5 : put(1);", "up(s.x) : ternary @name(\"k\");"), "s.x = s.x + 1; if (s.x == 5) { s.y = 1; }"
    ),
    "push_front": Pair("8.18", "s.st.push_front(1);", "s.st[2] = s.st[1]; s.st[1] = s.st[0]; s.st[0].setInvalid();"),
    "pop_front": Pair("8.18", "s.st.pop_front(1);", "s.st[0] = s.st[1]; s.st[1] = s.st[2]; s.st[2].setInvalid();"),
    "a write beyond a stack": Pair("8.18", "s.st[s.x].a = 1;", "if (s.x < 3) { s.st[s.x].a = 1; }"),
    "one header of a union": Pair("8.20", "s.u.h.setValid(); s.f = s.u.g.isValid();", "s.u.h.setValid(); s.f = false;"),
    "an invalid header is copied": Pair(
        "8.17", "h_t t; s.h = t; s.f = s.h.isValid();",
        "s.h.setInvalid(); s.f = false;",
    ),
    "invalid headers are equal": Pair("8.17", "h_t t; s.f = s.h == t;", "s.f = !s.h.isValid();"),
    "a loop": Pair("12.8", "for (bit<8> k = 0; k < 3; k = k + 1) { s.x = s.x + k; }", "s.x = s.x + 3;"),
    "a loop over a range": Pair("12.8", "for (bit<8> k in 8w1 .. 8w3) { s.x = s.x + k; }", "s.x = s.x + 6;"),
    "break and continue": Pair(
        "12.8", "for (bit<8> k = 0; k < 9; k = k + 1) { if (k == 1) continue; if (k == 3) break; s.x = s.x + k; }",
        "s.x = s.x + 2;",
    ),
    "|+| saturates": Pair("8.6", "s.x = s.x |+| 200;", "s.x = s.x > 55 ? 8w255 : s.x + 200;"),
    "|-| saturates": Pair("8.6", "s.i = s.i |-| 100;", "s.i = s.i < -28 ? -8s128 : s.i - 100;"),
    "a shift by all bits": Pair("8.6", "s.x = s.x << s.y;", "s.x = s.y >= 8 ? 8w0 : s.x << s.y;"),
    "a signed shift by all bits": Pair("8.7", "s.i = s.i >> 8w9;", "s.i = s.i < 0 ? -8s1 : 8s0;"),
    "signs are extended": Pair("8.11", "s.w = (bit<16>)(int<16>)s.i;", "s.w = (s.i < 0 ? 8w255 : 8w0) ++ (bit<8>)s.i;"),
    "++": Pair("8.6", "s.w = s.x ++ s.y;", "s.w = ((bit<16>)s.x << 8) | (bit<16>)s.y;"),
    "/ of constants": Pair(
        "8.8", "const int k = 7; @@ s.x = (bit<8>)(k / 2); s.y = (bit<8>)(k % 2);",
        "s.x = 3; s.y = 1;",
    ),
    "fields of a list by name": Pair("8.13", "s.p = { l = s.x, k = s.y };", "p_t t; t.k = s.y; t.l = s.x; s.p = t;"),
    "a mask and a range": Pair(
        "8.15", "pk.extract(s.h); transition select(s.h.a, s.h.b) { (0x10 &&& 0xf0, _): one; default: two; }",
        "pk.extract(s.h); transition select(s.h.a) { 0x10 .. 0x1f: one; default: two; }", parser=True,
    ),
    "an extern is called once for each call": Pair(
        "8.21", "s.x = told(s.y); s.y = 1;",
        "bit<8> t = told(s.y); s.y = 1; s.x = t;",
    ),
}  # fmt: skip

DIFFERENT = {
    "copy out, left to right": Pair("6.8", "both(s.x, s.x);", "s.x = 1;"),
    "arguments, left to right": Pair(
        "6.8", "s.y = mix(up(s.x), s.x);", "bit<8> old = s.x; bit<8> t = up(s.x); s.y = mix(t, old);"
    ),
    "&& evaluates what it needs": Pair("8.6", "s.f = s.f && yes(s.x);", "bool t = yes(s.x); s.f = s.f && t;"),
    "?: evaluates one branch": Pair("8.6", "s.y = s.f ? up(s.x) : 8w7;", "bit<8> t = up(s.x); s.y = s.f ? t : 7;"),
    "exit copies out": Pair("12.5", "five(s.x);", "bit<8> t = s.x; five(t);"),
    "exit ends the block": Pair("12.5", "ends(); s.y = 2;", "s.x = 1; s.y = 2;"),
    "return ends the action alone": Pair(
        "12.4", "stops(); s.y = 7;",
        "if (s.f) { s.x = 1; } else { s.x = 2; s.y = 7; }",
    ),
    "a slice of a slice": Pair("8.7", "s.y = (bit<8>)s.x[6:1][2:1];", "s.y = (bit<8>)s.x[2:1];"),
    "labels fall through": Pair(
        "12.7", "switch (s.x) { 1: 2: { s.y = 1; } default: { s.y = 2; } }",
        "switch (s.x) { 2: { s.y = 1; } default: { s.y = 2; } }",
    ),
    "the first entry wins": Pair(
        "14.2.1.4", table("0x10 &&& 0xf0 : put(1); 0x11 : put(2);"), table("0x11 : put(2); 0x10 &&& 0xf0 : put(1);")
    ),
    "push_front": Pair("8.18", "s.st.push_front(1);", "s.st.push_front(2);"),
    "pop_front": Pair("8.18", "s.st.pop_front(1);", "s.st[0] = s.st[1]; s.st[1] = s.st[2];"),
    "one header of a union": Pair(
        "8.20", "s.u.h.setValid(); s.f = s.u.g.isValid();",
        "s.f = s.u.g.isValid(); s.u.h.setValid();",
    ),
    "an invalid header is copied": Pair("8.17", "s.st[0] = s.h;", "if (s.h.isValid()) { s.st[0] = s.h; }"),
    "a loop": Pair("12.8", "for (bit<8> k = 0; k < 3; k = k + 1) { s.x = s.x + k; }", "s.x = s.x + 6;"),
    "|+| saturates": Pair("8.6", "s.x = s.x |+| 200;", "s.x = s.x + 200;"),
    "a shift by all bits": Pair("8.6", "s.x = s.x << s.y;", "s.x = s.x << s.y[2:0];"),
    "signs are compared": Pair("8.7", "s.f = s.i < 1;", "s.f = (bit<8>)s.i < 1;"),
    "signs are extended": Pair("8.11", "s.w = (bit<16>)(int<16>)s.i;", "s.w = (bit<16>)(bit<8>)s.i;"),
    "++": Pair("8.6", "s.w = s.x ++ s.y;", "s.w = s.y ++ s.x;"),
    "a text that is logged": Pair("8.21", 'log("one", s.x);', 'log("two", s.x);'),
    "the order of calls": Pair("8.21", "s.x = told(1); s.y = told(2);", "s.y = told(2); s.x = told(1);"),
    "the first case wins": Pair(
        "8.15", "pk.extract(s.h); transition select(s.h.a) { 1 .. 5: one; 3: two; default: accept; }",
        "pk.extract(s.h); transition select(s.h.a) { 3: two; 1 .. 5: one; default: accept; }", parser=True,
    ),
    "how long a varbit is": Pair(
        "13.8.2", "pk.extract(s.v, 8); transition accept;", "pk.extract(s.v, 16); transition accept;", parser=True
    ),
}  # fmt: skip

UNDEFINED = {
    "an out parameter": Pair("6.8", "leave(s.x);", "s.x = s.x;"),
    "a local variable, read twice": Pair("8.25", "bit<8> u; s.x = u ^ u;", "s.x = 0;"),
    "a field of an invalid header": Pair("8.17", "s.h.setInvalid(); s.y = s.h.a;", "s.h.setInvalid(); s.y = 3;"),
    "a header that becomes valid": Pair(
        "8.17", "if (!s.h.isValid()) { s.h.setValid(); }",
        "if (!s.h.isValid()) { s.h.setValid(); s.h.a = 1; s.h.b = 2; }",
    ),
    "an element beyond a stack": Pair("8.18", "if (s.x > 2) { s.y = s.st[s.x].a; }", "if (s.x > 2) { s.y = s.x; }"),
}  # fmt: skip
"""The first program leaves a value open that the second one fixes."""


def checked(first: ir.Program, second: ir.Program) -> Proof:
    return check_pair(ProgramPair(first, second), Engine.within(20), time.monotonic())


@pytest.mark.parametrize("name", EQUAL)
def test_equal(name: str) -> None:
    first, second = EQUAL[name].programs()
    for one, other in ((first, second), (second, first)):
        found = checked(one, other)
        assert found.verdict == "accept", (EQUAL[name].section, found.reason)
        assert found.tally.compared


@pytest.mark.parametrize("name", DIFFERENT)
def test_different(name: str) -> None:
    first, second = DIFFERENT[name].programs()
    for one, other in ((first, second), (second, first)):
        found = checked(one, other)
        assert found.verdict == "reject", (DIFFERENT[name].section, found.reason)
        assert "only where a value is undefined" not in found.reason


@pytest.mark.parametrize("name", UNDEFINED)
def test_different_only_by_an_undefined_value(name: str) -> None:
    first, second = UNDEFINED[name].programs()
    found = checked(first, second)
    assert found.verdict == "accept", (UNDEFINED[name].section, found.reason)
    found = checked(second, first)
    assert found.verdict == "reject", (UNDEFINED[name].section, found.reason)
    assert "only where a value is undefined" in found.reason


@pytest.mark.parametrize("call", ["s.p = {{ {} }};", "fields({});"], ids=["fields", "arguments"])
def test_calls_in_another_order_than_declared_are_not_reordered(call: str) -> None:
    """What is written first is evaluated first (8.1), where the IR has them as they are declared."""

    def program(values: str) -> str:
        local = "void fields(in bit<8> k, in bit<8> l) { }"
        return TYPES + local + CONTROL.format(local="", body=call.format(values))

    load_text(program("k = up(s.x), l = up(s.x)"), "test.p4")
    load_text(program("l = 3, k = up(s.x)"), "test.p4")
    with pytest.raises(Unsupported, match="in another order than declared, with a call among them"):
        load_text(program("l = up(s.x), k = up(s.x)"), "test.p4")
    with pytest.raises(InputError, match="nowhere"):  # what is forbidden is told before what is not handled
        load_text(program("l = up(s.x), k = up(s.x)") + "const bit<8> wrong = nowhere;", "test.p4")


@pytest.mark.parametrize("call", ["s.p = {{ {} }};", "fields({});"], ids=["fields", "arguments"])
def test_calls_that_only_compute_may_stand_in_any_order(call: str) -> None:
    """Found by a test program that named a function's arguments as it pleased."""

    def program(values: str) -> str:
        local = """extern void heard(in bit<8> a); void fields(in bit<8> k, in bit<8> l) { }
        bit<8> least(in bit<8> a, in bit<8> b) { bit<8> c = b; if (a < b) { c = a; } return c; }
        bit<8> twice(in bit<8> a) { return least(a, 9) << 1; }
        bit<8> loud(in bit<8> a) { heard(a); return a; }
        bit<8> hidden(in bit<8> a) { return loud(a); }"""
        return TYPES + local + CONTROL.format(local="", body=call.format(values))

    load_text(program("l = twice(s.x), k = 1 + least(s.x, s.y)"), "test.p4")
    for changing in ("hidden(s.x)", "twice(up(s.x))", "twice(s.x)[up(s.y) +: 2] ++ 6w0"):
        with pytest.raises(Unsupported, match="in another order than declared, with a call among them"):
            load_text(program(f"l = {changing}, k = twice(s.y)"), "test.p4")
