"""Values of more than 64 bits: any 64 bits of one, comparisons, and struct-like values."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ....semantics import ir
from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ..artifact import Label, asm
from ..artifact.asm import R1, R2, R10
from . import expr as ex
from . import operands, settling, stmts
from . import wide_arithmetic as arithmetic
from .frame import Leaf, Ref, is_composite, parts
from .gen import Gen


def window(g: Gen, expr: ir.Expr, low: int, count: int) -> None:
    """r1 = bits ``low + count - 1`` down to ``low`` of an expression of more than 64 bits."""
    if isinstance(expr, ir.Const | ir.DefaultValue):
        g.constant(R1, (operands.constant_value(g, expr) or 0) >> low & ((1 << count) - 1))
        return
    if isinstance(expr, ir.Var | ir.Member | ir.Index):
        at = operands.runtime_index(expr)
        if at is not None:
            ex.indexed(g, expr, at, lambda chosen: window(g, chosen, low, count))
            return
        ref = operands.resolve(g, expr)
        if ref is None:
            raise CannotOffload("this expression is not supported", expr.span)
        leaf_window(g, ref, low, count, expr.span)
        return
    if isinstance(expr, ir.ExternCall) and (expr.extern, expr.method) == ("packet_in", "lookahead"):
        with g.scope():  # which may well be done for each window: it does nothing else
            seen = g.declare("$seen", expr.type, expr.span)
            stmts.assign(g, seen, expr)
            leaf_window(g, seen, low, count, expr.span)
        return
    handler = _WINDOWS.get(type(expr))
    if handler is None:
        raise CannotOffload("this operation on more than 64 bits", expr.span)
    handler(g, expr, low, count)


def leaf_window(g: Gen, ref: Ref, low: int, count: int, span: Span) -> None:
    """r1 = some bits of a leaf of any width."""
    limb, shift = divmod(low, 64)
    g.load_leaf(R1, ref, limb, span)
    if shift:
        g.asm.emit(asm.alu("rsh", R1, shift))
    if shift + count > 64:
        g.load_leaf(R2, ref, limb + 1, span)
        g.asm.emit(asm.alu("lsh", R2, 64 - shift), asm.alu("or", R1, R2))
    if min(g.width(ref.type), 64 * (limb + 1 if shift + count <= 64 else limb + 2)) > low + count:
        g.trim(R1, count)


def compose(g: Gen, fields: Sequence[tuple[Leaf, int]], start: int, count: int, span: Span = NOWHERE) -> None:
    """r1 = ``count`` (up to 64) bits from bit ``start`` on of fields side by side, each given with its first bit."""
    end = start + count

    def part(leaf: Leaf, at: int) -> None:
        stop = min(end, at + leaf.bits)
        leaf_window(g, Ref(leaf.path, ir.bits(leaf.width)), at + leaf.width - stop, stop - max(start, at), span)
        if end > stop:
            g.asm.emit(asm.alu("lsh", R1, end - stop))

    inside = [(leaf, at) for leaf, at in fields if at < end and at + leaf.bits > start]
    part(*inside[0])
    for leaf, at in inside[1:]:
        with g.hold() as held:
            part(leaf, at)
            held.load(R2)
        g.asm.emit(asm.alu("or", R1, R2))


def store_network(g: Gen, leaf: Leaf, place: int, size: int, span: Span = NOWHERE) -> None:
    """A leaf to ``size`` bytes at ``place`` on the stack, in network order and padded in front."""
    for index in range(0, size, 8):
        count = min(8, size - index)
        low = 8 * (size - index - count)
        leaf_window(g, Ref(leaf.path, ir.bits(leaf.width)), low, min(8 * count, leaf.width - low), span)
        g.store_bytes(R10, place + index, count)


def _join(g: Gen, high: Callable[[], None], low: Callable[[], None], low_bits: int) -> None:
    """r1 = high above low."""
    high()
    with g.hold() as held:
        low()
        held.load(R2)
    g.asm.emit(asm.alu("lsh", R2, low_bits), asm.alu("or", R1, R2))


def _slice(g: Gen, expr: ir.Slice, low: int, count: int) -> None:
    ex.window(g, expr.base, expr.low + low, count)


def _unary(g: Gen, expr: ir.Unary, low: int, count: int) -> None:
    if expr.op != "~":
        zero = ir.Const(0, expr.type, expr.span)
        window(g, ir.Binary("-", zero, expr.operand, expr.type, expr.span), low, count)
        return
    window(g, expr.operand, low, count)
    g.asm.emit(asm.alu("xor", R1, -1))
    g.trim(R1, count)


_BITWISE: Final = {"&": "and", "|": "or", "^": "xor"}


def _binary(g: Gen, expr: ir.Binary, low: int, count: int) -> None:
    if expr.op == "++":
        _concat(g, expr, low, count)
    elif expr.op in _BITWISE:
        window(g, expr.left, low, count)
        with g.hold() as held:
            window(g, expr.right, low, count)
            held.load(R2)
        g.asm.emit(asm.alu(_BITWISE[expr.op], R1, R2))
    elif expr.op in ("<<", ">>"):
        _shift(g, expr, low, count)
    elif expr.op in ("+", "-"):
        arithmetic.total(g, expr, low, count)
    elif expr.op == "*":
        arithmetic.product(g, expr, low, count)
    elif expr.op in ("/", "%"):
        _divide(g, expr, low, count)
    elif expr.op in ("|+|", "|-|"):
        window(g, arithmetic.saturated(g, expr), low, count)
    else:
        raise CannotOffload(f"operator {expr.op} on more than 64 bits", expr.span)


def _divide(g: Gen, expr: ir.Binary, low: int, count: int) -> None:
    """Of unsigned numbers, by a power of two."""
    divisor, span = operands.constant_value(g, expr.right), expr.span
    if divisor is None or divisor.bit_count() != 1:
        raise CannotOffload(f"operator {expr.op} on more than 64 bits, by another number than a power of two", span)
    number = ir.Const(divisor.bit_length() - 1 if expr.op == "/" else divisor - 1, expr.type, span)
    window(g, ir.Binary(">>" if expr.op == "/" else "&", expr.left, number, expr.type, span), low, count)


def _concat(g: Gen, expr: ir.Binary, low: int, count: int) -> None:
    border = g.width(expr.right.type)
    if low >= border:
        ex.window(g, expr.left, low - border, count)
    elif low + count <= border:
        ex.window(g, expr.right, low, count)
    else:
        below = border - low
        _join(
            g,
            lambda: ex.window(g, expr.left, 0, count - below),
            lambda: ex.window(g, expr.right, low, below),
            below,
        )


def _shift(g: Gen, expr: ir.Binary, low: int, count: int) -> None:
    amount, width = operands.constant_value(g, expr.right), g.width(expr.type)
    if amount is None:
        with g.scope():
            leaf_window(g, arithmetic.shifted(g, expr), low, count, expr.span)
        return
    if expr.op == "<<":
        if low + count <= amount:
            g.constant(R1, 0)
        elif low >= amount:
            window(g, expr.left, low - amount, count)
        else:
            window(g, expr.left, 0, low + count - amount)
            g.asm.emit(asm.alu("lsh", R1, amount - low))
        return
    _extended(g, expr.left, width, low + amount, count, operands.is_signed(expr.type))


def _extended(g: Gen, expr: ir.Expr, width: int, low: int, count: int, signed: bool) -> None:
    """Bits of an expression continued above its width with zeros or its sign."""
    if low + count <= width:
        ex.window(g, expr, low, count)
        return
    if not signed:
        if low >= width:
            g.constant(R1, 0)
        else:
            ex.window(g, expr, low, width - low)
        return
    have = max(1, width - low)
    ex.window(g, expr, width - have, have)
    g.sign_extend(R1, have)
    g.trim(R1, count)


def _cast(g: Gen, expr: ir.Cast, low: int, count: int) -> None:
    width = g.width(expr.operand.type, expr.span)
    if width:
        _extended(g, expr.operand, width, low, count, operands.is_signed(expr.operand.type))
    else:
        g.constant(R1, 0)


def _mux(g: Gen, expr: ir.Mux, low: int, count: int) -> None:
    ex.choose(g, expr, lambda side: ex.window(g, side, low, count))


_WINDOWS: Final[dict[type, Callable[..., None]]] = {
    ir.Slice: _slice,
    ir.Unary: _unary,
    ir.Binary: _binary,
    ir.Cast: _cast,
    ir.Mux: _mux,
}


# --- comparisons ----------------------------------------------------------------------------------------------------


def compare(g: Gen, op: str, left: ir.Expr, right: ir.Expr, width: int, target: Label) -> None:
    """Go to ``target`` if ``left op right``, for unsigned or signed values of ``width`` > 64 bits."""
    if operands.has_calls(left) or operands.has_calls(right):
        with g.scope():
            compare(g, op, *settling.both(g, left, right), width, target)
        return
    around = g.asm.label()
    top = (width - 1) // 64
    signed = operands.is_signed(left.type)
    for limb in range(top, -1, -1):
        bits = min(64, width - 64 * limb)
        window(g, left, 64 * limb, bits)
        with g.hold() as held:
            window(g, right, 64 * limb, bits)
            g.asm.emit(asm.mov(R2, R1))
            held.load(R1)
        if signed and limb == top:
            g.sign_extend(R1, bits)
            g.sign_extend(R2, bits)
        _limb(g, op, target, around, signed and limb == top, last=not limb)
    g.asm.place(around)


def _limb(g: Gen, op: str, target: Label, around: Label, signed: bool, last: bool) -> None:
    """One limb, highest first: decided where the two differ, and at the last one."""
    prefix = "js" if signed else "j"
    if op in ("==", "!="):
        if op == "!=":
            g.asm.jump("jne", R1, R2, target)
        elif last:
            g.asm.jump("jeq", R1, R2, target)
        else:
            g.asm.jump("jne", R1, R2, around)
        return
    strict = "lt" if op[0] == "<" else "gt"
    if last:
        g.asm.jump(prefix + strict.replace("t", "e") if op.endswith("=") else prefix + strict, R1, R2, target)
    else:
        g.asm.jump(prefix + strict, R1, R2, target)
        g.asm.jump("jne", R1, R2, around)


def compare_composites(g: Gen, op: str, left: ir.Expr, right: ir.Expr, target: Label, span: Span) -> None:
    """Go to ``target`` if two structs, headers, stacks or tuples are equal (``==``) or differ (``!=``)."""
    with g.scope():
        one, two = _place(g, left, span), _place(g, right, span)
        differ = target if op == "!=" else g.asm.label()
        _unequal(g, one, two, differ, span)
        if op == "==":
            g.asm.goto(target)
            g.asm.place(differ)


def _place(g: Gen, expr: ir.Expr, span: Span) -> Ref:
    place = isinstance(expr, ir.Var | ir.Member | ir.Index) and operands.runtime_index(expr) is None
    ref = operands.resolve(g, expr) if place else None
    if ref is None:
        ref = g.declare("$operand", expr.type, span)
        stmts.assign(g, ref, expr)
    return ref


def _unequal(g: Gen, one: Ref, two: Ref, differ: Label, span: Span) -> None:
    """Go to ``differ`` if the two are not equal; headers are equal if both are invalid, or valid with equal fields."""
    todo: list[tuple[Ref, Ref] | Label] = [(one, two)]
    while todo:
        item = todo.pop()
        if isinstance(item, Label):
            g.asm.place(item)
            continue
        x, y = item
        if isinstance(bare := ir.bare(x.type), ir.VarbitType):
            _leaf_unequal(g, x.size, y.size, differ, span)
            x, y = (Ref(each.path, ir.bits(bare.max_width)) for each in (x, y))
        if not is_composite(x.type):
            _leaf_unequal(g, x, y, differ, span)
            continue
        if isinstance(ir.bare(x.type), ir.HeaderType):
            skip = g.asm.label()
            g.load_leaf(R1, x.valid, span=span)
            g.load_leaf(R2, y.valid, span=span)
            g.asm.jump("jne", R1, R2, differ)
            g.asm.jump("jeq", R1, 0, skip)
            todo.append(skip)
        todo += reversed(list(zip(parts(x.type, x), parts(y.type, y), strict=True)))


def _leaf_unequal(g: Gen, x: Ref, y: Ref, differ: Label, span: Span) -> None:
    width = g.width(x.type, span)
    for limb in range((width + 63) // 64):
        g.load_leaf(R1, x, limb, span)
        g.load_leaf(R2, y, limb, span)
        g.asm.jump("jne", R1, R2, differ)


__all__ = ["compare", "compare_composites", "compose", "leaf_window", "store_network", "window"]
