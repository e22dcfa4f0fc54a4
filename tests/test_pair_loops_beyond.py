"""Pairs with loops that are followed no further: one turn that does the same makes them the same, whether they end."""

from __future__ import annotations

import time
from typing import Any

import pytest

from p4verify import pair_blocks
from p4verify.pairs import FEW_TURNS, ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.arch.blocks import BlockMeaning, block_meaning
from p4verify.semantics.meaning import statements
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import Unsupported

TEXT = """#include <core.p4>
extern bit<8> ask(in bit<8> v);
header h_t {{ bit<8> f; }}
struct s_t {{ bit<8> a; bit<8> b; h_t h; }}
control c(inout s_t s) {{
    {more}
    apply {{ {body} }}
}}
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""


@pytest.fixture(autouse=True)
def _few_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MAX_SURE_ITERATIONS", 10)


def judged(first: str, second: str, more: str = "", both: str = "", *, exactly: bool = False) -> Proof:
    programs = [
        load_text(TEXT.format(body=body, more=also), "test.p4").program
        for body, also in ((first, both), (second, both + more))
    ]  # fmt: skip
    return check_pair(ProgramPair(*programs, exactly=exactly), Engine(), time.monotonic())


COUNT = "bit<8> n = 1; for (bit<16> i = 3; i != 0; i = i + 2) { n = n + s.b; } s.a = n;"
ENDS = "for (bit<8> i = 0; i < 40; i = i + 1) { s.a = s.a + 3; }"
ASKS = "for (bit<8> i = 1; i != 0; i = i + 2) { s.a = ask(s.a); }"
FIELD = "for (bit<8> i = 1; i != 0; i = i + 2) { s.h.f = s.h.f + 1; }"

EQUAL = {
    "variables that are called otherwise": (
        COUNT, "bit<8> m = 1; bit<16> k; for (k = 3; k != 0; k = k + 2) { m = s.b + m; } s.a = m;", "",
    ),
    "a variable of each turn": (
        COUNT, COUNT.replace("n = n + s.b;", "bit<8> t = n; t = t + s.b; n = t;"), "",
    ),
    "an action in a table": (
        COUNT,
        "n = 1; for (bit<16> i = 3; i != 0; i = i + 2) { t.apply(); } s.a = n;",
        "bit<8> n; action more() { n = n + s.b; } table t { actions = { more; } const default_action = more; }",
    ),
    "one that ends": (ENDS, ENDS.replace("s.a + 3", "3 + s.a"), ""),
    "extern calls": (ASKS, ASKS.replace("s.a = ask(s.a);", "bit<8> t = ask(s.a); s.a = t;"), ""),
    "what a turn reads may be undefined": (FIELD, FIELD.replace("s.h.f + 1", "1 + s.h.f"), ""),
    "what is undefined in front of it": (
        "bit<8> n; for (bit<8> i = 1; i != 0; i = i + 2) { n = n + 1; } s.a = n;",
        "bit<8> n; for (bit<8> i = 1; i != 0; i = i + 2) { n = 1 + n; } s.a = n + 0;", "",
    ),
    "below a condition": (f"if (s.b == 1) {{ {COUNT} }}", f"if (s.b != 1) {{ }} else {{ {COUNT} }}", ""),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_loops_whose_turns_do_the_same_are_the_same(name: str) -> None:
    proof = judged(*EQUAL[name])
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert proof.tally.compared > 0
    assert any("is followed no further" in note for note in proof.warnings)


OPEN = "for (bit<8> i = 0; i < s.b; i = i + 1) { BODY }"
RANGE = "for (bit<8> i in s.a .. s.b) { BODY }"
ADDS = "s.h.f = s.h.f + i;"
INNER = (
    "for (bit<8> j in i .. s.b) { bit<8> t = ask(j); if (t == 7) { break; } if (t == 8) { continue; } s.a = s.a + t; }"
)
SETS = OPEN.replace("BODY", "if (s.a == 1) { t = i; } s.a = s.a + i;")
IN_RANGE = RANGE.replace("s.a ..", "0 ..").replace("BODY", "if (s.a == 1) { t = i; }")
STARTS = {
    "a loop with an open bound": (OPEN.replace("BODY", "s.a = s.a + i;"), OPEN.replace("BODY", "s.a = i + s.a;")),
    "a range": (RANGE.replace("BODY", ADDS), RANGE.replace("BODY", "bit<8> t = i; s.h.f = t + s.h.f;")),
    "a loop in a loop, with ways out": (
        OPEN.replace("BODY", INNER), OPEN.replace("BODY", INNER.replace("s.a + t", "t + s.a")),
    ),
    "a variable that is not used behind it": (
        f"bit<8> t = 5; {SETS} t = 2; s.h.f = t;", f"bit<8> t; {SETS} t = 2; s.h.f = t;",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STARTS)
def test_loops_of_which_it_is_open_how_often_they_go_round_are_not_followed(name: str) -> None:
    proof = judged(*STARTS[name])
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert any("one turn of it does the same" in note for note in proof.warnings)
    assert not any("no packet goes through" in text for text in proof.assumptions)


OTHERWISE = {
    "another turn": (OPEN.replace("BODY", "s.a = s.a + i;"), OPEN.replace("BODY", "s.a = s.a + i + 1;")),
    "another bound": (RANGE.replace("BODY", ADDS), RANGE.replace("BODY", ADDS).replace(".. s.b", ".. s.b + 1")),
    "another sign": (
        RANGE.replace("BODY", ADDS), RANGE.replace("s.a .. s.b", "((int<8>) s.a) .. ((int<8>) s.b)")
        .replace("bit<8> i", "int<8> i").replace("BODY", ADDS.replace("+ i", "+ (bit<8>) i")),
    ),
    "a break where the other goes on": (
        OPEN.replace("BODY", "if (i == 3) { break; } s.a = s.a + i;"),
        OPEN.replace("BODY", "if (i == 3) { continue; } s.a = s.a + i;"),
    ),
    "a break behind a statement": (
        OPEN.replace("BODY", "s.a = s.a + i; if (i == 3) { break; }"),
        OPEN.replace("BODY", "if (i == 3) { break; } s.a = s.a + i;"),
    ),
    "a variable that no turn may have set": (
        f"bit<8> t = 5; {SETS} s.h.setValid(); s.h.f = t;", f"bit<8> t = 6; {SETS} s.h.setValid(); s.h.f = t;",
    ),
    "another bound, of a range that has something in it": (
        RANGE.replace("s.a ..", "0 ..").replace("BODY", "s.a = s.a + i;"),
        RANGE.replace("s.a .. s.b", "0 .. (s.b | 1)").replace("BODY", "s.a = s.a + i;"),
    ),
    "a break in a range": (
        RANGE.replace("BODY", "s.a = s.a + i; if (i == 3) { break; }"), RANGE.replace("BODY", "s.a = s.a + i;"),
    ),
    "what a turn leaves": (
        "bit<8> t = 5; " + OPEN.replace("BODY", "t = i;") + " s.a = t;",
        "bit<8> t = 5; " + OPEN.replace("BODY", "t = i ^ 1;") + " s.a = t;",
    ),
    "what need not be defined, not used": (
        f"bit<8> t; {SETS} s.h.setValid(); s.h.f = t;", f"bit<8> t; {SETS} s.h.setValid(); s.h.f = 9;",
    ),
    "what need not be defined, though there are turns": (
        f"bit<8> t = 0; {IN_RANGE} s.a = t;", f"bit<8> t; {IN_RANGE} s.a = t;",
    ),
    "one that is not defined": (
        "bit<8> t = 5; " + OPEN.replace("BODY", "t = i;") + " s.a = t;",
        "bit<8> t; " + OPEN.replace("BODY", "t = i;") + " s.a = t;",
    ),
    "what comes behind it": (
        OPEN.replace("BODY", "s.a = s.a + i;"), OPEN.replace("BODY", "s.a = s.a + i;") + " s.a = s.a + 1;",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERWISE)
def test_differences_of_such_loops_are_shown_by_following_them(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(statements, "MAX_ITERATIONS", 8)
    proof = judged(*OTHERWISE[name])
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None


def test_a_difference_behind_few_turns_is_seen_without_following_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nested loops of a byte each have 65,536 turns."""
    followed: list[int | None] = []

    def meaning(*given: Any, turns: int | None, **named: Any) -> BlockMeaning:
        followed.append(turns)
        return block_meaning(*given, turns=turns, **named)

    monkeypatch.setattr(pair_blocks, "block_meaning", meaning)
    loops = "for (bit<8> i in 0 .. s.a) { for (bit<8> j in 0 .. s.b) { s.h.f = ask(j); } }"
    proof = judged(loops, loops.replace("ask(j)", "(bit<8>) (bit<7>) ask(j)"))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert set(followed) == {FEW_TURNS}


