"""Conditions that are known while code is made, by what nothing writes there (:attr:`.gen.Gen.fixed`)."""

from __future__ import annotations

from ....semantics import ir
from . import operands
from .gen import Gen


def always(g: Gen, condition: ir.Expr) -> bool | None:
    """What a condition is wherever the code runs that is being made, by what is fixed there; None if that is not
    known."""
    if not g.fixed:
        return None
    match condition:
        case ir.Unary("!", operand):
            known = always(g, operand)
            return None if known is None else not known
        case ir.Binary("&&" | "||" as op, left, right):
            first, ends = always(g, left), op == "||"
            return always(g, right) if first is (not ends) else first
        case ir.Binary("==" | "!=" as op, left, right):
            numbers = _fixed_value(g, left), _fixed_value(g, right)
            return None if None in numbers else (numbers[0] == numbers[1]) is (op == "==")
    return None


def _fixed_value(g: Gen, expr: ir.Expr) -> int | None:
    """The number of a literal, or of a field that holds the same one wherever the code runs that is being made."""
    if isinstance(expr, ir.Member) and isinstance(expr.base, ir.Var):
        ref = operands.resolve(g, expr)
        return None if ref is None else g.fixed.get(ref.path)
    return operands.constant_value(g, expr)


__all__ = ["always"]
