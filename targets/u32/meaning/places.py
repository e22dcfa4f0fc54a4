"""Where filters stand in a chain that is left open, and what one asks that comes in later.

A filter's place is the way to it: the priority, and for each table on the way the filter that leads to the next one,
and the bucket. Ways are numbers that grow in the order in which filters are tried (``u32_classify``).

A filter that comes in may not change which loads end a priority (:mod:`.opened`): it has to need as many bytes of the
frame as its neighbour in the bucket, or, in an empty bucket, as all filters of the table do.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ....semantics.meaning.opened import NotSuitable
from ...tc.artifact.filters import MATCHALL
from ..artifact import ROOT_TABLE, U32Filter
from .asked import Asks, asked_by, bucket_of, check
from .install import Node, Table

MAX_DEPTH: Final = 7
"""Tables on a way, the priority's own counted."""
_LEVEL: Final = 24
_SELF: Final = 0xFFF
"""In place of a bucket: the filter itself, which is tried after those that it leads to."""


@dataclass(frozen=True, slots=True)
class Way:
    """A way to a table's buckets: its number so far, and the tables on it."""

    number: int
    depth: int = 0

    def to(self, node: int, bucket: int = _SELF) -> Way:
        """On to a filter, or to a bucket that it leads to."""
        return Way(self.number << _LEVEL | node << 12 | bucket, self.depth + 1)

    @property
    def order(self) -> int:
        """The place of the filter that the way ends at, among all of the chain."""
        rest = _LEVEL * (MAX_DEPTH - self.depth)
        return self.number << rest | (1 << rest) - 1


@dataclass(slots=True)
class Reached:
    """A table that filters of a priority lie in. ``link``: what leads to it (None: it is the priority's own)."""

    protocol: int
    table: Table
    way: Way
    asks: Asks
    link: Node | None = None
    ends: dict[int, list[tuple[int, int | None]]] = field(default_factory=dict)
    """By bucket: the filters' node numbers, and how many bytes each needs (None: it leads on)."""

    def note(self, bucket: int, nodes: Sequence[Node], asked: Sequence[Asks]) -> None:
        """The filters of a bucket."""
        self.ends[bucket] = [
            (node.node, asks.end if node.link is None and node.selector.terminal else None)
            for node, asks in zip(nodes, asked, strict=True)
        ]

    def bucket(self, number: int) -> tuple[Way, Asks]:
        """The way to a bucket, and what has been asked on it."""
        if self.link is None:
            return self.way, self.asks
        return self.way.to(self.link.node, number), bucket_of(self.link.selector, self.table, self.asks, number)

    def fits(self, bucket: int, node: int, end: int) -> bool:
        """Whether a filter that needs so many bytes may stand there."""
        there = self.ends.get(bucket, [])
        at = bisect_left(there, node, key=lambda one: one[0])
        near = [*there[max(0, at - 1) : at][::-1], *there[at : at + 1]]
        if near:
            known = next((one for _, one in near if one is not None), None)
            return known == end
        return {one for ends in self.ends.values() for _, one in ends} == {end}


class Places:
    """The places of one chain."""

    def __init__(self) -> None:
        self._roots: dict[int, Reached] = {}
        self._tables: dict[int, list[Reached]] = {}
        self._orders: dict[int, int] = {}

    def root(self, pref: int, reached: Reached) -> None:
        """A priority's own table."""
        self._roots[pref] = reached

    def linked(self, reached: Reached) -> None:
        """A table that a filter leads to."""
        self._tables.setdefault(reached.table.number, []).append(reached)

    def put(self, filter_: U32Filter, way: Way) -> None:
        """A filter of the chain (whose identity is its own as long as this lives)."""
        self._orders[id(filter_)] = way.order

    def order(self, filter_: U32Filter) -> int:
        """The place of a filter of the chain, or of one that comes in later. Raises NotSuitable."""
        known = self._orders.get(id(filter_))
        if known is not None:
            return known
        reached, bucket = self._place(filter_)
        return reached.bucket(bucket)[0].to(filter_.handle.node).order

    def later(self, filter_: U32Filter) -> Iterator[tuple[int, Asks]]:
        """Protocol, and what a filter asks that comes in later. Raises NotSuitable."""
        reached, bucket = self._place(filter_)
        selector = None if filter_.kind == MATCHALL else filter_.selector
        if selector is None or filter_.link or not selector.terminal or filter_.skip_sw:
            raise NotSuitable("a table, a filter that leads to one, or one of matchall")
        check(filter_, selector, leads=False)
        asks = asked_by(selector, reached.bucket(bucket)[1])
        if not reached.fits(bucket, filter_.handle.node, asks.end):
            raise NotSuitable("a filter that needs more or fewer bytes of the frame than those around it")
        yield reached.protocol, asks

    def _place(self, filter_: U32Filter) -> tuple[Reached, int]:
        """The table and the bucket that a filter comes into."""
        if filter_.ht is None or filter_.ht.table == ROOT_TABLE:
            found = [self._roots[filter_.pref]] if filter_.pref in self._roots else []
        else:
            found = self._tables.get(filter_.ht.table, [])
        if len(found) != 1 or found[0].table.number < 0:  # one of matchall's
            raise NotSuitable("no one way leads to the filter's table")
        (reached,), bucket, handle = found, 0 if filter_.ht is None else filter_.ht.bucket, filter_.handle
        if filter_.protocol not in (0, reached.protocol) or handle.table not in (0, reached.table.number):
            raise NotSuitable("the kernel does not take a filter of this protocol or number there")
        if bucket >= reached.table.divisor or handle.bucket not in (0, bucket):
            raise NotSuitable("the table has no such bucket")
        if not handle.node:
            raise NotSuitable("the filter's place is for the kernel to choose: its handle is not said")
        return reached, bucket


__all__ = ["MAX_DEPTH", "Places", "Reached", "Way"]
