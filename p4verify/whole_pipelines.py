"""The whole pipelines of two programs, and what an ``accept`` of two programs says."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from . import across, earlier_passes
from .assertions import shows_nothing
from .drawing import Beside
from .pair_blocks import Found, as_found
from .passes_alike import KIND, KINDS
from .proofs.engine import Engine
from .proofs.refine import Outcome, search
from .proofs.verdict import Proof, Verdict
from .replay import confirm_pair
from .semantics import bits as b
from .semantics.meaning.behaviour import Assumption, Behaviour

if TYPE_CHECKING:
    from .pairs import ProgramPair

MUCH: Final = 6
"""How many times as many inputs are drawn for whole pipelines of which a block differs."""


def accepted(pair: ProgramPair, found: Found, started: float, how: str) -> Proof:
    over = "every packet and every rule set" if pair.rules is None else "every packet"
    count = found.tally.compared
    verb = "equals the program" if pair.exactly else "does what the program allows"
    if not count:
        reason = "no output, metadata or state of the two programs was compared"
        return Proof(Verdict.UNSUPPORTED, reason, found.tally, seconds=time.monotonic() - started)
    reason = f"{verb}, for {over}: {count} observables compared, {found.tally.total} obligations, {how}"
    return Proof(
        Verdict.ACCEPT, reason, found.tally, seconds=time.monotonic() - started,
        assumptions=(*found.assumptions, *pair.pairing.relations(), *pair.pairing.room()),
        observables=found.observables, warnings=(*found.notes, *pair.pairing.notes(), *pair.unread()),
    )  # fmt: skip


def compare_whole(pair: ProgramPair, engine: Engine, started: float, blocks: Found | None = None) -> Proof:
    """The whole pipelines, of which comparing blocks came to what is given."""
    effort = MUCH if blocks is not None and blocks.difference is not None else 1
    meanwhile = Beside(pair, engine, started, blocks) if blocks is not None else None
    spec, impl, theirs = pair.pipelines
    if pair.across:
        spec, impl = across.alike(pair.pairing, pair.said, spec, impl, engine)
        theirs = replace(theirs, notes=impl.notes, domain=impl.domain)
    outcome = search(spec, impl, engine, exactly=pair.exactly, effort=effort, aside=meanwhile)
    if meanwhile is not None and meanwhile.proof is not None:
        return meanwhile.proof
    if pair.across and outcome.difference is not None:
        led = _from_a_port(pair, outcome, spec, impl, engine)
        if isinstance(led, str):
            return Proof(Verdict.UNDECIDED, led, outcome.tally, seconds=time.monotonic() - started)
        outcome, spec, theirs = led[0], led[1], replace(theirs, domain=led[2].domain)
    found = as_found(pair, outcome, spec, theirs, "the pipeline")
    if found.difference is not None:
        return confirm_pair(found.difference, found.tally, started, engine)
    if outcome.unknown or outcome.empty:
        verdict = Verdict.UNDECIDED if outcome.unknown else Verdict.UNSUPPORTED
        reason = outcome.unknown or outcome.empty
        return Proof(
            verdict, reason, found.tally, seconds=time.monotonic() - started,
            assumptions=found.assumptions, warnings=found.notes,
        )  # fmt: skip
    return shows_nothing(accepted(pair, found, started, "the whole pipeline"), (spec, impl), engine)


def _from_a_port(
    pair: ProgramPair, outcome: Outcome, spec: Behaviour, impl: Behaviour, engine: Engine
) -> tuple[Outcome, Behaviour, Behaviour] | str:
    """A difference as it is if it is one in a first pass; else one in a pass to which packets from ports are led, with
    both sides under that assumption; or why there is none."""
    assert outcome.difference is not None
    way = outcome.difference.model.values.get(KIND.name, 0)
    if not way:
        return outcome, spec, impl
    for count in range(earlier_passes.PASSES + 1):
        condition = earlier_passes.behind(spec, impl, pair.pairing.passes, count)
        if condition is b.FALSE:
            continue
        came = Assumption(f"packets from ports, after {count} passes of both programs", condition)
        sides = [replace(side, domain=(*side.domain, came)) for side in (spec, impl)]
        found = search(sides[0], sides[1], engine, exactly=pair.exactly)
        if found.difference is not None and earlier_passes.determined(
            found.spec or spec, found.difference.model, count
        ):
            return found, sides[0], sides[1]
    return (
        f"a packet that came back ({KINDS[way - 1]}) is treated otherwise, with whatever it brings along, but no packet"
        f" from a port was found that gets there within {earlier_passes.PASSES} passes"
    )
