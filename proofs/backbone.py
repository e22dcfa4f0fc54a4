"""What an obligation's context leaves one value (its backbone): put in, it decides much of what the parts ask.

A path through a program often says more than it seems to: that a field of two values, added to one of sixteen, gives 76
leaves one value of each. A solver finds that out anew in each branch of a sum or a product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .answers import Answer
from .compare import Obligation, under

SECONDS: Final = 0.5
"""For each query."""
ROUNDS: Final = 16
"""Queries: each but the last shows that some of the terms have another value."""
LARGEST: Final = 400
"""Nodes of a conjunct of the context that is looked at."""
_ANSWER: Final = "answer."
"""What stands for a function's answer."""
WIDEST: Final = 16
"""Bits of a term that is looked at."""


def with_backbone(obligation: Obligation, ask: Callable[[Term, float], Answer]) -> Obligation:
    """An obligation that holds if and only if this one does, with terms of one value put in.

    Args:
        obligation: what has to hold.
        ask: whether a query has a model, within some seconds.
    """
    fixed = _backbone(_without_calls(obligation.context), ask)
    if not fixed:
        return obligation
    kept = b.and_(obligation.context, *(b.eq(term, value) for term, value in fixed.items()))
    return replace(obligation, context=kept, parts=tuple(under(obligation.parts, fixed)))


def _without_calls(context: Term) -> Term:
    """What the smaller conjuncts of a context say whatever functions answer."""
    known = [conjunct for conjunct in b.conjuncts(context) if len(b.postorder([conjunct])) <= LARGEST]
    answers = {call: b.var(f"{_ANSWER}{i}", call.sort) for i, call in enumerate(b.applications(*known))}
    return b.and_(*b.substitute(known, answers))


def _backbone(context: Term, ask: Callable[[Term, float], Answer]) -> dict[Term, Term]:
    """Terms that have one value wherever ``context`` holds, with it; {} if that is not known in time."""
    left = _candidates(context)
    if not left:
        return {}
    answer = ask(context, SECONDS)
    if answer.model is None:
        return {}
    model = answer.model
    values = dict(zip(left, b.evaluate(left, model.values, model.callables(), default=0), strict=True))
    for _ in range(ROUNDS):
        same = {term: b.literal(value, term) for term, value in values.items() if isinstance(value, int)}
        answer = ask(b.and_(context, b.or_(*(b.ne(term, value) for term, value in same.items()))), SECONDS)
        if answer.status == "unsat":
            return same
        if answer.model is None:
            return {}
        model = answer.model
        now = b.evaluate(list(values), model.values, model.callables(), default=0)
        values = {term: value for (term, value), other in zip(values.items(), now, strict=True) if value == other}
        if not values:
            return {}
    return {}


def _candidates(context: Term) -> list[Term]:
    """Small inputs, and small parts of inputs, of which the context speaks."""
    return [
        t for t in b.postorder([context])
        if not t.sort.index and 0 < t.width <= WIDEST and (_is_input(t) or (t.op == "extract" and _is_input(t.args[0])))
    ]  # fmt: skip


def _is_input(term: Term) -> bool:
    return term.op == "var" and not term.name.startswith(_ANSWER)
