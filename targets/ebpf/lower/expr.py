"""Expressions: code that leaves a value of up to 64 bits in r1, any 64 bits of a wider one, or takes a branch.

Wider values are never held whole: :func:`window` computes any stretch of up to 64 bits of an expression, so a copy,
comparison or header field of any width is a sequence of windows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label, asm
from ..artifact.asm import R1, R2, R3
from . import calls, externs, operands, settling, stmts, tables, wide
from .frame import Ref, is_composite, parts
from .gen import Gen, Temp


def by_index(g: Gen, held: Temp, stack: ir.Type, code: Callable[[int], None]) -> None:
    """``code`` for the element that ``held`` says, a branch around that for the others; nothing beyond the last."""
    end = g.asm.label()
    with g.maybe():
        for number in range(len(parts(stack, Ref("", stack)))):
            other = g.asm.label()
            held.load(R2)
            g.asm.jump("jne", R2, number, other)
            code(number)
            g.asm.goto(end)
            g.asm.place(other)
    g.asm.place(end)


def indexed(g: Gen, expr: ir.Expr, at: ir.Index, code: Callable[[ir.Expr], None]) -> None:
    """``code`` with the run-time index ``at`` of the place ``expr`` made constant, for each element it can have."""
    value(g, at.index)
    with g.hold() as held:
        g.constant(R1, 0)  # what lies beyond the stack is undefined
        by_index(g, held, at.base.type, lambda number: code(operands.with_index(expr, at, number)))


def simple(g: Gen, expr: ir.Expr) -> bool:
    """Whether loading the value destroys no register but its own."""
    return isinstance(expr, ir.Const | ir.DefaultValue) or (
        isinstance(expr, ir.Var | ir.Member | ir.Index)
        and operands.runtime_index(expr) is None
        and g.width(expr.type, expr.span) <= 64
        and operands.resolve(g, expr) is not None
    )


def load_simple(g: Gen, dst: asm.Reg, expr: ir.Expr) -> None:
    """Load a :func:`simple` expression into any register."""
    number = operands.constant_value(g, expr)
    if number is not None:
        g.constant(dst, number)
    else:
        g.load_leaf(dst, operands.lvalue(g, expr), span=expr.span)


def value(g: Gen, expr: ir.Expr) -> None:
    """r1 = the value of a scalar expression of at most 64 bits, zero-extended."""
    width = g.width(expr.type, expr.span)
    if width > 64:
        raise CannotOffload(f"arithmetic on {width} bits", expr.span)
    if isinstance(ir.bare(expr.type), ir.BoolType) and isinstance(expr, ir.Unary | ir.Binary | ir.Mux | ir.Cast):
        _as_number(g, expr)
        return
    if isinstance(expr, ir.Const | ir.DefaultValue):
        g.constant(R1, operands.constant_value(g, expr) or 0)
        return
    if isinstance(expr, ir.Var | ir.Member | ir.Index):
        _load_place(g, expr)
        return
    handler = _VALUES.get(type(expr))
    if handler is None:
        raise CannotOffload("this expression is not supported", expr.span)
    handler(g, expr)


def _load_place(g: Gen, expr: ir.Var | ir.Member | ir.Index) -> None:
    at = operands.runtime_index(expr)
    if at is not None:
        indexed(g, expr, at, lambda chosen: value(g, chosen))
        return
    ref = operands.resolve(g, expr)
    if ref is not None:
        g.load_leaf(R1, ref, span=expr.span)
        return
    if isinstance(expr, ir.Member) and expr.name == "lastIndex" and g.point is not None:
        g.constant(R1, g.point.last_index(operands.lvalue(g, expr.base)))
        return
    if isinstance(expr, ir.Member) and isinstance(expr.base, ir.ExternCall):
        with g.scope():
            ref = g.declare("$call", expr.base.type, expr.span)
            stmts.assign(g, ref, expr.base)
            g.load_leaf(R1, ref.member(expr.name, expr.type), span=expr.span)
        return
    raise CannotOffload("this expression is not supported", expr.span)


def _as_number(g: Gen, expr: ir.Expr) -> None:
    """r1 = 1 or 0 for a condition."""
    no, end = g.asm.label(), g.asm.label()
    branch_unless(g, expr, no)
    g.constant(R1, 1)
    g.asm.goto(end)
    g.asm.place(no)
    g.constant(R1, 0)
    g.asm.place(end)


def two(g: Gen, left: ir.Expr, right: ir.Expr) -> None:
    """r1 = left, r2 = right, evaluated in this order."""
    value(g, left)
    if simple(g, right):
        load_simple(g, R2, right)
        return
    with g.hold() as held:
        value(g, right)
        g.asm.emit(asm.mov(R2, R1))
        held.load(R1)


# --- conditions -----------------------------------------------------------------------------------------------------

_UNSIGNED: Final = {"==": "jeq", "!=": "jne", "<": "jlt", "<=": "jle", ">": "jgt", ">=": "jge"}
_SIGNED: Final = {"<": "jslt", "<=": "jsle", ">": "jsgt", ">=": "jsge"}
_OPPOSITE: Final = {"==": "!=", "!=": "==", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def branch_unless(g: Gen, expr: ir.Expr, target: Label) -> None:
    """Go to ``target`` if the condition is false, else go on."""
    match expr:
        case ir.Unary("!", operand):
            branch_if(g, operand, target)
        case ir.Binary("&&", left, right):
            branch_unless(g, left, target)
            with g.maybe():
                branch_unless(g, right, target)
        case ir.Binary("||", left, right):
            through = g.asm.label()
            branch_if(g, left, through)
            with g.maybe():
                branch_unless(g, right, target)
            g.asm.place(through)
        case ir.Binary(op, left, right) if op in _OPPOSITE:
            _compare(g, _OPPOSITE[op], left, right, target, expr.span)
        case ir.Mux(condition, then, otherwise):
            other, end = g.asm.label(), g.asm.label()
            branch_unless(g, condition, other)
            with g.maybe():
                branch_unless(g, then, target)
                g.asm.goto(end)
                g.asm.place(other)
                branch_unless(g, otherwise, target)
            g.asm.place(end)
        case ir.Cast(operand):
            branch_unless(g, operand, target) if isinstance(ir.bare(operand.type), ir.BoolType) else _bit(
                g, operand, "jeq", target
            )
        case ir.Const(bool(known)):
            if not known:
                g.asm.goto(target)
        case _:
            _bit(g, expr, "jeq", target)


def branch_if(g: Gen, expr: ir.Expr, target: Label) -> None:
    """Go to ``target`` if the condition is true, else go on."""
    match expr:
        case ir.Unary("!", operand):
            branch_unless(g, operand, target)
        case ir.Binary(op, left, right) if op in _OPPOSITE:
            _compare(g, op, left, right, target, expr.span)
        case ir.Binary() | ir.Mux() | ir.Cast() | ir.Const():
            around = g.asm.label()
            branch_unless(g, expr, around)
            g.asm.goto(target)
            g.asm.place(around)
        case _:
            _bit(g, expr, "jne", target)


def _bit(g: Gen, expr: ir.Expr, jump: str, target: Label) -> None:
    value(g, expr)
    g.asm.jump(jump, R1, 0, target)


def _compare(g: Gen, op: str, left: ir.Expr, right: ir.Expr, target: Label, span: Span) -> None:
    """Go to ``target`` if ``left op right``."""
    if is_composite(left.type) or isinstance(ir.bare(left.type), ir.VarbitType):
        wide.compare_composites(g, op, left, right, target, span)
        return
    width = g.width(left.type, span)
    if width > 64:
        wide.compare(g, op, left, right, width, target)
        return
    signed = operands.is_signed(left.type) and op in _SIGNED
    number = operands.constant_value(g, right)
    if number is not None and not signed and number < 1 << 31:
        value(g, left)
        g.asm.jump(_UNSIGNED[op], R1, number, target)
        return
    two(g, left, right)
    if signed:
        g.sign_extend(R1, width)
        g.sign_extend(R2, width)
    g.asm.jump((_SIGNED if signed else _UNSIGNED)[op], R1, R2, target)


# --- arithmetic -----------------------------------------------------------------------------------------------------


def _unary(g: Gen, expr: ir.Unary) -> None:
    value(g, expr.operand)
    g.asm.emit(asm.alu("neg", R1) if expr.op == "-" else asm.alu("xor", R1, -1))
    g.trim(R1, g.width(expr.type))


_PLAIN: Final = {"+": "add", "-": "sub", "*": "mul", "&": "and", "|": "or", "^": "xor"}


def _binary(g: Gen, expr: ir.Binary) -> None:
    op = expr.op
    if op in ("<<", ">>"):
        _shift(g, expr)
    elif op == "++":
        low = g.width(expr.right.type)
        two(g, expr.left, expr.right)
        if low < 64:
            g.asm.emit(asm.alu("lsh", R1, low), asm.alu("or", R1, R2))
        else:  # then the left side has no bits
            g.asm.emit(asm.mov(R1, R2))
    elif op in ("/", "%"):
        _divide(g, expr)
    else:
        two(g, expr.left, expr.right)
        if op in _PLAIN:
            g.asm.emit(asm.alu(_PLAIN[op], R1, R2))
            if op in ("+", "-", "*"):
                g.trim(R1, g.width(expr.type))
        elif op in ("|+|", "|-|"):
            _saturate(g, op, g.width(expr.type), operands.is_signed(expr.type))
        else:
            raise CannotOffload(f"operator {op}", expr.span)


def _divide(g: Gen, expr: ir.Binary) -> None:
    """Of unsigned numbers. What comes of a division by 0 is not specified; the machine's is 0, or what is divided."""
    if operands.is_signed(expr.type):
        raise CannotOffload("division of signed numbers", expr.span)
    two(g, expr.left, expr.right)
    size = 32 if g.width(expr.type) <= 32 else 64
    g.asm.emit(asm.alu("div" if expr.op == "/" else "mod", R1, R2, size))


