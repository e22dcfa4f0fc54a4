"""Implicit casts (spec 8.11.2) and the unification of parameter types with argument types (type inference)."""

from __future__ import annotations

from ...source import Span
from . import typed
from .constants import fits, shown, wrap
from .context import Context
from .legality import has_effect
from .symbols import ParamSymbol
from .types import (
    DONT_CARE,
    DOTS,
    INT,
    INVALID,
    UNKNOWN,
    Anonymous,
    Bits,
    Block,
    Braces,
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
    bare,
    is_header_stack,
    is_unknown,
    parts,
    substitute,
)
from .words import number_of

Bindings = dict[TypeVar, Type | None]
"""The type variables to be found, each with what it stands for so far."""


def fields_of(type_: Type) -> dict[str, Type]:
    """The fields of a record, with type arguments filled in; of anything else none."""
    if isinstance(type_, Record):
        return type_.symbol.field_types(type_.args)
    if isinstance(type_, Anonymous):
        return dict(type_.fields)
    return {}


# --- implicit casts ------------------------------------------------------------------------------------------------


def convert(cx: Context, expr: typed.Expr, to: Type) -> typed.Expr | None:
    """``expr`` as a value of type ``to``; None if there is no implicit cast."""
    found = expr.type
    if found == to or found is UNKNOWN or to is UNKNOWN:
        return expr
    if isinstance(to, Bits):
        return _to_bits(cx, expr, to)
    if found == INT and isinstance(to, New):
        return _to_new(cx, expr, to)
    if found is DOTS:
        return typed.Default(to, expr.span) if has_default(to) else None
    if found is INVALID:
        return typed.Invalid(to, expr.span) if _may_be_invalid(to) else None
    if isinstance(expr, typed.Aggregate) and isinstance(found, (Braces, Anonymous)):
        return _aggregate(cx, expr, to)
    if isinstance(expr, typed.Mux) and isinstance(found, (Braces, Anonymous)):
        then, otherwise = convert(cx, expr.then, to), convert(cx, expr.otherwise, to)
        if then is None or otherwise is None:
            return None
        return typed.Mux(to, expr.span, expr.condition, then, otherwise)
    if isinstance(found, (Block, Package, Extern)) and isinstance(to, (Block, Package, Extern)):
        return expr if unify({}, to, found) else None
    if is_unknown(found) or is_unknown(to):
        return expr
    return None


def _to_bits(cx: Context, expr: typed.Expr, to: Bits) -> typed.Expr | None:
    found = expr.type
    if found == INT:
        if isinstance(expr, typed.Const):
            return typed.Const(to, expr.span, constant_in(cx, int(expr.value), to, expr.span))
        if isinstance(expr, typed.Mux):
            then, otherwise = _to_bits(cx, expr.then, to), _to_bits(cx, expr.otherwise, to)
            if then is not None and otherwise is not None:
                return typed.Mux(to, expr.span, expr.condition, then, otherwise)
        return typed.Cast(to, expr.span, expr)
    if isinstance(found, Enum) and found.symbol.underlying == to:
        if isinstance(expr, typed.Const):
            return typed.Const(to, expr.span, expr.value)
        return typed.Cast(to, expr.span, expr)
    if found is DOTS:
        return typed.Default(to, expr.span)
    return None


def _to_new(cx: Context, expr: typed.Expr, to: New) -> typed.Expr | None:
    """A number as a value of ``type bit<W> to``, a fixed-width type of its own (8.11.2)."""
    base = bare(to)
    if not isinstance(base, Bits):
        return None
    if isinstance(expr, typed.Const):
        return typed.Const(to, expr.span, constant_in(cx, int(expr.value), base, expr.span))
    return typed.Cast(to, expr.span, expr)


def constant_in(cx: Context, value: int, to: Bits, span: Span) -> int:
    """``value`` by its low bits, with a warning if others are lost."""
    if fits(value, to):
        return value
    if value >= 0 and to.signed and value < 1 << to.width:
        cx.warn(span, f"{shown(value)} is outside the range of {to}")
    else:
        cx.warn(span, f"{shown(value)} does not fit {to}: the value is truncated")
    return wrap(value, to)


