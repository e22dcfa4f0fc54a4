"""Lvalues: storing into a part of a variable, and headers as the fields that they emit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from ...semantics import ir
from ..base import CannotOffload
from .expressions import INDEX_UNKNOWN, as_bits, evaluate
from .values import Bits, Record, Stack, Value, known

if TYPE_CHECKING:
    from .machine import Machine
    from .state import State


def store(m: Machine, state: State, target: ir.Expr, value: Value) -> State:
    """``target = value``."""
    match target:
        case ir.Var(name):
            return state.set(m.context.frame + name, value)
        case ir.Cast(operand):
            return store(m, state, operand, value)
        case ir.Member(base, name):
            return store(m, state, base, _with_member(_value(m, state, base), name, value, target))
        case ir.Index(base, index):
            place = known(state.cube.resolve(as_bits(_value(m, state, index), target.span)))
            stack = _value(m, state, base)
            if place is None or not isinstance(stack, Stack):
                raise CannotOffload(INDEX_UNKNOWN, target.span)
            return store(m, state, base, _with_item(stack, place, value))
        case ir.Slice(base, high, low):
            old = as_bits(_value(m, state, base), target.span)
            top = len(old) - 1 - high
            return store(m, state, base, old[:top] + as_bits(value, target.span) + old[len(old) - low :])
    raise CannotOffload(f"an assignment to {type(target).__name__}", target.span)


def in_header(target: ir.Expr) -> bool:
    """Whether the lvalue is a header, or a part of one."""
    while not isinstance(ir.bare(target.type), ir.HeaderType | ir.StackType):
        if not isinstance(target, ir.Member | ir.Index | ir.Slice):
            return False
        target = target.base
    return True


def _value(m: Machine, state: State, expr: ir.Expr) -> Value:
    """The value of a part of an lvalue, which splits no way."""
    found = evaluate(m, expr, state)
    if len(found) != 1:
        raise CannotOffload(INDEX_UNKNOWN, expr.span)
    return found[0][1]


def _with_member(base: Value, name: str, value: Value, target: ir.Member) -> Value:
    if isinstance(base, Stack) and name in ("next", "last"):
        return _with_item(base, base.next if name == "next" else base.next - 1, value)
    if not isinstance(base, Record):
        raise CannotOffload(f"an assignment to member {name}", target.span)
    if isinstance(ir.bare(target.base.type), ir.UnionType):
        raise CannotOffload("an assignment to a member of a header union", target.span)
    if base.valid is False:
        return base  # a field of an invalid header: nothing that can be seen changes
    return replace(base, fields={**base.fields, name: value})


def _with_item(stack: Stack, place: int, value: Value) -> Value:
    if not 0 <= place < len(stack.items):
        return stack
    return replace(stack, items=(*stack.items[:place], value, *stack.items[place + 1 :]))


def set_valid(m: Machine, state: State, base: ir.Expr, valid: bool) -> State:
    """``setValid()`` and ``setInvalid()``."""
    if isinstance(base, ir.Member) and isinstance(ir.bare(base.base.type), ir.UnionType):
        raise CannotOffload("validity of a member of a header union", base.span)
    header = _value(m, state, base)
    if not isinstance(header, Record):
        raise CannotOffload("validity of what is no header", base.span)
    if header.valid == valid:
        return state
    return store(m, state, base, replace(header, valid=valid))


def fields_of(value: Value) -> Iterator[Bits]:
    """What ``emit`` writes: the fields of a valid header; of a struct or stack those of all headers in it."""
    if isinstance(value, tuple):
        yield value
    elif isinstance(value, Stack):
        for item in value.items:
            yield from fields_of(item)
    elif value.valid is not False:
        for part in value.fields.values():
            yield from fields_of(part)
