"""Which overload a call means, what its type arguments are, and its arguments in order (spec 8.20, 6.8, 8.21)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ...source import Span
from .. import syntax as ast
from . import calls, legality, typed, typenames
from .context import Context, Phase
from .convert import Bindings, convert, is_anonymous, needs_width, resolved, settled, unify, why_not
from .symbols import ParamSymbol
from .types import (
    DONT_CARE,
    STRING,
    UNKNOWN,
    VOID,
    Block,
    Extern,
    Package,
    Thing,
    Type,
    TypeVar,
    is_unknown,
    mentions,
    substitute,
)
from .words import article, number_of


@dataclass(slots=True)
class Callee:
    """One candidate of a call; the types of parameters have the receiver's type arguments filled in."""

    symbol: Any
    type_params: tuple[TypeVar, ...]
    params: list[tuple[ParamSymbol, Type]]
    result: Type
    what: str


@dataclass(slots=True)
class Resolved:
    """A call made sense of; ``args`` in the order of the parameters, None where an optional one is not given."""

    callee: Callee
    type_args: tuple[Type, ...]
    args: tuple[typed.Expr | None, ...]
    result: Type


def resolve_call(
    cx: Context,
    name: str,
    candidates: list[Callee],
    type_nodes: tuple[ast.Type, ...],
    nodes: tuple[ast.Argument, ...],
    span: Span,
    type_args: tuple[Type, ...] | None = None,
    place: Span | None = None,
) -> Resolved | None:
    """The call's meaning, or None after an error, which is at ``place``, or at ``span``."""
    given = calls.arguments(cx, nodes)
    span = place or span
    if type_args is None and type_nodes:
        type_args = tuple(typenames.resolve(cx, t) for t in type_nodes)
    callee = _choose(cx, name, candidates, nodes, given, type_args, span)
    if callee is None or any(g is not None and is_unknown(g.type) for g in given):
        return None
    placed = _place(callee, nodes, given)
    assert not isinstance(placed, str)
    _in_order(cx, placed, nodes, span)
    return _infer(cx, name, callee, placed, type_args, span)


# --- choosing an overload ------------------------------------------------------------------------------------------


def _choose(
    cx: Context,
    name: str,
    candidates: list[Callee],
    nodes: tuple[ast.Argument, ...],
    given: list[typed.Expr | None],
    type_args: tuple[Type, ...] | None,
    span: Span,
) -> Callee | None:
    """The candidate that takes these arguments, by their number and names."""
    if not _names_are_consistent(cx, nodes):
        return None
    fitting = [c for c in candidates if not isinstance(_place(c, nodes, given), str)]
    if type_args is not None and len(fitting) > 1:
        fitting = [c for c in fitting if len(c.type_params) == len(type_args)] or fitting
    if len(fitting) > 1:
        fitting = [c for c in fitting if _types_fit(c, nodes, given)] or fitting
    if len(fitting) == 1:
        return fitting[0]
    notes = tuple((c.symbol.span, f"a candidate for '{name}'") for c in candidates[:5])
    if not fitting:
        problem = _place(candidates[0], nodes, given) if len(candidates) == 1 else "no overload takes these arguments"
        whole, part = _where(candidates[0], _culprit(candidates, nodes, span), span)
        cx.error_in(whole, part, f"in the call of '{name}': {problem}", *notes)
    else:
        cx.error(span, f"the call of '{name}' is ambiguous", *notes)
    return None


def _culprit(candidates: list[Callee], nodes: tuple[ast.Argument, ...], span: Span) -> Span:
    if len(candidates) == 1:
        known = {p.name for p, _ in candidates[0].params}
        for node in nodes:
            if node.name is not None and node.name.text not in known:
                return node.name.span
    return span


def _where(callee: Callee, argument: Span, span: Span) -> tuple[Span, Span]:
    """The whole that an error is in, and the part it is about.

    A package that this file declares is as likely to be wrong as what it is given, so the error is at its declaration.
    """
    if callee.what == "package" and callee.symbol.span.file == span.file:
        return callee.symbol.span, argument
    return span, argument


def _names_are_consistent(cx: Context, nodes: tuple[ast.Argument, ...]) -> bool:
    named = [a for a in nodes if a.name is not None]
    if named and len(named) != len(nodes):
        cx.error(nodes[0].span, "either all arguments of a call are named or none is", phase=Phase.NAMES)
        return False
    seen: set[str] = set()
    for argument in named:
        assert argument.name is not None
        if argument.name.text in seen:
            cx.error(argument.span, f"the argument '{argument.name.text}' is given twice", phase=Phase.NAMES)
            return False
        seen.add(argument.name.text)
    return True


Placed = list[tuple[ParamSymbol, Type, ast.Argument | None, typed.Expr | None]]


