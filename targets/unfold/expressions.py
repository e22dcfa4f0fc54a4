"""Expressions: evaluated to ways with a value each, for a choice or a call within may split a way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ...semantics import ir
from ...semantics.source import Span
from ..base import CannotOffload
from .values import (
    FALSE,
    ONE,
    TRUE,
    UNKNOWN,
    ZERO,
    Bits,
    Cube,
    Record,
    Stack,
    Value,
    Wanted,
    below,
    equals,
    known,
    number,
    undefined,
    unknown,
    width_of,
)

if TYPE_CHECKING:
    from .machine import Machine
    from .state import State

INDEX_UNKNOWN: Final = "an index that is not known before a packet comes"
Valued = list[tuple["State", Value]]
Decided = list[tuple["State", bool]]


def as_bits(value: Value, span: Span) -> Bits:
    """``value`` as a number. Raises CannotOffload for structures."""
    if not isinstance(value, tuple):
        raise CannotOffload("an operation on a whole header or struct", span)
    return value


def evaluate(m: Machine, expr: ir.Expr, state: State) -> Valued:
    """The expression's value on each way. On a way that has left, nothing happens any more."""
    m.context.step(expr.span)
    if state.flow != "run":
        return [(state, undefined(expr.type, expr.span))]
    match expr:
        case ir.Const():
            return [(state, constant(m, expr))]
        case ir.Var(name):
            return [(state, m.variable(state, name, expr.span))]
        case ir.Member(base, name):
            return [(s, member(v, name, expr)) for s, v in evaluate(m, base, state)]
        case ir.Index(base, index):
            return _index(m, base, index, state, expr)
        case ir.Slice(base, high, low):
            return [(s, _slice(as_bits(v, expr.span), high, low)) for s, v in evaluate(m, base, state)]
        case ir.Cast(operand, type_):
            return [(s, _cast(s, v, operand.type, type_, expr.span)) for s, v in evaluate(m, operand, state)]
        case ir.InvalidHeader(type_) | ir.DefaultValue(type_):
            return [(state, undefined(type_, expr.span))]
        case ir.Mux(condition, then, otherwise):
            return [
                pair
                for s, truth in decide(m, condition, state)
                for pair in evaluate(m, then if truth else otherwise, s)
            ]
        case ir.FunctionCall() | ir.ExternCall():
            return m.call(expr, state)
    return _operation(m, expr, state)


def _operation(m: Machine, expr: ir.Expr, state: State) -> Valued:
    """Operators."""
    match expr:
        case ir.Aggregate():
            return _aggregate(m, expr, state)
        case ir.HeaderOp("isValid", base):
            return [(s, TRUE if is_valid(v) else FALSE) for s, v in evaluate(m, base, state)]
        case (
            ir.TableApply(result="hit" | "miss")
            | ir.Unary("!")
            | ir.Binary(op="&&" | "||" | "==" | "!=" | "<" | "<=" | ">" | ">=")
        ):
            return [(s, TRUE if truth else FALSE) for s, truth in decide(m, expr, state)]
        case ir.Unary(op, operand):
            return [(s, _unary(op, s.cube.resolve(as_bits(v, expr.span)))) for s, v in evaluate(m, operand, state)]
        case ir.Binary():
            return [
                (s, _binary(m, expr, as_bits(x, expr.span), s.cube.resolve(as_bits(y, expr.span)), s.cube))
                for s, x, y in _both(m, expr.left, expr.right, state)
            ]
    raise CannotOffload(f"{type(expr).__name__} is not supported on {m.context.machine}", expr.span)


def constant(m: Machine, expr: ir.Const) -> Value:
    """A literal."""
    type_ = ir.bare(expr.type)
    if isinstance(expr.value, str):
        if isinstance(type_, ir.ErrorType):
            return number(m.context.program.errors.index(expr.value), 32)
        if isinstance(type_, ir.EnumType):
            return number(type_.members.index(expr.value), 32)
        return ()
    if isinstance(type_, ir.IntType):
        return number(int(expr.value), max(32, int(expr.value).bit_length() + 1))
    return number(int(expr.value), width_of(type_, expr.span))


def is_valid(value: Value) -> bool:
    """``isValid()`` of a header or union."""
    if not isinstance(value, Record):
        return False
    if value.valid is None:
        return any(is_valid(v) for v in value.fields.values())
    return value.valid


def member(value: Value, name: str, expr: ir.Member) -> Value:
    """A field; of an invalid header anything, so 0."""
    if isinstance(value, Stack):
        if name == "lastIndex":
            return number(value.next - 1, 32)
        place = value.next if name == "next" else value.next - 1
        return value.items[place] if 0 <= place < len(value.items) else undefined(expr.type, expr.span)
    if not isinstance(value, Record):
        raise CannotOffload(f"member {name} of a value that is not known", expr.span)
    if value.valid is False:
        return undefined(expr.type, expr.span)
    return value.fields[name]


