"""A whole program of p4ast, and what it declares of the machine that it is for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeVar

from ..source import NOWHERE, Span
from .nodes import Action, Control, Function, Instance, Package, Param, Parser, Table
from .types import Annotation, EnumType, HeaderType, StructType, Type, UnionType


@dataclass(frozen=True, slots=True)
class Prototype:
    """An extern function, or a method of an extern; a constructor has the extern's name.

    The only types with :class:`~.types.TypeVariable` and :class:`~.types.DeclaredType` in them are those of
    declarations.
    """

    name: str
    type_params: tuple[str, ...]
    params: tuple[Param, ...]
    result: Type
    abstract: bool = False
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExternDecl:
    """An extern object type."""

    name: str
    type_params: tuple[str, ...]
    methods: tuple[Prototype, ...]
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class BlockDecl:
    """The type of a parser or control."""

    kind: Literal["parser", "control"]
    name: str
    type_params: tuple[str, ...]
    params: tuple[Param, ...]
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class PackageDecl:
    """A package type."""

    name: str
    type_params: tuple[str, ...]
    params: tuple[Param, ...]
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Declaration = Prototype | ExternDecl | BlockDecl | PackageDecl


@dataclass(frozen=True, slots=True)
class Program:
    """A whole program. ``main`` is the name of the package instance ``main`` or None (a library, front end only)."""

    file: str
    arch: str
    """The architecture by its package: v1model, ebpf_model, psa, pna, ubpf_model, xdp_model, or the package's name."""
    errors: tuple[str, ...]
    match_kinds: tuple[str, ...]
    types: tuple[HeaderType | UnionType | StructType | EnumType, ...]
    """Named types used, each after those that it mentions."""
    functions: tuple[Function, ...]
    actions: tuple[Action, ...]
    instances: tuple[Instance, ...]
    parsers: tuple[Parser, ...]
    controls: tuple[Control, ...]
    packages: tuple[Package, ...]
    main: str | None
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    declarations: tuple[Declaration, ...] = ()
    """Externs, packages and types of parsers and controls that the program uses and declares itself, in its order; not
    those of the files that come with p4verify (core library, architectures)."""

    def parser(self, name: str) -> Parser:
        """The parser instance with this full name. Raises KeyError."""
        return _named(self.parsers, name)

    def control(self, name: str) -> Control:
        """The control instance with this full name. Raises KeyError."""
        return _named(self.controls, name)

    def instance(self, name: str) -> Instance:
        """The extern instance with this full name. Raises KeyError."""
        return _named(self.instances, name)

    def function(self, name: str) -> Function:
        """The function with this name. Raises KeyError."""
        return _named(self.functions, name)

    def package(self, name: str) -> Package:
        """The package instance with this name. Raises KeyError."""
        return _named(self.packages, name)

    def tables(self) -> tuple[tuple[Control, Table], ...]:
        """Every table with the control that holds it."""
        return tuple((control, table) for control in self.controls for table in control.tables)


Item = TypeVar("Item", Parser, Control, Instance, Function, Package)


def _named(items: tuple[Item, ...], name: str) -> Item:
    for item in items:
        if item.name == name:
            return item
    raise KeyError(name)
