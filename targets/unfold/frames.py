"""Frames as what stands one after the other: addresses, tags, type, label stack, and the rest.

IEEE 802.1Q (tags), RFC 3032 (labels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ...semantics.source import Span
from ..base import CannotOffload
from .state import State
from .values import ZERO, Bits, known

ADDRESSES: Final = 96
TYPE: Final = 16
TAG_TYPES: Final = (0x8100, 0x88A8)
LABEL_TYPES: Final = (0x8847, 0x8848)


@dataclass(frozen=True)
class Parts:
    """A frame's beginning, in parts."""

    addresses: Bits
    tags: tuple[tuple[Bits, Bits], ...]
    """Type and TCI of each."""
    kind: Bits
    labels: tuple[Bits, ...]
    rest: Bits


def same(way: State, x: Bits, y: Bits) -> bool:
    """Whether two stretches hold the same on a way."""
    return len(x) == len(y) and all(alike(way, a, b) for a, b in zip(x, y, strict=True))


def alike(way: State, a: int, b: int) -> bool:
    """Whether two bits are the same on a way."""
    return a == b or way.cube.resolve((a,)) == way.cube.resolve((b,))


def parts(way: State, stream: Bits) -> Parts | None:
    """A stretch that begins with an Ethernet header; None if it is too short for one."""
    if len(stream) < ADDRESSES + TYPE:
        return None
    addresses, kind, left = stream[:ADDRESSES], stream[ADDRESSES : ADDRESSES + TYPE], stream[ADDRESSES + TYPE :]
    tags = []
    while known(way.cube.resolve(kind)) in TAG_TYPES and len(left) >= 32:
        tags.append((kind, left[:16]))
        kind, left = left[16:32], left[32:]
    labels = []
    bottom: int | None = ZERO
    while known(way.cube.resolve(kind)) in LABEL_TYPES and len(left) >= 32 and bottom == ZERO:
        labels.append(left[:32])
        bottom = way.cube.resolve(left[23:24])[0]
        left = left[32:]
    return Parts(addresses, tuple(tags), kind, tuple(labels), left)


class Rewrite:
    """What becomes of a frame on a way: from which parts to which, and the place that errors name.

    Raises:
        CannotOffload: one of both has no Ethernet header.
    """

    def __init__(self, way: State, old: Bits, new: Bits, span: Span) -> None:
        before, after = parts(way, old), parts(way, new)
        if before is None or after is None:
            raise CannotOffload("a frame without Ethernet header", span)
        self.way = way
        self.span = way.changed if way.changed.file else span
        self.before = before
        self.after = after

    def no(self, reason: str) -> CannotOffload:
        """The error that there are no such actions."""
        return CannotOffload(reason, self.span)

    def label_changes(self) -> tuple[list[Bits], list[Bits]]:
        """Label stack entries that go, outermost first, and those that come, innermost first."""
        old, new = list(self.before.labels), list(self.after.labels)
        while old and new and same(self.way, old[-1], new[-1]):
            del old[-1], new[-1]
        return old, new[::-1]

    def type_after(self) -> int:
        """The Ethernet type that comes out. Raises CannotOffload if it depends on the packet."""
        kind = known(self.way.cube.resolve(self.after.kind))
        if kind is None:
            raise self.no("a type that is not known before a packet comes")
        return kind
