"""Comparisons of sums that the rest of a query decides, put in as what they are.

A frame's checksum is right where all its words add up to ones, and where the complement of all the other words' sum is
the field: two programs ask for one thing in two ways, and both sums stay in the query. One says nothing new, but a
solver over bits has to find that out each time, in the middle of a search for something else. Over integers
(:mod:`.solvers.integers`) it takes a few hundredths of a second. What is left is easier by far, above all where there
is a model to be found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..semantics import bits as b
from ..semantics.bits import Term
from .sums import folds_sums


def with_sums_decided(query: Term, refuted: Callable[[Term], bool], more: Callable[[], bool]) -> Term:
    """A query with the same models, in which comparisons that its other conjuncts decide are literals.

    Args:
        query: of sort Bool.
        refuted: whether a query is seen to have no model; it may say no where that is not so, never yes.
        more: whether there is time to ask for another.
    """
    parts = b.conjuncts(query)
    known = {part.args[0] if part.op == "not" else part for part in parts}
    asked = list(dict.fromkeys(each for part in parts for each in _comparisons(part) if each not in known))
    if not asked:
        return query
    open_ = frozenset(asked)
    context = b.and_(*(part for part in parts if open_.isdisjoint(b.postorder([part]))))
    decided: dict[Term, Term] = {}
    for each in sorted(asked, key=lambda each: len(b.postorder([each]))):
        if not more():
            break
        if refuted(b.and_(context, b.not_(each))):
            decided[each] = b.TRUE
        elif refuted(b.and_(context, each)):
            decided[each] = b.FALSE
    return b.substitute([query], decided)[0] if decided else query


def _comparisons(part: Term) -> Iterator[Term]:
    """The comparisons of numbers below ``part`` in which carries of a long sum are added again."""
    for node in b.postorder([part]):
        if node.width == 0 and node.args and all(arg.width for arg in node.args) and folds_sums(node):
            yield node
