"""Witnesses for undefined values: one term for each, woven from what it meets on every branch of the other side."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p4verify.proofs.witnesses import witnesses
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

X, Y = b.var("any.0", 8), b.var("any.1", 8)
A, C, D = b.var("in.a", 8), b.var("impl.any.0", 8), b.var("impl.any.1", 8)
P, Q = b.var("in.p", 0), b.var("in.q", 0)
WANTED = frozenset((X, Y))


def f(*args: Term) -> Term:
    return b.apply("f", 8, *args)


def agree(x: Term, y: Term) -> bool:
    """Whether the two are one term with the witnesses put in."""
    return b.substitute([x], witnesses([(x, y)], WANTED))[0] is y


def test_one_read_is_many_reads_on_the_branches_of_the_other_side() -> None:
    there = b.ite(P, f(A, C), b.ite(Q, f(A, D), f(A, A)))
    assert witnesses([(f(A, X), there)], WANTED) == {X: b.ite(P, C, b.ite(Q, D, A))}
    assert agree(b.ite(P, f(X, A), f(Y, A)), b.ite(P, f(C, A), f(D, A)))


def test_a_branch_that_says_nothing_is_left_to_the_next_pair() -> None:
    first = b.ite(P, f(X), f(A)), b.ite(P, f(C), f(A))
    second = b.ite(P, A, X), b.ite(P, A, D)
    assert witnesses([first, second], WANTED) == {X: b.ite(P, C, D)}
    assert witnesses([first], WANTED) == {X: C}


def test_operators_with_an_inverse_are_solved() -> None:
    for made in (b.add(X, A), b.bxor(A, X), b.bnot(X), b.sub(A, X)):
        value = witnesses([(made, C)], WANTED)[X]
        assert b.evaluate([b.substitute([made], {X: value})[0]], {"in.a": 77, C.name: 9}) == [9]
    assert witnesses([(b.add(X, Y), C)], WANTED)[X] is C


def test_a_decision_on_a_choice_goes_as_the_other_side_does() -> None:
    made = b.ite(b.eq(X, b.bv(5, 8)), b.bv(1, 8), b.bv(2, 8))
    value = witnesses([(made, C)], WANTED)[X]
    for shown in (1, 2):
        assert b.evaluate([b.substitute([made], {X: value})[0]], {C.name: shown}) == [shown]


def test_a_witness_is_what_is_in_one_cell_and_not_a_decision_between_cells() -> None:
    here = b.eq(b.var("at.r", 8), D)
    assert witnesses([(X, b.ite(here, C, A))], WANTED) == {X: C}


def test_no_witness_depends_on_the_cell_that_is_looked_at() -> None:
    at, index = b.var("at.r", 8), b.var("in.i", 8)
    before = b.apply("state.r", 8, at)
    mine = b.ite(b.eq(at, index), X, before)
    theirs = b.ite(b.eq(at, index), b.apply("state.r", 8, index), before)
    (value,) = witnesses([(mine, b.ite(b.eq(at, index), C, before))], WANTED).values()
    assert value is C
    (value,) = witnesses([(mine, before)], WANTED).values()
    assert value is b.apply("state.r", 8, index)
    assert agree(mine, theirs)


def test_no_witness_mentions_another_choice() -> None:
    assert witnesses([(X, b.add(Y, A))], WANTED) == {}


@given(st.data())
def test_a_reads_own_place_is_found_again(data: st.DataObject) -> None:
    """Whatever is read where the program reads an undefined value, in a tree of decisions that both sides share."""
    leaves = [A, C, D, b.bv(3, 8)]

    def tree(depth: int) -> tuple[Term, Term]:
        if depth == 0:
            return f(X, A), f(data.draw(st.sampled_from(leaves)), A)
        (x, y), (v, w) = tree(depth - 1), tree(depth - 1)
        condition = data.draw(st.sampled_from([P, Q, b.eq(A, C)]))
        return b.ite(condition, x, v), b.ite(condition, y, w)

    mine, theirs = tree(data.draw(st.integers(0, 3)))
    found = witnesses([(mine, theirs)], WANTED)
    there = b.substitute([mine], found)[0]
    for p, q, a, c in ((p, q, a, c) for p in (0, 1) for q in (0, 1) for a in (1, 9) for c in (1, 4)):
        values = {"in.p": p, "in.q": q, "in.a": a, C.name: c, D.name: 200}
        functions = {"f": lambda x, y: (3 * x + y) & 0xFF}
        assert b.evaluate([there], values, functions) == b.evaluate([theirs], values, functions)


@pytest.mark.long
def test_a_witness_may_be_nested_deeply() -> None:
    """Witnesses that fill each other's holes are nested far more deeply than the terms that they are woven from."""
    there = b.var("open", 8)  # as one that has a hole yet
    for i in range(50_000):
        there = b.ite(b.var(f"in.{i}", 0), b.var(f"in.n{i}", 8), there)
    found = witnesses([(X, there)], WANTED)[X]
    assert b.var("open", 8) not in b.variables(found)
    assert b.evaluate([found], {"in.n0": 7}, default=0) == [7]


def test_nothing_is_looked_for_when_there_is_no_time_left() -> None:
    pair = b.add(X, A), b.add(C, A)
    assert witnesses([pair], WANTED) == {X: C}
    assert witnesses([pair], WANTED, lambda: True) == {}
