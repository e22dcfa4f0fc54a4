"""Flows of one priority that match the same packet: which of them wins is not defined (OpenFlow 1.5.1, 5.3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from ....semantics.classifier import Cube, Row, TupleSpace
from ..artifact import FIELDS, Flow

_PLACES: Final = {name: 128 * i for i, name in enumerate(FIELDS)}

Rivals = tuple[Flow, ...]
"""Flows of which any that matches may be found: one alone, or several of one priority."""


def rivals(flows: Sequence[Flow]) -> list[Rivals]:
    """Flows in the order in which they win, those together that overlap at one priority and do different things."""
    by_priority: dict[int, list[Flow]] = defaultdict(list)
    for flow in flows:
        by_priority[flow.priority].append(flow)
    found: list[Rivals] = []
    for priority in sorted(by_priority, reverse=True):
        same = by_priority[priority]
        lead = list(range(len(same)))
        for one, other in _overlaps(same):
            lead[_root(lead, other)] = _root(lead, one)
        members: dict[int, list[Flow]] = defaultdict(list)
        for number, flow in enumerate(same):
            members[_root(lead, number)].append(flow)
        found += [tuple(several) for several in members.values()]
    return found


def _root(lead: list[int], number: int) -> int:
    while lead[number] != number:
        lead[number] = number = lead[lead[number]]
    return number


def _overlaps(same: Sequence[Flow]) -> Iterator[tuple[int, int]]:
    """Pairs of flows of one priority: a flow is looked for among those of other masks that it overlaps."""
    if len({tuple((m.field, m.mask) for m in flow.match) for flow in same}) == 1:
        return  # flows with the same masks overlap only if they are the same
    seen = TupleSpace()
    for number, flow in enumerate(same):
        cube = _cube(flow)
        for other in seen.overlapping(cube):
            if flow.actions != same[other.origin].actions:
                yield other.origin, number
        seen.add(Row(*cube, None, number, number))


def _cube(flow: Flow) -> Cube:
    """Every field at a place of its own."""
    value = mask = 0
    for m in flow.match:
        value |= m.value << _PLACES[m.field]
        mask |= m.mask << _PLACES[m.field]
    return value, mask
