"""Choices made in the other side's order: on single bits all inputs and all choices are gone through."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from p4verify.proofs import made_in_order, with_choices
from p4verify.proofs.compare import Obligation, unequal
from p4verify.proofs.deciding import Search
from p4verify.proofs.difference import Difference
from p4verify.proofs.engine import Engine, Model
from p4verify.proofs.ordering import by_parts, in_order
from p4verify.proofs.with_choices import WithChoices
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term

X, CELL = b.var("in.x", 1), b.var("at.cell", 1)
CHOICES = tuple(b.var(f"any.{i}", 1) for i in range(3))
OTHERS = tuple(b.var(f"impl.any.{i}", 1) for i in range(2))


def numbers(leaves: Sequence[Term]) -> st.SearchStrategy[Term]:
    def deeper(inner: st.SearchStrategy[Term]) -> st.SearchStrategy[Term]:
        return st.one_of(
            st.builds(lambda f, x, y: f(x, y), st.sampled_from([b.bxor, b.band]), inner, inner),
            st.builds(lambda c, x, y: b.ite(b.eq(c, b.bv(0, 1)), x, y), st.one_of(st.just(CELL), inner), inner, inner),
        )

    return st.recursive(st.sampled_from([*leaves, b.bv(0, 1), b.bv(1, 1)]), deeper, max_leaves=4)


MINE, THEIRS = numbers([X, *CHOICES]), numbers([X, *OTHERS])


def holds(obligation: Obligation) -> bool:
    """For all inputs and choices of the other side some choices do, in both cells."""
    return all(
        any(
            not any(b.evaluate([obligation.violation], {**given_, **chosen, CELL.name: cell})[0] for cell in (0, 1))
            for chosen in values(CHOICES)
        )
        for given_ in values((X, *OTHERS))
    )


def values(variables: Sequence[Term]) -> list[dict[str, int]]:
    return [
        {v.name: n for v, n in zip(variables, each, strict=True)} for each in product((0, 1), repeat=len(variables))
    ]


def compared(*pairs: tuple[Term, Term], context: Term = b.TRUE) -> Obligation:
    parts = (unequal("part", x, y) for x, y in pairs)
    return Obligation("test", context, tuple(p for p in parts if p.differ is not b.FALSE))


def check(obligation: Obligation) -> Difference | str | None:
    return Search(Engine(timeout=20), frozenset(CHOICES), b.TRUE, [obligation], (0, 0, 0)).check(obligation)


@pytest.fixture(autouse=True)
def _any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(with_choices, "LARGE", 0)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(MINE, THEIRS), min_size=1, max_size=3))
def test_what_is_said_holds(pairs: list[tuple[Term, Term]]) -> None:
    obligation = compared(*pairs)
    found = check(obligation)
    if found is None:
        assert holds(obligation)
    elif isinstance(found, Difference):
        assert not holds(obligation)


@pytest.mark.parametrize("quick", [2.0, 1e-9])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    pairs=st.lists(st.tuples(MINE, THEIRS), min_size=1, max_size=3),
    context=st.sampled_from([b.TRUE, b.eq(X, b.bv(1, 1))]),
)
def test_what_is_said_holds_where_parts_take_long(
    monkeypatch: pytest.MonkeyPatch, quick: float, pairs: list[tuple[Term, Term]], context: Term
) -> None:
    """Decisions are merged, and what takes long even so is asked together."""
    monkeypatch.setattr(made_in_order, "MOST_SLOW", -1)
    monkeypatch.setattr(made_in_order, "QUICK_SECONDS", quick)
    obligation = compared(*pairs, context=context)
    found = check(obligation)
    if found is None:
        assert holds(obligation)
    elif isinstance(found, Difference):
        assert not holds(obligation)


def test_parts_that_take_long_are_proven_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is answered alone in time; witnesses are not looked for."""
    monkeypatch.setattr(made_in_order, "QUICK_SECONDS", 1e-9)
    monkeypatch.setattr(WithChoices, "_freely", lambda *_: pytest.fail("choices were not settled in order"))
    x, y = b.var("in.a", 8), b.var("in.b", 8)
    product = (b.mul(b.bxor(x, y), b.bv(3, 8)), b.sub(b.mul(b.bv(3, 8), b.bor(x, y)), b.mul(b.bv(3, 8), b.band(x, y))))
    picks = [b.var(f"any.{i}", 8) for i in range(5)]
    theirs = [b.var(f"impl.any.{i}", 8) for i in range(5)]
    obligation = compared(*((b.band(v, product[0]), b.band(t, product[1])) for v, t in zip(picks, theirs, strict=True)))
    assert Search(Engine(timeout=20), frozenset(picks), b.TRUE, [obligation], (0, 0, 0)).check(obligation) is None


