"""The checker's types: those of the IR, with type variables, generics and the types of things that are not values.

Named types hold the symbol that declares them, so two are equal when the symbol and the type arguments are. The
elaborator turns closed types into those of the IR.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...source import Span

if TYPE_CHECKING:
    from .symbols import (
        BlockSymbol,
        EnumSymbol,
        ExternSymbol,
        NewTypeSymbol,
        PackageSymbol,
        RecordSymbol,
        TableSymbol,
    )


class Type:
    """A type; ``str`` gives it as in the source."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Bits(Type):
    """``bit<width>`` or ``int<width>``."""

    width: int
    signed: bool = False

    def __str__(self) -> str:
        return f"{'int' if self.signed else 'bit'}<{self.width}>"


@dataclass(frozen=True, slots=True)
class Varbit(Type):
    """``varbit<width>``."""

    width: int

    def __str__(self) -> str:
        return f"varbit<{self.width}>"


@dataclass(frozen=True, slots=True)
class Simple(Type):
    """A type without parts, by its keyword; and ``unknown``, the type of what is wrong already."""

    name: str

    def __str__(self) -> str:
        return self.name


INT: Final = Simple("int")
BOOL: Final = Simple("bool")
STRING: Final = Simple("string")
VOID: Final = Simple("void")
ERROR: Final = Simple("error")
MATCH_KIND: Final = Simple("match_kind")
DOTS: Final = Simple("...")
INVALID: Final = Simple("{#}")
DONT_CARE: Final = Simple("_")
UNKNOWN: Final = Simple("unknown")
BIT1: Final = Bits(1)


@dataclass(eq=False, slots=True)
class TypeVar(Type):
    """A type parameter, or (while a call is resolved) a type to be found; equal to itself only."""

    name: str
    span: Span

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, slots=True)
class Parameter(Type):
    """A type parameter in a declaration that is written into the IR."""

    name: str

    def __str__(self) -> str:
        return self.name


def _applied(name: str, args: tuple[Type, ...]) -> str:
    return f"{name}<{', '.join(map(str, args))}>" if args else name


@dataclass(frozen=True, slots=True)
class Enum(Type):
    """An enum, serialisable or not."""

    symbol: EnumSymbol

    def __str__(self) -> str:
        return self.symbol.name


@dataclass(frozen=True, slots=True)
class New(Type):
    """``type T name``."""

    symbol: NewTypeSymbol

    def __str__(self) -> str:
        return self.symbol.name


@dataclass(frozen=True, slots=True)
class Record(Type):
    """A header, header union or struct with its type arguments."""

    symbol: RecordSymbol
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return _applied(self.symbol.name, self.args)


@dataclass(frozen=True, slots=True)
class Stack(Type):
    """An array; of headers or header unions, a header stack."""

    element: Type
    size: int

    def __str__(self) -> str:
        return f"{self.element}[{self.size}]"


@dataclass(frozen=True, slots=True)
class Tuple(Type):
    """``tuple<...>``."""

    elements: tuple[Type, ...]

    def __str__(self) -> str:
        return f"tuple<{', '.join(map(str, self.elements))}>"


@dataclass(frozen=True, slots=True)
class ListOf(Type):
    """``list<T>``."""

    element: Type

    def __str__(self) -> str:
        return f"list<{self.element}>"


@dataclass(frozen=True, slots=True)
class Braces(Type):
    """The type of ``{a, b}``, which a tuple, a list, a struct, a header or a stack may be made from."""

    elements: tuple[Type, ...]

    def __str__(self) -> str:
        return f"{{{', '.join(map(str, self.elements))}}}"


@dataclass(frozen=True, slots=True)
class Anonymous(Type):
    """The type of ``{x = a, y = b}``, which a struct or a header may be made from."""

    fields: tuple[tuple[str, Type], ...]

    def __str__(self) -> str:
        return f"{{{', '.join(f'{name} = {type_}' for name, type_ in self.fields)}}}"


@dataclass(frozen=True, slots=True)
class Extern(Type):
    """An extern object."""

    symbol: ExternSymbol
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return _applied(self.symbol.name, self.args)


@dataclass(frozen=True, slots=True)
class Block(Type):
    """A parser or control: the type, or the declaration, of which something is an instance."""

    symbol: BlockSymbol
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return _applied(f"{self.symbol.kind} {self.symbol.name}", self.args)


@dataclass(frozen=True, slots=True)
class Package(Type):
    """A package."""

    symbol: PackageSymbol
    args: tuple[Type, ...] = ()

    def __str__(self) -> str:
        return _applied(f"package {self.symbol.name}", self.args)


