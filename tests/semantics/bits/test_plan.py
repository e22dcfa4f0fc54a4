"""Evaluating by a plan is evaluating: on random terms, arrays, functions, and with what is missing."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from tests.support.terms import Shapes, assignments


@given(st.integers(0, 1 << 32))
@settings(max_examples=150, deadline=None)
def test_a_plan_gives_what_evaluate_gives(seed: int) -> None:
    shapes = Shapes(seed)
    terms = tuple(shapes.term(width, 4) for width in (0, 3, 8, 33))
    plan = b.Plan(terms)
    for values in assignments(terms, 12, seed):
        assert plan(values) == b.evaluate(terms, values)


def test_functions_and_arrays() -> None:
    x, array = b.var("x", 8), b.array_var("a", 8, 8)
    call = b.apply("f", 8, x, b.bv(3, 8))
    stored = b.store(array, x, call)
    terms = [call, b.select(stored, b.bv(5, 8)), b.eq(stored, array), b.ite(b.eq(x, call), stored, array)]
    plan = b.Plan(terms)
    functions = {"f": lambda value, more: (value + more) % 256}
    for number in (2, 5, 200):
        values: dict[str, b.Value] = {"x": number, "a": {5: 9, -1: 1}}
        assert plan(values, functions) == b.evaluate(terms, values, functions)


def test_what_is_missing_is_an_error_or_the_default() -> None:
    x, call = b.var("x", 8), b.apply("f", 8, b.bv(1, 8))
    for term in (x, call):
        with pytest.raises(KeyError):
            b.Plan([term])({})
        assert b.Plan([term])({}, default=7) == b.evaluate([term], {}, default=7) == [7]
    assert b.Plan([])({}) == []
