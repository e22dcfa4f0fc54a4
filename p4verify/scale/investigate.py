"""A region of the input space on which two sides with open tables may differ: is there a packet, or none?

The search may let the tables answer what it likes. Where its packet is answered otherwise by the rows, what they
answer there, on a cube around the packet's key, is added to what it knows, and it searches again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from ..proofs.engine import Engine, Model
from ..proofs.refine import Outcome, search
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, Row, TupleSpace, overlap
from ..semantics.meaning.behaviour import LENGTH, Assumption, byte
from ..semantics.meaning.opened import Lookup, Opened

ROUNDS = 60


@dataclass(frozen=True)
class Found:
    """A packet on which the two sides differ, in the search's model, and the keys of all lookups on it."""

    model: Model
    outcome: Outcome
    keys: tuple[tuple[int, Lookup, int], ...]
    """Side (0 or 1), lookup and the key's value."""


class Investigator:
    """Searches regions."""

    def __init__(
        self, mine: Opened, theirs: Opened, engine: Engine, *, exactly: bool = False, facts: Iterable[Term] = ()
    ) -> None:
        self.sides = (mine, theirs)
        self.engine = engine
        self.exactly = exactly
        self.facts = tuple(facts)
        """What is true of the tables' answers everywhere."""
        self._rows: dict[tuple[int, str], TupleSpace] = {}
        self._end = _nothing_behind([one.key for side in self.sides for one in side.lookups])

    def search(self, region: Term, known: Iterable[Term] = ()) -> Found | str | None:
        """A packet of the region; None if the sides do the same on all of it; text: why it is not known.

        Args:
            region: a condition on inputs.
            known: what is true of the tables' answers.
        """
        learned = dict.fromkeys((*self.facts, *known))
        for _ in range(ROUNDS):
            mine, theirs = (side.behaviour for side in self.sides)
            limited = (*mine.domain, Assumption("the region", region), self._end)
            spec = replace(mine, domain=limited, axioms=(*mine.axioms, *learned))
            outcome = search(spec, theirs, self.engine, exactly=self.exactly)
            if outcome.difference is None:
                if outcome.empty == "no input satisfies the assumptions":
                    return None
                return outcome.unknown or outcome.empty or None
            model = outcome.difference.model
            asked = tuple(self._keys(model))
            more = [
                term
                for side, one, key in asked
                if model.holds(one.guard)
                for term in self._answer(side, one, key, model)
            ]
            if not more:
                return Found(model, outcome, asked)
            learned.update(dict.fromkeys(more))
        return f"no end after {ROUNDS} packets on which the tables answer otherwise"

    def rows(self, side: int, table: str, key: int) -> list[Row]:
        """The rows of a table that hold a key, best first."""
        return self._index(side, table).holding(key)

    def _index(self, side: int, table: str) -> TupleSpace:
        if (side, table) not in self._rows:
            self._rows[side, table] = TupleSpace(self.sides[side].tables[table].rows)
        return self._rows[side, table]

    def _keys(self, model: Model) -> Iterator[tuple[int, Lookup, int]]:
        for number, side in enumerate(self.sides):
            terms = [one.key for one in side.lookups]
            values = b.evaluate(terms, model.values, model.callables(), default=0)
            for one, value in zip(side.lookups, values, strict=True):
                assert isinstance(value, int)
                yield number, one, value

    def _answer(self, side: int, one: Lookup, key: int, model: Model) -> Iterator[Term]:
        """What the table answers around a key, if the model has it answer something else."""
        table = self.sides[side].tables[one.table]
        row = self.rows(side, one.table, key)[0]
        said = b.and_(*table.answers(one.key, row.decision))
        if model.holds(said):
            return
        cube = _around(key, row, self._index(side, one.table))
        inside = b.eq(b.band(one.key, b.bv(cube[1], table.width)), b.bv(cube[0], table.width))
        yield b.implies(inside, said)


def _nothing_behind(keys: Iterable[Term]) -> Assumption:
    """Bytes of keys behind a frame's end are 0, as they are when the frame is run: there is nothing to read."""
    read = sorted(int(v.name[4:-1]) for v in b.variables(*keys) if v.name.startswith("pkt["))
    ends = (b.implies(b.ule(LENGTH, b.bv(i, LENGTH.width)), b.eq(byte(i), b.bv(0, 8))) for i in read)
    return Assumption("bytes behind the end are 0", b.and_(*ends))


def _around(key: int, row: Row, rows: TupleSpace) -> Cube:
    """A cube around a key on which a row wins: one more bit for each better row that is in the way."""
    value, mask = row.cube
    better = [r for r in rows.overlapping(row.cube) if r.rank < row.rank]
    for other in sorted(better, key=lambda r: r.mask.bit_count()):
        if overlap((value, mask), other.cube):
            differing = (key ^ other.value) & other.mask
            bit = 1 << (differing.bit_length() - 1)
            value, mask = value | key & bit, mask | bit
    return value, mask