def test_a_parameter_that_a_loop_may_leave_undefined_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "MAX_ITERATIONS", 8)
    both = "action get(out bit<8> r) { for (bit<8> i = 0; i < s.b; i = i + 1) { if (i == 3) { r = i; } } }"
    proof = judged("get(s.a);", "get(s.a); s.h.f = s.h.f;", both=both)
    assert proof.verdict is Verdict.ACCEPT, proof.reason


FOR_EVER = "bit<8> n = 0; for (bit<16> i = 3; i != 0; i = i + 2) { n = n + 1; }"

NOT_KNOWN = {
    "another turn": (COUNT, COUNT.replace("n + s.b", "n + s.b + 1")),
    "a turn that is another one later": (
        COUNT.replace("n + s.b;", "n + (i > 99 ? s.b : 8w1);"),
        COUNT.replace("n + s.b;", "n + (i > 99 ? s.b + 1 : 8w1);"),
    ),
    "another condition": (COUNT, COUNT.replace("i != 0", "i != 2")),
    "another start": (COUNT, COUNT.replace("n = 1", "n = 2")),
    "its result used otherwise": (COUNT, COUNT.replace("s.a = n", "s.a = n + 1")),
    "a loop that only one has": (COUNT, "s.a = 1;"),
    "one that runs for ever on other inputs": (
        f"if (s.a == 1) {{ {FOR_EVER} }} s.a = 1;",
        f"if (s.a == 2) {{ {FOR_EVER} }} s.a = 1;",
    ),
    "a variable that need not be defined": (
        "bit<8> n; for (bit<8> i = 1; i != 0; i = i + 2) { if (s.b == 1) { n = n + 1; } } s.a = n;",
        "bit<8> n; for (bit<8> i = 1; i != 0; i = i + 2) { if (s.b == 1) { n = 1 + n; } } s.a = n;",
    ),
}


