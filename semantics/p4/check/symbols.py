"""What a name can stand for, and scopes.

Symbols are equal to themselves only. A global scope can be copied, so the checked declarations of an architecture's
include files are shared by every program that begins with them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ...ir import Annotation
from ...source import NOWHERE, Span
from ..syntax import Direction
from .types import (
    UNKNOWN,
    Bits,
    Block,
    Enum,
    Extern,
    New,
    Package,
    Record,
    Tuple,
    Type,
    TypeVar,
    count_fields,
    substitute,
)

if TYPE_CHECKING:
    from . import typed

Annotations: TypeAlias = tuple[Annotation, ...]


@dataclass(eq=False, slots=True)
class Symbol:
    """A declared name; ``span`` is that of the name in its declaration."""

    name: str
    span: Span
    annotations: Annotations = field(default=(), kw_only=True)
    used: bool = field(default=False, kw_only=True)

    what = "name"


@dataclass(eq=False, slots=True)
class ConstSymbol(Symbol):
    """``const type name = value``; the value is folded already."""

    type: Type
    value: typed.Expr

    what = "constant"


@dataclass(eq=False, slots=True)
class VarSymbol(Symbol):
    """A local variable; ``read_only`` for the variable of a ``for in`` loop while it runs."""

    type: Type
    read_only: bool = False
    with_int: Tuple | None = None
    """The type as written of a tuple with ``int`` in it, whose ``type`` has widths instead."""

    what = "variable"


Role: TypeAlias = Literal["apply", "constructor", "extern", "action", "function", "method", "package"]


@dataclass(eq=False, slots=True)
class ParamSymbol(Symbol):
    """A parameter."""

    type: Type
    direction: Direction
    role: Role
    optional: bool = False
    default: typed.Expr | None = None

    what = "parameter"


@dataclass(eq=False, slots=True)
class TypeSymbol(Symbol):
    """A name of a type; ``type`` is what a typedef or a type variable stands for (of no generics)."""

    type: Type = UNKNOWN
    type_params: tuple[TypeVar, ...] = ()

    what = "type"

    def applied(self, args: tuple[Type, ...]) -> Type:
        """The type with these arguments."""
        return self.type


@dataclass(eq=False, slots=True)
class EnumSymbol(TypeSymbol):
    """An enum; ``values`` of the members, if ``underlying`` is set."""

    members: dict[str, Span] = field(default_factory=dict)
    underlying: Bits | None = None
    values: dict[str, int] = field(default_factory=dict)

    what = "enum"

    def applied(self, args: tuple[Type, ...]) -> Type:
        return Enum(self)


@dataclass(eq=False, slots=True)
class NewTypeSymbol(TypeSymbol):
    """``type base name``."""

    base: Type = UNKNOWN

    what = "type"

    def applied(self, args: tuple[Type, ...]) -> Type:
        return New(self)


@dataclass(eq=False, slots=True)
class FieldInfo:
    """A field of a record."""

    name: str
    type: Type
    span: Span
    annotations: Annotations = ()


RecordKind: TypeAlias = Literal["header", "header_union", "struct"]


@dataclass(eq=False, slots=True)
class RecordSymbol(TypeSymbol):
    """A header, header union or struct."""

    kind: RecordKind = "struct"
    fields: dict[str, FieldInfo] = field(default_factory=dict)
    _specialised: dict[tuple[Type, ...], dict[str, Type]] = field(default_factory=dict)
    _counts: dict[tuple[Type, ...], int] = field(default_factory=dict)

    what = "type"

    def applied(self, args: tuple[Type, ...]) -> Type:
        return Record(self, args)

    def field_types(self, args: tuple[Type, ...]) -> dict[str, Type]:
        """The types of the fields, by name, for these type arguments."""
        known = self._specialised.get(args)
        if known is None:
            to = dict(zip(self.type_params, args, strict=False))
            known = {name: substitute(info.type, to) for name, info in self.fields.items()}
            self._specialised[args] = known
        return known

    def count_fields(self, args: tuple[Type, ...]) -> int:
        """The single values in a value of this type, all nesting undone."""
        known = self._counts.get(args)
        if known is None:
            known = sum(map(count_fields, self.field_types(args).values()))
            self._counts[args] = known
        return known


@dataclass(eq=False, slots=True)
class Signature(Symbol):
    """A function, action, method, constructor, or what is applied: anything with parameters that is called."""

    type_params: tuple[TypeVar, ...]
    params: tuple[ParamSymbol, ...]
    result: Type

    what = "function"


@dataclass(eq=False, slots=True)
class FunctionSymbol(Signature):
    """A function; ``extern`` without a body."""

    extern: bool = False
    body: typed.Block | None = None

    what = "function"


@dataclass(eq=False, slots=True)
class MethodSymbol(Signature):
    """A method or constructor of an extern."""

    owner: ExternSymbol | None = None
    abstract: bool = False

    what = "method"


@dataclass(eq=False, slots=True)
class ActionSymbol(Signature):
    """An action; ``top_level`` if it stands outside of every control."""

    body: typed.Block | None = None
    top_level: bool = False

    what = "action"


@dataclass(eq=False, slots=True)
class Overloads(Symbol):
    """The functions of one name."""

    functions: list[FunctionSymbol] = field(default_factory=list)

    what = "function"


@dataclass(eq=False, slots=True)
class ExternSymbol(TypeSymbol):
    """An extern object type."""

    methods: dict[str, list[MethodSymbol]] = field(default_factory=dict)
    constructors: list[MethodSymbol] = field(default_factory=list)

    what = "extern"

    def applied(self, args: tuple[Type, ...]) -> Type:
        return Extern(self, args)


@dataclass(eq=False, slots=True)
class BlockSymbol(TypeSymbol):
    """A parser or control, or the type of one (``has_body`` false)."""

    kind: Literal["parser", "control"] = "control"
    params: tuple[ParamSymbol, ...] = ()
    constructor_params: tuple[ParamSymbol, ...] = ()
    has_body: bool = False
    body: typed.ParserBody | typed.ControlBody | None = None

    @property
    def what(self) -> str:  # type: ignore[override]
        return self.kind

    def applied(self, args: tuple[Type, ...]) -> Type:
        return Block(self, args)


@dataclass(eq=False, slots=True)
class PackageSymbol(TypeSymbol):
    """A package type; ``others`` of the same name have other parameters."""

    params: tuple[ParamSymbol, ...] = ()
    others: list[PackageSymbol] = field(default_factory=list)

    what = "package"

    def applied(self, args: tuple[Type, ...]) -> Type:
        return Package(self, args)


@dataclass(eq=False, slots=True)
class InstanceSymbol(Symbol):
    """A declared instance of an extern, parser, control or package (or, of externs, an array of them).

    ``inner`` are those in its own body.
    """

    type: Type
    """That of the object, or of the array of objects."""
    construct: typed.Construct
    methods: tuple[FunctionSymbol, ...] = ()
    inner: tuple[InstanceSymbol, ...] = ()

    what = "instance"


@dataclass(eq=False, slots=True)
class TableSymbol(Symbol):
    """A table."""

    body: typed.TableBody | None = None
    action_names: dict[str, ActionSymbol] = field(default_factory=dict)

    what = "table"


@dataclass(eq=False, slots=True)
class StateSymbol(Symbol):
    """A parser state."""

    what = "state"


@dataclass(eq=False, slots=True)
class ValueSetSymbol(Symbol):
    """A ``value_set``."""

    type: Type
    size: typed.Expr

    what = "value_set"


ACCEPT: Final = StateSymbol("accept", NOWHERE)
REJECT: Final = StateSymbol("reject", NOWHERE)


class Scope:
    """Names in one region of the program, inside those of ``outer``."""

    __slots__ = ("names", "outer")

    def __init__(self, outer: Scope | None = None, names: dict[str, Symbol] | None = None) -> None:
        self.outer = outer
        self.names: dict[str, Symbol] = names if names is not None else {}

    def find(self, name: str) -> Symbol | None:
        """The innermost symbol of this name."""
        scope: Scope | None = self
        while scope is not None:
            found = scope.names.get(name)
            if found is not None:
                return found
            scope = scope.outer
        return None

    def all_names(self) -> Iterator[str]:
        """Every visible name, inner ones first."""
        scope: Scope | None = self
        while scope is not None:
            yield from scope.names
            scope = scope.outer
