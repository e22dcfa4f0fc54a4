"""Calls of one function that both sides make, with arguments that are the same wherever an obligation's context holds
but are said in other words (a table's key by which way a header is long, say): they are made one call.

What is computed from the answers is then mostly the same term. For a solver it is not: sums over answers of calls that
it has to find equal first are hard, while the arguments by themselves are soon compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .compare import Obligation, under

SECONDS: Final = 1.0
"""For each comparison of arguments."""
MOST: Final = 16
"""Comparisons for one obligation."""


def asked_alike(obligation: Obligation, never: Callable[[Term, float], bool]) -> Obligation:
    """An obligation that holds if and only if this one does.

    Args:
        obligation: what has to hold.
        never: whether a query is seen to be unsatisfiable within some seconds.
    """
    known: dict[Term, Term] = {}
    for other, candidates in _calls(obligation):
        for call in candidates:
            arguments = zip(call.args, b.substitute(other.args, known), strict=True)
            if never(b.and_(obligation.context, b.or_(*(b.ne(x, y) for x, y in arguments))), SECONDS):
                known[other] = call
                break
    return replace(obligation, parts=tuple(under(obligation.parts, known))) if known else obligation


def _calls(obligation: Obligation) -> Iterator[tuple[Term, list[Term]]]:
    """Calls that only the second side makes, inner ones first, each with those of the first side that it may be."""
    pairs = [part.pair for part in obligation.parts if part.pair is not None]
    mine = dict.fromkeys(b.applications(*(x for _, x, _ in pairs)))
    left = MOST
    for other in b.applications(*(y for _, _, y in pairs)):
        if other in mine:
            continue
        candidates = [call for call in mine if call.name == other.name and call.sort == other.sort][:left]
        left -= len(candidates)
        if candidates:
            yield other, candidates
