"""Statements and local declarations (spec 12)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from ...ir import BinaryOp
from ...source import NOWHERE, Span
from .. import syntax as ast
from . import annotate, declarations, expressions, instances, legality, operators, placement, typed, typenames
from .context import Context, Phase
from .convert import coerce, convert
from .symbols import ActionSymbol, VarSymbol
from .types import (
    ERROR,
    INT,
    UNKNOWN,
    VOID,
    ActionRun,
    Bits,
    Braces,
    Enum,
    Extern,
    ListOf,
    Stack,
    Tuple,
    Type,
    bare,
)

EMPTY: Final = typed.Block(NOWHERE, ())


def block(cx: Context, node: ast.Block) -> typed.Block:
    """A block statement, with a scope of its own."""
    with cx.nested():
        body = sequence(cx, node.statements)
    return typed.Block(node.span, body, annotate.convert(cx, node.annotations))


def sequence(cx: Context, nodes: tuple[ast.Statement | ast.LocalDecl, ...]) -> tuple[typed.Stmt, ...]:
    """Statements in the present scope."""
    made: list[typed.Stmt] = []
    for node in nodes:
        made += statement(cx, node)
    return tuple(made)


def statement(cx: Context, node: ast.Statement | ast.LocalDecl) -> list[typed.Stmt]:
    """One statement: none, one or several typed ones."""
    found = _HANDLERS[type(node)](cx, node)
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def nested_block(cx: Context, node: ast.Statement | None) -> typed.Block:
    """A statement that may be a block, as a block."""
    if node is None:
        return EMPTY
    if isinstance(node, ast.Block):
        return block(cx, node)
    with cx.nested():
        return typed.Block(node.span, tuple(statement(cx, node)))


# --- declarations --------------------------------------------------------------------------------------------------


def _variable(cx: Context, node: ast.VariableDecl) -> typed.Stmt | None:
    type_ = typenames.resolve(cx, node.type)
    legal = placement.variable(cx, node, type_)
    init = None
    if isinstance(type_, Tuple) and INT in type_.elements and node.initializer is not None:
        return _numbers(cx, node, type_)
    if node.initializer is not None:
        what = f"initial value of '{node.name.text}'"
        init = expressions.of_type(cx, node.initializer, type_, what, whole=node.name.span)
    notes = annotate.convert(cx, node.annotations)
    symbol = VarSymbol(node.name.text, node.name.span, type_ if legal else UNKNOWN, annotations=notes)
    cx.declare(symbol)
    return typed.Declare(node.span, symbol, init)


def _numbers(cx: Context, node: ast.VariableDecl, type_: Tuple) -> typed.Stmt | None:
    """A tuple with ``int`` in it that holds what it is initialised with: each number with a width that it fits."""
    assert node.initializer is not None
    given = expressions.value(cx, node.initializer)
    values = given.values if isinstance(given, typed.Aggregate) else ()
    widths = tuple(_with_width(t, v) for t, v in zip(type_.elements, values, strict=False))
    held = Tuple(widths) if len(values) == len(type_.elements) and INT not in widths else type_
    init = coerce(cx, given, held, node.initializer.span, f"initial value of '{node.name.text}'")
    if held is not type_:
        cx.warn(node.span, "a variable with an int in it is an extension: it keeps its first value (7.1.6.5)")
    notes = annotate.convert(cx, node.annotations)
    symbol = VarSymbol(node.name.text, node.name.span, held, True, type_, annotations=notes)
    cx.declare(symbol)
    return typed.Declare(node.span, symbol, init)


def _with_width(wanted: Type, value: typed.Expr) -> Type:
    """``int`` as the type of bits that holds ``value``; other types as they are."""
    if wanted != INT:
        return wanted
    if isinstance(value, typed.Const) and value.type == INT:
        return Bits(int(value.value).bit_length() + 1, signed=True)
    return value.type if isinstance(value.type, Bits) else wanted


def _const(cx: Context, node: ast.ConstDecl) -> list[typed.Stmt]:
    declarations.const(cx, node)
    return []


def _instantiation(cx: Context, node: ast.Instantiation) -> typed.Stmt | None:
    symbol = instances.instantiation(cx, node)
    return None if symbol is None else typed.DeclareInstance(node.span, symbol)


# --- assignments and calls -----------------------------------------------------------------------------------------


def _assignment(cx: Context, node: ast.Assignment) -> typed.Stmt | list[typed.Stmt] | None:
    target = expressions.value(cx, node.target)
    value = expressions.value(cx, node.value)
    if target.type is UNKNOWN:
        return None
    if not legality.is_lvalue(target) or isinstance(target.type, Extern):
        cx.error(node.target.span, "this cannot be assigned to")
        return None
    if value.type is UNKNOWN:
        return None
    if node.op != "=":
        return _compound(cx, node, target, value)
    return typed.Assign(
        node.span, target, coerce(cx, value, target.type, node.value.span, "assignment", whole=node.span)
    )


def _compound(
    cx: Context, node: ast.Assignment, target: typed.Expr, value: typed.Expr
) -> typed.Stmt | list[typed.Stmt] | None:
    """``a op= b`` is ``a = a op b`` with the place ``a`` found once."""
    before: list[typed.Stmt] = []
    once = _stable(target, before)
    result = operators.binary(cx, cast(BinaryOp, node.op[:-1]), once, value, node.span)
    if result.type is UNKNOWN:
        return None
    stored = convert(cx, result, target.type)
    if stored is None:
        cx.error(node.span, f"'{node.op}': expected {target.type}, found {result.type}")
        return None
    return [*before, typed.Assign(node.span, once, stored)]


def _stable(target: typed.Expr, before: list[typed.Stmt]) -> typed.Expr:
    """``target`` with indices that are computed by calls kept in variables."""
    match target:
        case typed.Member(base=base):
            return typed.Member(target.type, target.span, _stable(base, before), target.name)
        case typed.Slice(base=base):
            return typed.Slice(target.type, target.span, _stable(base, before), target.high, target.low)
        case typed.PlusSlice(base=base, low=low):
            return typed.PlusSlice(target.type, target.span, _stable(base, before), _kept(low, before), target.width)
        case typed.Index(base=base, index=index):
            return typed.Index(target.type, target.span, _stable(base, before), _kept(index, before))
    return target


def _kept(index: typed.Expr, before: list[typed.Stmt]) -> typed.Expr:
    if isinstance(index, (typed.Const, typed.Var)):
        return index
    symbol = VarSymbol("index", index.span, index.type, used=True)
    before.append(typed.Declare(index.span, symbol, index))
    return typed.Var(index.type, index.span, symbol)


def _call(cx: Context, node: ast.CallStatement) -> typed.Stmt | None:
    call = expressions.expr(cx, node.call)
    if call.type is UNKNOWN or isinstance(call, typed.Const):
        return None
    return typed.Do(node.span, call)


def _direct(cx: Context, node: ast.DirectApplication) -> typed.Stmt | None:
    call = instances.direct_application(cx, node)
    return None if call.type is UNKNOWN else typed.Do(node.span, call)


# --- control flow --------------------------------------------------------------------------------------------------


def _if(cx: Context, node: ast.If) -> typed.Stmt | None:
    if cx.place.kind == "parser":
        cx.error(node.span, "a conditional cannot stand here")
    test = expressions.condition(cx, node.condition, "the condition of 'if'")
    return typed.If(node.span, test, nested_block(cx, node.then), nested_block(cx, node.otherwise))


def _switch(cx: Context, node: ast.Switch) -> typed.Stmt | None:
    if cx.place.kind == "state":
        cx.error(node.span, "'switch' cannot be used in a parser", phase=Phase.STRUCTURE)
    subject = _switch_subject(cx, node)
    cases: list[typed.SwitchCase] = []
    seen: dict[object, Span] = {}
    for i, case in enumerate(node.cases):
        label: typed.Expr | ActionSymbol | None = None
        if isinstance(case.label, ast.DefaultSet):
            if i + 1 < len(node.cases):
                text = "'default' must be the last label of a switch"
                cx.error(node.span, text, (case.label.span, "it"), phase=Phase.STRUCTURE)
        else:
            label = _label(cx, case.label, subject)
            _once(cx, label, case.label.span, seen)
        body = None if case.body is None else block(cx, case.body)
        cases.append(typed.SwitchCase(label, body, case.span))
    return None if subject.type is UNKNOWN else typed.Switch(node.span, subject, tuple(cases))


def _switch_subject(cx: Context, node: ast.Switch) -> typed.Expr:
    subject = expressions.value(cx, node.subject)
    type_ = subject.type
    if isinstance(bare(type_), (Bits, Enum, ActionRun)) or type_ in (ERROR, INT, UNKNOWN):
        return subject
    cx.error(node.subject.span, f"'switch' needs an action_run or a value of bits, enum or error, not {type_}")
    return typed.WRONG


def _once(cx: Context, label: typed.Expr | ActionSymbol | None, span: Span, seen: dict[object, Span]) -> None:
    key: object = label.name if isinstance(label, ActionSymbol) else getattr(label, "value", None)
    if key is None:
        return
    if key in seen:
        cx.error(span, "this label of the switch occurs twice", (seen[key], "the other one"), phase=Phase.WHOLE)
    seen.setdefault(key, span)


def _label(cx: Context, node: ast.Expression, subject: typed.Expr) -> typed.Expr | ActionSymbol | None:
    if isinstance(subject.type, ActionRun):
        return _action_label(cx, node, subject.type)
    if subject.type is UNKNOWN:
        return None
    label = expressions.of_type(cx, node, subject.type, "label", whole=subject.span)
    if not isinstance(label, typed.Const):
        if label.type is not UNKNOWN and type(label) is not typed.Expr:
            cx.error(node.span, "a label of a switch must be a compile-time known value")
        return None
    return label


def _action_label(cx: Context, node: ast.Expression, run: ActionRun) -> ActionSymbol | None:
    table = run.symbol
    if not isinstance(node, ast.NameExpr) or node.absolute:
        cx.error(node.span, f"a label must be an action of the table '{table.name}'", (table.span, "the table"))
        return None
    action = table.action_names.get(node.name)
    if action is None:
        cx.error(node.span, f"'{node.name}' is no action of the table '{table.name}'", (table.span, "the table"))
    return action


def _for(cx: Context, node: ast.For) -> typed.Stmt | None:
    with cx.nested():
        init = sequence(cx, node.init)
        test = expressions.condition(cx, node.condition, "the condition of 'for'")
        update = sequence(cx, node.update)
        with cx.at(loops=cx.place.loops + 1):
            body = nested_block(cx, node.body)
    return typed.For(node.span, init, test, update, body)


def _for_in(cx: Context, node: ast.ForIn) -> typed.Stmt | None:
    type_ = typenames.resolve(cx, node.variable.type)
    over: typed.RangeSet | typed.Expr
    if isinstance(node.collection, ast.RangeSet):
        over = _range(cx, node.collection, type_)
    else:
        over = expressions.value(cx, node.collection)
        over = convert(cx, over, ListOf(type_)) or over if isinstance(over.type, Braces) else over
        element = _element_type(over.type)
        if element is None:
            cx.error(node.collection.span, f"'for in' cannot go through a value of type {over.type}")
        elif element != type_ and element is not UNKNOWN and type_ is not UNKNOWN and element != INT:
            cx.error(node.variable.span, f"the variable is of type {type_}, the elements are of type {element}")
    with cx.nested(loops=cx.place.loops + 1):
        name = node.variable.name
        symbol = VarSymbol(name.text, name.span, type_)
        symbol.annotations = annotate.convert(cx, node.variable.annotations)
        cx.declare(symbol)
        body = nested_block(cx, node.body)
    return typed.ForIn(node.span, symbol, over, body)


def _range(cx: Context, node: ast.RangeSet, type_: Type) -> typed.RangeSet:
    low = expressions.of_type(cx, node.low, type_, "start of the range")
    high = expressions.of_type(cx, node.high, type_, "end of the range")
    if not isinstance(bare(type_), Bits) and type_ is not UNKNOWN:
        cx.error(node.span, f"a range cannot be of type {type_}")
    return typed.RangeSet(node.span, low, high)


def _element_type(type_: Type) -> Type | None:
    match type_:
        case Stack(element, _) | ListOf(element):
            return element
        case Tuple(elements) if elements:
            return elements[0] if all(e == elements[0] for e in elements) else None
        case _ if type_ is UNKNOWN:
            return UNKNOWN
    return None


# --- leaving -------------------------------------------------------------------------------------------------------


def _return(cx: Context, node: ast.Return) -> typed.Stmt | None:
    result = cx.place.result
    if cx.place.kind in ("state", "parser"):
        cx.error(node.span, "'return' cannot be used in a parser", phase=Phase.STRUCTURE)
        return None
    if node.value is None:
        if result not in (VOID, UNKNOWN):
            cx.error(node.span, f"'return' needs a value of type {result}")
        return typed.Leave(node.span, "return")
    if result == VOID:
        expressions.value(cx, node.value)
        cx.error(node.span, "'return' with a value where none is returned")
        return None
    return typed.Leave(node.span, "return", expressions.of_type(cx, node.value, result, "result", whole=node.span))


def _exit(cx: Context, node: ast.Exit) -> typed.Stmt | None:
    if cx.place.kind not in ("apply", "action"):
        cx.error(node.span, "'exit' can be used in controls and actions only", phase=Phase.STRUCTURE)
        return None
    return typed.Leave(node.span, "exit")


def _break(cx: Context, node: ast.Break | ast.Continue) -> typed.Stmt | None:
    word: Any = "break" if isinstance(node, ast.Break) else "continue"
    if not cx.place.loops:
        cx.error(node.span, f"'{word}' outside of a loop", phase=Phase.STRUCTURE)
        return None
    return typed.Leave(node.span, word)


_HANDLERS: Final[dict[type[ast.Node], Callable[[Context, Any], typed.Stmt | list[typed.Stmt] | None]]] = {
    ast.VariableDecl: _variable,
    ast.ConstDecl: _const,
    ast.Instantiation: _instantiation,
    ast.EmptyStatement: lambda cx, node: None,
    ast.Assignment: _assignment,
    ast.CallStatement: _call,
    ast.DirectApplication: _direct,
    ast.Block: block,
    ast.If: _if,
    ast.Switch: _switch,
    ast.For: _for,
    ast.ForIn: _for_in,
    ast.Exit: _exit,
    ast.Return: _return,
    ast.Break: _break,
    ast.Continue: _break,
}


def always_returns(stmt: typed.Stmt) -> bool:
    """Whether every path through ``stmt`` ends in ``return`` (or ``exit``)."""
    match stmt:
        case typed.Block(body=body):
            return any(map(always_returns, body))
        case typed.Leave(kind=kind):
            return kind in ("return", "exit")
        case typed.If(then=then, otherwise=otherwise):
            return always_returns(then) and always_returns(otherwise)
        case typed.Switch(cases=cases):
            complete = any(c.label is None for c in cases)
            return complete and all(c.body is None or always_returns(c.body) for c in cases)
    return False