def _index(m: Machine, base: ir.Expr, index: ir.Expr, state: State, expr: ir.Index) -> Valued:
    found: Valued = []
    for s, stack, at in _both(m, base, index, state):
        place = known(s.cube.resolve(as_bits(at, expr.span)))
        if place is None or not isinstance(stack, Stack):
            raise CannotOffload(INDEX_UNKNOWN, expr.span)
        inside = place < len(stack.items)
        found.append((s, stack.items[place] if inside else undefined(expr.type, expr.span)))
    return found


def _both(m: Machine, left: ir.Expr, right: ir.Expr, state: State) -> list[tuple[State, Value, Value]]:
    return [(t, x, y) for s, x in evaluate(m, left, state) for t, y in evaluate(m, right, s)]


def _slice(bits: Bits, high: int, low: int) -> Bits:
    return bits[len(bits) - 1 - high : len(bits) - low]


def _cast(state: State, value: Value, source: ir.Type, target: ir.Type, span: Span) -> Value:
    if not isinstance(value, tuple):
        return value
    if isinstance(ir.bare(target), ir.IntType | ir.StringType):
        return value
    width = width_of(target, span)
    bits = state.cube.resolve(value)
    if width <= len(bits):
        return bits[len(bits) - width :]
    bare = ir.bare(source)
    signed = isinstance(bare, ir.BitsType) and bare.signed and bool(bits)
    return (bits[0] if signed else ZERO,) * (width - len(bits)) + bits


def _aggregate(m: Machine, expr: ir.Aggregate, state: State) -> Valued:
    ways: list[tuple[State, tuple[Value, ...]]] = [(state, ())]
    for part in expr.values:
        ways = [(t, (*made, v)) for s, made in ways for t, v in evaluate(m, part, s)]
    type_ = ir.bare(expr.type)
    if isinstance(type_, ir.HeaderType | ir.StructType):
        names = [f.name for f in type_.fields]
        valid = True if isinstance(type_, ir.HeaderType) else None
        return [(s, Record(dict(zip(names, made, strict=True)), valid)) for s, made in ways]
    return [(s, Stack(made)) for s, made in ways]


# --- arithmetic -------------------------------------------------------------------------------------------------------

_ARITHMETIC: Final[dict[str, Callable[[int, int], int]]] = {
    "+": lambda x, y: x + y,
    "-": lambda x, y: x - y,
    "*": lambda x, y: x * y,
}


def _unary(op: str, bits: Bits) -> Bits:
    value = known(bits)
    if value is None:
        return unknown(len(bits))
    return number(~value if op == "~" else -value, len(bits))


def _binary(m: Machine, expr: ir.Binary, as_it_is: Bits, right: Bits, cube: Cube) -> Bits:
    op = expr.op
    left = cube.resolve(as_it_is)
    if op == "++":
        return left + right
    if op in ("&", "|", "^"):
        return tuple(_bitwise(op, x, y) for x, y in zip(left, right, strict=True))
    x, y = known(left), known(right)
    if op in ("<<", ">>") and y is not None:
        return _shifted(op, left, min(y, len(left)), expr.left.type)
    if x is None or y is None or op not in _ARITHMETIC:
        return m.context.computed(op, as_it_is, right) or unknown(width_of(expr.type, expr.span))
    return number(_ARITHMETIC[op](x, y), len(left))


def _shifted(op: str, bits: Bits, count: int, type_: ir.Type) -> Bits:
    if op == "<<":
        return bits[count:] + (ZERO,) * count
    bare = ir.bare(type_)
    fill = bits[0] if isinstance(bare, ir.BitsType) and bare.signed and bits else ZERO
    return (fill,) * count + bits[: len(bits) - count]


def _bitwise(op: str, x: int, y: int) -> int:
    """One bit of ``&``, ``|`` or ``^``; a frame's bit upside down is not a frame's bit."""
    for a, b in ((x, y), (y, x)):
        if a == ZERO:
            return ZERO if op == "&" else b
        if a == ONE and op != "^":
            return ONE if op == "|" else b
        if a == ONE and b in (ZERO, ONE):
            return ONE if b == ZERO else ZERO
    if x == y and x >= 0:
        return ZERO if op == "^" else x
    return UNKNOWN


# --- conditions -------------------------------------------------------------------------------------------------------


def decide(m: Machine, expr: ir.Expr, state: State) -> Decided:
    """The truth of a condition on each way; false on one that has left."""
    m.context.step(expr.span)
    if state.flow != "run":
        return [(state, False)]
    match expr:
        case ir.Unary("!", operand):
            return [(s, not truth) for s, truth in decide(m, operand, state)]
        case ir.Binary("&&", left, right):
            return [
                pair for s, truth in decide(m, left, state) for pair in (decide(m, right, s) if truth else [(s, False)])
            ]
        case ir.Binary("||", left, right):
            return [
                pair for s, truth in decide(m, left, state) for pair in ([(s, True)] if truth else decide(m, right, s))
            ]
        case ir.Binary(op="==" | "!=" | "<" | "<=" | ">" | ">="):
            return [pair for s, x, y in _both(m, expr.left, expr.right, state) for pair in _compare(m, expr, s, x, y)]
        case ir.TableApply(result="hit" | "miss"):
            return [(s, hit == (expr.result == "hit")) for s, hit, _ in m.apply_table(expr, state)]
    return [
        pair
        for s, v in evaluate(m, expr, state)
        for pair in split(m, s, [_is_one(s, as_bits(v, expr.span), expr.span)], expr.span)
    ]


