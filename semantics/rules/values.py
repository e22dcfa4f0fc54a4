"""Values of the source as the numbers that rules hold: one for a key, one for each leaf of an action's argument."""

from __future__ import annotations

from .. import ir
from ..source import NOWHERE, Span, Unsupported

ENUM_BITS = 32
"""Bits of an enum or error without a representation: the member's index."""


def key_bits(type_: ir.Type, span: Span = NOWHERE) -> int:
    """Bits of a key or of an action parameter (bool: 1). Raises Unsupported for what is no number."""
    match ir.bare(type_):
        case ir.BitsType(width) | ir.EnumType(underlying=ir.BitsType(width)):
            return max(1, width)
        case ir.BoolType():
            return 1
        case ir.EnumType() | ir.ErrorType() | ir.MatchKindType():
            return ENUM_BITS
    raise Unsupported(f"a key or parameter of type {type(ir.bare(type_)).__name__}", span)


def value_set_widths(type_: ir.Type, span: Span) -> list[int]:
    """Bits of each part of a value set's members."""
    bare = ir.bare(type_)
    if isinstance(bare, ir.StructType):
        return [width for part in bare.fields for width in value_set_widths(part.type, span)]
    if isinstance(bare, ir.TupleType):
        return [width for part in bare.elements for width in value_set_widths(part, span)]
    return [key_bits(bare, span)]


def constant(program: ir.Program, expr: ir.Expr) -> int:
    """A compile-time value as unsigned bits.

    Raises:
        Unsupported: it is not a literal, or has no representation as bits.
    """
    while isinstance(expr, ir.Cast) and not isinstance(expr.operand, ir.Const):
        expr = expr.operand
    type_ = ir.bare(expr.type)
    inner = expr.operand if isinstance(expr, ir.Cast) else expr
    if not isinstance(inner, ir.Const):
        raise Unsupported("an entry's value that is not constant", expr.span)
    value = inner.value
    if isinstance(value, str):
        return _member(program, ir.bare(inner.type), value, expr.span)
    return int(value) & ((1 << key_bits(type_, expr.span)) - 1)


def _member(program: ir.Program, type_: ir.Type, name: str, span: Span) -> int:
    match type_:
        case ir.ErrorType():
            return program.errors.index(name)
        case ir.MatchKindType():
            return program.match_kinds.index(name)
        case ir.EnumType(members=members, underlying=None):
            return members.index(name)
        case ir.EnumType(members=members, values=values):
            return values[members.index(name)]
    raise Unsupported("a string in an entry", span)


def leaves(program: ir.Program, expr: ir.Expr) -> tuple[int, ...]:
    """A compile-time value as the numbers of its leaves, in the order in which an action takes them: of a header its
    validity first, then its fields, which are 0 where it is invalid. Parts of no bits have none.

    Raises:
        Unsupported: it is not made of literals, or has a part that no rule can hold.
    """
    if not _is_composed(expr.type):
        return (constant(program, expr),)
    match expr:
        case ir.Aggregate(values):
            valid = (1,) if isinstance(ir.bare(expr.type), ir.HeaderType) else ()
            parts = [value for value in values if not _is_empty(value.type)]
            return (*valid, *(leaf for part in parts for leaf in leaves(program, part)))
        case ir.InvalidHeader() | ir.DefaultValue():
            return (0,) * _leaf_count(expr.type, expr.span)
    raise Unsupported("an entry's value that is not constant", expr.span)


def _is_composed(type_: ir.Type) -> bool:
    composed = (ir.StructType, ir.TupleType, ir.HeaderType, ir.UnionType, ir.StackType)
    return isinstance(ir.bare(type_), composed)


def _is_empty(type_: ir.Type) -> bool:
    bare = ir.bare(type_)
    return isinstance(bare, ir.VoidType) or bare == ir.BitsType(0)


def _leaf_count(type_: ir.Type, span: Span) -> int:
    match ir.bare(type_):
        case ir.StructType(fields=fields) | ir.UnionType(fields=fields):
            return sum(_leaf_count(f.type, span) for f in fields)
        case ir.HeaderType(fields=fields):
            return 1 + sum(_leaf_count(f.type, span) for f in fields)
        case ir.TupleType(elements):
            return sum(_leaf_count(e, span) for e in elements)
        case ir.StackType(element, size):
            return size * _leaf_count(element, span)
    if _is_empty(type_):
        return 0
    key_bits(type_, span)  # refuses what is no number
    return 1
