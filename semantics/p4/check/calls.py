"""Calls: functions, methods, actions, ``apply``, built-in methods of headers, nameless instances (spec 8.20, 8.21)."""

from __future__ import annotations

from typing import Any, Literal, cast

from ...source import Span
from .. import syntax as ast
from . import corelib, expressions, legality, typed, typenames
from .context import Context
from .convert import applied_params, fields_of
from .overloads import Callee, Resolved, resolve_call
from .symbols import (
    ActionSymbol,
    BlockSymbol,
    ExternSymbol,
    MethodSymbol,
    Overloads,
    PackageSymbol,
    TableSymbol,
    TypeSymbol,
)
from .types import (
    BOOL,
    INT,
    UNKNOWN,
    VOID,
    ApplyResult,
    Bits,
    Block,
    Enum,
    Extern,
    New,
    Package,
    Record,
    Stack,
    Tuple,
    Type,
    TypeVar,
    Varbit,
    bare,
    is_header_stack,
    parts,
    substitute,
)
from .words import article, closest

WRONG = typed.WRONG
SIZES = frozenset(("minSizeInBits", "minSizeInBytes", "maxSizeInBits", "maxSizeInBytes"))


def call(cx: Context, node: ast.Call) -> typed.Expr:
    """A call, whatever it is of."""
    callee = node.callee
    if isinstance(callee, ast.Member):
        return _member_call(cx, node, callee)
    if isinstance(callee, ast.TypeMember):
        return _type_call(cx, node, callee)
    if isinstance(callee, ast.NameExpr):
        symbol = expressions.lookup(cx, callee)
        if symbol is None:
            arguments(cx, node.arguments)
            return WRONG
        if isinstance(symbol, Overloads):
            return _function_call(cx, node, symbol)
        if isinstance(symbol, ActionSymbol):
            return _action_call(cx, node, symbol)
        cx.error(
            callee.span,
            f"'{symbol.name}' is {article(symbol.what)} and cannot be called",
            (symbol.span, "declared here"),
        )
    else:
        cx.error(callee.span, "this cannot be called")
    arguments(cx, node.arguments)
    return WRONG


def arguments(cx: Context, nodes: tuple[ast.Argument, ...]) -> list[typed.Expr | None]:
    """The typed arguments; None for ``_``."""
    return [None if a.value is None else expressions.expr(cx, a.value) for a in nodes]


def _params(signature: Any, to: dict[TypeVar, Type]) -> list[tuple[Any, Type]]:
    return [(p, substitute(p.type, to)) for p in signature.params]


def _function_call(cx: Context, node: ast.Call, symbol: Overloads) -> typed.Expr:
    candidates = [Callee(f, f.type_params, _params(f, {}), f.result, "function") for f in symbol.functions]
    found = resolve_call(cx, symbol.name, candidates, node.type_arguments, node.arguments, node.span)
    if found is None:
        return WRONG
    function = found.callee.symbol
    legality.function_call(cx, function, node.span)
    corelib.function_call(cx, function, node.span)
    if function.extern and function.name == "static_assert":
        return _static_assert(cx, found, node.span)
    return typed.Call(found.result, node.span, function, found.type_args, found.args)


def _static_assert(cx: Context, found: Resolved, span: Span) -> typed.Expr:
    """``static_assert(condition, message)`` is decided here (P4-16 core library)."""
    test = found.args[0] if found.args else None
    if not isinstance(test, typed.Const):
        if test is not None and test.type is not UNKNOWN:
            cx.error(span, "the condition of static_assert must be a compile-time known value")
        return WRONG
    if test.value is not True:
        text = found.args[1] if len(found.args) > 1 else None
        said = f": {text.value}" if isinstance(text, typed.Const) else ""
        cx.error(span, f"static_assert failed{said}")
    return typed.Const(BOOL, span, True)


def _action_call(cx: Context, node: ast.Call, symbol: ActionSymbol) -> typed.Expr:
    callee = Callee(symbol, (), _params(symbol, {}), VOID, "action")
    found = resolve_call(cx, symbol.name, [callee], node.type_arguments, node.arguments, node.span)
    if found is None:
        return WRONG
    legality.action_call(cx, symbol, node.span)
    return typed.Call(VOID, node.span, symbol, (), found.args)