def _is_one(state: State, bits: Bits, span: Span) -> Wanted | None:
    return equals(state.cube.resolve(bits), 1, 1, span)


def split(m: Machine, state: State, possibilities: list[Wanted | None], span: Span) -> Decided:
    """The way where one of the possibilities holds, and where none does."""
    found: Decided = []
    for wanted in possibilities:
        cube = None if wanted is None else m.context.narrowed(state.cube, wanted)
        if cube is not None:
            m.context.note(wanted or (), span)
            found.append((replace(state, cube=cube), True))
            if cube is state.cube:
                return _in_order(m, found)  # it holds whatever comes: nothing is left
    return _in_order(m, [*found, (state, False)])


def _in_order(m: Machine, decided: Decided) -> Decided:
    if len(decided) == 1:
        return decided
    return list(zip(m.context.ordered([s for s, _ in decided]), (truth for _, truth in decided), strict=True))


def _compare(m: Machine, expr: ir.Binary, state: State, left: Value, right: Value) -> Decided:
    if isinstance(left, Record | Stack) or isinstance(right, Record | Stack):
        raise CannotOffload("a comparison of whole headers, structs or stacks", expr.span)
    x, y = state.cube.resolve(left), state.cube.resolve(right)
    if expr.op in ("==", "!="):
        equations = m.context.equations(x, y)
        pairs = split(m, state, [both(equation, expr.span) for equation in equations], expr.span)
        return pairs if expr.op == "==" else [(s, not truth) for s, truth in pairs]
    if expr.op in (">", "<="):
        x, y = y, x  # x > y is y < x; x <= y is not y < x
    wanted, holds = _below(m, x, y, expr)
    pairs = split(m, state, wanted, expr.span)
    return pairs if holds == (expr.op in ("<", ">")) else [(s, not truth) for s, truth in pairs]


def _below(m: Machine, x: Bits, y: Bits, expr: ir.Binary) -> tuple[list[Wanted | None], bool]:
    """Possibilities that together are ``x < y`` (and True), or, if those are fewer and asked for, are its opposite."""
    straight = _less(x, y, expr)
    bare = ir.bare(expr.left.type)
    a, b = known(x), known(y)
    if not m.context.fewest or (isinstance(bare, ir.BitsType) and bare.signed):
        return straight, True
    if a is not None and a + 1 < 1 << len(x):
        opposite = _less(y, number(a + 1, len(x)), expr)
    elif a is None and b:
        opposite = _less(number(b - 1, len(y)), x, expr)
    else:
        return straight, True
    return (straight, True) if len(straight) <= len(opposite) else (opposite, False)


def both(equations: Sequence[tuple[Bits, Bits]], span: Span) -> Wanted | None:
    """What the frame must be for all these pairs of numbers to be equal."""
    wanted: Wanted = {}
    for x, y in equations:
        more = same(x, y, span)
        if more is None or any(wanted.get(bit, value) != value for bit, value in more.items()):
            return None
        wanted |= more
    return wanted


def same(x: Bits, y: Bits, span: Span) -> Wanted | None:
    """What the frame must be for two numbers to be equal; one side must be known where they differ."""
    wanted: Wanted = {}
    for a, b in zip(x, y, strict=True):
        if a == b and a != UNKNOWN:
            continue
        known_bit, other = (a, b) if a in (ZERO, ONE) else (b, a)
        if known_bit not in (ZERO, ONE):
            raise CannotOffload("a comparison of two fields of the frame", span)
        found = equals((other,), int(known_bit == ONE), 1, span)
        if found is None or any(wanted.get(k, v) != v for k, v in found.items()):
            return None
        wanted |= found
    return wanted


def _less(x: Bits, y: Bits, expr: ir.Binary) -> list[Wanted | None]:
    """What the frame must be for ``x < y``, where one of them is known."""
    bare = ir.bare(expr.left.type)
    a, b = known(x), known(y)
    if isinstance(bare, ir.BitsType) and bare.signed:
        if a is None or b is None:
            raise CannotOffload("a signed comparison", expr.span)
        a, b = (v - (v >> (len(x) - 1) << len(x)) for v in (a, b))
        return [{}] if a < b else []
    if b is not None:
        return list(below(x, b, expr.span))
    if a is None:
        raise CannotOffload("a comparison of two fields of the frame", expr.span)
    full = (1 << len(y)) - 1
    upside_down = below(_upside_down(y), full - a, expr.span)  # a < y is ~y < ~a
    return [{bit: not value for bit, value in wanted.items()} for wanted in upside_down]


def _upside_down(bits: Bits) -> Bits:
    """The known bits inverted; the frame's bits stay, and the caller inverts what is wanted of them."""
    return tuple(ONE if bit == ZERO else ZERO if bit == ONE else bit for bit in bits)
