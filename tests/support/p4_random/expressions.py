"""Random expressions of a given type, fully parenthesised."""

from __future__ import annotations

from .chance import Chance
from .scope import Callable, Scope
from .types import BOOL, Bits, Bool, Enum, Record, Stack, Type, Union, is_scalar

MAX_WIDTH = 128
ARITHMETIC = ("+", "-", "&", "|", "^", "*", "|+|", "|-|")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")


def expression(g: Chance, scope: Scope, type_: Type, depth: int | None = None) -> str:
    """An expression of ``type_``; ``depth`` bounds the nesting of operators."""
    depth = g.settings.expression if depth is None else depth
    match type_:
        case Bits():
            return _bits(g, scope, type_, depth)
        case Bool():
            return _bool(g, scope, depth)
        case Enum():
            return _enum(g, scope, type_, depth)
    return _whole(g, scope, type_, depth)


def literal(g: Chance, type_: Type) -> str:
    """A literal of a scalar type."""
    match type_:
        case Bits(width, signed):
            value = g.constant(width)
            if signed:
                value -= (value >> (width - 1)) << width
                return f"{width}s{value}" if value >= 0 else f"(-{width}s{-value})"
            return g.pick([f"{width}w{value}", f"{width}w{value:#x}"])
        case Bool():
            return g.pick(["false", "true"])
        case Enum(members=members):
            return f"{type_}.{g.pick(members)}"
    raise ValueError(f"no literal of {type_}")


def place(g: Chance, scope: Scope, type_: Type, writable: bool = False) -> str | None:
    """Something in scope that holds ``type_``, with a slice or a computed index now and then."""
    found = [p for p in scope.of(type_, writable) if scope.kind != "state" or ".next" not in p.text]
    if isinstance(type_, Bits) and not type_.signed and g.often(0.15):
        wider = [p for p in scope.bits(writable) if isinstance(p.type, Bits) and p.type.width > type_.width]
        if wider:
            chosen = g.pick(wider)
            assert isinstance(chosen.type, Bits)
            low = g.number(0, chosen.type.width - type_.width)
            return f"{chosen.text}[{low + type_.width - 1}:{low}]"
    if not found:
        return None
    text = g.pick(found).text
    return _computed_index(g, scope, text)


def _computed_index(g: Chance, scope: Scope, text: str) -> str:
    """Where the place lies in a stack, an index that is computed instead of the number."""
    at = text.find("[0]")
    if at < 0 or scope.kind in ("state", "function") or not g.often(0.25):
        return text
    others = [p for p in scope.bits() if not p.constant and "[" not in p.text]
    others = [p for p in others if isinstance(p.type, Bits) and not p.type.signed]
    if not others:
        return text
    index = g.pick(others)
    assert isinstance(index.type, Bits)
    shown = f"{index.text}[1:0]" if index.type.width > 2 and g.often(0.7) else index.text
    return f"{text[:at]}[{shown}]{text[at + 3 :]}"


def call_of(g: Chance, scope: Scope, callee: Callable, depth: int) -> str | None:
    """A call with arguments; None if some parameter has nothing that can be passed."""
    arguments = []
    for param in callee.params:
        if param.direction in ("out", "inout"):
            argument = place(g, scope, param.type, writable=True)
        elif not can_make(scope, param.type):
            argument = None
        else:
            argument = expression(g, scope, param.type, depth)
        if argument is None:
            return None
        arguments.append(argument)
    if callee.params and g.often(0.15):
        named = [f"{p.name} = {a}" for p, a in zip(callee.params, arguments, strict=True)]
        return f"{callee.name}({', '.join(named)})"
    return f"{callee.name}({', '.join(arguments)})"


def _called(g: Chance, scope: Scope, type_: Type, depth: int) -> str | None:
    if scope.fixed:
        return None
    callees = [f for f in scope.functions if f.result == type_]
    return call_of(g, scope, g.pick(callees), min(depth, 1)) if callees else None