def has_default(type_: Type) -> bool:
    """Whether the type has a default value (spec 7.3)."""
    return not isinstance(type_, (Extern, Block, Package, ListOf))


def _may_be_invalid(type_: Type) -> bool:
    return isinstance(type_, TypeVar) or (isinstance(type_, Record) and type_.symbol.kind != "struct")


def _aggregate(cx: Context, expr: typed.Aggregate, to: Type) -> typed.Expr | None:
    """``{...}`` as a tuple, list, stack, struct or header."""
    if isinstance(to, Tuple):
        return _by_position(cx, expr, to, to.elements)
    if isinstance(to, ListOf):
        return _by_position(cx, expr, to, (to.element,) * len(expr.values))
    if isinstance(to, Stack):
        dotted = bool(expr.values) and expr.values[-1].type is DOTS
        if isinstance(expr.type, Anonymous) or (len(expr.values) > to.size and not dotted):
            return None
        missing = to.size - len(expr.values)
        if missing > 0 and not dotted:
            if not is_header_stack(to):
                return None
            filled = (*expr.values, *(typed.Invalid(to.element, expr.span) for _ in range(missing)))
            return _by_position(cx, typed.Aggregate(expr.type, expr.span, filled), to, (to.element,) * to.size)
        return _by_position(cx, expr, to, (to.element,) * to.size)
    if isinstance(to, Record) and to.symbol.kind != "header_union":
        if isinstance(expr.type, Anonymous):
            return _by_name(cx, expr, to, fields_of(to))
        return _by_position(cx, expr, to, tuple(fields_of(to).values()))
    if isinstance(to, Anonymous) and isinstance(expr.type, Anonymous):
        return _by_name(cx, expr, to, dict(to.fields))
    if isinstance(to, Braces):
        return _by_position(cx, expr, to, to.elements)
    return None


def _by_position(cx: Context, expr: typed.Aggregate, to: Type, types: tuple[Type, ...]) -> typed.Expr | None:
    if isinstance(expr.type, Anonymous):
        return None
    values = expr.values
    if values and values[-1].type is DOTS and len(values) <= len(types):
        dots = values[-1]
        rest = tuple(typed.Default(t, dots.span) for t in types[len(values) - 1 :])
        values = (*values[:-1], *rest)
    if len(values) != len(types):
        return None
    converted = [convert(cx, value, type_) for value, type_ in zip(values, types, strict=True)]
    if any(v is None for v in converted):
        return None
    return typed.Aggregate(to, expr.span, tuple(v for v in converted if v is not None))


def _by_name(cx: Context, expr: typed.Aggregate, to: Type, fields: dict[str, Type]) -> typed.Expr | None:
    assert isinstance(expr.type, Anonymous)
    given = {name: value for (name, _), value in zip(expr.type.fields, expr.values, strict=True)}
    dots = given.pop("...", None)
    if set(given) - set(fields) or (dots is None and set(fields) - set(given)):
        return None
    _in_order(cx, expr, given, fields)
    converted: list[typed.Expr] = []
    for name, type_ in fields.items():
        value = convert(cx, given[name], type_) if name in given else typed.Default(type_, expr.span)
        if value is None:
            return None
        converted.append(value)
    return typed.Aggregate(to, expr.span, tuple(converted))


def _in_order(cx: Context, expr: typed.Aggregate, given: dict[str, typed.Expr], fields: dict[str, Type]) -> None:
    """Fields are evaluated as they are written; the IR has them as they are declared. It is unsupported where that
    shows: a call among the fields that are not known does more than compute."""
    written = [name for name, value in given.items() if not typed.is_known(value)]
    declared = [name for name in fields if name in written]
    if written != declared and any(has_effect(given[name]) for name in written):
        cx.unsupported(expr.span, "named fields in another order than declared, with a call among them")


