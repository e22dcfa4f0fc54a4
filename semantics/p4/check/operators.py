"""Binary operators and explicit casts (spec 8.5 to 8.11): which types they take, and their compile-time values."""

from __future__ import annotations

from typing import Final

from ...ir import BinaryOp
from ...source import Span
from . import typed
from .constants import BadConstant, fold_binary, fold_cast, shown
from .context import Context, Phase
from .convert import convert, why_not
from .types import (
    BOOL,
    DOTS,
    INT,
    INVALID,
    MAX_WIDTH,
    STRING,
    ActionRun,
    Anonymous,
    ApplyResult,
    Bits,
    Block,
    Braces,
    Enum,
    Extern,
    ListOf,
    New,
    Package,
    Record,
    Stack,
    Tuple,
    Type,
    TypeVar,
    bare,
)

WRONG: Final = typed.WRONG

_ARITHMETIC = frozenset(("+", "-", "*", "/", "%", "&", "|", "^", "|+|", "|-|"))
_SATURATING = frozenset(("|+|", "|-|"))
_BITWISE = frozenset(("&", "|", "^"))
_ORDER = frozenset(("<", "<=", ">", ">="))


def binary(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Expr, span: Span) -> typed.Expr:
    """``left op right``, folded where both are known; an error if the types do not fit."""
    if op in ("&&", "||"):
        return _logical(cx, op, left, right, span)
    if op in ("==", "!="):
        return _equality(cx, op, left, right, span)
    if op in ("<<", ">>"):
        return _shift(cx, op, left, right, span)
    if op == "++":
        return _concatenation(cx, left, right, span)
    return _arithmetic(cx, op, left, right, span)


def _mismatch(cx: Context, op: str, left: typed.Expr, right: typed.Expr, span: Span) -> typed.Expr:
    known = all(isinstance(e, typed.Const) and isinstance(bare(e.type), Bits) for e in (left, right))
    phase = Phase.CONSTANTS if known else Phase.TYPES
    cx.error(span, f"'{op}' is not defined on {left.type} and {right.type}", phase=phase)
    return WRONG


def _fold(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Expr, type_: Type, span: Span) -> typed.Expr:
    if isinstance(left, typed.Const) and isinstance(right, typed.Const):
        try:
            value = fold_binary(op, left.value, right.value, type_, left.type, right.type)
        except BadConstant as bad:
            cx.error(span, str(bad), phase=Phase.CONSTANTS)
            return WRONG
        return typed.Const(type_, span, value)
    return typed.Binary(type_, span, op, left, right)


def _logical(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Expr, span: Span) -> typed.Expr:
    if left.type != BOOL or right.type != BOOL:
        return _mismatch(cx, op, left, right, span)
    if isinstance(left, typed.Const) and (left.value is (op == "||")):
        return typed.Const(BOOL, span, bool(left.value))
    return _fold(cx, op, left, right, BOOL, span)


def _underlying(cx: Context, expr: typed.Expr) -> typed.Expr:
    """A serialisable enum's value as that of its type."""
    if isinstance(expr.type, Enum) and expr.type.symbol.underlying is not None:
        return convert(cx, expr, expr.type.symbol.underlying) or expr
    return expr


def _comparable(type_: Type) -> bool:
    """Whether ``==`` is defined on the type (spec 8.4 to 8.19)."""
    match type_:
        case Record():
            return all(_comparable(t) for t in type_.symbol.field_types(type_.args).values())
        case Tuple(elements) | Braces(elements):
            return all(map(_comparable, elements))
        case Anonymous(fields):
            return all(_comparable(t) for _, t in fields)
        case Stack(element, _):
            return _comparable(element)
        case Extern() | TypeVar() | ListOf() | ApplyResult() | ActionRun() | Block() | Package():
            return False
    return True


