"""Operators, casts and literals on numbers (P4-16 spec, chapter 8), apart from whatever has a place or is called."""

from __future__ import annotations

from typing import Any

from p4verify.semantics import ir

from .values import UNDEFINED, Header, Record, Skip, Stack, make, same, unsigned, wrap


def literal(node: ir.Const, program: ir.Program) -> Any:
    """The value of a literal; members of enums without a representation, and errors, stand for themselves."""
    type_ = ir.bare(node.type)
    if isinstance(type_, ir.EnumType) and type_.underlying is not None and isinstance(node.value, str):
        return type_.values[type_.members.index(node.value)]
    if isinstance(type_, ir.BitsType) and isinstance(node.value, int):
        return wrap(node.value, type_)
    return node.value


def binary(op: str, left: Any, right: Any, node: ir.Binary) -> Any:
    """An operator on two values; ``&&`` and ``||`` are not among them."""
    if op in ("==", "!="):
        equal = same(left, right)
        return equal if equal is UNDEFINED or op == "==" else not equal
    if left is UNDEFINED or right is UNDEFINED:
        return UNDEFINED
    if op in ("<", "<=", ">", ">="):
        return {"<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[op]
    type_ = ir.bare(node.type)
    assert isinstance(type_, ir.BitsType)
    if op == "++":
        return _concatenated(left, right, node, type_)
    if op in ("<<", ">>"):
        return _shifted(op, left, right, type_)
    if op in ("|+|", "|-|"):
        return _clamped(left + right if op == "|+|" else left - right, type_)
    return wrap(_ring(op, left, right), type_)


def _ring(op: str, left: int, right: int) -> int:
    match op:
        case "+":
            return left + right
        case "-":
            return left - right
        case "*":
            return left * right
        case "&":
            return left & right
        case "|":
            return left | right
        case "^":
            return left ^ right
    raise Skip(f"operator {op}")


def _concatenated(left: int, right: int, node: ir.Binary, type_: ir.BitsType) -> int:
    below = ir.bare(node.right.type)
    assert isinstance(below, ir.BitsType)
    return wrap((left << below.width) | unsigned(right, below.width), type_)


def _shifted(op: str, left: int, right: int, type_: ir.BitsType) -> int:
    """A shift by the width or more moves everything out; ``>>`` of an ``int`` keeps its sign."""
    count = min(right, type_.width)
    return wrap(left << count if op == "<<" else left >> count, type_)


def _clamped(value: int, type_: ir.BitsType) -> int:
    """Saturated at the ends of the type's range."""
    low = -(1 << (type_.width - 1)) if type_.signed else 0
    high = (1 << (type_.width - type_.signed)) - 1
    return max(low, min(high, value))


def unary(op: str, value: Any, type_: ir.Type) -> Any:
    """``!``, ``~``, ``-``."""
    if value is UNDEFINED:
        return UNDEFINED
    if op == "!":
        return not value
    bare = ir.bare(type_)
    assert isinstance(bare, ir.BitsType)
    return wrap(-value if op == "-" else ~value, bare)


def sliced(value: Any, node: ir.Slice) -> Any:
    """``value[high:low]``: always unsigned."""
    if value is UNDEFINED:
        return UNDEFINED
    return (value >> node.low) & ((1 << (node.high - node.low + 1)) - 1)


def cast(value: Any, node: ir.Cast) -> Any:
    """A conversion between numbers, bools, enums with a representation, and aggregates of one shape."""
    target = ir.bare(node.type)
    match target:
        case ir.BitsType():
            return value if value is UNDEFINED else wrap(int(value), target)
        case ir.BoolType():
            return value if value is UNDEFINED else bool(value)
        case ir.EnumType(underlying=ir.BitsType() as underlying):
            return value if value is UNDEFINED else wrap(int(value), underlying)
    return shaped(value, target)


def shaped(value: Any, type_: ir.Type) -> Any:
    """An aggregate as one of another type with the same parts."""
    type_ = ir.bare(type_)
    match value, type_:
        case Record(fields), ir.StructType() | ir.HeaderType():
            parts = zip(fields.values(), type_.fields, strict=True)
            made = {part.name: shaped(v, part.type) for v, part in parts}
            return Header(True, made) if isinstance(type_, ir.HeaderType) else Record(made)
        case Record(fields), ir.TupleType(elements):
            pairs = zip(fields.values(), elements, strict=True)
            return Record({str(i): shaped(v, t) for i, (v, t) in enumerate(pairs)})
    return value


def aggregate(values: list[Any], type_: ir.Type) -> Any:
    """A struct, header, tuple or stack from its parts."""
    type_ = ir.bare(type_)
    match type_:
        case ir.StructType():
            return Record({f.name: v for f, v in zip(type_.fields, values, strict=True)})
        case ir.HeaderType():
            return Header(True, {f.name: v for f, v in zip(type_.fields, values, strict=True)})
        case ir.TupleType():
            return Record({str(i): v for i, v in enumerate(values)})
        case ir.StackType():
            return Stack(values)
    raise Skip(f"an aggregate of type {type(type_).__name__}")


def default(type_: ir.Type) -> Any:
    """``...``: zero, false, the first member, an invalid header."""
    type_ = ir.bare(type_)
    match type_:
        case ir.BitsType():
            return 0
        case ir.BoolType():
            return False
        case ir.EnumType(underlying=None):
            return type_.members[0]
        case ir.EnumType():
            return 0
        case ir.ErrorType():
            return "NoError"
        case ir.StructType():
            return Record({f.name: default(f.type) for f in type_.fields})
        case ir.TupleType(elements):
            return Record({str(i): default(t) for i, t in enumerate(elements)})
    return make(type_)