@dataclass(frozen=True, slots=True)
class Table(Type):
    """A table itself, which is no value."""

    symbol: TableSymbol

    def __str__(self) -> str:
        return f"table {self.symbol.name}"


@dataclass(frozen=True, slots=True)
class ApplyResult(Type):
    """What ``table.apply()`` gives: ``hit``, ``miss`` and ``action_run``."""

    symbol: TableSymbol

    def __str__(self) -> str:
        return f"apply_result({self.symbol.name})"


@dataclass(frozen=True, slots=True)
class ActionRun(Type):
    """The enumeration of a table's actions."""

    symbol: TableSymbol

    def __str__(self) -> str:
        return f"action_list({self.symbol.name})"


@dataclass(frozen=True, slots=True)
class Thing(Type):
    """What a name may stand for besides a value: a function, an action, a type, a state, a value set."""

    what: str

    def __str__(self) -> str:
        return self.what


Substitution = Mapping[TypeVar, Type]


def is_header_stack(type_: Type) -> bool:
    """Whether ``type_`` is an array of headers or header unions (or of what a type parameter may stand for)."""
    if not isinstance(type_, Stack):
        return False
    element = type_.element
    return isinstance(element, TypeVar) or (isinstance(element, Record) and element.symbol.kind != "struct")


def substitute(type_: Type, to: Substitution) -> Type:
    """``type_`` with type variables replaced; the same object if there is nothing to replace."""
    if not to:
        return type_
    match type_:
        case TypeVar():
            return to.get(type_, type_)
        case Record(symbol, args) if args:
            return Record(symbol, _all(args, to))
        case Extern(symbol, args) if args:
            return Extern(symbol, _all(args, to))
        case Block(symbol, args) if args:
            return Block(symbol, _all(args, to))
        case Package(symbol, args) if args:
            return Package(symbol, _all(args, to))
        case Stack(element, size):
            return Stack(substitute(element, to), size)
        case ListOf(element):
            return ListOf(substitute(element, to))
        case Tuple(elements):
            return Tuple(_all(elements, to))
        case Braces(elements):
            return Braces(_all(elements, to))
        case Anonymous(fields):
            return Anonymous(tuple((name, substitute(t, to)) for name, t in fields))
    return type_


def _all(types: tuple[Type, ...], to: Substitution) -> tuple[Type, ...]:
    return tuple(substitute(t, to) for t in types)


def parts(type_: Type) -> tuple[Type, ...]:
    """The types that ``type_`` is written with (not the fields of named types)."""
    match type_:
        case Record(_, args) | Extern(_, args) | Block(_, args) | Package(_, args):
            return args
        case Stack(element, _) | ListOf(element):
            return (element,)
        case Tuple(elements) | Braces(elements):
            return elements
        case Anonymous(fields):
            return tuple(t for _, t in fields)
    return ()


def mentions(type_: Type, variables: frozenset[TypeVar] | set[TypeVar]) -> bool:
    """Whether one of ``variables`` occurs in ``type_``."""
    if isinstance(type_, TypeVar):
        return type_ in variables
    return any(mentions(part, variables) for part in parts(type_))


def variables_of(type_: Type) -> set[TypeVar]:
    """The type variables that occur in ``type_``."""
    if isinstance(type_, TypeVar):
        return {type_}
    return {v for part in parts(type_) for v in variables_of(part)}


def is_unknown(type_: Type) -> bool:
    """Whether ``type_`` is, or is made from, the type of something wrong, so that nothing more is to be said."""
    return type_ is UNKNOWN or any(is_unknown(part) for part in parts(type_))


MAX_WIDTH: Final = 1 << 20
"""No type is wider than this many bits; more is a mistake or an attack."""

MAX_ARRAY: Final = 1 << 16
"""No array is longer."""


MAX_FIELDS: Final = 100_000
"""No type has more single values in it, all nesting undone."""


def count_fields(type_: Type) -> int:
    """The single values in a value of ``type_``; of type variables one."""
    match type_:
        case Record(symbol, args):
            return symbol.count_fields(args)
        case Stack(element, size):
            return max(1, count_fields(element)) * size
        case Tuple(elements) | Braces(elements):
            return sum(map(count_fields, elements))
        case Extern(_, args):
            return sum(map(count_fields, args))
    return 1


def bare(type_: Type) -> Type:
    """``type_`` without ``type T name`` wrappers."""
    while isinstance(type_, New):
        type_ = type_.symbol.base
    return type_
