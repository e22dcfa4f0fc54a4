"""Two machines that were accepted for one program, compared through the program.

A machine that is accepted does what the program does on every input that both can meet, with some choice of what the
program leaves open. Where it leaves nothing open there is nothing to choose: two such machines do the same on every
input that both and the program can meet, and need not be compared once more. (Two checksums that are summed in two
ways, neither as the program sums it, are hard to compare, and each of them easy with the program.)

Where all that it leaves open is what every machine decides for itself (whether a rate is exceeded is a matter of its
own meters), the two need not do the same: each does what the program allows, which was proven; more cannot be asked.
This is not said of values that are undefined: which one a packet meets should not hang on where it is handled.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from .proofs.choices import IMPL, choices_of, left_open, map_terms
from .proofs.compare import domain
from .proofs.engine import Engine
from .proofs.refine import Outcome, may_agree, search
from .proofs.verdict import Proof, Tally, Verdict
from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning.behaviour import OWN_TO_EACH_MACHINE, Behaviour, Choice, distinct_terms, is_choice


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
    if not (left.large or right.large) and not _same(left.program, right.program):
        return None
    if not _can_be_compared(left, right, engine):
        return None
    if not any(_leaves_nothing_open(program, (left, right), engine) for program in _smallest_first(left, right)):
        return None
    why = "both do what the program does, which leaves nothing open"
    return _accepted(left, right, f"{label} does what is asked, for every packet: {why}", started)


def open_at(left: Followed, right: Followed, engine: Engine) -> tuple[Choice, ...]:
    """What the program leaves open that shows on some input that both machines can meet, as far as that is found."""
    for program in _smallest_first(left, right):
        outcome = _with_itself(program, (left, right), engine)
        if outcome.difference is not None:
            names = {v.name.removeprefix(IMPL) for v in may_agree(outcome, engine)}
            return tuple(choice for choice in program.choices if choice.variable.name in names)
    return ()


def as_allowed(left: Followed, right: Followed, label: str, engine: Engine, started: float) -> Proof | None:
    """That each does what the program allows, where that leaves open only what every machine decides for itself.

    Args:
        left, right: two machines that were accepted for one program under the same rules, however these are told.
    """
    for program in _programs(left, right):
        own = [reason for reason in left_open(program) if reason in OWN_TO_EACH_MACHINE]
        if not own or not _can_be_compared(left, right, engine):
            continue
        if _is_one_thing(_own_choices_given(program), (left, right), engine):
            why = f"each does what the program allows, which leaves open to every machine: {', '.join(own)}"
            return _accepted(left, right, f"{label} does what is asked, for every packet: {why}", started)
    return None


def _own_choices_given(program: Behaviour) -> Behaviour:
    """The program with what every machine decides for itself as if it came in with the packet."""
    own = [c.variable for c in program.choices if c.reason in OWN_TO_EACH_MACHINE]
    given: dict[Term, Term] = {v: b.var(f"in.own.{v.name}", v.sort) for v in own}
    return map_terms(program, lambda terms: b.substitute(terms, given), given)


def _programs(left: Followed, right: Followed) -> tuple[Behaviour, ...]:
    """The meanings of the program that the two were accepted for."""
    return (left.program,) if left.program is right.program else (left.program, right.program)


def _smallest_first(left: Followed, right: Followed) -> list[Behaviour]:
    """The same, for what may take all the time that there is in vain where a meaning is large."""
    return sorted(_programs(left, right), key=lambda program: len(b.postorder(distinct_terms(program.cases))))


def _common(left: Followed, right: Followed) -> set[str]:
    return set(left.machine.observables) & set(right.machine.observables)


def _can_be_compared(left: Followed, right: Followed, engine: Engine) -> bool:
    """Whether both were accepted for something on what both show, and can meet the same input."""
    if not left.compared or not right.compared:
        return False
    common = _common(left, right)
    if not common <= set(left.program.observables) & set(right.program.observables) or "outputs" not in common:
        return False
    sides = (*_programs(left, right), left.machine, right.machine)
    meeting = b.and_(*(_with_own_choices(domain(side), number) for number, side in enumerate(sides)))
    return engine.satisfiable(meeting, "an input that both can meet").status == "sat"


def _accepted(left: Followed, right: Followed, reason: str, started: float) -> Proof:
    sides = (left.machine, right.machine, *_programs(left, right))
    assumptions = tuple(dict.fromkeys(a.text for side in sides for a in (*side.domain, *side.reaching)))
    tally = Tally(compared=min(left.compared, right.compared))
    return Proof(Verdict.ACCEPT, reason, tally, seconds=time.monotonic() - started, assumptions=assumptions,
                 observables=tuple(sorted(_common(left, right))))  # fmt: skip


def _leaves_nothing_open(program: Behaviour, machines: tuple[Followed, Followed], engine: Engine) -> bool:
    """Whether a meaning of the program is one thing only on every input that both machines can meet.

    One of two meanings is enough: both are true of the rules that the machines are compared under. What the program may
    choose where the two would be compared anyway is left to that.
    """
    if not choices_of(program):
        return True
    return any(one.large for one in machines) and _is_one_thing(program, machines, engine)


def _is_one_thing(program: Behaviour, machines: tuple[Followed, Followed], engine: Engine) -> bool:
    """Whether no choice matters on any input that both machines can meet."""
    if not choices_of(program):
        return True
    outcome = _with_itself(program, machines, engine)
    return outcome.difference is None and not outcome.unknown and not outcome.empty


def _with_itself(program: Behaviour, machines: tuple[Followed, Followed], engine: Engine) -> Outcome:
    """The program compared with itself, each choosing for itself, on the inputs that both machines can meet."""
    inputs = tuple(
        replace(a, condition=_with_own_choices(a.condition, number))
        for number, one in enumerate(machines)
        for a in (*one.machine.domain, *one.machine.reaching)
    )
    limited = replace(program, domain=tuple(dict.fromkeys((*program.domain, *inputs))))
    return search(limited, limited, engine, exactly=True)


def _with_own_choices(condition: Term, number: int) -> Term:
    """A condition of one of several sides, whose choices are numbered by each for itself: under names of its own."""
    chosen = {v: b.var(f"side{number}.{v.name}", v.sort) for v in b.variables(condition) if is_choice(v)}
    return b.substitute([condition], chosen)[0]


def _same(x: Behaviour, y: Behaviour) -> bool:
    """Whether two meanings of the program say the same of the same inputs."""
    return x.cases == y.cases and x.faults == y.faults and x.observables == y.observables and x.axioms == y.axioms
