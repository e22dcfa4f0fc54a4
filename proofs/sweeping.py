"""Questions of both sides to one table proven to be the same, one after the other, from the packet on.

Where each table asks for what the one before has answered, two sides that encode answers otherwise share no term behind
the first table, and a solver has to see through the whole chain at once. Here each question of the one side is compared
with those of the other side to the same function: answers that both have in common stand for any value, which leaves a
small query. Once proven, the other side's question takes its place, and what comes next has that in common.

Any value stands for what is in common, and conjuncts of the context may be missing, so a query is weaker than what it
is for: if it is unsatisfiable the questions are the same wherever the context holds. If it is not nothing is known.

The context speaks of the second side's questions too, where they decide what it does. In the conjuncts that no such
query made use of, what was proven is put in as well: those that were made use of stay, so nothing is lost.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, Part, unequal

LEAST: Final = 12
"""Questions that the sides do not have in common; with fewer a solver is asked at once."""

MANY_SUMS: Final = 64
"""Exclusive ors on the second side: a solver that has to see through so many (hashes of packets) is not asked at once,
however few questions there are."""

MOST_FAILURES: Final = 8
"""Questions that are not proven to be any of the other side's, after which no more are looked at."""

CANDIDATES: Final = 2
"""Questions of the other side that one is compared with."""

LARGEST: Final = 100
"""Nodes of a conjunct of the context that is made use of: what rule sets can be like says it in fewer."""

SECONDS: Final = 0.5
"""For each query, and ..."""

VAIN_SECONDS = 5.0
"""... for all queries since the last that was unsatisfiable: after that no more are asked."""

Unsatisfiable = Callable[[Term, float], bool]
"""Whether a query can be seen to be unsatisfiable within some seconds."""


def swept(obligation: Obligation, unsatisfiable: Unsatisfiable) -> Obligation:
    """An obligation that holds if and only if this one does, with the second side's questions made the first one's
    where they are the same; without the parts that are then equal."""
    pairs = [part.pair for part in obligation.parts if part.pair is not None]
    mine = set(b.postorder(x for _, x, _ in pairs))
    theirs = b.postorder([*(y for _, _, y in pairs), obligation.context])
    asked = sum(t.op == "apply" and t not in mine for t in theirs)
    if asked < (1 if sum(t.op == "bxor" for t in theirs) >= MANY_SUMS else LEAST):
        return obligation
    sweep = _Sweep(obligation.context, mine, unsatisfiable)
    new = dict(zip(theirs, sweep.over(theirs), strict=False))
    if len(new) < len(theirs):
        new |= dict(zip(left := theirs[len(new) :], b.substitute(left, new), strict=True))
    parts = tuple(p for part in obligation.parts if (p := sweep.part(part, new)).differ is not b.FALSE)
    return replace(obligation, context=sweep.context(new), parts=parts)