def _ternary(g: Chance, scope: Scope, type_: Type, depth: int) -> str:
    condition = expression(g, scope, BOOL, depth - 1)
    return f"({condition} ? {expression(g, scope, type_, depth - 1)} : {expression(g, scope, type_, depth - 1)})"


# --- bit<> and int<> ------------------------------------------------------------------------------------------------


def _bits(g: Chance, scope: Scope, type_: Bits, depth: int) -> str:
    if depth <= 0 or g.often(0.25):
        found = place(g, scope, type_) if g.often(0.8) else None
        return found if found is not None else literal(g, type_)
    kinds = {"binary": 6.0, "unary": 1.0, "shift": 1.5, "cast": 2.5, "ternary": 1.0, "call": 1.5}
    if not type_.signed:
        kinds["slice"] = 1.5
    if type_.width > 1:
        kinds["concat"] = 1.5
    match g.weighted(kinds):
        case "binary":
            return _binary(g, scope, type_, depth)
        case "unary":
            return f"({g.pick(['-', '~'])}{_bits(g, scope, type_, depth - 1)})"
        case "shift":
            return _shift(g, scope, type_, depth)
        case "cast":
            return _cast(g, scope, type_, depth)
        case "ternary":
            return _ternary(g, scope, type_, depth)
        case "slice":
            return _slice(g, scope, type_, depth)
        case "concat":
            high = g.number(1, type_.width - 1)
            left = _bits(g, scope, Bits(high, type_.signed), depth - 1)
            return f"({left} ++ {_bits(g, scope, Bits(type_.width - high), depth - 1)})"
    return _called(g, scope, type_, depth) or _binary(g, scope, type_, depth)


def _binary(g: Chance, scope: Scope, type_: Bits, depth: int) -> str:
    left = _bits(g, scope, type_, depth - 1)
    right = _bits(g, scope, type_, depth - 1)
    if g.often(0.1):
        right = str(g.constant(type_.width) >> 1)  # a number without a width takes that of the other side
    return f"({left} {g.pick(ARITHMETIC)} {right})"


def _shift(g: Chance, scope: Scope, type_: Bits, depth: int) -> str:
    """By a constant, also beyond the width, or by what a place holds."""
    left = _bits(g, scope, type_, depth - 1)
    operator = g.pick(["<<", ">>"])
    if g.often(0.5):
        return f"({left} {operator} {g.number(0, type_.width + 1)})"
    return f"({left} {operator} {_bits(g, scope, Bits(g.pick([8, 4, 3, 16, type_.width])), depth - 1)})"


def _cast(g: Chance, scope: Scope, type_: Bits, depth: int) -> str:
    """From another width, from the other sign, from bool or an enum with a representation."""
    source: Type = Bits(g.pick([type_.width + 1, 8, 16, 32, 1, 5, type_.width + 9]), type_.signed)
    if g.often(0.4):
        source = Bits(type_.width, not type_.signed)
    if type_ == Bits(1) and g.often(0.5):
        source = BOOL
    places = [p.type for p in scope.scalars() if isinstance(p.type, Enum) and p.type.width == type_.width]
    if places and not type_.signed and g.often(0.5):
        source = g.pick(places)
    return f"(({type_}) {expression(g, scope, source, depth - 1)})"


def _slice(g: Chance, scope: Scope, type_: Bits, depth: int) -> str:
    width = min(MAX_WIDTH, type_.width + g.number(0, 9))
    if width < type_.width:
        return _binary(g, scope, type_, depth)
    low = g.number(0, width - type_.width)
    base = _bits(g, scope, Bits(width, g.often(0.2)), depth - 1)
    if not base.startswith("("):
        base = f"({base})"
    return f"{base}[{low + type_.width - 1}:{low}]"


# --- bool, enums, the rest ------------------------------------------------------------------------------------------


