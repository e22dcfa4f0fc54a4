"""The filters of one chain before they have numbers: those that nothing reaches go, those of a range are one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Final, Literal

from ....semantics.source import Span
from ...tc.artifact.actions import Action
from ..artifact import Key, Match, Range
from .drafts import Node
from .matches import ALL, Asked, interval

_COMPARED: Final = 300
"""Filters of a chain up to which each is compared with each."""
_PORTS: Final[tuple[Literal["dst_port", "src_port"], ...]] = ("dst_port", "src_port")
_LAST_PORT: Final = 0xFFFF


@dataclass(frozen=True)
class Does:
    """What becomes of a packet: actions, and then another node's filters, if there is a ``target``."""

    actions: tuple[Action, ...]
    target: Node | None
    span: Span = field(compare=False)


@dataclass(frozen=True)
class Line:
    """A filter of a node."""

    asked: Asked
    does: Does


def useful(lines: Sequence[Line]) -> list[Line]:
    """Ports that follow one another are ranges; without filters that an earlier one hides, and at the end those that
    do what the last one does anyway."""
    lines = [line for _, same in groupby(lines, lambda line: line.does) for line in _in_ranges(list(same))]
    kept: list[Line] = []
    there: set[Asked] = set()
    for line in lines:
        if line.asked in there or (len(lines) <= _COMPARED and any(other.asked.covers(line.asked) for other in kept)):
            continue
        there.add(line.asked)
        kept.append(line)
        if line.asked == ALL:
            break
    while len(kept) > 1 and kept[-1].asked == ALL and kept[-2].does == kept[-1].does:
        del kept[-2]
    return kept


def _in_ranges(lines: Sequence[Line]) -> Sequence[Line]:
    """Filters that stand one behind the other and do the same: their order is not seen."""
    for name in _PORTS:
        alike: dict[object, list[Line]] = {}
        for line in lines:
            asked = line.asked
            others = tuple(key for key in asked.keys if key.field != name)
            alike.setdefault((asked.protocol, asked.indev, others), []).append(line)
        if len(alike) < len(lines):
            lines = [line for group in alike.values() for line in _joined(group, name)]
    return lines


def _joined(lines: Sequence[Line], name: Literal["dst_port", "src_port"]) -> Sequence[Line]:
    """The same for filters that differ in the port only: as few of them, or as they are if these are no fewer."""
    intervals: list[tuple[int, int]] = []
    for line in lines:
        found = next((interval(key) for key in line.asked.keys if key.field == name), None)
        if found is None:
            return lines
        intervals.append(found)
    made = [key for low, high in _unions(intervals) for key in _keys(name, low, high)]
    if len(made) >= len(lines):
        return lines
    first = lines[0]
    keys = {key.field: place for place, key in enumerate(first.asked.keys)}
    place = keys[name]
    before, after = first.asked.keys[:place], first.asked.keys[place + 1 :]
    return [replace(first, asked=replace(first.asked, keys=(*before, key, *after))) for key in made]


def _unions(intervals: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """The stretches without gaps."""
    (low, high), *others = sorted(intervals)
    for first, last in others:
        if first > high + 1:
            yield low, high
            low, high = first, last
        high = max(high, last)
    yield low, high


def _keys(name: Literal["dst_port", "src_port"], low: int, high: int) -> Iterator[Key]:
    """Keys for a stretch of ports: a range of flower's begins with 1 (``fl_set_key_port_range``)."""
    free = high - low
    if free & (free + 1) == 0 and not low & free:
        yield Match(name, low, _LAST_PORT & ~free)
        return
    if low == 0:
        yield Match(name, 0, _LAST_PORT)
        low = 1
    yield Range(name, low, high) if low < high else Match(name, low, _LAST_PORT)
