"""Instances: parsers, controls, externs and packages, each with its full name."""

from __future__ import annotations

from dataclasses import replace

from ... import ir
from ...source import Span, Unsupported
from ..check import typed
from ..check.symbols import ActionSymbol, BlockSymbol, InstanceSymbol, ParamSymbol
from ..check.types import INT, Block, Extern, Package, Stack, Type
from . import expressions, functions, parsers, statements, tables
from .environment import Environment, Shared, control_name, named


def block_of(type_: Type) -> BlockSymbol:
    """The parser or control of which something is an instance."""
    assert isinstance(type_, Block)
    return type_.symbol


def declared(env: Environment, symbol: InstanceSymbol) -> str:
    """Make the instance that a declaration stands for; its full name."""
    name = control_name(env.path, symbol)
    made = _make(env, symbol.construct, name, symbol)
    env.objects[symbol] = made
    if not env.path:
        env.shared.objects[symbol] = made
    return made


def nameless(
    env: Environment, node: typed.Construct, name: str | None = None, annotations: tuple[ir.Annotation, ...] = ()
) -> ir.Expr:
    """Make the instance of ``T(...)``: an object (or constant) that others refer to by its full name."""
    if name is None:
        name = default_name(env, node)
    made = _make(env, node, name, None, annotations)
    return ir.Const(made, env.type(node.type), node.span)


def default_name(env: Environment, node: typed.Construct) -> str:
    """Nameless parsers and controls are known by their type's name, as others' control planes expect."""
    type_ = node.type
    if isinstance(type_, (Block, Extern, Package)):
        return named(env.path, type_.symbol.name, type_.symbol.annotations if isinstance(type_, Block) else ())
    raise Unsupported(f"an instance of {type_}", node.span)


def _make(
    env: Environment,
    node: typed.Construct,
    name: str,
    symbol: InstanceSymbol | None,
    annotations: tuple[ir.Annotation, ...] = (),
) -> str:
    type_ = env.concrete(node.type)
    name = env.shared.unique(name, node.span)
    if isinstance(type_, Block):
        args = dict(constructor_arguments(env, node, name))
        if any(map(is_number, type_.symbol.params)):
            env.shared.templates[name] = type_, args
        else:
            block(env.shared, type_, args, name)
    elif isinstance(type_, Extern):
        _extern(env, node, type_, name, symbol, annotations)
    elif isinstance(type_, Package):
        _package(env, node, type_, name)
    return name


def constructor_arguments(env: Environment, node: typed.Construct, name: str) -> list[tuple[ParamSymbol, ir.Expr]]:
    """The arguments that are given (or have a default), evaluated; nameless instances are made on the way."""
    made: list[tuple[ParamSymbol, ir.Expr]] = []
    type_ = env.concrete(node.type)
    assert isinstance(type_, (Block, Extern, Package))
    # A default value may mention the type parameters of what is made.
    types = dict(zip(type_.symbol.type_params, type_.args, strict=True))
    env = replace(env, types={**env.types, **types}) if types else env
    for param, arg in zip(node.params, node.args, strict=True):
        if arg is None:
            continue
        if isinstance(arg, typed.Construct):
            own = None if isinstance(arg.type, Block) and not env.path else f"{name}.{param.name}"
            made.append((param, nameless(env, arg, own)))
        elif isinstance(arg, typed.Call) and isinstance(env.concrete(arg.type), Extern):
            made.append((param, _produced(env, arg, f"{name}.{param.name}")))
        else:
            made.append((param, expressions.expr(env, arg)))
    return made


def _produced(env: Environment, node: typed.Call, name: str) -> ir.Expr:
    """The object that an extern function makes."""
    type_ = env.concrete(node.type)
    assert isinstance(type_, Extern)
    call = expressions.expr(env, node)
    assert isinstance(call, ir.ExternCall)
    given = zip(call.params, call.args, strict=True)
    args = tuple((p.name, _reference(a)) for p, a in given if a is not None)
    name = env.shared.unique(name, node.span)
    types = tuple(map(env.type, type_.args))
    made = ir.Instance(name, type_.symbol.name, types, args, (), (), node.span, None, call.extern, call.type_args)
    env.shared.instances.append(made)
    return ir.Const(name, env.type(type_), node.span)


def _reference(value: ir.Expr) -> ir.Expr | str:
    """An instance by its name, anything else as it is."""
    if isinstance(value, ir.Const) and isinstance(value.type, (ir.ExternType, ir.DeclaredType)):
        return str(value.value)
    return value


