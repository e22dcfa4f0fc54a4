"""What a table answers where a field of its key has a value that few of its rows ask for.

A side may ask a table where the other side asks none: where no rule has the packet's port, an artifact may have done
with the packet before its table. There the rows are not compared with others, and what they answer is known by the
values that the field has in them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ..proofs.plain_keys import runs
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, overlap
from ..semantics.meaning.opened import OpenTable

MOST: Final = 64
"""Values of a field that rows tell apart; of a field with more nothing is said."""


@dataclass(frozen=True)
class FieldLaw:
    """That where a field of a table's key is in none of some cubes, the table answers one of some templates."""

    table: str
    low: int
    """The field's lowest bit in the key."""
    width: int
    elsewhere: frozenset[Cube]
    templates: frozenset[int]

    def says(self, table: OpenTable, key: Term) -> Term:
        """The law for one key that the table is asked for."""
        field = b.extract(key, self.low + self.width - 1, self.low)
        inside = (
            b.eq(b.band(field, b.bv(mask, self.width)), b.bv(value, self.width)) for value, mask in self.elsewhere
        )
        return b.or_(*inside, *(table.is_template(key, number) for number in self.templates))

    def allows(self, cube: Cube, template: int) -> bool:
        """Whether it stays true with a row more."""
        value, mask = _field(cube, self.low, self.width)
        return template in self.templates or any(
            wider & mask == wider and not (value ^ other) & wider for other, wider in self.elsewhere
        )


def laws_against(table: OpenTable, key: Term, value: int, template: int, decide: frozenset[Term]) -> Iterator[FieldLaw]:
    """Laws by which a table does not answer a template to a key of some value: those about one of its fields, as the
    key's term is put together of them, in which some of the variables are that ``decide`` whether others are asked."""
    for low, width, leaf, _ in runs(key):
        if decide.isdisjoint(b.variables(leaf)):
            continue
        answers: dict[Cube, set[int]] = {}
        for row in table.rows:
            answers.setdefault(_field(row.cube, low, width), set()).add(row.decision[0])
            if len(answers) > MOST:
                break
        else:
            here = _field((value, (1 << key.width) - 1), low, width)
            there = {cube for cube in answers if overlap(cube, here)}
            templates = frozenset(number for cube in there for number in answers[cube])
            if template not in templates:
                yield FieldLaw(table.name, low, width, frozenset(answers) - there, templates)


def _field(cube: Cube, low: int, width: int) -> Cube:
    value, mask = cube
    bits = (1 << width) - 1
    return value >> low & bits, mask >> low & bits
