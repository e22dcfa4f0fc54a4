"""Code that reaches the cells of counters and registers (:mod:`..cells`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import MapDef, asm
from ..artifact.asm import R0, R1, R2, R10
from ..cells import Cell, cell_map, counter_kind
from . import expr as ex
from . import stmts, wide
from .checksums import fields_of
from .frame import OBJECT, Ref, is_composite, leaves
from .gen import Gen
from .hooks import MAP_LOOKUP

INDEX_BITS = 32
"""Of the key of an array map."""


def instance_of(g: Gen, call: ir.ExternCall) -> ir.Instance:
    """The object whose method is called. Raises CannotOffload for a parameter for which none is known."""
    if call.is_param and call.object is not None:
        known = g.env.get(call.object)
        if known is not None and known.path.startswith(OBJECT):
            return g.program.instance(known.path.removeprefix(OBJECT))
    if call.object is None or call.is_param:
        raise CannotOffload(f"{call.extern} that is not an instance of the program", call.span)
    return g.program.instance(call.object)


def find_cell(g: Gen, instance: ir.Instance, index: ir.Expr | None) -> None:
    """r0 = the address of the instance's cell, or 0 if there is none with this index."""
    if index is None:
        raise CannotOffload("an index is missing", instance.span)
    find_element(g, cell_map(instance).map, index)


def find_element(g: Gen, item: MapDef, index: ir.Expr) -> None:
    """r0 = the address of an array's element, or 0 if there is none with this index."""
    g.maps[item.name] = item
    ex.value(g, index)
    end = g.asm.label()
    if g.width(index.type, index.span) > INDEX_BITS:
        g.constant(R2, item.max_entries)
        g.asm.emit(asm.mov(R0, 0))
        g.asm.jump("jge", R1, R2, end)
    with g.buffer(4) as place:
        g.asm.emit(asm.store(4, R10, place, R1), asm.mov(R2, R10), asm.alu("add", R2, place))
        g.asm.emit(asm.load_map(R1, item.name), asm.call(MAP_LOOKUP))
    g.asm.place(end)


# --- counters -------------------------------------------------------------------------------------------------------


def add_to_cell(g: Gen, cell: Cell) -> None:
    """Add r1 to a number of the element at r0, as one step: other processors count into the same cell."""
    g.asm.emit(asm.atomic(cell.size, 0x00, R0, cell.offset, R1))


def count(g: Gen, call: ir.ExternCall) -> None:
    """``count(index)`` of a counter; DPDK's ``count(index, length)`` says itself how many bytes."""
    instance = instance_of(g, call)
    length = call.args[1] if len(call.args) > 1 else None

    def find() -> None:
        find_cell(g, instance, call.args[0])

    count_at(g, call, instance, cell_map(instance).cells, find, length)


def count_at(
    g: Gen,
    call: ir.ExternCall,
    instance: ir.Instance,
    cells: Sequence[Cell],
    find: Callable[[], None],
    length: ir.Expr | None,
) -> None:
    """Count at the element whose address ``find`` leaves in r0, if there is one; ``length`` says how many bytes, if it
    is not the frame's."""
    if length is None:
        find()
        _count(g, instance, cells, lambda: g.hook.length(g))
        return
    with g.scope():
        place = g.declare("$length", length.type, call.span)
        stmts.assign(g, place, length)
        find()
        _count(g, instance, cells, lambda: g.load_leaf(R1, place, span=call.span))


def _count(g: Gen, instance: ir.Instance, cells: Sequence[Cell], length: Callable[[], None]) -> None:
    """Count at the element at r0, if it is there; ``length`` leaves the bytes in r1 and r0 alone."""
    none = g.asm.label()
    g.asm.jump("jeq", R0, 0, none)
    kind = counter_kind(instance)
    if kind in ("packets", "packets_and_bytes"):
        g.constant(R1, 1)
        add_to_cell(g, cells[0])
    if kind in ("bytes", "packets_and_bytes"):
        length()
        add_to_cell(g, cells[-1])
    g.asm.place(none)


# --- registers ------------------------------------------------------------------------------------------------------


def load_cell(g: Gen, instance: ir.Instance, index: ir.Expr | None, result: Ref) -> None:
    """``result`` = what a cell holds; 0 if there is none with this index."""
    find_cell(g, instance, index)
    none, end = g.asm.label(), g.asm.label()
    g.asm.jump("jeq", R0, 0, none)
    g.asm.emit(asm.load(8, R1, R0, 0))
    _unpack(g, result, cell_map(instance).cells[0].width, instance.span)
    g.asm.goto(end)
    g.asm.place(none)
    g.clear(result)
    g.asm.place(end)


def store_cell(g: Gen, instance: ir.Instance, index: ir.Expr, source: ir.Expr) -> None:
    """Write a cell, if there is one with this index; the value is evaluated behind the index."""
    cell_map(instance)  # refuses what has no cells first
    with g.scope():
        g.declare("$index", index.type, index.span)
        stmts.assign(g, g.env["$index"], index)
        _pack(g, source)
        with g.hold() as held:
            find_cell(g, instance, ir.Var("$index", index.type, index.span))
            held.load(R1)
    none = g.asm.label()
    g.asm.jump("jeq", R0, 0, none)
    g.asm.emit(asm.store(8, R0, 0, R1))
    g.asm.place(none)


def register_read(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``read(index)`` of a register."""
    load_cell(g, instance_of(g, call), call.args[0], result)


def register_write(g: Gen, call: ir.ExternCall) -> None:
    """``write(index, value)`` of a register."""
    index, source = call.args
    if index is None or source is None:
        raise CannotOffload("an argument is missing", call.span)
    store_cell(g, instance_of(g, call), index, source)


def _unpack(g: Gen, result: Ref, width: int, span: Span) -> None:
    """``result`` = the low ``width`` bits of r1, its fields side by side."""
    if not is_composite(result.type):
        g.trim(R1, width)
        g.store_leaf(result, R1)
        return
    low = width
    with g.hold() as held:
        for leaf in leaves(g.program, result, span):
            low -= leaf.width
            held.load(R1)
            if low:
                g.asm.emit(asm.alu("rsh", R1, low))
            g.trim(R1, leaf.width)
            g.store_leaf(Ref(leaf.path, ir.bits(leaf.width)), R1)


def _pack(g: Gen, source: ir.Expr) -> None:
    """r1 = a value, its fields side by side."""
    if not is_composite(source.type):
        ex.value(g, source)
        return
    with g.scope():
        fields, total = fields_of(g, source, source.span)
        wide.compose(g, fields, 0, total, source.span)


__all__ = [
    "add_to_cell", "count", "count_at", "find_cell", "find_element", "instance_of", "load_cell", "register_read",
    "register_write", "store_cell",
]  # fmt: skip
