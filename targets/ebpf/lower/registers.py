"""Registers: the parts of an element side by side make a number of any width, which lies in 64-bit words, lowest first
(:mod:`..cells`)."""

from __future__ import annotations

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R0, R1, R2
from ..cells import WORD, Cell, cell_map
from . import stmts, wide
from .cellcode import find_cell, instance_of
from .frame import Leaf, Ref, headers, is_composite, leaves
from .gen import Gen

WORD_BITS = 8 * WORD


def load(g: Gen, instance: ir.Instance, index: ir.Expr | None, result: Ref) -> None:
    """``result`` = what a cell holds; 0 if there is none with this index."""
    cell = _cell(instance)
    find_cell(g, instance, index)
    none, end = g.asm.label(), g.asm.label()
    g.asm.jump("jeq", R0, 0, none)
    low = cell.width
    for leaf in leaves(g.program, result, instance.span):
        low -= leaf.width
        _load_leaf(g, leaf, low)
    g.asm.goto(end)
    g.asm.place(none)
    g.clear(result)
    g.asm.place(end)


def _load_leaf(g: Gen, leaf: Leaf, low: int) -> None:
    """The leaf that lies from bit ``low`` on in the number at r0, if anybody reads it."""
    if leaf.path not in g.slots:
        return
    for at in range(0, leaf.width, WORD_BITS):
        count = min(WORD_BITS, leaf.width - at)
        word, shift = divmod(low + at, WORD_BITS)
        g.asm.emit(asm.load(WORD, R1, R0, WORD * word))
        if shift:
            g.asm.emit(asm.alu("rsh", R1, shift))
        if shift + count > WORD_BITS:
            g.asm.emit(asm.load(WORD, R2, R0, WORD * (word + 1)), asm.alu("lsh", R2, WORD_BITS - shift))
            g.asm.emit(asm.alu("or", R1, R2))
        g.trim(R1, count)
        g.store_leaf(Ref(leaf.path, ir.bits(leaf.width)), R1, at // WORD_BITS)


def store(g: Gen, instance: ir.Instance, index: ir.Expr, source: ir.Expr) -> None:
    """Write a cell, if there is one with this index; the value is evaluated behind the index."""
    cell, span = _cell(instance), source.span
    with g.scope():
        g.declare("$index", index.type, index.span)
        stmts.assign(g, g.env["$index"], index)
        value = g.declare("$value", instance.type_args[0], span)
        stmts.assign(g, value, source)
        _forget_invalid(g, value, span)
        find_cell(g, instance, ir.Var("$index", index.type, index.span))
        none = g.asm.label()
        g.asm.jump("jeq", R0, 0, none)
        fields = _side_by_side(g, value, span)
        for word in range(0, cell.width, WORD_BITS):
            count = min(WORD_BITS, cell.width - word)
            wide.compose(g, fields, cell.width - word - count, count, span)
            g.asm.emit(asm.store(WORD, R0, word // 8, R1))
        g.asm.place(none)


def _forget_invalid(g: Gen, value: Ref, span: Span) -> None:
    """The fields of headers that are not valid are 0."""
    if not is_composite(value.type):
        return
    for header in headers(value):
        valid = g.asm.label()
        g.load_leaf(R1, header.valid, span=span)
        g.asm.jump("jne", R1, 0, valid)
        g.clear(header)
        g.asm.place(valid)


def _side_by_side(g: Gen, value: Ref, span: Span) -> list[tuple[Leaf, int]]:
    """The leaves of a value, each with its first bit."""
    out, at = [], 0
    for leaf in leaves(g.program, value, span):
        if leaf.width:
            out.append((leaf, at))
        at += leaf.width
    return out


def _cell(instance: ir.Instance) -> Cell:
    return cell_map(instance).cells[0]


def read(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``read(index)``."""
    load(g, instance_of(g, call), call.args[0], result)


def read_into(g: Gen, call: ir.ExternCall) -> None:
    """v1model's ``read(result, index)``."""
    target, index = call.args
    instance = instance_of(g, call)
    with g.scope():
        type_ = instance.type_args[0]
        load(g, instance, index, g.declare("$read", type_, call.span))
        if target is not None:
            stmts.store(g, target, ir.Var("$read", type_, call.span), call.span)


def write(g: Gen, call: ir.ExternCall) -> None:
    """``write(index, value)``."""
    index, source = call.args
    if index is None or source is None:
        raise CannotOffload("an argument is missing", call.span)
    store(g, instance_of(g, call), index, source)


__all__ = ["read", "read_into", "write"]
