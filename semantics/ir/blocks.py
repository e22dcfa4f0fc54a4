"""Blocks of p4ast: parsers, controls and what they declare, functions, instances, packages."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..source import NOWHERE, Span
from .expressions import Expr, KeySet, Param
from .statements import Block, Declare, Stmt
from .types import Annotation, Type


@dataclass(frozen=True, slots=True)
class SelectCase:
    """``(sets): state``; one set per key, or a single ParserValueSet or AnySet for all keys."""

    sets: tuple[KeySet, ...]
    state: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Transition:
    """Where a state goes: without keys to the only case's state; else the first case that matches, or
    ``reject`` with ``error.NoMatch``. ``accept`` and ``reject`` are the final states."""

    keys: tuple[Expr, ...]
    cases: tuple[SelectCase, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class State:
    """A parser state."""

    name: str
    body: tuple[Stmt, ...]
    transition: Transition
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ValueSetDecl:
    """A ``value_set``: filled by the control plane; ``type`` is that of the whole key."""

    name: str
    control_name: str
    type: Type
    size: int
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Parser:
    """A parser instance; it starts in state ``start`` after its locals."""

    name: str
    type_name: str
    params: tuple[Param, ...]
    locals: tuple[Declare, ...]
    states: tuple[State, ...]
    value_sets: tuple[ValueSetDecl, ...] = ()
    actions: tuple[Action, ...] = ()
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Action:
    """An action: parameters with a direction are bound where it is named, the others by the control plane."""

    name: str
    control_name: str
    params: tuple[Param, ...]
    body: Block
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ActionRef:
    """An action in a table's list: ``args`` for the parameters with a direction, in order."""

    action: str
    args: tuple[Expr, ...] = ()
    table_only: bool = False
    default_only: bool = False
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class BoundAction:
    """An action with the control plane's arguments (of its directionless parameters, in order): Const values."""

    action: str
    args: tuple[Expr, ...] = ()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Key:
    """A table key; ``name`` as the control plane sees it."""

    expr: Expr
    match_kind: str
    name: str
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry in the source; ``priority`` is None where the source gives none (then listed first wins)."""

    sets: tuple[KeySet, ...]
    action: BoundAction
    priority: int | None = None
    const: bool = False
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Property:
    """A table property that the language does not define: a value, or the full name of an extern instance."""

    name: str
    value: Expr | str
    const: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Table:
    """A match-action table. Without a default action in the source, ``default`` is NoAction, not const."""

    name: str
    control_name: str
    keys: tuple[Key, ...]
    actions: tuple[ActionRef, ...]
    default: BoundAction
    const_default: bool = False
    entries: tuple[Entry, ...] = ()
    const_entries: bool = False
    size: int | None = None
    largest_priority_wins: bool = True
    properties: tuple[Property, ...] = ()
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Control:
    """A control instance: locals, then ``body``. ``actions`` includes the top-level actions that it uses."""

    name: str
    type_name: str
    params: tuple[Param, ...]
    locals: tuple[Declare, ...]
    actions: tuple[Action, ...]
    tables: tuple[Table, ...]
    body: Block
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Function:
    """A function (type parameters replaced; one per instantiation)."""

    name: str
    params: tuple[Param, ...]
    result: Type
    body: Block
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Instance:
    """An extern object: its type, evaluated constructor arguments, and (abstract methods) the program's functions.

    A constructor argument is an expression without variables, or the full name of another instance.
    """

    name: str
    extern: str
    type_args: tuple[Type, ...]
    args: tuple[tuple[str, Expr | str], ...]
    methods: tuple[Function, ...] = ()
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    size: int | None = None
    """How many objects: of an array of them, which calls index; else None."""
    made_by: str = ""
    """The extern function whose result this is, called with ``args``; "" for the extern's constructor."""
    made_types: tuple[Type, ...] = ()
    """The type arguments of that call."""


@dataclass(frozen=True, slots=True)
class Package:
    """A package instance: parameter → full name of a parser, control, instance or package, or a constant."""

    name: str
    type_name: str
    type_args: tuple[Type, ...]
    args: tuple[tuple[str, str | Expr], ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)
