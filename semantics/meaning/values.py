"""What P4 variables hold: trees of terms that follow the type.

Every leaf knows *where it is defined*: :class:`Scalar` is a term and a condition. Reading it gives the term where the
condition holds and a fresh choice elsewhere (P4-16 spec, "Reading uninitialized values and writing fields of invalid
headers"), so one undefined variable read twice gives two unrelated values, and a copy of it one fixed value.

The fields of a header mean something only where the header is valid; what their leaves say elsewhere is arbitrary.
Values are immutable and compared by identity.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import NOWHERE, Span, Unsupported
from .origin import DECLARED, NEVER_VALID, SET_VALID, Origin

ENUM_BITS = 32
"""Bits that stand for an ``error``, ``match_kind`` or an enum without a representation: the member's index."""

INDEX_BITS = 32
"""Bits of a stack's ``nextIndex``."""


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """A bit-vector or Bool, undefined where ``defined`` does not hold. ``bit<0>`` is the one-bit literal 0."""

    term: Term
    defined: Term = b.TRUE
    origin: Origin | None = None
    """Why it is not defined; of one that is, why what it was copied from was not."""


@dataclass(frozen=True, slots=True, eq=False)
class Varbit:
    """A ``varbit``: ``bits`` of the maximal width, the first bit highest, zero past ``length`` (32 bits: in bits)."""

    bits: Term
    length: Term
    defined: Term = b.TRUE


@dataclass(frozen=True, slots=True, eq=False)
class Struct:
    """A struct, or a tuple (fields "0", "1", ...)."""

    fields: Mapping[str, Value]


@dataclass(frozen=True, slots=True, eq=False)
class Header:
    """A header; ``fields`` count where ``valid``."""

    valid: Term
    fields: Mapping[str, Value]
    origin: Origin | None = None
    """Why it is not valid where it is not."""


@dataclass(frozen=True, slots=True, eq=False)
class Union:
    """A header union; at most one member is valid."""

    members: Mapping[str, Header]


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """A header stack or array, and its ``nextIndex``."""

    elements: tuple[Value, ...]
    next_index: Term


@dataclass(frozen=True, slots=True, eq=False)
class Text:
    """A compile-time string."""

    text: str


Value = Scalar | Varbit | Struct | Header | Union | Stack | Text

UNIT = Scalar(b.bv(0, 1))
"""The only value of ``bit<0>``."""


def boolean(term: Term) -> Scalar:
    """A defined ``bool``."""
    return Scalar(term)


# --- by type --------------------------------------------------------------------------------------------------------


def scalar_width(type_: ir.Type, span: Span = NOWHERE) -> int | None:
    """Bits of the term that stands for a scalar type (0 for bool), or None if the type is not scalar."""
    match ir.bare(type_):
        case ir.BitsType(width):
            return max(1, width)
        case ir.BoolType():
            return 0
        case ir.EnumType(underlying=ir.BitsType(width)):
            return width
        case ir.EnumType() | ir.ErrorType() | ir.MatchKindType():
            return ENUM_BITS
        case ir.IntType():
            raise Unsupported("a value of type int at run time", span)
    return None


def build(
    type_: ir.Type, leaf: Callable[[int], Scalar], valid: Term, span: Span = NOWHERE, origin: Origin | None = None
) -> Value:
    """A value of ``type_`` with leaves made by ``leaf`` (given the term's width), headers with validity ``valid``.

    Varbits in it are undefined. ``origin`` is why headers are not valid.

    Raises:
        Unsupported: the type has no values at run time.
    """
    width = scalar_width(type_, span)
    if width is not None:
        return UNIT if _is_zero_width(type_) else leaf(width)
    bare = ir.bare(type_)
    match bare:
        case ir.VarbitType(max_width):
            return Varbit(b.bv(0, max(1, max_width)), b.bv(0, 32), b.FALSE)
        case ir.StructType(fields=fields):
            return Struct({f.name: build(f.type, leaf, valid, span, origin) for f in fields})
        case ir.TupleType(elements):
            return Struct({str(i): build(e, leaf, valid, span, origin) for i, e in enumerate(elements)})
        case ir.HeaderType(fields=fields):
            return Header(valid, {f.name: build(f.type, leaf, valid, span, origin) for f in fields}, origin)
        case ir.UnionType(fields=fields):
            made = {f.name: build(f.type, leaf, valid, span, origin) for f in fields}
            return Union({name: m for name, m in made.items() if isinstance(m, Header)})
        case ir.StackType(element, size):
            made_elements = tuple(build(element, leaf, valid, span, origin) for _ in range(size))
            return Stack(made_elements, b.bv(0, INDEX_BITS))
    raise Unsupported(f"a variable of type {type(bare).__name__}", span)


