"""What a program tells the control plane (digests), as records in ring buffers: one buffer for each kind of digest.

A record holds the scalars of a digest's data in order, those of headers behind the header's validity, each in network
order and padded in front to bytes. Whoever reads the buffer takes as many of a field's low bits as the field has. Where
the buffer is full a digest is lost, as PSA allows ("Packet Digest": the rate may exceed what can be handled); what is
proven is for packets that find room.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.bits import Term
from ...semantics.ir.traverse import mentioned
from ...semantics.meaning.behaviour import Assumption, Behaviour, Case, Event, distinct_terms
from ..base import CannotOffload
from .artifact import Field, MapDef
from .layout import bytes_for, identifier, scalar_width

RING_BYTES: Final = 1 << 18
"""Of a buffer: a power of two, and a multiple of any page (``ringbuf_map_alloc`` in the kernel's ringbuf.c)."""
MOST_BYTES: Final = 256
"""Of a record, which is made up on the stack."""
_DATA: Final = {("digest", ""): 1, ("Digest", "pack"): 0}
"""Extern and method → which argument is the data."""
_EVENT: Final = "ring."
"""What the meaning calls a record: this, and the map's name."""


@dataclass(frozen=True, slots=True)
class Record:
    """How one kind of digest lies in its ring buffer."""

    event: str
    """As the program's meaning names it."""
    map: MapDef
    fields: tuple[Field, ...]
    widths: tuple[int, ...]
    """Bits of each field."""

    @property
    def size(self) -> int:
        """Bytes of a record."""
        return sum(item.size for item in self.fields)


def data_of(call: ir.ExternCall) -> ir.Expr | None:
    """What a call tells; None if it tells nothing."""
    place = _DATA.get((call.extern, call.method))
    return None if place is None else call.args[place]


def record_of(call: ir.ExternCall) -> Record:
    """The layout of what a call tells.

    Raises:
        CannotOffload: data of varying size, header stacks, or too much of it.
    """
    place = _DATA[call.extern, call.method]
    type_ = call.params[place].type
    bare = ir.bare(type_)
    if call.extern == "Digest":
        name = event = str(call.object)
    elif isinstance(bare, ir.StructType):
        name, event = bare.name, f"digest {bare.name}"
    else:  # a list has no name but its place
        name, event = f"line{call.span.line}_{call.span.column}", f"digest {call.span}"
    widths = list(_widths(type_, call))
    fields, at = side_by_side(widths)
    if not 0 < at <= MOST_BYTES:
        raise CannotOffload(f"a digest of {at} bytes (1 to {MOST_BYTES} can be told)", call.span)
    ring = MapDef(f"{identifier(name)}_digests", "ringbuf", 0, 0, RING_BYTES)
    return Record(event, ring, fields, tuple(widths))


def side_by_side(widths: Sequence[int]) -> tuple[tuple[Field, ...], int]:
    """Where scalars of so many bits lie in a record, and the bytes in all."""
    fields, at = [], 0
    for number, width in enumerate(widths):
        fields.append(Field(f"field{number}", at, bytes_for(width)))
        at += fields[-1].size
    return tuple(fields), at


def _widths(type_: ir.Type, call: ir.ExternCall) -> Iterator[int]:
    """Bits of each scalar of a type, in order."""
    match ir.bare(type_):
        case ir.HeaderType(fields=fields):
            yield 1
            for field in fields:
                yield from _widths(field.type, call)
        case ir.StructType(fields=fields) | ir.UnionType(fields=fields):
            for field in fields:
                yield from _widths(field.type, call)
        case ir.TupleType(elements):
            for element in elements:
                yield from _widths(element, call)
        case bare:
            width = scalar_width(bare)
            if not width:
                raise CannotOffload("a digest of fields that have no fixed size", call.span)
            yield width


def records(program: ir.Program) -> Mapping[str, Record]:
    """Map's name → what lies in it, for all digests of a program. Those that are not told this way are left out."""
    out: dict[str, Record] = {}
    for block in (*program.parsers, *program.controls, *program.actions, *program.functions):
        for node in mentioned(block):
            if isinstance(node, ir.ExternCall) and (node.extern, node.method) in _DATA:
                try:
                    record = record_of(node)
                except CannotOffload:
                    continue
                out[record.map.name] = record
    return out


def told(machine: Behaviour, found: Mapping[str, Record]) -> Behaviour:
    """The behaviour with its records told as the program tells them, where the buffers have room."""
    starts = {name: f"in.ebpf.full.{name}." for name in found}
    asked = {
        name: [v for v in b.variables(*distinct_terms(machine.cases)) if v.name.startswith(start)]
        for name, start in starts.items()
    }
    room = [
        Assumption(f"ring buffer {name} has room for what is told", b.and_(*(b.not_(v) for v in variables)))
        for name, variables in asked.items()
        if variables
    ]
    known = {v: b.FALSE for variables in asked.values() for v in variables}
    cases = []
    for case in machine.cases:
        there = case.substituted(known) if known else case
        cases.append(replace(there, events=_events(there, found)))
    return replace(machine, cases=tuple(cases), domain=(*machine.domain, *room))


def _events(case: Case, found: Mapping[str, Record]) -> tuple[Event, ...]:
    out = []
    for event in case.events:
        record = found.get(event.name.removeprefix(_EVENT)) if event.name.startswith(_EVENT) else None
        if record is not None and len(event.fields) == 1 and event.fields[0].width == 8 * record.size:
            event = Event(event.when, record.event, _fields(record, event.fields[0]), event.each)
        out.append(event)
    return tuple(out)


def _fields(record: Record, content: Term) -> tuple[Term, ...]:
    parts = []
    for item, width in zip(record.fields, record.widths, strict=True):
        low = 8 * (record.size - item.offset - item.size)
        parts.append(b.extract(content, low + width - 1, low))
    return tuple(parts)


__all__ = ["Record", "data_of", "record_of", "records", "side_by_side", "told"]
