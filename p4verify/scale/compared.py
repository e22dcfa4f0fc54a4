"""The lists that two sides look packets up in, on every part of the input space, and what was found of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ..proofs.answer_pairs import Kind, Kinds
from ..proofs.engine import Engine
from ..proofs.pieces import pieces
from ..proofs.plain_keys import Runs, Space, in_space, runs
from ..semantics import bits as b
from ..semantics.bits import FALSE, Term
from ..semantics.classifier import Comparison, Difference, Row
from ..semantics.meaning.opened import Answered, Lookup, NotSuitable, Opened, OpenTable

LISTED: Final = 5000
"""So many differences are listed: lists with more have nothing in common, or differ nearly everywhere."""
SAMPLE: Final = 2000
"""Rows by which it is guessed which table stands for which."""


@dataclass
class Compared:
    """A list of the first side and one of the second, over one space of bits; ``facts``: where they are asked."""

    kinds: Kinds
    space: Space
    first: list[Row] | None
    """None: the first side does not ask its table there."""
    second: list[Row]
    runs: tuple[Runs | None, Runs]
    """Both keys, as bits of the space."""
    facts: list[tuple[Term, Term, Term]] = field(default_factory=list)
    """Condition of the part, and both keys."""
    used: set[Kind] = field(default_factory=set)
    """Every pair of answers to one key is of one of these kinds, but for :attr:`differences`."""
    differences: list[Difference] = field(default_factory=list)
    comparison: Comparison | None = None
    done: bool = False
    cut: bool = False
    """There are more differences than are listed, so nothing is known of keys that are in none of them."""

    def learn(self) -> None:
        """The kinds of rows with the same cube."""
        if self.first is None:
            self.used = {Kind(None, row.decision[0]) for row in self.second}
            self.done = True
            return
        best: dict[tuple[int, int], Row] = {}
        for row in self.second:
            best.setdefault(row.cube, row)
        pairs = [(row.decision, best[row.cube].decision) for row in self.first if row.cube in best]
        self.kinds.learn(pairs)
        for pair in dict.fromkeys(pairs):
            self.used.add(self.kinds.kind(*pair))

    def compare(self, trusted: set[Kind]) -> None:
        """Find all differences, where kinds that are not trusted count as such."""
        if self.first is None:
            return

        def compatible(mine: Answered | None, theirs: Answered) -> bool:
            kind = self.kinds.kind(mine, theirs)
            if kind not in trusted:
                return False
            self.used.add(kind)
            return True

        if self.comparison is None:
            self.comparison = Comparison(self.first, self.second, compatible)
        self.comparison.compatible = compatible
        self.used = set()
        found = self.comparison.differences()
        self.differences = list(islice(found, LISTED))
        self.cut = next(found, None) is not None
        self.done = True

    def kind(self, difference: Difference) -> Kind:
        """The kind of a difference's answers."""
        assert difference.second is not None
        mine = None if difference.first is None else difference.first.decision
        return self.kinds.kind(mine, difference.second.decision)

    def axioms(self, more: set[Kind]) -> Iterator[Term]:
        """That what the tables answer is of one of the kinds used, or of ``more``."""
        for condition, mine, theirs in self.facts:
            kinds = sorted(self.used | more, key=repr)
            yield b.implies(condition, b.or_(*(self.kinds.condition(kind, mine, theirs) for kind in kinds)))


def compared(mine: Opened, theirs: Opened, engine: Engine) -> list[Compared]:
    """Every two lists that have to be compared.

    Raises:
        NotSuitable: the lookups are not of a form that can be.
    """
    pairs = _paired(mine, theirs, engine)
    kinds = {second: Kinds(mine.tables[first], theirs.tables[second]) for second, first in pairs.items()}
    found: dict[object, Compared] = {}
    inputs = _domain(mine) + _domain(theirs)
    for asked in theirs.lookups:
        table = theirs.tables[asked.table]
        asking = [one for one in mine.lookups if one.table == pairs[asked.table]]
        for condition, first, own, second in _parts(asking, asked, inputs, engine):
            key = asked.table, own, second
            if key not in found:
                found[key] = _lists(mine.tables[pairs[asked.table]], table, own, second, kinds[asked.table])
            found[key].facts.append((condition, first, asked.key))
    return list(found.values())


