"""A part of the input space on which few rows of a table can be met: there they are told in full.

A side may ask a large table where the other side asks none: where its key has a constant in it (a port of packets that
have none) that few rules ask for, an artifact may have these in a small list of their own, which is in terms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from ..proofs.plain_keys import Space
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, Row
from ..semantics.meaning.opened import Answered, OpenTable

FEW: Final = 16
"""Rows that are told."""


@dataclass(frozen=True)
class RowsLaw:
    """That a table answers what the first of some rows does that holds the input: these are all that an input of a part
    meets, and the last one holds every one."""

    rows: tuple[tuple[Term, Answered], ...]
    """For each that it holds the input, and its answer."""

    def says(self, table: OpenTable, key: Term) -> Term:
        """The law for the key."""
        return b.and_(*self._said(table, key))

    def _said(self, table: OpenTable, key: Term) -> Iterator[Term]:
        before: list[Term] = []
        for inside, answer in self.rows:
            yield b.or_(b.not_(inside), *before, b.and_(*table.answers(key, answer)))
            before.append(inside)

    def allows(self, cube: Cube, template: int) -> bool:
        """Whether it stays true with a row more that an input of the part may meet: nothing is known of its place."""
        return False

    def rests_on(self, cube: Cube) -> bool:
        """Whether it may be untrue without a row."""
        return True


def rows_law(rows: Sequence[Row], space: Space) -> RowsLaw | None:
    """The law, if the rows of a list over a space are few and the last one holds every key."""
    if len(rows) > FEW or not rows or rows[-1].mask:
        return None
    return RowsLaw(tuple((space.condition(row.cube), row.decision) for row in rows))