def coerce(
    cx: Context,
    expr: typed.Expr,
    to: Type,
    span: Span,
    what: str,
    *notes: tuple[Span, str],
    whole: Span | None = None,
) -> typed.Expr:
    """``expr`` as ``to``, or an error at ``span`` that says what was expected and what was found.

    ``whole`` is that of the statement or declaration, which the error is at if ``span`` begins in another line.
    """
    converted = convert(cx, expr, to)
    if converted is None and to == INT and isinstance(expr.type, Bits) and isinstance(expr, typed.Const):
        cx.warn(span, f"{what}: a constant of type {expr.type} as an int is an extension (8.11.2)")
        return typed.Const(INT, expr.span, expr.value)
    if converted is None:
        cx.error_in(whole or span, span, f"{what}: expected {to}, found {brief(expr.type)}{why_not(expr, to)}", *notes)
        return typed.Expr(to, expr.span)
    return converted


def why_not(expr: typed.Expr, to: Type) -> str:
    """A few more words on why ``{...}`` does not fit a type, if there are any."""
    fields = fields_of(to)
    if isinstance(expr.type, Anonymous) and fields:
        given = [name for name, _ in expr.type.fields]
        for name in given:
            if name not in fields and name != "...":
                return f": {to} has no field '{name}'"
        for name in fields:
            if name not in given and "..." not in given:
                return f": no value is given for the field '{name}'"
    if isinstance(expr.type, Braces):
        size = len(fields) if fields else len(to.elements) if isinstance(to, Tuple) else None
        if size is not None and size != len(expr.type.elements):
            return f": {number_of(len(expr.type.elements), 'value')} for {number_of(size, 'field')}"
    return _inner(expr, to)


def _inner(expr: typed.Expr, to: Type) -> str:
    """The value in ``{...}`` that does not fit its field."""
    if not isinstance(expr, typed.Aggregate) or not isinstance(expr.type, (Braces, Anonymous)):
        return ""
    fields = fields_of(to)
    if isinstance(expr.type, Anonymous):
        names = [name for name, _ in expr.type.fields]
    else:
        names = list(fields) or [str(i) for i in range(len(expr.values))]
        if isinstance(to, Tuple):
            fields = {str(i): t for i, t in enumerate(to.elements)}
    for name, value in zip(names, expr.values, strict=False):
        if name in fields and not unify({}, fields[name], value.type):
            kind = f"the field '{name}'" if isinstance(to, Record) else f"element {name}"
            return f"; in {kind}: expected {fields[name]}, found {brief(value.type)}{why_not(value, fields[name])}"
    return ""


def brief(type_: Type) -> str:
    """A type for a message; of the long type of a list only the beginning."""
    text = str(type_)
    return text if len(text) <= 60 else f"{text[:57]}..."


# --- unification ---------------------------------------------------------------------------------------------------


_ANYTHING = frozenset((UNKNOWN, DONT_CARE))


def unify(bindings: Bindings, param: Type, arg: Type) -> bool:
    """Whether ``arg`` may be given where ``param`` is declared; binds the variables in ``bindings`` on the way."""
    if isinstance(param, TypeVar) and param in bindings:
        return _bind(bindings, param, arg)
    if isinstance(arg, TypeVar) and arg in bindings:
        return _bind(bindings, arg, param)
    if param == arg or arg is DOTS or not _ANYTHING.isdisjoint((param, arg)):
        return True
    if isinstance(arg, (Braces, Anonymous)):
        return _unify_braces(bindings, param, arg)
    match param, arg:
        case (
            (Record(symbol, args), Record(other, others))
            | (Extern(symbol, args), Extern(other, others))
            | (Package(symbol, args), Package(other, others))
        ):
            return symbol is other and _unify_all(bindings, args, others)
        case Block(), Block():
            return _unify_blocks(bindings, param, arg)
        case Stack(element, size), Stack(other_element, other_size):
            return size == other_size and unify(bindings, element, other_element)
        case ((Tuple(elements) | Braces(elements)), Tuple(others)):
            return _unify_all(bindings, elements, others)
        case ListOf(element), ListOf(other_element):
            return unify(bindings, element, other_element)
    return _implicit(param, arg)


def _implicit(param: Type, arg: Type) -> bool:
    """The implicit casts between single values."""
    match param, arg:
        case (Bits(), Simple("int")) | (Simple("int"), Bits()):
            return True
        case New(), Simple("int"):
            return isinstance(bare(param), Bits)
        case Bits(), Enum(enum):
            return enum.underlying == param
        case ((Record() | TypeVar()), Simple("{#}")):
            return _may_be_invalid(param)
    return False