def _shift(g: Gen, expr: ir.Binary) -> None:
    """Shifts by the width or more give 0, or copies of the sign; the machine would take the amount modulo 64."""
    width, left = g.width(expr.type), expr.op == "<<"
    arithmetic = not left and operands.is_signed(expr.type)
    if g.width(expr.right.type) > 64:
        with g.scope():
            shifted, amount = settling.both(g, expr.left, expr.right)
            _shift(g, replace(expr, left=shifted, right=_in_few_bits(amount)))
        return
    two(g, expr.left, expr.right)
    if arithmetic:
        g.sign_extend(R1, width)
        enough = g.asm.label()
        g.asm.jump("jle", R2, 63, enough)
        g.constant(R2, 63)
        g.asm.place(enough)
        g.asm.emit(asm.alu("arsh", R1, R2))
    else:
        small, end = g.asm.label(), g.asm.label()
        g.asm.jump("jle", R2, 63, small)
        g.constant(R1, 0)
        g.asm.goto(end)
        g.asm.place(small)
        g.asm.emit(asm.alu("lsh" if left else "rsh", R1, R2))
        g.asm.place(end)
    if left or arithmetic:
        g.trim(R1, width)


def _in_few_bits(amount: ir.Expr) -> ir.Expr:
    """An amount of many bits, without calls, in few: 64 for all that shift every bit out."""
    few, span = ir.bits(8), amount.span
    fits = ir.Binary("<", amount, ir.Const(64, amount.type, span), ir.BoolType(), span)
    return ir.Mux(fits, ir.Cast(amount, few, span), ir.Const(64, few, span), few, span)


