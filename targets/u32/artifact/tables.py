"""Hash tables and what is in their buckets (``net/sched/cls_u32.c``, 6.1): in which order the filters of one bucket
are tried, and which numbers are free there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ...tc.artifact.changes import Place
from .filters import FIRST_NODE, LAST_NODE, Selector, U32Filter


@dataclass(eq=False, slots=True)
class Node:
    """A filter in its table (``struct tc_u_knode``)."""

    table: Table
    bucket: int
    node: int
    """Its number in the bucket."""
    place: Place
    """The priority by which it was added."""
    filter: U32Filter
    link: Table | None
    after: int
    """Its number in the order of insertion."""

    @property
    def selector(self) -> Selector:
        """When it matches, and how the table that it leads to is entered."""
        assert self.filter.selector is not None
        return self.filter.selector


@dataclass(eq=False, slots=True)
class Table:
    """A hash table (``struct tc_u_hnode``)."""

    number: int
    divisor: int
    place: Place
    """The priority by which it was made."""
    made: U32Filter | None
    """What made it; None: it is the root of its priority."""
    buckets: dict[int, Bucket] = field(default_factory=dict)
    """Those that are not empty."""
    linked: bool = False
    """Whether a filter has ever led to it."""

    @property
    def is_root(self) -> bool:
        """Whether it made itself, with its priority."""
        return self.made is None

    def nodes(self, bucket: int) -> tuple[Node, ...]:
        """The filters of a bucket in the order in which they are tried."""
        return self.buckets[bucket].nodes if bucket in self.buckets else ()

    def free(self, bucket: int) -> int:
        """The number of the next filter that is given none; see :meth:`Bucket.free`."""
        return self.buckets[bucket].free() if bucket in self.buckets else FIRST_NODE

    def get(self, bucket: int, number: int) -> Node | None:
        """The filter with a number."""
        return self.buckets[bucket].by_number.get(number) if bucket in self.buckets else None

    def put(self, node: Node) -> None:
        """A filter more."""
        self.buckets.setdefault(node.bucket, Bucket()).put(node)

    def remove(self, node: Node) -> None:
        """A filter less."""
        bucket = self.buckets[node.bucket]
        bucket.remove(node)
        if not bucket.nodes:
            del self.buckets[node.bucket]


class Bucket:
    """The filters of one bucket."""

    def __init__(self) -> None:
        self.by_number: dict[int, Node] = {}
        self.again: list[Node] = []
        """Those that have the last number, though others have it."""
        self._low, self._high = 1, FIRST_NODE
        """No lower number is free in either range."""
        self._sorted: tuple[Node, ...] | None = ()

    @property
    def nodes(self) -> tuple[Node, ...]:
        """In the order in which they are tried."""
        if self._sorted is None:
            self._sorted = (*(self.by_number[number] for number in sorted(self.by_number)), *self.again)
        return self._sorted

    def __iter__(self) -> Iterator[Node]:
        return iter(self.nodes)

    def __len__(self) -> int:
        return len(self.by_number) + len(self.again)

    def free(self) -> int:
        """``gen_new_kid``: the lowest free number from 0x800 on, then from 1; the last one again if there is none."""
        while self._high in self.by_number:
            self._high += 1
        if self._high <= LAST_NODE:
            return self._high
        while self._low in self.by_number:
            self._low += 1
        return min(self._low, LAST_NODE)

    def put(self, node: Node) -> None:
        """A filter more; behind the others if its number is taken, which only the last one can be."""
        self._sorted = None
        if self.by_number.setdefault(node.node, node) is not node:
            self.again.append(node)

    def remove(self, node: Node) -> None:
        """A filter less, whose number is free then."""
        self._sorted = None
        del self.by_number[node.node]
        self._high = min(self._high, max(node.node, FIRST_NODE))
        self._low = min(self._low, node.node)
