"""What a cell of a register holds as one number: the parts of its element side by side, the first one highest.

A header is a bit that says whether it is valid, and then its fields, so that what is read is what was written, as in an
assignment, also where that was an invalid header. The fields of such a header are 0 (what they hold is undefined, so
nobody may go by it).
"""

from __future__ import annotations

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.machine import Machine
from ..meaning.packet_out import field_bits
from ..meaning.values import INDEX_BITS, Header, Stack, Struct, Value, unpack
from ..source import Span, Unsupported


def cell_width(type_: ir.Type, span: Span) -> int:
    """Bits of a cell.

    Raises:
        Unsupported: an element of this type is no number of bits, or of how many is said by the element itself.
    """
    bare = ir.bare(type_)
    match bare:
        case ir.StructType(fields=fields):
            return sum(cell_width(part.type, span) for part in fields)
        case ir.HeaderType(fields=fields):
            return 1 + sum(cell_width(part.type, span) for part in fields)
        case ir.TupleType(elements):
            return sum(cell_width(part, span) for part in elements)
        case ir.StackType(element, size):
            return size * cell_width(element, span)
        case ir.VarbitType() | ir.UnionType():
            raise Unsupported(f"a register that holds a {_KINDS[type(bare)]}", span)
    try:
        return ir.width_of(bare)
    except ValueError as problem:
        raise Unsupported(str(problem), span) from None


_KINDS = {ir.VarbitType: "varbit", ir.UnionType: "header union"}


def to_cell(m: Machine, value: Value, type_: ir.Type, span: Span) -> Term | None:
    """The number that a cell holds for a value; None for one without bits."""
    cell_width(type_, span)
    terms = _bits(m, value, type_, b.TRUE, span)
    return b.concat(*terms) if terms else None


def _bits(m: Machine, value: Value, type_: ir.Type, valid: Term, span: Span) -> list[Term]:
    """The bits of a part; ``valid``: whether the headers in which it lies are."""
    match value, ir.bare(type_):
        case Struct(fields), ir.StructType(fields=types):
            return [t for part in types for t in _bits(m, fields[part.name], part.type, valid, span)]
        case Struct(fields), ir.TupleType(elements):
            return [t for i, part in enumerate(elements) for t in _bits(m, fields[str(i)], part, valid, span)]
        case Stack(elements), ir.StackType(element):
            return [t for part in elements for t in _bits(m, part, element, valid, span)]
        case Header(valid=here, fields=fields), ir.HeaderType(fields=types):
            here = m.decide(here)
            held = [t for part in types for t in _bits(m, fields[part.name], part.type, here, span)]
            return [b.from_bool(here), *held]
    if valid is b.FALSE:
        width = cell_width(type_, span)
        return [b.bv(0, width)] if width else []
    terms = field_bits(m, value, type_, span)
    return terms if valid is b.TRUE else [b.ite(valid, t, b.bv(0, t.width)) for t in terms]


def from_cell(type_: ir.Type, cell: Term | None, span: Span) -> Value:
    """The value for which a cell holds this number (None: of no bits)."""
    return _Parts(cell, span).value(type_)


class _Parts:
    """Takes a cell's bits off its top."""

    def __init__(self, cell: Term | None, span: Span) -> None:
        self._cell, self._left, self._span = cell, 0 if cell is None else cell.width, span

    def _take(self, width: int) -> Term | None:
        if not width:
            return None
        assert self._cell is not None
        self._left -= width
        return b.extract(self._cell, self._left + width - 1, self._left)

    def value(self, type_: ir.Type) -> Value:
        match ir.bare(type_):
            case ir.StructType(fields=fields):
                return Struct({part.name: self.value(part.type) for part in fields})
            case ir.TupleType(elements):
                return Struct({str(i): self.value(part) for i, part in enumerate(elements)})
            case ir.StackType(element, size):
                return Stack(tuple(self.value(element) for _ in range(size)), b.bv(0, INDEX_BITS))
            case ir.HeaderType(fields=fields):
                valid = self._take(1)
                assert valid is not None
                return Header(b.to_bool(valid), {part.name: self.value(part.type) for part in fields})
        return unpack(type_, self._take(cell_width(type_, self._span)), self._span)
