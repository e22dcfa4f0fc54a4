"""One rule more or less: a pair that was accepted is kept, and a change is compared where it changes something.

The proof around the tables stands as long as the tables answer by the kinds and numbers that it was made with; the rows
stand but for the keys on which a new row wins or an old one did (:meth:`..semantics.classifier.Comparison.changed`). So
the cost of a change is that of what overlaps it, whatever the size of the tables.
"""

from __future__ import annotations

import time
from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any

from ..proofs.answer_pairs import Kind
from ..proofs.engine import Engine
from ..proofs.plain_keys import in_space
from ..proofs.verdict import Proof
from ..semantics.classifier import Difference, Rank, Row
from ..semantics.meaning.opened import Answered, NotSuitable, OpenTable
from .check import Large, LargePair, LeavesOpen, checked
from .compared import Compared

Place = tuple[Compared, int, Row]
"""A row in one of the lists, and its side."""


@dataclass
class NotAccepted(Exception):
    """The pair is not accepted, or only because of what hangs on all rules at once; so nothing can be kept of it."""

    proof: Proof

    def __str__(self) -> str:
        return self.proof.reason


@dataclass(frozen=True)
class Change:
    """One entry that comes in or goes.

    ``side``: 0 for the program or the first artifact, 1 for the other. ``entry``: a rule
    (:class:`..semantics.rules.ruleset.Rule`) or an entry of the target's; one that goes is that very object.
    ``before``: for one that comes into a table whose entries do not say their order (ternary keys), the entry that it
    stands before, None for the end; elsewhere its prefix or priority says where it stands.
    """

    side: int
    table: str
    entry: Any
    comes: bool = True
    before: Any = None


