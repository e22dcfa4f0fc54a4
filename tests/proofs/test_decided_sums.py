"""Comparisons of sums that a query decides itself are put in; what is left has the same models."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs import jobs
from p4verify.proofs.decided_sums import with_sums_decided
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from tests.proofs.solvers.test_integers import VARIABLES, header, ones_complement, status, terms

A = b.var("in.a", 8)


def decided(query: Term) -> Term:
    return with_sums_decided(query, lambda weaker: status(weaker) == "unsat", lambda: True)


def right_header() -> tuple[Term, Term, Term]:
    """Context: a header's words add up to ones; the same asked by complement; and that the sum is something else."""
    words, checksum = header()
    total = ones_complement([*words, checksum], 16)
    context = b.and_(b.eq(total, b.bv(0xFFFF, 16)), b.ne(checksum, b.bv(0xFFFF, 16)))
    return context, b.eq(b.bnot(ones_complement(words, 16)), checksum), b.eq(total, b.bv(0xFFFE, 16))


def test_what_follows_and_what_contradicts_is_put_in() -> None:
    context, follows, contradicts = right_header()
    small = b.eq(A, b.bv(7, 8))
    assert decided(b.and_(context, b.or_(small, b.not_(follows)))) is b.and_(context, small)
    assert decided(b.and_(context, b.or_(small, contradicts))) is b.and_(context, small)
    assert decided(b.and_(context, follows)) is b.and_(context, follows)  # as a conjunct it is part of what is known


def test_what_nothing_decides_stays() -> None:
    context, follows, _ = right_header()
    for known in (b.TRUE, b.conjuncts(context)[0]):  # of all ones and zeros, one is the other's sum
        query = b.and_(known, b.or_(b.eq(A, b.bv(7, 8)), b.not_(follows)))
        assert decided(query) is query


def test_what_says_it_is_not_replaced_by_what_it_says() -> None:
    _, follows, _ = right_header()
    either = b.eq(A, b.bv(7, 8))
    query = b.and_(b.or_(either, follows), b.or_(b.not_(either), follows))
    assert decided(query) is query


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(terms(), terms(), st.lists(st.integers(0, 15), min_size=3, max_size=3), st.booleans(), st.integers(0, 255))
def test_the_models_stay_the_same(first: Term, second: Term, numbers: list[int], not_: bool, number: int) -> None:
    values = {v.name: n for v, n in zip(VARIABLES, numbers, strict=True)}
    (value,) = b.evaluate([first], values)
    assert isinstance(value, int)
    one, two = b.eq(first, b.bv(value, 8)), b.eq(second, b.bv(number, 8))
    query = b.and_(one, b.or_(b.not_(two) if not_ else two, b.ult(VARIABLES[0], VARIABLES[1]), b.ult(second, first)))
    assert b.evaluate([decided(query)], values) == b.evaluate([query], values)


def test_a_model_that_needs_a_right_checksum_is_found() -> None:
    context, follows, _ = right_header()
    query = b.and_(context, b.or_(b.not_(follows), b.eq(b.var("pkt[9]", 8), A)), b.ne(A, b.bv(0, 8)))
    answer = jobs.solve(query, 60, 4096)
    assert answer.model is not None
    assert answer.model.holds(query)
    assert {v.name for v in b.variables(query)} <= set(answer.model.values)


def test_a_model_of_what_is_left_only_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    context = right_header()[0]
    monkeypatch.setattr(jobs, "with_sums_decided", lambda query, refuted, more: context)
    answer = jobs.solve(b.and_(context, b.eq(A, b.bv(7, 8))), 60, 4096, tactic="sat")
    assert (answer.status, answer.reason) == ("unknown", jobs.NO_MODEL)
