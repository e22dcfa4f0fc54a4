"""Typed expressions to the IR's. What becomes known with the constructor arguments is folded."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ... import ir
from ...source import InputError, Unsupported
from ..check import calls, legality, typed
from ..check.constants import BadConstant, fold_binary, fold_cast, fold_slice, fold_unary
from ..check.context import Context, Report
from ..check.operators import plain
from ..check.symbols import ActionSymbol, FunctionSymbol, MethodSymbol, ParamSymbol, Scope
from ..check.types import DONT_CARE, INT, Extern, Stack, Type, substitute
from . import blocks, functions, runtime_int
from .environment import Environment

Instances = Callable[[Environment, typed.Construct, str], ir.Expr]


def expr(env: Environment, node: typed.Expr) -> ir.Expr:
    """The IR's expression."""
    return _HANDLERS[type(node)](env, node)


def optional(env: Environment, node: typed.Expr | None) -> ir.Expr | None:
    """An expression that may be missing."""
    return None if node is None else expr(env, node)


def integer(env: Environment, node: typed.Expr, what: str) -> int:
    """The value of an expression that is known by now."""
    made = expr(env, node)
    if isinstance(made, ir.Const) and isinstance(made.value, int):
        return int(made.value)
    raise InputError.at(node.span, f"{what} is not known at compile time")


def _const(env: Environment, node: typed.Const) -> ir.Expr:
    return ir.Const(node.value, env.type(node.type), node.span)


def _var(env: Environment, node: typed.Var) -> ir.Expr:
    known = env.values.get(node.symbol) if isinstance(node.symbol, ParamSymbol) else None
    if known is not None:
        return known
    return ir.Var(env.name(node.symbol), env.type(node.type), node.span)


def _constructor_param(env: Environment, node: typed.ConstructorParam) -> ir.Expr:
    known = env.values.get(node.symbol)
    if known is None:
        raise Unsupported(f"the optional parameter '{node.symbol.name}' is used, but no argument is given", node.span)
    if isinstance(known, ir.Const):
        return ir.Const(known.value, known.type, node.span)
    return known


def _object(env: Environment, node: typed.Object) -> ir.Expr:
    if isinstance(node.type, Stack):
        raise Unsupported("an array of objects, or one of its objects, that is passed on", node.span)
    return _object_name(env, node)


def _object_name(env: Environment, node: typed.Object) -> ir.Expr:
    name = env.this if node.symbol is None else env.object(node.symbol)
    type_ = node.type.element if isinstance(node.type, Stack) else node.type
    return ir.Const(name, env.type(type_), node.span)


def _construct(env: Environment, node: typed.Construct) -> ir.Expr:
    return blocks.nameless(env, node)


def _member(env: Environment, node: typed.Member) -> ir.Expr:
    base = expr(env, node.base)
    if isinstance(base, ir.Aggregate) and isinstance(base.type, (ir.StructType, ir.HeaderType)):
        for item, value in zip(base.type.fields, base.values, strict=True):
            if item.name == node.name and _is_constant(value):
                return value
    return ir.Member(base, node.name, env.type(node.type), node.span)


def _is_constant(node: ir.Expr) -> bool:
    return isinstance(node, ir.Const) or (isinstance(node, ir.Aggregate) and all(map(_is_constant, node.values)))


def _index(env: Environment, node: typed.Index) -> ir.Expr:
    base, index = expr(env, node.base), expr(env, node.index)
    if isinstance(base, ir.Aggregate) and isinstance(index, ir.Const) and _is_constant(base):
        place = int(index.value)
        if 0 <= place < len(base.values):
            return base.values[place]
    if isinstance(base.type, ir.StackType) and base.type.size == 0:
        raise InputError.at(node.span, "an array without elements has none to read or write")
    return ir.Index(base, index, env.type(node.type), node.span)


def _slice(env: Environment, node: typed.Slice) -> ir.Expr:
    base = expr(env, node.base)
    if isinstance(base, ir.Const):
        return ir.Const(fold_slice(int(base.value), node.high, node.low), env.type(node.type), node.span)
    return ir.Slice(base, node.high, node.low, env.type(node.type), node.span)


def _plus_slice(env: Environment, node: typed.PlusSlice) -> ir.Expr:
    base, low = expr(env, node.base), expr(env, node.low)
    type_ = env.type(node.type)
    if isinstance(low, ir.Const):
        start = int(low.value)
        return ir.Slice(base, start + node.width - 1, start, type_, node.span)
    moved = ir.Binary(">>", base, low, base.type, node.span)
    return ir.Slice(moved, node.width - 1, 0, type_, node.span)


def _unary(env: Environment, node: typed.Unary) -> ir.Expr:
    operand = expr(env, node.operand)
    type_ = env.type(node.type)
    if isinstance(operand, ir.Const):
        return ir.Const(fold_unary(node.op, operand.value, env.concrete(node.type)), type_, node.span)
    return ir.Unary(node.op, operand, type_, node.span)


