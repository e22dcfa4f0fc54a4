"""What may stand where: assignable expressions, compile-time known values, and the table of calls (spec appendix F)."""

from __future__ import annotations

from collections.abc import Iterator

from ...source import Span
from . import typed
from .context import Context
from .symbols import (
    ActionSymbol,
    BlockSymbol,
    ExternSymbol,
    FunctionSymbol,
    MethodSymbol,
    PackageSymbol,
    ParamSymbol,
    TableSymbol,
    TypeSymbol,
    VarSymbol,
)
from .types import Extern, Stack


def is_lvalue(expr: typed.Expr) -> bool:
    """Whether ``expr`` may be written to (spec 6.7)."""
    while True:
        match expr:
            case typed.Member(base=base, name=name):
                if name in ("last", "lastIndex") and isinstance(base.type, Stack):  # "never an l-value" (spec 8.18)
                    return False
                expr = base
            case typed.Index(base=base) | typed.Slice(base=base) | typed.PlusSlice(base=base):
                expr = base
            case typed.Var(symbol=VarSymbol(read_only=read_only)):
                return not read_only
            case typed.Var(symbol=ParamSymbol(direction=direction, type=type_)):
                return direction in ("out", "inout") or isinstance(type_, Extern)
            case _:
                return expr is typed.WRONG


def is_compile_time(expr: typed.Expr) -> bool:
    """Whether ``expr`` is a compile-time known value (spec 18.1), which constructor parameters are as well."""
    match expr:
        case typed.Const() | typed.ConstructorParam() | typed.Object() | typed.Construct() | typed.SizeOf():
            return True
        case typed.Default() | typed.Invalid():
            return True
        case typed.Aggregate(values=values):
            return all(map(is_compile_time, values))
        case typed.Member(base=base) | typed.Slice(base=base):
            return is_compile_time(base)
        case typed.Cast(operand=operand) | typed.Unary(operand=operand):
            return is_compile_time(operand)
        case typed.Binary(left=left, right=right) | typed.Index(base=left, index=right):
            return is_compile_time(left) and is_compile_time(right)
        case typed.Mux(condition=test, then=then, otherwise=otherwise):
            return is_compile_time(test) and is_compile_time(then) and is_compile_time(otherwise)
        case typed.Var(symbol=ParamSymbol(direction="", role="function" | "method")):
            return True
    return expr is typed.WRONG


def is_made_by_function(expr: typed.Expr) -> bool:
    """Whether ``expr`` is the result of an extern function at compile time, which only the machine knows."""
    if not isinstance(expr, typed.Call) or not isinstance(expr.callee, FunctionSymbol) or not expr.callee.extern:
        return False
    return all(a is None or is_compile_time(a) or is_made_by_function(a) for a in expr.args)


def has_call(expr: typed.Expr) -> bool:
    """Whether anything is called in ``expr``."""
    return next(_calls(expr), None) is not None


def has_effect(expr: typed.Expr) -> bool:
    """Whether ``expr`` calls anything but functions that only compute: these may be called in any order."""
    return not all(map(_only_computes, _calls(expr)))


def _calls(expr: typed.Expr) -> Iterator[typed.Expr]:
    """The calls in ``expr``, save those in another call's arguments."""
    match expr:
        case typed.Call() | typed.BlockApply() | typed.TableApply():
            yield expr
        case (
            typed.Member(base=base)
            | typed.Slice(base=base)
            | typed.Cast(operand=base)
            | typed.Unary(operand=base)
            | typed.HeaderOp(base=base)
        ):
            yield from _calls(base)
        case (
            typed.Binary(left=left, right=right)
            | typed.Index(base=left, index=right)
            | typed.PlusSlice(base=left, low=right)
        ):
            yield from (*_calls(left), *_calls(right))
        case typed.Mux(condition=test, then=then, otherwise=otherwise):
            yield from (*_calls(test), *_calls(then), *_calls(otherwise))
        case typed.Aggregate(values=values):
            yield from (call for value in values for call in _calls(value))


def _only_computes(call: typed.Expr) -> bool:
    if not isinstance(call, typed.Call) or not isinstance(call.callee, FunctionSymbol) or call.callee.body is None:
        return False
    if any(param.direction != "in" for param in call.callee.params):
        return False
    return not any(arg is not None and has_effect(arg) for arg in call.args) and _without_effect(call.callee.body)


def _without_effect(stmt: typed.Stmt) -> bool:
    """Whether a statement of a function that can change nothing but its own variables calls nothing that can."""
    match stmt:
        case typed.Declare(init=value) | typed.Leave(value=value):
            return value is None or not has_effect(value)
        case typed.Assign(target=target, value=value):
            return not has_effect(target) and not has_effect(value)
        case typed.Block(body=body):
            return all(map(_without_effect, body))
        case typed.If(condition=test, then=then, otherwise=otherwise):
            return not has_effect(test) and _without_effect(then) and _without_effect(otherwise)
    return False


# --- calls ---------------------------------------------------------------------------------------------------------


def function_call(cx: Context, function: FunctionSymbol, span: Span) -> None:
    """A function, extern or not, is called."""
    made = function.extern and cx.place.constructing
    if cx.place.kind == "top" and function.name != "static_assert" and not made:
        cx.error(span, f"the function '{function.name}' cannot be called here")


def action_call(cx: Context, action: ActionSymbol, span: Span) -> None:
    """An action is called directly."""
    if cx.place.kind not in ("apply", "action"):
        cx.error(span, f"the action '{action.name}' cannot be called from here", (action.span, "the action"))


def method_call(
    cx: Context, extern: ExternSymbol, method: MethodSymbol, args: tuple[typed.Expr | None, ...], span: Span
) -> None:
    """A method of an extern object is called."""
    if cx.place.kind == "top":
        cx.error(span, f"the method '{method.name}' cannot be called here")


def table_apply(cx: Context, table: TableSymbol, span: Span) -> None:
    """A table is applied: in the body of its control, or for the key of another table."""
    if cx.place.kind != "apply" and (cx.place.kind != "key" or cx.place.table in (None, table)):
        cx.error(span, f"the table '{table.name}' cannot be applied here", (table.span, "the table"))


def block_apply(cx: Context, block: BlockSymbol, span: Span) -> None:
    """A parser or control is applied."""
    wanted = "apply" if block.kind == "control" else "state"
    if cx.place.kind != wanted:
        cx.error(span, f"the {block.kind} '{block.name}' cannot be applied here", (block.span, "its declaration"))


def nameless_instance(cx: Context, made: TypeSymbol, span: Span) -> None:
    """``T(...)`` as an expression: a constructor argument, or a table's property."""
    if isinstance(made, PackageSymbol) and cx.place.kind not in ("top",):
        cx.error(span, f"the package '{made.name}' can be instantiated at the top level only")
