"""What can be said of a number before the packet is there: how large it can be, how many zeros it ends in."""

from __future__ import annotations

from ....semantics import ir
from . import expr as ex
from .gen import Gen


def largest(g: Gen, expr: ir.Expr) -> int:
    """A number that the value (taken as unsigned) does not exceed."""
    full = (1 << g.width(expr.type, expr.span)) - 1
    number = ex.constant_value(g, expr)
    if number is not None:
        return number
    match expr:
        case ir.Cast(operand) if not ex.is_signed(operand.type) and g.width(operand.type) <= g.width(expr.type):
            return largest(g, operand)
        case ir.Binary("++", left, right):
            low = g.width(right.type)
            return largest(g, left) << low | largest(g, right)
        case ir.Binary("+", left, right):
            return min(full, largest(g, left) + largest(g, right))
        case ir.Binary("*", left, right):
            return min(full, largest(g, left) * largest(g, right))
        case ir.Binary("&", left, right):
            return min(largest(g, left), largest(g, right))
        case ir.Binary("<<", left, right) if (amount := ex.constant_value(g, right)) is not None:
            return min(full, largest(g, left) << min(amount, 4096))
        case ir.Binary(">>", left, right) if not ex.is_signed(left.type):
            return largest(g, left) >> (ex.constant_value(g, right) or 0)
    return full


def low_zeros(g: Gen, expr: ir.Expr) -> int:
    """How many of the value's lowest bits are 0 for certain."""
    width = g.width(expr.type, expr.span)
    number = ex.constant_value(g, expr)
    if number is not None:
        return min(width, (number & -number).bit_length() - 1) if number else width
    match expr:
        case ir.Cast(operand):
            zeros = low_zeros(g, operand)
            return width if zeros >= g.width(operand.type) else min(width, zeros)
        case ir.Binary("*", left, right):
            return min(width, low_zeros(g, left) + low_zeros(g, right))
        case ir.Binary("+" | "-" | "|" | "^", left, right):
            return min(low_zeros(g, left), low_zeros(g, right))
        case ir.Binary("&", left, right):
            return max(low_zeros(g, left), low_zeros(g, right))
        case ir.Binary("++", left, right):
            zeros = low_zeros(g, right)
            return zeros if zeros < g.width(right.type) else zeros + low_zeros(g, left)
        case ir.Binary("<<", left, right) if (amount := ex.constant_value(g, right)) is not None:
            return min(width, low_zeros(g, left) + amount)
    return 0


__all__ = ["largest", "low_zeros"]