# --- methods -------------------------------------------------------------------------------------------------------


def _member_call(cx: Context, node: ast.Call, callee: ast.Member) -> typed.Expr:
    base = expressions.expr(cx, callee.base)
    name = callee.member.text
    if base.type is UNKNOWN:
        arguments(cx, node.arguments)
        return WRONG
    if isinstance(base, typed.Named):
        if isinstance(base.symbol, TableSymbol) and name == "apply":
            return _table_apply(cx, node, base.symbol)
        if isinstance(base.symbol, TypeSymbol):
            return _sizes_of_type(cx, node, base.symbol, callee.member)
        cx.error(
            callee.member.span, f"a {base.symbol.what} has no method '{name}'", (base.symbol.span, "declared here")
        )
        arguments(cx, node.arguments)
        return WRONG
    if isinstance(base.type, Block) and name == "apply":
        return _block_apply(cx, node, base, base.type)
    if isinstance(base.type, Extern):
        return _method_call(cx, node, callee, base, base.type)
    return _builtin(cx, node, callee, base)


def _table_apply(cx: Context, node: ast.Call, symbol: TableSymbol) -> typed.Expr:
    if node.arguments:
        cx.error(node.span, "a table is applied without arguments", (symbol.span, "the table"))
    legality.table_apply(cx, symbol, node.span)
    return typed.TableApply(ApplyResult(symbol), node.span, symbol, "")


def _block_apply(cx: Context, node: ast.Call, base: typed.Expr, block: Block) -> typed.Expr:
    callee = Callee(block.symbol, (), applied_params(block), VOID, block.symbol.kind)
    found = resolve_call(cx, "apply", [callee], node.type_arguments, node.arguments, node.span)
    legality.block_apply(cx, block.symbol, node.span)
    if found is None:
        return WRONG
    return typed.BlockApply(VOID, node.span, base, found.args)


def _method_call(cx: Context, node: ast.Call, callee: ast.Member, base: typed.Expr, extern: Extern) -> typed.Expr:
    name = callee.member.text
    overloads = extern.symbol.methods.get(name)
    if overloads is None:
        hint = closest(name, list(extern.symbol.methods))
        cx.error(callee.member.span, f"{extern} has no method '{name}'{hint}", (extern.symbol.span, "its declaration"))
        arguments(cx, node.arguments)
        return WRONG
    to = dict(zip(extern.symbol.type_params, extern.args, strict=False))
    candidates = [Callee(m, m.type_params, _params(m, to), substitute(m.result, to), "method") for m in overloads]
    found = resolve_call(cx, name, candidates, node.type_arguments, node.arguments, node.span)
    if found is None:
        return WRONG
    method: MethodSymbol = found.callee.symbol
    legality.method_call(cx, extern.symbol, method, found.args, node.span)
    corelib.method_call(cx, extern.symbol, method, found, node)
    return typed.Call(found.result, node.span, method, found.type_args, found.args, base)


def _builtin(cx: Context, node: ast.Call, callee: ast.Member, base: typed.Expr) -> typed.Expr:
    name = callee.member.text
    kind = base.type.symbol.kind if isinstance(base.type, Record) else None
    if name in SIZES and not isinstance(base.type, (Extern, Block)):
        _no_arguments(cx, node, name)
        return size_of(cx, base.type, name, node.span)
    if kind in ("header", "header_union") and name == "isValid":
        _no_arguments(cx, node, name)
        return typed.HeaderOp(BOOL, node.span, "isValid", base)
    if kind == "header" and name in ("setValid", "setInvalid"):
        _no_arguments(cx, node, name)
        _must_be_writable(cx, base, name)
        return typed.HeaderOp(VOID, node.span, cast(Literal["setValid", "setInvalid"], name), base)
    if is_header_stack(base.type) and name in ("push_front", "pop_front"):
        return _push_pop(cx, node, name, base)
    if isinstance(base.type, TypeVar) and name in ("isValid", "setValid", "setInvalid"):
        cx.error(callee.member.span, f"'{name}' is not defined on the type parameter {base.type}")
        return WRONG
    if name in fields_of(base.type):
        cx.error(callee.member.span, f"'{name}' is a field of {base.type}, which cannot be called")
    else:
        cx.error(callee.member.span, f"{base.type} has no method '{name}'{_methods_hint(base.type, name)}")
    arguments(cx, node.arguments)
    return WRONG


