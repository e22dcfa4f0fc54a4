"""Choices that one program reads once and the other one read by read: made by the way that the other side goes.

A value that is copied into a control is read once there, and each decision asks the copy; a compiler may put the
expression in the copy's place, so that every decision reads what is undefined by itself. Which value of the copy leads
the same way? Decisions compare it, or a part of it, with numbers, so few values of it stand for all. For each of them
the two sides are walked next to each other, the first one as this value decides; what the other side's decisions are on
that way is the condition under which the choice is this value. A right guess or not: that the sides then agree is
proven afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise, product
from math import prod
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .alignment import Mentions

MOST_VALUES: Final = 64
"""Values that have to stand for all; a choice that needs more is not made like this."""

MAX_STEPS: Final = 200_000
"""Pairs of terms that are looked at."""

Cut = tuple[int, int, int]
"""A number that some bits are compared with: the highest, the lowest, the number."""


def by_ways(pairs: Sequence[tuple[Term, Term]], wanted: frozenset[Term]) -> dict[Term, Term] | None:
    """A term for each choice in ``wanted``; ``pairs`` are of the specification and the other side.

    None where one of them is asked for otherwise than by comparing it with numbers, or by too many.
    """
    walk = _Walk(wanted, [x for x, _ in pairs])
    found: dict[Term, Term] = {}
    for choice in sorted(wanted, key=lambda v: v.name):
        values = walk.values(choice)
        if values is None:
            return None
        ways = [(walk.way(choice, value, pairs), value) for value in values]
        term = b.literal(ways[-1][1], choice)
        for condition, value in reversed(ways[:-1]):
            term = b.ite(condition, b.literal(value, choice), term)
        found[choice] = term
    return found if walk.steps <= MAX_STEPS else None


class _Walk:
    def __init__(self, wanted: frozenset[Term], roots: Iterable[Term]) -> None:
        self._open = Mentions(wanted)
        self._of: dict[Term, dict[Term, Cut | None]] = {v: {} for v in wanted}
        """Choice → the comparisons that ask for it; None for one that is not with a number."""
        self._answers: dict[tuple[Term, int], dict[Term, Term]] = {}
        """Choice and value → what its comparisons say then."""
        self._decided: dict[tuple[Term, Term, int], Term] = {}
        self.steps = 0
        for node in b.postorder(roots):
            if node.width == 0 and node.args and all(arg.width for arg in node.args) and node.op != "apply":
                mentioned = self._open.of(node)
                for choice in mentioned:
                    self._of[choice][node] = _cut(node, choice, self._open) if len(mentioned) == 1 else None

    def values(self, choice: Term) -> list[int] | None:
        """Values of a choice of which each decides otherwise, and all that can be decided is decided by one."""
        cuts = list(self._of[choice].values())
        if not cuts or choice.sort is b.BOOL:
            return None
        known = [cut for cut in cuts if cut is not None]
        if len(known) < len(cuts):
            return None
        ends = sorted({0, choice.width, *(low for _, low, _ in known), *(high + 1 for high, _, _ in known)})
        parts = []
        for low, end in pairwise(ends):
            mask = (1 << end - low) - 1
            numbers = {n >> low - start & mask for high, start, n in known if start <= low and end <= high + 1}
            other = next((n for n in range(mask + 1) if n not in numbers), None)
            parts.append([n << low for n in sorted(numbers | ({other} if other is not None else set()))])
        return [sum(each) for each in product(*parts)] if prod(map(len, parts)) <= MOST_VALUES else None

    def way(self, choice: Term, value: int, pairs: Iterable[tuple[Term, Term]]) -> Term:
        """What the other side decides where the first one goes as a choice's value makes it go."""
        found: dict[Term, None] = {}
        seen: set[tuple[Term, Term]] = set()
        stack = list(pairs)
        while stack and self.steps <= MAX_STEPS:
            x, y = stack.pop()
            if x is y or (x, y) in seen or choice not in self._open.of(x):
                continue
            seen.add((x, y))
            self.steps += 1
            decided = x.args[0] if x.op == y.op == "ite" else None
            if decided is not None and choice in self._open.of(decided) and not _chooses(decided):
                decided = self._decide(choice, value, decided)
            if decided is not None and decided.is_const:
                found[y.args[0] if decided is b.TRUE else b.not_(y.args[0])] = None
                branch = 1 if decided is b.TRUE else 2
                stack.append((x.args[branch], y.args[branch]))
            else:
                found |= dict.fromkeys(self._together(choice, value, x, y))
                stack += _beside(x, y)
        return b.and_(*found)

    def _together(self, choice: Term, value: int, x: Term, y: Term) -> Iterator[Term]:
        """What the other side's comparisons have to be where many with several numbers are one condition: those that
        decide it as the value does, or else all."""
        if x.op != y.op or x.op not in ("and", "or"):
            return
        theirs = {number.value: asked for asked, number in map(_number_in, y.args) if number is not None}
        mine = [(asked, number) for asked, number in map(_number_in, x.args) if number is not None]
        known = [(self._decide(choice, value, asked), theirs.get(number.value)) for asked, number in mine
                 if asked in self._of[choice]]  # fmt: skip
        true = [their for decided, their in known if decided is b.TRUE and their is not None]
        yield from true or (b.not_(their) for _, their in known if their is not None)

    def _decide(self, choice: Term, value: int, condition: Term) -> Term:
        """A condition where a choice has a value and is read."""
        key = choice, condition, value
        if key not in self._decided:
            self._decided[key] = b.substitute([condition], self._answers_of(choice, value))[0]
        return self._decided[key]

    def _answers_of(self, choice: Term, value: int) -> dict[Term, Term]:
        """What the comparisons that ask for a choice say where it has a value and is read."""
        if (choice, value) not in self._answers:
            known = {}
            for asked, cut in self._of[choice].items():
                assert cut is not None
                high, low, number = cut
                known[asked] = b.TRUE if value >> low & ((1 << high - low + 1) - 1) == number else b.FALSE
            self._answers[choice, value] = known
        return self._answers[choice, value]