def _saturate(g: Gen, op: str, width: int, signed: bool) -> None:
    """r1 = r1 op r2, clamped to what ``width`` bits hold."""
    if signed:
        _saturate_signed(g, op, width)
        return
    fits = g.asm.label()
    if op == "|-|":
        g.asm.emit(asm.mov(R3, R1), asm.alu("sub", R1, R2))
        g.asm.jump("jge", R3, R2, fits)
        g.constant(R1, 0)
    else:
        g.asm.emit(asm.alu("add", R1, R2))
        if width == 64:
            g.asm.jump("jge", R1, R2, fits)
            g.constant(R1, -1)
        else:
            g.constant(R3, (1 << width) - 1)
            g.asm.jump("jle", R1, R3, fits)
            g.asm.emit(asm.mov(R1, R3))
    g.asm.place(fits)


def _saturate_signed(g: Gen, op: str, width: int) -> None:
    """Both sides moved to the top of the register, where overflow is that of 64 bits; the clamp follows r1's sign.

    Overflow: for a sum both operands have one sign and the result the other; for a difference the operands differ in
    sign and the result differs from the first.
    """
    shift, fits = 64 - width, g.asm.label()
    if shift:
        g.asm.emit(asm.alu("lsh", R1, shift), asm.alu("lsh", R2, shift))
    g.asm.emit(asm.mov(R3, R1))  # first operand
    g.asm.emit(asm.alu("add" if op == "|+|" else "sub", R1, R2))
    g.asm.emit(asm.alu("xor", R2, R3))
    if op == "|+|":
        g.asm.emit(asm.alu("xor", R2, -1))  # sign bit: operands agree
    g.asm.emit(asm.mov(asm.R4, R1), asm.alu("xor", asm.R4, R3), asm.alu("and", R2, asm.R4))
    g.asm.jump("jsge", R2, 0, fits)
    g.asm.emit(asm.alu("arsh", R3, 63))  # all ones for a negative first operand
    g.constant(R1, (1 << 63) - 1)
    g.asm.emit(asm.alu("xor", R1, R3))
    g.asm.place(fits)
    if shift:
        g.asm.emit(asm.alu("rsh", R1, shift))


