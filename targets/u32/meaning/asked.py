"""What a frame has been asked on the way to a filter: bytes, and how far they reach."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ....semantics.meaning.opened import NotSuitable
from ..artifact import Key, Selector, Table, U32Filter

LOWEST: Final = -14
"""The Ethernet header's first byte: every frame has all before the network header."""

Bytes = dict[int, tuple[int, int]]
"""Offset → value and mask."""


@dataclass(frozen=True, slots=True)
class Asks:
    """Bytes (None: no frame has them), and where the last load ends."""

    tests: Bytes | None
    end: int


def asked_by(selector: Selector, way: Asks) -> Asks:
    """What a filter asks, to which one comes by asking that."""
    end = max((key.offset + 4 for key in selector.keys), default=LOWEST)
    return Asks(_with_keys(way.tests, selector.keys), max(way.end, end))


def bucket_of(link: Selector, table: Table, way: Asks, bucket: int) -> Asks:
    """What is asked on the way into a bucket of a table; ``way``: up to the filter that leads there."""
    end = max(way.end, link.hoff + 4) if table.divisor > 1 else way.end
    bits = _bucket_bits(link, table.divisor, bucket)
    return Asks(None if bits is None else _with_keys(way.tests, (bits,) if table.divisor > 1 else ()), end)


def check(filter_: U32Filter, selector: Selector, *, leads: bool) -> None:
    """Raises NotSuitable for a filter that does more than to ask for bytes at fixed places.

    Args:
        selector: the filter's.
        leads: whether it leads to a table.
    """
    if filter_.mark is not None and filter_.mark != (0, 0):
        raise NotSuitable("matches on the mark")
    if not filter_.pref:
        raise NotSuitable("filters whose priority the kernel chooses")
    if any(key.offmask for key in selector.keys):
        raise NotSuitable("offsets that depend on the frame")
    if any(key.offset < LOWEST for key in selector.keys):
        raise NotSuitable("loads before the frame")
    if leads and (selector.has_offset or selector.var_offset or selector.eat):
        raise NotSuitable("tables that begin elsewhere in the frame")


def _with_keys(tests: Bytes | None, keys: Sequence[Key]) -> Bytes | None:
    """With what keys ask as well; None if no frame has both."""
    if tests is None:
        return None
    found = dict(tests)
    for key in keys:
        for place, (value, mask) in _bytes(key):
            old_value, old_mask = found.get(place, (0, 0))
            if (old_value ^ value) & old_mask & mask:
                return None
            found[place] = old_value | value, old_mask | mask
    return found


def _bytes(key: Key) -> Iterator[tuple[int, tuple[int, int]]]:
    for i, shift in enumerate((24, 16, 8, 0)):
        mask = key.mask >> shift & 0xFF
        yield key.offset + i, (key.value >> shift & mask, mask)


def _bucket_bits(selector: Selector, divisor: int, bucket: int) -> Key | None:
    """The bits with which a frame comes to a bucket (``u32_hash_fold``, cut to the table's size); None if none does."""
    shift = (selector.hmask & -selector.hmask).bit_length() - 1 if selector.hmask else 0
    chosen = selector.hmask & (divisor - 1) << shift
    if bucket << shift & ~chosen:
        return None
    return Key(bucket << shift, chosen, selector.hoff)