def _number_in(part: Term) -> tuple[Term, Term | None]:
    """A comparison, which may be denied, and the number that something is compared with."""
    asked = part.args[0] if part.op == "not" else part
    numbers = [arg for arg in asked.args if arg.is_const and arg.width] if asked.op == "eq" else []
    return asked, numbers[0] if numbers else None


def _cut(comparison: Term, choice: Term, open_: Mentions) -> Cut | None:
    """What bits of a choice are compared with, where it is read; None if that is no number."""
    if comparison.op != "eq":
        return None
    for asked, number in (comparison.args, comparison.args[::-1]):
        if number.is_const:
            part = _where_read(asked, open_)
            if part is choice:
                return choice.width - 1, 0, number.value
            if part.op == "extract" and part.args[0] is choice:
                return *part.bounds, number.value
    return None


def _where_read(term: Term, open_: Mentions) -> Term:
    """A number, where decisions whether the choice is read at all are made so that it is."""
    made: dict[Term, Term] = {}
    for node in b.postorder([term]):
        if node.op == "ite" and not open_(node.args[0]) and open_(node.args[1]) != open_(node.args[2]):
            read = node.args[1] if open_(node.args[1]) else node.args[2]
            made[node] = made.get(read, read)
        else:
            made[node] = b.rebuild(node, tuple(made.get(arg, arg) for arg in node.args))
    return made[term]


def _beside(x: Term, y: Term) -> Iterator[tuple[Term, Term]]:
    """What stands beside each other below two terms of one operator."""
    if x.op != y.op or x.payload != y.payload:
        return
    if x.op in ("and", "or"):
        mine, theirs = ([arg for arg in args if _chooses(arg)] for args in (x.args, y.args))
        if len(mine) == len(theirs):
            yield from zip(mine, theirs, strict=True)
    elif len(x.args) == len(y.args):
        yield from zip(x.args, y.args, strict=True)


def _chooses(term: Term) -> bool:
    """Whether a condition is put together of decisions, not of comparisons alone."""
    stack, seen = [term], {term}
    while stack:
        node = stack.pop()
        if node.op == "ite":
            return True
        if node.op in ("and", "or", "not"):
            stack += [arg for arg in node.args if arg not in seen]
            seen.update(node.args)
    return False