def _slice(g: Gen, expr: ir.Slice) -> None:
    window(g, expr.base, expr.low, expr.high - expr.low + 1)


def _cast(g: Gen, expr: ir.Cast) -> None:
    source, target = g.width(expr.operand.type, expr.span), g.width(expr.type)
    if source > 64:
        window(g, expr.operand, 0, target)
        return
    value(g, expr.operand)
    if target < source:
        g.trim(R1, target)
    elif target > source and operands.is_signed(expr.operand.type) and source:
        g.sign_extend(R1, source)
        g.trim(R1, target)


def _mux(g: Gen, expr: ir.Mux) -> None:
    choose(g, expr, lambda side: value(g, side))


def choose(g: Gen, expr: ir.Mux, code: Callable[[ir.Expr], None]) -> None:
    """Generate ``code`` for either side of ``?:``, and a branch around the other."""
    other, end = g.asm.label(), g.asm.label()
    branch_unless(g, expr.condition, other)
    with g.maybe():
        code(expr.then)
        g.asm.goto(end)
        g.asm.place(other)
        code(expr.otherwise)
    g.asm.place(end)


def _header_op(g: Gen, expr: ir.HeaderOp) -> None:
    if expr.op != "isValid":
        raise CannotOffload(f"{expr.op} as a value", expr.span)
    at = operands.runtime_index(expr.base)
    if at is not None:
        indexed(g, expr.base, at, lambda chosen: value(g, replace(expr, base=chosen)))
        return
    ref = operands.lvalue(g, expr.base)
    if not isinstance(ir.bare(ref.type), ir.UnionType):
        g.load_leaf(R1, ref.valid, span=expr.span)
        return
    g.constant(R2, 0)
    for member in parts(ref.type, ref):
        g.load_leaf(R1, member.valid, span=expr.span)
        g.asm.emit(asm.alu("or", R2, R1))
    g.asm.emit(asm.mov(R1, R2))


def _call(g: Gen, expr: ir.FunctionCall) -> None:
    with g.scope():
        result = g.declare("$result", expr.type, expr.span)
        calls.call(g, expr, result)
        g.load_leaf(R1, result, span=expr.span)


def _table_result(g: Gen, expr: ir.TableApply) -> None:
    tables.apply(g, expr)


def _extern(g: Gen, expr: ir.ExternCall) -> None:
    externs.value(g, expr)


_VALUES: Final[dict[type, Callable[..., None]]] = {
    ir.Unary: _unary,
    ir.Binary: _binary,
    ir.Slice: _slice,
    ir.Cast: _cast,
    ir.Mux: _mux,
    ir.HeaderOp: _header_op,
    ir.FunctionCall: _call,
    ir.TableApply: _table_result,
    ir.ExternCall: _extern,
}


def window(g: Gen, expr: ir.Expr, low: int, count: int) -> None:
    """r1 = bits ``low + count - 1`` down to ``low`` of a scalar expression; at most 64 bits, all inside its width."""
    width = g.width(expr.type, expr.span)
    if width > 64:
        if not operands.has_calls(expr):
            wide.window(g, expr, low, count)
            return
        with g.scope():
            wide.window(g, settling.settled(g, expr), low, count)
        return
    value(g, expr)
    if low:
        g.asm.emit(asm.alu("rsh", R1, low))
    if low + count < width:
        g.trim(R1, count)
