"""What a piece of code can name: places to read and write, functions, actions, tables, and what it may do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from .types import Bits, Record, Stack, Type, Union, is_scalar


@dataclass(frozen=True)
class Place:
    """Something with a name."""

    text: str
    type: Type
    writable: bool = True
    constant: bool = False
    """Whether its value is known at compile time."""


@dataclass(frozen=True)
class Param:
    """A parameter; ``direction`` is "", "in", "out" or "inout"."""

    name: str
    type: Type
    direction: str

    def __str__(self) -> str:
        return f"{self.direction} {self.type} {self.name}".strip()


@dataclass(frozen=True)
class Callable:
    """A function, action or applied block."""

    name: str
    params: tuple[Param, ...] = ()
    result: Type | None = None


@dataclass(frozen=True)
class TableInfo:
    """A table, and the actions that ``switch`` can name."""

    name: str
    actions: tuple[str, ...]
    keyless: bool = False


@dataclass(frozen=True)
class Cells:
    """A register (or counter, if it has no value type) and its number of cells."""

    name: str
    size: int
    value: Type | None
    extern: str


@dataclass
class Scope:
    """What can be named, and what is legal here."""

    kind: str
    """"function", "action", "apply", "state" or "deparser"."""
    places: list[Place] = field(default_factory=list)
    functions: list[Callable] = field(default_factory=list)
    actions: list[Callable] = field(default_factory=list)
    tables: list[TableInfo] = field(default_factory=list)
    blocks: list[Callable] = field(default_factory=list)
    """Instances whose ``apply`` can be called."""
    cells: list[Cells] = field(default_factory=list)
    calls: tuple[str, ...] = ()
    """Statements of the architecture's own, ready to be written."""
    loops: int = 0
    """Loops around this point, in this callable."""
    result: Type | None = None
    """What ``return`` needs, in a function."""
    fixed: bool = False
    """Whether nothing that changes state may be called (a parser's select, a key)."""

    def inner(self, **changes: object) -> Scope:
        """A scope for what is nested here: what it declares does not come back."""
        return replace(self, places=list(self.places), **changes)  # type: ignore[arg-type]

    def parts(self, writable: bool = False) -> list[Place]:
        """Every place and every part of one."""
        found = [part for place in self.places for part in _parts(place)]
        return [part for part in found if part.writable] if writable else found

    def of(self, type_: Type, writable: bool = False) -> list[Place]:
        """The places of a type."""
        return [part for part in self.parts(writable) if part.type == type_]

    def bits(self, writable: bool = False) -> list[Place]:
        """The places that hold ``bit<>`` or ``int<>``."""
        return [part for part in self.parts(writable) if isinstance(part.type, Bits)]

    def scalars(self, writable: bool = False) -> list[Place]:
        """The places that hold single numbers."""
        return [part for part in self.parts(writable) if is_scalar(part.type)]

    def headers(self, writable: bool = False) -> list[Place]:
        """The places that hold headers."""
        return [p for p in self.parts(writable) if isinstance(p.type, Record) and p.type.kind == "header"]

    def stacks(self) -> list[Place]:
        """Stacks that can be changed."""
        return [part for part in self.parts(writable=True) if isinstance(part.type, Stack)]


def _parts(place: Place) -> Iterator[Place]:
    yield place
    match place.type:
        case Record(fields=fields):
            for name, type_ in fields:
                yield from _parts(replace(place, text=f"{place.text}.{name}", type=type_))
        case Union(members=members):
            for name, member in members:
                yield from _parts(replace(place, text=f"{place.text}.{name}", type=member))
        case Stack(element, size):
            for i in range(size):
                yield from _parts(replace(place, text=f"{place.text}[{i}]", type=element))