_OF_HEADERS = ("isValid", "setValid", "setInvalid")
_OF_STACKS = ("push_front", "pop_front")


def _methods_hint(type_: Type, name: str) -> str:
    if name in _OF_HEADERS:
        return ", which headers have"
    if name in _OF_STACKS:
        return ", which header stacks have"
    return closest(name, [*_OF_HEADERS, *_OF_STACKS, *SIZES, *fields_of(type_)])


def _no_arguments(cx: Context, node: ast.Call, name: str) -> None:
    if node.arguments or node.type_arguments:
        cx.error(node.span, f"'{name}' takes no arguments")


def _must_be_writable(cx: Context, base: typed.Expr, name: str) -> None:
    if not legality.is_lvalue(base):
        cx.error(base.span, f"'{name}' needs something that can be assigned to")


def _push_pop(cx: Context, node: ast.Call, name: str, base: typed.Expr) -> typed.Expr:
    _must_be_writable(cx, base, name)
    count = None
    if len(node.arguments) != 1 or node.arguments[0].value is None:
        cx.error(node.span, f"'{name}' takes one argument, {len(node.arguments)} given")
        return WRONG
    count = expressions.value(cx, node.arguments[0].value)
    if count.type is UNKNOWN:
        return WRONG
    if count.type != INT and not isinstance(bare(count.type), Bits):
        cx.error(count.span, f"'{name}' takes an integer, not {count.type}")
        return WRONG
    if not legality.is_compile_time(count):
        cx.error(count.span, f"the argument of '{name}' must be a compile-time known value")
        return WRONG
    if isinstance(count, typed.Const) and int(count.value) < 1:
        cx.error(count.span, f"the argument of '{name}' must be positive")
        return WRONG
    return typed.HeaderOp(VOID, node.span, cast(Literal["push_front", "pop_front"], name), base, count)


# --- sizes ---------------------------------------------------------------------------------------------------------


def _type_call(cx: Context, node: ast.Call, callee: ast.TypeMember) -> typed.Expr:
    if isinstance(callee.type, ast.NamedType):
        symbol = typenames.find_type(cx, callee.type)
        if symbol is None:
            return WRONG
        if not symbol.type_params:
            return _sizes_of_type(cx, node, symbol, callee.member)
    type_ = typenames.resolve(cx, callee.type)
    return _sizes(cx, node, type_, callee.member)


def _sizes_of_type(cx: Context, node: ast.Call, symbol: TypeSymbol, member: ast.Name) -> typed.Expr:
    if isinstance(symbol, BlockSymbol) and member.text == "apply":
        return direct_apply(cx, symbol, None, node.arguments, node.span)
    return _sizes(cx, node, symbol.applied(()), member)


def _sizes(cx: Context, node: ast.Call, type_: Type, member: ast.Name) -> typed.Expr:
    if type_ is UNKNOWN:
        return WRONG
    if member.text not in SIZES:
        cx.error(member.span, f"type {type_} has no method '{member.text}'{closest(member.text, list(SIZES))}")
        return WRONG
    _no_arguments(cx, node, member.text)
    return size_of(cx, type_, member.text, node.span)


