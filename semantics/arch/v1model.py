"""The ``v1model`` architecture: parser, verify checksums, ingress, egress, compute checksums, deparser.

After behavioral-model's ``docs/simple_switch.md`` and the comments of p4c's ``v1model.p4``. Decisions:

* A packet that the parser rejects goes on to the controls, with ``parser_error`` set; ``exit`` ends one control only.
* ``ingress_port`` is the input port, which is below 512; ``packet_length`` the frame's length; ``instance_type`` 0
  (a packet from a port); ``mcast_grp`` is 0 unless the program sets it ("a value of 0 means no multicast");
  ``parser_error`` and ``checksum_error`` are what the parser and the checksum control say; the ingress timestamp is an
  input, in egress those of the queue are.
* Everything else in ``standard_metadata``, ``egress_spec`` too, and the user's metadata is undefined until it is set:
  neither document promises a value. (BMv2 sets all metadata to 0; that is one of the values allowed.)
* After ingress the packet is dropped if ``egress_spec`` is 511, after egress again. Egress starts with an
  ``egress_spec`` other than 511 (``simple_switch.cpp`` sets it so), ``egress_port`` is where the packet goes.
* Multicast, clones, resubmission, recirculation, digests and truncation are not modelled yet.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import PORT, Assumption
from ..meaning.blocks import run_control
from ..meaning.machine import Machine
from ..meaning.parsing import Parsed, run_parser
from ..meaning.state import State
from ..meaning.values import Scalar, Struct, Value, uninitialised
from ..source import Unsupported
from .base import Ended, Sent, main_arguments
from .v1model_externs import CHECKSUM_ERROR, EXTERNS, table_hook

DROP_PORT: Final = 511
INGRESS_INPUTS: Final = ("ingress_global_timestamp",)
EGRESS_INPUTS: Final = (
    "egress_global_timestamp",
    "enq_timestamp",
    "enq_qdepth",
    "deq_timedelta",
    "deq_qdepth",
)
ZERO_AT_START: Final = ("instance_type", "mcast_grp", "checksum_error", "parser_error")


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The blocks of a ``V1Switch``."""

    parser: ir.Parser
    verify: ir.Control
    ingress: ir.Control
    egress: ir.Control
    compute: ir.Control
    deparser: ir.Control


def _blocks(program: ir.Program) -> _Blocks:
    names = main_arguments(program)
    wanted = ("p", "vr", "ig", "eg", "ck", "dep")
    if any(name not in names for name in wanted):
        raise Unsupported("a main package that is no V1Switch")
    controls = [program.control(names[name]) for name in wanted[1:]]
    return _Blocks(program.parser(names["p"]), *controls)


class V1Model:
    """See the module's text."""

    name = "v1model"
    externs = EXTERNS

    def domain(self) -> Sequence[Assumption]:
        """Ports have nine bits."""
        return (Assumption("the ingress port is below 512 (9 bits)", b.ult(PORT, b.bv(512, 32))),)

    def run(self, m: Machine) -> list[Ended]:
        """The whole pipeline for one packet."""
        blocks = _blocks(m.program)
        m.varbit_bytes_only = True
        m.on_hit.append(table_hook)
        _, headers, meta, standard = blocks.parser.params
        values = {
            headers.name: uninitialised(headers.type, headers.span),
            meta.name: uninitialised(meta.type, meta.span),
            standard.name: _standard_metadata(m, standard),
        }
        return [_after_parser(m, blocks, way) for way in run_parser(m, blocks.parser, values)]


def _standard_metadata(m: Machine, param: ir.Param) -> Value:
    """What a packet from a port begins with."""
    type_ = ir.bare(param.type)
    if not isinstance(type_, ir.StructType):
        raise Unsupported("a standard_metadata that is no struct", param.span)
    start = uninitialised(type_, param.span)
    assert isinstance(start, Struct)
    fields = dict(start.fields)
    known = {"ingress_port": b.extract(m.input.port, 8, 0), "packet_length": b.zext(m.input.length, 32)}
    for part in type_.fields:
        width = _width(fields[part.name])
        if part.name in known:
            fields[part.name] = Scalar(b.resize(known[part.name], width))
        elif part.name in ZERO_AT_START:
            fields[part.name] = Scalar(b.bv(0, width))
        elif part.name in INGRESS_INPUTS:
            fields[part.name] = Scalar(m.input.metadata(part.name, width))
    return Struct(fields)


