"""Which types may stand where: fields, parameters, variables, results (spec 7.2.8, the table of type nesting)."""

from __future__ import annotations

from typing import Final, Literal

from ...source import Span
from .. import syntax as ast
from .context import Context, Phase
from .symbols import ParamSymbol, RecordSymbol, Role
from .types import (
    BOOL,
    DONT_CARE,
    INT,
    MATCH_KIND,
    MAX_FIELDS,
    STRING,
    UNKNOWN,
    VOID,
    Bits,
    Block,
    Enum,
    Extern,
    ListOf,
    New,
    Package,
    Record,
    Simple,
    Stack,
    Tuple,
    Type,
    TypeVar,
    Varbit,
    bare,
    count_fields,
)


def field(cx: Context, record: ast.RecordDecl, node: ast.StructField, type_: Type, symbol: RecordSymbol) -> None:
    """A field of a header, header union or struct."""
    if type_ is UNKNOWN:
        return
    if type_ == MATCH_KIND and symbol.kind == "struct":
        cx.warn(node.name.span, "a field of type match_kind is an extension: tuples may have it, structs not (7.2.8)")
    elif not _ALLOWED[symbol.kind](type_):
        cx.error(
            node.name.span,
            f"a field of a {symbol.kind.replace('_', ' ')} cannot be of type {type_}",
            (record.name.span, f"the declaration of '{record.name.text}'"),
        )


def _in_header(type_: Type, outermost: bool = True) -> bool:
    match bare(type_):
        case Varbit():
            return outermost
        case Bits() | TypeVar():
            return True
        case Enum(symbol):
            return symbol.underlying is not None
        case Record(symbol, args):
            fields = symbol.field_types(args).values()
            return symbol.kind == "struct" and all(_in_header(t, outermost=False) for t in fields)
        case Stack(element):
            return _in_header(element, outermost=False)
        case Simple() as simple:
            return simple in (BOOL, UNKNOWN)
    return False


def _in_union(type_: Type) -> bool:
    return isinstance(type_, TypeVar) or (isinstance(type_, Record) and type_.symbol.kind == "header")


def _in_struct(type_: Type) -> bool:
    return not isinstance(type_, (Extern, Block, Package)) and type_ not in (INT, STRING, VOID, MATCH_KIND, DONT_CARE)


_ALLOWED: Final = {"header": _in_header, "header_union": _in_union, "struct": _in_struct}


def too_large(cx: Context, type_: Type, span: Span) -> bool:
    """Whether a type has more single values in it than any program needs; that is an error at ``span``."""
    count = count_fields(type_)
    if count > MAX_FIELDS:
        cx.error(span, f"the type has {count} fields in it, more than {MAX_FIELDS}")
    return count > MAX_FIELDS


def applied(cx: Context, type_: Record, node: ast.Node) -> bool:
    """A generic record with its arguments: whether its fields are legal now."""
    symbol = type_.symbol
    for argument in type_.args:
        if isinstance(argument, (Extern, Block, Package)) or argument == VOID:
            cx.error(node.span, f"{argument} cannot be a type argument of '{symbol.name}'")
            return False
    for name, field_type in symbol.field_types(type_.args).items():
        if not _ALLOWED[symbol.kind](field_type):
            info = symbol.fields[name]
            what = symbol.kind.replace("_", " ")
            text = f"the field '{name}' of a {what} cannot be of type {field_type}"
            cx.error(info.span, text, (node.span, f"for {type_}"))
            return False
    return True


def new_type(cx: Context, node: ast.NewTypeDecl, base: Type) -> None:
    """The base of ``type T name``."""
    if not isinstance(bare(base), Bits) and bare(base) not in (BOOL, UNKNOWN) and not isinstance(base, New):
        cx.error(node.type.span, f"a new type can be made of bit<>, int<>, bool and such types only, not of {base}")