@pytest.mark.parametrize("alike", [True, False], ids=["any model", "none that is met"])
def test_a_difference_beside_what_is_undefined_is_soon_met(monkeypatch: pytest.MonkeyPatch, alike: bool) -> None:
    """Choices in order do not do; a solver may meet inputs first on which others do (where ``in.a`` is not 0)."""
    monkeypatch.setattr(WithChoices, "_freely", lambda *_: pytest.fail("choices were looked for"))
    monkeypatch.setattr(WithChoices, "_alike_too", lambda *_: "unknown")
    if not alike:
        monkeypatch.setattr(WithChoices, "_on_input", _but_the_first(WithChoices._on_input))
    x, pick, theirs = b.var("in.a", 8), b.var("any.0", 8), b.var("impl.any.0", 8)
    none = b.eq(x, b.bv(0, 8))
    told = b.ite(b.eq(theirs, b.bv(5, 8)), b.bv(0xFF, 8), b.bv(0, 8))
    parts = (b.ite(none, b.bv(1, 8), pick), b.ite(none, b.bv(2, 8), told))
    obligation = compared(parts)
    found = Search(Engine(timeout=20), frozenset((pick,)), b.TRUE, [obligation], (0, 0, 0)).check(obligation)
    assert isinstance(found, Difference)
    assert found.model.values.get("in.a", 0) == 0


def _but_the_first(told: Callable[..., Difference | None]) -> Callable[..., Difference | None]:
    """What is told of no model but those behind the first."""
    models: list[object] = []

    def later(self: WithChoices, obligation: Obligation, model: Model) -> Difference | None:
        models.append(model)
        return told(self, obligation, model) if len(models) > 1 else None

    return later


def test_a_choice_is_not_made_in_two_ways() -> None:
    """In order the first two parts hold, and with another choice the last one; but no choice does for both."""
    obligation = compared((CHOICES[0], OTHERS[0]), (CHOICES[1], OTHERS[1]), (CHOICES[0], X))
    assert not holds(obligation)
    assert isinstance(check(obligation), Difference)


def test_choices_left_over_are_made_as_what_they_stand_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reads that the other side has turned round are found without witnesses for the ones in order."""
    seen: list[int] = []
    freely = WithChoices._freely

    def counted(self: WithChoices, obligation: Obligation) -> Difference | str | None:
        seen.append(len(self.picks_in(obligation.violation)))
        return freely(self, obligation)

    monkeypatch.setattr(WithChoices, "_freely", counted)
    picks = [b.var(f"any.{i}", 8) for i in range(4)]
    theirs = [b.var(f"impl.any.{i}", 8) for i in range(4)]
    way = b.var("in.way", 0)
    turned = (b.ite(way, picks[2], picks[3]), b.ite(way, theirs[3], theirs[2]))
    obligation = compared((picks[0], theirs[0]), (b.add(picks[1], picks[0]), b.add(theirs[1], theirs[0])), turned)
    assert Search(Engine(timeout=20), frozenset(picks), b.TRUE, [obligation], (0, 0, 0)).check(obligation) is None
    assert seen == [2]


def test_choices_are_made_for_the_outputs_that_hang_on_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A source that copies what is undefined reads it in the order of the copy, what was inlined where it is used."""
    monkeypatch.setattr(WithChoices, "_freely", lambda *_: pytest.fail("choices were not settled by parts"))
    picks = [b.var(f"any.{i}", 8) for i in range(6)]
    theirs = [b.var(f"impl.any.{i}", 8) for i in range(7)]
    ways = [b.var(f"in.way{i}", 0) for i in range(5)]
    backwards = [(b.ite(w, picks[i], picks[5]), b.ite(w, theirs[5 - i], theirs[0])) for i, w in enumerate(ways)]
    obligation = compared(*backwards)
    assert Search(Engine(timeout=20), frozenset(picks), b.TRUE, [obligation], (0, 0, 0)).check(obligation) is None


