"""A region of the input space on which two sides with open tables may differ: is there a packet, or none?

The search may let the tables answer what it likes. Where its packet is answered otherwise by the rows, what they
answer there, on a cube around the packet's key, is added to what it knows, and it searches again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..proofs.choices import choices_of
from ..proofs.compare import domain, meeting
from ..proofs.difference import Difference, difference_in
from ..proofs.engine import Engine, Model
from ..proofs.fixing import fix
from ..proofs.plain_keys import in_cube
from ..proofs.refine import NO_INPUT, Outcome
from ..proofs.verdict import Tally
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, Row, TupleSpace, overlap
from ..semantics.meaning.behaviour import LENGTH, Assumption, Behaviour, byte
from ..semantics.meaning.opened import Answered, Lookup, Opened
from .by_kinds import WHOLE, Part, search_by_parts

ROUNDS: Final = 60
FIRST: Final = 12
"""Packets that are tried before it is searched."""
SECONDS: Final = 10.0
"""For each of them."""
FEW: Final = 32
"""Rows of one answer that are told."""


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
        self, mine: Opened, theirs: Opened, engine: Engine, *, exactly: bool = False, facts: Iterable[Term] = (),
        parts: Sequence[Part] = WHOLE,
    ) -> None:  # fmt: skip
        self.sides = (mine, theirs)
        self.engine = engine
        self.exactly = exactly
        self.facts = tuple(facts)
        """What is true of the tables' answers everywhere."""
        self.parts = parts
        """Parts of the inputs that are searched one after the other; if the facts hold, every input is in one."""
        self._rows: dict[tuple[int, str], TupleSpace] = {}
        self._by_answer: dict[tuple[int, str], dict[Answered, list[Row]]] = {}
        self._end = _nothing_behind([one.key for side in self.sides for one in side.lookups])

    def search(self, region: Term, known: Iterable[Term] = ()) -> Found | str | None:
        """A packet of the region; None if the sides do the same on all of it; text: why it is not known.

        Args:
            region: a condition on inputs.
            known: what is true of the tables' answers.
        """
        learned = dict.fromkeys((*self.facts, *known))
        proven: dict[Term, Outcome] = {}  # what holds goes on to hold when more is known
        for _ in range(ROUNDS):
            mine, theirs = (side.behaviour for side in self.sides)
            limited = (*mine.domain, Assumption("the region", region), self._end)
            spec = replace(mine, domain=limited, axioms=(*mine.axioms, *learned))
            outcome = search_by_parts(spec, theirs, self.parts, self.engine, exactly=self.exactly, proven=proven)
            if outcome.difference is None:
                if outcome.empty == NO_INPUT:
                    return None
                return outcome.unknown or outcome.empty or None
            model = outcome.difference.model
            asked = tuple(self._keys(model))
            more = list(self._otherwise(asked, model))
            if not more:
                return Found(model, outcome, asked)
            learned.update(dict.fromkeys(more))
        return f"no end after {ROUNDS} packets on which the tables answer otherwise"

    def at_once(self, region: Term, known: Iterable[Term] = ()) -> Found | None:
        """A packet of the region on which the two sides differ whatever they choose, if the first ones that come up
        show it.

        The tables answer as their rows do there, so this takes no proof about other answers. Args as of :meth:`search`;
        None says nothing.
        """
        mine, theirs = (side.behaviour for side in self.sides)
        condition = b.and_(domain(mine, theirs), self._end.condition, region, *known)
        for _ in range(FIRST):
            answer = self.engine.satisfiable(condition, "a packet of a region", SECONDS)
            if answer.model is None:
                return None
            asked = tuple(self._keys(answer.model))
            more = list(self._otherwise(asked, answer.model))
            if not more:
                difference = _where_they_differ(mine, theirs, answer.model)
                outcome = None if difference is None else Outcome(Tally(), difference, spec=mine, impl=theirs)
                return None if outcome is None else Found(answer.model, outcome, asked)
            condition = b.and_(condition, *more)
        return None

    def _otherwise(self, asked: Iterable[tuple[int, Lookup, int]], model: Model) -> Iterator[Term]:
        """What the tables answer around the keys that are asked, where the model has them answer something else."""
        for side, one, key in asked:
            if model.holds(one.guard):
                yield from self._answer(side, one, key, model)

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
        yield b.implies(in_cube(one.key, cube), said)
        yield from self._only_there(side, one, model)

    def _only_there(self, side: int, one: Lookup, model: Model) -> Iterator[Term]:
        """That what the model has the table answer is answered just where the rows are that do so, if they are few.

        So a key is found that leads to a certain answer, where the search began with the answer.
        """
        table = self.sides[side].tables[one.table]
        for number in range(len(table.templates)):
            if not model.holds(table.is_template(one.key, number)):
                continue
            terms = table.parameters(one.key, number)
            numbers = b.evaluate(terms, model.values, model.callables(), default=0)
            answer = number, tuple(int(n) for n in numbers if isinstance(n, int))
            rows = self._deciding(side, one.table).get(answer, [])
            if len(rows) <= FEW:
                where = b.or_(*(in_cube(one.key, row.cube) for row in rows))
                yield b.implies(b.and_(*table.answers(one.key, answer)), where)

    def _deciding(self, side: int, table: str) -> dict[Answered, list[Row]]:
        if (side, table) not in self._by_answer:
            found: dict[Answered, list[Row]] = {}
            for row in self.sides[side].tables[table].rows:
                found.setdefault(row.decision, []).append(row)
            self._by_answer[side, table] = found
        return self._by_answer[side, table]


def _where_they_differ(mine: Behaviour, theirs: Behaviour, model: Model) -> Difference | None:
    """In which parts of their outputs two sides differ on an input, whatever is chosen."""
    at = [next((i for i, case in enumerate(side.cases) if model.holds(case.guard)), None) for side in (mine, theirs)]
    if at[0] is None or at[1] is None:
        return None
    obligation = meeting(mine, theirs, b.TRUE)(at[0], at[1])
    if obligation is None:
        return None
    picks = frozenset((*choices_of(mine), *choices_of(theirs)))
    if fix(obligation.violation, model, picks) is not b.TRUE:
        return None
    return difference_in(obligation, model)


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
