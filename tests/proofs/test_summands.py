"""Summands of both sides that are the same are made one: what is left holds if and only if what was there does."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.engine import Engine
from p4verify.proofs.summands import with_summands_met
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

HIT, SURE = b.var("in.hit", 0), b.var("in.sure", 0)
OLD, NEW = ([b.var(f"pkt[{n}]", 8) for n in range(first, first + 3)] for first in (0, 3))


def status(query: Term) -> str:
    return Engine(20).satisfiable(query).status


def mine(n: int) -> Term:
    """A word that a table has set if it was hit."""
    return b.ite(HIT, b.add(NEW[n], b.bv(n, 8)), OLD[n])


def theirs(n: int) -> Term:
    """The same in other words, where ``SURE`` holds."""
    return b.ite(b.and_(b.not_(HIT), SURE), OLD[n], b.add(NEW[n], b.bv(n, 8)))


def total(words: Sequence[Term]) -> Term:
    """Their sum, with carries."""
    found = b.bv(0, 16)
    for word in words:
        found = b.add(found, b.zext(word, 16))
    return found


def sums(first: Sequence[Term], second: Sequence[Term], context: Term = b.TRUE, when: Term = b.TRUE) -> Obligation:
    return Obligation("case", context, (unequal("checksum", total(first), total(second), when),), 1)


def met(obligation: Obligation) -> Obligation:
    return with_summands_met(obligation, lambda c: status(b.and_(obligation.context, c)) == "unsat")


@pytest.mark.parametrize(("context", "when"), [(SURE, b.TRUE), (b.TRUE, SURE)])
def test_sums_of_the_same_words_are_the_same(context: Term, when: Term) -> None:
    words = range(3)
    assert met(sums([*map(mine, words)], [*map(theirs, words)], context, when)).parts == ()


def test_words_may_come_in_another_order() -> None:
    """Additions are then different terms, but of the same words: what is left is easy, and holds."""
    left = met(sums([mine(0), mine(1)], [theirs(1), theirs(0)], SURE))
    assert status(left.violation) == "unsat"
    assert HIT not in b.variables(b.substitute([left.violation], {mine(0): OLD[0], mine(1): OLD[1]})[0])


@pytest.mark.long
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([0, 1, 2]), max_size=4), st.lists(st.sampled_from([0, 1, 2]), max_size=4), st.booleans()
)
def test_what_is_left_holds_as_what_was_there(first: list[int], second: list[int], sure: bool) -> None:
    asked = sums([*map(mine, first)], [*map(theirs, second)], SURE if sure else b.TRUE)
    assert status(met(asked).violation) == status(asked.violation)


def test_where_it_takes_long_nothing_more_is_asked() -> None:
    asked: list[Term] = []
    many = [b.ite(b.ult(OLD[0], b.bv(n, 8)), NEW[0], OLD[1]) for n in range(1, 20)]
    others = [b.ite(b.ult(OLD[0], b.bv(n, 8)), NEW[1], OLD[1]) for n in range(1, 20)]
    obligation = sums(many, others)

    def takes_long(condition: Term) -> None:
        asked.append(condition)

    assert with_summands_met(obligation, takes_long).parts == obligation.parts
    assert len(asked) < 19
