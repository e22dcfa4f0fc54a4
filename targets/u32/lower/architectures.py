"""What the architectures make of a program: the ordered ways, each with what becomes of the frame.

``ebpf_model``: a frame that the parser rejects is dropped; ``accept`` decides the others. ``v1model``: the controls run
whatever the parser says; ``egress_spec`` 511 drops, another known port is where the frame goes. u32 changes no byte,
so a frame that is sent must leave as it came.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from .expressions import Valued, as_bits, decide, evaluate
from .machine import PLAIN_EXTERNS, ExternHandler, Machine
from .parsing import PACKET_IN, run_parser
from .places import store
from .state import Context, State, bounded
from .values import Bits, Cube, Record, Value, known, number, undefined, unknown

DROP_PORT: Final = 511


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
    package = next((p for p in program.packages if p.name == program.main), None)
    if package is None:
        raise CannotOffload("a program without main", Span(program.file, 0, 0))
    blocks = {name: value for name, value in package.args if isinstance(value, str)}
    return run(context, blocks, start, package.span)


def _missing(blocks: dict[str, str], wanted: tuple[str, ...], span: Span) -> None:
    for name in wanted:
        if name not in blocks:
            raise CannotOffload(f"a main package without {name}", span)


# --- ebpf_model -------------------------------------------------------------------------------------------------------


def _ebpf_model(context: Context, blocks: dict[str, str], start: Cube, span: Span) -> list[Entry]:
    _missing(blocks, ("prs", "filt"), span)
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

_FROM_OUTSIDE: Final = frozenset({
    "ingress_port", "packet_length", "ingress_global_timestamp", "egress_global_timestamp", "enq_timestamp",
    "enq_qdepth", "deq_timedelta", "deq_qdepth",
})  # fmt: skip
"""Fields of ``standard_metadata`` that have a value which is not in the frame."""


def _v1model(context: Context, blocks: dict[str, str], start: Cube, span: Span) -> list[Entry]:
    names = ("p", "vr", "ig", "eg", "ck", "dep")
    _missing(blocks, names, span)
    m = Machine(context, {**PACKET_IN, **PLAIN_EXTERNS, **_V1MODEL_EXTERNS})
    parser = context.program.parser(blocks["p"])
    controls = [context.program.control(blocks[name]) for name in names[1:]]
    headers, meta, standard = parser.params[1:]
    values = {
        headers.name: undefined(headers.type, headers.span),
        meta.name: undefined(meta.type, meta.span),
        standard.name: _standard_metadata(standard),
    }
    found: list[Entry] = []
    for way in run_parser(m, parser, values, State(start, {})):
        error = number(context.program.errors.index(way.error), 32)
        parsed = [way.variables[f"{parser.name}/{p.name}"] for p in (headers, meta, standard)]
        parsed[2] = _with(parsed[2], "parser_error", error)
        found += _controls(m, controls, parsed, replace(way, flow="run"))
        _not_too_many(found, span)
    return found


def _standard_metadata(param: ir.Param) -> Value:
    """At the start: what comes from outside is not known to u32, the rest is 0 or undefined."""
    start = undefined(param.type, param.span)
    if not isinstance(start, Record):
        raise CannotOffload("a standard_metadata that is no struct", param.span)
    outside = {n: unknown(len(v)) for n, v in start.fields.items() if n in _FROM_OUTSIDE and isinstance(v, tuple)}
    return Record({**start.fields, **outside})


def _with(value: Value, name: str, bits: Bits) -> Value:
    assert isinstance(value, Record)
    return Record({**value.fields, name: bits}, value.valid) if name in value.fields else value


def _bits(value: Value, name: str, span: Span) -> Bits:
    assert isinstance(value, Record)
    return as_bits(value.fields[name], span)


def _controls(m: Machine, controls: list[ir.Control], parsed: list[Value], way: State) -> list[Entry]:
    verify, ingress = controls[:2]
    found: list[Entry] = []
    for checked in _apply(m, verify, parsed[:2], way):
        headers, meta = _results(checked, verify)
        standard = _with(parsed[2], "checksum_error", unknown(1)) if checked.checksum_seen else parsed[2]
        for end in _apply(m, ingress, [headers, meta, standard], checked):
            found += _after_ingress(m, controls, end)
    return found


def _apply(m: Machine, control: ir.Control, values: list[Value], way: State) -> list[State]:
    """The control's ways; ``exit`` ends this control only."""
    named = dict(zip((p.name for p in control.params), values, strict=True))
    return [replace(s, flow="run") for s in m.control(control, named, way)]


