"""``packet_out``: what is emitted, and the packets that come of it (P4-16 spec, "Deparsing").

What is emitted under a condition that is not decided (a header's validity after the tables) makes packets of different
layout: :func:`layouts` splits on these conditions until every layout is fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .behaviour import INPUT_PACKET, Packet
from .calls import bind
from .machine import ExternTable, Machine
from .state import Piece
from .trace import Trace, place_text, plain, widths
from .values import Header, Scalar, Stack, Struct, Union, Value, Varbit

MAX_LAYOUTS: Final = 512
"""Layouts of the output into which one parser path may split."""


def _emit(m: Machine, node: ir.ExternCall) -> None:
    (argument,) = bind(m, node.params, node.args, node.span)
    assert argument.value is not None
    if m.trace is not None and node.args[0] is not None:
        _tell(m.trace, argument.value, place_text(node.args[0]), node.span)
    emit(m, argument.value, node.params[0].type, b.TRUE, node.span)


def _tell(trace: Trace, value: Value, name: str, span: Span) -> None:
    """The headers that are emitted."""
    match value:
        case Header(valid):
            if valid is b.TRUE:
                trace.add("emit", span, header=name, fields=plain(value), bits=widths(value))
        case Struct(fields):
            for part, field in fields.items():
                _tell(trace, field, f"{name}.{part}", span)
        case Union(members):
            for part, member in members.items():
                _tell(trace, member, f"{name}.{part}", span)
        case Stack(elements):
            for i, element in enumerate(elements):
                _tell(trace, element, f"{name}[{i}]", span)


def emit(m: Machine, value: Value, type_: ir.Type, when: Term, span: Span) -> None:
    """Append a header, stack, union or struct, where ``when``."""
    bare = ir.bare(type_)
    match value, bare:
        case Header(valid), ir.HeaderType():
            _emit_header(m, value, bare, b.and_(when, m.decide(valid)), span)
        case Struct(fields), ir.StructType(fields=types):
            for part in types:
                emit(m, fields[part.name], part.type, when, span)
        case Struct(fields), ir.TupleType(elements):
            for i, element_type in enumerate(elements):
                emit(m, fields[str(i)], element_type, when, span)
        case Union(members), ir.UnionType(fields=types):
            for part in types:
                emit(m, members[part.name], part.type, when, span)
        case Stack(elements), ir.StackType(element_type):
            for element in elements:
                emit(m, element, element_type, when, span)
        case _:
            raise Unsupported(f"emit of a {type(bare).__name__}", span)


def _emit_header(m: Machine, header: Header, type_: ir.HeaderType, when: Term, span: Span) -> None:
    if when is b.FALSE:
        return
    pieces: list[Piece] = []
    fixed: list[Term] = []
    for part in type_.fields:
        value = header.fields[part.name]
        if isinstance(value, Varbit):
            if fixed:
                pieces.append(Piece(when, b.concat(*fixed), None, span))
                fixed = []
            if m.decide(value.defined) is not b.TRUE:
                raise Unsupported("emit of a varbit that may be undefined", span)
            pieces.append(Piece(when, value.bits, value.length, span))
        else:
            fixed += field_bits(m, value, part.type, span)
    if fixed:
        pieces.append(Piece(when, b.concat(*fixed), None, span))
    m.state.pieces = (*m.state.pieces, *pieces)


def field_bits(m: Machine, value: Value, type_: ir.Type, span: Span) -> list[Term]:
    """The bits of a fixed-width value in order; none for a width of 0.

    Raises:
        Unsupported: a part of it has no representation in bits.
    """
    bare = ir.bare(type_)
    match value, bare:
        case Scalar(), ir.BitsType(width):
            return [m.read(value, span)] if width else []
        case Scalar(), ir.BoolType():
            return [b.from_bool(m.read(value, span))]
        case Scalar(), ir.EnumType(underlying=ir.BitsType()):
            return [m.read(value, span)]
        case Struct(fields), ir.StructType(fields=types):
            return [t for part in types for t in field_bits(m, fields[part.name], part.type, span)]
        case Struct(fields), ir.TupleType(elements):
            return [t for i, e in enumerate(elements) for t in field_bits(m, fields[str(i)], e, span)]
        case Header(fields=fields), ir.HeaderType(fields=types):
            return [t for part in types for t in field_bits(m, fields[part.name], part.type, span)]
        case Varbit(bits, length), ir.VarbitType():
            size = m.number(length, span)
            return [b.extract(bits, bits.width - 1, bits.width - size)] if size else []
        case Stack(elements), ir.StackType(element):
            return [t for part in elements for t in field_bits(m, part, element, span)]
    raise Unsupported(f"the bits of a {type(bare).__name__}", span)


PACKET_OUT: Final[ExternTable] = {("packet_out", "emit"): _emit}
"""What every architecture's deparsers can call."""


# --- layouts --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Layout:
    """Where ``when`` holds, the packet is ``packet``; ``known`` is what was decided to get there."""

    when: Term
    packet: Packet
    known: dict[Term, Term]


