"""Two first-match lists: on which keys do they decide what must not be decided together?

Why this finds every such key. Say a row of the first list and one of the second are a *pair* if they have the same
cube and decisions that may go together; a row in no pair is *single*. On any key let ``a`` and ``b`` win.

* If one of them is single, the key is among those on which a single row wins, and these are looked through.
* Else let ``b'`` and ``a'`` be their partners, which hold the key as well (equal cubes). If ``a`` is ``a'``, the two
  are a pair, and their decisions go together. Else ``a`` is before ``a'`` and ``b`` before ``b'``: the two pairs
  overlap and are in one order in the first list, in the other in the second. Where decisions of such pairs do not go
  together (they are found by sorting, :mod:`.inversions`), the keys on which ``a`` wins are looked through as well.

What has been compared once stays so: a row that comes in changes only keys on which it wins, one that is taken out
only keys on which it won. So a change costs what overlaps it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from .cubes import Cube, meet, overlap, subtract
from .index import Row, TupleSpace
from .inversions import Pair, inverted

Compatible = Callable[[Any, Any], bool]
"""Whether two decisions, of the first and of the second list, may be made on one key."""

BUDGET: Final = 200_000
"""Cubes that one row may be cut into."""


@dataclass
class TooHard(Exception):
    """A row's region was cut into too many cubes."""

    row: Row


@dataclass(frozen=True, slots=True)
class Difference:
    """Rows that win on the same keys, and decide what does not go together."""

    first: Row | None
    second: Row | None
    """None: no row holds the keys."""
    region: Cube
    """Cube of which at least the keys of :attr:`witness` are such keys."""
    witness: Cube
    looked_at: Row
    """The row whose keys were looked through."""


class Comparison:
    """Two lists, compared now and after every change.

    Args:
        first, second: the rows, in any order.
        compatible: see :data:`Compatible`; a list without a row for a key decides None there.
        budget: see :data:`BUDGET`.
    """

    def __init__(
        self, first: Iterable[Row], second: Iterable[Row], compatible: Compatible, budget: int = BUDGET
    ) -> None:
        self._sides = (TupleSpace(first), TupleSpace(second))
        self.compatible = compatible
        self._budget = budget
        self.paired = 0
        self.looked_at = 0

    def index(self, side: int) -> TupleSpace:
        """The rows of one side (0 or 1)."""
        return self._sides[side]

    def differences(self) -> Iterator[Difference]:
        """Every difference of the lists. Raises TooHard."""
        pairs, rest = self._pairs()
        moved = inverted(pairs, self.compatible)
        self.paired = len(pairs) - len(moved)
        rest += [(0, row) for row in moved]
        if not any(row.mask == 0 for row in self._sides[0].equal((0, 0))):
            rest.append((0, _nothing()))
        if not any(row.mask == 0 for row in self._sides[1].equal((0, 0))):
            rest.append((1, _nothing()))
        for side, row in rest:
            yield from self._on_its_keys(side, row)

    def changed(
        self,
        added: Sequence[tuple[int, Row]] = (),
        removed: Sequence[tuple[int, Row]] = (),
    ) -> list[Difference]:
        """Put rows in and take rows out, each with its side, all at once; the differences on keys that this changes.

        Raises:
            KeyError, ValueError: a row that is to be taken out is not there.
            TooHard: see there.
        """
        for side, row in removed:
            self._sides[side].remove(row)
        for side, row in added:
            self._sides[side].add(row)
        found = [d for side, row in added for d in self._on_its_keys(side, row)]
        for side, row in removed:
            found += self._where_it_won(side, row)
        return found

    # --- the whole --------------------------------------------------------------------------------------------------

    def _pairs(self) -> tuple[list[Pair], list[tuple[int, Row]]]:
        first, second = self._sides
        pairs: list[Pair] = []
        single: list[tuple[int, Row]] = []
        paired: set[int] = set()
        for row in first.best():
            same = second.equal(row.cube)
            if same and self.compatible(row.decision, same[0].decision):
                pairs.append((row, same[0]))
                paired.add(id(same[0]))
            else:
                single.append((0, row))
        single += [(1, row) for row in second.best() if id(row) not in paired]
        return pairs, single

    # --- one row ----------------------------------------------------------------------------------------------------

    def _where_it_won(self, side: int, row: Row) -> Iterator[Difference]:
        """A row has been taken out: those after it now win on its keys."""
        own = self._sides[side]
        after = sorted((r for r in own.overlapping(row.cube) if r.rank >= row.rank), key=lambda r: r.rank)
        for heir in [*after, _nothing()]:
            yield from self._on_its_keys(side, heir, row.cube)
            if not heir.mask & ~row.mask:
                break  # it holds all of the keys

    def _on_its_keys(self, side: int, row: Row, within: Cube = (0, 0)) -> Iterator[Difference]:
        """The differences on the keys on which a row wins."""
        self.looked_at += 1
        own, other = self._sides[side], self._sides[1 - side]
        cube = meet(row.cube, within)
        before = [r for r in own.overlapping(cube) if r.rank < row.rank and r is not row]
        taken = {r.cube for r in before}
        answers = sorted((r for r in other.overlapping(cube) if r.cube not in taken), key=lambda r: r.rank)
        for at, answer in enumerate((*answers, _nothing())):
            if not self.compatible(*((row.decision, answer.decision)[:: 1 if side == 0 else -1])):
                both = meet(cube, answer.cube)
                witness = self._uncovered(both, (*before, *answers[:at]), row)
                if witness is not None:
                    sides = (row, answer)[:: 1 if side == 0 else -1]
                    yield Difference(_real(sides[0]), _real(sides[1]), both, witness, row)
            if not answer.mask & ~cube[1]:
                return  # it holds all of the keys

    def _uncovered(self, cube: Cube, rows: Sequence[Row], asked: Row) -> Cube | None:
        """Some keys of the cube that no row holds."""
        value, mask = cube
        there = ((r.value, r.mask) for r in rows if not (r.value ^ value) & r.mask & mask)  # each row, many times
        blocking = sorted(there, key=lambda c: c[1].bit_count())
        stack = [(cube, 0)]
        spent = 0
        while stack:
            piece, at = stack.pop()
            while at < len(blocking) and not overlap(piece, blocking[at]):
                at += 1
                spent += 1
            if at == len(blocking):
                return piece
            stack += [(part, at + 1) for part in subtract(piece, blocking[at])]
            spent += 1
            if spent > self._budget:
                raise TooHard(asked)
        return None


def _nothing() -> Row:
    """What decides where no row does."""
    return Row(0, 0, None, float("inf"))


def _real(row: Row) -> Row | None:
    return None if row.decision is None and row.rank == float("inf") else row


__all__ = ["BUDGET", "Comparison", "Compatible", "Difference", "TooHard"]
