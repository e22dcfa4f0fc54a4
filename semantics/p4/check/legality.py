"""What may stand where: assignable expressions, compile-time known values, and the table of calls (spec appendix F)."""

from __future__ import annotations

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
    match expr:
        case typed.Call() | typed.BlockApply() | typed.TableApply():
            return True
        case typed.Member(base=base) | typed.Slice(base=base) | typed.Cast(operand=base) | typed.Unary(operand=base):
            return has_call(base)
        case typed.Binary(left=left, right=right) | typed.Index(base=left, index=right):
            return has_call(left) or has_call(right)
        case typed.Mux(condition=test, then=then, otherwise=otherwise):
            return has_call(test) or has_call(then) or has_call(otherwise)
        case typed.Aggregate(values=values):
            return any(map(has_call, values))
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
