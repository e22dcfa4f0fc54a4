"""A difference that no undefined value makes, beside one that hangs on them.

A search stops at the first difference it meets, which may be one that other undefined values would undo, although the
two sides differ elsewhere whatever they are. Which of the two it is makes another report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour
from .choices import choices_of, map_terms
from .compare import Obligation, obligations
from .difference import Difference, difference_in
from .engine import Engine
from .refine import Outcome, may_agree

SECONDS: Final = 5.0
"""For each of the two questions."""


def defined_difference(outcome: Outcome, engine: Engine) -> Outcome | None:
    """The outcome with a difference in its place that is one whatever is undefined; None if none was found.

    Asked for are inputs that some obligation fails on without any choice in it, then inputs that one fails on and to
    which each side does the same whether all its choices are zeros or ones.
    """
    assert outcome.spec is not None
    assert outcome.impl is not None
    todo = _meetings(outcome.spec, outcome.impl)
    for tried in (_without_choices, _whatever_is_chosen):
        found = _first(tried(outcome.spec, outcome.impl, todo), engine)
        if found is not None:
            other = replace(outcome, difference=found)
            if not may_agree(other, engine):
                return other
    return None


Failing = Sequence[tuple[Obligation, Term]]
"""Obligations, each with the inputs that it fails on."""


def _meetings(spec: Behaviour, impl: Behaviour) -> list[Obligation]:
    """What has to hold where a case of one side meets one of the other."""
    return [o for o in obligations(spec, impl) if o.theirs is not None]


def _first(failing: Failing, engine: Engine) -> Difference | None:
    """One of some obligations that fails."""
    answer = engine.satisfiable(b.or_(*(fails for _, fails in failing)), "a difference in what is defined", SECONDS)
    if answer.model is None:
        return None
    return next((difference_in(o, answer.model) for o, fails in failing if answer.model.holds(fails)), None)


def _without_choices(spec: Behaviour, impl: Behaviour, todo: Sequence[Obligation]) -> Failing:
    chosen = frozenset((*choices_of(spec), *choices_of(impl)))
    found = []
    for obligation in todo:
        parts = tuple(p for p in obligation.parts if chosen.isdisjoint(b.variables(p.differ)))
        if parts and chosen.isdisjoint(b.variables(obligation.context)):
            found.append((obligation, replace(obligation, parts=parts).violation))
    return found


def _whatever_is_chosen(spec: Behaviour, impl: Behaviour, todo: Sequence[Obligation]) -> Failing:
    depends = b.or_(*(_depends_on_choices(side) for side in (spec, impl)))
    zeros = _all_alike(0, spec, impl)
    failing = b.substitute([o.violation for o in todo], zeros)
    return [(o, b.and_(fails, b.not_(depends))) for o, fails in zip(todo, failing, strict=True)]


def _depends_on_choices(side: Behaviour) -> Term:
    """Where a side does something else if its choices are ones than if they are zeros."""
    if not choices_of(side):
        return b.FALSE
    either = [map_terms(side, partial(b.substitute, mapping=_all_alike(v, side)), {}) for v in (0, -1)]
    return b.or_(*(o.violation for o in _meetings(*either)))


def _all_alike(value: int, *sides: Behaviour) -> dict[Term, Term]:
    return {v: b.literal(value, v) for side in sides for v in choices_of(side)}
