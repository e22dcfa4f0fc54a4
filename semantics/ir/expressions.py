"""Expressions of p4ast, the parameters of what they call, and the key sets of select cases and table entries."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..source import NOWHERE, Span
from .types import Annotation, Type, VoidType

Direction = Literal["", "in", "out", "inout"]


@dataclass(frozen=True, slots=True)
class Param:
    """A parameter; directionless action parameters come from the control plane."""

    name: str
    type: Type
    direction: Direction = ""
    optional: bool = False
    annotations: tuple[Annotation, ...] = field(default=(), compare=False)
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    default: Expr | None = None
    """Its value if none is given: in declarations only, elsewhere the argument is there."""


@dataclass(frozen=True, slots=True)
class Const:
    """A literal: int (bits, serialisable enums), bool, or the member's name (error, enum, match_kind), or a string; of
    an ExternType, the full name of an instance that is passed on."""

    value: int | bool | str
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Var:
    """A parameter or local variable of the enclosing block, action or function."""

    name: str
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Member:
    """A field of a struct, header or union; of a stack ``next``, ``last`` or ``lastIndex`` (``size`` is a Const)."""

    base: Expr
    name: str
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Index:
    """An element of a header stack or (constant index) of a tuple."""

    base: Expr
    index: Expr
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Slice:
    """``base[high:low]``, both included; type ``bit<high-low+1>``."""

    base: Expr
    high: int
    low: int
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Unary:
    """``-``, ``~`` (bits) and ``!`` (bool)."""

    op: Literal["-", "~", "!"]
    operand: Expr
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


BinaryOp = Literal[
    "+", "-", "*", "/", "%", "|+|", "|-|", "&", "|", "^", "<<", ">>", "++",
    "==", "!=", "<", "<=", ">", ">=", "&&", "||",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Binary:
    """A binary operator; both operands have one type, save for shifts (right: any unsigned bits) and ``++``."""

    op: BinaryOp
    left: Expr
    right: Expr
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Cast:
    """A cast to ``type``: between bits, bool and bit<1>, (serialisable) enums, and by name or position to structs."""

    operand: Expr
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Mux:
    """``condition ? then : otherwise``."""

    condition: Expr
    then: Expr
    otherwise: Expr
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A value of a struct, header (made valid), tuple or list type: one expression per field, in the type's order."""

    values: tuple[Expr, ...]
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class InvalidHeader:
    """``{#}``: an invalid header, header union or stack element of ``type``."""

    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DefaultValue:
    """``...``: the default value of ``type`` (spec 7.3 "Default values")."""

    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class HeaderOp:
    """Built-in methods: isValid, setValid, setInvalid (header; isValid also of unions), push_front, pop_front (stack;
    ``count`` is the compile-time argument), minSizeInBits and the like are Const."""

    op: Literal["isValid", "setValid", "setInvalid", "push_front", "pop_front"]
    base: Expr
    count: int = 0
    type: Type = VoidType()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ExternCall:
    """A call of an extern function (``object`` None) or of a method of an extern object.

    ``object`` is the name of a parameter of the block (``packet_in packet``: ``"packet"``) when ``is_param``, else the
    full name of an instance in ``Program.instances``. ``args`` are in the order of the declaration; None stands for an
    optional parameter that is not given or for ``_`` given to an out parameter.
    """

    object: str | None
    extern: str
    """The extern type's name (``packet_in``, ``register``), or the function's."""
    method: str
    """The method's name; "" for a function."""
    type_args: tuple[Type, ...]
    args: tuple[Expr | None, ...]
    params: tuple[Param, ...]
    """The parameters of the overload called, with type parameters replaced."""
    type: Type
    is_param: bool = False
    span: Span = field(default=NOWHERE, compare=False, repr=False)
    index: Expr | None = None
    """Which object of an array of instances."""


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """A call of a function or action by name (``Program.functions``, the block's actions, ``Program.actions``)."""

    name: str
    args: tuple[Expr | None, ...]
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class TableApply:
    """``table.apply()``: as a statement ``result`` is "", else the member that is read (action_run: in Switch only)."""

    table: str
    result: Literal["", "hit", "miss", "action_run"]
    type: Type
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class BlockApply:
    """A sub-parser or sub-control is run: ``block`` is the full name of a parser or control of the program."""

    block: str
    args: tuple[Expr | None, ...]
    type: Type = VoidType()
    span: Span = field(default=NOWHERE, compare=False, repr=False)


Expr = (
    Const
    | Var
    | Member
    | Index
    | Slice
    | Unary
    | Binary
    | Cast
    | Mux
    | Aggregate
    | InvalidHeader
    | DefaultValue
    | HeaderOp
    | ExternCall
    | FunctionCall
    | TableApply
    | BlockApply
)


@dataclass(frozen=True, slots=True)
class AnySet:
    """``_`` or ``default``."""

    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ValueSet:
    """Just one value; for lpm keys a full prefix."""

    value: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MaskSet:
    """``value &&& mask``."""

    value: Expr
    mask: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class RangeSet:
    """``low .. high``, both included, compared with the sign of their type; empty when low > high."""

    low: Expr
    high: Expr
    span: Span = field(default=NOWHERE, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ParserValueSet:
    """The members of a ``value_set`` of the parser, by its ``name`` (all keys of the select case at once)."""

    name: str
    span: Span = field(default=NOWHERE, compare=False, repr=False)


KeySet = AnySet | ValueSet | MaskSet | RangeSet | ParserValueSet
