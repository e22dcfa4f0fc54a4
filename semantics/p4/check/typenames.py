"""From a type as written to a type: names, type arguments, widths (spec 7)."""

from __future__ import annotations

from ...source import Span
from .. import syntax as ast
from . import expressions, placement, typed
from .constants import Value, shown
from .context import Context, Phase
from .symbols import ExternSymbol, Symbol, TypeSymbol
from .types import (
    BIT1,
    BOOL,
    DONT_CARE,
    ERROR,
    INT,
    MATCH_KIND,
    MAX_ARRAY,
    MAX_WIDTH,
    STRING,
    UNKNOWN,
    VOID,
    Bits,
    Block,
    Extern,
    ListOf,
    Package,
    Record,
    Stack,
    Tuple,
    Type,
    Varbit,
)
from .words import article, number_of


def resolve(cx: Context, node: ast.Type) -> Type:
    """The type that ``node`` stands for; UNKNOWN after an error."""
    match node:
        case ast.NamedType():
            return _named(cx, node)
        case ast.BitType(width=None):
            return BIT1
        case ast.BitType(width=width) if width is not None:
            return _sized(cx, width, signed=False)
        case ast.IntType(width=None):
            return INT
        case ast.IntType(width=width) if width is not None:
            return _sized(cx, width, signed=True)
        case ast.VarbitType(width=width):
            size = _positive(cx, width, "the width of a varbit", 0)
            return UNKNOWN if size is None else Varbit(size)
        case ast.SpecializedType(base=base, arguments=arguments):
            return _specialised(cx, node, base, arguments)
        case ast.StackType(element=element, size=size_node):
            return _stack(cx, node, element, size_node)
        case ast.TupleType(elements=elements):
            return _tuple(cx, elements)
        case ast.ListType(element=element):
            inner = _no_hole(cx, element)
            return UNKNOWN if inner is UNKNOWN else ListOf(inner)
        case ast.ErrorType() if not cx.program.errors:
            cx.error(node.span, "no errors are declared; is core.p4 included?", phase=Phase.NAMES)
            return UNKNOWN
    return _SIMPLE.get(type(node), UNKNOWN)


def _no_hole(cx: Context, node: ast.Type) -> Type:
    """A type that must not be ``_``."""
    if isinstance(node, ast.DontCareType):
        cx.error(node.span, "'_' may only be a type argument", phase=Phase.WHOLE)
        return UNKNOWN
    return resolve(cx, node)


def _tuple(cx: Context, nodes: tuple[ast.Type, ...]) -> Type:
    made: list[Type] = []
    for node in nodes:
        element = _no_hole(cx, node)
        if isinstance(element, (Extern, Block, Package)) or element == VOID:
            cx.error(node.span, f"a tuple cannot have a value of type {element}")
            element = UNKNOWN
        made.append(element)
    return UNKNOWN if UNKNOWN in made else _not_too_large(cx, Tuple(tuple(made)), nodes[0] if nodes else None)


def _not_too_large(cx: Context, type_: Type, node: ast.Node | None) -> Type:
    """``type_``, or UNKNOWN after an error if it has too many fields in it."""
    if node is not None and placement.too_large(cx, type_, node.span):
        return UNKNOWN
    return type_


_SIMPLE: dict[type[ast.Type], Type] = {
    ast.BoolType: BOOL,
    ast.ErrorType: ERROR,
    ast.MatchKindType: MATCH_KIND,
    ast.StringType: STRING,
    ast.VoidType: VOID,
    ast.DontCareType: DONT_CARE,
}


def constant(cx: Context, node: ast.Expression, what: str) -> Value | None:
    """The value of an expression that must be a local compile-time known value."""
    expr = expressions.expr(cx, node)
    if isinstance(expr, typed.Const):
        return expr.value
    if expr.type is not UNKNOWN:
        cx.error(node.span, f"{what} must be a compile-time known value")
    return None


def integer(cx: Context, node: ast.Expression, what: str) -> int | None:
    """The value of an expression that must be a local compile-time known integer."""
    value = constant(cx, node, what)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    cx.error(node.span, f"{what} must be an integer")
    return None


def _positive(cx: Context, node: ast.Expression, what: str, least: int, most: int = MAX_WIDTH) -> int | None:
    value = integer(cx, node, what)
    if value is None:
        return None
    if value < least:
        cx.error(node.span, f"{what} must be at least {least}, not {shown(value)}")
        return None
    if value > most:
        cx.error(node.span, f"{what} must be at most {most}, not {shown(value)}")
        return None
    return value


def _sized(cx: Context, node: ast.Expression, signed: bool) -> Type:
    width = _positive(cx, node, "the width of a type", 1 if signed else 0)
    return UNKNOWN if width is None else Bits(width, signed)


