"""Values taken apart into numbers by name, and put together again: what goes with a packet or is told of it."""

from __future__ import annotations

from collections.abc import Iterator

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .machine import Machine
from .values import INDEX_BITS, Header, Scalar, Stack, Struct, Union, Value, Varbit, scalar_width

VALID = "$valid"
"""The leaf that says whether a header is valid (1 bit)."""

LENGTH = "$length"
"""The leaf that says how many bits a varbit has (32 bits)."""

NEXT = "$next"
"""The leaf that is a stack's ``nextIndex``."""


def leaves(m: Machine, value: Value, span: Span) -> dict[str, Term]:
    """Every leaf of a value by its dotted path ("" for a scalar), in order; a bool is one bit, fields of a header that
    is invalid are 0. What is undefined becomes a choice."""
    return dict(_leaves(m, value, "", b.TRUE, span))


def _leaves(m: Machine, value: Value, path: str, valid: Term, span: Span) -> Iterator[tuple[str, Term]]:
    match value:
        case Scalar():
            yield path, _where(valid, m.read(value, span))
        case Varbit(bits, length):
            yield path, _where(valid, bits)
            yield _join(path, LENGTH), _where(valid, length)
        case Struct(fields):
            for name, part in fields.items():
                yield from _leaves(m, part, _join(path, name), valid, span)
        case Header(here, fields):
            here = b.and_(valid, m.decide(here))
            yield _join(path, VALID), b.from_bool(here)
            if here is not b.FALSE:
                for name, part in fields.items():
                    yield from _leaves(m, part, _join(path, name), here, span)
        case Union(members):
            for name, member in members.items():
                yield from _leaves(m, member, _join(path, name), valid, span)
        case Stack(elements, next_index):
            yield _join(path, NEXT), next_index
            for i, element in enumerate(elements):
                yield from _leaves(m, element, _join(path, str(i)), valid, span)
        case _:
            raise Unsupported(f"a {type(value).__name__.lower()} as data", span)


def _where(valid: Term, term: Term) -> Term:
    number = b.from_bool(term) if term.sort is b.BOOL else term
    return b.ite(valid, number, b.bv(0, number.width))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def from_inputs(m: Machine, type_: ir.Type, path: str, given: Term, span: Span) -> Value:
    """A value that came with the packet: leaf ``in.PATH.LEAF`` for each, defined where ``given`` holds."""
    width = scalar_width(type_, span)
    if width is not None:
        term = m.input.metadata(path, max(1, width))
        return Scalar(b.to_bool(term) if width == 0 else term, given)
    bare = ir.bare(type_)
    match bare:
        case ir.StructType(fields=fields):
            return Struct({f.name: from_inputs(m, f.type, _join(path, f.name), given, span) for f in fields})
        case ir.TupleType(elements):
            return Struct({str(i): from_inputs(m, e, _join(path, str(i)), given, span) for i, e in enumerate(elements)})
        case ir.HeaderType():
            return _header(m, bare, path, given, span)
        case ir.UnionType(fields=fields):
            members = {f.name: from_inputs(m, f.type, _join(path, f.name), given, span) for f in fields}
            return Union({name: h for name, h in members.items() if isinstance(h, Header)})
        case ir.VarbitType(max_width):
            length = m.input.metadata(_join(path, LENGTH), 32)
            return Varbit(m.input.metadata(path, max(1, max_width)), length, given)
        case ir.StackType(element, size):
            parts = tuple(from_inputs(m, element, _join(path, str(i)), given, span) for i in range(size))
            return Stack(parts, b.ite(given, m.input.metadata(_join(path, NEXT), INDEX_BITS), b.bv(0, INDEX_BITS)))
    raise Unsupported(f"a {type(bare).__name__} that comes with a packet", span)


def _header(m: Machine, type_: ir.HeaderType, path: str, given: Term, span: Span) -> Header:
    """A header; invalid where nothing came."""
    valid = b.and_(given, b.to_bool(m.input.metadata(_join(path, VALID), 1)))
    return Header(valid, {f.name: from_inputs(m, f.type, _join(path, f.name), given, span) for f in type_.fields})
