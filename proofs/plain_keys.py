"""Rows over keys that are bits of the input side by side, as rows over those bits.

Two keys that read the same bits of a frame in different orders, or one of them fewer, are brought to one space: every
leaf (a variable, or a term that is taken as it is) has bits of its own there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.classifier import Cube, Row, part

Run = tuple[int, int, Term, int]
Runs = tuple[Run, ...]
"""``(low, width, leaf, from)``: bits of a key from ``low`` on that are bits of a leaf from ``from`` on."""


def runs(key: Term) -> Runs:
    """The runs of a key, lowest first, constants among them."""
    found: list[tuple[int, int, Term, int]] = []
    low = 0
    for piece in reversed(list(_side_by_side(key))):
        leaf, start = piece, 0
        if piece.op == "extract":
            leaf, start = piece.args[0], piece.bounds[1]
        found.append((low, piece.width, leaf, start))
        low += piece.width
    return tuple(found)


def _side_by_side(key: Term) -> Iterator[Term]:
    """The parts of a key, highest first. Bits that a mask sets, or clears, are constants (a tag's presence, say, is a
    bit that is set beside its number)."""
    if key.op == "concat":
        for arg in key.args:
            yield from _side_by_side(arg)
        return
    inner, (high, low) = (key.args[0], key.bounds) if key.op == "extract" else (key, (key.width - 1, 0))
    mask = next((arg for arg in inner.args if arg.is_const), None) if inner.op in _MASKED else None
    if mask is None:
        yield key
        return
    value = next(arg for arg in inner.args if arg is not mask)
    fixed = _MASKED[inner.op]
    for top, bottom in same_bits(mask.value, high, low):
        if (mask.value >> bottom & 1) == fixed:
            yield b.bv(-fixed, top - bottom + 1)
        else:
            yield from _side_by_side(b.extract(value, top, bottom))


_MASKED: Final = {"bor": 1, "band": 0}
"""The bits of a mask that fix bits of the result, to the same."""


def same_bits(mask: int, high: int, low: int) -> Iterator[tuple[int, int]]:
    """The runs of equal bits between two places, highest first."""
    top = high
    for at in range(high, low - 1, -1):
        if at == low or (mask >> at & 1) != (mask >> (at - 1) & 1):
            yield top, at
            top = at - 1


@dataclass
class Space:
    """Bits of leaves, each at a place of its own."""

    places: dict[Term, int] = field(default_factory=dict)
    width: int = 0

    def place(self, leaf: Term) -> int:
        """Where the lowest bit of a leaf is."""
        if leaf not in self.places:
            self.places[leaf] = self.width
            self.width += leaf.width
        return self.places[leaf]

    @property
    def term(self) -> Term:
        """The leaves side by side, each at its place."""
        return b.concat(*(leaf for leaf, _ in sorted(self.places.items(), key=lambda one: -one[1])))

    def condition(self, cube: Cube) -> Term:
        """That the leaves' bits are in a cube."""
        return b.and_(*(in_cube(leaf, part(cube, place, leaf.width)) for leaf, place in self.places.items()))


def in_cube(term: Term, cube: Cube) -> Term:
    """That a term is in a cube."""
    value, mask = cube
    return b.eq(b.band(term, b.bv(mask, term.width)), b.bv(value, term.width))


def in_space(rows: Sequence[Row], key: Runs, space: Space) -> list[Row]:
    """The rows over a key as rows over the space, in their order; without those that no input there meets, and up to
    the first that all meet."""
    fixed = fixed_mask = 0
    moves: list[tuple[int, int, int]] = []
    for low, width, leaf, start in key:
        if leaf.is_const:
            fixed |= (leaf.value >> start & ((1 << width) - 1)) << low
            fixed_mask |= ((1 << width) - 1) << low
            continue
        place = space.place(leaf) + start
        if moves and moves[-1][0] + moves[-1][1] == low and moves[-1][2] + moves[-1][1] == place:
            moves[-1] = moves[-1][0], moves[-1][1] + width, moves[-1][2]
        else:
            moves.append((low, width, place))
    return list(_moved(rows, fixed, fixed_mask, moves))


def _moved(rows: Iterable[Row], fixed: int, fixed_mask: int, moves: Sequence[tuple[int, int, int]]) -> Iterator[Row]:
    steps = [(low, (1 << width) - 1, place) for low, width, place in moves]
    masks: dict[int, int | None] = {}
    for row in rows:
        if (row.value ^ fixed) & row.mask & fixed_mask:
            continue
        mask = masks.get(row.mask, -1)
        if mask == -1:
            mask = masks[row.mask] = _mask(row.mask, steps)
        value = 0
        if mask is None:  # bits of one leaf stand in the key twice
            both = _with_repetitions(row, steps)
            if both is None:
                continue
            value, mask = both
        else:
            for low, ones, place in steps:
                value |= (row.value >> low & ones) << place
        yield Row(value, mask, row.decision, row.rank, row.origin)
        if not mask:
            return


def _mask(mask: int, steps: Sequence[tuple[int, int, int]]) -> int | None:
    """A mask over the space; None if a bit is asked for twice."""
    found = 0
    for low, ones, place in steps:
        part = (mask >> low & ones) << place
        if part & found:
            return None
        found |= part
    return found


def _with_repetitions(row: Row, steps: Sequence[tuple[int, int, int]]) -> Cube | None:
    """The row's cube over the space; None if it asks for both values of a bit."""
    value = mask = 0
    for low, ones, place in steps:
        own_value, own_mask = (row.value >> low & ones) << place, (row.mask >> low & ones) << place
        if (value ^ own_value) & mask & own_mask:
            return None
        value, mask = value | own_value, mask | own_mask
    return value, mask
