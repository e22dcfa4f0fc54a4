"""Kinds of pairs of answers are those of the rules, not of what comes about by chance."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify.proofs.answer_pairs import FEW, Kind, Kinds
from p4verify.proofs.bit_links import Link
from p4verify.proofs.plain_keys import Space
from p4verify.scale.compared import Compared
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import CHOICE
from p4verify.semantics.meaning.opened import Answered, OpenTable, Template
from tests.support.open_sides import open_table

Pair = tuple[Answered | None, Answered]


def functions(name: str, widths: tuple[int, ...]) -> OpenTable:
    """A table whose one action has numbers of these widths, each a function of the key."""

    def parameters(key: Term, number: int) -> tuple[Term, ...]:
        return tuple(b.apply(_name(name, i, width), width, key) for i, width in enumerate(widths))

    return OpenTable(name, 8, [Template("send", widths)], [], lambda key, number: b.TRUE, parameters)


@given(st.data())
def test_numbers_are_what_a_kind_says_of_them_where_it_holds(data: st.DataObject) -> None:
    widths = data.draw(st.tuples(*[st.lists(st.integers(1, 9), min_size=1, max_size=3)] * 2))
    tables = functions("first", tuple(widths[0])), functions("second", tuple(widths[1]))
    ones = [sum(each) for each in widths]
    row = st.tuples(*(st.integers(0, (1 << total) - 1) for total in ones))
    rows = data.draw(st.lists(row, min_size=1, max_size=4))
    pairs: list[Pair] = [((0, _apart(x, widths[0])), (0, _apart(y, widths[1]))) for x, y in rows]
    kinds = Kinds(*tables)
    kinds.learn(pairs)
    keys = b.var("k", 8), b.var("l", 8)
    for mine, theirs in pairs:
        kind = kinds.kind(mine, theirs)
        answered = ("first", mine[1] if mine else (), widths[0]), ("second", theirs[1], widths[1])
        given_ = {
            _name(name, i, width): _always(n)
            for name, numbers, each in answered
            for i, (n, width) in enumerate(zip(numbers, each, strict=True))
        }
        assert b.evaluate([kinds.condition(kind, *keys)], {"k": 1, "l": 2}, given_) == [1]
        for number, said in kinds.linked(kind, *keys).items():
            first, second = b.evaluate([number, said], {"k": 1, "l": 2}, given_)
            assert first == second
        unlinked = [said for said in kinds.linked(kind, *keys).values() if said in tables[1].parameters(keys[1], 0)]
        assert len(unlinked) < len(widths[1]) or not kind.links


def _name(table: str, place: int, width: int) -> str:
    return f"{table}.{place}.{width}"


def _apart(number: int, widths: Sequence[int]) -> tuple[int, ...]:
    return tuple(number >> sum(widths[:i]) & ((1 << width) - 1) for i, width in enumerate(widths))


def _always(number: int) -> Callable[[int], int]:
    return lambda _key: number


def table(name: str) -> OpenTable:
    """A table whose one action has a number of 16 bits."""
    return OpenTable(name, 8, [Template("send", (16,))], [], lambda key, number: b.TRUE, lambda key, number: ())


def right_pairs(count: int) -> list[Pair]:
    """The same number on both sides."""
    return [((0, (number * 977 % 65536,)), (0, (number * 977 % 65536,))) for number in range(count)]


def test_many_pairs_by_chance_do_not_hide_how_numbers_hang_together() -> None:
    chance = random.Random(1)
    right = right_pairs(64)
    wrong = [(first, second) for first, _ in right for _, second in chance.sample(right, 8) if first != second]
    assert len(wrong) > 4 * len(right)  # all different
    kinds = Kinds(table("first"), table("second"))
    kinds.learn([*right * 20, *wrong])
    assert kinds.kind(*right[3]).links == {Link(0, 16, 0)}
    assert kinds.kind(*wrong[0]) != kinds.kind(*right[3])
    assert kinds.often[kinds.kind(*right[3])] == 20 * len(right)


def test_numbers_that_are_free_are_not_taken_for_constants() -> None:
    free: list[Pair] = [((0, (7,)), (0, (number * 977 % 65536,))) for number in range(100)]
    kinds = Kinds(table("first"), table("second"))
    kinds.learn(free)
    assert len(kinds.often) == 1
    assert not kinds.kind(*free[5]).links


PAIRS = st.lists(
    st.tuples(st.sampled_from((3, 3, 5)), st.integers(0, 7), st.sampled_from((3, 4))), min_size=1, max_size=6
)


@given(PAIRS, PAIRS)
@settings(max_examples=40, deadline=None)
def test_the_kind_of_a_pair_holds_of_it(learned: list[tuple[int, int, int]], more: list[tuple[int, int, int]]) -> None:
    """Of those that kinds were learned from, and of others, whose numbers may be none of theirs."""
    first = open_table("p", 3, [Template("to", (3, 3))], [], 0)
    second = open_table("q", 3, [Template("send", (3,))], [], 0)
    kinds = Kinds(first, second)
    kinds.learn(((0, (x, y)), (0, (z,))) for x, y, z in learned)
    key = b.bv(0, 3)
    for x, y, z in (*learned, *more):
        said = kinds.condition(kinds.kind((0, (x, y)), (0, (z,))), key, key)
        answers = {"p.which": 0, "p.0.0": x, "p.0.1": y, "q.which": 0, "q.0.0": z}
        assert b.evaluate([said], {}, {name: lambda _, n=number: n for name, number in answers.items()}) == [1]
        if len({one[0] for one in learned}) == 1:  # a number that is always one goes into the kind
            assert kinds.kind((0, (x, y)), (0, (z,))).among >= ({(0, (x,))} if x == learned[0][0] else set())


@pytest.mark.parametrize(("count", "told"), [(3, True), (FEW, True), (FEW + 1, False)])
def test_few_numbers_that_decide_what_the_other_answers_go_into_the_kind(count: int, told: bool) -> None:
    """Numbers from 0 on lead to one answer, those from 100 on to another."""
    kinds = Kinds(open_table("p", 3, [Template("to", (16,))], [], 0),
                  open_table("q", 3, [Template("send", ()), Template("drop", ())], [], 0))  # fmt: skip
    kinds.learn(((0, (100 * at + i,)), (at, ())) for at in (0, 1) for i in range(count))
    key = b.bv(0, 3)
    kind = kinds.kind((0, (2,)), (0, ()))
    assert (kind != kinds.kind((0, (102,)), (0, ()))) == told
    said = kinds.condition(kind, key, key)
    for number in (2, 102):
        answers = {"p.which": 0, "p.0.0": number, "q.which": 0}
        holds = b.evaluate([said], {}, {name: lambda _, n=one: n for name, one in answers.items()}) == [1]
        assert holds == (number == 2 or not told)


def test_that_no_kind_is_right_says_nothing_of_what_is_chosen() -> None:
    """It would be that nobody chooses so: axioms are about tables."""
    kinds = Kinds(open_table("p", 3, [Template("to", ())], [], 0), open_table("q", 3, [Template("send", ())], [], 0))
    one = Compared(kinds, Space(), [], [], ((), ()))
    asked, chosen, key = b.var("asked", 1), b.var(f"{CHOICE}0", 1), b.bv(0, 3)
    one.facts = [(b.eq(asked, b.bv(1, 1)), key, key)]
    assert list(one.axioms(())) == [b.ne(asked, b.bv(1, 1))]
    one.facts = [(b.and_(b.eq(asked, b.bv(1, 1)), b.eq(chosen, b.bv(1, 1))), key, key)]
    assert not list(one.axioms(()))
    assert list(one.axioms([Kind(0, 0)]))


@pytest.mark.parametrize("wrong", [(9, 2), (2, 9), (9, 11)])
def test_one_row_of_hundreds_does_not_hide_how_few_numbers_hang_together(wrong: tuple[int, int]) -> None:
    kinds = Kinds(functions("first", (16,)), functions("second", (16,)))
    pairs: list[Pair] = [((0, (n,)), (0, (n,))) for n in (2, 3, 4) for _ in range(100)]
    odd: Pair = (0, (wrong[0],)), (0, (wrong[1],))
    kinds.learn([*pairs, odd])
    alike = {kinds.kind(*pair) for pair in pairs}
    assert {kind.links for kind in alike} == {frozenset({Link(0, 16, 0)})}
    assert kinds.kind(*odd).links != frozenset({Link(0, 16, 0)})