class Standing:
    """An accepted pair: a program with its rules and an artifact, or two artifacts.

    Raises:
        NotAccepted: it is not accepted, or some rows differ in a way that makes no difference just now.
        NotSuitable, Unsupported: see :func:`.check_large`.
    """

    def __init__(self, large: Large | LargePair, engine: Engine) -> None:
        try:
            self.proof, settlement = checked(large, engine, time.monotonic())
        except LeavesOpen as error:
            raise NotSuitable(f"something is left to the machine: {', '.join(error.args)}") from error
        if settlement is None or settlement.regions():
            raise NotAccepted(self.proof)
        self._settlement = settlement
        self._broken = False
        self._tables = {
            (number, name): _Entries(table)
            for number, side in enumerate(settlement.sides)
            for name, table in side.tables.items()
        }
        for one in settlement.lists:
            _strict(one)
            for side, rows in ((0, one.first or ()), (1, one.second)):
                self._tables[side, _table(one, side).name].note(one, side, rows)

    def entries(self, side: int, table: str) -> Sequence[Any]:
        """The entries that an open table of a side had when the pair was checked, first winner first."""
        return self._tables[side, table].table.entries

    def changed(self, changes: Sequence[Change]) -> list[Difference]:
        """Make changes, all at once; [] if both sides still do the same for every packet.

        Otherwise the rows that may not go together: whether a packet tells them apart is for the whole check to say.

        Raises:
            NotSuitable: a change is none that can be checked alone (a list of actions, a number or a mask that was not
                there; the order of equals; an entry goes that takes all packets). Nothing has been changed then, and
                the whole check is needed.
            TooHard: see there; the whole check is needed.
            ValueError: this has shown a difference before, or an entry is not there.
        """
        if self._broken:
            raise ValueError("the two sides may differ since an earlier change: check them as a whole")
        self._check_laws(changes)
        removed = [place for change in changes if not change.comes for place in self._of(change).leaving(change.entry)]
        gone = {id(row) for _, _, row in removed}
        coming = [(change, self._of(change).rank(change)) for change in changes if change.comes]
        added = [list(self._rows(change, rank, gone)) for change, rank in coming]
        for change in changes:
            if not change.comes:
                self._of(change).remove(change.entry)
        for (change, rank), places in zip(coming, added, strict=True):
            self._of(change).add(change.entry, rank, places)
        self._broken = True
        found = self._compared([place for places in added for place in places], removed)
        self._broken = bool(found)
        return found

    def _check_laws(self, changes: Sequence[Change]) -> None:
        """Raises NotSuitable if something that the proof says of fields may not be true after the changes."""
        for change in changes:
            table = self._of(change).table
            laws = [one for one in self._settlement.laws if (one.side, one.table) == (change.side, table)]
            constants = [
                law for side, law in self._settlement.constants if (side, law.table) == (change.side, table.name)
            ]
            if not laws and not constants:
                continue
            rows = [Row(*cube, answer, 0) for cube, answer in self._of(change).cubes_of(change.entry)]
            stays = (one.stays(come=rows) if change.comes else one.stays(gone=rows) for one in laws)
            still = (law.allows(row.cube, row.decision[0]) for law in constants for row in rows if change.comes)
            if not (all(stays) and all(still)):
                raise NotSuitable("no entry does that where a field has this value")

    def _compared(self, added: Sequence[Place], removed: Sequence[Place]) -> list[Difference]:
        found: list[Difference] = []
        touched = {id(one): one for one, _, _ in (*added, *removed) if one.comparison is not None}
        for one in touched.values():
            assert one.comparison is not None
            came = [(side, row) for there, side, row in added if there is one]
            went = [(side, row) for there, side, row in removed if there is one]
            found += one.comparison.changed(came, went)
        return found

    def _of(self, change: Change) -> _Entries:
        found = self._tables.get((change.side, change.table))
        if found is None:
            raise NotSuitable(f"{change.table} is no large table of that side")
        return found

    def _rows(self, change: Change, rank: Rank, gone: set[int]) -> Iterator[Place]:
        """The rows of an entry that comes in, in every list."""
        entries = self._of(change)
        rows = [Row(*cube, answer, rank) for cube, answer in entries.cubes(change.entry, self._settlement.unheard)]
        for one in self._settlement.lists:
            runs = one.runs[change.side]
            if _table(one, change.side) is not entries.table or runs is None:
                continue
            for row in rows:
                for moved in in_space([row], runs, one.space):
                    if one.first is None and Kind(None, row.decision[0]) not in one.used:
                        raise NotSuitable("an answer where the other side does not ask")
                    if one.comparison is not None:
                        near = one.comparison.index(change.side).overlapping(moved.cube)
                        entries.check_ties(change.entry, moved, (other for other in near if id(other) not in gone))
                    yield one, change.side, moved