def _bool(g: Chance, scope: Scope, depth: int) -> str:
    if depth <= 0 or g.often(0.2):
        found = place(g, scope, BOOL) if g.often(0.7) else None
        if found is not None:
            return found
        headers = scope.headers()
        return f"{g.pick(headers).text}.isValid()" if headers and g.often(0.8) else literal(g, BOOL)
    match g.weighted(
        {"compare": 5.0, "logic": 3.0, "not": 1.0, "valid": 2.0, "equal": 1.5, "call": 1.0, "ternary": 0.5}
    ):
        case "compare":
            return _comparison(g, scope, depth)
        case "logic":
            left, right = _bool(g, scope, depth - 1), _bool(g, scope, depth - 1)
            return f"({left} {g.pick(['&&', '||'])} {right})"
        case "not":
            return f"(!{_bool(g, scope, depth - 1)})"
        case "valid":
            units = [p for p in scope.parts() if isinstance(p.type, Union)]
            options = [*scope.headers(), *units]
            return f"{g.pick(options).text}.isValid()" if options else _comparison(g, scope, depth)
        case "equal":
            return _equality(g, scope, depth)
        case "ternary":
            return _ternary(g, scope, BOOL, depth)
    return _called(g, scope, BOOL, depth) or _comparison(g, scope, depth)


def _comparison(g: Chance, scope: Scope, depth: int) -> str:
    places = scope.bits()
    chosen = g.pick(places).type if places and g.often(0.8) else Bits(g.pick([8, 16, 5]), g.often(0.3))
    left, right = expression(g, scope, chosen, depth - 1), expression(g, scope, chosen, depth - 1)
    return f"({left} {g.pick(COMPARISONS)} {right})"


def _equality(g: Chance, scope: Scope, depth: int) -> str:
    """``==`` of anything that is no number: enums, bools, headers, structs, stacks, unions."""
    places = [p for p in scope.parts() if not isinstance(p.type, Bits) and _comparable(p.type)]
    if not places:
        return _comparison(g, scope, depth)
    chosen = g.pick(places)
    other = expression(g, scope, chosen.type, min(depth - 1, 1))
    return f"({chosen.text} {g.pick(['==', '!='])} {other})"


def _comparable(type_: Type) -> bool:
    return is_scalar(type_) or isinstance(type_, (Record, Stack, Union))


def _enum(g: Chance, scope: Scope, type_: Enum, depth: int) -> str:
    if type_.width is not None and depth > 0 and g.often(0.15):
        return f"(({type_}) {_bits(g, scope, Bits(type_.width), depth - 1)})"
    if depth > 0 and g.often(0.15):
        return _called(g, scope, type_, depth) or _ternary(g, scope, type_, depth)
    found = place(g, scope, type_) if g.often(0.6) else None
    return found if found is not None else literal(g, type_)


def can_make(scope: Scope, type_: Type) -> bool:
    """Whether there is an expression of a type: stacks can only be named."""
    match type_:
        case Stack():
            return bool(scope.of(type_))
        case Record(kind="struct", fields=fields):
            return bool(scope.of(type_)) or all(can_make(scope, t) for _, t in fields)
    return True


def _whole(g: Chance, scope: Scope, type_: Type, depth: int) -> str:
    """A header, struct, stack or union: something in scope, or made of its fields."""
    found = place(g, scope, type_)
    if found is not None and (not isinstance(type_, Record) or g.often(0.7)):
        return found
    called = _called(g, scope, type_, depth) if g.often(0.5) else None
    if called is not None:
        return called
    if isinstance(type_, Record) and type_.varbit is None:
        if type_.kind == "header" and g.often(0.1):
            return f"(({type_}) {{#}})"
        fields = [(n, expression(g, scope, t, min(depth - 1, 1))) for n, t in type_.fields]
        if g.often(0.5):
            return f"({type_}) {{ {', '.join(f'{n} = {e}' for n, e in fields)} }}"
        return f"({type_}) {{ {', '.join(e for _, e in fields)} }}"
    return found if found is not None else "{#}"
