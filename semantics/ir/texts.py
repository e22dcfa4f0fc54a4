"""Extern objects and constructor arguments as text, so that equal text means that they are made alike.

What a compiler rewrites without changing the value (a tuple made a struct) does not show.
"""

from __future__ import annotations

from .nodes import Aggregate, Cast, Const, Expr
from .program import Program
from .types import StructType, TupleType, bare


def argument_text(program: Program, value: str | Expr) -> str:
    """An argument of a constructor or package: an instance by its text, constants by their values.

    Raises:
        KeyError: there is no instance of that name.
    """
    if isinstance(value, str):
        return instance_text(program, value)
    match value:
        case Const():
            return repr(value.value)
        case Aggregate(values):
            return "{" + ", ".join(argument_text(program, v) for v in values) + "}"
        case Cast(Aggregate() as inner, type_) if isinstance(bare(type_), StructType | TupleType):
            return argument_text(program, inner)
    return repr(value)


def instance_text(program: Program, name: str) -> str:
    """An extern instance's type and constructor arguments. Raises KeyError if there is none of that name."""
    instance = program.instance(name)
    made = "".join([instance.made_by, *map(repr, instance.made_types)])
    size = "" if instance.size is None else f"[{instance.size}]"
    args = ", ".join(f"{n}={argument_text(program, v)}" for n, v in instance.args)
    return f"{made}{instance.extern}({args}){size}"
