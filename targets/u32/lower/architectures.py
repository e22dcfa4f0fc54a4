"""What the architectures make of a program: the ordered ways, each with what becomes of the frame.

``ebpf_model``: a frame that the parser rejects is dropped; ``accept`` decides the others. ``v1model``: the controls run
whatever the parser says; ``egress_spec`` 511 drops, another known port is where the frame goes. u32 changes no byte,
so a frame that is sent must leave as it came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ...unfold.expressions import decide
from ...unfold.machine import PLAIN_EXTERNS, Machine
from ...unfold.parsing import PACKET_IN, run_parser
from ...unfold.state import Context, State, bounded
from ...unfold.v1model import DROP_PORT, V1Model, main_blocks
from ...unfold.values import Cube, Value, known, number, undefined


@dataclass(frozen=True, slots=True)
class Drop:
    """The frame is dropped."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The frame goes on to the stack."""


@dataclass(frozen=True, slots=True)
class Redirect:
    """The frame leaves through a port."""

    port: int


Verdict = Drop | Pass | Redirect


@dataclass(frozen=True, slots=True)
class Entry:
    """Where the condition holds, and no earlier entry's does, this becomes of the frame."""

    cube: Cube
    verdict: Verdict


def entries(context: Context, start: Cube) -> list[Entry]:
    """The program's entries for frames that satisfy ``start``; the last one takes all that are left.

    Raises:
        CannotOffload: u32 cannot do what the program does.
    """
    program = context.program
    run = {"ebpf_model": _ebpf_model, "v1model": _v1model}.get(program.arch)
    if run is None:
        arch = program.arch or "no known architecture"
        raise CannotOffload(f"programs for {arch} (u32 takes ebpf_model and v1model)", Span(program.file, 0, 0))
    return run(context, start)


# --- ebpf_model -------------------------------------------------------------------------------------------------------


def _ebpf_model(context: Context, start: Cube) -> list[Entry]:
    blocks, _ = main_blocks(context, ("prs", "filt"))
    m = Machine(context, {**PACKET_IN, **PLAIN_EXTERNS})
    parser, control = context.program.parser(blocks["prs"]), context.program.control(blocks["filt"])
    headers = parser.params[1]
    found: list[Entry] = []
    for way in run_parser(m, parser, {headers.name: undefined(headers.type, headers.span)}, State(start, {})):
        if way.flow == "reject":
            found.append(Entry(way.cube, Drop()))
            continue
        found += _filtered(m, control, way.variables[f"{parser.name}/{headers.name}"], way)
        _not_too_many(found, control.span)
    return found


def _filtered(m: Machine, control: ir.Control, headers: Value, way: State) -> list[Entry]:
    first, accept = control.params
    values = {first.name: headers, accept.name: undefined(accept.type, accept.span)}
    result = ir.Var(accept.name, accept.type, accept.span)
    found: list[Entry] = []
    for end in m.control(control, values, way):
        with m.inside(control, f"{control.name}/"):
            decided = decide(m, result, replace(end, flow="run"))
        found += [Entry(s.cube, Pass() if truth else Drop()) for s, truth in decided]
    return found


def _not_too_many(found: list[Entry], span: Span) -> None:
    bounded([State(e.cube, {}) for e in found[-1:]] * len(found), span)


# --- v1model ----------------------------------------------------------------------------------------------------------


def _v1model(context: Context, start: Cube) -> list[Entry]:
    model = V1Model.of(context, Machine)
    found: list[Entry] = []
    for way in model.parsed(State(start, {}), {}):
        for checked in model.checked(way):
            for end in model.ingressed(checked):
                found += _after_ingress(model, end)
        _not_too_many(found, model.span)
    return found


def _after_ingress(model: V1Model, way: State) -> list[Entry]:
    span = model.ingress.span
    if known(model.after_ingress(way, "mcast_grp")) != 0:
        raise CannotOffload("multicast: mcast_grp is set", span)
    port_bits = model.after_ingress(way, "egress_spec")
    port = known(port_bits)
    if port is None:
        raise CannotOffload("an egress port that depends on the frame", span)
    if port == DROP_PORT:
        return [Entry(way.cube, Drop())]
    found: list[Entry] = []
    for end in model.egressed(way, port_bits, {}):
        last = known(model.after_egress(end, "egress_spec"))
        if last is None:
            raise CannotOffload("whether egress drops depends on the frame", model.egress.span)
        found += [Entry(end.cube, Drop())] if last == DROP_PORT else _sent(model, end, port)
    return found


def _sent(model: V1Model, way: State, port: int) -> list[Entry]:
    found: list[Entry] = []
    for end in model.deparsed(way):
        _unchanged(end, model.deparser)
        found.append(Entry(end.cube, Redirect(port)))
    return found


def _unchanged(way: State, deparser: ir.Control) -> None:
    """The frame leaves as it came: what is emitted is what was extracted, and the rest follows."""
    place, span = 0, way.changed if way.changed.file else deparser.span
    for bits in way.emitted:
        for bit in bits:
            seen = way.cube.bits.get(place)
            as_it_came = bit == place or (seen is not None and way.cube.resolve((bit,)) == number(int(seen), 1))
            if not as_it_came:
                raise CannotOffload("the frame is changed: u32 sends it as it came", span)
            place += 1
    if place != way.cursor:
        raise CannotOffload("headers are added or removed: u32 sends the frame as it came", span)
