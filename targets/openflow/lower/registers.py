"""Which registers hold the numbers that are kept, from the first table that writes one to the last that reads it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ....semantics.source import NOWHERE
from ...base import CannotOffload
from . import seen
from .drafts import Copies, Copy, Kept, Node, Out, Step, kept_number

WORD: Final = 32
_ROOM: Final = (*((f"reg{i}", 0) for i in range(16)), ("metadata", 0), ("metadata", WORD))
"""Words of 32 bits: their field and lowest bit."""

Places = Mapping[int, tuple[str, int]]
"""Bit of a kept number → field and bit there."""


@dataclass
class _Life:
    first: int
    last: int
    width: int


_Words = Mapping[tuple[str, int], list[tuple[_Life, int, int]]]
"""Word → who has which of its bits: from, to."""


def places(kept: Sequence[Kept], order: Sequence[Node]) -> Places:
    """Where every number is that is read anywhere. Raises CannotOffload if they do not fit."""
    lives = _lives(kept, order, live_numbers(order))
    words: dict[tuple[str, int], list[tuple[_Life, int, int]]] = {word: [] for word in _ROOM}
    area_place: dict[object, list[tuple[str, int]]] = {}
    for area, life in sorted(lives.items(), key=lambda item: (item[1].first, -item[1].width)):
        area_place[area] = [bit for low in range(0, life.width, WORD) for bit in _fit(words, life, low)]
    found: dict[int, tuple[str, int]] = {}
    for one in kept:
        if one.area in area_place:
            found |= dict(zip(reversed(one.bits), area_place[one.area][: one.width], strict=True))
    return found


def _fit(
    words: Mapping[tuple[str, int], list[tuple[_Life, int, int]]], life: _Life, low: int
) -> Iterator[tuple[str, int]]:
    """The first place for up to 32 bits that nobody has at the same time."""
    size = min(WORD, life.width - low)
    for (name, base), there in words.items():
        others = [(at, end) for other, at, end in there if other.first <= life.last and life.first <= other.last]
        for at in (0, *sorted(end for _, end in others)):
            if at + size <= WORD and all(at + size <= start or end <= at for start, end in others):
                there.append((life, at, at + size))
                return ((name, base + at + i) for i in range(size))
    raise CannotOffload("what is carried from table to table does not fit in the switch's registers", NOWHERE)


def _lives(kept: Sequence[Kept], order: Sequence[Node], live: set[int]) -> dict[object, _Life]:
    lives: dict[object, _Life] = {}

    def used(number: int, at: int) -> None:
        one = kept[number]
        life = lives.setdefault(one.area, _Life(at, at, one.width))
        life.first, life.last = min(life.first, at), max(life.last, at)
        life.width = max(life.width, one.width)

    for at, node in enumerate(order):
        for draft in node.drafts:
            for number in numbers(draft.match):
                used(number, at)
            for write in draft.every_write():
                if write.kept.number in live:
                    used(write.kept.number, at)
                    for number in numbers(write.value):
                        used(number, at)
            for number in read_by(draft.steps):
                used(number, at)
    return lives


def live_numbers(order: Sequence[Node]) -> set[int]:
    """The kept numbers that are read, and not only to write one that is not."""
    drafts = [draft for node in order for draft in node.drafts]
    live = {n for draft in drafts for n in (*numbers(draft.match), *read_by(draft.steps))}
    sources: dict[int, set[int]] = {}
    for draft in drafts:
        for write in draft.every_write():
            sources.setdefault(write.kept.number, set()).update(numbers(write.value))
    todo = list(live)
    while todo:
        for number in sources.get(todo.pop(), set()) - live:
            live.add(number)
            todo.append(number)
    return live


def numbers(bits: Collection[int]) -> set[int]:
    """The kept numbers that bits belong to."""
    if not bits or max(bits) < seen.KEPT:  # so it is for most entries of a large table
        return set()
    return {kept_number(bit)[0] for bit in bits if seen.is_kept(bit)}


def read_by(steps: Iterable[Step]) -> set[int]:
    """The kept numbers that steps read."""
    found: set[int] = set()
    for step in steps:
        if isinstance(step, Copy):
            found |= numbers(step.value)
        elif isinstance(step, Out):
            found |= numbers(step.port)
        elif isinstance(step, Copies):
            for bucket in step.buckets:
                found |= read_by(bucket)
    return found
