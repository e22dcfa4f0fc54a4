"""What expressions are made of: the places that they name, what they mention, and the numbers that literals are."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from .frame import Ref, parts
from .gen import Gen

_CALLS: Final = (ir.FunctionCall, ir.ExternCall, ir.TableApply, ir.BlockApply)


def resolve(g: Gen, expr: ir.Expr) -> Ref | None:
    """The place that an expression names, if it names one."""
    names: list[ir.Member | ir.Index] = []
    while isinstance(expr, ir.Member | ir.Index):
        names.append(expr)
        expr = expr.base
    if not isinstance(expr, ir.Var):
        return None
    if expr.name not in g.env:
        raise CannotOffload(f"{expr.name} is not available here", expr.span)
    ref = g.env[expr.name]
    for part in reversed(names):
        step = _step(g, ref, part)
        if step is None:
            return None
        ref = step
    return ref


def _step(g: Gen, ref: Ref, part: ir.Member | ir.Index) -> Ref | None:
    if isinstance(part, ir.Index):
        if not isinstance(part.index, ir.Const) or isinstance(part.index.value, str):
            raise CannotOffload("an index that is not constant", part.span)
        index, elements = int(part.index.value), parts(ref.type, ref)
        if not 0 <= index < len(elements):
            raise CannotOffload(f"index {index} is outside the stack", part.span)
        return elements[index]
    if isinstance(ir.bare(ref.type), ir.StackType):
        if part.name == "lastIndex":
            return None
        if g.point is None:
            raise CannotOffload(f".{part.name} outside a parser", part.span)
        return g.point.stack_element(g, ref, part)
    return ref.member(part.name, part.type)


def runtime_index(expr: ir.Expr) -> ir.Index | None:
    """The innermost index of a place that is not constant."""
    found = None
    while isinstance(expr, ir.Member | ir.Index | ir.Slice):
        if isinstance(expr, ir.Index) and not isinstance(expr.index, ir.Const):
            found = expr
        expr = expr.base
    return found


def union_of(expr: ir.Expr) -> ir.Expr | None:
    """The header union that a place is a member of; None if it is none."""
    if isinstance(expr, ir.Member) and isinstance(ir.bare(expr.base.type), ir.UnionType):
        return expr.base
    return None


def with_index(expr: ir.Expr, at: ir.Index, number: int) -> ir.Expr:
    """The place ``expr`` with the index ``at`` in it made constant."""
    path: list[ir.Member | ir.Index | ir.Slice] = []
    while expr is not at:
        assert isinstance(expr, ir.Member | ir.Index | ir.Slice)
        path.append(expr)
        expr = expr.base
    expr = replace(at, index=ir.Const(number, at.index.type, at.span))
    for part in reversed(path):
        expr = replace(part, base=expr)
    return expr


def lvalue(g: Gen, expr: ir.Expr) -> Ref:
    """The place that an lvalue (not a slice) names."""
    ref = resolve(g, expr)
    if ref is None:
        raise CannotOffload("this cannot be assigned to", expr.span)
    return ref


def has_calls(expr: ir.Expr | None) -> bool:
    """Whether evaluating the expression calls anything."""
    todo: list[ir.Expr] = [] if expr is None else [expr]
    while todo:
        item = todo.pop()
        if isinstance(item, _CALLS):
            return True
        todo += children(item)
    return False


def children(expr: ir.Expr) -> list[ir.Expr]:
    """The operands of an expression (not a call's arguments)."""
    match expr:
        case ir.Member(base=base) | ir.Slice(base=base) | ir.HeaderOp(base=base):
            return [base]
        case ir.Index(base, index):
            return [base, index]
        case ir.Unary(operand=operand) | ir.Cast(operand=operand):
            return [operand]
        case ir.Binary(left=left, right=right):
            return [left, right]
        case ir.Mux(condition, then, otherwise):
            return [condition, then, otherwise]
        case ir.Aggregate(values=values):
            return list(values)
    return []


def mentions(g: Gen, expr: ir.Expr, ref: Ref) -> bool:
    """Whether the expression may read something of ``ref``."""
    todo = [expr]
    while todo:
        item = todo.pop()
        if isinstance(item, _CALLS):
            return True
        if isinstance(item, ir.Var):
            if item.name in g.env and g.env[item.name].overlaps(Ref(ref.path.split(".")[0], ref.type)):
                return True
        todo += children(item)
    return False


def constant_value(g: Gen, expr: ir.Expr) -> int | None:
    """The number of a literal, as it is kept (errors and enums without representation: their place)."""
    if isinstance(expr, ir.DefaultValue):
        return g.no_error if isinstance(ir.bare(expr.type), ir.ErrorType) else 0
    if not isinstance(expr, ir.Const):
        return None
    if isinstance(expr.value, str):
        match ir.bare(expr.type):
            case ir.ErrorType():
                return g.program.errors.index(expr.value)
            case ir.EnumType(members=members, values=values):
                place = members.index(expr.value)
                return values[place] if values else place
        raise CannotOffload("a string", expr.span)
    width = g.width(expr.type, expr.span)
    return int(expr.value) & ((1 << width) - 1)


def is_signed(type_: ir.Type) -> bool:
    """Whether values of the type are in two's complement."""
    bare = ir.bare(type_)
    return isinstance(bare, ir.BitsType) and bare.signed
