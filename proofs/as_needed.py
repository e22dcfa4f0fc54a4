"""A query beside many axioms, of which only those are asked for that a model breaks.

What holds of every rule set is said of each question to a table on each path: thousands of axioms, where a query of
one path hangs on a few. Fewer conjuncts make a query weaker, so one that is unsatisfiable without the others is so with
them; a model counts only if all of them are true in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .answers import Answer
from .engine import Engine

AT_ONCE: Final = 40
"""Axioms, the smallest that a model breaks, that are added before the next model is asked for."""

MODELS: Final = 40
"""Models that break an axiom, after which all are asked for at once."""


def satisfiable(
    engine: Engine, query: Term, axioms: Sequence[Term], what: str, seconds: float | None = None, *, plain: bool = True
) -> Answer:
    """Whether ``query`` can be true together with all ``axioms``; the model is one of all of them.

    Args:
        engine: where queries go.
        query: of sort Bool.
        axioms: of sort Bool.
        what: what is asked, for whoever waits.
        seconds: limit of each query, below the engine's own.
        plain: as of :meth:`.engine.Engine.satisfiable`.
    """
    if b.FALSE in axioms:
        return engine.satisfiable(b.FALSE, what)
    open_ = list(dict.fromkeys(axioms))
    asked = query
    for _ in range(MODELS):
        answer = engine.satisfiable(asked, what, seconds, plain=plain)
        if answer.model is None:  # with all axioms it would take longer still
            return answer
        broken = _broken(answer, open_)
        if not broken:
            return answer
        taken = set(sorted(broken, key=lambda t: (len(b.postorder([t])), t.serial))[:AT_ONCE])
        open_ = [axiom for axiom in open_ if axiom not in taken]
        asked = b.and_(asked, *taken)
    return engine.satisfiable(b.and_(query, *axioms), what, seconds, plain=plain)


def _broken(answer: Answer, axioms: Sequence[Term]) -> list[Term]:
    """The axioms that are false in an answer's model, in which what is left open is 0."""
    assert answer.model is not None
    values = b.evaluate(axioms, answer.model.values, answer.model.callables(), default=0)
    return [axiom for axiom, value in zip(axioms, values, strict=True) if not value]
