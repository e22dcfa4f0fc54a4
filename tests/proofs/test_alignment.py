"""Candidates for undefined values, from what stands on the other side."""

from __future__ import annotations

from p4verify.proofs.alignment import aligned, instances
from p4verify.semantics import bits as b

X, Y = b.var("any.0", 8), b.var("any.1", 8)
A, C = b.var("in.a", 8), b.var("impl.any.0", 8)
WHEN = b.var("in.when", 0)
WANTED = frozenset((X, Y))


def test_a_choice_takes_what_stands_beside_it() -> None:
    assert aligned([(b.ite(WHEN, A, X), b.ite(WHEN, A, C))], WANTED)[X][0] is C


def test_below_a_condition_of_one_side_the_whole_other_side_is_a_candidate() -> None:
    assert aligned([(b.ite(WHEN, A, X), C)], WANTED) == {X: [C]}


def test_functions_are_compared_argument_by_argument() -> None:
    assert aligned([(b.apply("f", 8, A, X), b.apply("f", 8, A, C))], WANTED) == {X: [C]}


def test_no_candidate_mentions_another_choice() -> None:
    assert aligned([(X, b.add(Y, A))], WANTED) == {}


def test_an_equality_may_hold_or_not() -> None:
    assert aligned([(b.eq(X, A), WHEN)], WANTED) == {X: [A, b.bnot(A)]}


def test_instances_take_first_options_first() -> None:
    one, two, other = b.bv(1, 8), b.bv(2, 8), b.bv(0, 8)
    made = instances({X: [one, two], Y: [other]}, (X, Y))
    assert [(i[X], i[Y]) for i in made] == [(one, other), (two, other)]


def test_parts_of_a_key_meet_the_bits_beside_them_wherever_the_other_side_has_its_cuts() -> None:
    wide = b.var("any.2", 16)
    bytes_ = [b.var(f"pkt[{i}]", 8) for i in range(4)]
    mine, theirs = b.concat(X, wide, Y), b.concat(*bytes_)
    found = aligned([(b.apply("f", 8, mine), b.apply("f", 8, theirs))], frozenset((X, wide, Y)))
    assert found == {X: [bytes_[0]], wide: [b.concat(*bytes_[1:3])], Y: [bytes_[3]]}


def test_a_choice_is_what_is_in_one_cell_and_not_a_decision_between_cells() -> None:
    here = b.eq(b.var("at.r", 8), C)
    assert aligned([(X, b.ite(here, C, A))], WANTED) == {X: [C, A]}
