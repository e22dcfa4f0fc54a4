"""Sets of values: labels of select cases and keys of table entries (spec 8.15)."""

from __future__ import annotations

from ...source import Span
from .. import syntax as ast
from . import expressions, legality, typed
from .context import Context
from .convert import coerce, fields_of
from .symbols import ValueSetSymbol
from .types import (
    BOOL,
    ERROR,
    INT,
    UNKNOWN,
    Anonymous,
    Bits,
    Braces,
    Enum,
    Record,
    Tuple,
    Type,
    TypeVar,
    bare,
)
from .words import number_of


def may_be_key(type_: Type) -> bool:
    """Whether a value of this type can be a key of select."""
    match bare(type_):
        case Bits() | Enum() | TypeVar():
            return True
        case Tuple(elements) | Braces(elements):
            return all(map(may_be_key, elements))
        case other:
            return other in (BOOL, ERROR, INT, UNKNOWN)


def keyset(
    cx: Context, node: ast.Keyset, types: tuple[Type, ...], select: Span | None = None
) -> tuple[typed.KeySet, ...]:
    """One set per key; a single AnySet or ParserValueSet stands for all keys of a select, whose place is given."""
    if isinstance(node, (ast.DefaultSet, ast.DontCareSet)):
        if isinstance(node, ast.DefaultSet) or len(types) == 1 or select:
            return (typed.AnySet(node.span),)
    if isinstance(node, ast.TupleSet):
        return _tuple(cx, node, types, select)
    if select:
        found = _value_set(cx, node, types)
        if found is not None:
            return (found,)
    if len(types) == 1:
        return (_simple(cx, node, types[0], select),)
    if isinstance(node, ast.Expression):
        whole = _whole(cx, node, types)
        if whole is not None:
            return whole
    cx.error_in(select or node.span, node.span, f"{len(types)} sets expected, one for each key; found 1")
    return (typed.AnySet(node.span),)


def _tuple(cx: Context, node: ast.TupleSet, types: tuple[Type, ...], select: Span | None) -> tuple[typed.KeySet, ...]:
    if len(types) == 1 and isinstance(types[0], (Tuple, Braces, Record)):
        inner = types[0].elements if isinstance(types[0], (Tuple, Braces)) else tuple(fields_of(types[0]).values())
        if len(node.elements) == len(inner):
            types = inner
    if len(node.elements) != len(types):
        text = f"{number_of(len(types), 'set')} expected, one for each key; found {len(node.elements)}"
        cx.error_in(select or node.span, node.span, text)
        return (typed.AnySet(node.span),)
    return tuple(_simple(cx, e, t, select) for e, t in zip(node.elements, types, strict=True))


def _value_set(cx: Context, node: ast.Keyset, types: tuple[Type, ...]) -> typed.KeySet | None:
    if not isinstance(node, ast.NameExpr):
        return None
    symbol = cx.scope.find(node.name)
    if not isinstance(symbol, ValueSetSymbol):
        return None
    symbol.used = True
    held = _flat(symbol.type)
    if tuple(map(bare, held)) != tuple(map(bare, types)) and symbol.type not in types:
        shown = ", ".join(map(str, types))
        cx.error(
            node.span,
            f"the value_set '{symbol.name}' holds values of {symbol.type}, but the key is of ({shown})",
            (symbol.span, "its declaration"),
        )
    return typed.ParserValueSet(node.span, symbol)


def _flat(type_: Type) -> tuple[Type, ...]:
    if isinstance(type_, Tuple):
        return type_.elements
    if isinstance(type_, Record):
        return tuple(fields_of(type_).values())
    return (type_,)


def _whole(cx: Context, node: ast.Expression, types: tuple[Type, ...]) -> tuple[typed.KeySet, ...] | None:
    """An expression that stands for all keys: a tuple or list of values."""
    found = expressions.value(cx, node)
    if found.type is UNKNOWN:
        return (typed.AnySet(node.span),)
    if isinstance(found, typed.Aggregate) and len(found.values) == len(types):
        return tuple(
            typed.ValueSet(v.span, coerce(cx, v, t, v.span, "key")) for v, t in zip(found.values, types, strict=True)
        )
    return None


