"""Outputs that no input brings about, left out: so that those which are there stand beside each other."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .proofs.engine import Engine
from .proofs.sums import folds_sums
from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning.behaviour import Behaviour, Case, Output

SECONDS: Final = 5.0
"""For each output; one that takes longer stays."""


def without_the_impossible(side: Behaviour, engine: Engine) -> Behaviour:
    """``side`` without the outputs that are proven never to be sent, whatever comes in.

    Code that sends copies in a loop of fixed length has an output for every round, and under given rules most of them
    go nowhere. Outputs are compared by their place in the list: one that is never sent would shift those behind it.
    """
    known = b.and_(*side.axioms, *(a.condition for a in (*side.domain, *side.reaching)))
    lighter = b.and_(*(part for part in b.conjuncts(known) if not folds_sums(part)))
    return replace(side, cases=tuple(_possible(case, known, lighter, engine) for case in side.cases))


def _possible(case: Case, known: Term, lighter: Term, engine: Engine) -> Case:
    """``lighter``: what is known but for checksums, which are dear, and say nothing of outputs that ask for none."""

    def happens(output: Output) -> bool:
        asked = b.and_(case.guard, output.when)
        query = b.and_(known if folds_sums(asked) else lighter, asked)
        return engine.satisfiable(query, "outputs that are never sent", SECONDS).status != "unsat"

    return replace(case, outputs=tuple(output for output in case.outputs if happens(output)))
