"""p4ast: one program, typed, resolved and instantiated; what every consumer reads and no front end but ours must make.

Shape of a :class:`~.program.Program`:

* Every parser, control and package *instance* is a block of its own, named by its full control-plane path; constructor
  parameters are replaced by constants, generics by concrete types, typedefs and constants by what they stand for.
* Inside a block every parameter, local variable, state, action and table has a unique ``name`` (the elaborator renames
  shadowing ones); what the control plane sees is ``control_name``.
* Expressions carry their type, integers of type ``int`` have been given a width, implicit casts are explicit.
* Evaluation order is the order of the source: operands left to right; ``&&``, ``||``, ``?:`` evaluate as needed
  (P4-16 spec, 8.1 "Expression evaluation order"); arguments are copied in left to right, copied out left to right.

Nodes are frozen; spans, and annotations of types, take no part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..source import NOWHERE, Span
from .types import Annotation, BitsType, BoolType, Type, VoidType

Direction = Literal["", "in", "out", "inout"]

# --- expressions --------------------------------------------------------------------------------------------------


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

# --- keysets: select cases and table entries ------------------------------------------------------------------------


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

# --- statements -----------------------------------------------------------------------------------------------------


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

# --- blocks ---------------------------------------------------------------------------------------------------------


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


BOOL = BoolType()
VOID = VoidType()


def bits(width: int) -> BitsType:
    """``bit<width>``."""
    return BitsType(width)
