"""The typed tree: what the checker makes of a declaration once, and the elaborator instantiates many times.

Its expressions are those of the IR, but types may mention type variables, names are symbols, and constructor parameters
are still open. Whatever is a local compile-time known value (spec 18.1) is folded: it is a :class:`Const`, or an
:class:`Aggregate` of such. Implicit casts are explicit.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ...ir import Annotation, BinaryOp
from ...source import NOWHERE, Span
from .symbols import (
    ActionSymbol,
    FunctionSymbol,
    InstanceSymbol,
    MethodSymbol,
    ParamSymbol,
    StateSymbol,
    Symbol,
    TableSymbol,
    ValueSetSymbol,
    VarSymbol,
)
from .types import UNKNOWN, Type

# --- expressions ---------------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Expr:
    """An expression of a type."""

    type: Type
    span: Span


@dataclass(eq=False, slots=True)
class Const(Expr):
    """A literal: int (bits, int, serialisable enums), bool, string, or the name of a member."""

    value: int | bool | str


@dataclass(eq=False, slots=True)
class Var(Expr):
    """A variable or parameter."""

    symbol: VarSymbol | ParamSymbol


@dataclass(eq=False, slots=True)
class ConstructorParam(Expr):
    """A constructor parameter: a constant, or an object, of each instance."""

    symbol: ParamSymbol


@dataclass(eq=False, slots=True)
class Object(Expr):
    """A declared instance, or ``this`` (``symbol`` None)."""

    symbol: InstanceSymbol | None


@dataclass(eq=False, slots=True)
class Construct(Expr):
    """A nameless instance, or what a declared one is made by: ``args`` in the order of ``params``."""

    params: tuple[ParamSymbol, ...]
    args: tuple[Expr | None, ...]


@dataclass(eq=False, slots=True)
class Named(Expr):
    """A name that is no value by itself: an action, function, table, state, value set or type."""

    symbol: Symbol


@dataclass(eq=False, slots=True)
class Member(Expr):
    """A field, or ``next``, ``last``, ``lastIndex`` of a stack."""

    base: Expr
    name: str


@dataclass(eq=False, slots=True)
class Index(Expr):
    """An element of a stack, tuple or list."""

    base: Expr
    index: Expr


@dataclass(eq=False, slots=True)
class Slice(Expr):
    """``base[high:low]``."""

    base: Expr
    high: int
    low: int


@dataclass(eq=False, slots=True)
class PlusSlice(Expr):
    """``base[low +: width]`` at a place known at run time only."""

    base: Expr
    low: Expr
    width: int


@dataclass(eq=False, slots=True)
class Unary(Expr):
    """``-``, ``~`` or ``!``."""

    op: Literal["-", "~", "!"]
    operand: Expr


@dataclass(eq=False, slots=True)
class Binary(Expr):
    """A binary operator."""

    op: BinaryOp
    left: Expr
    right: Expr


@dataclass(eq=False, slots=True)
class Cast(Expr):
    """A cast to ``type``."""

    operand: Expr


@dataclass(eq=False, slots=True)
class Mux(Expr):
    """``condition ? then : otherwise``."""

    condition: Expr
    then: Expr
    otherwise: Expr


@dataclass(eq=False, slots=True)
class Aggregate(Expr):
    """``{...}``: a value per field, in the order of the type."""

    values: tuple[Expr, ...]


@dataclass(eq=False, slots=True)
class Invalid(Expr):
    """``{#}``."""


@dataclass(eq=False, slots=True)
class Default(Expr):
    """``...``."""


@dataclass(eq=False, slots=True)
class HeaderOp(Expr):
    """A built-in method of headers, unions and stacks."""

    op: Literal["isValid", "setValid", "setInvalid", "push_front", "pop_front"]
    base: Expr
    count: Expr | None = None


@dataclass(eq=False, slots=True)
class SizeOf(Expr):
    """``minSizeInBits`` and its kin, of a type that is not known before instantiation."""

    of: Type
    method: str


@dataclass(eq=False, slots=True)
class Call(Expr):
    """A call of a function, extern or not, an action or a method; ``receiver`` of methods only."""

    callee: FunctionSymbol | MethodSymbol | ActionSymbol
    type_args: tuple[Type, ...]
    args: tuple[Expr | None, ...]
    receiver: Expr | None = None


@dataclass(eq=False, slots=True)
class TableApply(Expr):
    """``table.apply()`` and the member read of it."""

    symbol: TableSymbol
    result: Literal["", "hit", "miss", "action_run"]


@dataclass(eq=False, slots=True)
class BlockApply(Expr):
    """A parser or control instance is applied; ``instance`` is an Object or ConstructorParam."""

    instance: Expr
    args: tuple[Expr | None, ...]


WRONG = Expr(UNKNOWN, NOWHERE)
"""What stands for an expression that has been complained about."""

# --- sets ----------------------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class KeySet:
    """A set of key values."""

    span: Span


@dataclass(eq=False, slots=True)
class AnySet(KeySet):
    """``_`` or ``default``."""


@dataclass(eq=False, slots=True)
class ValueSet(KeySet):
    """One value."""

    value: Expr


@dataclass(eq=False, slots=True)
class MaskSet(KeySet):
    """``value &&& mask``."""

    value: Expr
    mask: Expr


@dataclass(eq=False, slots=True)
class RangeSet(KeySet):
    """``low .. high``."""

    low: Expr
    high: Expr


@dataclass(eq=False, slots=True)
class ParserValueSet(KeySet):
    """A ``value_set``."""

    symbol: ValueSetSymbol


# --- statements ----------------------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Stmt:
    """A statement or local declaration."""

    span: Span


@dataclass(eq=False, slots=True)
class Declare(Stmt):
    """A variable."""

    symbol: VarSymbol
    init: Expr | None


@dataclass(eq=False, slots=True)
class DeclareInstance(Stmt):
    """An instance."""

    symbol: InstanceSymbol


@dataclass(eq=False, slots=True)
class Assign(Stmt):
    """``target = value``."""

    target: Expr
    value: Expr


@dataclass(eq=False, slots=True)
class Do(Stmt):
    """A call for its effects."""

    call: Expr


@dataclass(eq=False, slots=True)
class Block(Stmt):
    """Statements in order."""

    body: tuple[Stmt, ...]
    annotations: tuple[Annotation, ...] = ()


@dataclass(eq=False, slots=True)
class If(Stmt):
    """A conditional."""

    condition: Expr
    then: Block
    otherwise: Block


@dataclass(eq=False, slots=True)
class SwitchCase:
    """Labels are constants, actions or None for ``default``; no body falls through."""

    label: Expr | ActionSymbol | None
    body: Block | None
    span: Span


@dataclass(eq=False, slots=True)
class Switch(Stmt):
    """A switch on ``action_run`` or on a value."""

    subject: Expr
    cases: tuple[SwitchCase, ...]


@dataclass(eq=False, slots=True)
class For(Stmt):
    """``for (init; condition; update) body``."""

    init: tuple[Stmt, ...]
    condition: Expr
    update: tuple[Stmt, ...]
    body: Block


@dataclass(eq=False, slots=True)
class ForIn(Stmt):
    """``for (type name in over) body``."""

    symbol: VarSymbol
    over: RangeSet | Expr
    body: Block


@dataclass(eq=False, slots=True)
class Leave(Stmt):
    """``exit``, ``return``, ``break`` or ``continue``."""

    kind: Literal["exit", "return", "break", "continue"]
    value: Expr | None = None


# --- tables, states, blocks ----------------------------------------------------------------------------------------


@dataclass(eq=False, slots=True)
class Key:
    """A key of a table; ``name`` from its annotation or its text."""

    expr: Expr
    match_kind: str
    name: str
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(eq=False, slots=True)
class ActionRef:
    """An action in a table's list, with the arguments of its parameters with a direction."""

    action: ActionSymbol
    args: tuple[Expr, ...]
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(eq=False, slots=True)
class BoundAction:
    """An action with the arguments that the control plane gives."""

    action: ActionSymbol
    args: tuple[Expr, ...]
    span: Span


@dataclass(eq=False, slots=True)
class Entry:
    """An entry in the source."""

    sets: tuple[KeySet, ...]
    action: BoundAction
    priority: int | None
    const: bool
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(eq=False, slots=True)
class Property:
    """A property that the language does not define."""

    name: str
    value: Expr
    const: bool
    annotations: tuple[Annotation, ...]
    span: Span


@dataclass(eq=False, slots=True)
class TableBody:
    """A table's properties."""

    keys: tuple[Key, ...] = ()
    actions: tuple[ActionRef, ...] = ()
    default: BoundAction | None = None
    const_default: bool = False
    entries: tuple[Entry, ...] = ()
    const_entries: bool = False
    size: Expr | None = None
    largest_priority_wins: bool = True
    properties: tuple[Property, ...] = ()
    span: Span = NOWHERE


@dataclass(eq=False, slots=True)
class SelectCase:
    """``sets: state``."""

    sets: tuple[KeySet, ...]
    state: StateSymbol
    span: Span


@dataclass(eq=False, slots=True)
class State:
    """A parser state; no keys: one case."""

    symbol: StateSymbol
    body: tuple[Stmt, ...]
    keys: tuple[Expr, ...]
    cases: tuple[SelectCase, ...]
    span: Span


@dataclass(eq=False, slots=True)
class ParserBody:
    """What a parser declares and does."""

    locals: tuple[Stmt, ...]
    value_sets: tuple[ValueSetSymbol, ...]
    states: tuple[State, ...]


@dataclass(eq=False, slots=True)
class ControlBody:
    """What a control declares and does."""

    locals: tuple[Stmt, ...]
    actions: tuple[ActionSymbol, ...]
    tables: tuple[TableSymbol, ...]
    body: Block


@dataclass(eq=False, slots=True)
class Program:
    """All of a program, checked."""

    instances: list[InstanceSymbol] = field(default_factory=list)
    actions: list[ActionSymbol] = field(default_factory=list)
    functions: list[FunctionSymbol] = field(default_factory=list)
    blocks: list[Symbol] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    match_kinds: list[str] = field(default_factory=list)


def is_known(expr: Expr) -> bool:
    """Whether ``expr`` is a local compile-time known value."""
    return isinstance(expr, Const) or (isinstance(expr, Aggregate) and all(map(is_known, expr.values)))
