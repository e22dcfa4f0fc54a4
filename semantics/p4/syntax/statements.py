"""Statements, and the declarations that may stand among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .expressions import Annotations, Argument, Call, DefaultSet, Expression, NamedType, RangeSet, SpecializedType, Type
from .node import Name, Node, node

if TYPE_CHECKING:
    from .declarations import FunctionDecl


@node
class Statement(Node):
    """One statement."""


@node
class Declaration(Node):
    """What declares a name (or, for ``error`` and ``match_kind``, several)."""


@node
class VariableDecl(Declaration):
    """``type name = initializer;``"""

    annotations: Annotations
    type: Type
    name: Name
    initializer: Expression | None = None


@node
class ConstDecl(Declaration):
    """``const type name = value;``"""

    annotations: Annotations
    type: Type
    name: Name
    value: Expression


@node
class Instantiation(Declaration):
    """``type(arguments) name;``, or with ``body`` ``... name = { ... };`` with the abstract methods (11.3).

    ``type(arguments) name[size];`` has a :class:`StackType` of the type.
    """

    annotations: Annotations
    type: Type
    arguments: tuple[Argument, ...]
    name: Name
    body: tuple[FunctionDecl | Instantiation, ...] | None = None


LocalDecl: TypeAlias = VariableDecl | ConstDecl | Instantiation


@node
class EmptyStatement(Statement):
    """``;``"""


@node
class Assignment(Statement):
    """``target op value;``; op is ``=``, or one of ``*= /= %= += -= |+|= |-|= <<= >>= &= |= ^=``."""

    op: str
    target: Expression
    value: Expression


@node
class CallStatement(Statement):
    """``callee(arguments);``"""

    call: Call


@node
class DirectApplication(Statement):
    """``T.apply(arguments);``: an instance made and applied in one (12.1)."""

    type: NamedType | SpecializedType
    arguments: tuple[Argument, ...]


@node
class Block(Statement):
    """``annotations { ... }``"""

    annotations: Annotations
    statements: tuple[Statement | LocalDecl, ...]


@node
class If(Statement):
    """``if (condition) then else otherwise``"""

    condition: Expression
    then: Statement
    otherwise: Statement | None = None


@node
class SwitchCase(Node):
    """``label: body``; no body falls through to the next one."""

    label: Expression | DefaultSet
    body: Block | None


@node
class Switch(Statement):
    """``switch (subject) { cases }``, on an action that was run or on a value."""

    subject: Expression
    cases: tuple[SwitchCase, ...]


@node
class For(Statement):
    """``for (init; condition; update) body``"""

    annotations: Annotations
    init: tuple[VariableDecl | Assignment | CallStatement, ...]
    condition: Expression
    update: tuple[Assignment | CallStatement, ...]
    body: Statement


@node
class ForIn(Statement):
    """``for (type name in collection) body``; ``variable`` has no initializer."""

    annotations: Annotations
    variable: VariableDecl
    collection: Expression | RangeSet
    body: Statement


@node
class Exit(Statement):
    """``exit;``"""


@node
class Return(Statement):
    """``return value;``"""

    value: Expression | None = None


@node
class Break(Statement):
    """``break;``"""


@node
class Continue(Statement):
    """``continue;``"""
