"""Decisions that a context makes are taken away: what is left holds if and only if what was there does."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.decided_decisions import with_decisions_made
from p4verify.proofs.engine import Engine
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

TYPE, DST = b.var("pkt[0]", 8), b.var("pkt[1]", 8)
PARSED = b.eq(TYPE, b.bv(8, 8))
NOT_PARSED = b.or_(b.ult(TYPE, b.bv(8, 8)), b.ult(b.bv(8, 8), TYPE))


def status(query: Term) -> str:
    return Engine(20).satisfiable(query).status


def found(key: Term) -> Term:
    return b.apply("table.t.arg", b.bit_vector(8), key)


def beside(context: Term, condition: Term, *, swapped: bool = False) -> Obligation:
    """One side asks a table for ``DST``, the other one for 0 instead where ``condition`` holds (or does not)."""
    zero = b.bv(0, 8)
    key = b.ite(condition, DST, zero) if swapped else b.ite(condition, zero, DST)
    return Obligation("case", context, (unequal("port", found(DST), found(key)),), 1)


def without(obligation: Obligation) -> Obligation:
    return with_decisions_made(obligation, lambda said, c: status(b.and_(*said, c)) == "unsat")


@pytest.mark.parametrize("swapped", [False, True])
def test_what_the_context_decides_is_decided(swapped: bool) -> None:
    condition = PARSED if swapped else NOT_PARSED
    assert without(beside(PARSED, condition, swapped=swapped)).parts == ()


@pytest.mark.parametrize(
    ("context", "condition"), [(PARSED, PARSED), (b.TRUE, NOT_PARSED), (NOT_PARSED, b.ult(TYPE, b.bv(8, 8)))]
)
def test_a_difference_stays_one(context: Term, condition: Term) -> None:
    left = without(beside(context, condition))
    assert status(left.violation) == status(beside(context, condition).violation) == "sat"


def test_where_it_takes_long_nothing_more_is_asked() -> None:
    asked: list[Term] = []
    obligation = Obligation(
        "case",
        PARSED,
        tuple(
            unequal(f"port {n}", found(DST), found(b.ite(b.ult(TYPE, b.bv(n, 8)), b.bv(0, 8), DST)))
            for n in range(1, 9)
        ),
        1,
    )

    def takes_long(_said: object, condition: Term) -> None:
        asked.append(condition)

    assert with_decisions_made(obligation, takes_long) is obligation
    assert len(asked) < 8


CHOSEN = b.ite(NOT_PARSED, b.bv(0, 8), DST)
"""What code asks for that goes both ways."""


@pytest.mark.parametrize("said", [PARSED, b.not_(NOT_PARSED)])
def test_what_a_context_decides_is_decided_in_what_else_it_says(said: Term) -> None:
    context = b.and_(said, b.eq(found(CHOSEN), b.bv(7, 8)))
    left = without(Obligation("case", context, (unequal("port", found(DST), b.bv(9, 8)),), 1))
    assert CHOSEN not in b.postorder([left.context])
    assert status(b.and_(left.context, b.ne(found(DST), b.bv(7, 8)))) == "unsat"
    assert status(b.and_(context, b.not_(left.context))) == status(b.and_(left.context, b.not_(context))) == "unsat"


def test_what_a_context_says_does_not_decide_itself() -> None:
    """A small number says that there was nothing to parse, where others are large: it has to be said still."""
    condition = b.ult(TYPE, b.bv(8, 8))
    context = b.and_(b.ult(b.bv(9, 8), DST), b.ult(b.ite(condition, b.bv(0, 8), DST), b.bv(5, 8)))
    left = without(Obligation("case", context, (unequal("port", TYPE, b.bv(9, 8)),), 1))
    assert status(b.and_(left.context, b.not_(condition))) == "unsat"


SMALL = b.var("pkt[2]", 2), b.var("pkt[3]", 2)
CONDITIONS = st.builds(
    lambda ask, x, y: ask(x, y),
    st.sampled_from([b.eq, b.ne, b.ult]),
    st.sampled_from(SMALL),
    st.sampled_from([*SMALL, *(b.bv(n, 2) for n in range(4))]),
)
NUMBERS = st.recursive(
    st.sampled_from([*SMALL, b.bv(1, 2), b.bv(2, 2)]),
    lambda inner: st.one_of(st.builds(b.ite, CONDITIONS, inner, inner), st.builds(b.add, inner, inner)),
    max_leaves=5,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(CONDITIONS, max_size=2), NUMBERS, NUMBERS, st.tuples(NUMBERS, NUMBERS))
def test_what_fails_is_what_failed(said: list[Term], x: Term, y: Term, more: tuple[Term, Term]) -> None:
    inputs = [{v.name: n for v, n in zip(SMALL, each, strict=True)} for each in product(range(4), repeat=2)]

    def never(about: object, condition: Term) -> bool:
        query = b.and_(*about, condition)  # type: ignore[misc]
        return not any(b.evaluate([query], one)[0] for one in inputs)

    context = b.and_(*said, b.ne(*more))
    before = Obligation("case", context, (unequal("a", x, y), unequal("b", y, more[0])), 1)
    after = with_decisions_made(before, never)
    for one in inputs:
        assert b.evaluate([before.violation], one) == b.evaluate([after.violation], one)
