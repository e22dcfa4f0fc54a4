"""What a table answers where a field of its key has a value that few of its rows ask for.

A side may ask a table where the other side asks none: where no rule has the packet's port, an artifact may have done
with the packet before its table. There the rows are not compared with others, and what they answer is known by the
values that the field has in them. So it is where a kind of answers is right for some values of a field only (a label
that no rule has is looked up again if it is the last one).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from ..proofs.plain_keys import Runs, Space, in_cube, in_space
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, Row, overlap, part
from ..semantics.meaning.opened import OpenTable

MOST: Final = 64
"""Values of a field that rows tell apart; of a field with more nothing is said."""


@dataclass(frozen=True)
class FieldLaw:
    """That where a field of a table's key is in one cube, and in none of some others, the table answers one of some
    templates."""

    field: Term
    low: int
    """Its lowest bit in the space of the rows."""
    elsewhere: frozenset[Cube]
    templates: frozenset[int]
    within: Cube = (0, 0)
    """Where a row wins over all that come later, for it asks for nothing else."""

    def says(self, table: OpenTable, key: Term) -> Term:
        """The law for the key."""
        return b.implies(self.where, b.or_(*self.answers(table, key)))

    @property
    def where(self) -> Term:
        """What it is about."""
        elsewhere = (b.not_(in_cube(self.field, cube)) for cube in sorted(self.elsewhere))
        return b.and_(in_cube(self.field, self.within), *elsewhere)

    def answers(self, table: OpenTable, key: Term) -> list[Term]:
        """One of these holds of the key there."""
        return [table.is_template(key, number) for number in sorted(self.templates)]

    def allows(self, cube: Cube, template: int) -> bool:
        """Whether it stays true with a row more."""
        value, mask = here = part(cube, self.low, self.field.width)
        return (
            template in self.templates
            or not overlap(here, self.within)
            or any(wider & mask == wider and not (value ^ other) & wider for other, wider in self.elsewhere)
        )

    def rests_on(self, cube: Cube) -> bool:
        """Whether it may be untrue without a row."""
        return cube == (self.within[0] << self.low, self.within[1] << self.low)


class Law(Protocol):
    """What is known of a table's answers to the keys of a part."""

    def allows(self, cube: Cube, template: int) -> bool:
        """Whether it stays true with a row more, which an input of the part may meet."""
        ...

    def rests_on(self, cube: Cube) -> bool:
        """Whether it may be untrue without such a row."""
        ...


@dataclass
class Known:
    """A law about a table's answers where its key is made of some runs, bits of a space."""

    side: int
    table: OpenTable
    runs: Runs
    space: Space
    law: Law

    def stays(self, *, come: Iterable[Row] = (), gone: Iterable[Row] = ()) -> bool:
        """Whether the law stays true when rows of the table come and go."""
        allowed = all(self.law.allows(row.cube, row.decision[0]) for row in in_space(list(come), self.runs, self.space))
        return allowed and not any(self.law.rests_on(row.cube) for row in in_space(list(gone), self.runs, self.space))


def laws_against(
    rows: Iterable[Row], parts: Runs, space: Space, key: int, template: int, decide: frozenset[Term]
) -> Iterator[FieldLaw]:
    """Laws by which rows do not answer a template to a key of the space: those about one of its parts in which some of
    the variables are that ``decide`` whether others are asked.

    A key that a law is about is held by the row of :attr:`FieldLaw.within`. So that row wins or an earlier one, and its
    field is not elsewhere.
    """
    rows = list(rows)
    for _, width, leaf, start in parts:
        if decide.isdisjoint(b.variables(leaf)):
            continue
        low = space.place(leaf) + start
        here = part((key, (1 << space.width) - 1), low, width)
        alone = ((1 << width) - 1) << low
        answers: dict[Cube, set[int]] = {}
        for row in rows:
            cube = part(row.cube, low, width)
            answers.setdefault(cube, set()).add(row.decision[0])
            if len(answers) > MOST:
                break
            if overlap(cube, here) and not row.mask & ~alone:
                there = {other for other in answers if overlap(other, here)}
                templates = frozenset(number for other in there for number in answers[other])
                if template not in templates:
                    field = b.extract(leaf, start + width - 1, start)
                    yield FieldLaw(field, low, frozenset(answers) - there, templates, cube)
                break
