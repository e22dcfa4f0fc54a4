"""Leaving hard terms out makes a query weaker, never stronger."""

from __future__ import annotations

import pytest

from p4verify.proofs.abstraction import abstracted, quotients_as_functions
from p4verify.proofs.engine import Engine
from p4verify.semantics import bits as b
from tests.support.terms import Shapes, assignments

WORDS = [b.zext(b.var(f"w{i}", 16), 32) for i in range(10)]
SUM = b.add(b.add(b.add(WORDS[0], WORDS[1]), b.add(WORDS[2], WORDS[3])), b.add(WORDS[4], WORDS[5]))


def test_an_easy_query_is_left_alone() -> None:
    assert abstracted(b.eq(b.add(WORDS[0], WORDS[1]), b.bv(7, 32))) is None


def test_a_shared_sum_goes() -> None:
    low, high = b.var("low", 32), b.var("high", 32)
    query = b.and_(b.ult(SUM, low), b.ult(low, high), b.not_(b.ult(SUM, high)))
    easier = abstracted(query)
    assert easier is not None
    assert Engine().satisfiable(easier).status == "unsat"


def test_a_query_that_needs_the_sum_is_still_answered() -> None:
    answer = Engine().satisfiable(b.ult(b.bv(6 * 0xFFFF, 32), SUM))
    assert answer.status == "unsat"
    answer = Engine().satisfiable(b.eq(SUM, b.bv(0x12345, 32)))
    assert answer.status == "sat"
    assert answer.model is not None
    assert answer.model.holds(b.eq(SUM, b.bv(0x12345, 32)))


def test_remainders_of_the_same_numbers_are_the_same() -> None:
    x, y, d = (b.var(name, 64) for name in "xyd")
    query = b.and_(b.eq(b.bxor(x, y), b.bv(0, 64)), b.ne(b.urem(x, d), b.urem(y, d)))
    easier = quotients_as_functions(query)
    assert easier is not None
    assert Engine().satisfiable(easier).status == "unsat"
    other = quotients_as_functions(b.ne(b.urem(x, d), b.urem(y, d)))
    assert other is not None
    assert Engine().satisfiable(other).status == "sat"


def test_one_division_stays() -> None:
    assert quotients_as_functions(b.ne(b.urem(b.var("x", 8), b.var("d", 8)), b.var("z", 8))) is None


@pytest.mark.parametrize("seed", range(60))
def test_what_satisfies_the_query_satisfies_the_weaker_one(seed: int) -> None:
    query = Shapes(seed=seed).term(0, 6)
    easier = abstracted(query)
    if easier is None:
        return
    free = [v for v in b.variables(easier) if v.name.startswith("hard.")]
    some = next(
        (values for values in assignments((query,), 256, seed) if b.evaluate([query], values, default=0) == [1]), None
    )
    if some is not None:
        given = b.and_(*(b.eq(v, b.literal(some[v.name], v)) for v in b.variables(easier) if v not in free))
        assert Engine().satisfiable(b.and_(given, easier)).status == "sat"
