"""Arithmetic on values of more than 64 bits: sums limb by limb, products column by column, shifts step by step."""

from __future__ import annotations

from collections.abc import Sequence

from ....semantics import ir
from ....semantics.source import Span
from ..artifact import asm
from ..artifact.asm import R1, R2, R3, R10
from . import expr as ex
from . import operands, stmts, wide
from .frame import Ref
from .gen import Gen


def total(g: Gen, expr: ir.Binary, low: int, count: int) -> None:
    """All limbs up to the one wanted, with carry (borrow), into a buffer; then the bits wanted from there."""
    width = g.width(expr.type)
    limbs = (low + count + 63) // 64
    with g.buffer(8 * limbs, expr.span) as place, g.temp() as carry:
        g.constant(R1, 0)
        carry.save()
        for limb in range(limbs):
            bits = min(64, width - 64 * limb)
            _sum_limb(g, expr, 64 * limb, bits)
            carry.load(R3)
            g.asm.emit(asm.mov(asm.R4, R1), asm.alu("add" if expr.op == "+" else "sub", R1, R3))
            _carry_out(g, expr.op)
            g.asm.emit(asm.alu("add", asm.R5, asm.R0))
            carry.save(asm.R5)
            g.asm.emit(asm.store(8, R10, place + 8 * limb, R1))
        _from_buffer(g, place, low, count)


def _from_buffer(g: Gen, place: int, low: int, count: int) -> None:
    """r1 = some bits of limbs on the stack."""
    first, shift = divmod(low, 64)
    g.asm.emit(asm.load(8, R1, R10, place + 8 * first))
    if shift:
        g.asm.emit(asm.alu("rsh", R1, shift))
    if shift + count > 64:
        g.asm.emit(asm.load(8, R2, R10, place + 8 * first + 8), asm.alu("lsh", R2, 64 - shift))
        g.asm.emit(asm.alu("or", R1, R2))
    g.trim(R1, count)


def _sum_limb(g: Gen, expr: ir.Binary, low: int, bits: int) -> None:
    """r1 = left op right in one limb, r0 = its carry or borrow."""
    wide.window(g, expr.left, low, bits)
    with g.hold() as held:
        wide.window(g, expr.right, low, bits)
        g.asm.emit(asm.mov(R2, R1))
        held.load(R1)
    done = g.asm.label()
    g.constant(asm.R0, 0)
    if expr.op == "+":
        g.asm.emit(asm.alu("add", R1, R2))
        g.asm.jump("jge", R1, R2, done)
    else:
        g.asm.emit(asm.mov(R3, R1), asm.alu("sub", R1, R2))
        g.asm.jump("jge", R3, R2, done)
    g.constant(asm.R0, 1)
    g.asm.place(done)


def _carry_out(g: Gen, op: str) -> None:
    """r5 = 1 if adding (subtracting) the carry itself went past the end: r4 before, r1 after."""
    done = g.asm.label()
    g.constant(asm.R5, 0)
    g.asm.jump("jge" if op == "+" else "jle", R1, asm.R4, done)
    g.constant(asm.R5, 1)
    g.asm.place(done)


def product(g: Gen, expr: ir.Binary, low: int, count: int) -> None:
    """Column by column of 32 bits, as by hand: r3 with r4 above it is what a column adds up to."""
    span, width = expr.span, g.width(expr.type)
    columns = 2 * ((low + count + 63) // 64)
    with g.scope(), g.buffer(4 * columns, span) as place:
        factors = [g.declare(f"$factor {side}", expr.type, span) for side in ("left", "right")]
        for factor, side in zip(factors, (expr.left, expr.right), strict=True):
            stmts.assign(g, factor, side)
        g.constant(R3, 0)
        g.constant(asm.R4, 0)
        for column in range(columns):
            for first in range(column + 1):
                if 32 * max(first, column - first) < width:
                    _add_product(g, factors, 32 * first, 32 * (column - first), span)
            g.asm.emit(asm.store(4, R10, place + 4 * column, R3))
            g.asm.emit(asm.alu("rsh", R3, 32), asm.mov(R1, asm.R4), asm.alu("lsh", R1, 32), asm.alu("or", R3, R1))
            g.asm.emit(asm.alu("rsh", asm.R4, 32))
        _from_buffer(g, place, low, count)


def _add_product(g: Gen, factors: Sequence[Ref], first: int, second: int, span: Span) -> None:
    """32 bits of one factor by 32 bits of the other, added to r3, and the carry to r4."""
    done = g.asm.label()
    wide.leaf_window(g, factors[0], first, min(32, g.width(factors[0].type) - first), span)
    g.asm.emit(asm.mov(asm.R5, R1))
    wide.leaf_window(g, factors[1], second, min(32, g.width(factors[1].type) - second), span)
    g.asm.emit(asm.alu("mul", R1, asm.R5), asm.alu("add", R3, R1))
    g.asm.jump("jge", R3, R1, done)
    g.asm.emit(asm.alu("add", asm.R4, 1))
    g.asm.place(done)


def saturated(g: Gen, expr: ir.Binary) -> ir.Expr:
    """The sum or difference with one bit more, or the end of the range that it is beyond."""
    width, signed, span = g.width(expr.type), operands.is_signed(expr.type), expr.span
    more = ir.BitsType(width + (1 if signed else 2), signed=True)
    exact = ir.Binary(
        "+" if expr.op == "|+|" else "-", ir.Cast(expr.left, more, span), ir.Cast(expr.right, more, span), more, span
    )
    ends = (-(1 << width - 1), (1 << width - 1) - 1) if signed else (0, (1 << width) - 1)
    result: ir.Expr = ir.Cast(exact, expr.type, span)
    low, high = (ir.Const(end, more, span) for end in ends)
    below, above = ir.Binary("<", exact, low, ir.BOOL, span), ir.Binary(">", exact, high, ir.BOOL, span)
    for beyond, end in zip((below, above), ends, strict=True):
        result = ir.Mux(beyond, ir.Const(end, expr.type, span), result, expr.type, span)
    return result


def shifted(g: Gen, expr: ir.Binary) -> Ref:
    """A variable with what comes of a shift by an amount that the packet says: by each power of two in it."""
    span, width = expr.span, g.width(expr.type)
    result, amount = g.declare("$shifted", expr.type, span), g.declare("$amount", expr.right.type, span)
    stmts.assign(g, result, expr.left)
    stmts.assign(g, amount, expr.right)
    value, by = ir.Var("$shifted", expr.type, span), ir.Var("$amount", expr.right.type, span)
    most = g.width(expr.right.type)
    steps = [(1 << bit, ir.Slice(by, bit, bit, ir.bits(1), span)) for bit in range(min(most, width.bit_length()))]
    conditions = [(step, ir.Binary("==", one, ir.Const(1, ir.bits(1), span), ir.BOOL, span)) for step, one in steps]
    if 1 << most > width:
        conditions.append((width, ir.Binary(">=", by, ir.Const(width, by.type, span), ir.BOOL, span)))
    for step, condition in conditions:
        less = g.asm.label()
        ex.branch_unless(g, condition, less)
        with g.maybe():
            number = ir.Const(step, ir.bits(32), span)
            stmts.assign(g, result, ir.Binary(expr.op, value, number, expr.type, span))
        g.asm.place(less)
    return result


__all__ = ["product", "saturated", "shifted", "total"]
