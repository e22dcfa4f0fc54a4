"""Calls inside expressions of more than 64 bits, which are computed stretch by stretch: what they give is put into
variables first, once, in the order in which P4 evaluates."""

from __future__ import annotations

from dataclasses import replace

from ....semantics import ir
from ...base import CannotOffload
from . import expr as ex
from . import operands, stmts
from .gen import Gen

WORD_BITS = 64


def settled(g: Gen, expr: ir.Expr) -> ir.Expr:
    """The same value by an expression without calls, whose variables last until the scope ends: what it calls is called
    here, and what it reads before a call is read before that."""
    if not operands.has_calls(expr):
        return expr
    if g.width(expr.type, expr.span) <= WORD_BITS or isinstance(expr, ir.FunctionCall | ir.ExternCall):
        return _kept(g, expr)
    match expr:
        case ir.Mux():
            return _chosen(g, expr)
        case ir.Unary(operand=operand) | ir.Cast(operand=operand):
            return replace(expr, operand=settled(g, operand))
        case ir.Slice(base=base):
            return replace(expr, base=settled(g, base))
        case ir.Binary(left=left, right=right):
            left, right = both(g, left, right)
            return replace(expr, left=left, right=right)
        case ir.Index() | ir.Member():
            return _place(g, expr)
    raise CannotOffload("a call inside this expression of more than 64 bits", expr.span)


def both(g: Gen, left: ir.Expr, right: ir.Expr) -> tuple[ir.Expr, ir.Expr]:
    """Two operands, the left one evaluated before the right one."""
    if not operands.has_calls(right):
        return settled(g, left), right
    return left if isinstance(left, ir.Const) else _kept(g, left), settled(g, right)


def _kept(g: Gen, expr: ir.Expr) -> ir.Expr:
    """A variable that holds the value."""
    name = f"$settled {len(g.env)}"
    ref = g.declare(name, expr.type, expr.span)
    stmts.assign(g, ref, expr)
    return ir.Var(name, expr.type, expr.span)


def _chosen(g: Gen, expr: ir.Mux) -> ir.Expr:
    """Only one side of ``?:`` is evaluated."""
    name = f"$settled {len(g.env)}"
    ref = g.declare(name, expr.type, expr.span)
    ex.choose(g, expr, lambda side: stmts.assign(g, ref, side))
    return ir.Var(name, expr.type, expr.span)


def _place(g: Gen, expr: ir.Expr) -> ir.Expr:
    """A place with the indexes in it computed, and what a call gives of which it is a part."""
    match expr:
        case ir.Member(base=base):
            return replace(expr, base=_place(g, base))
        case ir.Index(base=base, index=index):
            base = _place(g, base)
            return replace(expr, base=base, index=_kept(g, index) if operands.has_calls(index) else index)
        case ir.FunctionCall() | ir.ExternCall():
            return _kept(g, expr)
        case ir.Var():
            return expr
    raise CannotOffload("a call inside this expression of more than 64 bits", expr.span)


__all__ = ["both", "settled"]