def _literal(width: int, value: int) -> Term:
    return b.bv(value, width) if width else b.boolean(bool(value))


def uninitialised(type_: ir.Type, span: Span = NOWHERE, reason: str = DECLARED) -> Value:
    """A variable without an initial value: headers invalid, the rest undefined ("Calling convention", ``out``)."""
    origin = Origin(reason, span)
    invalid = Origin(NEVER_VALID if reason == DECLARED else reason, span)
    return build(type_, lambda width: Scalar(_literal(width, 0), b.FALSE, origin), b.FALSE, span, invalid)


def default_value(type_: ir.Type, no_error: Term, span: Span = NOWHERE) -> Value:
    """The default value of a type (spec, "Default values"): zero, false, the first member, the number ``no_error``,
    headers invalid."""
    if isinstance(ir.bare(type_), ir.ErrorType):
        return Scalar(no_error)
    width = scalar_width(type_, span)
    if width is not None:
        return Scalar(_literal(width, 0)) if not _is_zero_width(type_) else UNIT
    bare = ir.bare(type_)
    match bare:
        case ir.StructType(fields=fields):
            return Struct({f.name: default_value(f.type, no_error, span) for f in fields})
        case ir.TupleType(elements):
            return Struct({str(i): default_value(e, no_error, span) for i, e in enumerate(elements)})
        case ir.StackType(element, size):
            return Stack(tuple(default_value(element, no_error, span) for _ in range(size)), b.bv(0, INDEX_BITS))
        case ir.VarbitType(max_width):
            return Varbit(b.bv(0, max(1, max_width)), b.bv(0, 32))
    return uninitialised(type_, span)


def _is_zero_width(type_: ir.Type) -> bool:
    return isinstance(bare := ir.bare(type_), ir.BitsType) and bare.width == 0


# --- copying --------------------------------------------------------------------------------------------------------


def copied(value: Value, leaf: Callable[[Scalar], Scalar]) -> Value:
    """A copy whose leaves are what ``leaf`` makes of them.

    Fields of an invalid header stay as they are: each read of one is a choice of its own anyway.
    """
    match value:
        case Scalar():
            return leaf(value)
        case Struct(fields):
            return Struct(_copied_fields(fields, leaf))
        case Header():
            return _copied_header(value, leaf)
        case Union(members):
            return Union({name: _copied_header(header, leaf) for name, header in members.items()})
        case Stack(elements, next_index):
            return Stack(tuple(copied(element, leaf) for element in elements), next_index)
    return value


def _copied_fields(fields: Mapping[str, Value], leaf: Callable[[Scalar], Scalar]) -> Mapping[str, Value]:
    made = {name: copied(value, leaf) for name, value in fields.items()}
    return fields if all(made[n] is fields[n] for n in fields) else made


def _copied_header(header: Header, leaf: Callable[[Scalar], Scalar]) -> Header:
    if header.valid is b.FALSE:
        return header
    known = {n: _defined_where_valid(v, header.valid) for n, v in header.fields.items()}
    return Header(header.valid, _copied_fields(known, leaf), header.origin)


def _defined_where_valid(value: Value, valid: Term) -> Value:
    """A header's leaf, seen as defined where the header is invalid (nobody reads it there)."""
    if isinstance(value, Scalar) and value.defined is not b.TRUE:
        if value.defined is valid or b.or_(value.defined, b.not_(valid)) is b.TRUE:
            return Scalar(value.term)
    return value


# --- merging --------------------------------------------------------------------------------------------------------


Ite = Callable[[Term, Term, Term], Term]
"""A term that is one or the other by a condition, as :func:`.bits.ite`."""


