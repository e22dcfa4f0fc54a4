"""What the pipelines of PSA and PNA have in common: metadata handed to blocks, deparsed frames, copies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import Packet
from ..meaning.blocks import run_control
from ..meaning.layouts import layouts
from ..meaning.machine import Machine
from ..meaning.state import State
from ..meaning.values import Scalar, Struct, Value, uninitialised
from ..source import Span, Unsupported
from .base import Sent


def apply_block(m: Machine, control: ir.Control, values: Sequence[Value | None]) -> list[Value | None]:
    """Run a control on values by position (None: an extern object), and what they are afterwards."""
    given = {p.name: v for p, v in zip(control.params, values, strict=False) if v is not None}
    after = run_control(m, control, given)
    return [after.get(p.name) for p in control.params]


def standard(param: ir.Param, known: Mapping[str, Term]) -> Struct:
    """A struct of the architecture's with some fields set, the rest undefined; fields it has not are left out."""
    value = uninitialised(param.type, param.span)
    if not isinstance(value, Struct):
        raise Unsupported(f"{param.name}, which is no struct", param.span)
    fields = dict(value.fields)
    for name, term in known.items():
        old = fields.get(name)
        if isinstance(old, Scalar):
            fields[name] = Scalar(term if old.term.sort is b.BOOL else b.resize(term, old.term.width))
    return Struct(fields)


def number(m: Machine, value: Value | None, field: str, span: Span) -> Term:
    """A field of a struct of the architecture's."""
    if not isinstance(value, Struct) or field not in value.fields:
        raise Unsupported(f"metadata without {field}", span)
    return m.read(value.fields[field], span, field)


# --- deparsers ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Deparsed:
    """A frame of fixed layout, where ``when`` holds; ``state`` is the execution's there."""

    when: Term
    packet: Packet
    state: State


def deparsed(m: Machine, frame: Packet, cursor: int, guard: Term, span: Span) -> list[Deparsed]:
    """What was emitted and the rest of ``frame`` from bit ``cursor`` on, for each layout.

    Args:
        m: the machine, after a deparser.
        frame: what was parsed.
        cursor: the parser's last position in bits.
        guard: what holds anyway; layouts that contradict it are left out.
        span: to blame.
    """
    pieces, m.state.pieces = m.state.pieces, ()
    before = m.state
    found = []
    for layout in layouts(pieces, cursor, guard, span, frame):
        m.state = before.copy()
        m.assume(layout.condition)
        prefix = tuple(b.substitute(layout.packet.prefix, layout.known)) if layout.known else layout.packet.prefix
        if not m.state.dead:
            found.append(Deparsed(layout.condition, replace(layout.packet, prefix=prefix), m.state))
    m.state = before
    return found


# --- ways through a last stage --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Clones:
    """Clones that are to be made where ``when`` holds: to the members of ``session``."""

    when: Term
    session: Term
    packet: Packet
    carried: Value | None


@dataclass(frozen=True, slots=True)
class Way:
    """One way through a last stage, where ``when`` holds: what leaves, and the state it ends in."""

    when: Term
    outs: tuple[Sent, ...]
    state: State
    clones: Clones | None = None


def joined(m: Machine, ways: Sequence[Way]) -> State:
    """One state for all ways (without their variables)."""
    states = [replace(way.state, store={}, path=way.when, pieces=()) for way in ways]
    if not states:
        return State({}, path=b.FALSE)
    result = states[-1]
    for state in reversed(states[:-1]):
        result = m.merge(state.path, state, result)
    return result
