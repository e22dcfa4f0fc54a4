"""Values as lists of numbers: what a block is given and what it leaves, one term for each leaf of a parameter's type.

The leaves of a type come in the order of its fields: of a header its validity first, then its fields; of a header
union those of each member; of a ``varbit`` its length and its bits. What is below an invalid header counts as 0 on the
way out, for nobody can read it. So two types whose leaves have the same widths carry the same values, whatever the
fields are called and however structs are nested.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .. import bits as b
from .. import ir
from ..bits import Term
from ..source import Span, Unsupported
from .behaviour import Assumption
from .machine import Machine
from .values import (
    ENUM_BITS,
    INDEX_BITS,
    UNIT,
    Header,
    Scalar,
    Stack,
    Struct,
    Union,
    Value,
    Varbit,
    scalar_width,
)

VALID = "isValid()"
LENGTH_BITS = 32
"""Bits of the length of a varbit."""

Leaf = tuple[str, int]
"""Path below the parameter, and bits (bool and validity: 1)."""


@dataclass
class Names:
    """Names of leaves: their own paths, or those given for them in order.

    ``taken`` has the path and the width of each leaf that was met.
    """

    given: Sequence[str] | None = None
    taken: list[Leaf] = field(default_factory=list)

    def take(self, path: str, width: int) -> str:
        """The name of the next leaf."""
        number = len(self.taken)
        self.taken.append((path, width))
        if self.given is None:
            return path
        return self.given[number] if number < len(self.given) else path


# --- in -------------------------------------------------------------------------------------------------------------


def arbitrary(m: Machine, type_: ir.Type, path: str, names: Names, span: Span) -> Value:
    """Any value of a type, each leaf an input ``in.NAME``; what limits them goes to :attr:`Machine.assumptions`.

    Raises:
        Unsupported: the type has no values at run time.
    """
    bare = ir.bare(type_)
    match bare:
        case ir.BitsType(0):
            return UNIT
        case ir.StructType(fields=fields):
            return Struct({f.name: arbitrary(m, f.type, f"{path}.{f.name}", names, span) for f in fields})
        case ir.TupleType(elements):
            return Struct({str(i): arbitrary(m, e, f"{path}[{i}]", names, span) for i, e in enumerate(elements)})
        case ir.HeaderType():
            return _arbitrary_header(m, bare, path, names, span)
        case ir.UnionType(fields=fields):
            members = {f.name: arbitrary(m, f.type, f"{path}.{f.name}", names, span) for f in fields}
            union = Union({name: member for name, member in members.items() if isinstance(member, Header)})
            _at_most_one(m, [member.valid for member in union.members.values()], path)
            return union
        case ir.StackType(element, size):
            items = tuple(arbitrary(m, element, f"{path}[{i}]", names, span) for i in range(size))
            return Stack(items, b.bv(0, INDEX_BITS))
        case ir.VoidType():
            return Struct({})
        case ir.VarbitType(max_width):
            return _arbitrary_varbit(m, max_width, path, names)
    width = scalar_width(type_, span)
    if width is None:
        raise Unsupported(f"a block's parameter with a part of type {type(bare).__name__}", span)
    return _arbitrary_scalar(m, bare, width, path, names)


def _arbitrary_scalar(m: Machine, type_: ir.Type, width: int, path: str, names: Names) -> Scalar:
    term = m.input.metadata(names.take(path, max(1, width)), max(1, width))
    count = None
    if isinstance(type_, ir.EnumType) and type_.underlying is None:
        count = len(type_.members)
    elif isinstance(type_, ir.ErrorType):
        count = len(m.program.errors)
    if count is not None:
        m.assumptions.append(Assumption(f"{path} is one of its {count} members", b.ult(term, b.bv(count, ENUM_BITS))))
    return Scalar(b.to_bool(term) if width == 0 else term)


def _arbitrary_header(m: Machine, type_: ir.HeaderType, path: str, names: Names, span: Span) -> Header:
    valid = b.to_bool(m.input.metadata(names.take(f"{path}.{VALID}", 1), 1))
    return Header(valid, {f.name: arbitrary(m, f.type, f"{path}.{f.name}", names, span) for f in type_.fields})


def _arbitrary_varbit(m: Machine, max_width: int, path: str, names: Names) -> Varbit:
    """Its length is any up to the maximum, its bits behind the length are zero."""
    length = m.input.metadata(names.take(f"{path}.length", LENGTH_BITS), LENGTH_BITS)
    width = max(1, max_width)
    bits = m.input.metadata(names.take(path, width), width)
    longest = b.bv(max_width, LENGTH_BITS)
    m.assumptions.append(Assumption(f"{path} has at most {max_width} bits", b.ule(length, longest)))
    behind = b.sub(longest, length)
    wide = max(width, LENGTH_BITS)
    ones = b.bv((1 << wide) - 1, wide)
    mask = b.extract(b.shl(ones, b.resize(behind, wide)), width - 1, 0)
    return Varbit(b.band(bits, mask), length)


def _at_most_one(m: Machine, valid: Sequence[Term], path: str) -> None:
    pairs = [b.not_(b.and_(x, y)) for i, x in enumerate(valid) for y in valid[i + 1 :]]
    if pairs:
        m.assumptions.append(Assumption(f"at most one header of the union {path} is valid", b.and_(*pairs)))


def made(m: Machine, type_: ir.Type, leaf: Callable[[int], Scalar], span: Span) -> Value:
    """A value each of whose leaves ``leaf`` makes, given its width (0: Bool); enums in it are members.

    Raises:
        Unsupported: the type has no values at run time, or has varbits in it.
    """
    bare = ir.bare(type_)
    match bare:
        case ir.BitsType(0):
            return UNIT
        case ir.StructType(fields=fields):
            return Struct({f.name: made(m, f.type, leaf, span) for f in fields})
        case ir.TupleType(elements):
            return Struct({str(i): made(m, e, leaf, span) for i, e in enumerate(elements)})
        case ir.HeaderType(fields=fields):
            valid = leaf(0).term
            return Header(valid, {f.name: made(m, f.type, leaf, span) for f in fields})
        case ir.UnionType(fields=fields):
            return _first_valid({f.name: made(m, f.type, leaf, span) for f in fields})
        case ir.StackType(element, size):
            return Stack(tuple(made(m, element, leaf, span) for _ in range(size)), b.bv(0, INDEX_BITS))
    width = scalar_width(bare, span)
    if width is None:
        raise Unsupported(f"a value of type {type(bare).__name__} that the program does not make", span)
    value = leaf(width)
    count = len(m.program.errors) if isinstance(bare, ir.ErrorType) else None
    if isinstance(bare, ir.EnumType) and bare.underlying is None:
        count = len(bare.members)
    if count is not None:
        m.axioms[b.ult(value.term, b.bv(count, value.term.width))] = None
    return value


def _first_valid(members: Mapping[str, Value]) -> Union:
    """A union of which at most one member is valid (spec 8.20): the first of those that are said to be."""
    found: dict[str, Header] = {}
    taken = b.FALSE
    for name, member in members.items():
        if isinstance(member, Header):
            found[name] = replace(member, valid=b.and_(member.valid, b.not_(taken)))
            taken = b.or_(taken, member.valid)
    return Union(found)


# --- out ------------------------------------------------------------------------------------------------------------


def flatten(
    value: Value,
    type_: ir.Type,
    path: str,
    read: Callable[[Scalar, str], Term],
    span: Span,
) -> Iterator[tuple[str, Term]]:
    """The leaves of a value, by path; Bool as one bit.

    Args:
        value: of ``type_``.
        type_: says the order.
        path: of the value.
        read: the term of a scalar leaf (at its path), which may be undefined.
        span: to blame.
    """
    return _flatten(value, type_, path, read, b.TRUE, span)


def _flatten(
    value: Value, type_: ir.Type, path: str, read: Callable[[Scalar, str], Term], when: Term, span: Span
) -> Iterator[tuple[str, Term]]:
    match value, ir.bare(type_):
        case _, ir.BitsType(0) | ir.VoidType():
            return
        case Scalar(), _:
            yield path, _where(when, value, path, read)
        case Varbit(bits, length, defined), _:
            yield f"{path}.length", _where(when, Scalar(length, defined), f"{path}.length", read)
            yield path, _where(when, Scalar(bits, defined), path, read)
        case Header(valid), ir.HeaderType():
            here = b.and_(when, valid)
            yield f"{path}.{VALID}", b.from_bool(here)
            for name, part, part_type in _parts(value, type_, path, span):
                yield from _flatten(part, part_type, name, read, here, span)
        case _:
            for name, part, part_type in _parts(value, type_, path, span):
                yield from _flatten(part, part_type, name, read, when, span)


def with_leaves(
    value: Value, type_: ir.Type, path: str, change: Callable[[str, Scalar, ir.Type], Scalar], span: Span
) -> Value:
    """``value`` with its leaves, named as by :func:`flatten`, as ``change`` makes them of path, old leaf and type.

    Raises:
        Unsupported: there is a varbit in it.
    """
    match value, ir.bare(type_):
        case _, ir.BitsType(0) | ir.VoidType():
            return value
        case Scalar(), _:
            return change(path, value, type_)
        case Varbit(), _:
            raise Unsupported("a varbit that is written from elsewhere", span)
    parts = [with_leaves(part, t, name, change, span) for name, part, t in _parts(value, type_, path, span)]
    match value, ir.bare(type_):
        case Header(valid), ir.HeaderType(fields=types):
            valid = change(f"{path}.{VALID}", Scalar(valid), ir.BoolType()).term
            return replace(value, valid=valid, fields={t.name: part for t, part in zip(types, parts, strict=True)})
        case Struct(), ir.StructType(fields=types):
            return Struct({t.name: part for t, part in zip(types, parts, strict=True)})
        case Struct(), _:
            return Struct({str(i): part for i, part in enumerate(parts)})
        case Stack(), _:
            return replace(value, elements=tuple(parts))
    raise Unsupported(f"a {type(value).__name__.lower()} that is written from elsewhere", span)


def _parts(value: Value, type_: ir.Type, path: str, span: Span) -> Iterator[tuple[str, Value, ir.Type]]:
    """The parts of a composed value, by path, with their types."""
    match value, ir.bare(type_):
        case (Struct(fields), ir.StructType(fields=types)) | (Header(fields=fields), ir.HeaderType(fields=types)):
            for part in types:
                yield f"{path}.{part.name}", fields[part.name], part.type
        case Union(members), ir.UnionType(fields=types):
            for part in types:
                yield f"{path}.{part.name}", members[part.name], part.type
        case Struct(fields), ir.TupleType(elements):
            for i, element in enumerate(elements):
                yield f"{path}[{i}]", fields[str(i)], element
        case Stack(elements=items), ir.StackType(element=item_type):
            for i, item in enumerate(items):
                yield f"{path}[{i}]", item, item_type
        case _:
            raise Unsupported(f"the leaves of a {type(value).__name__.lower()}", span)


def _where(when: Term, value: Scalar, path: str, read: Callable[[Scalar, str], Term]) -> Term:
    if when is b.FALSE:
        width = value.term.width or 1
        return b.bv(0, width)
    term = read(value, path)
    if term.sort is b.BOOL:
        term = b.from_bool(term)
    return b.ite(when, term, b.bv(0, term.width))
