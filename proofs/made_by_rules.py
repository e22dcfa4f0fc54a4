"""A difference that a solver found, on the same input, with functions such as rules make them.

Where rules are unknown, tables are functions of which a solver knows no more than it is told, and what it is told as an
axiom it has to keep in mind for all inputs. What is true of them wherever rules make them is therefore put in only
afterwards, of one input. The specification's choices are bound as anywhere: functions are looked for that defeat some
of them, and choices that these leave, in turns.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .engine import Engine, Model
from .fixing import fix, number
from .options import Instance

SECONDS: Final = 4.0
"""How long each turn may take."""

TURNS: Final = 6
"""Choices that are defeated one after the other."""


def made_by_rules(
    violation: Term, real: Term, legal: Term, picks: frozenset[Term], found: Model, engine: Engine, name: str
) -> Model | None:
    """A model with the input of ``found`` on which ``real`` is true, and ``violation`` whatever is chosen; None if none
    is found soon.

    Args:
        violation: what the input does that it must not.
        real: what is true of functions that rules make.
        legal: the axioms that speak of choices: no choice breaks them.
        picks: the choices.
        found: the model; it may choose itself.
        engine: where queries go.
        name: of what is asked.
    """
    used = [v for v in b.variables(violation, real, legal) if v in picks]
    given = {
        v: b.literal(found.values.get(v.name, 0), v) for v in b.variables(violation, real, legal) if v not in picks
    }
    there = b.substitute([violation, real, legal], given)
    chosen: list[Instance] = [{v: b.literal(found.values.get(v.name, 0), v) for v in used}]
    for _ in range(TURNS):
        wanted = [t for instance in chosen for t in b.substitute(there, instance)]
        made = _mended(wanted, found, engine, name) or _made(wanted, found, engine, name)
        if made is None:
            return None
        if not used:
            return made
        fitting = fix(b.and_(legal, b.not_(violation)), made, frozenset(used))
        others = engine.satisfiable(fitting, f"{name}: choices that these rules leave", SECONDS)
        if others.status == "unsat":
            return made
        if others.model is None:
            return None
        chosen.append({v: b.literal(others.model.values.get(v.name, 0), v) for v in used})
    return None


def _made(wanted: Sequence[Term], found: Model, engine: Engine, name: str) -> Model | None:
    """A model of ``wanted``, of one input."""
    answer = engine.satisfiable(b.and_(*wanted), f"{name}: rules for one input", SECONDS)
    return None if answer.model is None else replace(answer.model, values=found.values)


def _mended(wanted: Sequence[Term], found: Model, engine: Engine, name: str) -> Model | None:
    """One that differs from ``found`` in no more than what the conditions ask for that are not true there: of many
    functions a few are wrong, and the others would take the solver long."""
    parts = [part for term in wanted for part in (term.args if term.op == "and" else (term,))]
    wrong = set(b.applications(*(part for part in parts if not found.holds(part))))
    calls = [call for call in b.applications(*parts) if call not in wrong and all(arg.is_const for arg in call.args)]
    values = b.evaluate(calls, found.values, found.callables(), default=0)
    kept = {call: b.literal(number(value), call) for call, value in zip(calls, values, strict=True)}
    left = b.and_(*b.substitute(list(wanted), kept))
    answer = engine.satisfiable(left, f"{name}: mended rules for one input", SECONDS)
    if answer.model is None:
        return None
    told = {**found.functions}
    for function, table in answer.model.functions.items():
        told[function] = {**told.get(function, {}), **table}
    made = replace(found, functions=told)
    return made if all(made.holds(term) for term in wanted) else None


__all__ = ["made_by_rules"]