def test_choices_are_not_looked_for_when_there_is_no_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """Witnesses of large programs take longer than what was left for them."""
    monkeypatch.setattr(with_choices, "options_of", lambda *_: pytest.fail("witnesses were looked for"))
    picks = [b.var(f"any.{i}", 16) for i in range(3)]
    x = b.var("in.a", 16)
    obligation = compared((b.mul(picks[0], picks[1]), b.add(x, x)), (picks[0], b.mul(x, x)), (picks[2], x))
    over = Engine(timeout=20, deadline=time.monotonic() - 1)
    found = Search(over, frozenset(picks), b.TRUE, [obligation], (0, 0, 0)).check(obligation)
    assert isinstance(found, str)
    assert "time limit" in found


def test_choices_for_no_part_of_the_other_side_are_made_in_order() -> None:
    mine = [b.var(f"any.{i}", 8) for i in range(4)]
    theirs = [b.var(f"impl.any.{i}", 8) for i in range(3)]
    parts = compared((mine[0], theirs[2]), (b.add(mine[1], mine[2]), theirs[0]), (mine[3], theirs[1])).parts
    assert by_parts(parts, mine, theirs) == {
        mine[0]: theirs[2],
        mine[1]: theirs[0],
        mine[2]: b.bv(0, 8),
        mine[3]: theirs[1],
    }


def test_choices_are_paired_by_sort_and_place() -> None:
    mine = [b.var(f"any.{i}", width) for i, width in ((2, 8), (10, 16), (11, 0), (12, 8))]
    theirs = [b.var(f"impl.any.{i}", width) for i, width in ((1, 8), (9, 16), (10, 8))]
    assert in_order(reversed(mine), reversed(theirs)) == {
        mine[0]: theirs[0],
        mine[1]: theirs[1],
        mine[2]: b.FALSE,
        mine[3]: theirs[2],
    }


def test_only_a_choice_made_for_a_copy_is_made_as_one_for_a_copy() -> None:
    of_all, of_one = b.var("any.1", 8), b.var("any.each.1", 8)
    other = b.var("impl.any.each.1", 8)
    assert in_order([of_all], [other]) == {of_all: b.bv(0, 8)}
    assert in_order([of_one], [other]) == {of_one: other}


def test_a_difference_in_one_part_is_found_in_that_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the other parts may choose is not gone through first."""
    asked: list[int] = []
    freely = WithChoices._freely

    def counted(self: WithChoices, obligation: Obligation) -> Difference | str | None:
        asked.append(len(obligation.parts))
        return freely(self, obligation)

    monkeypatch.setattr(WithChoices, "_freely", counted)
    monkeypatch.setattr(WithChoices, "_shown_by", lambda *_: None)
    mine, theirs = ([b.var(f"{side}any.{i}", 64) for i in range(4)] for side in ("", "impl."))
    first, second = (
        b.ite(b.eq(X, b.bv(0, 1)), choice, b.bv(value, 64)) for choice, value in ((mine[3], 1), (theirs[3], 0))
    )
    obligation = compared(*zip(mine[:3], theirs[:3], strict=True), (first, second))
    found = Search(Engine(timeout=20), frozenset(mine), b.TRUE, [obligation], (0, 0, 0)).check(obligation)
    assert isinstance(found, Difference)
    assert found.model.values["in.x"] == 1
    assert set(asked) == {1}
