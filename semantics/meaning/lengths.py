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
    step: int
    """The number of the piece that they come from."""


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
    for step, some in enumerate(ways):
        reached = _after(reached, some, unit, step, placed)
        if len(reached) > MAX_LENGTHS:
            raise Unsupported(f"more than {MAX_LENGTHS} lengths of the output", span)
    ends = _ends([[0 if bits is None else bits.width // unit for _, bits in some] for some in ways], reached)
    covering: list[list[tuple[_Placed, frozenset[int]]]] = [[] for _ in range(max(reached))]
    for item in placed:
        stop = item.start + len(item.parts)
        for at in range(item.start, stop):
            covering[at].append((item, ends[item.step + 1].get(stop, frozenset())))
    for length, when in reached.items():
        yield when, [_chosen(covering[at], at, length) for at in range(length)]


def _after(
    reached: dict[int, Term], ways: Sequence[_Way], unit: int, step: int, placed: list[_Placed]
) -> dict[int, Term]:
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
                placed.append(_Placed(when, length, parts, step))
    return {length: b.or_(*some) for length, some in grown.items()}


def _ends(sizes: Sequence[Sequence[int]], last: dict[int, Term]) -> list[dict[int, frozenset[int]]]:
    """For each piece, and behind the last one: length so far → the lengths that there may be in the end."""
    ends = [{length: frozenset([length]) for length in last}]
    for some in reversed(sizes):
        after = ends[-1]
        before: dict[int, frozenset[int]] = {}
        for length, reach in after.items():
            for size in some:
                if size <= length:
                    before[length - size] = before.get(length - size, frozenset()) | reach
        ends.append(before)
    return ends[::-1]


def _chosen(covering: Sequence[tuple[_Placed, frozenset[int]]], at: int, length: int) -> Term:
    """Part ``at`` of a frame of ``length`` parts: of what may lie there, exactly one does."""
    chosen: Term | None = None
    for item, ends in covering:
        if length in ends:
            part = item.parts[at - item.start]
            chosen = part if chosen is None else b.ite(item.when, part, chosen)
    assert chosen is not None
    return chosen


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
