"""Warnings: each where it belongs, and none where nothing is odd."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.semantics.p4.frontend import load, load_text

PRELUDE = """#include <core.p4>
header h_t { bit<8> a; bit<16> b; }
extern reg<T> { reg(bit<32> n); }
control k(inout h_t h);
package top(k c);
"""


def found(text: str) -> list[tuple[int, str]]:
    """The warnings of a program that begins with the prelude: line after it, message."""
    lines = PRELUDE.count("\n")
    return [(w.span.line - lines, w.message) for w in load_text(PRELUDE + text, "x.p4").warnings]


def in_control(body: str, locals_: str = "") -> str:
    return f"control c(inout h_t h) {{\n{locals_}\napply {{ {body} }} }}\ntop(c()) main;"


def in_parser(cases: str) -> str:
    return f"parser p(in bit<8> x) {{ state start {{ transition select(x) {{\n{cases}\n}} }} }}"


ENTRIES = "table t {{ key = {{ h.a: ternary; }} actions = {{ NoAction; }}\nentries = {{ {} }} }}"

ODD = {
    in_control("bit<8> q;"): (3, "the variable 'q' is never used"),
    in_control("const bit<8> q = 1;"): (3, "the constant 'q' is never used"),
    in_control("", "action a() { }"): (2, "the action 'a' is never used"),
    in_control("", "table t { actions = { NoAction; } }"): (2, "the table 't' is never used"),
    in_control("", "reg<bit<8>>(1) r;"): (2, "the instance 'r' is never used"),
    "action a() { }\n" + in_control(""): (1, "the action 'a' is never used"),
    "control d() { apply { } }\n" + in_control(""): (1, "the control 'd' is never used"),
    "parser d() { state start { transition accept; } }\n" + in_control(""): (1, "the parser 'd' is never used"),
    "bit<8> f() { return 1; }\n" + in_control(""): (1, "the function 'f' is never used"),
    "reg<bit<8>>(1) r;\n" + in_control(""): (1, "the instance 'r' is never used"),
    in_control("bit<8> q = 1; { bit<8> q = 2; h.a = q; } h.a = q;"): (3, "'q' hides the variable of the same name"),
    in_control("h.a = 256;"): (3, "256 does not fit bit<8>: the value is truncated"),
    in_control("h.a = 8w256;"): (3, "256 does not fit bit<8>: the value is truncated"),
    in_control("h.a = -1;"): (3, "-1 does not fit bit<8>: the value is truncated"),
    in_control("int<8> q = 200; h.a = (bit<8>)q;"): (3, "200 is outside the range of int<8>"),
    in_control("h.a = h.a << 8;"): (3, "a shift of bit<8> by 8, its width or more"),
    in_control("if (h.a >= 0) { h.a = 1; }"): (3, "this is always true: bit<8> has no negative values"),
    in_control("if (0 > h.a) { h.a = 1; }"): (3, "this is always false: bit<8> has no negative values"),
    in_parser("3 .. 1: accept;"): (2, "this range is empty: it ends before it starts"),
    in_parser("1: accept; 1: reject;"): (2, "this case has the key of one before it"),
    in_parser("1 &&& 1: accept; 1 &&& 1: reject;"): (2, "this case has the key of one before it"),
    in_parser("_: accept; 1: reject;"): (2, "no case after this one can be reached"),
    "parser p() { state start { } }": (1, "the state 'start' has no transition, so it goes to 'reject'"),
    "parser p() { state start { transition accept; } state q { transition accept; } }": (
        1,
        "the state 'q' cannot be reached from 'start'",
    ),
    in_control("t.apply();", ENTRIES.format("1: NoAction; 1: NoAction;")): (
        3,
        "this entry has the key of one before it",
    ),
    in_control("t.apply();", ENTRIES.format("priority = 2: 1: NoAction; priority = 2: 2: NoAction;")): (
        3,
        "another entry has the priority 2 too",
    ),
    in_control("t.apply();", ENTRIES.format("priority = 2: 1: NoAction; priority = 3: 2: NoAction;")): (
        3,
        "this entry comes later than one that it wins over",
    ),
    in_control("t.apply();", ENTRIES.replace("ternary", "lpm").format("priority = 2: 1: NoAction;")): (
        3,
        "a priority means nothing where all keys are exact or lpm",
    ),
    in_control("h.a = 1;\n#define A 1\n#define A 2\n"): (5, "macro 'A' is redefined"),
}


@pytest.mark.parametrize(("text", "expected"), ODD.items(), ids=[message for _, message in ODD.values()])
def test_what_is_odd(text: str, expected: tuple[int, str]) -> None:
    assert expected in found(text)


FINE = (
    in_control("bit<8> q = h.a; h.a = q;"),
    in_control("", '@noWarn("unused") action a() { }'),
    '@noWarn("unused") action a() { }\n' + in_control(""),
    "action a() { }",
    "control d() { apply { } }",
    "const bit<8> for_others = 1;\n" + in_control(""),
    in_control("h.a = 255; int<8> q = -128; h.a = (bit<8>)q;"),
    in_control("h.a = h.a << 7;"),
    in_control("int<8> q = (int<8>)h.a; if (q >= 0 && h.a > 0) { h.a = 1; }"),
    in_parser("1 .. 3: accept; 1: accept; 2: reject; 1 &&& 3: accept; 1 &&& 1: reject;"),
    in_control("t.apply();", ENTRIES.format("1: NoAction; 2: NoAction; 1 &&& 1: NoAction;")),
    in_control("t.apply();", ENTRIES.format("priority = 9: 1: NoAction; 2: NoAction; priority = 4: 3: NoAction;")),
    in_control(
        "t.apply();",
        ENTRIES.replace("entries =", '@noWarn("duplicate_priorities") entries =').format(
            "priority = 2: 1: NoAction; priority = 2: 2: NoAction;"
        ),
    ),
    in_control(
        "t.apply();",
        ENTRIES.replace("entries =", '@noWarn("entries_out_of_priority_order") entries =').format(
            "priority = 2: 1: NoAction; priority = 3: 2: NoAction;"
        ),
    ),
    in_control("\n#define A 1\n#define A 1\nh.a = A;"),
)


@pytest.mark.parametrize("text", FINE)
def test_what_is_fine(text: str) -> None:
    assert found(text) == []


@pytest.mark.corpus
def test_most_programs_of_others_are_quiet(corpus: Path) -> None:
    """Warnings that come all the time are read by nobody."""
    paths = sorted((corpus / "p4c" / "p4_16_samples").glob("*-bmv2.p4"))[:120]
    quiet = sum(not load(str(path)).warnings for path in paths)
    assert quiet >= 0.8 * len(paths)
