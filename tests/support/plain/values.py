"""Values: Python numbers, bools and member names; aggregates as small mutable objects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from p4verify.semantics import ir


class Skip(Exception):
    """The outcome hangs on an undefined value, or on what this interpreter does not model."""


class Undefined:
    """A value that nobody fixes."""

    def __repr__(self) -> str:
        return "?"


UNDEFINED: Final = Undefined()


@dataclass
class Record:
    """A struct or tuple."""

    fields: dict[str, Any]


@dataclass
class Header:
    """A header; its fields mean something where ``valid`` is True (it may be undefined itself)."""

    valid: Any
    fields: dict[str, Any]


@dataclass
class Union:
    """A header union."""

    members: dict[str, Header]


@dataclass
class Stack:
    """A header stack and its next index."""

    elements: list[Any]
    next: int = 0


@dataclass(frozen=True)
class Varbit:
    """The bits of a varbit, as text."""

    bits: str


def copy(value: Any) -> Any:
    """A value that shares nothing that can change."""
    match value:
        case Record(fields):
            return Record({n: copy(v) for n, v in fields.items()})
        case Header(valid, fields):
            return Header(valid, {n: copy(v) for n, v in fields.items()})
        case Union(members):
            return Union({n: copy(v) for n, v in members.items()})
        case Stack(elements, after):
            return Stack([copy(e) for e in elements], after)
    return value


def make(type_: ir.Type, leaf: Any = UNDEFINED) -> Any:
    """A variable of a type that nothing has set: leaves undefined, headers invalid."""
    type_ = ir.bare(type_)
    match type_:
        case ir.StructType():
            return Record({f.name: make(f.type) for f in type_.fields})
        case ir.TupleType():
            return Record({str(i): make(t) for i, t in enumerate(type_.elements)})
        case ir.HeaderType():
            return Header(False, {f.name: make(f.type) for f in type_.fields})
        case ir.UnionType():
            return Union({f.name: make(f.type) for f in type_.fields})
        case ir.StackType():
            return Stack([make(type_.element) for _ in range(type_.size)])
    return UNDEFINED


def spoil(value: Any) -> Any:
    """The same shape with everything undefined, validity too."""
    match value:
        case Record(fields):
            return Record({n: spoil(v) for n, v in fields.items()})
        case Header(_, fields):
            return Header(UNDEFINED, {n: spoil(v) for n, v in fields.items()})
        case Union(members):
            return Union({n: spoil(v) for n, v in members.items()})
        case Stack(elements, after):
            return Stack([spoil(e) for e in elements], after)
    return UNDEFINED


def wrap(value: int, type_: ir.BitsType) -> int:
    """A number brought into the range of ``bit<>`` or ``int<>``."""
    if type_.width == 0:
        return 0
    value &= (1 << type_.width) - 1
    return value - (1 << type_.width) if type_.signed and value >> (type_.width - 1) else value


def unsigned(value: int, width: int) -> int:
    """The bits of a number as an unsigned one."""
    return value & ((1 << width) - 1)


def bits_of(value: Any, type_: ir.Type) -> str:
    """The bits of a value on the wire; ``?`` where it is undefined."""
    type_ = ir.bare(type_)
    match type_:
        case ir.BitsType(width) | ir.EnumType(underlying=ir.BitsType(width)):
            if value is UNDEFINED:
                return "?" * width
            return format(unsigned(value, width), f"0{width}b") if width else ""
        case ir.BoolType():
            return "?" if value is UNDEFINED else str(int(value))
        case ir.VarbitType():
            if value is UNDEFINED:
                raise Skip("the bits of a varbit that is undefined")
            return str(value.bits)
        case ir.HeaderType() | ir.StructType():
            return "".join(bits_of(value.fields[f.name], f.type) for f in type_.fields)
    raise Skip(f"the bits of a {type(type_).__name__}")


def from_bits(bits: str, type_: ir.Type) -> Any:
    """The value of a fixed-size type that bits spell."""
    value, rest = _take(bits, type_)
    assert not rest
    return value


def _take(bits: str, type_: ir.Type) -> tuple[Any, str]:
    type_ = ir.bare(type_)
    match type_:
        case ir.BitsType(width):
            return (wrap(int(bits[:width], 2), type_) if width else 0), bits[width:]
        case ir.EnumType(underlying=ir.BitsType(width)):
            return int(bits[:width], 2), bits[width:]
        case ir.BoolType():
            return bits[0] == "1", bits[1:]
        case ir.HeaderType() | ir.StructType():
            fields = {}
            for part in type_.fields:
                fields[part.name], bits = _take(bits, part.type)
            return (Header(True, fields) if isinstance(type_, ir.HeaderType) else Record(fields)), bits
    raise Skip(f"a {type(type_).__name__} made of bits")


def same(one: Any, two: Any) -> Any:
    """``==``: False if some defined part differs, else undefined if some part is."""
    if one is UNDEFINED or two is UNDEFINED:
        return UNDEFINED
    match one, two:
        case Record(), Record():
            return _all(same(v, two.fields[n]) for n, v in one.fields.items())
        case Header(), Header():
            if one.valid is UNDEFINED or two.valid is UNDEFINED:
                return UNDEFINED
            if one.valid != two.valid or not one.valid:
                return bool(one.valid == two.valid)
            return _all(same(v, two.fields[n]) for n, v in one.fields.items())
        case Union(), Union():
            return _all(same(v, two.members[n]) for n, v in one.members.items())
        case Stack(), Stack():
            return _all(same(x, y) for x, y in zip(one.elements, two.elements, strict=True))
    return bool(one == two)


def _all(parts: Any) -> Any:
    found = list(parts)
    if any(part is False for part in found):
        return False
    return UNDEFINED if any(part is UNDEFINED for part in found) else True


def number_bits(value: Any, type_: ir.Type) -> int:
    """A defined scalar as an unsigned number."""
    return int(bits_of(value, type_), 2)
