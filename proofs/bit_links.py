"""How the bits of one number hang together with those of another, learned from examples of which a few may be wrong.

Several numbers are one, the first of them lowest. A bit of the second number is linked to a bit of the first, or to a
constant, if they are equal in nearly all examples; neighbours are linked to neighbours where that can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import Final, NamedTuple

from ..semantics import bits as b
from ..semantics.bits import Term

ENOUGH: Final = 0.8
"""The part of the examples that a link has to hold of."""


COUNTS: Final = 10
"""A wrong example counts as so many right ones."""


class Link(NamedTuple):
    """Bits of the second number from ``to`` on are the first's from ``start`` on (-1: the constant ``value``)."""

    to: int
    width: int
    start: int
    value: int = 0

    def condition(self, first: Term | None, second: Term) -> Term:
        """The link as a term over both numbers."""
        bits = b.extract(second, self.to + self.width - 1, self.to)
        if self.start < 0:
            return b.eq(bits, b.bv(self.value, self.width))
        assert first is not None
        return b.eq(bits, b.extract(first, self.start + self.width - 1, self.start))


def holds(link: Link, first: int, second: int) -> bool:
    """Whether the link holds of two numbers."""
    wanted = link.value if link.start < 0 else first >> link.start
    return not ((second >> link.to) ^ wanted) & ((1 << link.width) - 1)


def together(numbers: Sequence[int], widths: Sequence[int]) -> int:
    """Numbers side by side, the first one lowest."""
    found = 0
    for number, place in zip(numbers, accumulate(widths, initial=0), strict=False):
        found |= number << place
    return found


def links_of(examples: Sequence[tuple[int, int]], first: Sequence[int], second: Sequence[int]) -> frozenset[Link]:
    """The links between numbers of these widths: those that say most first, so that bits that are nearly equal by
    chance make none."""
    mine = _columns([x for x, _ in examples], sum(first))
    theirs = _columns([y for _, y in examples], sum(second))
    allowed = int(len(examples) * (1 - ENOUGH))
    constant = [min(c.bit_count(), len(examples) - c.bit_count()) <= allowed for c in theirs]
    found: list[Link] = []
    taken: set[int] = set()

    def says(link: Link) -> tuple[float, int, int, int]:
        """How well it fits on bits that change, then how long it is."""
        fits = 0.0
        for i in range(link.width):
            if not constant[link.to + i]:
                wrong = (mine[link.start + i] ^ theirs[link.to + i]).bit_count()
                fits += 1 - COUNTS * wrong / len(examples)
        return -fits, -link.width, link.to, link.start

    for link in sorted(_runs(mine, theirs, allowed, first, second), key=says):
        bits = [bit for bit in range(link.to, link.to + link.width) if bit not in taken]
        if all(constant[bit] for bit in bits) or says(link)[0] >= 0:
            continue
        for low, width in _neighbours(bits):
            found.append(Link(low, width, link.start + low - link.to))
        taken.update(bits)
    rest = [bit for bit in range(len(theirs)) if bit not in taken and constant[bit]]
    for low, width in _neighbours(rest):
        ones = [2 * theirs[bit].bit_count() > len(examples) for bit in range(low, low + width)]
        found.append(Link(low, width, -1, sum(one << i for i, one in enumerate(ones))))
    return frozenset(found)


def _runs(
    mine: Sequence[int], theirs: Sequence[int], allowed: int, first: Sequence[int], second: Sequence[int]
) -> Iterator[Link]:
    """Neighbours of one number that are all equal to neighbours of another; none could be longer."""
    for from_, width in zip(accumulate(first, initial=0), first, strict=False):
        for to, other in zip(accumulate(second, initial=0), second, strict=False):
            for shift in range(1 - width, other):
                length = 0
                for at in range(max(0, shift), min(other, width + shift) + 1):
                    equal = at < min(other, width + shift)
                    if equal and (mine[from_ + at - shift] ^ theirs[to + at]).bit_count() <= allowed:
                        length += 1
                        continue
                    if length:
                        yield Link(to + at - length, length, from_ + at - length - shift)
                    length = 0


def _neighbours(bits: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Numbers in ascending order as runs of neighbours: the first of each, and how many."""
    start = 0
    for i in range(1, len(bits) + 1):
        if i == len(bits) or bits[i] != bits[i - 1] + 1:
            yield bits[start], i - start
            start = i


def _columns(numbers: Sequence[int], width: int) -> list[int]:
    """For every bit its values in all examples, one bit for each."""
    found = [0] * width
    for at, number in enumerate(numbers):
        while number:
            bit = number & -number
            found[bit.bit_length() - 1] |= 1 << at
            number ^= bit
    return found
