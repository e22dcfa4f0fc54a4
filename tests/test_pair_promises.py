"""Externs that are annotated as pure, or as without side effects, in programs of no known architecture."""

from __future__ import annotations

import time

import pytest

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import Unsupported

TEXT = """extern Table { Table(); @noSideEffects bit<8> look(in bit<8> x); void put(in bit<8> x); }
@pure extern bit<8> pure(in bit<8> x);
@pure extern bit<8> constant();
@pure extern void pure_out(in bit<8> x, out bit<8> y);
extern bit<8> call(in bit<8> x);
struct s_t { bit<8> a; bit<8> b; bit<8> c; }
control c(inout s_t s) { Table() t; apply { BODY } }
control proto(inout s_t s);
package top(proto p);
top(c()) main;
"""


def judged(first: str, second: str, other: str = TEXT) -> Proof:
    programs = (load_text(t.replace("BODY", body), "t.p4").program for t, body in ((TEXT, first), (other, second)))
    return check_pair(ProgramPair(*programs), Engine(), time.monotonic())


EQUAL = {
    "a pure call moved": ("s.a = pure(s.c); s.b = call(1);", "s.b = call(1); s.a = pure(s.c);"),
    "a pure call made once": ("s.a = pure(s.c); s.b = pure(s.c);", "s.a = pure(s.c); s.b = s.a;"),
    "a pure call left out": ("bit<8> x = pure(s.c); s.b = 1;", "s.b = 1;"),
    "a pure result": ("bit<8> x; pure_out(s.c, x); s.b = call(x);", "bit<8> x; pure_out(s.c, x); s.b = call(x + 0);"),
    "a look left out": ("bit<8> x = t.look(s.c); s.b = call(1);", "s.b = call(1);"),
    "two looks": ("s.a = t.look(1); s.b = t.look(2);", "bit<8> x = t.look(2); s.a = t.look(1); s.b = x;"),
}  # fmt: skip
DIFFERENT = {
    "another argument": ("s.a = pure(s.c); s.b = call(1);", "s.b = call(1); s.a = pure(s.b);"),
    "a look moved over a call": ("s.a = t.look(s.c); t.put(s.c);", "t.put(s.c); s.a = t.look(s.c);"),
    "a pure call without arguments": ("if (constant() == 1) { s.a = 1; }", "if (constant() == 2) { s.a = 1; }"),
    "a call left out": ("s.a = pure(s.c); s.b = call(1);", "s.a = pure(s.c); s.b = 1;"),
    "calls beside a pure one": ("s.a = pure(1); s.b = call(1); s.c = call(2);",
                                "s.c = call(2); s.b = call(1); s.a = pure(1);"),
}  # fmt: skip


@pytest.mark.parametrize("name", EQUAL)
def test_calls_without_side_effects_may_be_moved_and_left_out(name: str) -> None:
    proof = judged(*EQUAL[name])
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert proof.tally.compared > 0


@pytest.mark.parametrize("name", DIFFERENT)
def test_what_calls_depend_on_and_change_is_still_seen(name: str) -> None:
    proof = judged(*DIFFERENT[name])
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert "interpreter of both programs" in proof.counterexample.confirmed_by


def test_both_programs_have_to_say_the_same_of_an_extern() -> None:
    with pytest.raises(Unsupported, match="extern pure is neither @pure nor @noSideEffects here, @pure in the first"):
        judged(*EQUAL["a pure call moved"], TEXT.replace("@pure extern bit<8> pure", "extern bit<8> pure"))
