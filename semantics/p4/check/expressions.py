"""Expressions (spec 8): names, members, operators, casts, literals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from ...ir import BinaryOp
from ...source import Span
from .. import syntax as ast
from . import calls, operators, typed, typenames
from .constants import fold_slice, fold_unary, shown, unescaped
from .context import Context, Phase
from .convert import coerce, convert, fields_of
from .symbols import (
    ConstSymbol,
    EnumSymbol,
    InstanceSymbol,
    ParamSymbol,
    Symbol,
    TableSymbol,
    TypeSymbol,
    VarSymbol,
)
from .types import (
    BOOL,
    DOTS,
    ERROR,
    INT,
    INVALID,
    MATCH_KIND,
    MAX_WIDTH,
    STRING,
    UNKNOWN,
    VOID,
    ActionRun,
    Anonymous,
    ApplyResult,
    Bits,
    Braces,
    Enum,
    ListOf,
    Record,
    Stack,
    Thing,
    Tuple,
    Type,
    bare,
    is_header_stack,
    is_unknown,
)
from .words import article, closest

WRONG = typed.WRONG


def expr(cx: Context, node: ast.Expression) -> typed.Expr:
    """The typed form of an expression; of type UNKNOWN after an error."""
    return _HANDLERS[type(node)](cx, node)


def value(cx: Context, node: ast.Expression) -> typed.Expr:
    """An expression that must have a value: no type, action, table or call without a result."""
    found = expr(cx, node)
    if isinstance(found.type, Thing) or found.type == VOID:
        what = found.type if isinstance(found.type, Thing) else "call without a result"
        cx.error(node.span, f"a value is expected here, not {article(what)}")
        return WRONG
    return found


def of_type(
    cx: Context, node: ast.Expression, to: Type, what: str, *notes: tuple[Span, str], whole: Span | None = None
) -> typed.Expr:
    """A value that must be of type ``to``, with the implicit cast to it; ``whole`` as for :func:`coerce`."""
    return coerce(cx, value(cx, node), to, node.span, what, *notes, whole=whole)


def condition(cx: Context, node: ast.Expression, what: str) -> typed.Expr:
    """A boolean value."""
    return of_type(cx, node, BOOL, what)


# --- literals and names --------------------------------------------------------------------------------------------


def _integer(cx: Context, node: ast.IntLiteral) -> typed.Expr:
    if node.width is None:
        return typed.Const(INT, node.span, node.value)
    if node.width > MAX_WIDTH or (node.signed and node.width == 0):
        cx.error(node.span, f"{node.width} is no width that a constant can have")
        return WRONG
    type_ = Bits(node.width, node.signed)
    from .convert import constant_in

    return typed.Const(type_, node.span, constant_in(cx, node.value, type_, node.span))


def _string(cx: Context, node: ast.StringLiteral) -> typed.Expr:
    return typed.Const(STRING, node.span, unescaped(node.value))


def _bool(cx: Context, node: ast.BoolLiteral) -> typed.Expr:
    return typed.Const(BOOL, node.span, node.value)


def _dots(cx: Context, node: ast.Dots) -> typed.Expr:
    return typed.Default(DOTS, node.span)


def _invalid(cx: Context, node: ast.InvalidHeader) -> typed.Expr:
    return typed.Invalid(INVALID, node.span)


def _this(cx: Context, node: ast.This) -> typed.Expr:
    owner = cx.scope.find("this")
    if not isinstance(owner, InstanceSymbol):
        cx.error(node.span, "'this' is only known in the methods of an instance")
        return WRONG
    return typed.Object(owner.type, node.span, None)


def lookup(cx: Context, node: ast.NameExpr) -> Symbol | None:
    """The symbol of a name; an error if there is none."""
    scope = cx.global_scope() if node.absolute else cx.scope
    symbol = scope.find(node.name)
    if symbol is None:
        cx.unknown(node.span, node.name, "name", scope)
        return None
    symbol.used = True
    return symbol


def _name(cx: Context, node: ast.NameExpr) -> typed.Expr:
    if node.name in cx.program.match_kinds and cx.scope.find(node.name) is None:
        return typed.Const(MATCH_KIND, node.span, node.name)
    symbol = lookup(cx, node)
    match symbol:
        case None:
            return WRONG
        case ConstSymbol():
            return _constant_here(symbol, node.span)
        case VarSymbol():
            return typed.Var(symbol.type, node.span, symbol)
        case ParamSymbol(role="constructor" | "package"):
            return typed.ConstructorParam(symbol.type, node.span, symbol)
        case ParamSymbol():
            return typed.Var(symbol.type, node.span, symbol)
        case InstanceSymbol():
            return typed.Object(symbol.type, node.span, symbol)
    return typed.Named(Thing(symbol.what), node.span, symbol)


def _constant_here(symbol: ConstSymbol, span: Span) -> typed.Expr:
    known = symbol.value
    if isinstance(known, typed.Const):
        return typed.Const(symbol.type, span, known.value)
    if isinstance(known, typed.Aggregate):
        return typed.Aggregate(symbol.type, span, known.values)
    if isinstance(known, (typed.Invalid, typed.Default)):
        return known
    return typed.Expr(symbol.type, span) if not isinstance(known, typed.Expr) or type(known) is typed.Expr else known


# --- members -------------------------------------------------------------------------------------------------------


def _type_member(cx: Context, node: ast.TypeMember) -> typed.Expr:
    if isinstance(node.type, ast.ErrorType):
        return _error_member(cx, node.member)
    if isinstance(node.type, ast.NamedType):
        symbol = typenames.find_type(cx, node.type)
        if symbol is None:
            return WRONG
        return _member_of_type(cx, symbol, node.member, node.span)
    type_ = typenames.resolve(cx, node.type)
    if type_ is not UNKNOWN:
        cx.error(node.member.span, f"{type_} has no member '{node.member.text}'")
    return WRONG


def _error_member(cx: Context, member: ast.Name) -> typed.Expr:
    if member.text not in cx.program.errors:
        cx.error(member.span, f"there is no error '{member.text}'{closest(member.text, cx.program.errors)}")
        return WRONG
    return typed.Const(ERROR, member.span, member.text)


def _member_of_type(cx: Context, symbol: TypeSymbol, member: ast.Name, span: Span) -> typed.Expr:
    if type(symbol) is TypeSymbol and isinstance(symbol.type, Enum):
        symbol = symbol.type.symbol
    if type(symbol) is TypeSymbol and symbol.type == ERROR:
        return _error_member(cx, member)
    if not isinstance(symbol, EnumSymbol):
        cx.error(member.span, f"'{symbol.name}' has no member '{member.text}'", (symbol.span, "its declaration"))
        return WRONG
    if member.text not in symbol.members:
        hint = closest(member.text, list(symbol.members))
        cx.error(
            member.span,
            f"enum '{symbol.name}' has no member '{member.text}'{hint}",
            (symbol.span, f"the declaration of '{symbol.name}'"),
        )
        return WRONG
    type_ = Enum(symbol)
    if symbol.underlying is not None:
        return typed.Const(type_, span, symbol.values.get(member.text, 0))
    return typed.Const(type_, span, member.text)


def _member(cx: Context, node: ast.Member) -> typed.Expr:
    base = expr(cx, node.base)
    name = node.member.text
    found = base.type
    if found is UNKNOWN:
        return WRONG
    if isinstance(base, typed.Named) and isinstance(base.symbol, TypeSymbol):
        return _member_of_type(cx, base.symbol, node.member, node.span)
    if isinstance(found, (Record, Anonymous)):
        return _field(cx, node, base)
    if isinstance(found, Stack):
        return _stack_member(cx, node, base, found)
    if isinstance(found, ApplyResult) and isinstance(base, typed.TableApply):
        if name in ("hit", "miss"):
            return typed.TableApply(BOOL, node.span, base.symbol, "hit" if name == "hit" else "miss")
        if name == "action_run":
            return typed.TableApply(ActionRun(base.symbol), node.span, base.symbol, "action_run")
    cx.error(node.member.span, f"{found} has no member '{name}'{_table_hint(base, name)}")
    return WRONG


def _table_hint(base: typed.Expr, name: str) -> str:
    """What is meant by ``table.hit``."""
    if isinstance(base, typed.Named) and isinstance(base.symbol, TableSymbol) and name in ("hit", "miss", "action_run"):
        return f", but what applying it gives has: '{base.symbol.name}.apply().{name}'"
    return ""


def _field(cx: Context, node: ast.Member, base: typed.Expr) -> typed.Expr:
    fields = fields_of(base.type)
    name = node.member.text
    if name not in fields:
        notes: tuple[tuple[Span, str], ...] = ()
        if isinstance(base.type, Record):
            notes = ((base.type.symbol.span, f"the declaration of {base.type}"),)
        cx.error(node.member.span, f"{base.type} has no field '{name}'{closest(name, list(fields))}", *notes)
        return WRONG
    if isinstance(base, typed.Aggregate) and typed.is_known(base):
        return base.values[list(fields).index(name)]
    return typed.Member(fields[name], node.span, base, name)


def _stack_member(cx: Context, node: ast.Member, base: typed.Expr, stack: Stack) -> typed.Expr:
    name = node.member.text
    if name == "size":
        return typed.Const(Bits(32), node.span, stack.size)
    if name in ("next", "last", "lastIndex") and not is_header_stack(stack):
        cx.error(node.member.span, f"only header stacks have a member '{name}', and {stack} is none")
        return WRONG
    if name == "lastIndex":
        if cx.place.kind not in ("parser", "state", "function"):
            cx.error(node.span, "'lastIndex' may only be used in a parser")
        return typed.Member(Bits(32), node.span, base, name)
    if name in ("next", "last"):
        if cx.place.kind not in ("parser", "state", "function"):
            cx.error(node.span, f"'{name}' may only be used in a parser")
        return typed.Member(stack.element, node.span, base, name)
    cx.error(node.member.span, f"an array has no member '{name}'")
    return WRONG


# --- indices and slices --------------------------------------------------------------------------------------------


def _index(cx: Context, node: ast.Index) -> typed.Expr:
    base, index = value(cx, node.base), value(cx, node.index)
    if base.type is UNKNOWN or index.type is UNKNOWN:
        return WRONG
    if isinstance(base.type, (Tuple, Braces, ListOf)):
        return _element(cx, node, base, index)
    if not isinstance(base.type, Stack):
        cx.error(node.span, f"{base.type} cannot be indexed")
        return WRONG
    size = base.type.size
    if isinstance(index.type, Enum) and index.type.symbol.underlying is not None:
        index = convert(cx, index, index.type.symbol.underlying) or index
    if index.type == INT and isinstance(index, typed.Const):
        if not 0 <= index.value < size and not base.type.size == 0 == index.value:  # type: ignore[operator]
            cx.error(node.index.span, f"index {shown(index.value)} is outside of an array of {size}")
            return WRONG
        index = typed.Const(Bits(32), index.span, index.value)
    elif index.type == INT:
        index = typed.Cast(Bits(32), index.span, index)
    elif not isinstance(bare(index.type), Bits):
        cx.error(node.index.span, f"an index must be an integer, not {index.type}")
        return WRONG
    elif isinstance(index, typed.Const) and not 0 <= int(index.value) < size:
        cx.error(node.index.span, f"index {shown(index.value)} is outside of an array of {size}")
        return WRONG
    return typed.Index(base.type.element, node.span, base, index)


def _element(cx: Context, node: ast.Index, base: typed.Expr, index: typed.Expr) -> typed.Expr:
    """An element of a tuple or list: the index must be known."""
    if not isinstance(index, typed.Const) or isinstance(index.value, (bool, str)):
        cx.error(node.index.span, f"the index of a {_word(base.type)} must be a compile-time known integer")
        return WRONG
    place = index.value
    size = len(base.type.elements) if isinstance(base.type, (Tuple, Braces)) else None
    if isinstance(base, typed.Aggregate):
        size = len(base.values)
    if place < 0 or (size is not None and place >= size):
        cx.error(node.index.span, f"index {shown(place)} is outside of {base.type}")
        return WRONG
    if isinstance(base, typed.Aggregate) and typed.is_known(base):
        return base.values[place]
    element = base.type.elements[place] if isinstance(base.type, (Tuple, Braces)) else cast(ListOf, base.type).element
    found = typed.Index(element, node.span, base, typed.Const(INT, index.span, place))
    written = base.symbol.with_int if isinstance(base, typed.Var) and isinstance(base.symbol, VarSymbol) else None
    if written is not None and written.elements[place] == INT:
        return typed.Cast(INT, node.span, found)
    return found


def _word(type_: Type) -> str:
    return "list" if isinstance(type_, ListOf) else "tuple"


def _slice(cx: Context, node: ast.Slice) -> typed.Expr:
    base = _sliceable(cx, node.base, node)
    high = typenames.integer(cx, node.high, "the end of a slice")
    low = typenames.integer(cx, node.low, "the start of a slice")
    if base is None or high is None or low is None:
        return WRONG
    if low < 0 or high < 0:
        at = node.low if low < 0 else node.high
        cx.error(at.span, "a bit index must not be negative", phase=Phase.CONSTANTS)
        return WRONG
    if high < low:
        cx.error(node.span, f"the end {shown(high)} of a slice is below its start {shown(low)}", phase=Phase.CONSTANTS)
        return WRONG
    return _cut(cx, base, high, low, node.high.span, node.span)


def _sliceable(cx: Context, node: ast.Expression, whole: ast.Expression) -> typed.Expr | None:
    base = value(cx, node)
    if base.type is UNKNOWN:
        return None
    if isinstance(base.type, Enum) and base.type.symbol.underlying is not None:
        base = convert(cx, base, base.type.symbol.underlying) or base
    if not isinstance(base.type, Bits) and base.type != INT:
        cx.error(whole.span, f"bits can be taken from bit<> and int<> only, not from {base.type}")
        return None
    return base


def _cut(cx: Context, base: typed.Expr, high: int, low: int, place: Span, span: Span) -> typed.Expr:
    if isinstance(base.type, Bits) and high >= base.type.width:
        cx.error(place, f"bit {shown(high)} is outside of {base.type}")
        return WRONG
    if high - low >= MAX_WIDTH:
        cx.error(place, "the slice is too wide")
        return WRONG
    type_ = Bits(high - low + 1)
    if isinstance(base, typed.Const):
        return typed.Const(type_, span, fold_slice(int(base.value), high, low))
    return typed.Slice(type_, span, base, high, low)


def _plus_slice(cx: Context, node: ast.PlusSlice) -> typed.Expr:
    base = _sliceable(cx, node.base, node)
    low = value(cx, node.low)
    width = typenames.integer(cx, node.width, "the width of a slice")
    if base is None or width is None or low.type is UNKNOWN:
        return WRONG
    if width < 1:
        cx.error(node.width.span, f"the width of a slice must be at least 1, not {shown(width)}")
        return WRONG
    if isinstance(low, typed.Const) and not isinstance(low.value, (str, bool)):
        if low.value < 0:
            cx.error(node.low.span, "a bit index must not be negative")
            return WRONG
        return _cut(cx, base, low.value + width - 1, low.value, node.low.span, node.span)
    if not isinstance(bare(low.type), Bits) or not isinstance(base.type, Bits):
        cx.error(node.low.span, f"the start of a slice must be an integer, not {low.type}")
        return WRONG
    if width > base.type.width:
        cx.error(node.width.span, f"a slice of {shown(width)} bits does not fit in {base.type}")
        return WRONG
    return typed.PlusSlice(Bits(width), node.span, base, low, width)


# --- braces --------------------------------------------------------------------------------------------------------


def _list(cx: Context, node: ast.ListExpr) -> typed.Expr:
    for element in node.elements[:-1]:
        if isinstance(element, ast.Dots):
            cx.error(element.span, "'...' must be the last in a list", phase=Phase.STRUCTURE)
            return WRONG
    values = tuple(value(cx, e) for e in node.elements)
    if any(is_unknown(v.type) for v in values):
        return WRONG
    return typed.Aggregate(Braces(tuple(v.type for v in values)), node.span, values)


def _struct(cx: Context, node: ast.StructExpr) -> typed.Expr:
    cx.distinct(tuple(f.name for f in node.fields), "field")
    values = [value(cx, f.value) for f in node.fields]
    if any(is_unknown(v.type) for v in values):
        return WRONG
    fields = [(f.name.text, v.type) for f, v in zip(node.fields, values, strict=True)]
    if node.dots:
        fields.append(("...", DOTS))
        values.append(typed.Default(DOTS, node.span))
    return typed.Aggregate(Anonymous(tuple(fields)), node.span, tuple(values))


# --- operators -----------------------------------------------------------------------------------------------------


def _unary(cx: Context, node: ast.Unary) -> typed.Expr:
    operand = value(cx, node.operand)
    if operand.type is UNKNOWN:
        return WRONG
    if node.op == "!":
        if operand.type != BOOL:
            cx.error(node.span, f"'!' needs a bool, not {operand.type}")
            return WRONG
    else:
        if isinstance(operand.type, Enum) and operand.type.symbol.underlying is not None:
            operand = convert(cx, operand, operand.type.symbol.underlying) or operand
        if not isinstance(operand.type, Bits) and operand.type != INT:
            cx.error(node.span, f"'{node.op}' is not defined on {operand.type}")
            return WRONG
        if operand.type == INT and node.op == "~":
            cx.warn(node.span, "'~' on int is an extension: two's complement of any width (8.8)")
        if node.op == "+":
            return operand
    if isinstance(operand, typed.Const):
        return typed.Const(operand.type, node.span, fold_unary(node.op, operand.value, operand.type))
    return typed.Unary(operand.type, node.span, cast(Any, node.op), operand)


def _binary(cx: Context, node: ast.Binary) -> typed.Expr:
    left, right = value(cx, node.left), value(cx, node.right)
    if left.type is UNKNOWN or right.type is UNKNOWN:
        return WRONG
    return operators.binary(cx, cast(BinaryOp, node.op), left, right, node.span)


def _conditional(cx: Context, node: ast.Conditional) -> typed.Expr:
    test = condition(cx, node.condition, "the condition of '?:'")
    then, otherwise = value(cx, node.then), value(cx, node.otherwise)
    if then.type is UNKNOWN or otherwise.type is UNKNOWN or test.type is UNKNOWN:
        return WRONG
    if isinstance(test, typed.Const) and then.type == otherwise.type:
        return then if test.value else otherwise
    if then.type == INT and otherwise.type == INT:
        cx.error(node.span, "the width of the result of '?:' is not known: both branches are of type int")
        return WRONG
    converted = convert(cx, then, otherwise.type)
    if converted is not None:
        then = converted
    elif (other := convert(cx, otherwise, then.type)) is not None:
        otherwise = other
    else:
        cx.error(node.span, f"the branches of '?:' differ in type: {then.type} and {otherwise.type}")
        return WRONG
    if isinstance(test, typed.Const):
        return then if test.value else otherwise
    return typed.Mux(then.type, node.span, test, then, otherwise)


def _cast(cx: Context, node: ast.Cast) -> typed.Expr:
    to = typenames.resolve(cx, node.type)
    operand = value(cx, node.operand)
    if to is UNKNOWN or operand.type is UNKNOWN:
        return WRONG
    return operators.cast_to(cx, operand, to, node.span)


_HANDLERS: Final[dict[type[ast.Expression], Callable[[Context, Any], typed.Expr]]] = {
    ast.IntLiteral: _integer,
    ast.StringLiteral: _string,
    ast.BoolLiteral: _bool,
    ast.This: _this,
    ast.Dots: _dots,
    ast.InvalidHeader: _invalid,
    ast.NameExpr: _name,
    ast.Member: _member,
    ast.TypeMember: _type_member,
    ast.Index: _index,
    ast.Slice: _slice,
    ast.PlusSlice: _plus_slice,
    ast.ListExpr: _list,
    ast.StructExpr: _struct,
    ast.Unary: _unary,
    ast.Binary: _binary,
    ast.Conditional: _conditional,
    ast.Cast: _cast,
    ast.Call: lambda cx, node: calls.call(cx, node),
    ast.Construct: lambda cx, node: calls.construct(cx, node),
}