class _Sweep:
    def __init__(self, context: Term, mine: set[Term], unsatisfiable: Unsatisfiable) -> None:
        self._mine, self._unsatisfiable = mine, unsatisfiable
        self._by_name: dict[str, list[Term]] = {}
        for term in sorted(mine, key=lambda t: t.serial):
            if term.op == "apply":
                self._by_name.setdefault(term.name, []).append(term)
        self._met: dict[Term, Term] = {}
        """Terms of the second side that are proven to be one of the first's."""
        self._cuts: set[Term] = set()
        """These terms of the first side."""
        self._failed = 0
        self._vain = 0.0
        """Seconds of queries since one was unsatisfiable."""
        self._conjuncts = b.conjuncts(context)
        self._used: set[Term] = set()
        """Conjuncts that something was proven with."""
        self._about: dict[Term, list[Term]] = {}
        for conjunct in self._conjuncts:
            for known in self._outermost(conjunct):
                if known.name.startswith("table."):
                    self._about.setdefault(known, []).append(conjunct)

    def over(self, terms: Sequence[Term]) -> Iterator[Term]:
        """For each of the terms, arguments first, an equal one; fewer than there are terms if it does not succeed."""
        done: dict[Term, Term] = {}
        for term in terms:
            if self._failed > MOST_FAILURES:
                return
            args = (done[arg] for arg in term.args)
            new = b.rebuild(term, tuple(self._met.get(arg, arg) for arg in args))
            if new.op == "apply" and new not in self._mine:
                new = self._same(new)
            done[term] = new
            yield new

    def part(self, part: Part, new: dict[Term, Term]) -> Part:
        """A part with its second term as it has become; proven if what is left is small."""
        if part.pair is None:
            return part
        when, x, y = part.pair
        y = self._met.get(new[y], new[y])
        return unequal(part.name, x, x if self._equal([x], [y]) else y, when)

    def context(self, new: dict[Term, Term]) -> Term:
        """The context with the second side's terms as they have become."""
        known = {term: self._met.get(to, to) for term, to in new.items()}
        kept = [conjunct for conjunct in self._conjuncts if conjunct in self._used]
        return b.and_(*kept, *b.substitute((c for c in self._conjuncts if c not in self._used), known))

    def _same(self, asked: Term) -> Term:
        candidates = self._by_name.get(asked.name, [])
        for other in candidates[:CANDIDATES]:
            if self._equal(other.args, asked.args):
                for x, y in zip(other.args, asked.args, strict=True):
                    self._meet(x, y)
                return other
        self._failed += bool(candidates)
        return asked

    def _meet(self, x: Term, y: Term) -> None:
        """Keep that two terms are equal; of two keys each part is."""
        if x is y or x.is_const:
            return
        self._met[y] = x
        self._cuts.add(x)
        if x.op == y.op == "concat" and [t.sort for t in x.args] == [t.sort for t in y.args]:
            for mine, theirs in zip(x.args, y.args, strict=True):
                self._meet(mine, theirs)

    def _equal(self, xs: Sequence[Term], ys: Sequence[Term]) -> bool:
        if all(x is y for x, y in zip(xs, ys, strict=True)):
            return True
        if self._vain > VAIN_SECONDS:
            return False
        mine, theirs = ({t: None for root in roots for t in self._outermost(root)} for roots in (xs, ys))
        free = {t: b.var(f"common.{i}", t.sort) for i, t in enumerate(t for t in theirs if t in mine)}
        about = dict.fromkeys(c for t in free for c in self._about.get(t, ()))
        known = [c for c in about if _is_small(c, free)]
        differ = b.or_(*(b.ne(x, y) for x, y in zip(b.substitute(xs, free), b.substitute(ys, free), strict=True)))
        never = self._never(b.and_(*b.substitute(known, free), differ))
        self._used.update(known if never else ())
        return never

    def _never(self, query: Term) -> bool:
        """Whether a query is seen to be unsatisfiable, as long as asking was not in vain too long."""
        begun = time.monotonic()
        never = self._unsatisfiable(query, SECONDS)
        self._vain = 0.0 if never else self._vain + time.monotonic() - begun
        return never

    def _outermost(self, term: Term) -> list[Term]:
        """The answers of functions in a term and what is known to be equal, if below no other; variables beside."""
        found, stack, seen = [], [term], set()
        while stack:
            node = stack.pop()
            if node in seen:
                continue
            seen.add(node)
            if node.op in ("apply", "var") or node in self._cuts:
                found.append(node)
            else:
                stack += node.args
        return found


def _is_small(term: Term, ends: Container[Term]) -> bool:
    """Whether a term has at most :data:`LARGEST` nodes, nothing below ``ends`` counted; no more are looked at."""
    seen: set[Term] = set()
    stack = [term]
    while stack and len(seen) <= LARGEST:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            if node not in ends:
                stack += node.args
    return len(seen) <= LARGEST
