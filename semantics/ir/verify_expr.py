"""What a type and an expression must look like by themselves: the types of the parts fit the operator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from ..source import NOWHERE, Span
from . import nodes as n
from . import types as t

MAX_WIDTH: Final = 1 << 20
"""Bits of one value: no program has more, and a width that a foreign file made up must not fill the memory."""

MAX_STACK: Final = 1 << 16
"""Elements of an array."""

_NO_ELEMENTS: Final = (t.VoidType, t.IntType, t.StringType, t.MatchKindType, t.ExternType, t.ListType)


@dataclass
class Fault(Exception):
    """What is wrong, and where."""

    message: str
    span: Span = NOWHERE


def lvalue(target: n.Expr) -> bool:
    """Whether a value can be assigned to ``target``."""
    while isinstance(target, n.Member | n.Index | n.Slice | n.Cast):
        target = target.operand if isinstance(target, n.Cast) else target.base
    return isinstance(target, n.Var)


def is_header_stack(type_: t.Type) -> bool:
    """Whether ``type_`` is an array of headers or header unions."""
    return isinstance(type_, t.StackType) and isinstance(t.bare(type_.element), t.HeaderType | t.UnionType)


def check_type(type_: t.Type, span: Span, declared: bool = False) -> None:
    """Check one type with everything that it holds; in declarations (``declared``) it may be that of a parameter.

    Raises:
        Fault: a width, size or list of members that no type has.
    """
    todo: list[t.Type] = [type_]
    seen: set[int] = set()
    while todo:
        now = todo.pop()
        if id(now) in seen:
            continue
        seen.add(id(now))
        message = _type_fault(now)
        if isinstance(now, t.TypeVariable | t.DeclaredType) and not declared:
            message = f"the type {now.name!r} outside of declarations"
        if message is not None:
            raise Fault(message, span)
        match now:
            case t.HeaderType() | t.StructType() | t.UnionType():
                todo += [f.type for f in now.fields]
            case t.StackType(element) | t.ListType(element):
                todo.append(element)
            case t.TupleType(elements) | t.ExternType(arguments=elements) | t.DeclaredType(arguments=elements):
                todo += elements
            case t.NewType(base=base):
                todo.append(base)


def _type_fault(type_: t.Type) -> str | None:
    match type_:
        case t.BitsType(width, signed):
            if not (1 if signed else 0) <= width <= MAX_WIDTH:
                return f"a width of {width} bits"
        case t.VarbitType(width):
            if not 0 <= width <= MAX_WIDTH:
                return f"a varbit of {width} bits"
        case t.EnumType(name, members, underlying, values):
            if len(set(members)) != len(members):
                return f"enum {name!r} has a member twice"
            if (underlying is None and values) or (underlying is not None and len(values) != len(members)):
                return f"enum {name!r} has {len(members)} members and {len(values)} values"
        case t.HeaderType() | t.StructType() | t.UnionType():
            return _fields_fault(type_)
        case t.StackType(element, size):
            if isinstance(element, _NO_ELEMENTS) or not 0 <= size <= MAX_STACK:
                return f"an array of {size} elements of {type(element).__name__}"
    return None


def _fields_fault(type_: t.HeaderType | t.StructType | t.UnionType) -> str | None:
    if len({f.name for f in type_.fields}) != len(type_.fields):
        return f"{type_.name!r} has a field twice"
    if isinstance(type_, t.UnionType) and not all(isinstance(f.type, t.HeaderType) for f in type_.fields):
        return f"header union {type_.name!r} has a field that is no header"
    return None


def check_expression(node: Any) -> None:
    """Check one expression (other nodes pass); its operands are checked by themselves.

    Raises:
        Fault: the operands do not fit.
    """
    special = _SPECIAL.get(type(node))
    message = special(node) if special else _expression_fault(node)
    if message is not None:
        raise Fault(message, node.span)


def _expression_fault(node: Any) -> str | None:
    match node:
        case n.Slice(base, high, low, type_):
            width = _bits(base.type)
            if width is None or not 0 <= low <= high < width or _bits(type_) != high - low + 1:
                return f"a slice [{high}:{low}] that its operand does not have"
        case n.Index(base):
            if not isinstance(t.bare(base.type), t.StackType | t.TupleType | t.ListType):
                return "an index into what is no stack, tuple or list"
        case n.Unary(op, operand, type_):
            if operand.type != type_ or (t.bare(type_) == n.BOOL) != (op == "!"):
                return f"{op} on an operand of another type"
        case n.Mux(condition, then, otherwise, type_):
            if condition.type != n.BOOL or then.type != type_ or otherwise.type != type_:
                return "a choice whose parts differ in type, or whose condition is not bool"
        case n.HeaderOp(op, base, count):
            found = t.bare(base.type)
            push = op in ("push_front", "pop_front")
            fits = is_header_stack(found) if push else isinstance(found, t.HeaderType | t.UnionType)
            if not fits or count < 0:
                return f"{op} of a {type(base.type).__name__}"
    return None


def _plain(type_: t.Type) -> t.Type:
    """The type of the bits behind a new type or serialisable enum; other types as they are."""
    type_ = t.bare(type_)
    return type_.underlying if isinstance(type_, t.EnumType) and type_.underlying is not None else type_


def _bits(type_: t.Type) -> int | None:
    """Bits of a type that slices and operators work on."""
    type_ = _plain(type_)
    return type_.width if isinstance(type_, t.BitsType) else None


def _const_fault(node: n.Const) -> str | None:
    match t.bare(node.type), node.value:
        case t.BoolType(), bool():
            return None
        case t.BitsType(width, signed), int() as value if not isinstance(value, bool):
            low, high = (-(1 << width) // 2, (1 << width) // 2) if signed else (0, 1 << width)
            return None if low <= value < high else f"{str(value)[:40]} is no value of {width} bits"
        case t.EnumType(underlying=t.BitsType(width, signed)), int() as value if not isinstance(value, bool):
            low, high = (-(1 << width) // 2, (1 << width) // 2) if signed else (0, 1 << width)
            return None if low <= value < high else f"{str(value)[:40]} is no value of {width} bits"
        case t.EnumType(name, members, None), str() as member:
            return None if member in members else f"enum {name!r} has no member {member!r}"
        case (t.ErrorType() | t.MatchKindType() | t.StringType() | t.ExternType(), str()):
            return None
        case t.IntType(), int() as value if not isinstance(value, bool):
            return None
    return f"a literal {str(node.value)[:40]!r} of type {type(node.type).__name__}"


def _member_fault(node: n.Member) -> str | None:
    base = t.bare(node.base.type)
    if isinstance(base, t.StackType):
        named = {"next": base.element, "last": base.element, "lastIndex": n.bits(32)} if is_header_stack(base) else {}
        wanted = named.get(node.name)
    elif isinstance(base, t.HeaderType | t.StructType | t.UnionType):
        wanted = next((f.type for f in base.fields if f.name == node.name), None)
    else:
        wanted = None
    return None if wanted == node.type else f"{type(base).__name__} has no member {node.name!r} of this type"


def _is_number(type_: t.Type) -> bool:
    return _bits(type_) is not None or isinstance(type_, t.IntType)


def _binary_fault(node: n.Binary) -> str | None:
    left, right, result = node.left.type, node.right.type, node.type
    fits: bool
    match node.op:
        case "&&" | "||":
            fits = left == right == result == n.BOOL
        case "==" | "!=":
            fits = left == right and result == n.BOOL
        case "<" | "<=" | ">" | ">=":
            fits = left == right and result == n.BOOL and _is_number(left)
        case "<<" | ">>":
            fits = left == result and _is_number(left) and _is_number(right)
        case "++":
            fits = None not in (_bits(left), _bits(right)) and _bits(result) == (_bits(left) or 0) + (_bits(right) or 0)
        case _:
            fits = left == right == result and _is_number(left)
    return None if fits else f"{node.op} on operands whose types do not fit"


def _aggregate_fault(node: n.Aggregate) -> str | None:
    type_ = t.bare(node.type)
    match type_:
        case t.HeaderType() | t.StructType() | t.UnionType():
            wanted = [f.type for f in type_.fields]
        case t.TupleType(elements):
            wanted = list(elements)
        case t.StackType(element, size):
            wanted = [element] * size
        case t.ListType(element):
            wanted = [element] * len(node.values)
        case _:
            return f"an aggregate of type {type(type_).__name__}"
    return None if wanted == [v.type for v in node.values] else "an aggregate whose values do not fit its type"


def _set_fault(node: n.MaskSet | n.RangeSet) -> str | None:
    left, right = (node.value, node.mask) if isinstance(node, n.MaskSet) else (node.low, node.high)
    return None if _plain(left.type) == _plain(right.type) else "a set whose two values differ in type"


_SPECIAL: Final[dict[type, Callable[[Any], str | None]]] = {
    n.Const: _const_fault,
    n.Member: _member_fault,
    n.Binary: _binary_fault,
    n.Aggregate: _aggregate_fault,
    n.MaskSet: _set_fault,
    n.RangeSet: _set_fault,
}
