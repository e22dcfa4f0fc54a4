"""Parsers and controls (spec 13, 14): their locals, states, actions, tables and bodies."""

from __future__ import annotations

from .. import syntax as ast
from . import annotate, declarations, expressions, keysets, placement, statements, tables, typed, typenames, whole
from .context import Context, Phase
from .symbols import ACCEPT, REJECT, ActionSymbol, BlockSymbol, StateSymbol, TableSymbol, ValueSetSymbol
from .types import UNKNOWN, Bits, Enum, Record, Type, bare
from .words import article, closest

# --- controls ------------------------------------------------------------------------------------------------------


def control(cx: Context, node: ast.ControlDecl) -> None:
    """``control C<T>(...)(...) { ... }``."""
    symbol = BlockSymbol(node.name.text, node.name.span, kind="control", has_body=True)
    symbol.annotations = annotate.convert(cx, node.annotations)
    _distinct(cx, node)
    with cx.open_declaration(node.name, "control"), cx.nested(kind="control", block=symbol):
        symbol.type_params = declarations.type_parameters(cx, node.type_parameters)
        symbol.params = declarations.parameters(cx, node.parameters, "apply", declare=True)
        params = declarations.parameters(cx, node.constructor_parameters, "constructor", declare=True)
        symbol.constructor_params = params
        symbol.body = _control_body(cx, node)
        placement.directions(cx, node.parameters, symbol.params)
    cx.declare(symbol)


def _distinct(cx: Context, node: ast.ControlDecl | ast.ParserDecl) -> None:
    """Type parameters, parameters and constructor parameters all have names of their own."""
    params = (*node.parameters, *node.constructor_parameters)
    cx.distinct((*node.type_parameters, *(p.name for p in params)), "parameter")


def _control_body(cx: Context, node: ast.ControlDecl) -> typed.ControlBody:
    locals_: list[typed.Stmt] = []
    actions: list[ActionSymbol] = []
    found: list[TableSymbol] = []
    with cx.nested():
        for item in node.locals:
            if isinstance(item, ast.ActionDecl):
                actions.append(declarations.action(cx, item, top_level=False))
            elif isinstance(item, ast.TableDecl):
                found.append(tables.table(cx, item))
            else:
                locals_ += statements.statement(cx, item)
        with cx.at(kind="apply"):
            body = statements.block(cx, node.body)
    return typed.ControlBody(tuple(locals_), tuple(actions), tuple(found), body)


# --- parsers -------------------------------------------------------------------------------------------------------


def parser(cx: Context, node: ast.ParserDecl) -> None:
    """``parser P<T>(...)(...) { ... }``."""
    symbol = BlockSymbol(node.name.text, node.name.span, kind="parser", has_body=True)
    symbol.annotations = annotate.convert(cx, node.annotations)
    _distinct(cx, node)
    with cx.open_declaration(node.name, "parser"), cx.nested(kind="parser", block=symbol):
        symbol.type_params = declarations.type_parameters(cx, node.type_parameters)
        symbol.params = declarations.parameters(cx, node.parameters, "apply", declare=True)
        params = declarations.parameters(cx, node.constructor_parameters, "constructor", declare=True)
        symbol.constructor_params = params
        symbol.body = _parser_body(cx, node)
        placement.directions(cx, node.parameters, symbol.params)
    cx.declare(symbol)


def _parser_body(cx: Context, node: ast.ParserDecl) -> typed.ParserBody:
    locals_: list[typed.Stmt] = []
    sets: list[ValueSetSymbol] = []
    with cx.nested():
        for item in node.locals:
            if isinstance(item, ast.ValueSetDecl):
                sets.append(_value_set(cx, item))
            else:
                locals_ += statements.statement(cx, item)
        symbols = _declare_states(cx, node)
        states = tuple(_state(cx, s, symbols) for s in node.states)
    _reachability(cx, node, states)
    return typed.ParserBody(tuple(locals_), tuple(sets), states)


def _value_set(cx: Context, node: ast.ValueSetDecl) -> ValueSetSymbol:
    type_ = typenames.resolve(cx, node.type)
    size = tables.size(cx, node.size, "a value_set")
    if not _in_value_set(type_):
        cx.error(node.type.span, f"a value_set cannot hold values of type {type_}")
    notes = annotate.convert(cx, node.annotations)
    symbol = ValueSetSymbol(node.name.text, node.name.span, type_, size or typed.WRONG, annotations=notes)
    cx.declare(symbol)
    return symbol