def mux(condition: Term, then: Value, otherwise: Value, ite: Ite = b.ite) -> Value:
    """``then`` where ``condition`` holds, else ``otherwise``; both of one type. ``ite`` joins terms that differ."""
    if then is otherwise or condition is b.TRUE:
        return then
    if condition is b.FALSE:
        return otherwise
    match then, otherwise:
        case Scalar(), Scalar():
            return _mux_scalar(condition, then, otherwise, ite)
        case Varbit(), Varbit():
            return _mux_varbit(condition, then, otherwise, ite)
        case Struct(), Struct():
            return Struct(_mux_fields(condition, then.fields, otherwise.fields, ite))
        case Header(), Header():
            return _mux_header(condition, then, otherwise, ite)
        case Union(), Union():
            members = otherwise.members
            return Union({n: _mux_header(condition, h, members[n], ite) for n, h in then.members.items()})
        case Stack(), Stack():
            pairs = zip(then.elements, otherwise.elements, strict=True)
            next_index = ite(condition, then.next_index, otherwise.next_index)
            return Stack(tuple(mux(condition, x, y, ite) for x, y in pairs), next_index)
        case Text(), Text() if then.text == otherwise.text:
            return then
    raise TypeError(f"cannot merge {type(then).__name__} and {type(otherwise).__name__}")


def _mux_scalar(condition: Term, then: Scalar, otherwise: Scalar, ite: Ite) -> Scalar:
    origin = then.origin or otherwise.origin
    if then.defined is b.FALSE:
        return Scalar(otherwise.term, b.and_(b.not_(condition), otherwise.defined), origin)
    if otherwise.defined is b.FALSE:
        return Scalar(then.term, b.and_(condition, then.defined), otherwise.origin or origin)
    defined = ite(condition, then.defined, otherwise.defined)
    return Scalar(ite(condition, then.term, otherwise.term), defined, origin)


def _mux_varbit(condition: Term, then: Varbit, otherwise: Varbit, ite: Ite) -> Varbit:
    if then.defined is b.FALSE:
        return replace(otherwise, defined=b.and_(b.not_(condition), otherwise.defined))
    if otherwise.defined is b.FALSE:
        return replace(then, defined=b.and_(condition, then.defined))
    return Varbit(
        ite(condition, then.bits, otherwise.bits),
        ite(condition, then.length, otherwise.length),
        ite(condition, then.defined, otherwise.defined),
    )


def _mux_fields(
    condition: Term, then: Mapping[str, Value], otherwise: Mapping[str, Value], ite: Ite
) -> Mapping[str, Value]:
    if all(then[name] is otherwise[name] for name in then):
        return then
    return {name: mux(condition, value, otherwise[name], ite) for name, value in then.items()}


def _mux_header(condition: Term, then: Header, otherwise: Header, ite: Ite) -> Header:
    """Fields of a side that is never valid do not matter, so the other side's are taken as they are."""
    if then is otherwise:
        return then
    valid = ite(condition, then.valid, otherwise.valid)
    if then.valid is b.FALSE:
        return Header(valid, otherwise.fields, then.origin)
    if otherwise.valid is b.FALSE:
        return Header(valid, then.fields, otherwise.origin)
    origin = then.origin or otherwise.origin
    return Header(valid, _mux_fields(condition, then.fields, otherwise.fields, ite), origin)


# --- bits <-> values ------------------------------------------------------------------------------------------------


def unpack(type_: ir.Type, bits: Term | None, span: Span = NOWHERE) -> Value:
    """The value of a fixed-width ``type_`` that ``bits`` spell, first field highest; headers in it become valid."""
    width = _size(type_, span)
    if bits is None or width == 0:
        assert width == 0
        return build(type_, lambda w: Scalar(_literal(w, 0)), b.TRUE, span)
    taken = 0

    def take(leaf_type: ir.Type) -> Scalar:
        nonlocal taken
        size = _size(leaf_type, span)
        if size == 0:
            return UNIT
        part = b.extract(bits, width - taken - 1, width - taken - size)
        taken += size
        return Scalar(b.to_bool(part) if isinstance(ir.bare(leaf_type), ir.BoolType) else part)

    return _unpack(type_, take, span)


