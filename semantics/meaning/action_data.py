"""What the control plane gives to an action: a number for each of its parameters without direction.

A parameter of a struct, header or stack has one number for each leaf, named ``PARAM.field``, in the order of
:mod:`.parameters`; no rule of a control plane that is known has such, but every rule set includes them.
"""

from __future__ import annotations

from collections.abc import Iterator

from .. import bits as b
from .. import ir
from ..bits import Term
from .machine import Machine
from .parameters import Leaf, flatten, made
from .values import Scalar, Value, scalar_width, uninitialised


def control_params(action: ir.Action) -> list[ir.Param]:
    """The parameters that the control plane fills in."""
    return [p for p in action.params if not p.direction]


def param_leaves(param: ir.Param) -> tuple[Leaf, ...]:
    """The leaves of a parameter that the control plane fills in, with their bits (bool: 1).

    Raises:
        Unsupported: its type has no values at run time.
    """
    width = scalar_width(param.type, param.span)
    if width is not None:
        return ((param.name, max(1, width)),)
    value = uninitialised(param.type, param.span)
    leaves = flatten(value, param.type, param.name, lambda leaf, _: leaf.term, param.span)
    return tuple((name, max(1, term.width)) for name, term in leaves)


def action_leaves(action: ir.Action) -> tuple[Leaf, ...]:
    """The leaves of all that the control plane gives to an action. Raises Unsupported as :func:`param_leaves`."""
    return tuple(leaf for param in control_params(action) for leaf in param_leaves(param))


def param_value(m: Machine, param: ir.Param, terms: Iterator[Term]) -> Value:
    """A parameter's value; takes one of ``terms`` for each of its leaves."""
    width = scalar_width(param.type, param.span)
    if width is not None:
        term = next(terms)
        return Scalar(b.to_bool(term) if width == 0 else term)

    def leaf(width: int) -> Scalar:
        term = next(terms)
        return Scalar(b.to_bool(term) if width == 0 else term)

    return made(m, param.type, leaf, param.span)


def argument_terms(m: Machine, param: ir.Param, arg: ir.Expr) -> list[Term]:
    """What an argument in the source is: the terms of its leaves."""
    value = m.eval(arg)
    if scalar_width(param.type, param.span) is not None:
        term = m.read(value, arg.span)
        return [b.from_bool(term) if term.sort is b.BOOL else term]
    return [t for _, t in flatten(value, param.type, param.name, lambda leaf, _: m.read(leaf, arg.span), arg.span)]
