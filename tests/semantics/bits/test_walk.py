"""Evaluation, substitution and printing: their laws, and no recursion however deep a term is."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from tests.support.terms import Shapes, assignments

DEEP = 20_000


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 1, 2, 5, 8]))
def test_evaluate_after_substitute(seed: int, width: int) -> None:
    """Evaluating a substituted term is evaluating the term where the variables have the substitutes' values."""
    shapes = Shapes(seed)
    term = shapes.term(width, 3)
    mapping = {v: shapes.term(v.width, 1) for v in b.variables(term)}
    substituted = b.substitute([term], mapping)[0]
    assert substituted.sort == term.sort
    for values in assignments((term, *mapping.values()), 16, seed):
        inner = b.evaluate(list(mapping.values()), values)
        moved = {v.name: value for v, value in zip(mapping, inner, strict=True)}
        assert b.evaluate([substituted], values) == b.evaluate([term], {**values, **moved})


@settings(deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0, 1, 3, 8]))
def test_substituting_numbers_folds_to_a_literal(seed: int, width: int) -> None:
    """Symbolic and concrete are one: with numbers for all variables nothing is left but the value."""
    term = Shapes(seed).term(width, 3)
    for values in assignments((term,), 8, seed):
        folded = b.substitute([term], {v: b.literal(values[v.name], v) for v in b.variables(term)})[0]
        assert folded.is_const
        assert [folded.value] == b.evaluate([term], values)


def test_substitution_is_simultaneous() -> None:
    x, y = b.var("x", 8), b.var("y", 8)
    swapped = b.substitute([b.add(b.mul(x, x), y)], {x: y, y: x})[0]
    assert swapped is b.add(b.mul(y, y), x)


def test_functions_are_replaced_and_evaluated() -> None:
    x = b.var("x", 8)
    term = b.apply("f", 8, b.apply("f", 8, x))
    assert b.substitute([term], {}, {"f": lambda a: b.add(a, b.bv(1, 8))})[0] is b.add(x, b.bv(2, 8))
    assert b.evaluate([term], {"x": 1}, {"f": lambda a: (a * 3) & 255}) == [9]
    with pytest.raises(KeyError, match="f"):
        b.evaluate([term], {"x": 1})
    with pytest.raises(KeyError, match="x"):
        b.evaluate([term], {}, {"f": lambda a: a})
    assert b.evaluate([term], {}, default=5) == [5]


def test_arrays() -> None:
    a, i, j = b.array_var("a", 2, 8), b.var("i", 2), b.var("j", 2)
    written = b.store(a, i, b.bv(9, 8))
    assert b.select(written, i) is b.bv(9, 8)
    assert b.select(b.const_array(2, b.bv(7, 8)), i) is b.bv(7, 8)
    assert b.select(b.store(a, b.bv(1, 2), b.bv(9, 8)), b.bv(2, 2)) is b.select(a, b.bv(2, 2))
    chosen = b.ite(b.eq(i, j), a, written)
    equal = b.eq(chosen, a)
    for index in range(4):
        values = {"a": {-1: 1, 3: 9}, "i": index, "j": 0}
        assert b.evaluate([b.select(written, j)], values) == [9 if index == 0 else 1]
        assert b.evaluate([equal], values) == [int(index in (0, 3))]


def test_arrays_are_equal_cell_by_cell() -> None:
    same = b.eq(b.array_var("a", 1, 8), b.array_var("c", 1, 8))
    assert b.evaluate([same], {"a": {0: 1, 1: 2}, "c": {-1: 2, 0: 1}}) == [1]
    assert b.evaluate([same], {"a": {0: 1, 1: 2, -1: 5}, "c": {0: 1, 1: 2, -1: 6}}) == [1]
    assert b.evaluate([same], {"a": {0: 1}, "c": {1: 1}}) == [0]
    assert b.evaluate([same], {"a": {}, "c": {-1: 1}}) == [0]


def _chain(kind: str) -> Term:
    x = b.var("x", 8)
    for i in range(DEEP):
        other = b.var(f"y{i % 5}", 8)
        match kind:
            case "ite":
                x = b.ite(b.var(f"c{i}", 0), other, x)
            case "then":
                x = b.ite(b.var(f"c{i}", 0), x, other)
            case "sum":
                x = b.add(b.bxor(x, other), b.var("z", 8))
            case "not":
                x = b.bnot(b.bxor(x, other))
            case "call":
                x = b.apply("f", 8, x)
            case "condition":
                x = b.from_bool(b.ult(x, other), 8)
    return x


@pytest.mark.long
@pytest.mark.parametrize("kind", ["ite", "then", "sum", "not", "call", "condition"])
def test_no_depth_is_too_deep(kind: str) -> None:
    term = _chain(kind)
    functions = {"f": lambda v: (v + 1) & 255}
    value = b.evaluate([term], {}, functions, default=3)[0]
    folded = b.substitute(
        [term],
        {v: b.literal(3, v) for v in b.variables(term)},
        {"f": lambda v: b.add(v, b.bv(1, 8))},
    )[0]
    assert folded is b.bv(value, 8) if isinstance(value, int) else False
    assert b.extract(term, 3, 0).width == 4
    assert b.eq(term, b.bv(77, 8)).sort is b.BOOL
    assert b.slt(term, b.var("z", 8)).sort is b.BOOL
    assert b.concat(term, term).width == 16
    assert len(b.show(term)) < 1000
    assert len(repr(term)) < 1000
    renamed = b.substitute([term], {b.var("x", 8): b.var("other", 8)})[0]
    assert b.evaluate([renamed], {}, functions, default=3) == [value]
    del term, renamed  # a chain of destructors must not overflow the C stack either


def test_evaluation_wants_every_root() -> None:
    x = b.var("x", 8)
    assert b.evaluate([x, x, b.bv(4, 8)], {"x": 2}) == [2, 2, 4]
    assert b.evaluate([], {}) == []


def test_show_is_cut_off_on_shared_terms() -> None:
    x = b.var("x", 64)
    for _ in range(200):
        x = b.mul(x, x)
    assert b.show(x).endswith("...")
    assert b.show(b.add(b.var("x", 8), b.bv(3, 8))) == "(add x 0x3[8])"


def test_order_is_arguments_first_and_each_node_once() -> None:
    random_term = Shapes(5).term(8, 4)
    order = b.postorder([random_term, random_term])
    assert len(order) == len(set(order))
    place = {t: i for i, t in enumerate(order)}
    assert all(place[a] < place[t] for t in order for a in t.args)
    assert order == b.postorder([random_term])
    assert random.Random(1).choice(order) in place


def test_leading_to_is_what_is_found_and_all_above_it() -> None:
    x, y = b.var("x", 8), b.var("y", 8)
    called = b.make("apply", (x,), x.sort, "f")
    above, beside = b.eq(b.add(called, y), b.bv(3, 8)), b.ult(x, y)
    assert b.leading_to([above, beside], lambda t: t.op == "apply") == {above, *above.args, called} - {b.bv(3, 8)}
    assert b.leading_to([beside], lambda t: t.op == "apply") == set()


def test_size_counts_nodes_as_far_as_it_is_asked_to() -> None:
    term = Shapes(5).term(8, 4)
    nodes = len(b.postorder([term]))
    assert nodes > 3
    assert [b.size([term, term], most) for most in (1, nodes, nodes + 1, nodes + 9)] == [1, nodes, nodes, nodes]
