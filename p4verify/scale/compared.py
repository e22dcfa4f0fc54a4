"""A list of each side that packets are looked up in on a part of the input space, and what was found of the two."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ..proofs.answer_pairs import Kind, Kinds
from ..proofs.plain_keys import Runs, Space
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Comparison, Difference, Row
from ..semantics.meaning.behaviour import is_choice
from ..semantics.meaning.opened import Answered

LISTED: Final = 5000
"""So many differences are listed: lists with more have nothing in common, or differ nearly everywhere."""


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

    def asks(self, side: int, table: str) -> bool:
        """Whether the list of a side is of this table."""
        return (self.kinds.second if side else self.kinds.first).name == table

    def learn(self) -> None:
        """The kinds of rows with the same cube."""
        if self.first is None:
            self.used = {Kind(None, row.decision[0]) for row in self.second}
            self.done = True
            return
        best: dict[tuple[int, int], Row] = {}
        for row in self.second:
            best.setdefault(row.cube, row)
        mine: dict[tuple[int, int], Row] = {}
        for row in self.first:
            if row.cube in best:
                mine.setdefault(row.cube, row)
        pairs = [(row.decision, best[cube].decision) for cube, row in mine.items()]
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

    @property
    def tried(self) -> set[Kind]:
        """Kinds of differences that nothing has been said against yet."""
        return {kind for d in self.differences if (kind := self.kind(d)) not in self.kinds.bad}

    def kind(self, difference: Difference) -> Kind:
        """The kind of a difference's answers."""
        assert difference.second is not None
        mine = None if difference.first is None else difference.first.decision
        return self.kinds.kind(mine, difference.second.decision)

    def axioms(self, kinds: Collection[Kind]) -> Iterator[Term]:
        """That what the tables answer is of one of these kinds. Where that is none, and whether the tables are asked
        hangs on a choice, nothing is said: it would be that nobody chooses so."""
        for condition, mine, theirs in self.facts:
            some = (self.kinds.condition(kind, mine, theirs) for kind in sorted(kinds, key=repr))
            if kinds or not any(map(is_choice, b.variables(condition))):
                yield b.implies(condition, b.or_(*some))
