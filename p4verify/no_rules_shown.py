"""A proof that no rules of the second program do, as a verdict: what was found is run on both programs first."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from .explain import only_met
from .no_rules import Impossible, find
from .proofs.counterexample import input_of
from .proofs.difference import Difference
from .proofs.engine import Engine
from .proofs.refine import Outcome
from .proofs.verdict import Beside, Counterexample, Proof, Tally, Verdict
from .realise import describe
from .replay import Alike, Replay, alike_on, confirm_pair
from .semantics.source import Unsupported
from .table_partners import is_open

if TYPE_CHECKING:
    from .pairs import ProgramPair


def no_rules_do(pair: ProgramPair, engine: Engine, started: float, turns: int | None) -> Proof | None:
    """``reject`` where, under some rules of the first program, no rules of the tables of the second one that cannot be
    paired make it do the same; None where that is not shown.

    ``turns``: how often loops of parsers are followed.
    """
    if pair.across or pair.pairing.guessed or any(derived.guessed for derived in pair.pairing.derived):
        return None  # what the other tables hold is a guess itself
    try:
        found = find(pair, engine, turns)
        return _confirmed(pair, found, engine, started) if found is not None else None
    except Unsupported:
        return None


def _confirmed(pair: ProgramPair, found: Impossible, engine: Engine, started: float) -> Proof | None:
    under = replace(pair, rules=found.rules, content=found.second_rules)
    tally = Tally(len(found.models), engine.folded, engine.solved, len(found.models), engine.cached)
    last = found.models[-1]
    outcome = Outcome(tally, Difference(_obligation(pair), (), last), spec=found.spec, impl=found.impl)
    replayed = Replay(under, outcome, found.spec, found.impl, "the pipeline", shrink=False)
    alike = alike_on(replayed, found.models[0], engine) if len(found.models) > 1 else None
    if len(found.models) > 1 and alike is None:
        return None
    proof = confirm_pair(replayed, tally, started, engine)
    if proof.verdict is not Verdict.REJECT or proof.counterexample is None:
        return None
    where = next(iter(pair.pairing.problems.values())).span
    shown = _shown(under, found, alike, proof.counterexample)
    return replace(
        proof, reason=_reason(pair, found), where=where, counterexample=shown,
        assumptions=_assumed(pair, proof), seconds=time.monotonic() - started,
    )  # fmt: skip


def _shown(under: ProgramPair, found: Impossible, alike: Alike | None, shown: Counterexample) -> Counterexample:
    """The counterexample, with the packet beside it and the rules that this one meets."""
    shown = replace(shown, any_rules=tuple(under.pairing.problems))
    if alike is None:
        return shown
    given = input_of(found.models[0])
    inputs = {n: v for n, v in given.model.values.items() if n.startswith("in.") and n != "in.port" and v}
    if alike.steps:
        met = describe(only_met(found.rules, alike.steps), under.first)
        second = describe(only_met(found.second_rules, alike.second_steps), under.second)
        shown = replace(
            shown, rules=tuple(dict.fromkeys((*met, *shown.rules))),
            second_rules=tuple(dict.fromkeys((*second, *shown.second_rules))),
        )  # fmt: skip
    return replace(shown, beside=Beside(given.packet, given.port, alike.seen, inputs))


def _tables(pair: ProgramPair) -> str:
    return ", ".join(pair.pairing.problems)


def _obligation(pair: ProgramPair) -> str:
    return f"some rules of {_tables(pair)} do what the first program does"


def _reason(pair: ProgramPair, found: Impossible) -> str:
    name = _tables(pair)
    if len(found.models) == 1:
        return f"the packet shown is treated wrongly whatever the rules of table {name} are"
    told = f": {', '.join(found.asked)} looks both up with one key" if found.asked else ""
    return f"one of the two packets shown is treated wrongly, whatever the rules of table {name} are{told}"


def _assumed(pair: ProgramPair, proof: Proof) -> tuple[str, ...]:
    if not any(is_open(paired.second) for paired in pair.pairing.tables):
        return proof.assumptions
    return (*proof.assumptions, "the second program's other tables have the rules of the first one's of their names")