def _place(callee: Callee, nodes: tuple[ast.Argument, ...], given: list[typed.Expr | None]) -> Placed | str:
    """Each parameter with its argument (or none), or why these arguments cannot be those of the callee."""
    params = callee.params
    by_name: dict[str, int] = {}
    if nodes and nodes[0].name is not None:
        by_name = {a.name.text: i for i, a in enumerate(nodes) if a.name is not None}
        unknown = set(by_name) - {p.name for p, _ in params}
        if unknown:
            return f"there is no parameter '{min(unknown)}'"
    elif len(nodes) > len(params):
        return f"{number_of(len(params), 'argument')} expected, {len(nodes)} given"
    placed: Placed = []
    for i, (param, type_) in enumerate(params):
        at = by_name.get(param.name) if by_name else (i if i < len(nodes) else None)
        if at is not None:
            placed.append((param, type_, nodes[at], given[at]))
        elif param.optional or param.default is not None:
            placed.append((param, type_, None, param.default))
        else:
            if by_name:
                return f"no argument is given for the parameter '{param.name}'"
            text = f"{number_of(len(params), 'argument')} expected, {len(nodes)} given"
            return f"{text}: none for the parameter '{param.name}'"
    return placed


def _types_fit(callee: Callee, nodes: tuple[ast.Argument, ...], given: list[typed.Expr | None]) -> bool:
    placed = _place(callee, nodes, given)
    if isinstance(placed, str):
        return False
    bindings: Bindings = dict.fromkeys(callee.type_params)
    return all(g is None or unify(bindings, type_, g.type) for _, type_, node, g in placed if node is not None)


def _in_order(cx: Context, placed: Placed, nodes: tuple[ast.Argument, ...], span: Span) -> None:
    """Arguments are evaluated as they are written; the IR has them as they are declared. It is unsupported where that
    shows: a call among the arguments that are not known does more than compute."""
    if not nodes or nodes[0].name is None:
        return
    declared = [node for _, _, node, g in placed if node is not None and (g is None or not typed.is_known(g))]
    written = [node for node in nodes if any(node is other for other in declared)]
    if written != declared and any(g is not None and legality.has_effect(g) for _, _, _, g in placed):
        cx.unsupported(span, "named arguments in another order than declared, with a call among them")


# --- type arguments ------------------------------------------------------------------------------------------------


def _infer(
    cx: Context, name: str, callee: Callee, placed: Placed, type_args: tuple[Type, ...] | None, span: Span
) -> Resolved | None:
    variables = callee.type_params
    bindings: Bindings = dict.fromkeys(variables)
    if type_args is not None:
        if len(type_args) != len(variables):
            given = number_of(len(type_args), "type argument")
            text = f"'{name}' has {number_of(len(variables), 'type parameter')}, but is given {given}"
            cx.error(span, text, (callee.symbol.span, f"the declaration of '{name}'"))
            return None
        if any(t is UNKNOWN for t in type_args):
            return None
        bindings = {v: None if t == DONT_CARE else t for v, t in zip(variables, type_args, strict=True)}
    if not _unify_arguments(cx, name, callee, placed, bindings, span):
        return None
    found = {v: settled(resolved(bindings, v)) for v in variables}
    for variable, type_ in found.items() if callee.what == "extern" else ():
        if isinstance(type_, (Block, Package)):
            text = f"{type_} cannot be the type argument {variable.name} of '{name}'"
            cx.error(span, text, (callee.symbol.span, "declared here"))
            return None
    unbound = frozenset(v for v in variables if found[v] is v)
    needed = unbound - _may_stay_open(callee, placed, type_args)
    if needed:
        missing = ", ".join(sorted(v.name for v in needed))
        word = "argument" if len(needed) == 1 else "arguments"
        cx.error(
            span,
            f"the type {word} {missing} of '{name}' cannot be inferred",
            (callee.symbol.span, "declared here"),
        )
        return None
    args = _converted(cx, name, callee, placed, found, unbound, span)
    if args is None:
        return None
    return Resolved(callee, tuple(found[v] for v in variables), args, substitute(callee.result, found))


def _may_stay_open(callee: Callee, placed: Placed, type_args: tuple[Type, ...] | None) -> set[TypeVar]:
    """The type arguments that need not be known: ``_`` of an object, and what only missing arguments depend on."""
    open_: set[TypeVar] = set()
    if type_args is not None and callee.what in ("package", "extern", "parser", "control"):
        open_ = {v for v, t in zip(callee.type_params, type_args, strict=True) if t == DONT_CARE}
    for variable in callee.type_params:
        using = [node or given for _, type_, node, given in placed if mentions(type_, frozenset((variable,)))]
        result = callee.what in ("function", "method") and mentions(callee.result, frozenset((variable,)))
        if using and not any(using) and not result:
            open_.add(variable)
        if callee.what == "package" and type_args is not None and not using:
            open_.add(variable)
    return open_


