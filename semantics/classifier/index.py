"""Tuple space search: the rows of a list that overlap a cube, found by hashing (Srinivasan, Suri and Varghese, 1999).

Rows of one mask form a *tuple*, a hash table by value. A cube meets the rows of a tuple that agree with it on the bits
that both look at; where those are fewer than the tuple's, a second hash table of the tuple by just these bits is made
when it is first needed, and kept up to date.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
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


Values = dict[int, Row | list[Row]]
"""The row of each value, or the rows where there are several: a list for each row is what a large set cannot afford."""


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
        _put(values, row.value, row)
        same = values[row.value]
        if isinstance(same, list):
            same.sort(key=lambda r: r.rank)
        for part, kept in self._parts.get(row.mask, {}).items():
            _put(kept, row.value & part, row)

    def remove(self, row: Row) -> None:
        """Take out a row that is there. Raises KeyError or ValueError if it is not."""
        values = self._tuples[row.mask]
        _take(values, row.value, row)
        for part, kept in self._parts.get(row.mask, {}).items():
            _take(kept, row.value & part, row)
        if not values:
            del self._tuples[row.mask]
            self._parts.pop(row.mask, None)

    def equal(self, cube: Cube) -> Sequence[Row]:
        """The rows of just this cube, best first."""
        return _at(self._tuples.get(cube[1], {}), cube[0])

    def best(self) -> Iterator[Row]:
        """Of every cube that there is, the row that wins."""
        for values in self._tuples.values():
            for same in values.values():
                yield same[0] if isinstance(same, list) else same

    def holding(self, key: int) -> list[Row]:
        """The rows that hold a key, best first."""
        found = [row for mask, values in self._tuples.items() for row in _at(values, key & mask)]
        found.sort(key=lambda r: r.rank)
        return found

    def overlapping(self, cube: Cube) -> Iterator[Row]:
        """The rows that share a key with the cube."""
        value, mask = cube
        for own, values in self._tuples.items():
            both = own & mask
            if both == own:
                yield from _at(values, value & own)
            elif len(values) <= FEW:
                for other in values:
                    if not (other ^ value) & both:
                        yield from _at(values, other)
            elif not both:
                for other in values:
                    yield from _at(values, other)
            else:
                yield from _at(self._part(own, both), value & both)

    def _part(self, own: int, part: int) -> Values:
        """The rows of a tuple by some of its bits."""
        parts = self._parts.setdefault(own, {})
        kept = parts.get(part)
        if kept is None:
            kept = parts[part] = {}
            for value, rows in self._tuples[own].items():
                for row in rows if isinstance(rows, list) else (rows,):
                    _put(kept, value & part, row)
        return kept


def _at(values: Values, value: int) -> Sequence[Row]:
    found = values.get(value)
    if found is None:
        return ()
    return found if isinstance(found, list) else (found,)


def _put(values: Values, value: int, row: Row) -> None:
    there = values.get(value)
    if there is None:
        values[value] = row
    elif isinstance(there, list):
        there.append(row)
    else:
        values[value] = [there, row]


def _take(values: Values, value: int, row: Row) -> None:
    rows = values[value]
    if isinstance(rows, list):
        rows.remove(row)
        if len(rows) == 1:
            values[value] = rows[0]
    elif rows is row:
        del values[value]
    else:
        raise ValueError(f"{row} is not there")
