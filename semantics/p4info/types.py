"""Types as P4Info shows them (``p4types.proto``): widths, and the table of named types."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from .. import ir
from ..source import Unsupported
from . import model as m
from .annotations import find, given_name, has, shown
from .names import type_name

MAX_DEPTH: Final = 100
"""Types within each other."""


class Translation(NamedTuple):
    """``@p4runtime_translation``: the controller sees ``bit<width>``, or (None) a string."""

    uri: str
    width: int | None


def translation(type_: ir.Type) -> Translation | None:
    """The translation of a type, if it has one (P4Runtime specification, "Translation of Port Numbers")."""
    if not isinstance(type_, ir.NewType):
        return None
    annotation = find(type_.annotations, "p4runtime_translation")
    if annotation is None:
        return None
    uri, _, shape = (annotation.body or "").rpartition(",")
    if len(annotation.values) == 2:
        uri, shape = map(str, annotation.values)
    number = re.fullmatch(r"(?:bit\s*<\s*)?(\d+)(?:\s*>)?", shape.strip())
    if number is None and shape.strip() != "string":
        raise Unsupported(f"@p4runtime_translation({annotation.body}) of type {type_.name}")
    return Translation(uri.strip().strip('"'), int(number.group(1)) if number is not None else None)


def bitwidth(type_: ir.Type) -> int:
    """Bits of a value as the controller sees it; 0 for strings (errors and enums without a representation, too)."""
    translated = translation(type_)
    if translated is not None:
        return translated.width or 0
    bare = ir.bare(type_)
    if isinstance(bare, ir.ErrorType) or (isinstance(bare, ir.EnumType) and bare.underlying is None):
        return 0
    try:
        return ir.width_of(bare)
    except ValueError as error:
        raise Unsupported(f"the control plane cannot give a value: {error}") from error


def bytes_of(value: int, width: int) -> bytes:
    """``value`` in two's complement, big-endian, in as many bytes as ``width`` bits take."""
    return (value & ((1 << width) - 1)).to_bytes(max(1, (width + 7) // 8), "big")


class Flat(NamedTuple):
    """A field of a header, those of structs within it taken apart (``s.f``)."""

    name: str
    field: ir.Field


def flattened(header: ir.HeaderType) -> list[Flat]:
    """The fields of a header whose types are no structs."""
    made: list[Flat] = []
    todo = [(f, given_name(f.annotations, f.name)) for f in reversed(header.fields)]
    while todo:
        item, name = todo.pop()
        bare = item.type
        if isinstance(bare, ir.StructType):
            todo += [(f, f"{name}.{given_name(f.annotations, f.name)}") for f in reversed(bare.fields)]
        else:
            made.append(Flat(name, item))
    return made


def hidden_free(fields: list[Flat]) -> list[Flat]:
    """Without the fields that are ``@hidden``."""
    return [f for f in fields if not has(f.field.annotations, "hidden")]


@dataclass
class TypeTable:
    """Collects the named types that are mentioned."""

    errors: tuple[str, ...]
    structs: dict[str, m.StructSpec] = field(default_factory=dict)
    headers: dict[str, m.HeaderSpec] = field(default_factory=dict)
    header_unions: dict[str, m.UnionSpec] = field(default_factory=dict)
    enums: dict[str, m.EnumSpec] = field(default_factory=dict)
    error: m.ErrorSpec | None = None
    serializable_enums: dict[str, m.SerializableEnumSpec] = field(default_factory=dict)
    new_types: dict[str, m.NewTypeSpec] = field(default_factory=dict)
    depth: int = 0

    def finish(self) -> m.TypeInfo:
        """The table."""
        return m.TypeInfo(self.structs, self.headers, self.header_unions, self.enums, self.error,
                          self.serializable_enums, self.new_types)  # fmt: skip

    def reference(self, type_: ir.Type, *, enums: bool = False) -> m.NamedType | None:
        """Enter ``type_``; its name if it is a new type (or, with ``enums``, an enum without a representation)."""
        self.spec(type_)
        if isinstance(type_, ir.NewType) or (enums and isinstance(type_, ir.EnumType) and type_.underlying is None):
            return m.NamedType(type_name(type_))
        return None

    def spec(self, type_: ir.Type) -> m.TypeSpec:
        """The type's description; named types are entered.

        Raises:
            Unsupported: P4Info has no form for the type, or types nest deeper than :data:`MAX_DEPTH`.
        """
        if self.depth >= MAX_DEPTH:
            raise Unsupported(f"types within each other deeper than {MAX_DEPTH} in P4Info")
        self.depth += 1
        try:
            return self._spec(type_)
        finally:
            self.depth -= 1

    def _spec(self, type_: ir.Type) -> m.TypeSpec:
        match type_:
            case ir.BitsType() | ir.VarbitType():
                return m.TypeSpec(bitstring=_bitstring(type_))
            case ir.BoolType():
                return m.TypeSpec(bool=m.Empty())
            case ir.ErrorType():
                self.error = m.ErrorSpec(self.errors)
                return m.TypeSpec(error=m.Empty())
            case ir.TupleType(elements):
                return m.TypeSpec(tuple=m.TupleSpec(tuple(map(self.spec, elements))))
            case ir.StackType(ir.HeaderType() | ir.UnionType() as element, size):
                self.spec(element)
                name = m.NamedType(type_name(element))
                if isinstance(element, ir.HeaderType):
                    return m.TypeSpec(header_stack=m.HeaderStack(name, size))
                return m.TypeSpec(header_union_stack=m.HeaderUnionStack(name, size))
            case ir.StructType() | ir.HeaderType() | ir.UnionType() | ir.EnumType() | ir.NewType():
                return self._named(type_)
        raise Unsupported(f"a {type(type_).__name__} in P4Info")

    def _named(self, type_: ir.StructType | ir.HeaderType | ir.UnionType | ir.EnumType | ir.NewType) -> m.TypeSpec:
        name = type_name(type_)
        reference = m.NamedType(name)
        match type_:
            case ir.StructType(fields=fields):
                if name not in self.structs:
                    members = [m.StructMember(given_name(f.annotations, f.name), self.spec(f.type)) for f in fields]
                    self.structs[name] = m.StructSpec(tuple(members))
                return m.TypeSpec(struct=reference)
            case ir.HeaderType():
                self._header(name, type_)
                return m.TypeSpec(header=reference)
            case ir.UnionType(fields=fields):
                for item in fields:
                    self.spec(item.type)
                of = tuple(
                    m.UnionMember(given_name(f.annotations, f.name), m.NamedType(type_name(f.type)))
                    for f in fields
                    if isinstance(f.type, ir.HeaderType)
                )
                self.header_unions[name] = m.UnionSpec(of)
                return m.TypeSpec(header_union=reference)
            case ir.EnumType(members=names, underlying=None):
                self.enums[name] = m.EnumSpec(tuple(m.EnumMember(n) for n in names))
                return m.TypeSpec(enum=reference)
            case ir.EnumType():
                self._serializable(name, type_)
                return m.TypeSpec(serializable_enum=reference)
            case ir.NewType():
                self._new_type(name, type_)
        return m.TypeSpec(new_type=reference)

    def _header(self, name: str, type_: ir.HeaderType) -> None:
        if name not in self.headers:
            members: list[m.HeaderMember] = []
            for flat in flattened(type_):
                kind = _bitstring(ir.bare(flat.field.type))
                members.append(m.HeaderMember(flat.name, kind))
            self.headers[name] = m.HeaderSpec(tuple(members))

    def _serializable(self, name: str, type_: ir.EnumType) -> None:
        assert type_.underlying is not None
        width = type_.underlying.width
        pairs = zip(type_.members, type_.values, strict=True)
        members = tuple(m.EnumMember(member, bytes_of(value, width)) for member, value in pairs)
        self.serializable_enums[name] = m.SerializableEnumSpec(m.BitWidth(width), members)

    def _new_type(self, name: str, type_: ir.NewType) -> None:
        if name in self.new_types:
            return
        translated = translation(type_)
        texts = shown(type_.annotations, ("p4runtime_translation",))
        if translated is None:
            spec = m.NewTypeSpec(self.spec(ir.bare(type_)), None, texts.plain, texts.structured)
        else:
            seen = m.Translation(translated.uri, translated.width, m.Empty() if translated.width is None else None)
            spec = m.NewTypeSpec(None, seen, texts.plain, texts.structured)
        self.new_types[name] = spec


def _bitstring(type_: ir.Type) -> m.BitstringLike:
    match type_:
        case ir.BitsType(width, False):
            return m.BitstringLike(bit=m.BitWidth(width))
        case ir.BitsType(width, True):
            return m.BitstringLike(int=m.BitWidth(width))
        case ir.VarbitType(width):
            return m.BitstringLike(varbit=m.MaxBitWidth(width))
        case ir.EnumType(underlying=ir.BitsType() as underlying):
            return _bitstring(underlying)
        case ir.BoolType():
            return m.BitstringLike(bit=m.BitWidth(1))
    raise Unsupported(f"a header field of type {type(type_).__name__} in P4Info")
