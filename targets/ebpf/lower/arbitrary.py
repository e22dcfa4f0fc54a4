"""Numbers that nobody can foretell: random ones, and the time."""

from __future__ import annotations

from ....semantics import ir
from ....semantics.source import Span
from ..artifact import asm
from ..artifact.asm import R0, R1, R2
from . import expr as ex
from . import stmts
from .frame import Ref
from .gen import Gen
from .hooks import KTIME, PRANDOM


def between(g: Gen, low: ir.Expr, high: ir.Expr, chosen: Ref, span: Span) -> None:
    """``chosen`` = a number from ``low`` to ``high``, of up to 64 bits; which one nobody says if there is none."""
    width = g.width(chosen.type, span)
    with g.scope():
        first = g.declare("$first", chosen.type, span)
        stmts.assign(g, first, low)
        ex.value(g, high)
        g.load_leaf(R2, first, span=span)
        g.asm.emit(asm.alu("sub", R1, R2))
        g.trim(R1, width)
        g.asm.emit(asm.alu("add", R1, 1))  # 0: any of all numbers of 64 bits
        with g.hold() as count:
            g.asm.emit(asm.call(PRANDOM), asm.mov(R1, R0))
            if width > 32:
                with g.hold() as half:
                    g.asm.emit(asm.call(PRANDOM), asm.alu("lsh", R0, 32))
                    half.load(R1)
                g.asm.emit(asm.alu("or", R1, R0))
            count.load(R2)
        all_ = g.asm.label()
        g.asm.jump("jeq", R2, 0, all_)
        g.asm.emit(asm.alu("mod", R1, R2))
        g.asm.place(all_)
        g.load_leaf(R2, first, span=span)
        g.asm.emit(asm.alu("add", R1, R2))
        g.trim(R1, width)
        g.store_leaf(chosen, R1)


def now(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``result`` = what the kernel's clock says, in nanoseconds, of which it holds the low bits: a program may find any
    time there, and each call another one."""
    g.asm.emit(asm.call(KTIME), asm.mov(R1, R0))
    g.trim(R1, g.width(call.type, call.span))
    g.store_leaf(result, R1)


__all__ = ["between", "now"]
