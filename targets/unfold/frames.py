"""Frames as what stands one after the other: addresses, tags, type, label stack, and the rest.

IEEE 802.1Q (tags), RFC 3032 (labels).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

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
