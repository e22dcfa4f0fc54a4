"""Passes of an object whose packets come back, told as the program tells them: by kind of pass, and what goes along.

The machine's meaning speaks of one pass: ``in.again`` says whether the packet has come back, ``in.carried`` holds what
the pass before has left for it, and what comes back carries :data:`.meaning.passes.CARRIED_OUT`. A packet that comes
back in any other form than that in which a pass of the program can begin is told as one that goes on to the stack,
which no program of these architectures says of such packets.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Behaviour, Case, Destination, Output, substituted
from .artifact.passes import AGAIN, CARRIED_IN, CARRIED_OUT, MOST_RETURNS
from .carried import RECIRCULATED, RESUBMITTED, Carried, Part, carried
from .fillup import host_order

ARCHITECTURES: Final = ("v1model", "psa", "pna")
NOTE: Final = (
    f"a packet comes back at most {MOST_RETURNS} times: the kernel follows no more tail calls, and it is dropped then"
)
"""What verdicts say."""


def told(program: ir.Program, machine: Behaviour, size: int) -> Behaviour:
    """``machine``, whose element of what goes along has ``size`` bytes. Raises CannotOffload."""
    known = carried(program)
    if known.size != size:
        return machine
    found = begun(program, machine, size)
    return replace(found, cases=tuple(_told(program.arch, known, case) for case in found.cases))


def begun(program: ir.Program, machine: Behaviour, size: int) -> Behaviour:
    """``machine`` with what a pass finds told as the program's pass finds it. Raises CannotOffload."""
    known = carried(program)
    if known.size != size:
        return machine
    variables = {b.var(AGAIN, 1): _came_back(program.arch, known), b.var(CARRIED_IN, 8 * size): _element(known)}
    return substituted(machine, variables)


def _input(part: Part) -> Term:
    return b.var(f"in.{part.name}", part.width)


def _came_back(arch: str, known: Carried) -> Term:
    kind = _input(known.kind)
    if arch == "psa":
        return b.from_bool(b.eq(kind, b.bv(RESUBMITTED[arch], kind.width)))
    back = b.ne(kind, b.bv(0, kind.width))
    if arch == "pna":  # numbers of passes wrap: a packet that has come back may be in one with number 0
        back = b.or_(back, b.to_bool(b.var("in.ebpf.wrapped", 1)))
    return b.from_bool(back)


def _element(known: Carried) -> Term:
    """What the element holds when a pass begins; what lies between fields is anything."""
    out: list[Term] = []
    at = 0
    for part in (known.kind, *known.parts):
        if part.offset > at:
            out.append(_gap(at, part.offset))
        out.append(host_order(b.zext(_input(part), 8 * part.size)))
        at = part.offset + part.size
    if known.size > at:
        out.append(_gap(at, known.size))
    return b.concat(*out)


def _gap(start: int, end: int) -> Term:
    return b.var(f"in.ebpf.between.{start}", 8 * (end - start))


def _told(arch: str, known: Carried, case: Case) -> Case:
    outputs = [each for output in case.outputs for each in _ways(arch, known, output)]
    return replace(case, outputs=tuple(output for output in outputs if output.when is not b.FALSE))


def _ways(arch: str, known: Carried, output: Output) -> list[Output]:
    """A packet that comes back, by the way on which it does."""
    held = output.metadata.get(CARRIED_OUT)
    if held is None:
        return [output]
    values = {part.name: _value(held, part) for part in (known.kind, *known.parts)}
    fits = b.and_(*(b.eq(value, b.zext(_low(value, part), value.width)) for part, value in _each(known, values)))
    metadata = {part.name: _low(value, part) for part, value in _each(known, values)}
    kind = values[known.kind.name]
    ways: list[tuple[Term, Destination]] = []
    if arch in RESUBMITTED:
        ways.append((b.eq(kind, b.bv(RESUBMITTED[arch], kind.width)), "resubmit"))
    if arch in RECIRCULATED:
        ways.append((b.eq(kind, b.bv(RECIRCULATED[arch], kind.width)), "recirculate"))
    if arch == "pna":
        ways.append((b.TRUE, "recirculate"))
        metadata |= {"direction": b.var("in.direction", 1), "class_of_service": b.var("in.class_of_service", 8)}
    made = [replace(output, when=b.and_(output.when, fits, way), to=to, metadata=metadata) for way, to in ways]
    other = b.not_(b.and_(fits, b.or_(*(way for way, _ in ways))))
    return [*made, Output(b.and_(output.when, other), "stack", b.bv(0, 32), output.packet)]


def _each(known: Carried, values: dict[str, Term]) -> list[tuple[Part, Term]]:
    return [(part, values[part.name]) for part in (known.kind, *known.parts)]


def _value(held: Term, part: Part) -> Term:
    """What lies at the part's place, as a number."""
    high = held.width - 1 - 8 * part.offset
    return host_order(b.extract(held, high, high - 8 * part.size + 1))


def _low(value: Term, part: Part) -> Term:
    return b.extract(value, part.width - 1, 0)


__all__ = ["ARCHITECTURES", "NOTE", "told"]
