"""An index that is written out as decisions, one for each of its values, put back where it was.

A compiler to which an index has to be a number makes ``f(k, x)`` of ``k == 0 ? f(0, x0) : k == 1 ? f(1, x1) : ...``.
Where ``x`` is undefined each of them is a value of its own, and what the source reads once has to be whichever of them
is read. Put back it is ``f(k, k == 0 ? x0 : k == 1 ? x1 : ...)``, which has the source's shape: what stands beside what
is then plain to see.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, under

LEAST: Final = 8
"""Values of which decisions are put back together; it has to be all that there are, or all from 0 on."""

MOST_STEPS: Final = 20_000
"""Places in which the terms for all values are looked at next to each other; below that, decisions are left."""

DEEPEST: Final = 60
"""Operators below each other that are looked at so."""

WIDEST: Final = 16
"""Bits of an index of which all values are looked at."""


def with_indices_back(obligation: Obligation) -> Obligation:
    """An obligation that holds if and only if this one does, for the same choices, with such indices put back."""
    roots = [term for part in obligation.parts if part.pair is not None for term in part.pair[1:]]
    nodes = b.postorder(roots)
    following = {node: rest for node in nodes if (rest := _following(node)) is not None}
    if len(following) < LEAST // 2:  # a decision may be about several values
        return obligation
    inner = frozenset(following.values())
    made: dict[Term, Term] = {}
    for node in nodes:
        written = _written(node) if node in following and node not in inner else None
        made[node] = b.rebuild(node, tuple(made[arg] for arg in node.args)) if written is None else written.back(made)
    changed = {root: made[root] for root in roots if made[root] is not root}
    return replace(obligation, parts=tuple(under(obligation.parts, changed))) if changed else obligation


def _asked(node: Term) -> tuple[Term, tuple[int, ...]] | None:
    """What a decision asks for its value, and which values it says yes to."""
    if node.op != "ite":
        return None
    condition = node.args[0]
    found = [_compared(one) for one in (condition.args if condition.op == "or" else (condition,))]
    if None in found:
        return None
    indices, numbers = zip(*(pair for pair in found if pair is not None), strict=True)
    return (indices[0], numbers) if all(index is indices[0] for index in indices) else None


def _compared(condition: Term) -> tuple[Term, int] | None:
    """What is compared with a number, and the number."""
    if condition.op == "eq":
        for index, number in (args := condition.args, args[::-1]):
            if number.is_const and number.sort is not b.BOOL and not number.sort.index:
                return index, number.value
    return None


def _following(node: Term) -> Term | None:
    """The decision about the same index that is made where this one says no."""
    asked = _asked(node)
    if asked is None:
        return None
    then = _asked(node.args[2])
    return node.args[2] if then is not None and then[0] is asked[0] else None


@dataclass(frozen=True)
class _Written:
    """What is decided for each value of an index from 0 on, or for all there are."""

    index: Term
    branches: Mapping[int, Term]
    beyond: Term | None
    """For larger values, if there are any."""

    def back(self, made: Mapping[Term, Term]) -> Term:
        """With the index put back; ``made``: what terms have become."""
        index = made[self.index]
        terms = tuple(made[term] for term in self.branches.values())
        there = _Together(index, tuple(self.branches)).of(terms)
        if self.beyond is None:
            return there
        return b.ite(b.ult(index, b.literal(len(terms), index)), there, made[self.beyond])


def _written(node: Term) -> _Written | None:
    asked = _asked(node)
    assert asked is not None
    index = asked[0]
    found: dict[int, Term] = {}
    while (asked := _asked(node)) is not None and asked[0] is index:
        for number in asked[1]:
            found.setdefault(number, node.args[1])
        node = node.args[2]
    if index.width <= WIDEST and 1 << index.width >= LEAST and len(found) >= (1 << index.width) - 1:
        left = set(range(1 << index.width)).difference(found)
        return _Written(index, found | dict.fromkeys(left, node), None)
    first = next(iter(found.values()))
    common = first.args and all(_alike(first, term) for term in found.values())
    if common and len(found) >= LEAST and max(found) == len(found) - 1:
        return _Written(index, found, node)
    return None


class _Together:
    """Terms, one for each value of an index, made one term: what they have in common stands once."""

    def __init__(self, index: Term, numbers: Sequence[int]) -> None:
        self._index, self._numbers = index, tuple(b.literal(number, index) for number in numbers)
        self._known: dict[tuple[Term, ...], Term] = {}

    def of(self, terms: tuple[Term, ...], deepest: int = DEEPEST) -> Term:
        """The term that is each of these where the index has the value of that place."""
        if terms not in self._known:
            self._known[terms] = self._of(terms, deepest)
        return self._known[terms]

    def _of(self, terms: tuple[Term, ...], deepest: int) -> Term:
        first = terms[0]
        if all(term is first for term in terms):
            return first
        are = [_is(term, number) for term, number in zip(terms, self._numbers, strict=True)]
        if 2 * sum(are) > len(are):
            return self._decided(terms, b.zext(self._index, first.width), are)
        if first.args and deepest and len(self._known) < MOST_STEPS and all(_alike(first, term) for term in terms):
            beside = zip(*(term.args for term in terms), strict=True)
            return b.rebuild(first, tuple(self.of(args, deepest - 1) for args in beside))
        return self._decided(terms, terms[-1], [*(False for _ in terms[1:]), True])

    def _decided(self, terms: Sequence[Term], otherwise: Term, are: Sequence[bool]) -> Term:
        """By decisions where a term is not what it is otherwise."""
        for number, term, is_ in zip(reversed(self._numbers), reversed(terms), reversed(are), strict=True):
            otherwise = otherwise if is_ else b.ite(b.eq(self._index, number), term, otherwise)
        return otherwise


def _is(term: Term, number: Term) -> bool:
    """Whether a term is a number, in as many bits or more."""
    plain = term.is_const and term.sort is not b.BOOL and not term.sort.index
    return plain and term.width >= number.width and term.value == number.value


def _alike(x: Term, y: Term) -> bool:
    """Whether two terms are one operator on arguments of the same sorts."""
    return (x.op, x.payload, x.sort) == (y.op, y.payload, y.sort) and [t.sort for t in x.args] == [
        t.sort for t in y.args
    ]
