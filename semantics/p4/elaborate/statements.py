"""Typed statements to the IR's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ... import ir
from ..check import typed
from ..check.symbols import ActionSymbol
from . import expressions
from .environment import Environment


def block(env: Environment, node: typed.Block) -> ir.Block:
    """A block."""
    return ir.Block(sequence(env, node.body), node.annotations, node.span)


def sequence(env: Environment, nodes: tuple[typed.Stmt, ...]) -> tuple[ir.Stmt, ...]:
    """Statements in order."""
    made: list[ir.Stmt] = []
    for node in nodes:
        made += _HANDLERS[type(node)](env, node)
    return tuple(made)


def _declare(env: Environment, node: typed.Declare) -> list[ir.Stmt]:
    return [declaration(env, node)]


def declaration(env: Environment, node: typed.Declare) -> ir.Declare:
    """A local variable; its initial value is found before its name is known."""
    init = expressions.optional(env, node.init)
    return ir.Declare(env.name(node.symbol), env.type(node.symbol.type), init, node.span)


def _assign(env: Environment, node: typed.Assign) -> list[ir.Stmt]:
    if isinstance(node.target, typed.PlusSlice):
        return _assign_bits(env, node, node.target)
    return [ir.Assign(expressions.expr(env, node.target), expressions.expr(env, node.value), node.span)]


def _assign_bits(env: Environment, node: typed.Assign, target: typed.PlusSlice) -> list[ir.Stmt]:
    """``x[low +: w] = v``: the bits of ``x`` at ``low`` and above are replaced."""
    base, low = expressions.expr(env, target.base), expressions.expr(env, target.low)
    value = expressions.expr(env, node.value)
    span = node.span
    if isinstance(low, ir.Const):
        start = int(low.value)
        place = ir.Slice(base, start + target.width - 1, start, env.type(target.type), target.span)
        return [ir.Assign(place, value, span)]
    start_name = env.fresh("start")
    start_var = ir.Var(start_name, low.type, low.span)
    assert isinstance(base.type, ir.BitsType)
    word = base.type
    unsigned = ir.BitsType(word.width)
    ones: ir.Expr = ir.Const((1 << target.width) - 1, unsigned, span)
    mask: ir.Expr = ir.Unary("~", ir.Binary("<<", ones, start_var, unsigned, span), unsigned, span)
    old: ir.Expr = base if word == unsigned else ir.Cast(base, unsigned, span)
    new = ir.Binary("<<", ir.Cast(value, unsigned, span), start_var, unsigned, span)
    whole: ir.Expr = ir.Binary("|", ir.Binary("&", old, mask, unsigned, span), new, unsigned, span)
    if word != unsigned:
        whole = ir.Cast(whole, word, span)
    return [ir.Declare(start_name, low.type, low, span), ir.Assign(base, whole, span)]


def _do(env: Environment, node: typed.Do) -> list[ir.Stmt]:
    call = expressions.expr(env, node.call)
    return [] if isinstance(call, ir.Const) else [ir.Do(call, node.span)]


def _if(env: Environment, node: typed.If) -> list[ir.Stmt]:
    test = expressions.expr(env, node.condition)
    return [ir.If(test, block(env, node.then), block(env, node.otherwise), node.span)]


def _switch(env: Environment, node: typed.Switch) -> list[ir.Stmt]:
    subject = expressions.expr(env, node.subject)
    cases: list[ir.SwitchCase] = []
    for case in node.cases:
        label: ir.Expr | str | None = None
        if isinstance(case.label, ActionSymbol):
            label = env.action(case.label)
        elif case.label is not None:
            label = expressions.expr(env, case.label)
        body = None if case.body is None else block(env, case.body)
        cases.append(ir.SwitchCase((label,), body, case.span))
    return [ir.Switch(subject, tuple(cases), node.span)]


def _for(env: Environment, node: typed.For) -> list[ir.Stmt]:
    init = sequence(env, node.init)
    test = expressions.expr(env, node.condition)
    return [ir.For(init, test, sequence(env, node.update), block(env, node.body), node.span)]


def _for_in(env: Environment, node: typed.ForIn) -> list[ir.Stmt]:
    over: ir.RangeSet | ir.Expr
    if isinstance(node.over, typed.RangeSet):
        low, high = expressions.expr(env, node.over.low), expressions.expr(env, node.over.high)
        over = ir.RangeSet(low, high, node.over.span)
    else:
        over = expressions.expr(env, node.over)
    name, type_ = env.name(node.symbol), env.type(node.symbol.type)
    return [ir.ForIn(name, type_, over, block(env, node.body), True, node.span)]


def _leave(env: Environment, node: typed.Leave) -> list[ir.Stmt]:
    return [ir.Leave(node.kind, expressions.optional(env, node.value), node.span)]


_HANDLERS: Final[dict[type[typed.Stmt], Callable[[Environment, Any], list[ir.Stmt]]]] = {
    typed.Declare: _declare,
    typed.DeclareInstance: lambda env, node: [],
    typed.Assign: _assign,
    typed.Do: _do,
    typed.Block: lambda env, node: [block(env, node)],
    typed.If: _if,
    typed.Switch: _switch,
    typed.For: _for,
    typed.ForIn: _for_in,
    typed.Leave: _leave,
}