def _results(way: State, control: ir.Control) -> list[Value]:
    return [way.variables[f"{control.name}/{p.name}"] for p in control.params]


def _after_ingress(m: Machine, controls: list[ir.Control], way: State) -> list[Entry]:
    _, ingress, egress, compute, deparser = controls
    headers, meta, standard = _results(way, ingress)
    if known(way.cube.resolve(_bits(standard, "mcast_grp", ingress.span))) != 0:
        raise CannotOffload("multicast: mcast_grp is set", ingress.span)
    port_bits = way.cube.resolve(_bits(standard, "egress_spec", ingress.span))
    port = known(port_bits)
    if port is None:
        raise CannotOffload("an egress port that depends on the frame", ingress.span)
    if port == DROP_PORT:
        return [Entry(way.cube, Drop())]
    standard = _with(_with(standard, "egress_port", port_bits), "egress_spec", number(0, len(port_bits)))
    for name in ("egress_global_timestamp", "enq_timestamp", "enq_qdepth", "deq_timedelta", "deq_qdepth"):
        if isinstance(standard, Record) and name in standard.fields:
            standard = _with(standard, name, unknown(len(_bits(standard, name, egress.span))))
    found: list[Entry] = []
    for end in _apply(m, egress, [headers, meta, standard], way):
        found += _after_egress(m, end, port, egress, compute, deparser)
    return found


def _after_egress(
    m: Machine, way: State, port: int, egress: ir.Control, compute: ir.Control, deparser: ir.Control
) -> list[Entry]:
    headers, meta, standard = _results(way, egress)
    last = known(way.cube.resolve(_bits(standard, "egress_spec", egress.span)))
    if last is None:
        raise CannotOffload("whether egress drops depends on the frame", egress.span)
    if last == DROP_PORT:
        return [Entry(way.cube, Drop())]
    found: list[Entry] = []
    for computed in _apply(m, compute, [headers, meta], way):
        sent = deparser.params[1]
        named: dict[str, Value] = {sent.name: _results(computed, compute)[0]}
        for end in m.control(deparser, named, replace(computed, emitted=())):
            _unchanged(end, deparser)
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


def _mark_to_drop(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``mark_to_drop(standard_metadata)``."""
    if len(call.args) != 1 or call.args[0] is None:
        raise CannotOffload("mark_to_drop without standard_metadata", call.span)
    spec = ir.Member(call.args[0], "egress_spec", ir.bits(9), call.span)
    after = store(m, state, spec, number(DROP_PORT, 9))
    return [(store(m, after, ir.Member(call.args[0], "mcast_grp", ir.bits(16), call.span), number(0, 16)), ())]


def _verify_checksum(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``verify_checksum``: where it is asked for, nobody knows ``checksum_error`` any more."""
    assert call.args[0] is not None
    return [(replace(s, checksum_seen=s.checksum_seen or t), ()) for s, t in decide(m, call.args[0], state)]


def _update_checksum(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``update_checksum``: where it is asked for, the field holds a number that is not in the frame."""
    condition, _, target, *_ = call.args
    assert condition is not None
    assert target is not None
    width = ir.width_of(ir.bare(target.type))
    return [
        (replace(store(m, s, target, unknown(width)), changed=call.span) if t else s, ())
        for s, t in decide(m, condition, state)
    ]


def _hash(m: Machine, call: ir.ExternCall, state: State) -> Valued:
    """``hash(out result, ...)``: a number that u32 cannot compute."""
    target = call.args[0]
    if target is None:
        return [(state, ())]
    width = len(as_bits(evaluate(m, target, state)[0][1], call.span))
    return [(store(m, state, target, unknown(width)), ())]


_V1MODEL_EXTERNS: Final[dict[tuple[str, str], ExternHandler]] = {
    ("mark_to_drop", ""): _mark_to_drop,
    ("verify_checksum", ""): _verify_checksum,
    ("verify_checksum_with_payload", ""): _verify_checksum,
    ("update_checksum", ""): _update_checksum,
    ("update_checksum_with_payload", ""): _update_checksum,
    ("hash", ""): _hash,
}
