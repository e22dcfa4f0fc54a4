"""Code that reaches the cells of counters and registers (:mod:`..cells`), and counts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import MapDef, asm
from ..artifact.asm import R0, R1, R2, R10
from ..cells import Cell, cell_map, counter_kind
from . import expr as ex
from . import stmts
from .frame import OBJECT
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


__all__ = ["add_to_cell", "count", "count_at", "find_cell", "find_element", "instance_of"]