def _equality(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Expr, span: Span) -> typed.Expr:
    if left.type != right.type:
        if isinstance(left.type, Enum) or isinstance(right.type, Enum):
            left, right = _underlying(cx, left), _underlying(cx, right)
        as_left, as_right = convert(cx, right, left.type), convert(cx, left, right.type)
        if left.type == right.type:
            pass
        elif as_left is not None and left.type != INT:
            right = as_left
        elif as_right is not None:
            left = as_right
        else:
            return _mismatch(cx, op, left, right, span)
    if not _comparable(left.type) or isinstance(left.type, Anonymous) or left.type in (DOTS, INVALID):
        return _mismatch(cx, op, left, right, span)
    if isinstance(left, typed.Aggregate) and typed.is_known(left) and typed.is_known(right):
        same = _same(left, right)
        return typed.Const(BOOL, span, same if op == "==" else not same)
    return _fold(cx, op, left, right, BOOL, span)


def _same(left: typed.Expr, right: typed.Expr) -> bool:
    if isinstance(left, typed.Const) and isinstance(right, typed.Const):
        return left.value == right.value
    if isinstance(left, typed.Aggregate) and isinstance(right, typed.Aggregate):
        return all(_same(a, b) for a, b in zip(left.values, right.values, strict=True))
    return False


def _shift(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Expr, span: Span) -> typed.Expr:
    left, right = _underlying(cx, left), _underlying(cx, right)
    if not isinstance(left.type, Bits) and left.type != INT:
        return _mismatch(cx, op, left, right, span)
    if isinstance(right, typed.Const) and (right.type == INT or isinstance(right.type, Bits)):
        return _constant_shift(cx, op, left, right, span)
    if right.type == INT and left.type == INT:
        return typed.Binary(INT, span, op, left, right)
    if right.type == INT:
        return typed.Binary(left.type, span, op, left, right)
    if not isinstance(right.type, Bits):
        return _mismatch(cx, op, left, right, span)
    if right.type.signed:
        cx.error(span, f"the amount of a shift must be unsigned, not {right.type}")
        return WRONG
    if left.type == INT:
        cx.error(span, "the width of the left operand of a shift by a run-time amount is not known")
        return WRONG
    return typed.Binary(left.type, span, op, left, right)


def _constant_shift(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Const, span: Span) -> typed.Expr:
    amount = int(right.value)
    if amount < 0:
        cx.error(span, f"shift by a negative amount: {shown(amount)}", phase=Phase.CONSTANTS)
        return WRONG
    if isinstance(left.type, Bits) and amount >= left.type.width:
        cx.warn(span, f"a shift of {left.type} by {shown(amount)}, its width or more")
    signed = isinstance(right.type, Bits) and right.type.signed
    if signed or (right.type == INT and not isinstance(left, typed.Const)):
        right = typed.Const(Bits(max(1, amount.bit_length())), right.span, amount)
    return _fold(cx, op, left, right, left.type, span)


def _concatenation(cx: Context, left: typed.Expr, right: typed.Expr, span: Span) -> typed.Expr:
    left, right = _underlying(cx, left), _underlying(cx, right)
    if left.type == STRING and right.type == STRING:
        return _fold(cx, "++", left, right, STRING, span)
    if left.type == INT or right.type == INT:
        cx.error(span, "'++' needs operands with a width")
        return WRONG
    if not (isinstance(left.type, Bits) and isinstance(right.type, Bits)):
        return _mismatch(cx, "++", left, right, span)
    width = left.type.width + right.type.width
    if width > MAX_WIDTH:
        cx.error(span, f"the result of '++' would be of {width} bits, more than {MAX_WIDTH}")
        return WRONG
    return _fold(cx, "++", left, right, Bits(width, left.type.signed), span)


def _arithmetic(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Expr, span: Span) -> typed.Expr:
    left, right = _underlying(cx, left), _underlying(cx, right)
    if left.type == INT and isinstance(right.type, Bits):
        left = convert(cx, left, right.type) or left
    elif right.type == INT and isinstance(left.type, Bits):
        right = convert(cx, right, left.type) or right
    type_ = left.type
    if type_ != right.type or not (isinstance(type_, Bits) or type_ == INT):
        return _mismatch(cx, op, left, right, span)
    if type_ == INT and op in _SATURATING:
        cx.error(span, f"'{op}' is not defined on int: give the operands a width")
        return WRONG
    if type_ == INT and op in _BITWISE:
        cx.warn(span, f"'{op}' on int is an extension: two's complement of any width (8.8)")
    if op in ("/", "%"):
        return _division(cx, op, left, right, span)
    if op in _ORDER:
        _warn_of_no_choice(cx, op, left, right, span)
        return _fold(cx, op, left, right, BOOL, span)
    return _fold(cx, op, left, right, type_, span)


