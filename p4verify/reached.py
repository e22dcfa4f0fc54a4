"""Rules and frames under which a program does what it does, one for each thing that it sends, tells or keeps: random
rules seldom lead far down a chain of tables, and a solver soon says which ones do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Final

from .proofs.compare import domain
from .proofs.engine import Engine, Model
from .realise import CannotRealise, realise
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning.behaviour import Behaviour, Case
from .semantics.meaning.cells_before import cell_before
from .semantics.rules.ruleset import RuleSet

SECONDS: Final = 0.5
"""For each of them."""

MOST_SLOW: Final = 2
"""Questions that take longer, after which no more are asked."""

MOST: Final = 24
"""Things that are looked at."""


def reached(
    program: ir.Program, spec: Behaviour, impl: Behaviour, engine: Engine, rng: random.Random
) -> Iterator[tuple[RuleSet, Model]]:
    """Rules, each with an input on which one of the things is done under them: with entries in all tables that are
    asked for it and any arguments of actions, if it can be done so, and with whatever does.

    Args:
        program: whose rules they are.
        spec: what it does, in its own functions.
        impl: whose assumptions about inputs count, too.
        engine: is asked for them.
        rng: draws arguments.
    """
    inputs = [a.condition for a in (*impl.domain, *impl.reaching)]
    possible = b.and_(domain(spec), *(t for t in inputs if not b.applications(t)))
    slow = 0
    for case, what in islice(_done(spec), MOST):
        query = b.and_(possible, case.guard, what)
        entries = b.and_(query, *(call for call in b.applications(what) if call.name.endswith(".hit")))
        drawn = b.and_(entries, *(_any(call, rng) for call in b.applications(*case.terms()) if ".arg." in call.name))
        for ways in ((drawn, entries), (query,)) if entries is not query else ((drawn, entries),):
            for way in dict.fromkeys(ways):
                answer = engine.satisfiable(way, "what the program does", SECONDS)
                slow += answer.status == "unknown"
                if answer.model is not None:
                    with suppress(CannotRealise):
                        yield realise(program, [drawn], answer.model), answer.model
                    break
                if slow > MOST_SLOW:
                    return


def _any(call: Term, rng: random.Random) -> Term:
    """That an argument is some number."""
    return b.eq(call, b.literal(rng.getrandbits(max(1, call.width)), call))


def _done(spec: Behaviour) -> Iterator[tuple[Case, Term]]:
    """What each case sends, tells or keeps: the condition under which it does."""
    for case in spec.cases:
        conditions = [output.when for output in case.outputs] + [event.when for event in case.events]
        conditions += [b.ne(after, cell_before(name, after)) for name, after in case.state.items()]
        for condition in dict.fromkeys(conditions):
            if condition is not b.FALSE:
                yield case, condition


__all__ = ["reached"]
