"""What decides the values of terms: whatever all other questions are answered, they come to the same."""

from __future__ import annotations

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from tests.support.terms import Shapes, assignments


def asking(term: Term) -> Term:
    """A function of a variable for each variable."""
    return b.apply(f"f.{term.name}", term.sort, term)


@given(st.integers(0, 1 << 32))
@settings(max_examples=200, deadline=None)
def test_what_is_not_needed_may_be_anything(seed: int) -> None:
    shapes, rng = Shapes(seed), random.Random(seed)
    plain = [shapes.term(width, 4) for width in (0, 0, 3, 8)]
    roots = b.substitute(plain, {v: asking(v) for v in b.variables(*plain)})
    for values in assignments(roots, 6, seed):
        functions = {
            call.name: lambda number, mask=(1 << (call.width or 1)) - 1: number * 5 + 1 & mask
            for call in b.applications(*roots)
        }
        kept = {call.name for call in b.needed(roots, values, functions)}
        others = {
            name: answer if name in kept else lambda number, answer=answer: answer(number) ^ rng.getrandbits(1)
            for name, answer in functions.items()
        }
        assert b.evaluate(roots, values, others) == b.evaluate(roots, values, functions)


def test_branches_and_what_is_decided_without_them_are_left_out() -> None:
    p, x = b.var("p", 0), b.var("x", 8)
    f, g, h = (b.apply(name, 8, x) for name in "fgh")
    functions = {"f": lambda _: 0, "g": lambda _: 255, "h": lambda _: 7}

    def names(*roots: Term) -> list[str]:
        return [call.name for call in b.needed(roots, {"p": 1, "x": 3}, functions)]

    assert names(b.ite(p, f, g)) == ["f"]
    assert names(b.band(h, f)) == ["f"]
    assert names(b.bor(h, g)) == ["g"]
    assert sorted(names(b.band(h, g))) == ["g", "h"]
    assert names(b.and_(b.eq(h, b.bv(7, 8)), b.eq(f, b.bv(1, 8)))) == ["f"]
    assert sorted(names(b.add(h, f))) == ["f", "h"]
    assert names(b.eq(h, b.bv(6, 8)), b.and_(b.eq(f, b.bv(1, 8)), b.eq(h, b.bv(6, 8)))) == ["h"]