def layouts(
    pieces: Sequence[Piece], cursor: int, guard: Term, span: Span, frame: Packet = INPUT_PACKET
) -> list[Layout]:
    """The packets that pieces make in front of ``frame`` from bit ``cursor`` on, one for each layout.

    Args:
        pieces: what was emitted, in order.
        cursor: the parser's last position in bits.
        guard: what holds anyway; layouts that contradict it are left out.
        span: to blame.
        frame: what was parsed.

    Raises:
        Unsupported: bits that are no whole bytes, or too many layouts.
    """
    done: list[Layout] = []
    work: list[tuple[Term, list[Piece], dict[Term, Term]]] = [(guard, list(pieces), {})]
    while work:
        when, parts, known = work.pop()
        condition = _undecided(parts)
        if condition is None:
            done.append(Layout(when, _packet(parts, cursor, span, frame), known))
            if len(done) > MAX_LAYOUTS:
                raise Unsupported(f"more than {MAX_LAYOUTS} layouts of the output", span)
            continue
        for value in (b.FALSE, b.TRUE):
            holds = condition if value is b.TRUE else b.not_(condition)
            here = b.and_(when, holds)
            if here is not b.FALSE:
                work.append((here, _substitute(parts, condition, value), {**known, condition: value}))
    return done


def cut_to(made: list[Layout], length: Term, whole: Term, span: Span) -> list[Layout]:
    """The layouts of packets cut to ``length`` bytes (32 bits, all ones: not cut), if they are longer; ``whole`` is the
    input's length.

    Raises:
        Unsupported: the length can be too many different numbers.
    """
    if length.is_const:
        uncut = length.value == 0xFFFFFFFF
        return made if uncut else [part for layout in made for part in _cut(layout, length.value, whole)]
    if length.op != "ite":
        raise Unsupported("a packet cut to a length that depends on the packet", span)
    condition = _atom(length.args[0])
    found: list[Layout] = []
    for value in (b.FALSE, b.TRUE):
        holds = condition if value is b.TRUE else b.not_(condition)
        here = [Layout(b.and_(x.when, holds), x.packet, {**x.known, condition: value}) for x in made]
        chosen = b.substitute([length], {condition: value})[0]
        found += cut_to([x for x in here if x.when is not b.FALSE], chosen, whole, span)
    return found


def _cut(layout: Layout, count: int, whole: Term) -> list[Layout]:
    """A layout where the packet is longer than ``count`` bytes, and where it is not."""
    packet = layout.packet
    if packet.size is not None:
        size = min(packet.size, count)
        return [Layout(layout.when, Packet(packet.prefix[:size], packet.payload, size), layout.known)]
    from_input = count - packet.delta  # a longer input makes a packet that is too long
    if from_input >= 0xFFFF:
        return [layout]
    longer = b.TRUE if from_input < packet.payload else b.ult(b.bv(from_input, 16), whole)
    short = Packet(packet.prefix[:count], packet.payload, count)
    return [
        Layout(when, made, {**layout.known, longer: b.boolean(made is short)} if longer is not b.TRUE else layout.known)
        for when, made in ((b.and_(layout.when, longer), short), (b.and_(layout.when, b.not_(longer)), packet))
        if when is not b.FALSE
    ]


def _undecided(parts: Sequence[Piece]) -> Term | None:
    """A condition on which the layout depends."""
    for piece in parts:
        if not piece.when.is_const:
            return _atom(piece.when)
        if piece.when is b.TRUE and piece.length is not None and not piece.length.is_const:
            if piece.length.op != "ite":
                raise Unsupported("a varbit whose length cannot be told apart", piece.span)
            return _atom(piece.length.args[0])
    return None


def _atom(condition: Term) -> Term:
    """A part of a condition that others are likely to share."""
    while condition.op in ("and", "or", "not", "ite") and condition.sort is b.BOOL:
        condition = condition.args[0]
    return condition


def _substitute(parts: Sequence[Piece], condition: Term, value: Term) -> list[Piece]:
    mapping = {condition: value}
    whens = b.substitute([p.when for p in parts], mapping)
    lengths = iter(b.substitute([p.length for p in parts if p.length is not None], mapping))
    made = []
    for piece, when in zip(parts, whens, strict=True):
        length = next(lengths) if piece.length is not None else None
        if when is not b.FALSE:
            made.append(Piece(when, piece.bits, length, piece.span))
    return made


def _packet(parts: Sequence[Piece], cursor: int, span: Span, frame: Packet) -> Packet:
    fields: list[Term] = []
    for piece in parts:
        if piece.length is None:
            fields.append(piece.bits)
        elif piece.length.value:
            width = piece.bits.width
            fields.append(b.extract(piece.bits, width - 1, width - piece.length.value))
    if cursor % 8:
        raise Unsupported("a payload that does not begin at a byte", span)
    if sum(f.width for f in fields) % 8:
        raise Unsupported("emitted headers that are no whole bytes", span)
    start, made = cursor // 8, len(frame.prefix)
    head = Packet.of_bits(fields, 0).prefix
    size = None if frame.size is None else len(head) + frame.size - start
    return Packet((*head, *frame.prefix[start:]), frame.payload + max(0, start - made), size)
