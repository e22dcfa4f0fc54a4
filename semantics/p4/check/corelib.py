"""What the core library's functions and methods ask of their arguments beyond their types (spec 13.8, 16)."""

from __future__ import annotations

from typing import Final

from ...source import Span
from .. import syntax as ast
from .context import Context
from .overloads import Resolved
from .symbols import ExternSymbol, FunctionSymbol, MethodSymbol
from .types import INT, STRING, UNKNOWN, VOID, Extern, Record, Stack, Tuple, Type, TypeVar, Varbit, bare

_PARSER_PLACES: Final = frozenset(("state", "function", "parser"))


def function_call(cx: Context, function: FunctionSymbol, span: Span) -> None:
    """``verify`` belongs in parsers."""
    if function.extern and function.name == "verify" and cx.place.kind not in _PARSER_PLACES:
        cx.error(span, "'verify' may only be called in a parser", (function.span, "its declaration"))


def method_call(cx: Context, extern: ExternSymbol, method: MethodSymbol, found: Resolved, node: ast.Call) -> None:
    """``packet_in`` and ``packet_out`` take headers."""
    for argument in found.type_args:
        if argument == VOID:
            cx.error(node.span, f"void cannot be a type argument of '{method.name}'")
            return
    if extern.name == "packet_in" and method.name == "lookahead" and not all(map(_is_of_one_size, found.type_args)):
        cx.error(node.span, f"'lookahead' needs a type of one size, not {found.type_args[0]}")
    elif extern.name == "packet_in" and method.name == "extract" and found.args:
        _extract(cx, found, node)
    elif extern.name == "packet_out" and method.name == "emit" and found.args:
        arg = found.args[0]
        if arg is not None and not _may_be_emitted(arg.type):
            cx.error(arg.span, f"'emit' needs a header, a stack, a union or a struct of such, not {arg.type}")


def _extract(cx: Context, found: Resolved, node: ast.Call) -> None:
    arg = found.args[0]
    type_ = found.type_args[0] if arg is None and found.type_args else UNKNOWN if arg is None else arg.type
    span = node.arguments[0].span if node.arguments else node.span
    if isinstance(type_, TypeVar) or type_ is UNKNOWN:
        return
    if not isinstance(type_, Record) or type_.symbol.kind != "header":
        cx.error(span, f"'extract' needs a header, not {type_}")
        return
    fields = type_.symbol.field_types(type_.args)
    varying = [type_.symbol.fields[name] for name, t in fields.items() if isinstance(t, Varbit)]
    varbits = len(varying)
    if len(found.args) == 2 and varbits > 1:
        text = f"{type_} has more than one varbit field, so it cannot be extracted with a size"
        cx.error_in(varying[0].span, varying[0].span, text, (span, "it is extracted here"))
        return
    if len(found.args) == 2 and varbits != 1:
        note = (type_.symbol.span, "the header")
        cx.error(span, f"'extract' with a size needs a header with a varbit field, which {type_} has not", note)
    if len(found.args) == 1 and varbits:
        note = (type_.symbol.span, "the header")
        cx.error(span, f"'extract' needs the size of the varbit field of {type_}", note)


def _is_of_one_size(type_: Type) -> bool:
    match bare(type_):
        case Record(symbol, args):
            return symbol.kind != "header_union" and all(map(_is_of_one_size, symbol.field_types(args).values()))
        case Stack(element, _):
            return _is_of_one_size(element)
        case Tuple(elements):
            return all(map(_is_of_one_size, elements))
        case Varbit() | Extern():
            return False
    return type_ not in (INT, STRING)


def _may_be_emitted(type_: Type) -> bool:
    match type_:
        case Record(symbol, args):
            return symbol.kind != "struct" or all(map(_may_be_emitted, symbol.field_types(args).values()))
        case Stack(element, _):
            return _may_be_emitted(element)
        case Tuple(elements):
            return all(map(_may_be_emitted, elements))
    return isinstance(type_, TypeVar) or type_ is UNKNOWN
