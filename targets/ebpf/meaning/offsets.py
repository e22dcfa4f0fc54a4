"""Memory at one of several offsets: which ones there are, and the choice between what lies there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from .ranges import interval, low_bits
from .state import State
from .values import Address, possible_values

MOST: Final = 4096
"""Offsets that one access may have."""


def possible(state: State, address: Address, low: int, high: int) -> list[int] | None:
    """The offsets from ``low`` to ``high`` that the address can have; None if there may be more than :data:`MOST`."""
    if address.moved is None:
        return [address.offset] if low <= address.offset <= high else []
    values = possible_values(address.moved, state.ranges, MOST)
    if values is not None:
        found = (b.signed(value, 64) + address.offset for value in values)
        return sorted(at for at in found if low <= at <= high)
    least, most = interval(address.moved, state.ranges)
    number, bits = low_bits(address.moved)
    step = 1 << min(bits, 32)
    if most < 1 << 63:
        low, high = max(low, least + address.offset), min(high, most + address.offset)
    first = low + (address.offset + number - low) % step
    count = max(0, (high - first) // step + 1)
    return None if count > MOST else [first + step * i for i in range(count)]


def choose(moved: Term | None, rows: Sequence[tuple[int, Sequence[Term]]]) -> list[Term]:
    """The terms of the row whose number (modulo 2**64) ``moved`` is; anything if it is none of them.

    A tree of choices on the bits in which the numbers differ, so that the result is as deep as they are many bits.
    """
    if moved is None or len(rows) == 1:
        return list(rows[0][1])
    first = rows[0][1]
    if all(all(x is y for x, y in zip(first, row, strict=True)) for _, row in rows[1:]):
        return list(first)
    numbers = [number % (1 << 64) for number, _ in rows]
    bit = max(number ^ numbers[0] for number in numbers).bit_length() - 1
    upper = [row for row, number in zip(rows, numbers, strict=True) if number >> bit & 1]
    lower = [row for row, number in zip(rows, numbers, strict=True) if not number >> bit & 1]
    condition = b.to_bool(b.extract(moved, bit, bit))
    pairs = zip(choose(moved, upper), choose(moved, lower), strict=True)
    return [b.ite(condition, x, y) for x, y in pairs]
