"""Equalities that hold at each value of a term that they compare with many literals.

A compiler writes a run-time index out as decisions, one for each value: ``k == 0 ? f(0) : k == 1 ? f(1) : ...`` beside
``f(k)``. A solver has to compare each application of ``f`` with each other one. With one value at a time in the place
of ``k`` the two fold to one term. Where that is a header's length, say, and sums behind it are under decisions that
two sides make otherwise, a query that takes long is soon answered for each length.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .answers import Answer
from .compare import Obligation, Part
from .known import bounded

LEAST: Final = 16
"""Literals that a term has to be compared with."""

MOST_WORK: Final = 1_000_000
"""Nodes times values, from which on an equality is left as it is."""

WHOLE_FOR: Final = 4
"""Times as long as its first value takes is a query asked itself, then."""

LEAST_AT_ONCE: Final = 4
MOST_AT_ONCE: Final = 64
"""Literals with which a term has to be compared for a query to be asked at each of them: at least, and at most."""


def at_each_value(
    query: Term, ask: Callable[[Term], Answer], whole: Callable[[float], Answer] | None = None, slow: float = 0.0
) -> Answer | None:
    """The answer to a query, as that at each literal with which it compares some term, and elsewhere.

    Args:
        query: may have no answer in reasonable time.
        ask: answers a query.
        whole: answers the query itself within some seconds, which are few beside those of the values if the first one
            takes long: knowing the term may not help.
        slow: seconds of the first value from which on that is tried.

    Returns:
        "unsat" if it is that at each value; the first "sat"; None if a value has no answer, or no term is compared with
        as many literals as it takes.
    """
    term, values = _simplest(_compared(b.postorder([query])))
    if term is None:
        return None
    places = [{term: value} for value in values]
    elsewhere = _elsewhere(term, values)
    if elsewhere is not None:
        places.append(elsewhere)
    answer, begun = None, time.monotonic()
    for number, known in enumerate(places):
        taken = time.monotonic() - begun
        if number == 1 and whole is not None and taken > slow:
            answer = whole(WHOLE_FOR * taken)
            if answer.status != "unknown":
                return answer
        here = (b.eq(t, v) for t, v in known.items())
        answer = ask(b.and_(*here, b.substitute([query], known)[0]))
        if answer.status != "unsat":
            return None if answer.status == "unknown" else answer
    return answer


def _simplest(compared: dict[Term, dict[Term, None]]) -> tuple[Term | None, list[Term]]:
    """Of the terms that are compared with as many literals as it takes the smallest, and these."""
    fit = [t for t, values in compared.items() if LEAST_AT_ONCE <= len(values) <= MOST_AT_ONCE]
    found = min(fit, key=lambda t: (len(b.postorder([t])), -len(compared[t]), t.serial), default=None)
    return found, list(compared[found]) if found is not None else []


def known_by_values(obligation: Obligation) -> Obligation:
    """An obligation that holds if and only if this one does, without equalities that fold at each value of a term."""
    equalities = list(_equalities(obligation))
    if len(_most_compared(b.postorder(equalities))[1]) < LEAST:  # then so it is in each of them: one walk for all
        return obligation
    equal = {node: b.TRUE for node in equalities if _folds_at_each_value(node)}
    if not equal:
        return obligation
    parts = [Part(part.name, b.substitute([part.differ], equal)[0], part.pair) for part in obligation.parts]
    return replace(obligation, parts=tuple(part for part in parts if part.differ is not b.FALSE))


def _equalities(obligation: Obligation) -> Iterator[Term]:
    """Equalities of numbers of which the parts are made by logic alone."""
    stack, seen = [part.differ for part in obligation.parts], set[Term]()
    while stack:
        node = stack.pop()
        if node in seen:
            continue
        seen.add(node)
        if node.op == "eq" and node.args[0].sort is not b.BOOL:
            yield node
        elif node.sort is b.BOOL and node.op in ("and", "or", "not", "ite", "eq"):
            stack += node.args


def _folds_at_each_value(equality: Term) -> bool:
    """Whether an equality folds to true at each literal that it compares some term with most often, and elsewhere."""
    nodes = b.postorder([equality])
    if len(nodes) <= LEAST:
        return False
    term, values = _most_compared(nodes)
    if term is None or len(values) < LEAST or len(values) * len(nodes) > MOST_WORK:
        return False
    if any(b.substitute([equality], {term: value})[0] is not b.TRUE for value in values):
        return False
    elsewhere = _elsewhere(term, values)
    return elsewhere is None or b.substitute([equality], elsewhere | bounded(elsewhere, [equality]))[0] is b.TRUE


def _elsewhere(term: Term, values: list[Term]) -> dict[Term, Term] | None:
    """What is known where a term has none of these values; None if it always has one."""
    if len(values) == 1 << term.width:
        return None
    numbers = {value.value for value in values}
    least = next(n for n in range(len(numbers) + 1) if n not in numbers)
    known = {b.eq(term, value): b.FALSE for value in values}
    return known | {b.ult(term, b.bv(least, term.width)): b.FALSE} if least else known


def _most_compared(nodes: list[Term]) -> tuple[Term | None, list[Term]]:
    """The term that is compared with most literals, and these."""
    compared = _compared(nodes)
    found = max(compared, key=lambda t: (len(compared[t]), -t.serial), default=None)
    return found, list(compared[found]) if found is not None else []


def _compared(nodes: list[Term]) -> dict[Term, dict[Term, None]]:
    """Terms, and the literals that they are compared with."""
    compared: dict[Term, dict[Term, None]] = {}
    for node in nodes:
        if node.op == "eq" and node.args[0].sort is not b.BOOL and not node.args[0].sort.index:
            for term, value in (node.args, node.args[::-1]):
                if value.is_const and not term.is_const:
                    compared.setdefault(term, {})[value] = None
    return compared
