"""Tuple space search: the rows of a list that overlap a cube, found by hashing (Srinivasan, Suri and Varghese, 1999).

Rows of one mask form a *tuple*, a hash table by value. A cube meets the rows of a tuple that agree with it on the bits
that both look at; where those are fewer than the tuple's, a second hash table of the tuple by just these bits is made
when it is first needed, and kept up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import Any, Final

from .cubes import Cube

FEW: Final = 16
"""Tuples of up to so many values are gone through without another hash table."""


Rank = float | Fraction
"""Whole numbers at first; fractions for rows that come between others."""


class Row:
    """A cube with what it decides. ``rank``: the least of those that hold a key wins. ``origin``: whose it is."""

    __slots__ = ("decision", "mask", "origin", "rank", "value")

    def __init__(self, value: int, mask: int, decision: Any, rank: Rank, origin: int = -1) -> None:
        self.value = value
        self.mask = mask
        self.decision = decision
        self.rank = rank
        self.origin = origin

    @property
    def cube(self) -> Cube:
        """Value and mask."""
        return self.value, self.mask

    def __repr__(self) -> str:
        return f"Row({self.value:#x}, {self.mask:#x}, {self.decision}, rank={self.rank}, origin={self.origin})"


Values = dict[int, list[Row]]


class TupleSpace:
    """The rows of one list; those of one cube by rank."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self._tuples: dict[int, Values] = {}
        self._parts: dict[int, dict[int, Values]] = {}
        for row in rows:
            self.add(row)

    def add(self, row: Row) -> None:
        """Put a row in."""
        values = self._tuples.setdefault(row.mask, {})
        same = values.setdefault(row.value, [])
        same.append(row)
        if len(same) > 1:
            same.sort(key=lambda r: r.rank)
        for part, kept in self._parts.get(row.mask, {}).items():
            kept.setdefault(row.value & part, []).append(row)

    def remove(self, row: Row) -> None:
        """Take out a row that is there. Raises KeyError or ValueError if it is not."""
        values = self._tuples[row.mask]
        _take(values, row.value, row)
        for part, kept in self._parts.get(row.mask, {}).items():
            _take(kept, row.value & part, row)
        if not values:
            del self._tuples[row.mask]
            self._parts.pop(row.mask, None)

    def equal(self, cube: Cube) -> list[Row]:
        """The rows of just this cube, best first."""
        return self._tuples.get(cube[1], {}).get(cube[0], [])

    def best(self) -> Iterator[Row]:
        """Of every cube that there is, the row that wins."""
        for values in self._tuples.values():
            for same in values.values():
                yield same[0]

    def holding(self, key: int) -> list[Row]:
        """The rows that hold a key, best first."""
        found = [row for mask, values in self._tuples.items() for row in values.get(key & mask, ())]
        found.sort(key=lambda r: r.rank)
        return found

    def overlapping(self, cube: Cube) -> Iterator[Row]:
        """The rows that share a key with the cube."""
        value, mask = cube
        for own, values in self._tuples.items():
            both = own & mask
            if both == own:
                yield from values.get(value & own, ())
            elif len(values) <= FEW:
                for other, rows in values.items():
                    if not (other ^ value) & both:
                        yield from rows
            elif not both:
                for rows in values.values():
                    yield from rows
            else:
                yield from self._part(own, both).get(value & both, ())

    def _part(self, own: int, part: int) -> Values:
        """The rows of a tuple by some of its bits."""
        parts = self._parts.setdefault(own, {})
        kept = parts.get(part)
        if kept is None:
            kept = parts[part] = {}
            for value, rows in self._tuples[own].items():
                kept.setdefault(value & part, []).extend(rows)
        return kept


def _take(values: Values, value: int, row: Row) -> None:
    rows = values[value]
    rows.remove(row)
    if not rows:
        del values[value]
