"""Choices that occur once, carried upwards: ``x + choice`` can be anything, so it is a choice itself.

A choice of the specification that only one node uses, and that node in an operator that reaches every value by it
whatever its other arguments are, is nothing but a choice in that node's place; so is a decision between such choices.
This is the elimination of unconstrained variables that solvers do, for variables that are quantified: the new
obligation holds exactly if the old one does. It takes arithmetic away from between a choice and what it must be.

A term is carried as ``(where, otherwise)``: anything where ``where`` holds, else ``otherwise``. No cell of a state and
no copy may be mentioned by what is absorbed, because a choice is one for all of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import is_choice_of_a_copy
from .compare import Obligation, Part
from .splitting import SpeaksOfOne

_ANY_ARGUMENT: Final = frozenset({"add", "bxor", "eq"})
_ONE_ARGUMENT: Final = frozenset({"not", "bnot", "extract"})


@dataclass(frozen=True)
class _Free:
    """Anything where ``where`` holds, else ``otherwise``; ``made_of`` is one of the choices that it was."""

    where: Term
    otherwise: Term
    made_of: Term


@dataclass(frozen=True)
class Freed:
    """An obligation and axioms with fewer choices in them, and these."""

    obligation: Obligation
    legal: Term
    choices: frozenset[Term]


def freed(obligation: Obligation, legal: Term, picks: frozenset[Term]) -> Freed | None:
    """The obligation with its choices carried upwards; None if none could be."""
    roots = [legal, obligation.context]
    for part in obligation.parts:
        roots += [part.differ] if part.pair is None else part.pair
    walk = _Walk(roots, picks)
    new = walk.run(roots)
    if not walk.made:
        return None
    parts, rest = [], iter(new[2:])
    for part in obligation.parts:
        if part.pair is None:
            parts.append(Part(part.name, next(rest)))
        else:
            when, x, y = next(rest), next(rest), next(rest)
            parts.append(Part(part.name, b.and_(when, b.ne(x, y)), (when, x, y)))
    left = tuple(part for part in parts if part.differ is not b.FALSE)
    after = Obligation(obligation.name, new[1], left, obligation.compared)
    return Freed(after, new[0], frozenset(walk.made))


class _Walk:
    def __init__(self, roots: list[Term], picks: frozenset[Term]) -> None:
        self._picks = picks
        self._about_one = SpeaksOfOne()
        self._order = b.postorder(roots)
        self._uses: dict[Term, int] = {}
        for term in (*dict.fromkeys(roots), *(arg for node in self._order for arg in node.args)):
            self._uses[term] = self._uses.get(term, 0) + 1
        self._free: dict[Term, _Free] = {}
        self._plain: dict[Term, Term] = {}
        self.made: dict[Term, None] = {}

    def run(self, roots: list[Term]) -> list[Term]:
        """The roots, each as a plain term."""
        for node in self._order:
            if node in self._picks and self._uses[node] == 1 and not node.sort.index:
                self._free[node] = _Free(b.TRUE, b.literal(0, node), node)
                continue
            found = self._carried(node)
            if found is None:
                self._plain[node] = b.rebuild(node, tuple(self._as_plain(arg) for arg in node.args))
            elif self._uses[node] == 1:
                self._free[node] = found
            else:
                self._plain[node] = self._materialised(found)
        return [self._as_plain(root) for root in roots]

    def _as_plain(self, term: Term) -> Term:
        if term not in self._plain:
            free = self._free[term]
            self._plain[term] = term if term in self._picks else self._materialised(free)
        return self._plain[term]

    def _materialised(self, free: _Free) -> Term:
        """A term of its own, with a new choice in it."""
        new = b.var(f"{free.made_of.name}.free.{len(self.made)}", free.otherwise.sort)
        self.made[new] = None
        return b.ite(free.where, new, free.otherwise)

    def _carried(self, node: Term) -> _Free | None:
        """The node as something free, if an argument of it is."""
        if not any(arg in self._free for arg in node.args):
            return None
        if node.op == "ite":
            return self._decision(node)
        if node.op in _ONE_ARGUMENT:
            free = self._free[node.args[0]]
            return _Free(free.where, b.rebuild(node, (free.otherwise,)), free.made_of)
        if node.op in _ANY_ARGUMENT and node.args[0].sort.index == 0:
            return self._of_two(node)
        if node.op in ("ult", "slt"):
            return self._comparison(node)
        return self._junction(node) if node.op in ("and", "or") else None

    def _decision(self, node: Term) -> _Free | None:
        condition, *branches = node.args
        ends = [self._free.get(branch) for branch in branches]
        made_of = [end.made_of for end in ends if end is not None]
        if not made_of or len({is_choice_of_a_copy(v) for v in made_of}) > 1:
            return None
        choose = self._as_plain(condition)
        if len(made_of) == 2 and any(self._about_one(t) for t in (choose, *(e.where for e in ends if e is not None))):
            return None
        where = [b.FALSE if end is None else end.where for end in ends]
        values = [self._plain[x] if end is None else end.otherwise for x, end in zip(branches, ends, strict=True)]
        for mine, other in ((0, 1), (1, 0)):  # where a branch is free all over, what it is otherwise is open
            if where[mine] is b.TRUE:
                values[mine] = values[other]
        return _Free(b.ite(choose, *where), b.ite(choose, *values), made_of[0])

    def _of_two(self, node: Term) -> _Free | None:
        frees = [self._free.get(arg) for arg in node.args]
        first, second = frees
        if (
            first is not None
            and second is not None
            and is_choice_of_a_copy(first.made_of) == is_choice_of_a_copy(second.made_of)
        ):
            if any(self._about_one(t) for free in (first, second) for t in (free.where, free.otherwise)):
                return None
            value = b.rebuild(node, (first.otherwise, second.otherwise))
            return _Free(b.or_(first.where, second.where), value, first.made_of)
        one = 0 if first is not None else 1
        free, other = frees[one], self._as_plain(node.args[1 - one])
        assert free is not None
        if self._about_one(other):
            return None
        args = (free.otherwise, other) if one == 0 else (other, free.otherwise)
        return _Free(free.where, b.rebuild(node, args), free.made_of)

    def _comparison(self, node: Term) -> _Free | None:
        """``choice < t`` is open but for the least ``t``, and ``t < choice`` but for the greatest."""
        one = 0 if node.args[0] in self._free else 1
        free, other = self._free[node.args[one]], self._as_plain(node.args[1 - one])
        if self._about_one(other):
            return None
        width = other.width
        least = 0 if node.op == "ult" else 1 << (width - 1)
        end = b.bv(least if one == 0 else ~least, width)
        args = (free.otherwise, other) if one == 0 else (other, free.otherwise)
        closed = b.ite(free.where, b.FALSE, b.rebuild(node, args))
        return _Free(b.and_(free.where, b.ne(other, end)), closed, free.made_of)

    def _junction(self, node: Term) -> _Free | None:
        """Open where nothing else decides it."""
        one = next(arg for arg in node.args if arg in self._free)
        free = self._free[one]
        others = [self._as_plain(arg) for arg in node.args if arg is not one]
        rest = _combine(node.op)(*others)
        if self._about_one(rest):
            return None
        if node.op == "and":
            return _Free(b.and_(free.where, rest), b.and_(rest, b.or_(free.where, free.otherwise)), free.made_of)
        return _Free(
            b.and_(free.where, b.not_(rest)), b.or_(rest, b.and_(b.not_(free.where), free.otherwise)), free.made_of
        )


def _combine(op: str) -> Callable[..., Term]:
    return b.and_ if op == "and" else b.or_
