"""Priorities of a table's flows: of flows that match the same packet, the earlier one gets the higher number.

A flow has 16 bits of priority, so an order of more flows than that has to share them. Flows one after the other that
ask for the same bits exclude one another and share one; where that is not enough, flows that no packet is in share one
wherever they stand: a flow's level is one more than the greatest of those later flows that it overlaps (the longest
path in the order of overlaps).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Final

from ....semantics.classifier import Cube
from ...base import CannotOffload
from ..artifact import FIELDS, MAX_PRIORITY, Action, Flow, Masked
from .drafts import Draft

MOST_MASKS: Final = 256
"""Masks that flows are told apart by; those of rarer ones count as if they overlapped all others."""

Match = tuple[Masked, ...]
Line = tuple[Match, tuple[Action, ...], Draft]


def with_priorities(lines: Sequence[Line], table: int) -> Iterator[Flow]:
    """The flows of a table, whose lines are in the order in which they win.

    Raises:
        CannotOffload: more of them overlap one another than there are priorities.
    """
    matches = [match for match, _, _ in lines]
    levels = levels_by_runs(matches)
    if max(levels, default=0) > MAX_PRIORITY:
        levels = levels_by_overlap(matches)
    highest = max(levels, default=0)
    if highest > MAX_PRIORITY:
        raise CannotOffload(f"{highest} priorities are needed in one table", lines[0][2].span)
    for (match, actions, draft), level in zip(lines, levels, strict=True):
        yield Flow(table, level, match, actions, span=draft.span)


def levels_by_runs(matches: Sequence[Match]) -> list[int]:
    """Levels from 1 on: one for all flows one after the other that ask for the same bits."""
    levels: list[int] = []
    level, before = 0, None
    for match in reversed(matches):
        masks = tuple((m.field, m.mask) for m in match)
        level += masks != before
        before = masks
        levels.append(level)
    return levels[::-1]


def levels_by_overlap(matches: Sequence[Match]) -> list[int]:
    """Levels from 1 on: each is greater than those of all later flows that match the same packet.

    A later flow of mask ``m`` overlaps one of mask ``o`` if they agree on the bits of both. So for every two masks the
    greatest level so far is kept by these bits: the time is that of the flows times the masks, however many overlap.
    """
    cubes = _cubes(matches)
    common = {mask for mask, _ in Counter(mask for _, mask in cubes).most_common(MOST_MASKS)}
    shared = {own: list(dict.fromkeys(own & mask for mask in (*common, 0))) for own in (*common, 0)}
    greatest: dict[Cube, dict[int, int]] = defaultdict(dict)
    asked = {mask: [(own & mask, greatest[own, own & mask]) for own in shared] for mask in shared}
    kept = {own: [(part, greatest[own, part]) for part in parts] for own, parts in shared.items()}
    levels: list[int] = []
    for value, mask in reversed(cubes):
        if mask not in common:
            value = mask = 0
        level = 1 + max(found.get(value & part, 0) for part, found in asked[mask])
        for part, found in kept[mask]:
            if found.get(value & part, 0) < level:
                found[value & part] = level
        levels.append(level)
    return levels[::-1]


def _cubes(matches: Sequence[Match]) -> list[Cube]:
    """The matches as bits side by side, of the fields that any of them asks for."""
    shifts: dict[str, int] = {}
    width = 0
    for name in sorted({m.field for match in matches for m in match}):
        shifts[name] = width
        width += FIELDS[name].width
    return [
        (sum(m.value << shifts[m.field] for m in match), sum(m.mask << shifts[m.field] for m in match))
        for match in matches
    ]
