"""States that meet: what was chosen along the ways is told in the order in which it was asked."""

from __future__ import annotations

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.targets.ebpf.meaning import join
from tests.support.terms import Shapes, assignments

FOUND = [b.var(f"found{i}", 0) for i in range(5)]
VALUES = [b.var(f"value{i}", 8) for i in range(6)]


def first_found(values: list[Term]) -> tuple[Term, Term]:
    """What a search holds that leaves as soon as something is found, where the ways meet one after the other; and the
    condition under which something was found."""
    guard, held = FOUND[0], values[0]
    for place in range(1, len(FOUND)):
        way = b.and_(*(b.not_(found) for found in FOUND[:place]), FOUND[place])
        condition, guard = join._joined(guard, way)
        held = join.choice(condition, held, values[place])
    return held, guard


@pytest.mark.parametrize("values", [VALUES, [b.bv(v, 8) for v in (0, 0, 1, 1, 0)]])
@pytest.mark.parametrize("negated", [False, True])
def test_a_search_that_leaves_where_it_finds_is_a_chain_of_questions(
    values: list[Term], negated: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = [b.not_(found) for found in FOUND] if negated else FOUND
    monkeypatch.setitem(globals(), "FOUND", asked)
    held, guard = first_found(values)
    chain = values[len(asked) - 1]
    for found, value in reversed(list(zip(asked[:-1], values, strict=False))):
        chain = b.ite(found, value, chain)
    assert held is chain
    assert guard is b.or_(*asked)


@pytest.mark.parametrize("seed", range(30))
def test_a_choice_is_that_of_its_condition(seed: int) -> None:
    shapes = Shapes(seed=seed)
    conditions = [shapes.term(0, 1) for _ in range(3)]
    x = b.ite(conditions[seed % 2], b.ite(conditions[1], VALUES[0], VALUES[1]), VALUES[2])
    condition = b.or_(*conditions[: 2 + seed % 2])
    plain, made = b.ite(condition, x, VALUES[3]), join.choice(condition, x, VALUES[3])
    for values in assignments((plain, made), 64, seed):
        was, now = b.evaluate([plain, made], values)
        assert was == now


def test_of_two_ways_with_something_in_common_either_is_what_one_of_them_says() -> None:
    p, q, r = FOUND[:3]
    _, guard = join._joined(b.or_(p, q), b.and_(b.not_(p), b.not_(q), r))
    assert guard is b.or_(p, q, r)


def test_ways_that_a_question_denies_are_asked_for_one_after_the_other() -> None:
    p, q, r, s = FOUND[:4]
    x = b.ite(b.and_(b.not_(b.or_(p, q)), b.not_(r)), VALUES[0], VALUES[1])  # what stays where neither of three is
    assert join.choice(b.or_(p, q, r, s), x, VALUES[2]) is b.ite(
        b.and_(b.not_(b.or_(p, q)), b.not_(r)), b.ite(s, VALUES[0], VALUES[2]), VALUES[1]
    )
    neither = b.and_(b.not_(p), b.not_(q))
    x = b.ite(b.or_(p, q), VALUES[0], VALUES[1])
    assert join.choice(b.or_(neither, s), x, VALUES[2]) is b.ite(b.or_(p, q), b.ite(s, VALUES[0], VALUES[2]), VALUES[1])


def test_what_two_long_guards_have_in_common_is_found_in_them() -> None:
    """A conjunction of more than 256 is a part of the next one."""
    common = b.and_(*(b.var(f"met{i}", 0) for i in range(300)))
    p, q, r = FOUND[:3]
    condition, guard = join._joined(b.and_(common, p, q), b.and_(common, b.not_(p), q))
    assert condition is p
    assert set(join._flat(guard, "and")) == {*common.args, q}
    many = [b.var(f"way{i}", 0) for i in range(300)]
    held = join.choice(b.or_(b.or_(*many), r), b.ite(many[7], VALUES[0], VALUES[1]), VALUES[2])
    assert held.args[:2] == (many[7], VALUES[0])
