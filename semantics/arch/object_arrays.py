"""Arrays of extern objects (``Cell() cells[4];``), of which a call names one: what it calls, whatever the index is made
of, and what it calls where there is none."""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.machine import Machine
from ..source import Unsupported

INDEX_BITS: Final = 32
"""Bits of what says which object is called."""


def index_of(m: Machine, index: ir.Expr) -> Term:
    """Which object is called, in :data:`INDEX_BITS` or more: ``a[3]`` is ``a[8w3]``, and below 0 there is none."""
    term = m.read(m.eval(index), index.span)
    if term.is_const:
        return b.bv(term.value, INDEX_BITS)
    type_ = ir.bare(index.type)
    signed = isinstance(type_, ir.BitsType) and type_.signed
    return (b.sext if signed else b.zext)(term, max(term.width, INDEX_BITS))


def is_there(node: ir.ExternCall, index: Term, instance: ir.Instance | None) -> Term:
    """Whether there is the object that is called. Of one that is not there nothing is called, and what it answers is
    undefined, as elements are that a header stack does not have (P4-16 §8.18).

    Args:
        node: the call.
        index: see :func:`index_of`.
        instance: the array, if it is one of the program's.

    Raises:
        Unsupported: methods of the program would be called then, or how many objects there are is not known.
    """
    if index.is_const:
        return b.TRUE  # the front end has seen that the array has it
    if instance is None or instance.size is None:
        raise Unsupported(f"extern {node.extern} of an array of which the size is not known", node.span)
    there = b.ult(index, b.literal(instance.size, index))
    if instance.methods and there is not b.TRUE:
        raise Unsupported(f"extern {node.extern} with methods of the program, called beyond its array", node.span)
    return there
