"""One obligation as two, by a condition: where it holds, and where it does not.

For each input the specification may choose otherwise, so an obligation holds exactly if it holds on both sides of any
condition that mentions no choice of the specification. On one side of it the terms are smaller, and what a choice has
to be is often one term where it was a decision between many: an element of a stack with an index that is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import CHOICE
from .alignment import Mentions
from .choices import IMPL
from .compare import Obligation, under
from .known import propagate

_UNFIT = ("at.", "cell.", "each.", "in.each.")
"""Beginnings of names of which no condition may speak: a choice is one for all cells, and for all copies or its own."""

MOST_OWN: Final = 4
"""Questions of the implementation to what it alone knows, up to which an obligation is taken apart by them."""


def sides(obligation: Obligation, condition: Term) -> Iterator[Obligation]:
    """The obligation where ``condition`` holds, and where it does not."""
    for literal in (condition, b.not_(condition)):
        context, known = propagate(b.and_(obligation.context, literal))
        parts = [] if context is b.FALSE else under(obligation.parts, known)
        left = tuple(part for part in parts if part.differ is not b.FALSE)
        yield Obligation(obligation.name, context, left, obligation.compared)


def condition_of(obligation: Obligation, picks: frozenset[Term]) -> Term | None:
    """Of conditions that say what a term is, free of choices, the one on which most decisions hang that lead to a
    choice; None if there is none."""
    open_, unfit = Mentions(picks), SpeaksOfOne()
    count: dict[Term, int] = {}
    for node in b.postorder([part.differ for part in obligation.parts]):
        if node.op not in ("ite", "and", "or", "eq") or not open_(node):
            continue
        for arg in node.args:
            if arg.sort is b.BOOL and not arg.is_const and not open_(arg):
                atom = _atom(arg)
                if _fixes(atom) and not unfit(atom):
                    count[atom] = count.get(atom, 0) + 1
    return max(count, key=lambda t: (count[t], -t.serial), default=None)


def condition_besides(obligation: Obligation, picks: frozenset[Term], found: Term | None) -> Term | None:
    """``found``, or what the implementation asks of what it alone knows (the colour that a meter's map holds), where it
    asks few such things: a choice has to follow the answers, and on either side of them it is most often a constant.

    What the implementation chooses itself does not count: there choices are found by standing beside each other. Where
    all answers are known, nothing is taken apart twice by one condition that rewriting makes anew.
    """
    told = _told(obligation.context)
    if found is not None and found not in told:
        return found
    own = _questions_of_its_own(obligation, picks)
    if not 0 < len(own) <= MOST_OWN:
        return found
    return next((node for node in own if node not in told), None) if found is None else None


def _questions_of_its_own(obligation: Obligation, picks: frozenset[Term]) -> list[Term]:
    pairs = [part.pair for part in obligation.parts if part.pair is not None]
    known = _names(mine for _, mine, _ in pairs)
    open_, unfit = Mentions(picks), SpeaksOfOne()
    theirs = b.postorder([theirs for _, _, theirs in pairs])
    asked = [node for node in theirs if _compares(node) and not open_(node) and not unfit(node)]
    return [node for node in asked if _of_its_own(node, known)]


def _told(context: Term) -> set[Term]:
    """What a context says outright; rewriting may have made it anew out of others."""
    said = b.conjuncts(context)
    return {*said, *(b.not_(one) for one in said)}


def _of_its_own(node: Term, known: set[str]) -> bool:
    names = _names([node])
    return not names <= known and not any(name.startswith(IMPL) for name in names)


def _compares(node: Term) -> bool:
    return node.op in ("eq", "ult") and any(arg.is_const for arg in node.args)


def _names(terms: Iterable[Term]) -> set[str]:
    return {node.name for node in b.postorder(list(terms)) if node.op in ("var", "apply")}


def _atom(condition: Term) -> Term:
    """Of a condition the part that others are most likely to share."""
    while condition.op in ("and", "or", "not", "ite"):
        condition = next((arg for arg in condition.args if _fixes(arg)), condition.args[0])
    return condition


def _fixes(atom: Term) -> bool:
    """Whether an atom says what a term is, where it holds."""
    return atom.op == "eq" and (atom.args[0].is_const or atom.args[1].is_const)


class SpeaksOfOne:
    """Whether a term speaks of one cell or one copy among many."""

    def __init__(self) -> None:
        self._known: dict[Term, bool] = {}

    def __call__(self, term: Term) -> bool:
        if term not in self._known:
            names = (t.name.removeprefix("impl.") for t in b.postorder([term]) if t.op in ("var", "apply"))
            self._known[term] = any(name.removeprefix(CHOICE).startswith(_UNFIT) for name in names)
        return self._known[term]