class _Entries:
    """The entries of an open table, in the order in which they win."""

    def __init__(self, table: OpenTable) -> None:
        self.table = table
        self._ranks_of = {id(table.entries[row.origin]): row.rank for row in table.rows if row.origin >= 0}
        self._ranks = sorted(self._ranks_of.values())
        self._numbers: list[tuple[int, Rank]] = []
        """Number (:attr:`.OpenTable.order`) and rank of each, where entries have numbers."""
        self._rows: dict[int, list[Place]] = {}
        self._kept: dict[int, Any] = {}
        """Entries that came in, so that their identities stay their own."""
        if table.order is not None:
            known = [entry for entry in table.entries if id(entry) in self._ranks_of]
            self._numbers = sorted((table.order(entry), self._ranks_of[id(entry)]) for entry in known)
            if [rank for _, rank in self._numbers] != self._ranks:
                raise NotSuitable(f"the entries of {table.name} are not in the order of their numbers")

    @cached_property
    def _masks(self) -> frozenset[int]:
        return frozenset(row.mask for row in self.table.rows)

    def note(self, one: Compared, side: int, rows: Iterable[Row]) -> None:
        """Rows of these entries in a list."""
        for row in rows:
            if row.origin >= 0:
                self._rows.setdefault(id(self.table.entries[row.origin]), []).append((one, side, row))

    def leaving(self, entry: Any) -> list[Place]:
        """The rows of an entry that goes."""
        if id(entry) not in self._ranks_of:
            raise ValueError(f"the entry is not in {self.table.name}")
        found = self._rows.get(id(entry), [])
        if any(not row.mask for _, _, row in found):  # rows behind it have not been looked at
            raise NotSuitable("an entry goes that takes all packets")
        return found

    def remove(self, entry: Any) -> None:
        """The entry is not there any more."""
        rank = self._ranks_of.pop(id(entry))
        self._rows.pop(id(entry), None)
        self._kept.pop(id(entry), None)
        del self._ranks[bisect_left(self._ranks, rank)]
        if self.table.order is not None:
            del self._numbers[bisect_left(self._numbers, (self.table.order(entry), rank))]

    def add(self, entry: Any, rank: Rank, rows: list[Place]) -> None:
        """The entry is there."""
        self._ranks_of[id(entry)] = rank
        self._rows[id(entry)] = rows
        self._kept[id(entry)] = entry
        insort(self._ranks, rank)
        if self.table.order is not None:
            insort(self._numbers, (self.table.order(entry), rank))

    def rank(self, change: Change) -> Rank:
        """For an entry that comes in: between those of the entries around it."""
        if id(change.entry) in self._ranks_of:
            raise ValueError(f"the entry is in {self.table.name}")
        at = len(self._ranks)
        if self.table.order is not None:
            at = bisect_right(self._numbers, (self.table.order(change.entry), float("inf")))
        elif change.before is not None:
            if id(change.before) not in self._ranks_of:
                raise ValueError(f"the entry that this one stands before is not in {self.table.name}")
            at = bisect_left(self._ranks, self._ranks_of[id(change.before)])
        below = self._ranks[at - 1] if at else None
        above = self._ranks[at] if at < len(self._ranks) else None
        if below is None:
            return 0 if above is None else above - 1
        return below + 1 if above is None else _between(Fraction(below), Fraction(above))

    def cubes(self, entry: Any, unheard: set[tuple[str, int, int, int]]) -> Iterator[tuple[tuple[int, int], Answered]]:
        """The cubes of an entry that comes in, and its answer, of which the proof speaks."""
        table = self.table
        for cube, (which, numbers) in self.cubes_of(entry):
            if cube[1] not in self._masks:
                raise NotSuitable("no entry has such a mask")
            tried = any((table.name, which, place, number) in unheard for place, number in enumerate(numbers))
            if tried or table.unheard((which, numbers)):
                raise NotSuitable(
                    f"no entry answers the number{'s' * (len(numbers) > 1)} {', '.join(map(str, numbers))}"
                )
            yield cube, (which, numbers)

    def cubes_of(self, entry: Any) -> Iterable[tuple[tuple[int, int], Answered]]:
        """The cubes of an entry and its answer."""
        if self.table.rows_of is None:
            raise NotSuitable(f"entries of {self.table.name} cannot be checked one by one")
        return self.table.rows_of(entry)

    def check_ties(self, entry: Any, row: Row, near: Iterable[Row]) -> None:
        """Of entries with one number that overlap and do different things nobody knows which wins."""
        if self.table.ties or self.table.order is None:
            return
        number = self.table.order(entry)
        low = bisect_left(self._numbers, (number, float("-inf")))
        high = bisect_right(self._numbers, (number, float("inf")))
        if low == high:
            return
        first, last = self._numbers[low][1], self._numbers[high - 1][1]
        if any(first <= other.rank <= last and other.decision != row.decision for other in near):
            raise NotSuitable("an entry of the same priority overlaps this one")


def _between(below: Fraction, above: Fraction) -> Fraction:
    """Their mediant: however many entries come one after the other, its terms grow by no more than addition."""
    return Fraction(below.numerator + above.numerator, below.denominator + above.denominator)


def _table(one: Compared, side: int) -> OpenTable:
    return one.kinds.first if side == 0 else one.kinds.second


def _strict(one: Compared) -> None:
    """From now on just those kinds go together that the proof was made with."""
    if one.comparison is None:
        return
    kinds = one.kinds
    used = frozenset((*one.used, *(one.kind(difference) for difference in one.differences)))

    def compatible(mine: Answered | None, theirs: Answered | None) -> bool:
        return theirs is not None and kinds.kind(mine, theirs) in used

    one.comparison.compatible = compatible
