"""p4ast types. Named types are held directly (shared objects); serialisation writes each once and refers by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..source import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Annotation:
    """``@name``, ``@name(text)`` or ``@name[...]``; ``body`` is the argument's source text, strings unquoted."""

    name: str
    body: str | None = None
    values: tuple[str | int | bool, ...] = ()
    """The evaluated arguments of an expression-list annotation (``@name("x")`` → ``("x",)``)."""
    pairs: tuple[tuple[str, str | int | bool], ...] = ()
    """The evaluated arguments of a key-value annotation."""


@dataclass(frozen=True, slots=True)
class BitsType:
    """``bit<width>`` or ``int<width>``; ``bit<0>`` is legal."""

    width: int
    signed: bool = False


@dataclass(frozen=True, slots=True)
class BoolType:
    """``bool``."""


@dataclass(frozen=True, slots=True)
class VarbitType:
    """``varbit<max_width>``: value and current width."""

    max_width: int


@dataclass(frozen=True, slots=True)
class IntType:
    """``int``: compile-time integers; only inside arguments of externs that take them."""


@dataclass(frozen=True, slots=True)
class StringType:
    """``string``: compile-time."""


@dataclass(frozen=True, slots=True)
class VoidType:
    """``void``: the type of calls that return nothing."""


@dataclass(frozen=True, slots=True)
class ErrorType:
    """``error``; the members are ``Program.errors`` in declaration order."""


@dataclass(frozen=True, slots=True)
class MatchKindType:
    """``match_kind``."""


@dataclass(frozen=True, slots=True)
class EnumType:
    """An enum; with ``underlying`` a serialisable one, ``values`` then parallel to ``members``."""

    name: str
    members: tuple[str, ...]
    underlying: BitsType | None = None
    values: tuple[int, ...] = ()
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a header, struct or union."""

    name: str
    type: Type
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HeaderType:
    """A header: validity bit and fields, first field first on the wire, most significant bit first."""

    name: str
    fields: tuple[Field, ...]
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class UnionType:
    """A header_union: at most one member is valid."""

    name: str
    fields: tuple[Field, ...]
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class StructType:
    """A struct."""

    name: str
    fields: tuple[Field, ...]
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class StackType:
    """An array of ``size`` elements; with elements that are HeaderType or UnionType a header stack with a nextIndex."""

    element: Type
    size: int


@dataclass(frozen=True, slots=True)
class TupleType:
    """A tuple or the type of a list expression."""

    elements: tuple[Type, ...]


@dataclass(frozen=True, slots=True)
class ListType:
    """``list<T>`` (P4-16 1.2.3): compile-time sequences."""

    element: Type


@dataclass(frozen=True, slots=True)
class NewType:
    """``type T name``: values are those of ``base``; the name matters to the control plane only."""

    name: str
    base: Type
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True)
class ExternType:
    """An extern object type, with its type arguments."""

    name: str
    arguments: tuple[Type, ...] = ()


@dataclass(frozen=True, slots=True)
class TypeVariable:
    """A type parameter, in declarations only."""

    name: str


@dataclass(frozen=True, slots=True)
class DeclaredType:
    """A type of parsers or controls, a package, or a generic struct or header, by its name; in declarations only."""

    name: str
    arguments: tuple[Type, ...] = ()


Type = (
    BitsType
    | BoolType
    | VarbitType
    | IntType
    | StringType
    | VoidType
    | ErrorType
    | MatchKindType
    | EnumType
    | HeaderType
    | UnionType
    | StructType
    | StackType
    | TupleType
    | ListType
    | NewType
    | ExternType
    | TypeVariable
    | DeclaredType
)


def bare(type_: Type) -> Type:
    """``type_`` without NewType wrappers."""
    while isinstance(type_, NewType):
        type_ = type_.base
    return type_


def width_of(type_: Type) -> int:
    """Bits of a type whose values have a fixed size: ``minSizeInBits`` for what holds no varbit.

    Raises:
        ValueError: the type has no size in bits (extern, string, void, enum without a representation, ...).
    """
    type_ = bare(type_)
    match type_:
        case BitsType(width):
            return width
        case BoolType():
            return 1
        case VarbitType():
            return 0
        case EnumType(underlying=BitsType(width)):
            return width
        case HeaderType() | StructType():
            return sum(width_of(f.type) for f in type_.fields)
        case UnionType():
            return max((width_of(f.type) for f in type_.fields), default=0)
        case StackType(element, size):
            return width_of(element) * size
        case TupleType(elements):
            return sum(width_of(e) for e in elements)
    raise ValueError(f"{type_} has no size in bits")
