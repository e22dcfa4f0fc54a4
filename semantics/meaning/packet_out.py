"""``packet_out``: what is emitted (P4-16 spec, "Deparsing"). What packets come of it is :mod:`.layouts`' subject."""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .calls import bind
from .dispatch import ExternTable
from .machine import Machine
from .state import Piece
from .trace import Trace, place_text, plain, widths
from .values import Header, Scalar, Stack, Struct, Union, Value, Varbit


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
