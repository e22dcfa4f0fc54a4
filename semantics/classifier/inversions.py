"""Pairs of rows that overlap another pair which comes in one order in the first list, and in the other in the second.

Overlapping pairs may be as many as the square of the rows; inversions are found without going through them. Pairs are
taken by their masks, two masks at a time: those of the one mask lie in buckets by the bits that both masks look at, in
each bucket in the first list's order, with the least rank in the second list of all that follow.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from typing import Any, Final

from .index import Rank, Row

Pair = tuple[Row, Row]
"""Rows of one cube, one of each list."""

FEW: Final = 8
"""So many decisions are told apart within a bucket."""


class _Bucket:
    """Pairs of one decision, in the first list's order."""

    __slots__ = ("firsts", "least", "seconds")

    def __init__(self) -> None:
        self.firsts: list[Rank] = []
        self.seconds: list[Rank] = []
        self.least: list[Rank] | None = None

    def inverts(self, first: Rank, second: Rank) -> bool:
        """Whether a pair that is after ``first`` in the first list is before ``second`` in the second one."""
        at = bisect_right(self.firsts, first)
        if at == len(self.firsts):
            return False
        if self.least is None:
            least = self.seconds
            for i in range(len(least) - 2, -1, -1):
                least[i] = min(least[i], least[i + 1])
            self.least = least
        return self.least[at] < second


def inverted(pairs: Sequence[Pair], compatible: Callable[[Any, Any], bool]) -> list[Row]:
    """The first list's rows of pairs that another pair is inverted with, where their decisions may not go together.

    Rows that need not be among these may be (where there are more than a few decisions, they are not told apart).
    """
    in_order = sorted(pairs, key=lambda pair: pair[0].rank)
    by_mask: dict[int, list[Pair]] = {}
    for pair in in_order:
        by_mask.setdefault(pair[0].mask, []).append(pair)
    seconds = {mask: [second.rank for _, second in there] for mask, there in by_mask.items()}
    least, most = ({mask: end(ranks) for mask, ranks in seconds.items()} for end in (min, max))
    decisions = {second.decision for _, second in pairs}
    apart = len(decisions) <= FEW
    found: dict[int, Row] = {}
    for mask, asking in by_mask.items():
        for other, asked in by_mask.items():
            if asked[-1][0].rank <= asking[0][0].rank or least[other] >= most[mask]:
                continue  # none of these comes after one of those in the first list, or before one in the second
            buckets = _buckets(asked, mask & other, apart)
            for first, second in asking:
                for decision, bucket in buckets.get(first.value & other, {}).items():
                    if bucket.inverts(first.rank, second.rank) and not (apart and compatible(first.decision, decision)):
                        found[id(first)] = first
    return list(found.values())


def _buckets(pairs: Sequence[Pair], part: int, apart: bool) -> dict[int, dict[Hashable, _Bucket]]:
    found: dict[int, dict[Hashable, _Bucket]] = {}
    for first, second in pairs:
        here = found.get(first.value & part)
        if here is None:
            here = found[first.value & part] = {}
        decision = second.decision if apart else None
        bucket = here.get(decision)
        if bucket is None:
            bucket = here[decision] = _Bucket()
        bucket.firsts.append(first.rank)
        bucket.seconds.append(second.rank)
    return found