def _unpack(type_: ir.Type, take: Callable[[ir.Type], Scalar], span: Span) -> Value:
    bare = ir.bare(type_)
    match bare:
        case ir.StructType(fields=fields):
            return Struct({f.name: _unpack(f.type, take, span) for f in fields})
        case ir.TupleType(elements):
            return Struct({str(i): _unpack(e, take, span) for i, e in enumerate(elements)})
        case ir.HeaderType(fields=fields):
            return Header(b.TRUE, {f.name: _unpack(f.type, take, span) for f in fields})
        case ir.StackType(element, size):
            return Stack(tuple(_unpack(element, take, span) for _ in range(size)), b.bv(0, INDEX_BITS))
        case ir.BitsType() | ir.BoolType() | ir.EnumType():
            return take(bare)
    raise Unsupported(f"a value of type {type(bare).__name__} made of bits", span)


def _size(type_: ir.Type, span: Span) -> int:
    try:
        return ir.width_of(type_)
    except ValueError as problem:
        raise Unsupported(str(problem), span) from None


def leaves(value: Value) -> Iterable[Scalar | Varbit]:
    """The leaves of a value in order, those of invalid headers included."""
    stack: list[Value] = [value]
    while stack:
        item = stack.pop()
        match item:
            case Scalar() | Varbit():
                yield item
            case Struct(fields) | Header(fields=fields):
                stack.extend(reversed(list(fields.values())))
            case Union(members):
                stack.extend(reversed(list(members.values())))
            case Stack(elements):
                stack.extend(reversed(elements))
            case Text():
                pass


def headers(value: Value) -> Iterable[Header]:
    """The headers in a value, in order."""
    stack: list[Value] = [value]
    while stack:
        item = stack.pop()
        match item:
            case Header():
                yield item
            case Struct(fields):
                stack.extend(reversed(list(fields.values())))
            case Union(members):
                stack.extend(reversed(list(members.values())))
            case Stack(elements):
                stack.extend(reversed(elements))


def layout(value: Value, *, emitted: bool = True) -> Iterable[Term]:
    """What the layout of a value depends on: validity of headers, ``nextIndex`` of stacks, lengths of varbits.

    Of what is never emitted, only what parsing it further depends on: ``nextIndex``.
    """
    stack: list[Value] = [value]
    while stack:
        item = stack.pop()
        match item:
            case Header(valid, fields):
                if emitted:
                    yield valid
                    if valid is not b.FALSE:
                        stack += _wholes(fields)
            case Struct(fields):
                stack += _wholes(fields)
            case Union(members):
                stack += _wholes(members)
            case Stack(elements, next_index):
                yield next_index
                stack.extend(reversed(elements))
            case Varbit(length=length):
                if emitted:
                    yield length


def _wholes(fields: Mapping[str, Value]) -> list[Value]:
    """What is no scalar, the last first: most fields are scalars, on which no layout depends."""
    return [value for value in reversed(list(fields.values())) if type(value) is not Scalar]


# --- headers --------------------------------------------------------------------------------------------------------


def set_valid(header: Header, span: Span = NOWHERE) -> Header:
    """``setValid()``: fields of a header that was invalid become undefined."""
    if header.valid is b.TRUE:
        return header
    origin = Origin(SET_VALID, span)
    return Header(b.TRUE, {name: defined_only(value, header.valid, origin) for name, value in header.fields.items()})


def defined_only(value: Value, condition: Term, origin: Origin | None = None) -> Value:
    """``value`` with all leaves undefined where ``condition`` does not hold, ``origin`` being why."""
    match value:
        case Scalar(term, defined):
            both = b.and_(defined, condition)
            return Scalar(term, both, value.origin if both is b.TRUE else origin or value.origin)
        case Varbit():
            return replace(value, defined=b.and_(value.defined, condition))
        case Struct(fields):
            return Struct({name: defined_only(v, condition, origin) for name, v in fields.items()})
        case Header(valid, fields):
            return Header(valid, {name: defined_only(v, condition, origin) for name, v in fields.items()}, value.origin)
        case Stack(elements, next_index):
            return Stack(tuple(defined_only(e, condition, origin) for e in elements), next_index)
    return value


def any_valid(union: Union) -> Term:
    """``isValid()`` of a union."""
    return b.or_(*(member.valid for member in union.members.values()))
