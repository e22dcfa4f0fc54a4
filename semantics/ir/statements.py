"""Statements of p4ast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..source import NOWHERE, Span
from .expressions import Expr, RangeSet
from .types import Annotation, Type


@dataclass(frozen=True, slots=True)
class Declare:
    """A local variable; without ``init`` its value is undefined (headers in it start invalid)."""

    name: str
    type: Type
    init: Expr | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Assign:
    """``target = value``; target is an lvalue: Var, Member, Index, Slice."""

    target: Expr
    value: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Do:
    """A call for its effects."""

    call: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class If:
    """A conditional statement."""

    condition: Expr
    then: Block
    otherwise: Block
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Block:
    """Statements in order; the variables declared in it end with it."""

    body: tuple[Stmt, ...] = ()
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class SwitchCase:
    """Labels (``None`` is ``default``) and a body; without a body (None) the case falls through to the next one.

    Labels are Const (switch on an expression) or the ``name`` of an action (switch on action_run).
    """

    labels: tuple[Expr | str | None, ...]
    body: Block | None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch; ``subject`` is a TableApply with result "action_run", or an expression."""

    subject: Expr
    cases: tuple[SwitchCase, ...]
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class For:
    """``for (init; condition; update) body``."""

    init: tuple[Stmt, ...]
    condition: Expr
    update: tuple[Stmt, ...]
    body: Block
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ForIn:
    """``for (type name in range-or-collection) body``; ``low .. high`` or a stack/list/tuple expression."""

    name: str
    type: Type
    over: RangeSet | Expr
    body: Block
    declares: bool = True
    """Whether the loop declares the variable (else it is one declared before)."""
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Leave:
    """``exit`` (ends the whole block that the architecture called), ``return``, ``break`` or ``continue``."""

    kind: Literal["exit", "return", "break", "continue"]
    value: Expr | None = None
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Stmt = Declare | Assign | Do | If | Block | Switch | For | ForIn | Leave
