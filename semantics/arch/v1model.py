"""The ``v1model`` architecture: parser, verify checksums, ingress, egress, compute checksums, deparser.

After behavioral-model's ``docs/simple_switch.md`` and ``targets/simple_switch/simple_switch.cpp``, and the comments of
p4c's ``v1model.p4``. Decisions:

* A packet that the parser rejects goes on to the controls, with ``parser_error`` set; ``exit`` ends one control only.
* ``ingress_port`` is the input port, which is below 512; ``packet_length`` the frame's length; ``mcast_grp`` is 0
  unless the program sets it ("a value of 0 means no multicast"); ``parser_error`` and ``checksum_error`` are what the
  parser and the checksum control say; the ingress timestamp is an input, in egress those of the queue are, for each
  copy its own.
* Everything else in ``standard_metadata``, ``egress_spec`` too, and the user's metadata is undefined until it is set:
  neither document promises a value. (BMv2 sets all metadata to 0; that is one of the values allowed.)
* After ingress, in this order: the packet is cloned if ``clone`` was called (to the session of the last call); digests
  are told; a packet for which ``resubmit`` was called starts over; else one with a ``mcast_grp`` other than 0 is
  replicated; else one with an ``egress_spec`` of 511 is dropped; else it goes to egress.
* After egress: cloned likewise; dropped if ``egress_spec`` is 511; else it is recirculated if that was called, else
  sent. Egress starts with an ``egress_spec`` other than 511 (``simple_switch.cpp`` sets it so), ``egress_port`` is
  where the packet goes.
* A clone from ingress begins egress with the headers that the parser found, one from egress with those that egress has
  left; user metadata that its field list keeps (:mod:`.v1model_lists`) has the values from the end of that control.
  A multicast copy keeps all metadata. ``instance_type`` says which is which; a unicast packet's is 0 in egress.
* A digest holds what its data is when ``digest`` is called. The input port of a recirculated packet is left open.
* ``truncate`` cuts the packet that is sent; the shortest length counts. Copies, and packets that come back, are whole
  (``Packet::clone_*`` in ``packet.cpp`` copy the whole buffer).
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
from ..meaning.state import Piece
from ..meaning.values import Scalar, Struct, Value, uninitialised
from ..source import Unsupported
from .base import Ended, OtherPackage, Sent, main_arguments
from .copies import Copies
from .v1model_externs import EXTERNS, table_hook
from .v1model_lists import FieldLists, carried, field_lists, given, kept, named_by
from .v1model_signals import Signals

DROP_PORT: Final = 511
NORMAL, INGRESS_CLONE, EGRESS_CLONE, RECIRCULATED, REPLICATED, RESUBMITTED = 0, 1, 2, 4, 5, 6
"""Values of ``instance_type`` (``simple_switch.h``, ``PktInstanceType``)."""

INGRESS_INPUTS: Final = ("ingress_global_timestamp",)
EGRESS_INPUTS: Final = (
    "egress_global_timestamp",
    "enq_timestamp",
    "enq_qdepth",
    "deq_timedelta",
    "deq_qdepth",
)
ZERO_AT_START: Final = ("mcast_grp", "checksum_error")


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
        raise OtherPackage("a main package that is no V1Switch")
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
        """One pass of one packet."""
        blocks = _blocks(m.program)
        m.varbit_bytes_only = True
        m.on_hit.append(table_hook)
        _, headers, meta, standard = blocks.parser.params
        lists = field_lists(m.program, (blocks.ingress, blocks.egress))
        kind = _kind_of_pass(m, lists)
        back = b.ne(kind, b.bv(NORMAL, 32))
        values = {
            headers.name: uninitialised(headers.type, headers.span),
            meta.name: given(m, lists, meta.type, back, meta.span),
            standard.name: _standard_metadata(m, standard, kind),
        }
        ways = run_parser(m, blocks.parser, values, rejected_go_on=True)
        return [_Pass(m, blocks, lists, Copies(m), way).run() for way in ways]


def _kind_of_pass(m: Machine, lists: FieldLists) -> Term:
    """``instance_type`` in ingress: an input if the program can make packets come back."""
    ways = {NORMAL: "comes from a port"}
    if lists.resubmits:
        ways[RESUBMITTED] = "is resubmitted"
    if lists.recirculates:
        ways[RECIRCULATED] = "is recirculated"
    if len(ways) == 1:
        return b.bv(NORMAL, 32)
    kind = m.input.metadata("instance_type", 32)
    possible = b.or_(*(b.eq(kind, b.bv(number, 32)) for number in ways))
    if possible is not b.TRUE:
        m.assumptions.append(Assumption(f"the packet {' or '.join(ways.values())}", possible))
    return kind


def _standard_metadata(m: Machine, param: ir.Param, kind: Term) -> Value:
    """What a packet begins with."""
    type_ = ir.bare(param.type)
    if not isinstance(type_, ir.StructType):
        raise Unsupported("a standard_metadata that is no struct", param.span)
    start = uninitialised(type_, param.span)
    assert isinstance(start, Struct)
    fields = dict(start.fields)
    known = {
        "ingress_port": b.extract(m.input.port, 8, 0),
        "packet_length": b.zext(m.input.length, 32),
        "instance_type": kind,
    }
    for part in type_.fields:
        width = _width(fields[part.name])
        if part.name in known:
            fields[part.name] = Scalar(b.resize(known[part.name], width))
        elif part.name == "parser_error":
            fields[part.name] = Scalar(m.no_error)
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
    """``standard_metadata`` with some fields set (to terms made as wide as they are)."""
    assert isinstance(value, Struct)
    present = {
        name: Scalar(b.resize(term, _width(value.fields[name])))
        for name, term in changes.items()
        if name in value.fields
    }
    return Struct({**value.fields, **present})


Values = tuple[Value, Value, Value]
"""Headers, user metadata, standard metadata."""


@dataclass
class _Pass:
    """What follows the parser, on one way through it."""

    m: Machine
    blocks: _Blocks
    lists: FieldLists
    copies: Copies
    way: Parsed

    def run(self) -> Ended:
        """Everything behind the parser."""
        m, parsed = self.m, self.way.state
        m.state = parsed.after({})
        m.state.cursor = parsed.cursor
        m.outer_paths = [parsed.path]
        self.signals = Signals(m, self.lists)
        headers, meta, standard = (parsed.store[p.name] for p in self.blocks.parser.params[1:])
        standard = _with(standard, {"parser_error": self.m.no_error if self.way.accepted else parsed.error})
        found = headers
        self.signals.reset()
        headers, meta = self._apply(self.blocks.verify, (headers, meta))
        standard = _with(standard, {"checksum_error": b.from_bool(self.signals.checksum_error)})
        values = self._apply(self.blocks.ingress, (headers, meta, standard))
        sent = self._after_ingress(found, (values[0], values[1], values[2]))
        return self.copies.finish(Ended(parsed.path, tuple(sent), m.state, m.state.events))

    def _apply(self, control: ir.Control, values: Sequence[Value]) -> tuple[Value, ...]:
        names = [p.name for p in control.params]
        after = run_control(self.m, control, dict(zip(names, values, strict=True)))
        return tuple(after[name] for name in names)

    def _after_ingress(self, found: Value, values: Values) -> list[Sent]:
        """Clone, resubmit, replicate, drop or send on, as the module's text says."""
        m, ingress, standard = self.m, self.blocks.ingress, values[2]
        asked = self.signals.taken()
        if asked.clone is not b.FALSE:
            self._clone(asked.clone, asked.session, found, values[1], asked.clone_list, INGRESS_CLONE)
        group = m.read(_field(standard, "mcast_grp"), ingress.span, "mcast_grp")
        port = m.read(_field(standard, "egress_spec"), ingress.span, "egress_spec")
        sent: list[Sent] = []

        def resubmit() -> None:
            metadata = self._carried(values[1], asked.resubmit_list, RESUBMITTED, ingress)
            sent.append(Sent(m.state.path, "resubmit", m.input.port, (), 0, ingress.span, metadata=metadata))

        def replicate() -> None:
            def egress(to: Term, instance: Term) -> list[Sent]:
                self.signals.new_packet()
                changes = {"instance_type": b.bv(REPLICATED, 32), "egress_rid": instance}
                return self._egress((values[0], values[1], _with(standard, changes)), to)

            self.copies.ask("multicast", group, b.TRUE, egress, ingress.span)

        def unicast() -> None:
            normal = _with(standard, {"instance_type": b.bv(NORMAL, 32)})
            sent.extend(self._egress((values[0], values[1], normal), b.zext(port, 32)))

        m.choose(
            [
                (asked.resubmit, resubmit),
                (b.ne(group, b.bv(0, group.width)), replicate),
                (b.eq(port, b.bv(DROP_PORT, port.width)), lambda: None),
                (b.TRUE, unicast),
            ]
        )
        return [s for s in sent if s.when is not b.FALSE]

    def _clone(self, when: Term, session: Term, headers: Value, meta: Value, chosen: Term, kind: int) -> None:
        """Copies to the members of a session, which begin with egress and forget all metadata but what is listed."""
        type_, standard_type = self.blocks.ingress.params[1].type, self.blocks.ingress.params[2].type
        keeps = kept(self.lists, meta, type_, named_by(chosen))

        def egress(port: Term, instance: Term) -> list[Sent]:
            self.signals.new_packet()
            changes = {
                "instance_type": b.bv(kind, 32),
                "egress_rid": instance,
                "packet_length": b.zext(self.m.input.length, 32),
            }
            return self._egress((headers, keeps, _with(uninitialised(standard_type), changes)), port)

        self.copies.ask("clone", session, when, egress, self.blocks.egress.span)

    def _carried(self, meta: Value, chosen: Term, kind: int, control: ir.Control) -> dict[str, Term]:
        """What goes with a packet that comes back."""
        found = carried(self.m, self.lists, meta, control.params[1].type, chosen, control.span)
        return {"instance_type": b.bv(kind, 32), **found}

    def _egress(self, values: Values, to: Term) -> list[Sent]:
        """Egress, the checksums and the deparser, for a packet that was not dropped; it may be dropped here."""
        m, blocks = self.m, self.blocks
        headers, meta, standard = values
        port = b.extract(to, 8, 0)
        self.signals.reset()
        headers, meta, standard = self._apply(blocks.egress, (headers, meta, self._at_egress(standard, port)))
        asked = self.signals.taken()
        if asked.clone is not b.FALSE:
            self._clone(asked.clone, asked.session, headers, meta, asked.clone_list, EGRESS_CLONE)
        last = m.read(_field(standard, "egress_spec"), blocks.egress.span, "egress_spec")
        sent: list[Sent] = []

        def go_on() -> None:
            pieces = self._deparsed(headers, meta)
            back = m.decide(asked.recirculate)
            path = m.state.path
            cut = self.signals.length
            if back is not b.TRUE:
                when = b.and_(path, b.not_(back))
                sent.append(Sent(when, "port", b.zext(port, 32), pieces, m.state.cursor, blocks.deparser.span, cut=cut))
            if back is not b.FALSE:
                metadata = self._carried(meta, asked.recirculate_list, RECIRCULATED, blocks.egress)
                entry = m.fresh(9, "the ingress port of a recirculated packet", blocks.egress.span)
                sent.append(Sent(b.and_(path, back), "recirculate", b.zext(entry, 32), pieces, m.state.cursor,
                                 blocks.deparser.span, metadata=metadata))  # fmt: skip

        m.branch(b.eq(last, b.bv(DROP_PORT, last.width)), lambda: None, go_on)
        return sent

    def _at_egress(self, standard: Value, port: Term) -> Value:
        """``standard_metadata`` when egress begins."""
        m = self.m
        assert isinstance(standard, Struct)
        inputs = {n: m.arriving(n, _width(standard.fields[n])) for n in EGRESS_INPUTS if n in standard.fields}
        width = _width(standard.fields["egress_spec"])
        reason = "egress_spec at the start of egress is some port other than 511"
        other = m.fresh(width, reason, self.blocks.egress.span, quietly=True)  # most programs never read it
        drop = b.bv(DROP_PORT, width)
        spec = b.ite(b.eq(other, drop), b.bv(0, width), other)
        return _with(standard, {**inputs, "egress_port": port, "egress_spec": spec})

    def _deparsed(self, headers: Value, meta: Value) -> tuple[Piece, ...]:
        """The headers that leave."""
        m = self.m
        headers, _ = self._apply(self.blocks.compute, (headers, meta))
        m.state.pieces = ()
        run_control(m, self.blocks.deparser, {self.blocks.deparser.params[1].name: headers})
        pieces, m.state.pieces = m.state.pieces, ()
        return pieces