def _binary(env: Environment, node: typed.Binary) -> ir.Expr:
    left, right = expr(env, node.left), expr(env, node.right)
    type_ = env.type(node.type)
    if isinstance(left, ir.Const) and isinstance(right, ir.Const):
        result, first, second = (env.concrete(t) for t in (node.type, node.left.type, node.right.type))
        try:
            value = fold_binary(node.op, left.value, right.value, result, first, second)
        except BadConstant as bad:
            raise InputError.at(node.span, str(bad)) from None
        return ir.Const(value, type_, node.span)
    if node.op in ("/", "%") and isinstance(right, ir.Const) and int(right.value) == 0:
        raise InputError.at(node.span, "division by zero")
    if node.op in ("<<", ">>") and isinstance(right, ir.Const) and isinstance(right.type, ir.IntType):
        amount = int(right.value)
        if amount < 0:
            raise InputError.at(node.span, "shift by a negative amount")
        right = ir.Const(amount, ir.BitsType(max(1, amount.bit_length())), right.span)
    return ir.Binary(node.op, left, right, type_, node.span)


def _cast(env: Environment, node: typed.Cast) -> ir.Expr:
    type_ = env.type(node.type)
    if node.operand.type == INT and isinstance(type_, ir.BitsType) and not legality.is_compile_time(node.operand):
        return runtime_int.low_bits(env, node.operand, type_)
    operand = expr(env, node.operand)
    if operand.type == type_:
        return operand
    if isinstance(operand, ir.Const) and not isinstance(operand.value, str):
        try:
            source, target = plain(env.concrete(node.operand.type)), plain(env.concrete(node.type))
            return ir.Const(fold_cast(operand.value, source, target), type_, node.span)
        except BadConstant as bad:
            raise InputError.at(node.span, str(bad)) from None
    if isinstance(type_, ir.IntType):
        raise Unsupported("a value of type int that is not known at compile time", node.span)
    return ir.Cast(operand, type_, node.span)


def _mux(env: Environment, node: typed.Mux) -> ir.Expr:
    test, then, otherwise = expr(env, node.condition), expr(env, node.then), expr(env, node.otherwise)
    if isinstance(test, ir.Const):
        return then if test.value else otherwise
    return ir.Mux(test, then, otherwise, env.type(node.type), node.span)


def _aggregate(env: Environment, node: typed.Aggregate) -> ir.Expr:
    return ir.Aggregate(tuple(expr(env, v) for v in node.values), env.type(node.type), node.span)


def _header_op(env: Environment, node: typed.HeaderOp) -> ir.Expr:
    count = 0 if node.count is None else integer(env, node.count, f"the argument of '{node.op}'")
    if count < 0:
        raise InputError.at(node.span, f"the argument of '{node.op}' must not be negative")
    return ir.HeaderOp(node.op, expr(env, node.base), count, env.type(node.type), node.span)


def _size_of(env: Environment, node: typed.SizeOf) -> ir.Expr:
    report = Report()
    cx = Context(report, Scope(), typed.Program())
    found = calls.size_of(cx, env.concrete(node.of), node.method, node.span)
    if report.diagnostics:
        raise InputError(report.diagnostics)
    return expr(env, found)


# --- calls ---------------------------------------------------------------------------------------------------------


def _call(env: Environment, node: typed.Call) -> ir.Expr:
    args = arguments(env, node.args, node.callee.params)
    if isinstance(node.callee, ActionSymbol):
        return ir.FunctionCall(env.action(node.callee), args, ir.VOID, node.span)
    type_args = tuple(env.concrete(t) for t in node.type_args)
    if isinstance(node.callee, FunctionSymbol) and not node.callee.extern:
        name = functions.instance(env.shared, node.callee, type_args)
        return ir.FunctionCall(name, args, env.type(node.type), node.span)
    return _extern_call(env, node, node.callee, type_args, args)


def arguments(
    env: Environment, args: tuple[typed.Expr | None, ...], params: tuple[ParamSymbol, ...]
) -> tuple[ir.Expr | None, ...]:
    """Arguments of a call, None where there is none."""
    made: list[ir.Expr | None] = []
    for param, arg in zip(params, args, strict=True):
        if blocks.is_number(param):
            continue
        if isinstance(arg, typed.PlusSlice) and param.direction in ("out", "inout"):
            if not isinstance(expr(env, arg.low), ir.Const):
                raise Unsupported("a slice at a place known at run time only, given to an out parameter", arg.span)
        made.append(optional(env, arg))
    return tuple(made)


def _extern_call(
    env: Environment,
    node: typed.Call,
    callee: FunctionSymbol | MethodSymbol,
    type_args: tuple[Type, ...],
    args: tuple[ir.Expr | None, ...],
) -> ir.Expr:
    to = dict(zip(callee.type_params, type_args, strict=True))
    extern, method, name, is_param = callee.name, "", None, False
    index: ir.Expr | None = None
    if isinstance(callee, FunctionSymbol):
        env.shared.declared.add(callee)
    if isinstance(callee, MethodSymbol) and callee.owner is not None and node.receiver is not None:
        owner = env.concrete(node.receiver.type)
        extern, method = callee.owner.name, callee.name
        to.update(zip(callee.owner.type_params, getattr(owner, "args", ()), strict=False))
        receiver, index = _receiver(env, node.receiver)
        if isinstance(receiver, ir.Var):
            name, is_param = receiver.name, True
        elif isinstance(receiver, ir.Const):
            name = str(receiver.value)
        else:
            raise Unsupported("a method of an object that is computed", node.span)
    params = tuple(param(env, p, substitute(p.type, to)) for p in callee.params)
    made = tuple(env.type(t) for t in type_args)
    return ir.ExternCall(name, extern, method, made, args, params, env.type(node.type), is_param, node.span, index)


