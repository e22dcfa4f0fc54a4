"""Parsers: states, and keys of select taken apart into single values."""

from __future__ import annotations

from ... import ir
from ..check import typed
from ..check.symbols import BlockSymbol
from . import blocks, expressions, statements
from .environment import Environment, control_name


def parser(env: Environment, symbol: BlockSymbol, body: typed.ParserBody, params: tuple[ir.Param, ...]) -> ir.Parser:
    """A parser instance."""
    for state in body.states:
        env.name(state.symbol)
    locals_ = blocks.locals_of(env, body.locals)
    sets = tuple(
        ir.ValueSetDecl(
            env.name(v),
            control_name(env.path, v),
            env.type(v.type),
            expressions.integer(env, v.size, "the size of the value_set"),
            v.annotations,
            v.span,
        )
        for v in body.value_sets
    )
    states = tuple(_state(env, s) for s in body.states)
    actions = tuple(blocks.top_level_actions(env))
    return ir.Parser(env.path, symbol.name, params, locals_, states, sets, actions, symbol.annotations, symbol.span)


def _state(env: Environment, node: typed.State) -> ir.State:
    body = statements.sequence(env, node.body)
    keys = [expressions.expr(env, k) for k in node.keys]
    flat = [leaf for key in keys for leaf in leaves(key)]
    cases: list[ir.SelectCase] = []
    for case in node.cases:
        sets = tuple(expressions.keyset(env, s) for s in case.sets)
        state = case.state.name if case.state.name in ("accept", "reject") else env.name(case.state)
        cases.append(ir.SelectCase(_flattened(sets, keys, flat), state, case.span))
    transition = ir.Transition(tuple(flat), tuple(cases), node.span)
    return ir.State(env.name(node.symbol), body, transition, node.symbol.annotations, node.span)


def leaves(node: ir.Expr) -> list[ir.Expr]:
    """The single values that a key of a tuple or struct type consists of."""
    type_ = ir.bare(node.type)
    if isinstance(node, ir.Aggregate):
        return [leaf for value in node.values for leaf in leaves(value)]
    if isinstance(type_, ir.StructType):
        return [leaf for f in type_.fields for leaf in leaves(ir.Member(node, f.name, f.type, node.span))]
    if isinstance(type_, ir.TupleType):
        at = ((ir.Const(i, ir.IntType(), node.span), t) for i, t in enumerate(type_.elements))
        return [leaf for i, t in at for leaf in leaves(ir.Index(node, i, t, node.span))]
    return [node]


def _flattened(sets: tuple[ir.KeySet, ...], keys: list[ir.Expr], flat: list[ir.Expr]) -> tuple[ir.KeySet, ...]:
    """One set per single value; ``default`` and value sets stand for all of them."""
    if len(sets) == len(flat) and len(keys) == len(flat):
        return sets
    if len(sets) == 1 and isinstance(sets[0], (ir.AnySet, ir.ParserValueSet)):
        return sets
    made: list[ir.KeySet] = []
    per_key = keys if len(sets) == len(keys) else flat
    for item, key in zip(sets, per_key, strict=len(sets) <= len(per_key)):
        parts = leaves(key)
        if isinstance(item, ir.AnySet):
            made += [item] * len(parts)
        elif isinstance(item, ir.ValueSet):
            made += [ir.ValueSet(v, item.span) for v in leaves(item.value)]
        else:
            made.append(item)
    return tuple(made)
