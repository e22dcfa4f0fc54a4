"""Statements, assignments of any type, and operations on headers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from ....semantics import ir
from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R1, R2, R10
from . import calls, externs, fixed, loops, operands, settling, tables, turns, wide
from . import expr as ex
from .frame import Leaf, Ref, headers, is_composite, leaf_bytes, leaves, parts
from .gen import Gen


def block(g: Gen, body: ir.Block) -> None:
    """The statements of a block, in a scope of their own."""
    with g.scope():
        statements(g, body.body)


def statements(g: Gen, body: Sequence[ir.Stmt]) -> None:
    """Statements in the current scope."""
    for index, stmt in enumerate(body):
        if isinstance(stmt, ir.For):
            stmt = turns.with_start(stmt, body[:index])
        handler = _STATEMENTS.get(type(stmt))
        if handler is None:
            raise CannotOffload("this statement is not supported", stmt.span)
        with g.asm.at(stmt.span):
            handler(g, stmt)


def _declare(g: Gen, stmt: ir.Declare) -> None:
    if stmt.init is None:
        g.clear(g.declare(stmt.name, stmt.type, stmt.span), stmt.span)
        return
    env = dict(g.env)
    ref = g.declare(stmt.name, stmt.type, stmt.span)
    inside, g.env = g.env, env  # the initialiser does not see the new name
    assign(g, ref, stmt.init)
    g.env = inside


def statements_into(g: Gen, body: Sequence[ir.Declare]) -> None:
    """Declarations whose storage is already in scope."""
    for stmt in body:
        if stmt.init is None:
            g.clear(g.env[stmt.name], stmt.span)
        else:
            assign(g, g.env[stmt.name], stmt.init)


def _assign(g: Gen, stmt: ir.Assign) -> None:
    store(g, stmt.target, stmt.value, stmt.span)


def _do(g: Gen, stmt: ir.Do) -> None:
    match stmt.call:
        case ir.FunctionCall():
            calls.call(g, stmt.call, None)
        case ir.BlockApply():
            calls.apply_block(g, stmt.call)
        case ir.TableApply():
            tables.apply(g, stmt.call)
        case ir.ExternCall():
            externs.statement(g, stmt.call)
        case ir.HeaderOp():
            header_op(g, stmt.call)
        case _:
            ex.value(g, stmt.call)


def _if(g: Gen, stmt: ir.If) -> None:
    known = fixed.always(g, stmt.condition)
    if known is not None:
        block(g, stmt.then if known else stmt.otherwise)
        return
    otherwise, end = g.asm.label(), g.asm.label()
    ex.branch_unless(g, stmt.condition, otherwise)
    with g.maybe():
        block(g, stmt.then)
        if stmt.otherwise.body:
            g.asm.goto(end)
        g.asm.place(otherwise)
        block(g, stmt.otherwise)
    g.asm.place(end)


def _block(g: Gen, stmt: ir.Block) -> None:
    block(g, stmt)


def _switch(g: Gen, stmt: ir.Switch) -> None:
    end = g.asm.label()
    labels = [g.asm.label() for _ in stmt.cases]
    if isinstance(stmt.subject, ir.TableApply):
        tables.apply(g, stmt.subject)
    else:
        ex.value(g, stmt.subject)
    default = end
    with g.hold() as held:
        for case, target in zip(stmt.cases, labels, strict=True):
            for label in case.labels:
                if label is None:
                    default = target
                    continue
                number = tables.action_index(g, stmt.subject, label, stmt.span)
                held.load()
                g.constant(R2, number)
                g.asm.jump("jeq", R1, R2, target)
    g.asm.goto(default)
    for case, target in zip(stmt.cases, labels, strict=True):
        g.asm.place(target)
        if case.body is not None:  # else it falls through to the next one
            with g.maybe():
                block(g, case.body)
            g.asm.goto(end)
    g.asm.place(end)


def _leave(g: Gen, stmt: ir.Leave) -> None:
    here = g.calls[-1]
    if stmt.kind == "exit":
        here.exits = True
        g.asm.goto(here.exit)
    elif stmt.kind == "return":
        if stmt.value is not None and here.result is not None:
            assign(g, here.result, stmt.value)
        g.asm.goto(here.leave)
    else:
        loops.leave(g, stmt)


_STATEMENTS: Final[dict[type, Callable[..., None]]] = {
    ir.Declare: _declare,
    ir.Assign: _assign,
    ir.Do: _do,
    ir.If: _if,
    ir.Block: _block,
    ir.Switch: _switch,
    ir.For: lambda g, stmt: loops.for_loop(g, stmt),
    ir.ForIn: lambda g, stmt: loops.for_in(g, stmt),
    ir.Leave: _leave,
}


def header_op(g: Gen, op: ir.HeaderOp) -> None:
    """setValid, setInvalid, push_front, pop_front."""
    at = operands.runtime_index(op.base)
    if at is not None:
        ex.indexed(g, op.base, at, lambda chosen: header_op(g, replace(op, base=chosen)))
        return
    ref = operands.lvalue(g, op.base)
    if op.op in ("setValid", "setInvalid"):
        _alone_in_union(g, op, ref)
        g.written(ref.valid, op.span)
        g.store_constant(Leaf(ref.valid.path, 1), int(op.op == "setValid"))
        return
    if op.op not in ("push_front", "pop_front"):
        return
    elements = parts(ref.type, ref)
    count = min(op.count, len(elements))
    g.written(ref, op.span)
    if op.op == "push_front":
        for index in range(len(elements) - 1, count - 1, -1):
            copy(g, elements[index], elements[index - count], op.span)
        empty = elements[:count]
    else:
        for index in range(len(elements) - count):
            copy(g, elements[index], elements[index + count], op.span)
        empty = elements[len(elements) - count :]
    for element in empty:
        for header in headers(element):
            g.store_constant(Leaf(header.valid.path, 1), 0)


def _alone_in_union(g: Gen, op: ir.HeaderOp, ref: Ref) -> None:
    """A member of a union that is made valid, or invalid, makes the others invalid (spec 8.20)."""
    union = operands.union_of(op.base)
    if union is not None:
        _only_member(g, operands.lvalue(g, union), ref, op.span)


# --- assignment -----------------------------------------------------------------------------------------------------


def store(g: Gen, target: ir.Expr, source: ir.Expr, span: Span) -> None:
    """``target = source``, the target being any lvalue; beyond the end of a stack nothing is written."""
    at = operands.runtime_index(target)
    if at is not None:
        _store_indexed(g, target, at, source, span)
        return
    if isinstance(target, ir.Slice):
        _store_slice(g, target, source, span)
        return
    ref = operands.lvalue(g, target)
    g.written(ref, span, zero=not is_composite(ref.type) and operands.constant_value(g, source) == 0)
    union = operands.union_of(target)
    assign(g, ref, source)
    if union is not None:
        _only_member(g, operands.lvalue(g, union), ref, span)


def _store_indexed(g: Gen, target: ir.Expr, at: ir.Index, source: ir.Expr, span: Span) -> None:
    """First the index, then the value, then the element that the index says."""
    with g.scope():
        ex.value(g, at.index)
        with g.hold() as held:
            inside = dict(g.env)
            ref = g.declare("$value", target.type, span)
            g.env, named = inside, g.env
            assign(g, ref, source)
            g.env = named
            value = ir.Var("$value", target.type, span)
            ex.by_index(
                g, held, at.base.type, lambda number: store(g, operands.with_index(target, at, number), value, span)
            )


def _only_member(g: Gen, union: Ref, member: Ref, span: Span) -> None:
    """The other members of a union become invalid, whether ``member`` became valid or invalid."""
    for other in headers(union):
        if other.path != member.path:
            g.written(other.valid, span)
            g.store_constant(Leaf(other.valid.path, 1), 0)


def _store_slice(g: Gen, target: ir.Slice, source: ir.Expr, span: Span) -> None:
    high, low, base = target.high, target.low, target.base
    while isinstance(base, ir.Slice):
        high, low, base = high + base.low, low + base.low, base.base
    ref = operands.lvalue(g, base)
    g.written(ref, span)
    if not g.is_live(ref.path) and not operands.has_calls(source):
        return
    if high - low >= 64:
        with g.scope():
            whole = g.declare("$slice", source.type, span)
            assign(g, whole, source)
            _put_slice(g, ref, high, low, lambda at, count: wide.leaf_window(g, whole, at, count, span))
        return
    ex.value(g, source)
    with g.hold() as held:

        def part(at: int, count: int) -> None:
            held.load(R1)
            if at:
                g.asm.emit(asm.alu("rsh", R1, at))
            g.trim(R1, count)

        _put_slice(g, ref, high, low, part)


def _put_slice(g: Gen, ref: Ref, high: int, low: int, part: Callable[[int, int], None]) -> None:
    """Bits ``high`` down to ``low`` of ``ref``; ``part`` gives, in r1, so many bits of the new ones from one on."""
    for limb in range(low // 64, high // 64 + 1):
        top, bottom = min(high, 64 * limb + 63), max(low, 64 * limb)
        part(bottom - low, top - bottom + 1)
        if bottom % 64:
            g.asm.emit(asm.alu("lsh", R1, bottom % 64))
        g.load_leaf(R2, ref, limb)
        mask = ((1 << top - bottom + 1) - 1) << bottom % 64
        g.constant(asm.R3, ~mask)
        g.asm.emit(asm.alu("and", R2, asm.R3), asm.alu("or", R1, R2))
        g.store_leaf(ref, R1, limb)


def assign(g: Gen, ref: Ref, source: ir.Expr) -> None:
    """Give ``ref`` the value of an expression of its type; nothing is computed that nobody reads."""
    if not operands.has_calls(source) and not g.any_live(ref):
        return
    if is_composite(ref.type) or isinstance(ir.bare(ref.type), ir.VarbitType):
        _assign_composite(g, ref, source)
        return
    width = g.width(ref.type, source.span)
    if width > 64:
        _assign_wide(g, ref, source, width)
    elif width:
        ex.value(g, source)
        g.store_leaf(ref, R1)
    elif operands.has_calls(source):
        ex.value(g, source)


def _assign_wide(g: Gen, ref: Ref, source: ir.Expr, width: int) -> None:
    limbs = [(limb, min(64, width - 64 * limb)) for limb in range((width + 63) // 64)]
    if isinstance(source, ir.FunctionCall | ir.ExternCall):
        _assign_call(g, ref, source)
        return
    if operands.has_calls(source):
        with g.scope():
            _assign_wide(g, ref, settling.settled(g, source), width)
        return
    if not operands.mentions(g, source, ref):
        for limb, bits in limbs:
            ex.window(g, source, 64 * limb, bits)
            g.store_leaf(ref, R1, limb)
        return
    with g.buffer(8 * len(limbs), source.span) as place:
        for limb, bits in limbs:
            ex.window(g, source, 64 * limb, bits)
            g.asm.emit(asm.store(8, R10, place + 8 * limb, R1))
        for limb, _ in limbs:
            g.asm.emit(asm.load(8, R1, R10, place + 8 * limb))
            g.store_leaf(ref, R1, limb)


def _assign_call(g: Gen, ref: Ref, source: ir.FunctionCall | ir.ExternCall) -> None:
    with g.scope():
        result = g.declare("$result", ref.type, source.span)
        if isinstance(source, ir.FunctionCall):
            calls.call(g, source, result)
        else:
            externs.composite(g, source, result)
        copy(g, ref, result, source.span)


def _assign_composite(g: Gen, ref: Ref, source: ir.Expr) -> None:
    match source:
        case ir.Var() | ir.Member() | ir.Index():
            at = operands.runtime_index(source)
            if at is not None:
                if not operands.mentions(g, source, ref):
                    g.clear(ref, source.span)  # what lies beyond the stack
                ex.indexed(g, source, at, lambda chosen: assign(g, ref, chosen))
                return
            place = operands.resolve(g, source)
            if place is None:
                raise CannotOffload("this expression is not supported", source.span)
            copy(g, ref, place, source.span)
        case ir.Cast(operand):
            _assign_cast(g, ref, operand, source.span)
        case ir.Aggregate(values):
            _assign_aggregate(g, ref, values, source)
        case ir.Mux():
            ex.choose(g, source, lambda side: assign(g, ref, side))
        case ir.InvalidHeader():
            g.clear(ref, source.span)
        case ir.DefaultValue():
            g.clear(ref, source.span)
            g.no_errors(ref)
        case ir.FunctionCall() | ir.ExternCall():
            _assign_call(g, ref, source)
        case _:
            raise CannotOffload("this expression is not supported", source.span)


def _assign_aggregate(g: Gen, ref: Ref, values: tuple[ir.Expr, ...], source: ir.Expr) -> None:
    if any(operands.mentions(g, value, ref) for value in values):
        with g.scope():
            copied = g.declare("$aggregate", ref.type, source.span)
            _fill_aggregate(g, copied, values)
            copy(g, ref, copied, source.span)
        return
    _fill_aggregate(g, ref, values)


def _fill_aggregate(g: Gen, ref: Ref, values: tuple[ir.Expr, ...]) -> None:
    for part, item in zip(parts(ref.type, ref), values, strict=True):
        assign(g, part, item)
    if isinstance(ir.bare(ref.type), ir.HeaderType):
        g.store_constant(Leaf(ref.valid.path, 1), 1)


def _assign_cast(g: Gen, ref: Ref, operand: ir.Expr, span: Span) -> None:
    """A tuple or struct taken as another struct, field by field in order."""
    if isinstance(operand, ir.Aggregate):
        _assign_aggregate(g, ref, operand.values, operand)
        return
    with g.scope():
        held = g.declare("$operand", operand.type, span)
        assign(g, held, operand)
        for target, part in zip(parts(ref.type, ref), parts(held.type, held), strict=True):
            copy(g, target, part, span)
        if isinstance(ir.bare(ref.type), ir.HeaderType):
            g.store_constant(Leaf(ref.valid.path, 1), 1)


def copy(g: Gen, to: Ref, source: Ref, span: Span = NOWHERE) -> None:
    """Copy every leaf that is read at ``to``."""
    if to.path == source.path:
        return
    pairs = zip(leaves(g.program, to, span), leaves(g.program, source, span), strict=True)
    for left, right in pairs:
        if left.path not in g.slots or not left.width:
            continue
        g.usage.loads.setdefault(right.path, span)
        g.move(g.slots[right.path], g.slots[left.path], leaf_bytes(left.width))


__all__ = [
    "assign", "block", "copy", "header_op", "statements", "statements_into", "store",
]  # fmt: skip
