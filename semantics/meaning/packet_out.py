"""``packet_out``: what is emitted, and the packets that come of it (P4-16 spec, "Deparsing").

What is emitted under a condition that is not decided (a header's validity after the tables) makes packets of different
layout: :func:`layouts` splits on these conditions until every layout is fixed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import gcd
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

MAX_LAYOUTS: Final = 64
"""Layouts of a frame that are told apart by what was emitted; if there are more, they are by their length only."""

MAX_LENGTHS: Final = 512
"""Lengths of one frame, or of one varbit in it, that are told apart."""


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
    """Where ``when`` (the guard and ``condition``) holds, the packet is ``packet``; ``known`` is what was decided to
    get there, for other terms to be simplified."""

    when: Term
    condition: Term
    packet: Packet
    known: dict[Term, Term]

    def split(self, condition: Term, packet: Packet | None = None) -> Layout:
        """The part of it where ``condition`` holds as well."""
        decided = {condition.args[0]: b.FALSE} if condition.op == "not" else {condition: b.TRUE}
        known = self.known if condition.is_const else {**self.known, **decided}
        when, both = b.and_(self.when, condition), b.and_(self.condition, condition)
        return Layout(when, both, packet or self.packet, known)


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
    done: list[tuple[Term, list[Piece], dict[Term, Term]]] = []
    work: list[tuple[Term, list[Piece], dict[Term, Term]]] = [(guard, list(pieces), {})]
    while work:
        when, parts, known = work.pop()
        condition = _undecided(parts)
        if condition is None:
            done.append((when, parts, known))
            if len(done) > MAX_LAYOUTS:
                return _by_length(pieces, cursor, guard, span, frame)
            continue
        for value in (b.FALSE, b.TRUE):
            holds = condition if value is b.TRUE else b.not_(condition)
            here = b.and_(when, holds)
            if here is not b.FALSE:
                work.append((here, _substitute(parts, condition, value), {**known, condition: value}))
    return [_layout(*item, cursor, span, frame) for item in done]


def _layout(
    when: Term, parts: Sequence[Piece], known: dict[Term, Term], cursor: int, span: Span, frame: Packet
) -> Layout:
    decided = b.and_(*(c if value is b.TRUE else b.not_(c) for c, value in known.items()))
    fields = [bits for bits in map(_bits_of, parts) if bits is not None]
    return Layout(when, decided, _packet(fields, cursor, span, frame), known)


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
        here = [x.split(condition if value is b.TRUE else b.not_(condition)) for x in made]
        chosen = b.substitute([length], {condition: value})[0]
        found += cut_to([x for x in here if x.when is not b.FALSE], chosen, whole, span)
    return found


def _cut(layout: Layout, count: int, whole: Term) -> list[Layout]:
    """A layout where the packet is longer than ``count`` bytes, and where it is not."""
    packet = layout.packet
    if packet.size is not None:
        size = min(packet.size, count)
        return [replace(layout, packet=Packet(packet.prefix[:size], packet.payload, size))]
    from_input = count - packet.delta  # a longer input makes a packet that is too long
    if from_input >= 0xFFFF:
        return [layout]
    longer = b.TRUE if from_input < packet.payload else b.ult(b.bv(from_input, 16), whole)
    short = Packet(packet.prefix[:count], packet.payload, count)
    both = [layout.split(longer, short), layout.split(b.not_(longer), packet)]
    return [part for part in both if part.when is not b.FALSE]


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


@dataclass(frozen=True, slots=True)
class _Prefix:
    """What was emitted so far, in parts of one width, where ``when``."""

    when: Term
    parts: tuple[Term, ...]


def _by_length(pieces: Sequence[Piece], cursor: int, guard: Term, span: Span, frame: Packet) -> list[Layout]:
    """One layout for each number of bits that may be emitted; which header a byte comes from is a choice in it."""
    ways = [_ways(piece) for piece in pieces]
    unit = gcd(8, *(bits.width for some in ways for _, bits in some if bits is not None))
    lengths: dict[int, _Prefix] = {0: _Prefix(b.TRUE, ())}
    for some in ways:
        grown: dict[int, _Prefix] = {}
        for condition, bits in some:
            more = tuple(b.chunks(bits, unit)) if bits is not None else ()
            for before in lengths.values():
                _add(grown, b.and_(before.when, condition), (*before.parts, *more))
        lengths = grown
        if len(lengths) > MAX_LENGTHS:
            raise Unsupported(f"more than {MAX_LENGTHS} lengths of the output", span)
    made = []
    for prefix in lengths.values():
        when = b.and_(guard, prefix.when)
        if when is not b.FALSE:
            made.append(Layout(when, prefix.when, _packet(prefix.parts, cursor, span, frame), {}))
    return made


def _add(grown: dict[int, _Prefix], when: Term, parts: tuple[Term, ...]) -> None:
    """One more way to have emitted so many parts; ways exclude each other."""
    if when is b.FALSE:
        return
    other = grown.get(len(parts))
    if other is None:
        grown[len(parts)] = _Prefix(when, parts)
    else:
        chosen = tuple(b.ite(when, x, y) for x, y in zip(parts, other.parts, strict=True))
        grown[len(parts)] = _Prefix(b.or_(other.when, when), chosen)


def _ways(piece: Piece) -> list[tuple[Term, Term | None]]:
    """What a piece emits, with conditions that exclude each other."""
    ways: list[tuple[Term, Term | None]] = [(b.not_(piece.when), None)]
    work = [(piece.when, piece.length)]
    while work:
        when, length = work.pop()
        if when is b.FALSE:
            continue
        if length is not None and length.op == "ite":
            work += [(b.and_(when, length.args[0]), length.args[1])]
            work += [(b.and_(when, b.not_(length.args[0])), length.args[2])]
        elif length is not None and not length.is_const:
            raise Unsupported("a varbit whose length cannot be told apart", piece.span)
        else:
            ways.append((when, _bits_of(Piece(b.TRUE, piece.bits, length, piece.span))))
        if len(ways) + len(work) > MAX_LENGTHS:
            raise Unsupported(f"a varbit of more than {MAX_LENGTHS} lengths", piece.span)
    return [way for way in ways if way[0] is not b.FALSE]


def _bits_of(piece: Piece) -> Term | None:
    """The bits that a piece emits whose length is known; None for none."""
    if piece.length is None:
        return piece.bits
    width = piece.bits.width
    return b.extract(piece.bits, width - 1, width - piece.length.value) if piece.length.value else None


def _packet(fields: Sequence[Term], cursor: int, span: Span, frame: Packet) -> Packet:
    if cursor % 8:
        raise Unsupported("a payload that does not begin at a byte", span)
    if sum(f.width for f in fields) % 8:
        raise Unsupported("emitted headers that are no whole bytes", span)
    start, made = cursor // 8, len(frame.prefix)
    head = Packet.of_bits(fields, 0).prefix
    size = None if frame.size is None else len(head) + frame.size - start
    return Packet((*head, *frame.prefix[start:]), frame.payload + max(0, start - made), size)
