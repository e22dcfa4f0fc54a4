"""What is known of a number before the packet is there: how large it can be, in how many zeros it ends, its values."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Final

from ....semantics import ir
from . import operands
from .gen import Gen

WORD: Final = 64
"""Bits of a register."""


def largest(g: Gen, expr: ir.Expr) -> int:
    """A number that the value (taken as unsigned) does not exceed."""
    full = (1 << g.width(expr.type, expr.span)) - 1
    number = operands.constant_value(g, expr)
    if number is not None:
        return number
    match expr:
        case ir.Cast(operand) if not operands.is_signed(operand.type) and g.width(operand.type) <= g.width(expr.type):
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
        case ir.Binary("<<", left, right) if (amount := operands.constant_value(g, right)) is not None:
            return min(full, largest(g, left) << min(amount, 4096))
        case ir.Binary(">>", left, right) if not operands.is_signed(left.type):
            return largest(g, left) >> (operands.constant_value(g, right) or 0)
    return full


def low_zeros(g: Gen, expr: ir.Expr) -> int:
    """How many of the value's lowest bits are 0 for certain."""
    width = g.width(expr.type, expr.span)
    number = operands.constant_value(g, expr)
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
        case ir.Binary("<<", left, right) if (amount := operands.constant_value(g, right)) is not None:
            return min(width, low_zeros(g, left) + amount)
    return 0


def values(g: Gen, expr: ir.Expr, most: int) -> frozenset[int] | None:
    """Numbers among which the value (taken as unsigned) is, if there are at most ``most``; else None."""
    number = operands.constant_value(g, expr)
    width = g.width(expr.type, expr.span)
    if number is not None:
        return frozenset((number & (1 << width) - 1,))
    if width > WORD:
        return None
    found: frozenset[int] | None = None
    match expr:
        case ir.Cast(operand) if not operands.is_signed(operand.type):
            some = values(g, operand, most)
            found = None if some is None else frozenset(n & (1 << width) - 1 for n in some)
        case ir.Binary(op, left, right) if op in _EXACT and not operands.is_signed(expr.type):
            one, other = values(g, left, most), values(g, right, most)
            if one is not None and other is not None and len(one) * len(other) <= most * most:
                found = frozenset(_EXACT[op](n, m) & (1 << width) - 1 for n in one for m in other)
    if found is None and 1 << width <= most:
        found = frozenset(range(1 << width))
    return found if found is not None and len(found) <= most else None


_EXACT: Final[dict[str, Callable[[int, int], int]]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "<<": lambda n, amount: n << amount if amount < WORD else 0,
    ">>": operator.rshift,
}
"""Operators, of which the results are taken modulo the type's size."""


__all__ = ["largest", "low_zeros", "values"]
