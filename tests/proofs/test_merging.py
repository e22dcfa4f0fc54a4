"""Decisions that decide nothing: on single bits all inputs are gone through."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.merging import merged
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

FLAGS = tuple(b.var(f"in.flag{i}", 0) for i in range(4))
NUMBERS = tuple(b.var(f"in.x{i}", 1) for i in range(2))
INPUTS = [
    {v.name: n for v, n in zip((*FLAGS, *NUMBERS), each, strict=True)}
    for each in product((0, 1), repeat=len(FLAGS) + len(NUMBERS))
]


def conditions() -> st.SearchStrategy[Term]:
    def deeper(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        junction = st.builds(
            lambda f, xs: f(*xs), st.sampled_from([b.and_, b.or_]), st.lists(inner, min_size=2, max_size=3)
        )
        return st.one_of(st.builds(b.not_, inner), junction)

    atoms = [*FLAGS, b.eq(NUMBERS[0], b.bv(0, 1)), b.apply("asked", 0, NUMBERS[1])]
    return st.recursive(st.sampled_from(atoms), deeper, max_leaves=5)


def decisions() -> st.SearchStrategy[Term]:
    def deeper(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        asked = st.builds(lambda x: b.apply("answer", 1, x), inner)
        return st.one_of(st.builds(b.ite, conditions(), inner, inner), asked)

    leaves = st.sampled_from([*NUMBERS, b.bv(0, 1), b.bv(1, 1)])
    return st.recursive(leaves, deeper, max_leaves=8)


def values(terms: list[Term], given_: dict[str, int], functions: int) -> list[object]:
    """The terms' values where the functions are one of four."""
    asked = {"asked": lambda x: x ^ functions & 1, "answer": lambda x: x ^ functions >> 1}
    return list(b.evaluate(terms, given_, asked))


def possible(context: Term) -> list[tuple[dict[str, int], int]]:
    return [(i, f) for i in INPUTS for f in range(4) if values([context], i, f)[0]]


def compared(context: Term, *pairs: tuple[Term, Term]) -> Obligation:
    return Obligation("test", context, tuple(unequal(str(i), x, y) for i, (x, y) in enumerate(pairs)))


@settings(max_examples=80, deadline=None)
@given(conditions(), st.lists(st.tuples(decisions(), decisions()), min_size=1, max_size=3))
def test_each_part_says_what_it_said(context: Term, pairs: list[tuple[Term, Term]]) -> None:
    inputs = possible(context)
    before = compared(context, *pairs)
    after = merged(before, lambda t: not any(values([t], i, f)[0] for i, f in inputs))
    left = {part.name: part.differ for part in after.parts}
    terms = [t for part in before.parts for t in (part.differ, left.get(part.name, b.FALSE))]
    for given_, functions in inputs:
        found = values(terms, given_, functions)
        assert found[::2] == found[1::2]


ENDED, RETURNED, LEFT_OUT, OTHER = FLAGS
X, Y = NUMBERS


def ways(exits: Term, context: Term) -> Obligation:
    """A value as a program writes it that ends early at two places, and one as it is kept beside a flag."""
    value = b.ite(LEFT_OUT, X, Y)
    early = b.ite(exits, value, b.ite(b.and_(b.not_(LEFT_OUT), RETURNED), Y, b.ite(LEFT_OUT, X, Y)))
    return compared(context, (early, b.ite(LEFT_OUT, X, Y)))


@pytest.mark.parametrize("exits", [b.and_(LEFT_OUT, ENDED), b.and_(OTHER, ENDED)])
def test_ways_that_meet_are_one(exits: Term) -> None:
    assert merged(ways(exits, b.TRUE), lambda _: False).parts == ()


def exclusive(context: Term) -> Obligation:
    """The second way is taken on its own only."""
    early = b.ite(ENDED, X, b.ite(RETURNED, Y, X))
    return compared(context, (early, b.ite(RETURNED, Y, X)))


def test_conditions_that_exclude_each_other_are_asked_for() -> None:
    asked: list[Term] = []

    def impossible(condition: Term) -> bool:
        asked.append(condition)
        return True

    assert merged(exclusive(b.TRUE), impossible).parts == ()
    assert asked == [b.and_(ENDED, RETURNED)]


def test_conditions_that_may_hold_together_keep_their_decision() -> None:
    (part,) = merged(exclusive(b.TRUE), lambda _: False).parts
    assert part.differ is exclusive(b.TRUE).parts[0].differ


def test_too_much_work_leaves_terms_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("p4verify.proofs.merging.MOST_WORK", 0)
    before = exclusive(b.TRUE)
    assert merged(before, lambda _: True) == before


def test_no_time_leaves_terms_as_they_are() -> None:
    before = exclusive(b.TRUE)
    assert merged(before, lambda _: True, stopped=lambda: True) == before