def _warn_of_no_choice(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Expr, span: Span) -> None:
    """Unsigned numbers are never below zero."""
    if isinstance(left, typed.Const) and not isinstance(right, typed.Const):
        left, right, op = right, left, _MIRRORED[op]
    if isinstance(left, typed.Const) or not isinstance(right, typed.Const) or not isinstance(left.type, Bits):
        return
    if op in ("<", ">=") and right.value == 0 and not left.type.signed:
        cx.warn(span, f"this is always {'false' if op == '<' else 'true'}: {left.type} has no negative values")


_MIRRORED: Final[dict[BinaryOp, BinaryOp]] = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}


def _division(cx: Context, op: BinaryOp, left: typed.Expr, right: typed.Expr, span: Span) -> typed.Expr:
    type_ = left.type
    if isinstance(type_, Bits) and type_.signed:
        return _mismatch(cx, op, left, right, span)
    if isinstance(right, typed.Const) and int(right.value) == 0:
        cx.error(span, f"{'division' if op == '/' else 'modulo'} by zero", phase=Phase.CONSTANTS)
        return WRONG
    for operand in (left, right):
        if isinstance(operand, typed.Const) and int(operand.value) < 0:
            cx.error(span, f"'{op}' is not defined for negative numbers")
            return WRONG
    return _fold(cx, op, left, right, type_, span)


# --- explicit casts ------------------------------------------------------------------------------------------------


def cast_to(cx: Context, operand: typed.Expr, to: Type, span: Span) -> typed.Expr:
    """``(to) operand`` (spec 8.11.1)."""
    if operand.type == to:
        return _respan(operand, to, span)
    if not isinstance(operand.type, (Bits, Enum)) and operand.type != INT:
        converted = convert(cx, operand, to)
        if converted is not None:
            return _respan(converted, to, span)
    if isinstance(operand.type, Enum):
        operand = _underlying(cx, operand)
        if operand.type == to:
            return _respan(operand, to, span)
    if not _castable(operand.type, to):
        cx.error(span, f"{operand.type} cannot be cast to {to}{why_not(operand, to)}")
        return WRONG
    if not isinstance(operand, typed.Const):
        return typed.Cast(to, span, operand)
    try:
        return typed.Const(to, span, fold_cast(operand.value, _plain(operand.type), _plain(to)))
    except BadConstant as bad:
        cx.error(span, str(bad))
        return WRONG


def _respan(expr: typed.Expr, to: Type, span: Span) -> typed.Expr:
    if isinstance(expr, typed.Const):
        return typed.Const(to, span, expr.value)
    return expr


def _plain(type_: Type) -> Type:
    """The type of the bits behind a newtype or serialisable enum."""
    while True:
        if isinstance(type_, New):
            type_ = type_.symbol.base
        elif isinstance(type_, Enum) and type_.symbol.underlying is not None:
            type_ = type_.symbol.underlying
        else:
            return type_


def _castable(source: Type, to: Type) -> bool:
    """The table of explicit casts."""
    if isinstance(source, New) and source.symbol.base == to:
        return True
    if isinstance(to, New):
        base = to.symbol.base
        return base == source or ((source == INT or isinstance(base, New)) and _castable(source, base))
    if isinstance(source, New):
        base = source.symbol.base
        return base == to or (isinstance(base, New) and _castable(base, to))
    match source, to:
        case Bits(width, signed), Bits(other, other_signed):
            return signed == other_signed or width == other
        case Bits(), Enum(symbol):
            return symbol.underlying == source
        case Bits(1, False), _ if to == BOOL:
            return True
        case _, Bits(1, False) if source == BOOL:
            return True
        case Bits(), _ if to == INT:
            return True
    if source == INT:
        return isinstance(to, Bits) or to == BOOL or (isinstance(to, Enum) and to.symbol.underlying is not None)
    return False


def plain(type_: Type) -> Type:
    """The type of the bits behind newtypes and serialisable enums; other types as they are."""
    return _plain(bare(type_))
