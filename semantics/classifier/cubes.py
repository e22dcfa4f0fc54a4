"""Cubes: sets of keys that are given by some of their bits."""

from __future__ import annotations

from collections.abc import Iterator

Cube = tuple[int, int]
"""``(value, mask)``: the keys that have the bits of ``value`` where ``mask`` has ones."""


def overlap(x: Cube, y: Cube) -> bool:
    """Whether some key is in both."""
    return not (x[0] ^ y[0]) & x[1] & y[1]


def meet(x: Cube, y: Cube) -> Cube:
    """The keys in both of two cubes that overlap."""
    return x[0] | y[0], x[1] | y[1]


def part(x: Cube, low: int, width: int) -> Cube:
    """What a cube asks of a field of the keys: of ``width`` bits from ``low`` on."""
    ones = (1 << width) - 1
    return x[0] >> low & ones, x[1] >> low & ones


def subtract(x: Cube, y: Cube) -> Iterator[Cube]:
    """The keys of ``x`` that are not in ``y``, which overlaps it, as disjoint cubes (at most one for each bit of y)."""
    value, mask = x
    free = y[1] & ~mask
    while free:
        bit = 1 << (free.bit_length() - 1)
        yield value | (~y[0] & bit), mask | bit
        value |= y[0] & bit
        mask |= bit
        free ^= bit
