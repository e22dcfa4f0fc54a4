"""P4 types of random programs, and declarations of random ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from .chance import Chance


@dataclass(frozen=True)
class Bits:
    """``bit<width>``, or ``int<width>``."""

    width: int
    signed: bool = False

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'bit'}<{self.width}>"


@dataclass(frozen=True)
class Bool:
    """``bool``."""

    def __str__(self) -> str:
        return "bool"


@dataclass(frozen=True)
class Enum:
    """An enum; ``width`` is that of its representation, if it has one."""

    name: str
    members: tuple[str, ...]
    width: int | None = None
    values: tuple[int, ...] = ()

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Record:
    """A header or struct; ``varbit`` is the size of the last field, if that is a ``varbit``."""

    name: str
    kind: str
    fields: tuple[tuple[str, Type], ...]
    varbit: int | None = None

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Union:
    """A header union."""

    name: str
    members: tuple[tuple[str, Record], ...]

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True)
class Stack:
    """A header stack."""

    element: Record
    size: int

    def __str__(self) -> str:
        return f"{self.element}[{self.size}]"


Type = Bits | Bool | Enum | Record | Union | Stack
Scalar = Bits | Bool | Enum

BOOL = Bool()
WIDTHS = (8, 16, 1, 4, 7, 9, 12, 32, 3, 13, 33, 48, 64)


def is_scalar(type_: Type) -> bool:
    """Whether its values are single numbers."""
    return isinstance(type_, (Bits, Bool, Enum))


def size_of(type_: Type) -> int:
    """Bits of a fixed-size type in a packet."""
    match type_:
        case Bits(width):
            return width
        case Bool():
            return 1
        case Enum(width=width):
            assert width is not None
            return width
        case Record(fields=fields):
            return sum(size_of(t) for _, t in fields)
    raise ValueError(f"{type_} has no size")


@dataclass
class Types:
    """The types of a program."""

    headers: list[Record] = field(default_factory=list)
    structs: list[Record] = field(default_factory=list)
    enums: list[Enum] = field(default_factory=list)
    unions: list[Union] = field(default_factory=list)
    packet: Record = field(default_factory=lambda: Record("headers", "struct", ()))
    meta: Record = field(default_factory=lambda: Record("meta_t", "struct", ()))
    errors: tuple[str, ...] = ()
    kept: frozenset[str] = frozenset()
    """Fields of the metadata that go with a packet that comes back (``@field_list(1)``)."""

    def scalars(self) -> list[Scalar]:
        """Scalar types for variables and parameters."""
        return [*(Bits(w) for w in WIDTHS[:8]), Bits(8, True), Bits(13, True), BOOL, *self.enums]

    def declarations(self) -> Iterator[str]:
        """The types as P4, each after those that it uses."""
        if self.errors:
            yield f"error {{ {', '.join(self.errors)} }}"
        for enum in self.enums:
            if enum.width is None:
                yield f"enum {enum} {{ {', '.join(enum.members)} }}"
            else:
                members = ", ".join(f"{m} = {v}" for m, v in zip(enum.members, enum.values, strict=True))
                yield f"enum bit<{enum.width}> {enum} {{ {members} }}"
        for record in (*self.headers, *self.structs):
            yield _record(record)
        for union in self.unions:
            yield f"header_union {union} {{ {' '.join(f'{t} {n};' for n, t in union.members)} }}"
        yield _record(self.packet)
        if self.meta.fields:
            yield _record(self.meta, self.kept)


def _record(record: Record, kept: frozenset[str] = frozenset()) -> str:
    fields = [f"{'@field_list(1) ' if n in kept else ''}{t} {n};" for n, t in record.fields]
    if record.varbit is not None:
        fields.append(f"varbit<{record.varbit}> var;")
    return f"{record.kind} {record} {{ {' '.join(fields)} }}"


def random_types(g: Chance) -> Types:
    """Enums, headers, a packet of them, and the user's metadata."""
    types = Types(errors=("Wrong", "Odd"))
    types.enums = [_enum(g, serialisable=bool(i)) for i in range(2)]
    for _ in range(g.number(1, 3)):
        types.headers.append(_header(g, types.enums))
    if g.often(0.5):
        inner = tuple((f"s{i}", g.pick(types.scalars())) for i in range(g.number(1, 3)))
        types.structs.append(Record("inner_t", "struct", inner))
    types.packet = Record("headers", "struct", tuple(_packet(g, types)))
    fields: list[tuple[str, Type]] = [(f"m{i}", g.pick(types.scalars())) for i in range(g.number(2, 5))]
    fields += [(f"n{i}", s) for i, s in enumerate(types.structs)]
    if g.often(0.3):
        fields.append(("h", types.headers[0]))
    types.meta = Record("meta_t", "struct", tuple(fields))
    return types


def _enum(g: Chance, serialisable: bool) -> Enum:
    members = tuple("ABCD"[: g.number(2, 4)])
    if not serialisable:
        return Enum("e_t", members)
    width = g.pick([8, 4])
    return Enum("se_t", members, width, tuple(sorted(g.rng.sample(range(1 << width), len(members)))))


def _header(g: Chance, enums: list[Enum]) -> Record:
    """Fields of any widths, and one that makes them whole bytes."""
    fields: list[tuple[str, Type]] = []
    for _ in range(g.number(1, 4)):
        kind = g.number(0, 9)
        type_: Type = Bits(g.pick(WIDTHS), kind == 8)
        if kind == 9:
            type_ = g.pick([BOOL, next(e for e in enums if e.width is not None)])
        fields.append((f"f{len(fields)}", type_))
    missing = -sum(size_of(t) for _, t in fields) % 8
    if missing:
        fields.append((f"f{len(fields)}", Bits(missing)))
    return Record(g.name("h"), "header", tuple(fields))


def _packet(g: Chance, types: Types) -> Iterator[tuple[str, Type]]:
    """The packet's headers: at least one plain one."""
    yield "a", types.headers[0]
    for i in range(g.number(0, g.settings.headers - 1)):
        name = "bcdefgh"[i]
        match g.weighted({"header": 5.0, "stack": 2.0, "union": 1.0, "varbit": 1.0}):
            case "header":
                yield name, g.pick(types.headers)
            case "stack":
                yield name, Stack(g.pick([h for h in types.headers if h.varbit is None]), g.number(1, 3))
            case "union" if len(types.headers) > 1:
                plain = [h for h in types.headers if h.varbit is None]
                members = tuple((f"u{j}", h) for j, h in enumerate(plain[:3]))
                types.unions.append(Union(g.name("union"), members))
                yield name, types.unions[-1]
            case _:
                header = Record(g.name("v"), "header", (("len", Bits(8)),), g.pick([16, 24, 40]))
                types.headers.append(header)
                yield name, header
