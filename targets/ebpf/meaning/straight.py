"""Numbers in a loop over the packet as straight lines: what hangs on the turn, and on how many bytes are left.

In turn ``i`` of a loop that begins at byte ``start`` of the input and moves ``step`` bytes a turn, ``rest`` bytes are
left: ``pkt.len`` is ``start + step * i + rest``. Terms are told as literals plus multiples of ``i``, ``rest`` and of
terms that stay as they are (:class:`Line`), conditions as what they say of ``rest`` alone. What cannot be told so is
None.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH
from .ranges import Ranges, interval

LONGEST: Final = 0xFFFF
"""Bytes of a frame."""
Limits = tuple[int, int]
"""The least and the greatest ``rest``."""


@dataclass(frozen=True, slots=True)
class Line:
    """``literal + turns * i + rest * r`` and so many times each of some terms."""

    literal: int = 0
    turns: int = 0
    rest: int = 0
    terms: Mapping[Term, int] | None = None

    def plus(self, other: Line, times: int = 1) -> Line:
        """The sum with a multiple of another one."""
        terms = dict(self.terms or {})
        for term, count in (other.terms or {}).items():
            terms[term] = terms.get(term, 0) + times * count
        return Line(
            self.literal + times * other.literal, self.turns + times * other.turns, self.rest + times * other.rest,
            {term: count for term, count in terms.items() if count},
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Course:
    """How a loop moves: from ``start`` by ``step`` (0: it has not moved yet, and ``rest`` may be less than 0); ``most``
    are the bytes from there on, at most."""

    done: Term
    """The variable that stands for ``step * i``, 64 bits."""
    turn: Term
    """... for ``i``."""
    start: Line
    step: int
    least: int
    """``start`` is at least this."""
    greatest: int
    most: int
    known: Ranges
    changing: frozenset[Term]
    """Variables of which nothing is told."""

    def line(self, term: Term) -> Line | None:
        """The number ``term``, modulo its width."""
        if term.is_const:
            return Line(b.signed(term.value, term.width))
        if term is self.done:
            return Line(turns=self.step)
        if term is self.turn:
            return Line(turns=1)
        if term is LENGTH:
            return self.start.plus(Line(turns=self.step, rest=1))
        if _has_zeros(term):
            return self._itself(term.args[-1])
        return self._computed(term) or self._whole(term)

    def _itself(self, term: Term) -> Line | None:
        """The number ``term``, not only modulo its width."""
        if _has_zeros(term):
            return self._itself(term.args[-1])
        found = self.line(term)
        rest = (0 if self.step else -LONGEST, LONGEST)
        found = None if found is None else self._number(found, term.width, 0, rest)
        if found is None and term.op == "add":
            if sum(interval(arg, self.known)[1] for arg in term.args) < 1 << term.width:
                x, y = (self._itself(arg) for arg in term.args)
                found = None if x is None or y is None else x.plus(y)
        return found or self._whole(term)

    def _computed(self, term: Term) -> Line | None:
        """By what the operator does modulo the width."""
        if term.op == "add":
            x, y = (self.line(arg) for arg in term.args)
            return None if x is None or y is None else x.plus(y)
        if term.op == "bnot":
            inner = self.line(term.args[0])
            return None if inner is None else Line(-1).plus(inner, -1)
        if term.op == "shl" and term.args[1].is_const:
            inner, number = self.line(term.args[0]), term.args[1].value
            return None if inner is None else Line().plus(inner, 1 << min(number, term.width))
        if term.op == "mul" and any(arg.is_const for arg in term.args):
            literal, other = sorted(term.args, key=lambda t: not t.is_const)
            inner = self.line(other)
            return None if inner is None else Line().plus(inner, literal.value)
        return self.line(term.args[0]) if term.op == "extract" and not term.bounds[1] else None

    def _whole(self, term: Term) -> Line | None:
        """A term that stays as it is."""
        hanging = {self.done, self.turn, *self.changing}
        return None if hanging & set(b.variables(term)) else Line(terms={term: 1})

    def limits(self, line: Line, rest: Limits) -> tuple[Fraction, Fraction] | None:
        """The least and the greatest number on the line where ``rest`` lies within limits; None if that hangs on terms
        of which nothing is known."""
        share = self._share(line)
        if share is None:
            return None
        flat = line.plus(self.start, -share)
        ends: list[Fraction] = []
        for start, left in self._corners(rest):
            found = Fraction(flat.literal + share * start + flat.rest * left)
            ends.append(found)
            if self.step:
                ends.append(found + flat.turns * Fraction(self._room(start) - left, self.step))
        return (min(ends), max(ends)) if ends else None

    def _room(self, start: int) -> int:
        """How many bytes lie behind ``start`` at most."""
        return min(self.most, LONGEST - start)

    def _corners(self, rest: Limits) -> Iterator[tuple[int, int]]:
        """The corners of what ``start`` and ``rest`` can be together in frames that are neither too short nor too long:
        what is linear in both is least in one of them, and greatest in one."""
        shortest = 0 if self.step else interval(LENGTH, self.known)[0]  # of a frame with nothing behind the turns
        edges = {self.least, self.greatest}
        edges |= {length - left for left in (*rest, self.most) for length in (shortest, LONGEST)}
        for start in sorted(edge for edge in edges if self.least <= edge <= self.greatest):
            low, high = max(rest[0], shortest - start), min(rest[1], self._room(start))
            if low <= high:
                yield from {(start, low), (start, high)}

    def _share(self, line: Line) -> int | None:
        """How many times ``start`` goes into what the line has of terms."""
        terms, mine = dict(line.terms or {}), dict(self.start.terms or {})
        if not terms:
            return 0
        one = next(iter(mine), None)
        if one is None or terms.keys() != mine.keys() or terms[one] % mine[one]:
            return None
        share = terms[one] // mine[one]
        return share if all(terms[each] == share * mine[each] for each in mine) else None

    def _number(self, line: Line, width: int, low: int, rest: Limits) -> Line | None:
        """The line itself of a number that is known modulo ``2**width``, and is at least ``low`` and less than as much
        more; None if it is on several."""
        found = self.limits(line, rest)
        if found is None:
            return None
        turn = (found[0].numerator // found[0].denominator - low) >> width
        return Line(-turn << width).plus(line) if found[1] - (turn << width) < low + (1 << width) else None

    # --- conditions ---

    def rests(self, conditions: Sequence[Term], within: Limits | None = None) -> Limits | None:
        """How many bytes are left where all conditions hold, by default at least none; (1, 0) if they never do. None if
        that is not all that they say."""
        rest, open_ = within or (0, min(self.most, LONGEST - self.least)), list(conditions)
        while True:
            kept = []
            for condition in open_:
                found = self._condition(condition, rest)
                if found is None:
                    kept.append(condition)
                    continue
                rest = max(rest[0], found[0]), min(rest[1], found[1])
                if rest[0] > rest[1]:
                    return 1, 0
            if not kept:
                return rest
            if len(kept) == len(open_):
                return None
            open_ = kept

    def _condition(self, condition: Term, rest: Limits) -> Limits | None:
        if condition is b.TRUE:
            return rest
        if condition is b.FALSE:
            return 1, 0
        negated = condition.op == "not"
        inner = condition.args[0] if negated else condition
        if inner.op in ("and", "or"):
            parts = [self._condition(b.not_(arg) if negated else arg, rest) for arg in inner.args]
            if (inner.op == "and") != negated:
                low, high = rest
                for part in parts:
                    if part is None:
                        return None
                    low, high = max(low, part[0]), min(high, part[1])
                return (low, high) if low <= high else (1, 0)
            ways = [part for part in parts if part is None or part[0] <= part[1]]
            return (1, 0) if not ways else ways[0] if len(ways) == 1 else None
        if inner.op not in ("ult", "slt", "eq") or not inner.args[0].width or inner.args[0].sort.index:
            return None
        return self._compared(inner, rest, negated=negated)

    def _compared(self, inner: Term, rest: Limits, *, negated: bool) -> Limits | None:
        width = inner.args[0].width
        low = -(1 << (width - 1)) if inner.op == "slt" else 0
        lines = (self.line(arg) for arg in inner.args)
        x, y = (None if each is None else self._number(each, width, low, rest) for each in lines)
        if x is None or y is None:
            return None
        gap = y.plus(x, -1)
        found = self.limits(gap, rest)
        if found is None:
            return None
        if inner.op == "eq":
            return self._equal(gap, found, rest, negated=negated)
        if found[0] >= 1 or found[1] <= 0:
            return rest if (found[0] >= 1) != negated else (1, 0)
        if gap.turns or gap.terms or not gap.rest:
            return None
        # literal + rest * r >= 1, or its opposite: literal + rest * r <= 0
        if negated:
            gap = Line(1).plus(gap, -1)
        edge = Fraction(1 - gap.literal, gap.rest)
        below = edge.numerator // edge.denominator
        above = -(-edge.numerator // edge.denominator)
        return (max(rest[0], above), rest[1]) if gap.rest > 0 else (rest[0], min(rest[1], below))

    @staticmethod
    def _equal(gap: Line, found: tuple[Fraction, Fraction], rest: Limits, *, negated: bool) -> Limits | None:
        if found[0] > 0 or found[1] < 0:
            return rest if negated else (1, 0)
        if gap.turns or gap.terms:
            return None
        if not gap.rest:
            return (1, 0) if negated else rest
        place = Fraction(-gap.literal, gap.rest)
        if place.denominator != 1:
            return rest if negated else (1, 0)
        at = place.numerator
        if not negated:
            return at, at
        if at == rest[0]:
            return rest[0] + 1, rest[1]
        return (rest[0], rest[1] - 1) if at == rest[1] else None


def _has_zeros(term: Term) -> bool:
    """Whether a term is another one with zeros above."""
    return term.op == "concat" and not any(not arg.is_const or arg.value for arg in term.args[:-1])


def course(
    done: Term, turn: Term, base: Term, shift: int, step: int, known: Ranges, changing: frozenset[Term], most: int,
    within: Limits | None = None,
) -> Course | None:  # fmt: skip
    """The course from ``base`` (64 bits, less ``shift``) on; None if its start has no bounds, or may be negative. Of a
    start with less than :data:`LONGEST` bytes ``most`` behind it, it is known that it lies in the frame. ``within``:
    where ``base`` is known to be."""
    still = Course(done, turn, Line(), step, 0, 0, 0, known, changing)
    found = still.line(base)
    if found is None or found.turns or found.rest:
        return None
    start = found.plus(Line(-shift))
    low, high = interval(base, known) if within is None else within
    if low < shift or (high - shift > LONGEST and most >= LONGEST):
        return None
    return Course(done, turn, start, step, low - shift, min(high - shift, LONGEST), most, known, changing)
