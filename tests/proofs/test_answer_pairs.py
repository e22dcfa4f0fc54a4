"""Kinds of pairs of answers are those of the rules, not of what comes about by chance."""

from __future__ import annotations

import random

from p4verify.proofs.answer_pairs import Kinds
from p4verify.proofs.bit_links import Link
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.opened import Answered, OpenTable, Template

Pair = tuple[Answered | None, Answered]


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