def size_of(cx: Context, type_: Type, method: str, span: Span) -> typed.Expr:
    """``minSizeInBits`` and its kin (spec 9)."""
    if _open(type_):
        return typed.SizeOf(INT, span, type_, method)
    known = _size(type_, method.startswith("max"))
    if known is None:
        cx.error(span, f"'{method}' is not defined for {type_}")
        return WRONG
    return typed.Const(INT, span, (known + 7) // 8 if method.endswith("Bytes") else known)


def _open(type_: Type) -> bool:
    return isinstance(type_, TypeVar) or any(map(_open, parts(type_)))


def _size(type_: Type, largest: bool) -> int | None:
    """Bits of a type's values, at least or at most; None if that is not defined."""
    match type_:
        case New(symbol):
            return _size(symbol.base, largest)
        case Bits(width, _):
            return width
        case Varbit(width):
            return width if largest else 0
        case Enum(symbol):
            return symbol.underlying.width if symbol.underlying else None
        case Stack(element, count):
            one = _size(element, largest)
            return None if one is None else one * count
        case Tuple(elements):
            return _total([_size(e, largest) for e in elements])
        case Record(symbol, args):
            sizes = [_size(t, largest) for t in symbol.field_types(args).values()]
            if symbol.kind == "header_union":
                known = [s for s in sizes if s is not None]
                return (max if largest else min)(known, default=0) if len(known) == len(sizes) else None
            return _total(sizes)
    return 1 if type_ == BOOL else None


def _total(sizes: list[int | None]) -> int | None:
    known = [s for s in sizes if s is not None]
    return sum(known) if len(known) == len(sizes) else None


# --- instances -----------------------------------------------------------------------------------------------------


def construct(cx: Context, node: ast.Construct) -> typed.Expr:
    """A nameless instance, ``T(arguments)``."""
    made = typenames.constructed(cx, node.type)
    if made is None:
        arguments(cx, node.arguments)
        return WRONG
    legality.nameless_instance(cx, made[0], node.span)
    return instance(cx, made[0], made[1], node.arguments, node.span)


def instance(
    cx: Context,
    symbol: TypeSymbol,
    args: tuple[Type, ...] | None,
    nodes: tuple[ast.Argument, ...],
    span: Span,
    place: Span | None = None,
) -> typed.Expr:
    """An instance of an extern, parser, control or package with constructor arguments; WRONG after an error.

    Errors in the arguments that do not stand in the line of ``place`` are at ``place``.
    """
    candidates = _constructors(cx, symbol, args, span)
    if not candidates:
        arguments(cx, nodes)
        return WRONG
    with cx.at(constructing=True):
        found = resolve_call(cx, symbol.name, candidates, (), nodes, span, type_args=args, place=place)
    if found is None:
        return WRONG
    params = tuple(p for p, _ in found.callee.params)
    return typed.Construct(found.result, span, params, found.args)


def _constructors(cx: Context, symbol: TypeSymbol, args: tuple[Type, ...] | None, span: Span) -> list[Callee]:
    variables = symbol.type_params
    if isinstance(symbol, PackageSymbol):
        return [
            Callee(s, s.type_params, [(p, p.type) for p in s.params], Package(s, s.type_params), "package")
            for s in (symbol, *symbol.others)
        ]
    if isinstance(symbol, BlockSymbol):
        if not symbol.has_body:
            cx.error(
                span,
                f"'{symbol.name}' is a {symbol.kind} type; only a {symbol.kind} with a body can be instantiated",
                (symbol.span, "its declaration"),
            )
            return []
        params = [(p, p.type) for p in symbol.constructor_params]
        return [Callee(symbol, variables, params, Block(symbol, variables), symbol.kind)]
    if isinstance(symbol, ExternSymbol):
        if not symbol.constructors:
            cx.error(span, f"extern '{symbol.name}' has no constructor", (symbol.span, "its declaration"))
            return []
        result = Extern(symbol, variables)
        return [Callee(c, variables, [(p, p.type) for p in c.params], result, "extern") for c in symbol.constructors]
    cx.error(
        span, f"'{symbol.name}' is {article(symbol.what)} and cannot be instantiated", (symbol.span, "declared here")
    )
    return []


def direct_apply(
    cx: Context,
    symbol: BlockSymbol,
    args: tuple[Type, ...] | None,
    nodes: tuple[ast.Argument, ...],
    span: Span,
) -> typed.Expr:
    """``T.apply(arguments)``: a nameless instance of T without constructor arguments, applied."""
    made = instance(cx, symbol, args, (), span)
    if not isinstance(made.type, Block):
        arguments(cx, nodes)
        return WRONG
    callee = Callee(symbol, (), applied_params(made.type), VOID, symbol.kind)
    found = resolve_call(cx, "apply", [callee], (), nodes, span)
    legality.block_apply(cx, symbol, span)
    return WRONG if found is None else typed.BlockApply(VOID, span, made, found.args)