def _receiver(env: Environment, node: typed.Expr) -> tuple[ir.Expr, ir.Expr | None]:
    """The object, or the array and which of its objects."""
    if isinstance(node, typed.Index) and isinstance(node.base, typed.Object):
        return _object_name(env, node.base), expr(env, node.index)
    return expr(env, node), None


def param(env: Environment, symbol: ParamSymbol, type_: Type, name: str | None = None) -> ir.Param:
    """A parameter in the IR; ``name`` is given to those of what has a body, where no ``int`` may be."""
    made = env.type(type_)
    if name is not None and isinstance(made, ir.IntType):
        raise Unsupported(f"a parameter '{symbol.name}' of type int that is no constructor parameter", symbol.span)
    if name is not None and isinstance(type_, Extern) and DONT_CARE in type_.args:
        raise Unsupported(f"a parameter '{symbol.name}' whose type is another with each argument", symbol.span)
    return ir.Param(
        symbol.name if name is None else name,
        made,
        symbol.direction,
        symbol.optional,
        symbol.annotations,
        symbol.span,
    )


def _table_apply(env: Environment, node: typed.TableApply) -> ir.Expr:
    type_: ir.Type = ir.BOOL if node.result in ("hit", "miss") else ir.VOID
    return ir.TableApply(env.name(node.symbol), node.result, type_, node.span)


def _block_apply(env: Environment, node: typed.BlockApply) -> ir.Expr:
    instance = expr(env, node.instance)
    if not isinstance(instance, ir.Const):
        raise Unsupported("a block that is computed is applied", node.span)
    block = blocks.block_of(node.instance.type)
    name = str(instance.value)
    numbers = [(p, expr(env, a)) for p, a in zip(block.params, node.args, strict=True) if blocks.is_number(p) and a]
    if numbers:
        name = blocks.for_numbers(env.shared, name, numbers, node.span)
    return ir.BlockApply(name, arguments(env, node.args, block.params), ir.VOID, node.span)


def _named(env: Environment, node: typed.Named) -> ir.Expr:
    raise InputError.at(node.span, f"'{node.symbol.name}' is a {node.symbol.what}, not a value")


def _wrong(env: Environment, node: typed.Expr) -> ir.Expr:
    raise Unsupported("an expression without a meaning", node.span)


# --- sets ----------------------------------------------------------------------------------------------------------


def keyset(env: Environment, node: typed.KeySet) -> ir.KeySet:
    """A set of values."""
    match node:
        case typed.ValueSet(value=value):
            return ir.ValueSet(expr(env, value), node.span)
        case typed.MaskSet(value=value, mask=mask):
            return ir.MaskSet(expr(env, value), expr(env, mask), node.span)
        case typed.RangeSet(low=low, high=high):
            return ir.RangeSet(expr(env, low), expr(env, high), node.span)
        case typed.ParserValueSet(symbol=symbol):
            return ir.ParserValueSet(env.name(symbol), node.span)
    return ir.AnySet(node.span)


def _default(env: Environment, node: typed.Default) -> ir.Expr:
    """``...``: the literal that it stands for where it is a single value (spec 7.3)."""
    type_ = env.type(node.type)
    match ir.bare(type_):
        case ir.BitsType() | ir.IntType():
            return ir.Const(0, type_, node.span)
        case ir.BoolType():
            return ir.Const(False, type_, node.span)
        case ir.ErrorType():
            return ir.Const("NoError", type_, node.span)
        case ir.EnumType(members=members, values=values):
            return ir.Const(0 if values else members[0], type_, node.span)
    return ir.DefaultValue(type_, node.span)


_HANDLERS: Final[dict[type[typed.Expr], Callable[[Environment, Any], ir.Expr]]] = {
    typed.Expr: _wrong,
    typed.Const: _const,
    typed.Var: _var,
    typed.ConstructorParam: _constructor_param,
    typed.Object: _object,
    typed.Construct: _construct,
    typed.Named: _named,
    typed.Member: _member,
    typed.Index: _index,
    typed.Slice: _slice,
    typed.PlusSlice: _plus_slice,
    typed.Unary: _unary,
    typed.Binary: _binary,
    typed.Cast: _cast,
    typed.Mux: _mux,
    typed.Aggregate: _aggregate,
    typed.Invalid: lambda env, node: ir.InvalidHeader(env.type(node.type), node.span),
    typed.Default: _default,
    typed.HeaderOp: _header_op,
    typed.SizeOf: _size_of,
    typed.Call: _call,
    typed.TableApply: _table_apply,
    typed.BlockApply: _block_apply,
}
