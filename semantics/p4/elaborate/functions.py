"""Functions, one for each choice of type arguments, and actions."""

from __future__ import annotations

from ... import ir
from ..check.symbols import ActionSymbol, FunctionSymbol
from ..check.types import Type, TypeVar
from . import expressions, statements
from .environment import Environment, Shared, control_name, unique


def instance(shared: Shared, symbol: FunctionSymbol, type_args: tuple[Type, ...]) -> str:
    """The name of the function for these type arguments; it is made if it is not there yet."""
    key = symbol, tuple(map(shared.types.make, type_args))
    known = shared.known_functions.get(key)
    if known is None:
        name = symbol.name if not type_args else f"{symbol.name}<{', '.join(map(str, type_args))}>"
        known = unique(name, {f.name for f in shared.functions})
        shared.known_functions[key] = known
        env = Environment(shared, types=dict(zip(symbol.type_params, type_args, strict=True)))
        shared.functions.append(function(env, symbol, known))
    return known


def function(env: Environment, symbol: FunctionSymbol, name: str) -> ir.Function:
    """A function with its body, in an environment of its own."""
    params = tuple(expressions.param(env, p, p.type, env.name(p)) for p in symbol.params)
    assert symbol.body is not None
    body = statements.block(env, symbol.body)
    return ir.Function(name, params, env.type(symbol.result), body, symbol.span)


def method(env: Environment, symbol: FunctionSymbol, this: str, types: dict[TypeVar, Type]) -> ir.Function:
    """The implementation of an abstract method; it sees the block that its object stands in."""
    inner = Environment(
        env.shared,
        env.path,
        {**env.types, **types},
        dict(env.values),
        dict(env.names),
        set(env.taken),
        env.objects,
        env.actions,
        env.pending,
        this,
    )
    return function(inner, symbol, symbol.name)


def action(env: Environment, symbol: ActionSymbol) -> ir.Action:
    """An action of this block."""
    name = env.actions.get(symbol) or env.name(symbol)
    env.actions[symbol] = name
    params = tuple(expressions.param(env, p, p.type, env.name(p)) for p in symbol.params)
    assert symbol.body is not None
    body = statements.block(env, symbol.body)
    seen = control_name("" if symbol.top_level else env.path, symbol)
    return ir.Action(name, seen, params, body, symbol.annotations, symbol.span)
