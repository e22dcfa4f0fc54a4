"""Rows that no input of a part meets, left out, and fields of keys that have one value there.

A part of the input space is described by a condition, and rows are compared for all values of the bits that their keys
are made of there. Where the condition is about such bits (a time to live of more than 1, a type that filters are for),
rows that ask for others would come out as differences that make none, and rows that ask for what all inputs have would
not be like those that do not. Both are found by fields that few values of are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..proofs.engine import Engine
from ..proofs.plain_keys import Run, Runs, in_cube, same_bits
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, Row, meet, part

FEW: Final = 8
"""Values of a field that rows ask for; of one with more nothing is asked."""
SECONDS: Final = 1.0
"""For each of them."""

Unmet = frozenset[tuple[int, int, Cube]]
"""Fields of a key by lowest bit and width, each with a cube that it is in on no input of a part."""


Fixed = Mapping[Term, Cube]
"""By leaf of a key those of its bits that have one value on a part, and that value."""


def unmet(rows: Sequence[Row], key: Runs, condition: Term, engine: Engine) -> tuple[Unmet, Fixed]:
    """What rows ask of the fields of a key that no input has where a condition holds, and what all inputs have there.

    A field is in this part of the key only where it has bits in common with what the condition is about; neighbours are
    one field (a type's bytes) while rows ask for few values. What the engine does not know, inputs have.
    """
    never: set[tuple[int, int, Cube]] = set()
    fixed: dict[Term, Cube] = {}
    for field in _fields(rows, key, condition):
        other = [cube for cube in sorted(field.asked) if cube[1] and not field.is_met(cube, condition, engine)]
        never.update((field.low, field.width, cube) for cube in other)
        left = [cube for cube in field.asked if cube[1] and cube not in other]
        if len(left) == 1 and left[0][1] == field.all and field.is_only(left[0][0], condition, engine):
            fixed = all_fixed(fixed, field.fixed(left[0][0]))
    return frozenset(never), fixed


def all_fixed(*some: Fixed) -> dict[Term, Cube]:
    """All of these bits."""
    found: dict[Term, Cube] = {}
    for one in some:
        for leaf, cube in one.items():
            found[leaf] = meet(found.get(leaf, (0, 0)), cube)
    return found


def with_fixed(key: Runs, fixed: Fixed) -> Runs:
    """The key with these bits as constants. Both keys of a part get all that is known there, so that rows that were
    alike stay so."""
    return tuple(run for one in key for run in _with_fixed(one, fixed.get(one[2], (0, 0))))


def _with_fixed(run: Run, known: Cube) -> Iterator[Run]:
    low, width, leaf, start = run
    for high, bottom in reversed(list(same_bits(known[1], start + width - 1, start))):
        place, some = low + bottom - start, high - bottom + 1
        value, mask = part(known, bottom, some)
        yield (place, some, b.bv(value, some), 0) if mask else (place, some, leaf, bottom)


def met(rows: Sequence[Row], unmet: Unmet) -> Sequence[Row]:
    """The rows that ask for nothing of that."""
    return [row for row in rows if not any(part(row.cube, low, width) == cube for low, width, cube in unmet)]


@dataclass(frozen=True)
class _Field:
    """Neighbouring runs of a key, lowest first, and what rows ask of them."""

    runs: Runs
    asked: frozenset[Cube]

    @property
    def low(self) -> int:
        return self.runs[0][0]

    @property
    def width(self) -> int:
        return sum(width for _, width, _, _ in self.runs)

    @property
    def all(self) -> int:
        """The mask of all its bits."""
        return (1 << self.width) - 1

    @property
    def term(self) -> Term:
        return b.concat(*(b.extract(leaf, start + width - 1, start) for _, width, leaf, start in reversed(self.runs)))

    def is_met(self, cube: Cube, condition: Term, engine: Engine) -> bool:
        """Whether an input may have that."""
        return not engine.refuted(b.and_(condition, in_cube(self.term, cube)), "what rows ask for", SECONDS)

    def is_only(self, value: int, condition: Term, engine: Engine) -> bool:
        """Whether it is known that no input has another value."""
        other = b.not_(in_cube(self.term, (value, self.all)))
        return engine.refuted(b.and_(condition, other), "what inputs have", SECONDS)

    def fixed(self, value: int) -> Fixed:
        """The bits of its leaves, if that is its value."""
        return all_fixed(*(
            {leaf: ((value >> low - self.low & ((1 << width) - 1)) << start, ((1 << width) - 1) << start)}
            for low, width, leaf, start in self.runs
        ))  # fmt: skip


def _fields(rows: Sequence[Row], key: Runs, condition: Term) -> Iterator[_Field]:
    about = frozenset(b.variables(condition))
    found: _Field | None = None
    for run in key:
        concerned = not (run[2].is_const or about.isdisjoint(b.variables(run[2])))
        alone = _field(rows, (run,)) if concerned else None
        longer = _field(rows, (*found.runs, run)) if found and alone else None
        if found and not longer:
            yield found
        found = longer or alone
    if found:
        yield found


def _field(rows: Sequence[Row], runs: Runs) -> _Field | None:
    """Neighbouring runs as a field, if rows ask for few values of it."""
    low, width = runs[0][0], sum(one[1] for one in runs)
    asked: set[Cube] = set()
    for row in rows:
        asked.add(part(row.cube, low, width))
        if len(asked) > FEW:
            return None
    return _Field(runs, frozenset(asked))
