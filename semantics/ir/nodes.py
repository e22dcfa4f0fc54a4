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

from .blocks import (
    Action,
    ActionRef,
    BoundAction,
    Control,
    Entry,
    Function,
    Instance,
    Key,
    Package,
    Parser,
    Property,
    SelectCase,
    State,
    Table,
    Transition,
    ValueSetDecl,
)
from .expressions import (
    Aggregate,
    AnySet,
    Binary,
    BinaryOp,
    BlockApply,
    Cast,
    Const,
    DefaultValue,
    Direction,
    Expr,
    ExternCall,
    FunctionCall,
    HeaderOp,
    Index,
    InvalidHeader,
    KeySet,
    MaskSet,
    Member,
    Mux,
    Param,
    ParserValueSet,
    RangeSet,
    Slice,
    TableApply,
    Unary,
    ValueSet,
    Var,
)
from .statements import (
    Assign,
    Block,
    Declare,
    Do,
    For,
    ForIn,
    If,
    Leave,
    Stmt,
    Switch,
    SwitchCase,
)
from .types import BitsType, BoolType, VoidType

__all__ = [
    "BOOL",
    "VOID",
    "Action",
    "ActionRef",
    "Aggregate",
    "AnySet",
    "Assign",
    "Binary",
    "BinaryOp",
    "Block",
    "BlockApply",
    "BoundAction",
    "Cast",
    "Const",
    "Control",
    "Declare",
    "DefaultValue",
    "Direction",
    "Do",
    "Entry",
    "Expr",
    "ExternCall",
    "For",
    "ForIn",
    "Function",
    "FunctionCall",
    "HeaderOp",
    "If",
    "Index",
    "Instance",
    "InvalidHeader",
    "Key",
    "KeySet",
    "Leave",
    "MaskSet",
    "Member",
    "Mux",
    "Package",
    "Param",
    "Parser",
    "ParserValueSet",
    "Property",
    "RangeSet",
    "SelectCase",
    "Slice",
    "State",
    "Stmt",
    "Switch",
    "SwitchCase",
    "Table",
    "TableApply",
    "Transition",
    "Unary",
    "ValueSet",
    "ValueSetDecl",
    "Var",
    "bits",
]

BOOL = BoolType()
VOID = VoidType()


def bits(width: int) -> BitsType:
    """``bit<width>``."""
    return BitsType(width)