def parameter(cx: Context, node: ast.Parameter, type_: Type, role: Role) -> None:
    """A parameter of anything."""
    if type_ is UNKNOWN:
        return
    name = node.name.text
    if type_ == VOID or (type_ == MATCH_KIND and role not in ("function", "method")):
        cx.error(node.span, f"the parameter '{name}' cannot be of type {type_}")
    if isinstance(type_, Block) and type_.symbol.has_body:
        text = f"the parameter '{name}' must be of the type of a {type_.symbol.kind}, not of one with a body"
        cx.error(node.name.span, text, (type_.symbol.span, "its declaration"))
    elif (isinstance(type_, Block) and role not in ("constructor", "package")) or (
        isinstance(type_, Package) and role != "package"
    ):
        phase = Phase.WHOLE if role == "method" else Phase.TYPES
        cx.error(node.name.span, f"the parameter '{name}' cannot be of type {type_}", phase=phase)
    block = cx.place.block
    if isinstance(type_, Block) and role == "constructor" and block is not None and block.kind != type_.symbol.kind:
        cx.error(node.name.span, f"the parameter '{name}' of a {block.kind} cannot be of type {type_}")
    if role in ("constructor", "extern", "package") and node.direction:
        text = f"the constructor parameter '{name}' cannot have a direction"
        cx.error(node.span, text, phase=Phase.STRUCTURE)
    if type_ == INT and node.direction:
        cx.error(node.span, f"the parameter '{name}' of type {type_} cannot have a direction")
    if role == "action" and (isinstance(type_, (Extern, Block, Package)) or (type_ == INT and not node.direction)):
        cx.error(node.span, f"the action parameter '{name}' cannot be of type {type_}")


def directions(cx: Context, nodes: ast.Parameters, params: tuple[ParamSymbol, ...]) -> None:
    """Objects and strings are passed without a direction; of a block or action this is said after what is in it."""
    for node, param in zip(nodes, params, strict=True):
        if node.direction and (isinstance(param.type, Extern) or param.type == STRING):
            cx.error(node.span, f"the parameter '{param.name}' of type {param.type} cannot have a direction")


def action_parameters(cx: Context, params: tuple[ParamSymbol, ...]) -> None:
    """Parameters without a direction come last in an action."""
    seen: ParamSymbol | None = None
    for param in params:
        if not param.direction:
            seen = seen or param
        elif seen is not None:
            cx.error(
                param.span,
                f"the parameter '{param.name}' with a direction must come before those without",
                (seen.span, "a parameter without a direction"),
            )
            return


def constant(cx: Context, node: ast.ConstDecl, type_: Type) -> None:
    """The type of a constant."""
    if isinstance(type_, (Extern, Block, Package)) or type_ == VOID:
        cx.error(node.type.span, f"a constant cannot be of type {type_}")


def variable(cx: Context, node: ast.VariableDecl, type_: Type) -> bool:
    """The type of a local variable; whether it is legal."""
    if isinstance(type_, (Extern, Block, Package, ListOf)) or type_ in (VOID, INT, STRING, MATCH_KIND):
        cx.error(node.span, f"a variable cannot be of type {type_}")
        return False
    if isinstance(type_, Tuple) and any(e in (STRING, VOID, DONT_CARE) for e in type_.elements):
        cx.error(node.span, f"a variable cannot be of type {type_}")
        return False
    return True


def result(cx: Context, node: ast.Type | None, type_: Type, of: Literal["function", "extern", "method"]) -> None:
    """What a function or method returns; extern functions may make extern objects."""
    illegal = (Block, Package) if of == "extern" else (Extern, Block, Package)
    if node is not None and (isinstance(type_, illegal) or type_ in (INT, DONT_CARE)):
        phase = Phase.WHOLE if of == "method" and isinstance(type_, Block) else Phase.TYPES
        cx.error(node.span, f"a function cannot return a value of type {type_}", phase=phase)
    elif node is not None and type_ == STRING and of == "method":
        cx.error(node.span, "a method cannot return a string")
