"""Numbers of type ``int`` with a part that is known at run time only: they get a width (spec 7.1.6.5).

Such a number is of use only once it is cast to bits, and the low bits of sums, differences and products are those of
the operands' low bits; so the cast goes to the operands.
"""

from __future__ import annotations

from ... import ir
from ...source import Span, Unsupported
from ..check import typed
from ..check.constants import fold_binary, wrap
from ..check.types import INT, Bits
from . import expressions
from .environment import Environment


def low_bits(env: Environment, node: typed.Expr, to: ir.BitsType) -> ir.Expr:
    """``(to) node`` of a ``node`` of type int. Raises Unsupported for operators whose low bits need the others."""
    match node:
        case typed.Cast(operand=operand) if isinstance(env.concrete(operand.type), Bits):
            return _resized(expressions.expr(env, operand), to)
        case typed.Binary(op="+" | "-" | "*" as op, left=left, right=right) if node.type == INT:
            return _folded(op, low_bits(env, left, to), low_bits(env, right, to), to, node.span)
        case typed.Unary(op="-", operand=operand):
            return ir.Unary("-", low_bits(env, operand, to), to, node.span)
    made = expressions.expr(env, node)
    if isinstance(made, ir.Const) and isinstance(made.value, int):
        return ir.Const(wrap(int(made.value), Bits(to.width, to.signed)), to, node.span)
    raise Unsupported("a value of type int that is not known at compile time", node.span)


def _folded(op: ir.BinaryOp, left: ir.Expr, right: ir.Expr, to: ir.BitsType, span: Span) -> ir.Expr:
    """``left op right``, or its value where both are known."""
    if isinstance(left, ir.Const) and isinstance(right, ir.Const):
        of = Bits(to.width, to.signed)
        return ir.Const(fold_binary(op, left.value, right.value, of, of, of), to, span)
    return ir.Binary(op, left, right, to, span)


def _resized(value: ir.Expr, to: ir.BitsType) -> ir.Expr:
    """The number that ``value`` is, modulo the width of ``to``: extended by its own sign."""
    found = value.type
    assert isinstance(found, ir.BitsType)
    for step in (ir.BitsType(to.width, found.signed), to):
        if value.type != step:
            value = ir.Cast(value, step, value.span)
    return value