@pytest.mark.parametrize("name", NOT_KNOWN)
def test_nothing_is_said_of_loops_that_are_not_known_to_be_the_same(name: str) -> None:
    with pytest.raises(Unsupported, match="a loop that does not end"):
        judged(*NOT_KNOWN[name])


def test_exactly_asks_for_turns_without_undefined_values() -> None:
    later = FIELD.replace("s.h.f = s.h.f + 1", "s.a = s.a + (i > 99 ? s.h.f : 8w1)")
    assert judged(later, later + "s.b = s.b + 0;").verdict is Verdict.ACCEPT
    with pytest.raises(Unsupported, match="a loop that does not end"):
        judged(later, later + "s.b = s.b + 0;", exactly=True)
    assert judged(*EQUAL["extern calls"], exactly=True).verdict is Verdict.ACCEPT


def test_turns_that_ask_rules_are_not_compared() -> None:
    table = "action set(bit<8> v) { s.a = v; } table t { key = { s.a : exact; } actions = { set; } }"
    body = "for (bit<8> i = 1; i != 0; i = i + 2) { t.apply(); s.b = s.b + SUM; }"
    with pytest.raises(Unsupported, match="a loop that does not end"):
        judged(body.replace("SUM", "s.a + 1"), body.replace("SUM", "1 + s.a"), both=table)


def test_a_loop_with_a_way_out_is_followed_so_far() -> None:
    out = COUNT.replace("n = n + s.b;", "n = n + s.b; if (n == 7) { exit; }")
    proof = judged(out, out.replace("n + s.b", "s.b + n"))
    assert proof.verdict is Verdict.ACCEPT
    assert any("followed only so far" in note for note in proof.warnings)
