"""Many rows that ask for the same bits as a hash table: a frame then meets the rows of one bucket only.

Rows one after the other whose keys have the same places and masks exclude one another, so their order does not matter.
A byte that all of them ask for as a whole says which bucket a row is in: ``hashkey`` of the filter that leads to the
table gives the kernel the same number (``u32_hash_fold``, ``net/sched/cls_u32.c``). Where no row of the bucket matches,
the search goes on behind that filter; it has neither offset nor ``eat``, so the table begins where its own does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from ..artifact import Key, Selector
from .rows import Row

FROM: Final = 64
"""Rows from which on a table is made."""
BUCKETS: Final = 256
MAX_IN_BUCKET: Final = 2000
_LEAST_USED: Final = 8
"""Buckets that must be used."""
MAX_TABLES: Final = 0x7FF
"""Tables that are given numbers; from 0x800 on the kernel gives its own."""


@dataclass(frozen=True, slots=True)
class Hashed:
    """Rows in a hash table: the byte of which key says the bucket."""

    rows: tuple[Row, ...]
    key: int
    shift: int

    def bucket(self, row: Row) -> int:
        """The bucket of a row."""
        return row.keys[self.key].value >> self.shift & 0xFF

    @property
    def link(self) -> Selector:
        """What leads to the table, whatever the frame is: its key reads bytes that every frame has."""
        at = self.rows[0].keys[self.key].offset
        return Selector((Key(0, 0, -4),), terminal=False, hmask=0xFF << self.shift, hoff=at)


def units(rows: Sequence[Row]) -> Iterator[Row | Hashed]:
    """The rows in order, those together that are to be in a hash table."""
    for _, group in groupby(rows, key=_shape):
        some = tuple(group)
        chosen = _byte(some) if len(some) >= FROM else None
        if chosen is None:
            yield from some
        else:
            yield Hashed(some, *chosen)


def _shape(row: Row) -> object:
    return row.protocol, row.length, tuple((key.offset, key.mask, key.offmask) for key in row.keys)


def _byte(rows: Sequence[Row]) -> tuple[int, int] | None:
    """Key and shift of the byte that spreads the rows best; None if none spreads them."""
    best: tuple[int, int, int] | None = None
    for number, key in enumerate(rows[0].keys):
        for shift in range(0, 32, 8):
            if key.mask >> shift & 0xFF != 0xFF or not -0x8000 <= key.offset <= 0x7FFF:
                continue
            counts: dict[int, int] = {}
            for row in rows:
                bucket = row.keys[number].value >> shift & 0xFF
                counts[bucket] = counts.get(bucket, 0) + 1
            fullest = max(counts.values())
            if len(counts) >= _LEAST_USED and fullest <= MAX_IN_BUCKET and (best is None or fullest < best[0]):
                best = fullest, number, shift
    return None if best is None else best[1:]
