"""Declarations, from a parameter up to the whole program."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from typing import TypeAlias

from ...source import Diagnostic, Span
from .expressions import Annotations, Argument, Expression, Keyset, NameExpr, Type
from .node import Direction, Name, Node, node
from .statements import Block, Declaration, LocalDecl, Statement

# --- Parameters ------------------------------------------------------------------------------------------------------


@node
class Parameter(Node):
    """``direction type name = default``"""

    annotations: Annotations
    direction: Direction
    type: Type
    name: Name
    default: Expression | None = None


Parameters: TypeAlias = tuple[Parameter, ...]
TypeParameters: TypeAlias = tuple[Name, ...]


# --- Declarations of types (7.2) -------------------------------------------------------------------------------------


@node
class ErrorDecl(Declaration):
    """``error { members }``"""

    members: tuple[Name, ...]


@node
class MatchKindDecl(Declaration):
    """``match_kind { members }``"""

    members: tuple[Name, ...]


@node
class EnumMember(Node):
    """``name`` or, with an underlying type, ``name = value``."""

    name: Name
    value: Expression | None = None


@node
class EnumDecl(Declaration):
    """``enum underlying name { members }``"""

    annotations: Annotations
    underlying: Type | None
    name: Name
    members: tuple[EnumMember, ...]


@node
class StructField(Node):
    """``type name;``"""

    annotations: Annotations
    type: Type
    name: Name


@node
class RecordDecl(Declaration):
    """What headers, header unions and structs have in common."""

    annotations: Annotations
    name: Name
    type_parameters: TypeParameters
    fields: tuple[StructField, ...]


@node
class HeaderDecl(RecordDecl):
    """``header name<T> { fields }``"""


@node
class HeaderUnionDecl(RecordDecl):
    """``header_union name<T> { fields }``"""


@node
class StructDecl(RecordDecl):
    """``struct name<T> { fields }``"""


@node
class TypedefDecl(Declaration):
    """``typedef type name;``; the type may be a record or an enum that is declared on the spot."""

    annotations: Annotations
    type: Type | RecordDecl | EnumDecl
    name: Name


@node
class NewTypeDecl(Declaration):
    """``type type name;``: a new type with the same values."""

    annotations: Annotations
    type: Type
    name: Name


# --- Parsers (13) ----------------------------------------------------------------------------------------------------


@node
class ParserTypeDecl(Declaration):
    """``parser name<T>(parameters);``"""

    annotations: Annotations
    name: Name
    type_parameters: TypeParameters
    parameters: Parameters


@node
class ValueSetDecl(Declaration):
    """``value_set<type>(size) name;``"""

    annotations: Annotations
    type: Type
    size: Expression
    name: Name


@node
class SelectCase(Node):
    """``keyset: state;``"""

    keyset: Keyset
    state: Name


@node
class Select(Node):
    """``select (keys) { cases }``"""

    keys: tuple[Expression, ...]
    cases: tuple[SelectCase, ...]


@node
class StateDecl(Declaration):
    """``state name { statements transition ... }``; no transition leads to ``reject``."""

    annotations: Annotations
    name: Name
    statements: tuple[Statement | LocalDecl, ...]
    transition: Name | Select | None


@node
class ParserDecl(Declaration):
    """``parser name<T>(parameters)(constructor parameters) { locals states }``"""

    annotations: Annotations
    name: Name
    type_parameters: TypeParameters
    parameters: Parameters
    constructor_parameters: Parameters
    locals: tuple[LocalDecl | ValueSetDecl, ...]
    states: tuple[StateDecl, ...]


# --- Controls, actions, tables (14) ----------------------------------------------------------------------------------


@node
class ControlTypeDecl(Declaration):
    """``control name<T>(parameters);``"""

    annotations: Annotations
    name: Name
    type_parameters: TypeParameters
    parameters: Parameters


@node
class ActionDecl(Declaration):
    """``action name(parameters) body``"""

    annotations: Annotations
    name: Name
    parameters: Parameters
    body: Block


@node
class KeyElement(Node):
    """``expression: match_kind annotations;``"""

    expression: Expression
    match_kind: Name
    annotations: Annotations


@node
class ActionRef(Node):
    """``annotations action(arguments)``; None as arguments is an action without parentheses."""

    annotations: Annotations
    action: NameExpr
    arguments: tuple[Argument, ...] | None


@node
class Entry(Node):
    """``const priority = p: keyset: action annotations;`` (the annotations are those of ``action``)."""

    const: bool
    priority: Expression | None
    keyset: Keyset
    action: ActionRef


@node
class TableProperty(Node):
    """One property of a table."""


@node
class KeyProperty(TableProperty):
    """``key = { elements }``"""

    elements: tuple[KeyElement, ...]


@node
class ActionsProperty(TableProperty):
    """``actions = { actions }``"""

    actions: tuple[ActionRef, ...]


@node
class EntriesProperty(TableProperty):
    """``const entries = { entries }``"""

    annotations: Annotations
    const: bool
    entries: tuple[Entry, ...]


@node
class ValueProperty(TableProperty):
    """``const name = value;``: ``default_action``, ``size`` and whatever an architecture defines."""

    annotations: Annotations
    const: bool
    name: Name
    value: Expression


@node
class TableDecl(Declaration):
    """``table name { properties }``"""

    annotations: Annotations
    name: Name
    properties: tuple[TableProperty, ...]


@node
class ControlDecl(Declaration):
    """``control name<T>(parameters)(constructor parameters) { locals apply body }``"""

    annotations: Annotations
    name: Name
    type_parameters: TypeParameters
    parameters: Parameters
    constructor_parameters: Parameters
    locals: tuple[LocalDecl | ActionDecl | TableDecl, ...]
    body: Block


# --- Functions, externs, packages (7.2.9, 7.2.10, 10) ----------------------------------------------------------------


@node
class FunctionDecl(Declaration):
    """``result name<T>(parameters) body``"""

    annotations: Annotations
    result: Type
    name: Name
    type_parameters: TypeParameters
    parameters: Parameters
    body: Block


@node
class ExternFunctionDecl(Declaration):
    """``extern result name<T>(parameters);``"""

    annotations: Annotations
    result: Type
    name: Name
    type_parameters: TypeParameters
    parameters: Parameters


@node
class Method(Declaration):
    """``abstract result name<T>(parameters);`` in an extern; without a result, a constructor."""

    annotations: Annotations
    abstract: bool
    result: Type | None
    name: Name
    type_parameters: TypeParameters
    parameters: Parameters


@node
class ExternDecl(Declaration):
    """``extern name<T> { methods }``"""

    annotations: Annotations
    name: Name
    type_parameters: TypeParameters
    methods: tuple[Method, ...]


@node
class PackageDecl(Declaration):
    """``package name<T>(parameters);``"""

    annotations: Annotations
    name: Name
    type_parameters: TypeParameters
    parameters: Parameters


@node
class Program(Node):
    """The declarations of a program in order, included files and all; ``texts`` has each file that was read.

    Included declarations are shared: programs of one process that include a file in the same way get the same nodes.
    """

    declarations: tuple[Declaration, ...]
    texts: Mapping[str, str] = field(default_factory=dict, compare=False)
    warnings: tuple[Diagnostic, ...] = field(default=(), compare=False)

    def source_line(self, span: Span) -> str | None:
        """The text of the line on which ``span`` begins, if it is known."""
        lines = self.texts.get(span.file, "").split("\n")
        return lines[span.line - 1].rstrip("\r") if 0 < span.line <= len(lines) else None
