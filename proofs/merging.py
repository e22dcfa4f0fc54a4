"""Decisions that decide nothing taken away, where ways through a program meet again.

Where a program ends early (``exit``, ``return``), what it leaves behind is put together from its ways: ``ite(ended
here, x, ite(ended there, y, z))``, with one value that only looks different, since each way knows more than the next.
Another program keeps a flag instead, and the two share no condition. Here a decision whose branches are the same
wherever its condition holds is replaced by the one branch that says so for all inputs. What both sides do then has
mostly one form.

All that is said is true of every input that satisfies the obligation's context, so nothing is lost: the new obligation
holds if and only if the old one does.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, unequal
from .known import facts, propagate, size_of

DEPTH: Final = 4
"""Decisions below another one that are looked through for the other branch's value."""

MOST_WORK: Final = 2_000_000
"""Nodes that may be rewritten under a condition, after which terms are left as they are."""

MOST_QUESTIONS: Final = 200
"""Pairs of conditions of which it is asked whether they exclude each other."""

ROUNDS: Final = 4
"""How often one node is rewritten."""

Impossible = Callable[[Term], bool]
"""Whether a condition can be seen to be false wherever the obligation's context holds."""


def merged(obligation: Obligation, impossible: Impossible, stopped: Callable[[], bool] = lambda: False) -> Obligation:
    """An obligation that holds if and only if this one does, without decisions that decide nothing, and without the
    parts that are then equal; what is left once it is ``stopped`` stays as it is."""
    walk = _Merging(impossible, stopped)
    pairs = [part.pair for part in obligation.parts if part.pair is not None]
    new = walk.over([side for _, *sides in pairs for side in sides])
    parts = []
    for part in obligation.parts:
        if part.pair is not None:
            when, x, y = part.pair
            part = unequal(part.name, new[x], new[y], when)
        if part.differ is not b.FALSE:
            parts.append(part)
    return replace(obligation, parts=tuple(parts))


class _Where:
    """Terms where something is known, each rewritten once, down to questions to functions: these stay what others ask.

    Args:
        facts: what each of some terms is.
    """

    def __init__(self, facts: Mapping[Term, Term]) -> None:
        self._new = dict(facts)
        self._any = bool(facts)
        self.work = 0
        """Nodes that were rewritten."""

    def __call__(self, term: Term) -> Term:
        if not self._any:
            return term
        new = self._new
        for node in _down_to_questions(term, new):
            self.work += 1
            if node.op == "apply" or not node.args:
                new[node] = node
            else:
                new[node] = b.rebuild(node, tuple(new[arg] for arg in node.args))
        return new[term]


class _Merging:
    def __init__(self, impossible: Impossible, stopped: Callable[[], bool]) -> None:
        self._impossible = impossible
        self._stopped = stopped
        self._excluded: dict[tuple[Term, Term], bool] = {}
        self._work = 0

    def over(self, roots: list[Term]) -> dict[Term, Term]:
        """For each term below the roots an equal one."""
        new: dict[Term, Term] = {}
        for node in b.postorder(roots):
            term = b.rebuild(node, tuple(new[arg] for arg in node.args))
            for _ in range(ROUNDS):
                after = self._step(term) if self._work < MOST_WORK and not self._stopped() else term
                if after is term:
                    break
                term = after
            new[node] = term
        return new

    def _step(self, term: Term) -> Term:
        if term.op == "ite":
            return self._decision(term)
        if term.op == "or":
            term = _factored(term)
        return self._junction(term) if term.op in ("and", "or") else term

    def _decision(self, term: Term) -> Term:
        """One of the branches, if it says what the other does where that is taken."""
        condition, then, otherwise = term.args
        there = b.not_(condition)
        holds, fails = _Where(known(condition)), _Where(known(there))
        if self._says(otherwise, then, condition, holds):
            merged = otherwise
        elif self._says(then, otherwise, there, fails):
            merged = then
        else:
            merged = b.ite(condition, holds(then), fails(otherwise))
        self._work += holds.work + fails.work
        return merged

    def _says(self, term: Term, value: Term, here: Term, where: _Where) -> bool:
        """Whether ``term`` is ``value`` wherever the condition ``here`` holds; ``where`` rewrites for that."""
        wanted = where(value)
        if wanted.is_const:  # there are many, and they rarely mean that
            return where(term) is wanted
        ways = ((path, end) for path, end in _ways(term) if where(end) is wanted)
        return any(path is b.TRUE or self._excludes(here, b.not_(path)) for path, end in ways)

    def _excludes(self, x: Term, y: Term) -> bool:
        """Whether two conditions never hold together."""
        if (x, y) not in self._excluded:
            both = propagate(b.and_(x, y))[0]
            if both.is_const or len(self._excluded) >= MOST_QUESTIONS:
                return both is b.FALSE
            self._excluded[x, y] = self._impossible(both)
        return self._excluded[x, y]

    def _junction(self, term: Term) -> Term:
        """Each argument where the smaller ones do not decide the whole."""
        under: dict[Term, Term] = {}
        args = []
        for arg in sorted(term.args, key=lambda t: (size_of(t), t.serial)):
            where = _Where(under)
            new = where(arg)
            self._work += where.work
            args.append(new)
            under |= known(new if term.op == "and" else b.not_(new))
        return b.and_(*args) if term.op == "and" else b.or_(*args)


def known(condition: Term) -> dict[Term, Term]:
    """What a condition says outright; of a disjunction that does not hold, that no disjunct does."""
    found = facts(condition)
    if condition.op == "not" and condition.args[0].op == "or":
        for disjunct in condition.args[0].args:
            found |= known(b.not_(disjunct))
    return found


def _factored(disjunction: Term) -> Term:
    """What all disjuncts have in common, taken out."""
    ways = [b.conjuncts(way) for way in disjunction.args]
    common = [atom for atom in ways[0] if all(atom in way for way in ways[1:])]
    if not common:
        return disjunction
    return b.and_(*common, b.or_(*(b.and_(*(atom for atom in way if atom not in common)) for way in ways)))


def _ways(term: Term, depth: int = DEPTH, path: Term = b.TRUE) -> Iterator[tuple[Term, Term]]:
    """The values that a term of decisions comes to, from above, each with the condition of getting there."""
    if path is b.FALSE:
        return
    yield path, term
    if term.op == "ite" and depth:
        condition, then, otherwise = term.args
        yield from _ways(then, depth - 1, b.and_(path, condition))
        yield from _ways(otherwise, depth - 1, b.and_(path, b.not_(condition)))


def _down_to_questions(root: Term, ends: Container[Term]) -> list[Term]:
    """The nodes of a term, arguments first, without ``ends`` and what functions are asked for, and what is below."""
    order: list[Term] = []
    seen: set[Term] = set()
    stack = [(root, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif node not in seen and node not in ends:
            seen.add(node)
            stack.append((node, True))
            if node.op != "apply":
                stack += [(arg, False) for arg in node.args]
    return order
