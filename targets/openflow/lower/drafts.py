"""Flows before they have a table, a priority and registers: what is made while the program is walked.

A :class:`Node` becomes a table. A :class:`Kept` number becomes bits of registers; what is written to it in one node is
read in later ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from ....semantics.source import NOWHERE, Span
from ...unfold.values import Bits
from ..artifact import Action, Prerequisites, Selection
from .seen import KEPT, KEPT_BITS


@dataclass(eq=False)
class Possible:
    """What a number can be; ``values`` is None if that is not known."""

    values: set[int] | None = field(default_factory=set)

    def add(self, more: Iterable[int] | None) -> None:
        """It can be these too; None: anything."""
        if more is None or self.values is None:
            self.values = None
        else:
            self.values.update(more)


@dataclass(eq=False)
class Kept:
    """A number that is kept from one table to later ones."""

    number: int
    width: int
    area: object
    """Numbers of one area are never needed at once."""
    possible: Possible = field(default_factory=Possible)

    @property
    def bits(self) -> Bits:
        """Its bits."""
        first = KEPT + (self.number << KEPT_BITS)
        return tuple(first + i for i in reversed(range(self.width)))


def kept_number(bit: int) -> tuple[int, int]:
    """Which kept number a bit belongs to, and its place there."""
    return (bit - KEPT) >> KEPT_BITS, bit & ((1 << KEPT_BITS) - 1)


@dataclass(frozen=True)
class Write:
    """Bits ``[low, low + len(value))`` of a kept number become these."""

    kept: Kept
    value: Bits
    low: int = 0


@dataclass(frozen=True)
class Copy:
    """Bits of a field become these."""

    field: str
    low: int
    value: Bits
    needs: Prerequisites


@dataclass(frozen=True)
class Out:
    """The frame leaves through the port with this number; ``back``: also where it came from."""

    port: Bits
    back: bool = True


@dataclass(frozen=True)
class Visit:
    """What another node does, then this one goes on with the frame as it was; only in a bucket."""

    node: Node


@dataclass(frozen=True)
class Copies:
    """The frame leaves several times, each time after steps of its own."""

    buckets: tuple[tuple[Step, ...], ...]


Step = Copy | Out | Visit | Copies | Action


@dataclass(frozen=True)
class Chosen:
    """The switch takes one of several lists of writes."""

    buckets: tuple[tuple[Write, ...], ...]
    weights: tuple[int, ...]
    selection: Selection


@dataclass
class Draft:
    """A flow: where ``match`` holds, and no flow of an earlier order does."""

    order: tuple[int, ...]
    match: Mapping[int, bool]
    facts: Mapping[int, bool]
    """What is known of the packets that come here, ``match`` included."""
    writes: Sequence[Write] = ()
    steps: Sequence[Step] = ()
    target: Node | None = None
    span: Span = NOWHERE
    meter: int | None = None
    """The meter that a packet has to pass first."""
    chosen: Chosen | None = None
    """What is written then, before the target goes on, one of these lists; there are no steps."""

    def every_write(self) -> Iterator[Write]:
        """The writes for all packets, then those of each list that may be taken."""
        yield from self.writes
        if self.chosen is not None:
            for bucket in self.chosen.buckets:
                yield from bucket


@dataclass(eq=False)
class Node:
    """A table."""

    label: str
    drafts: list[Draft] = field(default_factory=list)
    targets: set[Node] = field(default_factory=set)

    def add(self, draft: Draft) -> None:
        """One more flow."""
        self.drafts.append(draft)
        if draft.target is not None:
            self.targets.add(draft.target)

    def reaches(self, other: Node) -> bool:
        """Whether packets can come to the other node from here."""
        seen: set[Node] = set()
        todo = [self]
        while todo:
            node = todo.pop()
            if node is other:
                return True
            if node not in seen:
                seen.add(node)
                todo += node.targets
        return False