def _in_value_set(type_: Type) -> bool:
    from .types import BOOL, ERROR, Tuple, TypeVar

    if isinstance(type_, Record):
        return type_.symbol.kind == "struct" and all(
            _in_value_set(t) for t in type_.symbol.field_types(type_.args).values()
        )
    if isinstance(type_, Tuple):
        return all(map(_in_value_set, type_.elements))
    return isinstance(bare(type_), (Bits, Enum, TypeVar)) or bare(type_) in (BOOL, ERROR, UNKNOWN)


def _declare_states(cx: Context, node: ast.ParserDecl) -> dict[str, StateSymbol]:
    symbols = {"accept": ACCEPT, "reject": REJECT}
    for state in node.states:
        name = state.name
        if name.text in ("accept", "reject"):
            text = f"the state '{name.text}' is built in and cannot be declared"
            cx.error(name.span, text, phase=Phase.STRUCTURE)
            continue
        symbol = StateSymbol(name.text, name.span, annotations=annotate.convert(cx, state.annotations))
        cx.declare(symbol)
        symbols.setdefault(name.text, symbol)
    if "start" not in symbols:
        text = f"the parser '{node.name.text}' has no state 'start'"
        cx.error(node.name.span, text, phase=Phase.STRUCTURE)
    return symbols


def _state(cx: Context, node: ast.StateDecl, states: dict[str, StateSymbol]) -> typed.State:
    symbol = states.get(node.name.text, REJECT)
    with cx.nested(kind="state"):
        body = statements.sequence(cx, node.statements)
        keys: tuple[typed.Expr, ...] = ()
        if isinstance(node.transition, ast.Select):
            keys, cases = _select(cx, node.transition, states)
        else:
            if node.transition is None:
                text = f"the state '{node.name.text}' has no transition, so it goes to 'reject'"
                cx.warn(node.name.span, text)
            target = REJECT if node.transition is None else _target(cx, node.transition, states)
            span = node.span if node.transition is None else node.transition.span
            cases = (typed.SelectCase((), target, span),)
    return typed.State(symbol, body, keys, cases, node.span)


def _target(cx: Context, name: ast.Name, states: dict[str, StateSymbol]) -> StateSymbol:
    found = states.get(name.text)
    if found is None:
        other = cx.scope.find(name.text)
        if other is not None:
            cx.error(name.span, f"'{name.text}' is {article(other.what)}, not a state", (other.span, "its declaration"))
        else:
            text = f"there is no state '{name.text}'{closest(name.text, list(states))}"
            cx.error(name.span, text, phase=Phase.NAMES)
        return REJECT
    found.used = True
    return found


def _select(
    cx: Context, node: ast.Select, states: dict[str, StateSymbol]
) -> tuple[tuple[typed.Expr, ...], tuple[typed.SelectCase, ...]]:
    keys = tuple(expressions.value(cx, k) for k in node.keys)
    for key in keys:
        if not keysets.may_be_key(key.type):
            cx.error(key.span, f"a value of type {key.type} cannot be selected on")
    types = tuple(k.type for k in keys)
    cases: list[typed.SelectCase] = []
    for case in node.cases:
        sets = keysets.keyset(cx, case.keyset, types, node.span)
        target = _target(cx, case.state, states)
        cases.append(typed.SelectCase(sets, target, case.span))
    whole.reachable_cases(cx, [(n, keysets.identity(c.sets)) for n, c in zip(node.cases, cases, strict=True)], "case")
    for before in cases[:-1]:
        if before.sets and all(isinstance(s, typed.AnySet) for s in before.sets):
            cx.warn(before.span, "no case after this one can be reached")
            break
    return keys, tuple(cases)


def _reachability(cx: Context, node: ast.ParserDecl, states: tuple[typed.State, ...]) -> None:
    """Warn of states that no path from ``start`` reaches."""
    goes = {s.symbol: [c.state for c in s.cases] for s in states}
    reached: set[StateSymbol] = set()
    todo = [s.symbol for s in states if s.symbol.name == "start"]
    while todo:
        symbol = todo.pop()
        if symbol not in reached:
            reached.add(symbol)
            todo += goes.get(symbol, [])
    for state in states:
        if state.symbol not in reached and state.symbol.name != "start":
            cx.warn(state.symbol.span, f"the state '{state.symbol.name}' cannot be reached from 'start'")