def _extern(
    env: Environment,
    node: typed.Construct,
    type_: Extern,
    name: str,
    symbol: InstanceSymbol | None,
    annotations: tuple[ir.Annotation, ...],
) -> None:
    args = tuple((p.name, _reference(v)) for p, v in constructor_arguments(env, node, name))
    types = dict(zip(type_.symbol.type_params, type_.args, strict=True))
    if symbol is not None and symbol.inner:
        env = replace(env, path=name)
        for inner in symbol.inner:
            declared(env, inner)
    methods = () if symbol is None else tuple(functions.method(env, m, name, types) for m in symbol.methods)
    annotations = annotations if symbol is None else symbol.annotations
    type_args = tuple(map(env.type, type_.args))
    size = symbol.type.size if symbol is not None and isinstance(symbol.type, Stack) else None
    env.shared.declared.add(type_.symbol)
    made = ir.Instance(name, type_.symbol.name, type_args, args, methods, annotations, node.span, size)
    env.shared.instances.append(made)


def _package(env: Environment, node: typed.Construct, type_: Package, name: str) -> None:
    args = tuple((p.name, _reference(v)) for p, v in constructor_arguments(env, node, name))
    type_args = tuple(map(env.type, type_.args))
    env.shared.declared.add(type_.symbol)
    env.shared.packages.append(ir.Package(name, type_.symbol.name, type_args, args, node.span))


def block(shared: Shared, type_: Block, args: dict[ParamSymbol, ir.Expr], name: str) -> None:
    """A parser or control with these constructor arguments."""
    symbol = type_.symbol
    types = dict(zip(symbol.type_params, type_.args, strict=True))
    env = Environment(shared, name, types, args)
    params = tuple(expressions.param(env, p, p.type, env.name(p)) for p in symbol.params if not is_number(p))
    if isinstance(symbol.body, typed.ParserBody):
        shared.parsers.append(parsers.parser(env, symbol, symbol.body, params))
    elif isinstance(symbol.body, typed.ControlBody):
        shared.controls.append(_control(env, symbol, symbol.body, params))


def is_number(param: ParamSymbol) -> bool:
    """Whether each application of a block gives a compile-time number for this parameter, and so a block of its own."""
    return param.role == "apply" and param.type == INT and not param.direction


def for_numbers(shared: Shared, name: str, numbers: list[tuple[ParamSymbol, ir.Expr]], span: Span) -> str:
    """The full name of the instance ``name`` with these numbers filled in; it is made if it is not there yet."""
    values = tuple(v.value for _, v in numbers if isinstance(v, ir.Const))
    if len(values) < len(numbers):
        raise Unsupported("an argument of type int that is not known at compile time", span)
    made = shared.numbered.get((name, values))
    if made is None:
        first = not any(other == name for other, _ in shared.numbered)
        made = name if first else shared.unique(name, span)
        shared.numbered[name, values] = made
        type_, args = shared.templates[name]
        block(shared, type_, {**args, **dict(numbers)}, made)
    return made


def locals_of(env: Environment, nodes: tuple[typed.Stmt, ...]) -> tuple[ir.Declare, ...]:
    """The local variables of a block; its instances are made on the way."""
    made: list[ir.Declare] = []
    for node in nodes:
        if isinstance(node, typed.DeclareInstance):
            declared(env, node.symbol)
        elif isinstance(node, typed.Declare):
            made.append(statements.declaration(env, node))
        else:
            raise Unsupported("a statement among the declarations", node.span)
    return tuple(made)


def _control(
    env: Environment, symbol: BlockSymbol, body: typed.ControlBody, params: tuple[ir.Param, ...]
) -> ir.Control:
    locals_ = locals_of(env, body.locals)
    for action in body.actions:
        env.actions[action] = env.name(action)
    for table in body.tables:
        env.name(table)
    actions = [functions.action(env, a) for a in body.actions]
    made = tuple(tables.table(env, t) for t in body.tables)
    apply = statements.block(env, body.body)
    actions += top_level_actions(env)
    return ir.Control(
        env.path,
        symbol.name,
        params,
        locals_,
        tuple(actions),
        made,
        apply,
        symbol.annotations,
        symbol.span,
    )


def top_level_actions(env: Environment) -> list[ir.Action]:
    """The actions of the top level that the block uses, and those that they use."""
    made: list[ir.Action] = []
    done: set[ActionSymbol] = set()
    while env.pending:
        action = env.pending.pop(0)
        if action not in done:
            done.add(action)
            made.append(functions.action(env, action))
    return made