def _unify_arguments(cx: Context, name: str, callee: Callee, placed: Placed, bindings: Bindings, span: Span) -> bool:
    ok = True
    for param, type_, node, given in placed:
        if node is None or given is None:
            if given is not None:
                unify(bindings, type_, given.type)
            continue
        if isinstance(given.type, Thing) or given.type == VOID:
            what = given.type if isinstance(given.type, Thing) else "call without a result"
            cx.error(given.span, f"a value is expected here, not {article(what)}")
            ok = False
        elif not unify(bindings, type_, given.type):
            wanted = resolved(bindings, type_)
            cx.error_in(
                *_where(callee, node.span, span),
                f"argument for '{param.name}' of '{name}': expected {wanted}, found {given.type}"
                f"{why_not(given, wanted)}",
                (param.span, f"the parameter '{param.name}'"),
            )
            ok = False
    return ok


def _converted(
    cx: Context,
    name: str,
    callee: Callee,
    placed: Placed,
    found: dict[TypeVar, Type],
    unbound: frozenset[TypeVar],
    span: Span,
) -> tuple[typed.Expr | None, ...] | None:
    args: list[typed.Expr | None] = []
    ok = True
    for param, type_, node, given in placed:
        wanted = substitute(type_, found)
        if node is None:
            default = None if given is None else convert(cx, given, wanted)
            args.append(default if default is not None else given)
            continue
        generic = mentions(type_, frozenset(found))
        argument = _argument(cx, name, callee, param, wanted, generic, node, given, unbound, span)
        ok = ok and (argument is not None or given is None)
        args.append(argument)
    return tuple(args) if ok else None


def _argument(
    cx: Context,
    name: str,
    callee: Callee,
    param: ParamSymbol,
    wanted: Type,
    generic: bool,
    node: ast.Argument,
    given: typed.Expr | None,
    unbound: frozenset[TypeVar],
    span: Span,
) -> typed.Expr | None:
    note = (param.span, f"the parameter '{param.name}'")
    if given is None:
        if param.direction != "out" and not param.optional:
            cx.error(node.span, f"'_' may be given to out parameters only, and '{param.name}' is none", note)
        return None
    if param.direction in ("out", "inout"):
        if not legality.is_lvalue(given):
            cx.error_in(
                *_where(callee, node.span, span),
                f"the {param.direction} parameter '{param.name}' of '{name}' needs something to write to",
                note,
            )
            return None
        if given.type != wanted and not mentions(wanted, unbound):
            text = f"argument for '{param.name}': expected {wanted}, found {given.type}"
            cx.error_in(*_where(callee, node.span, span), text, note)
            return None
        return given
    if generic and _not_at_run_time(callee, param, wanted):
        text = "the type" if is_anonymous(wanted) or wanted == STRING else "the width"
        message = f"{text} of this value cannot be inferred: it would be {wanted}"
        if wanted == STRING and param.span.file == node.span.file:
            cx.error(param.span, f"the parameter '{param.name}' cannot be a string", (given.span, message))
        else:
            cx.error(given.span, message, note)
        return None
    if _made_by_function(cx, param, wanted, given):
        pass
    elif not param.direction and param.role not in ("action", "function") and not _known_enough(given, wanted):
        cx.error(node.span, f"the argument for '{param.name}' must be a compile-time known value", note)
        return None
    if mentions(wanted, unbound):
        return given
    converted = convert(cx, given, wanted)
    if converted is None:
        cx.error_in(
            *_where(callee, node.span, span),
            f"argument for '{param.name}' of '{name}': expected {wanted}, found {given.type}{why_not(given, wanted)}",
            note,
        )
    return converted


def _made_by_function(cx: Context, param: ParamSymbol, wanted: Type, given: typed.Expr) -> bool:
    """Whether a constructor is given what an extern function makes: an object, or (externs only) a value."""
    objects = isinstance(wanted, Extern) and param.role in ("constructor", "package")
    if not (objects or param.role == "extern") or not legality.is_made_by_function(given):
        return False
    cx.warn(given.span, "the result of an extern function as a constructor's argument is an extension (18.1)")
    return True


def _not_at_run_time(callee: Callee, param: ParamSymbol, inferred: Type) -> bool:
    """Whether a value of the inferred type cannot be passed: it has no width, or no named type."""
    if param.direction == "in" or param.role == "function":
        return needs_width(inferred) or is_anonymous(inferred) or inferred in (STRING, DONT_CARE)
    return False


def _known_enough(given: typed.Expr, wanted: Type) -> bool:
    return isinstance(wanted, (Extern, Block, Package)) or legality.is_compile_time(given)
