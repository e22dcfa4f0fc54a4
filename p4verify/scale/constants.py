"""What a table answers to keys of which some fields are constant.

A copy of a frame asks for what goes to its own port, and rules may be about few ports.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ..proofs.plain_keys import runs
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, overlap, part
from ..semantics.meaning.opened import OpenTable


@dataclass(frozen=True)
class ValueLaw:
    """That where a field of a table's key has some value, the table answers one of some templates."""

    table: str
    low: int
    """The field's lowest bit in the key."""
    width: int
    value: int
    templates: frozenset[int]

    def says(self, table: OpenTable, key: Term) -> Term:
        """The law for one key that the table is asked for."""
        field = b.extract(key, self.low + self.width - 1, self.low)
        other = b.ne(field, b.bv(self.value, self.width))
        return b.or_(other, *(table.is_template(key, number) for number in sorted(self.templates)))

    def allows(self, cube: Cube, template: int) -> bool:
        """Whether it stays true with a row more; it does with one fewer."""
        return template in self.templates or not self.meets(cube)

    def meets(self, cube: Cube) -> bool:
        """Whether a row holds a key with this value."""
        return overlap(part(cube, self.low, self.width), (self.value, (1 << self.width) - 1))


def laws_of_constants(table: OpenTable, key: Term) -> Iterator[ValueLaw]:
    """Laws about the fields of a key that are constant, as far as they say something."""
    for low, width, leaf, start in runs(key):
        if not leaf.is_const:
            continue
        value = leaf.value >> start & ((1 << width) - 1)
        any_ = ValueLaw(table.name, low, width, value, frozenset())
        found: set[int] = set()
        for row in table.rows:
            if row.decision[0] not in found and any_.meets(row.cube):
                found.add(row.decision[0])
                if len(found) == len(table.templates):
                    break
        else:
            yield replace(any_, templates=frozenset(found))