def _width(value: Value) -> int:
    if not isinstance(value, Scalar):
        raise Unsupported("a field of standard_metadata that is no number")
    return value.term.width


def _field(value: Value, name: str) -> Value:
    assert isinstance(value, Struct)
    return value.fields[name]


def _with(value: Value, changes: Mapping[str, Term]) -> Struct:
    """``standard_metadata`` with some fields set."""
    assert isinstance(value, Struct)
    present = {name: Scalar(term) for name, term in changes.items() if name in value.fields}
    return Struct({**value.fields, **present})


def _after_parser(m: Machine, blocks: _Blocks, way: Parsed) -> Ended:
    parsed = way.state
    m.state = State({}, facts=parsed.facts, cells=parsed.cells, cursor=parsed.cursor)
    m.outer_paths = [parsed.path]
    headers, meta, standard = (parsed.store[p.name] for p in blocks.parser.params[1:])
    standard = _with(standard, {"parser_error": b.bv(0, 32) if way.accepted else parsed.error})
    headers, meta, failed = _verify(m, blocks.verify, headers, meta)
    standard = _with(standard, {"checksum_error": b.from_bool(failed)})
    headers, meta, standard = _apply(m, blocks.ingress, (headers, meta, standard))
    _no_multicast(m, blocks.ingress, standard)
    port = m.read(_field(standard, "egress_spec"), blocks.ingress.span)
    dropped = m.decide(b.eq(port, b.bv(DROP_PORT, port.width)))
    sent: list[Sent] = []

    def go_on() -> None:
        sent.append(_egress(m, blocks, (headers, meta, standard), port, parsed.cursor))

    m.branch(dropped, lambda: None, go_on)
    return Ended(parsed.path, tuple(s for s in sent if s.when is not b.FALSE), m.state)


def _no_multicast(m: Machine, ingress: ir.Control, standard: Value) -> None:
    group = m.read(_field(standard, "mcast_grp"), ingress.span)
    if m.decide(b.eq(group, b.bv(0, group.width))) is not b.TRUE:
        raise Unsupported("multicast: mcast_grp may be other than 0 after ingress", ingress.span)


def _verify(m: Machine, control: ir.Control, headers: Value, meta: Value) -> tuple[Value, Value, Term]:
    first, second = control.params
    values = {first.name: headers, second.name: meta, CHECKSUM_ERROR: Scalar(b.FALSE)}
    after = run_control(m, control, values)
    failed = after[CHECKSUM_ERROR]
    assert isinstance(failed, Scalar)
    return after[first.name], after[second.name], failed.term


def _apply(m: Machine, control: ir.Control, values: Sequence[Value]) -> tuple[Value, ...]:
    names = [p.name for p in control.params]
    after = run_control(m, control, dict(zip(names, values, strict=True)))
    return tuple(after[name] for name in names)


def _egress(m: Machine, blocks: _Blocks, values: Sequence[Value], port: Term, cursor: int) -> Sent:
    """Egress, the checksums and the deparser, for a packet that was not dropped; it may be dropped here."""
    headers, meta, standard = values
    inputs = {
        name: m.input.metadata(name, _width(_field(standard, name)))
        for name in EGRESS_INPUTS
        if isinstance(standard, Struct) and name in standard.fields
    }
    other = m.fresh(port.width, "egress_spec at the start of egress is some port other than 511", blocks.egress.span)
    drop = b.bv(DROP_PORT, port.width)
    spec = b.ite(b.eq(other, drop), b.bv(0, port.width), other)
    standard = _with(standard, {**inputs, "egress_port": port, "egress_spec": spec})
    headers, meta, standard = _apply(m, blocks.egress, (headers, meta, standard))
    last = m.read(_field(standard, "egress_spec"), blocks.egress.span)
    kept = m.decide(b.ne(last, drop))
    headers, meta = _apply(m, blocks.compute, (headers, meta))
    m.state.pieces = ()
    run_control(m, blocks.deparser, {blocks.deparser.params[1].name: headers})
    pieces, m.state.pieces = m.state.pieces, ()
    return Sent(b.and_(m.state.path, kept), "port", b.zext(port, 32), pieces, cursor, blocks.deparser.span)