def find_type(cx: Context, node: ast.NamedType) -> TypeSymbol | None:
    """The symbol of a named type."""
    scope = cx.global_scope() if node.absolute else cx.scope
    symbol = scope.find(node.name)
    if symbol is None:
        cx.unknown(node.span, node.name, "type", scope)
        return None
    symbol.used = True
    if not isinstance(symbol, TypeSymbol):
        cx.error(node.span, f"'{node.name}' is {article(symbol.what)}, not a type", _declared(symbol))
        return None
    return symbol


def _declared(symbol: Symbol) -> tuple[Span, str]:
    return symbol.span, f"the declaration of '{symbol.name}'"


def _named(cx: Context, node: ast.NamedType) -> Type:
    symbol = find_type(cx, node)
    if symbol is None:
        return UNKNOWN
    if symbol.type_params:
        cx.error(
            node.span,
            f"'{symbol.name}' needs {number_of(len(symbol.type_params), 'type argument')}, none given",
            _declared(symbol),
        )
        return UNKNOWN
    return symbol.applied(())


def _specialised(cx: Context, node: ast.Type, base: ast.NamedType, arguments: tuple[ast.Type, ...]) -> Type:
    symbol = find_type(cx, base)
    args = tuple(resolve(cx, a) for a in arguments)
    if symbol is None:
        return UNKNOWN
    return apply_type(cx, symbol, args, node)


def apply_type(cx: Context, symbol: TypeSymbol, args: tuple[Type, ...], node: ast.Node) -> Type:
    """The generic type ``symbol`` with arguments, or an error if their number is wrong."""
    if len(args) != len(symbol.type_params):
        wanted, given = number_of(len(symbol.type_params), "type parameter"), number_of(len(args), "argument")
        cx.error(node.span, f"'{symbol.name}' has {wanted}, but is given {given}", _declared(symbol))
        return UNKNOWN
    if any(a is UNKNOWN for a in args):
        return UNKNOWN
    if not _may_be_arguments(cx, symbol, args, node):
        return UNKNOWN
    type_ = symbol.applied(args)
    if isinstance(type_, Record) and not placement.applied(cx, type_, node):
        return UNKNOWN
    return _not_too_large(cx, type_, node)


def _may_be_arguments(cx: Context, symbol: TypeSymbol, args: tuple[Type, ...], node: ast.Node) -> bool:
    """An extern object is of values, not of blocks."""
    for argument in args if isinstance(symbol, ExternSymbol) else ():
        if isinstance(argument, (Block, Package)):
            cx.error(node.span, f"{argument} cannot be a type argument of '{symbol.name}'", _declared(symbol))
            return False
    return True


def _stack(cx: Context, node: ast.Type, element_node: ast.Type, size_node: ast.Expression) -> Type:
    element = resolve(cx, element_node)
    size = _positive(cx, size_node, "the size of an array", 0, MAX_ARRAY)
    if size is None or element is UNKNOWN:
        return UNKNOWN
    if size == 0:
        cx.warn(size_node.span, "an array without elements is an extension (7.2.3)")
    if isinstance(element, (Extern, Block, Package)) or element in (VOID, INT, STRING, MATCH_KIND, DONT_CARE):
        cx.error(node.span, f"an array cannot be of values of type {element}")
        return UNKNOWN
    return _not_too_large(cx, Stack(element, size), node)


def counted(cx: Context, node: ast.Type) -> tuple[ast.Type, int | None]:
    """What an instantiation is of, and how many objects an array of it has (0 after an error, None: no array)."""
    if not isinstance(node, ast.StackType):
        return node, None
    return node.element, _positive(cx, node.size, "the size of an array", 1, MAX_ARRAY) or 0


def constructed(cx: Context, node: ast.Type) -> tuple[TypeSymbol, tuple[Type, ...] | None] | None:
    """What an instantiation is of, with the type arguments if any are written. None after an error."""
    base = node.base if isinstance(node, ast.SpecializedType) else node
    if not isinstance(base, ast.NamedType):
        cx.error(node.span, "only externs, parsers, controls and packages can be instantiated")
        return None
    symbol = find_type(cx, base)
    if symbol is None:
        return None
    args: tuple[Type, ...] | None = None
    if isinstance(node, ast.SpecializedType):
        args = tuple(resolve(cx, a) for a in node.arguments)
        if len(args) != len(symbol.type_params):
            apply_type(cx, symbol, args, node)
            return None
        if not _may_be_arguments(cx, symbol, args, node):
            return None
    return _through_typedef(symbol, args)


def _through_typedef(symbol: TypeSymbol, args: tuple[Type, ...] | None) -> tuple[TypeSymbol, tuple[Type, ...] | None]:
    """A typedef of an extern or block stands for it."""
    if type(symbol) is TypeSymbol:
        if isinstance(symbol.type, (Extern, Block, Package)):
            return symbol.type.symbol, symbol.type.args or args
    return symbol, args
