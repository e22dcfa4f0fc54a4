"""Two machines that were accepted for one program, compared through the program.

A machine that is accepted does what the program does on every input that both can meet, with some choice of what the
program leaves open. Where it leaves nothing open there is nothing to choose: two such machines do the same on every
input that both and the program can meet, and need not be compared once more. (Two checksums that are summed in two
ways, neither as the program sums it, are hard to compare, and each of them easy with the program.)
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from .proofs.choices import IMPL, apart, choices_of
from .proofs.compare import domain
from .proofs.engine import Engine
from .proofs.verdict import Proof, Tally, Verdict
from .semantics.meaning.behaviour import Behaviour


@dataclass(frozen=True)
class Followed:
    """A machine's behaviour, and the program's with which it was accepted (no state and no tables told otherwise)."""

    program: Behaviour
    machine: Behaviour
    compared: int
    """Observables that were compared for it."""


def through_program(left: Followed, right: Followed, label: str, engine: Engine, started: float) -> Proof | None:
    """That both do the same, because they do what one program does; None if that does not follow."""
    spec = left.program
    if not _same(spec, right.program) or choices_of(spec) or not left.compared or not right.compared:
        return None
    common = set(left.machine.observables) & set(right.machine.observables)
    if not common <= set(spec.observables) or "outputs" not in common:
        return None
    met = engine.satisfiable(domain(spec, left.machine, apart(right.machine, IMPL)), "an input that both can meet")
    if met.status != "sat":
        return None
    compared = min(left.compared, right.compared)
    reason = f"{label} does what is asked, for every packet: both do what the program does, which leaves nothing open"
    sides = (left.machine, right.machine, spec)
    assumptions = tuple(dict.fromkeys(a.text for side in sides for a in (*side.domain, *side.reaching)))
    return Proof(Verdict.ACCEPT, reason, Tally(compared=compared), seconds=time.monotonic() - started,
                 assumptions=assumptions, observables=tuple(sorted(common)))  # fmt: skip


def _same(x: Behaviour, y: Behaviour) -> bool:
    """Whether two meanings of the program say the same of the same inputs."""
    return x.cases == y.cases and x.faults == y.faults and x.observables == y.observables and x.axioms == y.axioms
