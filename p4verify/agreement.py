"""Two machines that were accepted for one program, compared through the program.

A machine that is accepted does what the program does on every input that both can meet, with some choice of what the
program leaves open. Where it leaves nothing open there is nothing to choose: two such machines do the same on every
input that both and the program can meet, and need not be compared once more. (Two checksums that are summed in two
ways, neither as the program sums it, are hard to compare, and each of them easy with the program.)
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from .proofs.choices import IMPL, apart, choices_of
from .proofs.compare import domain
from .proofs.engine import Engine
from .proofs.refine import search
from .proofs.verdict import Proof, Tally, Verdict
from .semantics.meaning.behaviour import Behaviour


@dataclass(frozen=True)
class Followed:
    """A machine's behaviour, and the program's with which it was accepted (no state and no tables told otherwise)."""

    program: Behaviour
    machine: Behaviour
    compared: int
    """Observables that were compared for it."""
    large: bool = False
    """Whether the program's meaning is one with tables left open: that of these rules among others, so that two of them
    need not be told alike."""


def through_program(left: Followed, right: Followed, label: str, engine: Engine, started: float) -> Proof | None:
    """That both do the same, because they do what one program does under the same rules; None if that does not follow.

    Args:
        left, right: two machines that were accepted for one program, each for every rule set or for the one given.
    """
    spec = left.program
    if not (left.large or right.large) and not _same(spec, right.program):
        return None
    if not left.compared or not right.compared:
        return None
    common = set(left.machine.observables) & set(right.machine.observables)
    if not common <= set(spec.observables) & set(right.program.observables) or "outputs" not in common:
        return None
    programs = (spec,) if left.program is right.program else (spec, right.program)
    meeting = domain(*programs, left.machine, apart(right.machine, IMPL))
    met = engine.satisfiable(meeting, "an input that both can meet")
    if met.status != "sat":
        return None
    if not any(_leaves_nothing_open(program, (left, right), engine) for program in programs):
        return None
    compared = min(left.compared, right.compared)
    reason = f"{label} does what is asked, for every packet: both do what the program does, which leaves nothing open"
    sides = (left.machine, right.machine, *programs)
    assumptions = tuple(dict.fromkeys(a.text for side in sides for a in (*side.domain, *side.reaching)))
    return Proof(Verdict.ACCEPT, reason, Tally(compared=compared), seconds=time.monotonic() - started,
                 assumptions=assumptions, observables=tuple(sorted(common)))  # fmt: skip


def _leaves_nothing_open(program: Behaviour, machines: tuple[Followed, Followed], engine: Engine) -> bool:
    """Whether a meaning of the program is one thing only on every input that both machines can meet.

    One of two meanings is enough: both are true of the rules that the machines are compared under. What the program may
    choose where the two would be compared anyway is left to that.
    """
    if not choices_of(program):
        return True
    if not any(one.large for one in machines):
        return False
    inputs = tuple(a for one in machines for a in (*one.machine.domain, *one.machine.reaching))
    limited = replace(program, domain=tuple(dict.fromkeys((*program.domain, *inputs))))
    outcome = search(limited, limited, engine, exactly=True)
    return outcome.difference is None and not outcome.unknown and not outcome.empty


def _same(x: Behaviour, y: Behaviour) -> bool:
    """Whether two meanings of the program say the same of the same inputs."""
    return x.cases == y.cases and x.faults == y.faults and x.observables == y.observables and x.axioms == y.axioms
