"""Witnesses: for each choice of the specification one term that makes both sides agree, woven from all that it meets.

Two terms that should be equal are walked side by side, as in :mod:`.alignment`. One read of the one program may be many
reads of the other, one on each of its branches; so what a choice meets below the branches of a decision is put together
by that decision again: ``f(choice)`` beside ``ite(c, f(x), f(y))`` makes ``ite(c, x, y)``. Parts of a decision on which
a choice meets nothing stay open until another pair of terms closes them. Operators that have an inverse are solved for
the choice. A right guess or not: that the sides then agree is proven afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Final

from ..semantics import bits as b
from ..semantics import recursion
from ..semantics.bits import Term
from .alignment import Mentions, below

MAX_STEPS: Final = 20_000
"""Pairs of terms that are looked at."""

MAX_FILLED: Final = 400
"""Holes that are filled; where there are more, what a choice meets first counts alone."""

MAX_WOVEN: Final = 200_000
"""Terms that are put together by a decision, for a choice each; what more than these would tell is left open."""

RECURSION_LIMIT: Final = 40_000
"""Python frames for terms that are nested deeply."""

Found = Mapping[Term, Term]
"""Choice → what it has to be, with a hole where nothing is known."""


def witnesses(
    pairs: Iterable[tuple[Term, Term]], wanted: frozenset[Term], late: Callable[[], bool] = lambda: False
) -> dict[Term, Term]:
    """A term for each choice in ``wanted`` that meets any; ``pairs`` are of the specification and the other side.

    ``late``: whether there is no time left to look further.
    """
    walk = _Walk(wanted, late)
    found: Found = {}
    with recursion.at_least(RECURSION_LIMIT):
        for x, y in pairs:
            found = walk.join(found, walk.pair(x, y))
    return {v: walk.closed(v, term) for v, term in found.items()}


def _hole(choice: Term) -> Term:
    return b.var("open", choice.sort)


class _Walk:
    def __init__(self, wanted: frozenset[Term], late: Callable[[], bool]) -> None:
        self._wanted, self._late = wanted, late
        self._open = Mentions(wanted)
        self._holed = Mentions(frozenset(_hole(v) for v in wanted))
        self._known: dict[tuple[Term, Term], Found] = {}
        self._about_a_cell: dict[Term, bool] = {}
        self._filled = 0
        self._woven = 0

    def pair(self, x: Term, y: Term) -> Found:
        """What the choices in ``x`` have to be so that it equals ``y``."""
        if x is y or not self._open(x):
            return {}
        if x in self._wanted and not (y.op == "ite" and self._is_about_a_cell(y.args[0])):
            return {x: y} if x.sort == y.sort and not self._open(y) else {}
        if (x, y) not in self._known:
            if len(self._known) > MAX_STEPS or self._woven > MAX_WOVEN or self._late():
                return {}
            self._known[x, y] = {}
            self._known[x, y] = self._below(x, y)
        return self._known[x, y]

    def _below(self, x: Term, y: Term) -> Found:
        if x.op == "ite" and not self._open(x.args[0]):
            condition, then, otherwise = x.args
            if y.op == "ite" and y.args[0] is condition:
                return self._weave(condition, self.pair(then, y.args[1]), self.pair(otherwise, y.args[2]))
            if y.op == "ite" and y.args[0] is b.not_(condition):
                return self._weave(condition, self.pair(then, y.args[2]), self.pair(otherwise, y.args[1]))
            return self._weave(condition, self.pair(then, _where(condition, y)), self.pair(otherwise, y))
        if y.op == "ite" and x.op != "ite":
            condition, then, otherwise = y.args
            return self._weave(condition, self.pair(x, then), self.pair(x, otherwise))
        found = self._solved(x, y)
        for mine, theirs in below(x, y, self._open):
            found = self.join(found, self.pair(mine, theirs))
        return found

    def _solved(self, x: Term, y: Term) -> Found:
        """What the one open argument of ``x`` has to be, where an inverse says so."""
        if x.op == "ite":
            condition, then, otherwise = x.args
            if not self._open(then):
                return self.pair(condition, b.eq(then, y))
            if not self._open(otherwise):
                return self.pair(condition, b.not_(b.eq(otherwise, y)))
            return {}
        if x.op == "eq":
            return self._equality(x, y)
        if x.op in ("ult", "slt"):
            return self._comparison(x, y)
        if x.op in ("add", "bxor"):
            return self._summands(x, y)
        if x.op in ("and", "or") and sum(self._open(arg) for arg in x.args) == 1:
            return self.pair(next(arg for arg in x.args if self._open(arg)), y)
        if x.op in ("not", "bnot") and y.op != x.op:
            return self.pair(x.args[0], b.not_(y) if x.op == "not" else b.bnot(y))
        return {}

    def _equality(self, x: Term, y: Term) -> Found:
        """One side of an equality that is to hold where ``y`` does."""
        for mine, value in (x.args, x.args[::-1]):
            if self._open(mine) and not self._open(value):
                if y.op == "eq" and value in y.args:
                    return self.pair(mine, y.args[value is y.args[0]])
                other = b.not_(value) if value.sort is b.BOOL else b.bnot(value)
                return self.pair(mine, b.ite(y, value, other))
        return {}

    def _comparison(self, x: Term, y: Term) -> Found:
        """One side of ``left < right``, which is to hold where ``y`` does: the least or greatest number if it must."""
        left, right = x.args
        if self._open(left) and not self._open(right):
            return self.pair(left, b.ite(y, _least(x), right))
        if self._open(right) and not self._open(left):
            return self.pair(right, b.ite(y, b.bnot(_least(x)), left))
        return {}

    def _summands(self, x: Term, y: Term) -> Found:
        """One choice among the summands is what the others leave, with zeros for theirs. If none is a summand itself,
        each open one is what the others leave, those before it with their witnesses."""
        take = b.sub if x.op == "add" else b.bxor
        found: Found = {}
        known: dict[Term, Term] = {v: b.literal(0, v) for v in self._open.of(x)}
        open_ = [arg for arg in x.args if self._open(arg)]
        direct = [arg for arg in open_ if arg in self._wanted][:1]
        todo = direct or open_
        for one in todo:
            left = y
            for arg in x.args:
                if arg is not one:
                    left = take(left, b.substitute([arg], known)[0] if self._open(arg) else arg)
            new = self.pair(one, left)
            if direct or one is not todo[-1]:
                known |= {v: self.closed(v, term) for v, term in new.items() if v not in found}
            found = self.join(found, new)
        return self.join(found, known) if direct else found

    def _weave(self, condition: Term, then: Found, otherwise: Found) -> Found:
        """By ``condition``; a choice is one for all cells of a state, so a decision about one of them is none here."""
        if self._is_about_a_cell(condition):
            return self.join(then, otherwise)
        both = dict.fromkeys((*then, *otherwise))
        self._woven += len(both)
        return {v: b.ite(condition, then.get(v, _hole(v)), otherwise.get(v, _hole(v))) for v in both}

    def _is_about_a_cell(self, condition: Term) -> bool:
        if condition not in self._about_a_cell:
            self._about_a_cell[condition] = any(v.name.startswith("at.") for v in b.variables(condition))
        return self._about_a_cell[condition]

    def join(self, first: Found, second: Found) -> Found:
        """The first one's terms, their holes filled by the second one's."""
        if not first or not second:
            return first or second
        joined = {**second, **first}
        for v in first.keys() & second.keys():
            if self._filled < MAX_FILLED and self._holed(first[v]):
                self._filled += 1
                joined[v] = b.substitute([first[v]], {_hole(v): second[v]})[0]
        return joined

    def closed(self, choice: Term, term: Term) -> Term:
        """``term`` without its holes: a decision of which one branch is open is what the other branch is."""
        if not self._holed(term):
            return term
        hole = _hole(choice)
        made: dict[Term, Term] = {}
        for node in b.postorder([term]):
            if node.op == "ite" and self._holed(node):
                condition, then, otherwise = node.args
                left, right = made.get(then, then), made.get(otherwise, otherwise)
                made[node] = right if left is hole else left if right is hole else b.ite(condition, left, right)
        ended = made.get(term, term)
        return b.substitute([ended], {hole: b.literal(0, choice)})[0] if self._holed(ended) else ended


def _least(comparison: Term) -> Term:
    width = comparison.args[0].width
    return b.bv(0 if comparison.op == "ult" else 1 << (width - 1), width)


def _where(condition: Term, term: Term) -> Term:
    """``term`` where ``condition`` says which cell of a state is looked at."""
    if condition.op == "eq":
        for cell, index in (condition.args, condition.args[::-1]):
            if cell.op == "var" and cell.name.startswith("at."):
                return b.substitute([term], {cell: index})[0]
    return term
