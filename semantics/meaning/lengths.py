"""What was emitted, told apart by its length only: which header a byte comes from is a choice in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Final

from .. import bits as b
from ..bits import Term
from ..source import Span, Unsupported
from .state import Piece

MAX_LENGTHS: Final = 512
"""Lengths of one frame, or of one varbit in it, that are told apart."""

_Way = tuple[Term, Term | None]
"""Where a piece emits these bits (None: nothing)."""


@dataclass(frozen=True, slots=True)
class _Placed:
    """Bits that lie ``start`` units behind the frame's beginning, where ``when``."""

    when: Term
    start: int
    parts: tuple[Term, ...]


def by_length(pieces: Sequence[Piece], span: Span) -> Iterator[tuple[Term, list[Term]]]:
    """For each number of bits that pieces may emit in all: where it is so many, and the bits in parts of one width.

    The conditions exclude each other, and one of them holds.

    Raises:
        Unsupported: there are too many lengths.
    """
    ways = [_ways(piece) for piece in pieces]
    unit = gcd(8, *(bits.width for some in ways for _, bits in some if bits is not None))
    placed: list[_Placed] = []
    reached: dict[int, Term] = {0: b.TRUE}
    for some in ways:
        reached = _after(reached, some, unit, placed)
        if len(reached) > MAX_LENGTHS:
            raise Unsupported(f"more than {MAX_LENGTHS} lengths of the output", span)
    parts = _chosen(placed, max(reached))
    for length, when in reached.items():
        yield when, parts[:length]


def _after(reached: dict[int, Term], ways: Sequence[_Way], unit: int, placed: list[_Placed]) -> dict[int, Term]:
    """The lengths after one more piece, each with where it is that; the piece's bits are added to ``placed``."""
    grown: dict[int, list[Term]] = {}
    for condition, bits in ways:
        parts = tuple(b.chunks(bits, unit)) if bits is not None else ()
        for length, before in reached.items():
            when = b.and_(before, condition)
            if when is b.FALSE:
                continue
            grown.setdefault(length + len(parts), []).append(when)
            if parts:
                placed.append(_Placed(when, length, parts))
    return {length: b.or_(*some) for length, some in grown.items()}


def _chosen(placed: Sequence[_Placed], count: int) -> list[Term]:
    """The parts of a frame in order: of what may lie at a place inside of it, exactly one does. Frames of all lengths
    share them, so that there are as many choices as places, not as many as lengths times places."""
    chosen: list[Term | None] = [None] * count
    for item in placed:
        for at, part in enumerate(item.parts, item.start):
            other = chosen[at]
            chosen[at] = part if other is None else b.ite(item.when, part, other)
    return [part for part in chosen if part is not None]


def _ways(piece: Piece) -> list[_Way]:
    """What a piece emits, with conditions that exclude each other."""
    ways: list[_Way] = [(b.not_(piece.when), None)]
    work = [(piece.when, piece.length)]
    while work:
        when, length = work.pop()
        if when is b.FALSE:
            continue
        if length is not None and length.op == "ite":
            work += [(b.and_(when, length.args[0]), length.args[1])]
            work += [(b.and_(when, b.not_(length.args[0])), length.args[2])]
        elif length is not None and not length.is_const:
            raise Unsupported("a varbit whose length cannot be told apart", piece.span)
        else:
            ways.append((when, _bits_of(piece.bits, length)))
        if len(ways) + len(work) > MAX_LENGTHS:
            raise Unsupported(f"a varbit of more than {MAX_LENGTHS} lengths", piece.span)
    return [way for way in ways if way[0] is not b.FALSE]


def _bits_of(bits: Term, length: Term | None) -> Term | None:
    """The bits that a piece emits whose length is known; None for none."""
    if length is None:
        return bits
    return b.extract(bits, bits.width - 1, bits.width - length.value) if length.value else None
