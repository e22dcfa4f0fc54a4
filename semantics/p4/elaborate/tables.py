"""Tables."""

from __future__ import annotations

from ... import ir
from ..check import typed
from ..check.annotate import find
from ..check.symbols import TableSymbol
from . import blocks, expressions
from .environment import Environment, control_name, named


def table(env: Environment, symbol: TableSymbol) -> ir.Table:
    """A table of this block."""
    body = symbol.body
    assert body is not None
    seen = control_name(env.path, symbol)
    keys = tuple(ir.Key(expressions.expr(env, k.expr), k.match_kind, k.name, k.annotations, k.span) for k in body.keys)
    actions = tuple(_action_ref(env, a) for a in body.actions)
    size = None if body.size is None else expressions.integer(env, body.size, "the size of the table")
    return ir.Table(
        env.name(symbol),
        seen,
        keys,
        actions,
        _default(env, symbol, body),
        body.const_default,
        tuple(_entry(env, e) for e in body.entries),
        body.const_entries,
        size,
        body.largest_priority_wins,
        tuple(_property(env, p, seen) for p in body.properties),
        symbol.annotations,
        body.span,
    )


def _action_ref(env: Environment, node: typed.ActionRef) -> ir.ActionRef:
    return ir.ActionRef(
        env.action(node.action),
        tuple(expressions.expr(env, a) for a in node.args),
        find(node.annotations, "tableonly") is not None,
        find(node.annotations, "defaultonly") is not None,
        node.annotations,
        node.span,
    )


def _bound(env: Environment, node: typed.BoundAction) -> ir.BoundAction:
    return ir.BoundAction(env.action(node.action), tuple(expressions.expr(env, a) for a in node.args), node.span)


def _default(env: Environment, symbol: TableSymbol, body: typed.TableBody) -> ir.BoundAction:
    if body.default is not None:
        return _bound(env, body.default)
    assert env.shared.no_action is not None, "the checker asks for NoAction where it is needed"
    return ir.BoundAction(env.action(env.shared.no_action), (), symbol.span)


def _entry(env: Environment, node: typed.Entry) -> ir.Entry:
    sets = tuple(expressions.keyset(env, s) for s in node.sets)
    return ir.Entry(sets, _bound(env, node.action), node.priority, node.const, node.annotations, node.span)


def _property(env: Environment, node: typed.Property, table_name: str) -> ir.Property:
    value: ir.Expr | str
    if isinstance(node.value, typed.Construct):
        # An object made in place is known by its @name alone, as p4c's P4Info has it.
        given = named("", "", node.annotations)
        own = given or named(env.path, f"{table_name.rsplit('.', 1)[-1]}.{node.name}", ())
        made = blocks.nameless(env, node.value, own, node.annotations)
        value = str(made.value) if isinstance(made, ir.Const) else made
    else:
        found = expressions.expr(env, node.value)
        is_object = isinstance(found, ir.Const) and isinstance(found.type, ir.ExternType)
        value = str(found.value) if is_object and isinstance(found, ir.Const) else found
    return ir.Property(node.name, value, node.const, node.span)