def _unify_braces(bindings: Bindings, param: Type, arg: Braces | Anonymous) -> bool:
    """``{...}`` for a tuple, list, stack, struct or header."""
    if isinstance(arg, Anonymous):
        wanted = fields_of(param)
        return isinstance(param, (Record, Anonymous)) and all(
            name == "..." or (name in wanted and unify(bindings, wanted[name], t)) for name, t in arg.fields
        )
    elements = arg.elements
    match param:
        case Stack(element, size):
            return len(elements) <= size and all(unify(bindings, element, e) for e in elements)
        case Tuple(others) | Braces(others):
            return _unify_all(bindings, others, elements)
        case ListOf(element):
            return all(unify(bindings, element, e) for e in elements)
        case Record():
            dotted = bool(elements) and elements[-1] is DOTS
            return dotted or _unify_all(bindings, tuple(fields_of(param).values()), elements)
    return False


def _unify_all(bindings: Bindings, params: tuple[Type, ...], args: tuple[Type, ...]) -> bool:
    return len(params) == len(args) and all(unify(bindings, p, a) for p, a in zip(params, args, strict=True))


def _bind(bindings: Bindings, variable: TypeVar, arg: Type) -> bool:
    known = bindings[variable]
    if arg is variable or arg is DOTS or arg is INVALID:
        return True
    if known is None or known is arg:
        bindings[variable] = arg
        return True
    if _weak(known) and not _weak(arg) and unify(bindings, arg, known):
        bindings[variable] = arg
        return True
    if isinstance(arg, TypeVar) and bindings.get(arg, known) is None:
        bindings[arg] = known
        return True
    return unify(bindings, known, arg)


def _weak(type_: Type) -> bool:
    """Whether the type is that of a literal that may still become something else."""
    return type_ == INT or isinstance(type_, (Braces, Anonymous)) or any(_weak(p) for p in parts(type_))


def _unify_blocks(bindings: Bindings, param: Block, arg: Block) -> bool:
    """Parsers and controls are compared by what is passed to them when they are applied."""
    if param.symbol is arg.symbol:
        return _unify_all(bindings, param.args, arg.args)
    if param.symbol.kind != arg.symbol.kind or len(param.symbol.params) < len(arg.symbol.params):
        return False
    wanted, given = applied_params(param), applied_params(arg)
    if any(not p.optional and p.default is None for p, _ in wanted[len(given) :]):
        return False
    return all(
        p.direction == a.direction and unify(bindings, p_type, a_type)
        for (p, p_type), (a, a_type) in zip(wanted, given, strict=False)
    )


def applied_params(block: Block) -> list[tuple[ParamSymbol, Type]]:
    """The parameters of a parser or control with their types for the given type arguments."""
    to = dict(zip(block.symbol.type_params, block.args, strict=False))
    return [(p, substitute(p.type, to)) for p in block.symbol.params]


def resolved(bindings: Bindings, type_: Type) -> Type:
    """``type_`` with what the variables were found to be; literals' types become those of values."""
    found = {variable: bound for variable, bound in bindings.items() if bound is not None}
    for _ in range(len(found) + 1):
        after = substitute(type_, found)
        if after == type_:
            break
        type_ = after
    return type_


def settled(type_: Type) -> Type:
    """A type found by inference as that of a value: ``{a, b}`` becomes a tuple."""
    match type_:
        case Braces(elements):
            return Tuple(tuple(map(settled, elements)))
        case Anonymous(fields):
            return Anonymous(tuple((name, settled(t)) for name, t in fields))
        case Tuple(elements):
            return Tuple(tuple(map(settled, elements)))
    return type_


def needs_width(type_: Type) -> bool:
    """Whether a value of this type would have an ``int`` in it, which no run-time value may have."""
    return type_ == INT or any(map(needs_width, parts(type_)))


def is_anonymous(type_: Type) -> bool:
    """Whether the type is, or is made from, that of ``{x = a}``, which has no name."""
    return isinstance(type_, Anonymous) or any(map(is_anonymous, parts(type_)))