def _parts(
    asking: Sequence[Lookup], asked: Lookup, inputs: Sequence[Term], engine: Engine
) -> Iterator[tuple[Term, Term, Runs | None, Runs]]:
    """The parts on which the second side asks: condition, the first side's key, and both keys in runs.

    Where the first side does not ask, its runs are None; where it asks more than once, there is a part for each time.
    """
    known = [*inputs, *(part for part in _conjuncts(asked.guard) if not b.applications(part))]
    terms = (asked.guard, asked.key, *(term for one in asking for term in (one.guard, one.key)))
    for piece in pieces(terms, known, engine, needed=0):
        second = runs(piece.terms[1])
        asks = [i for i in range(len(asking)) if piece.terms[2 + 2 * i] is not FALSE]
        for i in asks:
            yield piece.condition, asking[i].key, runs(piece.terms[3 + 2 * i]), second
        if not asks:
            yield piece.condition, asking[0].key, None, second


def _lists(mine: OpenTable, theirs: OpenTable, first: Runs | None, second: Runs, kinds: Kinds) -> Compared:
    space = Space()
    other = in_space(theirs.rows, second, space)
    own = None if first is None else in_space(mine.rows, first, space)
    return Compared(kinds, space, own, other, (first, second))


def _domain(side: Opened) -> list[Term]:
    """What holds of every input, as far as it speaks of inputs alone."""
    conditions = [a.condition for a in (*side.behaviour.domain, *side.behaviour.reaching)]
    return [
        part
        for condition in conditions
        for part in _conjuncts(condition)
        if not any(v.name.startswith(("open.", "any.")) for v in b.variables(part)) and not b.applications(part)
    ]


def _conjuncts(condition: Term) -> Iterator[Term]:
    if condition.op == "and":
        for arg in condition.args:
            yield from _conjuncts(arg)
    else:
        yield condition


def _paired(mine: Opened, theirs: Opened, engine: Engine) -> dict[str, str]:
    """Which table of the first side stands for which of the second: those whose keys read the same inputs, and where
    that does not tell, whose rows have the most cubes in common. One of the first side may stand for several, which
    are asked for different packets.

    It is a guess: what is proven does not rest on it.
    """
    if len(mine.tables) > len(theirs.tables):
        counts = f"{len(mine.tables)} and {len(theirs.tables)}"
        raise NotSuitable(f"the two sides have {counts} large tables, which cannot be told which stands for which")
    for side in (mine, theirs):
        for name in side.tables:
            if all(one.table != name for one in side.lookups):
                raise NotSuitable(f"{name} is never asked")
    if len(mine.tables) == 1:
        return dict.fromkeys(theirs.tables, next(iter(mine.tables)))
    combinations = [(first, second) for first in mine.tables for second in theirs.tables]
    reads = [_read(mine), _read(theirs)]
    alike: dict[tuple[str, str], float] = {}
    for first, second in combinations:
        both, either = reads[0][first] & reads[1][second], reads[0][first] | reads[1][second]
        alike[first, second] = len(both) / max(1, len(either))
    if len(set(alike.values())) < len(alike):
        alike = {pair: _in_common(mine, theirs, *pair, engine) for pair in combinations}
    likely = sorted(alike, key=lambda pair: -alike[pair])
    pairs: dict[str, str] = {}
    for first, second in likely:
        if first not in pairs.values() and second not in pairs:
            pairs[second] = first
    for first, second in likely:  # more of them than of the first side
        pairs.setdefault(second, first)
    return pairs


def _read(side: Opened) -> dict[str, set[Term]]:
    """The inputs that each table's keys read."""
    found: dict[str, set[Term]] = {}
    for one in side.lookups:
        found.setdefault(one.table, set()).update(b.variables(one.key))
    return found


def _in_common(mine: Opened, theirs: Opened, first: str, second: str, engine: Engine) -> int:
    """The most cubes, of a sample of rows, that two tables have in common on a part of the input space."""
    most = 0
    inputs = _domain(mine) + _domain(theirs)
    for asked in (one for one in theirs.lookups if one.table == second):
        asking = [one for one in mine.lookups if one.table == first]
        seen: set[object] = set()
        for _, _, own, other in _parts(asking, asked, inputs, engine):
            if own is None or (own, other) in seen:
                continue
            seen.add((own, other))
            space = Space()
            cubes = {row.cube for row in in_space(theirs.tables[second].rows, other, space)}
            rows = mine.tables[first].rows
            some = [*rows[:: max(1, len(rows) // SAMPLE)]]
            most = max(most, sum(row.cube in cubes for row in in_space(some, own, space)))
    return most
