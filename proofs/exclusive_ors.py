"""Parts whose two sides are the same exclusive ors of bits, which is seen without a solver.

A cyclic redundancy check is an exclusive or of bits of what it covers, and of a constant. Two ways to compute it (bit
by bit, by products, over all fields or one after the other) are deep networks that share nothing inside, of which
solvers do not see that they are one. Here each bit of a term is told as the set of bits that it is the exclusive or of;
what is no exclusive or is a bit of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from operator import xor
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation

FEWEST: Final = 8
"""Exclusive ors in a part, with fewer of which a solver is asked at once."""

LARGEST: Final = 20_000
"""Nodes of a part that are looked at."""

Sums = tuple[int, ...]
"""For each bit of a term, the lowest first, what it is the exclusive or of: bit 0 stands for 1, others for bits of
terms."""


def without_equal_sums(obligation: Obligation) -> Obligation:
    """An obligation that holds if and only if this one does, without the parts whose sides are the same exclusive
    ors."""
    known = _ExclusiveOrs()
    parts = tuple(p for p in obligation.parts if p.pair is None or not known.same(*p.pair[1:]))
    return obligation if len(parts) == len(obligation.parts) else replace(obligation, parts=parts)


class _ExclusiveOrs:
    def __init__(self) -> None:
        self._numbers: dict[tuple[Term, int], int] = {}
        self._sums: dict[Term, Sums] = {}

    def same(self, x: Term, y: Term) -> bool:
        """Whether two terms are seen to be the same exclusive ors."""
        if x.sort != y.sort or x.sort.index:
            return False
        nodes = b.postorder([x, y])
        if sum(node.op == "bxor" for node in nodes) < FEWEST or len(nodes) > LARGEST:
            return False
        for node in nodes:
            if node not in self._sums:
                self._sums[node] = self._of(node)
        return self._sums[x] == self._sums[y]

    def _of(self, term: Term) -> Sums:
        """The sums of a term whose arguments' are known."""
        if term.sort.index:
            return ()
        if term.is_const:
            return _constant(int(term.value), max(1, term.width))
        args = [self._sums[arg] for arg in term.args]
        found = self._combined(term, args) if args and all(args) else None  # an array has no bits
        return found if found is not None else tuple(self._own(term, i) for i in range(max(1, term.width)))

    def _own(self, term: Term, index: int) -> int:
        """A bit that is no exclusive or."""
        return 1 << self._numbers.setdefault((term, index), len(self._numbers) + 1)

    def _combined(self, term: Term, args: Sequence[Sums]) -> Sums | None:
        match term.op:
            case "bxor":
                return tuple(reduce(xor, column) for column in zip(*args, strict=True))
            case "bnot" | "not":
                return tuple(bit ^ 1 for bit in args[0])
            case "concat":
                return tuple(bit for arg in reversed(args) for bit in arg)
            case "extract":
                high, low = term.bounds
                return args[0][low : high + 1]
            case "mul":
                return _product(*args) if len(args) == 2 else None
            case "shl" | "lshr":
                return _shifted(term, args[0])
            case "band" | "bor":
                return tuple(self._joined(term, i, column) for i, column in enumerate(zip(*args, strict=True)))
            case "eq":
                return _equal(args[0], args[1])
            case "ite":
                return self._chosen(term, *args)
        return None

    def _joined(self, term: Term, index: int, column: Sequence[int]) -> int:
        """A bit of an ``and`` or ``or``, of which at most one argument's is none that is known."""
        known = 0 if term.op == "band" else 1
        if known in column:
            return known
        left = set(column) - {1 - known}
        return left.pop() if len(left) == 1 else 1 - known if not left else self._own(term, index)

    def _chosen(self, term: Term, condition: Sums, then: Sums, otherwise: Sums) -> Sums:
        """``ite(c, x, y)`` is ``y`` where both have the same bit, and ``y ^ c`` where one has the other's opposite."""
        by = {0: 0, 1: condition[0]}
        return tuple(
            y ^ by[x ^ y] if x ^ y in by else self._own(term, i)
            for i, (x, y) in enumerate(zip(then, otherwise, strict=True))
        )


def _constant(value: int, width: int) -> Sums:
    return tuple(value >> i & 1 for i in range(width))


def _shifted(term: Term, bits: Sums) -> Sums | None:
    """By a constant number of bits, zeros coming in."""
    if not term.args[1].is_const:
        return None
    count = min(int(term.args[1].value), len(bits))
    zeros = (0,) * count
    return zeros + bits[: len(bits) - count] if term.op == "shl" else bits[count:] + zeros


def _product(x: Sums, y: Sums) -> Sums | None:
    """Of a literal and a term of which one bit alone may be set."""
    for literal, other in ((x, y), (y, x)):
        places = [i for i, bit in enumerate(other) if bit]
        if len(places) == 1 and all(bit in (0, 1) for bit in literal):
            [place] = places
            return (0,) * place + tuple(other[place] * bit for bit in literal[: len(literal) - place])
    return None


def _equal(x: Sums, y: Sums) -> Sums | None:
    """Whether two terms are equal, if that hangs on one bit."""
    differ = {first ^ second for first, second in zip(x, y, strict=True)} - {0}
    if 1 in differ:
        return (0,)
    if len(differ) > 1:
        return None
    return (differ.pop() ^ 1,) if differ else (1,)