def _simple(cx: Context, node: ast.Keyset, type_: Type, select: Span | None) -> typed.KeySet:
    """The set for one key of ``type_``."""
    match node:
        case ast.DefaultSet() | ast.DontCareSet():
            return typed.AnySet(node.span)
        case ast.MaskSet(value=value_node, mask=mask_node):
            value, mask = _bounds(cx, node, value_node, mask_node, type_, select)
            _bits_only(cx, node, type_, "&&&")
            return typed.MaskSet(node.span, value, mask)
        case ast.RangeSet(low=low_node, high=high_node):
            low, high = _bounds(cx, node, low_node, high_node, type_, select)
            _bits_only(cx, node, type_, "..")
            if isinstance(low, typed.Const) and isinstance(high, typed.Const) and low.value > high.value:  # type: ignore[operator]
                cx.warn(node.span, "this range is empty: it ends before it starts")
            return typed.RangeSet(node.span, low, high)
        case ast.Expression():
            return typed.ValueSet(node.span, _part(cx, node, type_, select))
    cx.error(node.span, "a set of one key is expected here")
    return typed.AnySet(node.span)


def _bounds(
    cx: Context,
    node: ast.SetExpr,
    first: ast.Expression,
    second: ast.Expression,
    type_: Type,
    select: Span | None,
) -> tuple[typed.Expr, typed.Expr]:
    """The two values of ``a &&& b`` or ``a .. b``, which have one type, that of the key."""
    left, right = expressions.value(cx, first), expressions.value(cx, second)
    differ = isinstance(left.type, Bits) and isinstance(right.type, Bits) and left.type != right.type
    if differ:
        cx.error(node.span, f"the two values of a set must be of one type, not of {left.type} and {right.type}")
        return typed.Expr(type_, first.span), typed.Expr(type_, second.span)
    return _converted(cx, first, left, type_, select, True), _converted(cx, second, right, type_, select, True)


def _part(cx: Context, node: ast.Expression, type_: Type, select: Span | None) -> typed.Expr:
    """A value in a set. Single values that are selected on need not be known; parts of masks and ranges must."""
    return _converted(cx, node, expressions.value(cx, node), type_, select, False)


def _converted(
    cx: Context, node: ast.Expression, found: typed.Expr, type_: Type, select: Span | None, mask: bool
) -> typed.Expr:
    if isinstance(found, typed.Aggregate) and len(found.values) == 1 and not _flat_has_parts(type_):
        found = found.values[0]
    held = _held(type_)
    if mask and isinstance(held, Enum) and held.symbol.underlying is not None and not isinstance(found.type, Enum):
        held = held.symbol.underlying
    converted = coerce(cx, found, held, node.span, "key", whole=select)
    if select and not mask:
        if legality.has_call(converted):
            cx.error(node.span, "a label cannot have a call in it")
        return converted
    if not legality.is_compile_time(converted) and converted.type is not UNKNOWN and type(converted) is not typed.Expr:
        cx.error(node.span, "a label or key must be a compile-time known value")
    return converted


def identity(sets: tuple[typed.KeySet, ...]) -> tuple[object, ...] | None:
    """What is equal of two lists of sets of constants that are written alike; None if something is not constant."""
    made: list[object] = []
    for item in sets:
        match item:
            case typed.ValueSet(value=typed.Const(value=value)):
                made.append((type(value), value))
            case typed.MaskSet(value=typed.Const(value=value), mask=typed.Const(value=mask)):
                made.append(("&&&", value, mask))
            case typed.RangeSet(low=typed.Const(value=low), high=typed.Const(value=high)):
                made.append(("..", low, high))
            case typed.AnySet() if len(sets) > 1:
                made.append("_")
            case _:
                return None
    return tuple(made)


def _flat_has_parts(type_: Type) -> bool:
    return isinstance(type_, (Tuple, Braces, Record, Anonymous))


def _held(type_: Type) -> Type:
    """The type of values that are compared with a key."""
    if isinstance(type_, Braces):
        return Tuple(type_.elements)
    return type_


def _bits_only(cx: Context, node: ast.SetExpr, type_: Type, op: str) -> None:
    if not isinstance(bare(type_), (Bits, Enum)) and type_ not in (UNKNOWN, INT):
        cx.error(node.span, f"'{op}' is not defined on {type_}")
