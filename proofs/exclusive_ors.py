"""Terms that are the same exclusive ors of bits, which is seen without a solver.

A cyclic redundancy check is an exclusive or of bits of what it covers, and of a constant. Two ways to compute it (bit
by bit, by products, over all fields or one after the other) are deep networks that share nothing inside, of which
solvers do not see that they are one. Here each bit of a term is told as the set of bits that it is the exclusive or of;
what is no exclusive or is a bit of its own.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import reduce
from operator import xor
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, terms_of, told_by

FEWEST: Final = 8
"""Bits of which most of a term's are the exclusive or; less is left to a solver."""

LARGEST: Final = 40_000
"""Nodes of all parts together that are looked at."""

MOST_WRITTEN: Final = 100_000
"""Bits that are written out."""

Sums = tuple[int, ...]
"""For each bit of a term, the lowest first, what it is the exclusive or of: bit 0 stands for 1, others for bits of
terms."""


def with_equal_sums_met(obligation: Obligation) -> Obligation:
    """An obligation that holds if and only if this one does, in which terms that are the same exclusive ors, or a slice
    of such, are the same terms bit by bit; parts whose sides are one then are gone."""
    new = _met([*terms_of(obligation.parts), obligation.context])
    if new is None:
        return obligation
    *terms, context = new
    parts = tuple(part for part in told_by(obligation.parts, terms) if part.differ is not b.FALSE)
    return replace(obligation, context=context, parts=parts)


def _met(roots: Sequence[Term]) -> list[Term] | None:
    """``roots`` with what occurs twice written as bits; None if nothing does."""
    nodes = b.postorder(roots)
    if sum(node.op == "bxor" for node in nodes) < FEWEST or len(nodes) > LARGEST:
        return None
    known, places, twice = _ExclusiveOrs(), dict[int, list[tuple[Term, int]]](), set[Term]()
    for node in nodes:
        sums = known.of(node)
        if sum(bit.bit_count() >= FEWEST for bit in sums) * 2 <= len(sums):
            continue
        there = next(
            (one for one, low in places.get(sums[0], ()) if known.of(one)[low : low + len(sums)] == sums), None
        )
        if there is not None:
            twice |= {node, there}
            continue
        for low, bit in enumerate(sums):
            places.setdefault(bit, []).append((node, low))
    size = sum(bit.bit_count() for node in twice for bit in known.of(node))
    return _Written(known, twice).all(roots) if twice and size <= MOST_WRITTEN else None


class _Written:
    """Terms in which some are written as bits, each of them the exclusive or of the same bits in the same order."""

    def __init__(self, known: _ExclusiveOrs, as_bits: Container[Term]) -> None:
        self._known, self._as_bits = known, as_bits
        self._new: dict[Term, Term] = {}
        self._bits: dict[int, Term] = {}

    def all(self, roots: Sequence[Term]) -> list[Term]:
        """The terms anew."""
        stack = list(roots)
        while stack:
            term = stack[-1]
            if term in self._new:
                stack.pop()
                continue
            as_bits = term in self._as_bits
            needs = self._known.terms_in(self._known.of(term)) if as_bits else term.args
            missing = [need for need in needs if need not in self._new]
            stack += missing
            if not missing:
                self._new[term] = self._written(term) if as_bits else self._rebuilt(term)
        return [self._new[root] for root in roots]

    def _rebuilt(self, term: Term) -> Term:
        return b.rebuild(term, tuple(self._new[arg] for arg in term.args))

    def _written(self, term: Term) -> Term:
        bits = [self._bit(bit) for bit in reversed(self._known.of(term))]
        return b.to_bool(bits[0]) if term.sort is b.BOOL else b.concat(*bits)

    def _bit(self, sum_: int) -> Term:
        if sum_ not in self._bits:
            parts = [self._part(what) for what in self._known.parts_of(sum_)]
            made = reduce(b.bxor, parts) if parts else b.bv(0, 1)
            self._bits[sum_] = b.bnot(made) if sum_ & 1 else made
        return self._bits[sum_]

    def _part(self, what: Own) -> Term:
        if isinstance(what, frozenset):
            return reduce(b.band, map(self._bit, sorted(what)))
        term, index = what
        new = self._new[term]
        return b.from_bool(new) if new.sort is b.BOOL else b.extract(new, index, index)


Own = tuple[Term, int] | frozenset[int]
"""A bit that is no exclusive or: which bit of which term, or the bits that it is the ``and`` of."""


class _ExclusiveOrs:
    def __init__(self) -> None:
        self._numbers: dict[Own, int] = {}
        self._owns: list[Own] = []
        self._sums: dict[Term, Sums] = {}

    def parts_of(self, sum_: int) -> Iterator[Own]:
        """What a bit is the exclusive or of, but for a constant."""
        rest = sum_ >> 1
        while rest:
            lowest = rest & -rest
            yield self._owns[lowest.bit_length() - 1]
            rest ^= lowest

    def terms_in(self, sums: Iterable[int]) -> list[Term]:
        """The terms whose bits are in sums, also in what those are the ``and`` of."""
        found: dict[Term, None] = {}
        todo, seen = list(sums), set[int]()
        while todo:
            sum_ = todo.pop()
            if sum_ in seen:
                continue
            seen.add(sum_)
            for what in self.parts_of(sum_):
                if isinstance(what, frozenset):
                    todo += what
                else:
                    found[what[0]] = None
        return list(found)

    def of(self, term: Term) -> Sums:
        """The sums of a term, after those of its arguments; () if it has no bits."""
        return self._sums.setdefault(term, self._of(term))

    def _of(self, term: Term) -> Sums:
        """The sums of a term whose arguments' are known."""
        if term.sort.index:
            return ()
        if term.is_const:
            return _constant(int(term.value), max(1, term.width))
        args = [self._sums[arg] for arg in term.args]
        found = self._combined(term, args) if args and all(args) else None  # an array has no bits
        return found if found is not None else tuple(self._own((term, i)) for i in range(max(1, term.width)))

    def _own(self, what: Own) -> int:
        if what not in self._numbers:
            self._owns.append(what)
            self._numbers[what] = len(self._owns)
        return 1 << self._numbers[what]

    def _all(self, bits: Iterable[int]) -> int:
        """The ``and`` of some bits."""
        left = frozenset(bits) - {1}
        if 0 in left:
            return 0
        return self._own(left) if len(left) > 1 else next(iter(left), 1)

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
            case "band" | "and":
                return tuple(map(self._all, zip(*args, strict=True)))
            case "bor" | "or":
                return tuple(1 ^ self._all(bit ^ 1 for bit in column) for column in zip(*args, strict=True))
            case "eq":
                return _equal(args[0], args[1])
            case "ite":
                return self._chosen(*args)
        return None

    def _chosen(self, condition: Sums, then: Sums, otherwise: Sums) -> Sums:
        """``ite(c, x, y)`` is ``y ^ (c & (x ^ y))``."""
        return tuple(y ^ self._all((condition[0], x ^ y)) for x, y in zip(then, otherwise, strict=True))


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
