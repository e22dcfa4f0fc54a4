"""Loops in controls, unrolled: the kernel's verifier follows every turn in any case, and needs no bound of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label
from . import estimate, operands, stmts
from . import expr as ex
from .frame import parts
from .gen import Gen, Loop
from .turns import MAX_TURNS, bound, with_updates


def for_loop(g: Gen, stmt: ir.For) -> None:
    """``for (init; condition; update) body``."""
    stmt = with_updates(stmt)
    known = bound(g, stmt)
    with g.scope(), _bounded(g, None if known is None else known.turns, stmt.span) as turns:
        stmts.statements(g, stmt.init)
        leave = g.asm.label()
        for _ in range(turns):
            ex.branch_unless(g, stmt.condition, leave)
            with _unchanged(g, known.counted if known else frozenset()):
                _body(g, stmt.body, leave)
            with g.maybe():
                stmts.statements(g, stmt.update)
        g.asm.place(leave)


def for_in(g: Gen, stmt: ir.ForIn) -> None:
    """``for (type name in low .. high) body``, or over the elements of a stack or tuple."""
    with g.scope():
        if stmt.declares:
            g.clear(g.declare(stmt.name, stmt.type, stmt.span))
        if isinstance(stmt.over, ir.RangeSet):
            _in_range(g, stmt, stmt.over)
        else:
            _elements(g, stmt, stmt.over)


def _body(g: Gen, body: ir.Block, leave: Label) -> None:
    """One turn; ``continue`` ends up behind it."""
    loop = Loop(g.asm.label(), leave)
    g.loops.append(loop)
    with g.maybe():
        stmts.block(g, body)
    g.loops.pop()
    g.asm.place(loop.again)


def _in_range(g: Gen, stmt: ir.ForIn, over: ir.RangeSet) -> None:
    """Both ends are evaluated once, and turns are counted: the type may have no number behind the last one."""
    type_, span = over.low.type, stmt.span
    counter = ir.bits(g.width(type_, span))
    low, high = (ir.Var(name, type_, span) for name in ("$low", "$high"))
    far = ir.Var("$distance", counter, span)
    most = _most_in_range(g, over)
    with _bounded(g, most, span) as turns:
        for var, end in ((low, over.low), (high, over.high)):
            stmts.assign(g, g.declare(var.name, type_, span), end)
        leave = g.asm.label()
        ex.branch_unless(g, ir.Binary("<=", low, high, ir.BOOL, span), leave)
        distance = _as(ir.Binary("-", high, low, type_, span), counter)
        stmts.assign(g, g.declare(far.name, counter, span), distance)
        for turn in range(turns):
            number = ir.Const(turn, counter, span)
            ex.branch_unless(g, ir.Binary(">=", far, number, ir.BOOL, span), leave)
            counted: ir.Expr = _as(ir.Binary("+", _as(low, counter), number, counter, span), type_)
            stmts.store(g, ir.Var(stmt.name, stmt.type, span), _as(counted, stmt.type), span)
            _body(g, stmt.body, leave)
        g.asm.place(leave)


def _most_in_range(g: Gen, over: ir.RangeSet) -> int:
    """Numbers in a range, at most."""
    low = operands.constant_value(g, over.low)
    if not operands.is_signed(over.low.type):
        return 1 + estimate.largest(g, over.high) - (low or 0)
    high, all_of_them = operands.constant_value(g, over.high), 1 << g.width(over.low.type)
    if low is None or high is None:
        return all_of_them
    half = all_of_them >> 1
    return 1 + (high ^ half) - (low ^ half)


def _as(expr: ir.Expr, type_: ir.Type) -> ir.Expr:
    return expr if expr.type == type_ else ir.Cast(expr, type_, expr.span)


def _elements(g: Gen, stmt: ir.ForIn, over: ir.Expr) -> None:
    """A turn for each element of what the collection is when the loop begins."""
    if isinstance(over, ir.Aggregate) and isinstance(item := ir.bare(over.type), ir.ListType):
        over = replace(over, type=ir.TupleType((item.element,) * len(over.values)))
    whole = g.declare("$over", over.type, stmt.span)
    stmts.assign(g, whole, over)
    if not isinstance(ir.bare(over.type), ir.StackType | ir.TupleType | ir.StructType):
        raise CannotOffload("a loop over this type", stmt.span)
    leave, found = g.asm.label(), parts(whole.type, whole)
    with _bounded(g, len(found), stmt.span):
        for element in found:
            target = operands.lvalue(g, ir.Var(stmt.name, stmt.type, stmt.span))
            g.written(target, stmt.span)
            stmts.copy(g, target, element, stmt.span)
            _body(g, stmt.body, leave)
    g.asm.place(leave)


@contextmanager
def _unchanged(g: Gen, names: frozenset[str]) -> Iterator[None]:
    """Code inside must not write the variables that are counted. Raises CannotOffload."""
    stores = g.usage.stores
    before = {path: stores.pop(path, None) for path in (g.env[name].path for name in sorted(names))}
    yield
    for path, written in before.items():
        if path in stores:
            raise CannotOffload("a loop whose variable is changed inside it", stores[path])
        if written is not None:
            stores[path] = written


@contextmanager
def _bounded(g: Gen, turns: int | None, span: Span) -> Iterator[int]:
    """Code inside is made so many times. Raises CannotOffload if that is too often."""
    count = None if turns is None else max(0, turns)
    if count is None or g.turns * count > MAX_TURNS:
        known = "cannot be told" if count is None else f"may be {g.turns * count}, more than {MAX_TURNS}"
        raise CannotOffload(f"a loop whose number of turns {known}", span)
    before, g.turns = g.turns, g.turns * max(1, count)
    yield count
    g.turns = before


def leave(g: Gen, stmt: ir.Leave) -> None:
    """``break`` and ``continue``."""
    if not g.loops:
        raise CannotOffload(f"{stmt.kind} outside a loop", stmt.span)
    target: Label = g.loops[-1].leave if stmt.kind == "break" else g.loops[-1].again
    g.asm.goto(target)


__all__ = ["for_in", "for_loop", "leave"]
