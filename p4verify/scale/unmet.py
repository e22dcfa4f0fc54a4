"""Rows that no input of a part meets, left out.

A part of the input space is described by a condition, and rows are compared for all values of the bits that their keys
are made of there. Where the condition is about such bits (a time to live of more than 1), rows that ask for others
would come out as differences that make none. Those are found by fields that few values of are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from ..proofs.engine import Engine
from ..proofs.plain_keys import Runs, in_cube
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, Row, part

FEW: Final = 8
"""Values of a field that rows ask for; of one with more nothing is asked."""
SECONDS: Final = 1.0
"""For each of them."""

Unmet = frozenset[tuple[int, int, Cube]]
"""Fields of a key by lowest bit and width, each with a cube that it is in on no input of a part."""


def unmet(rows: Sequence[Row], key: Runs | None, condition: Term, engine: Engine) -> Unmet:
    """What rows ask of the fields of a key that no input has where a condition holds. A field is in this part of the
    key only where it has bits in common with what the condition is about; what the engine does not know, inputs have.
    """
    return frozenset(_unmet(rows, key or (), condition, engine))


def _unmet(rows: Sequence[Row], key: Runs, condition: Term, engine: Engine) -> Iterator[tuple[int, int, Cube]]:
    about = frozenset(b.variables(condition))
    for low, width, leaf, start in key:
        if leaf.is_const or about.isdisjoint(b.variables(leaf)):
            continue
        asked: set[Cube] = set()
        for row in rows:
            asked.add(part(row.cube, low, width))
            if len(asked) > FEW:
                break
        else:
            field = b.extract(leaf, start + width - 1, start)
            for value, mask in sorted(asked):
                inside = in_cube(field, (value, mask))
                if mask and engine.refuted(b.and_(condition, inside), "what rows ask for", SECONDS):
                    yield low, width, (value, mask)


def met(rows: Sequence[Row], unmet: Unmet) -> Sequence[Row]:
    """The rows that ask for nothing of that."""
    return [row for row in rows if not any(part(row.cube, low, width) == cube for low, width, cube in unmet)]
