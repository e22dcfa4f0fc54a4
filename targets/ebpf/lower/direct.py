"""Direct counters and meters of a table, in the actions that count and measure: what belongs to the rule that was hit
lies at its key in a map of its own, and the key that was looked up still lies on the stack; or at its number, which the
search has noted."""

from __future__ import annotations

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label, MapDef, asm
from ..artifact.asm import R0, R1, R2, R10
from ..cells import direct_counters, direct_meters
from . import cellcode
from .frame import Ref
from .gen import Gen, LookedUp
from .hooks import MAP_LOOKUP


def count(g: Gen, call: ir.ExternCall) -> None:
    """``DirectCounter.count()``, DPDK's ``count(length)``: for the rule that was hit, or for all misses."""
    found = _looked_up(g, call)
    cells = next((item for item in direct_counters(g.program, found.layout) if item.instance == call.object), None)
    if cells is None or cells.miss is None:
        raise _of_another_table(call)
    item, miss = cells.map if cells.of_rules else None, cells.miss

    def find() -> None:
        hit, missed = g.asm.label(), g.asm.label()
        if item is not None and found.key is not None:
            _find(g, item, found.key)
            g.asm.jump("jne", R0, 0, hit)
        elif item is not None and found.entry is not None:
            _find_numbered(g, item, found.entry, missed, call.span)
            g.asm.goto(hit)
        g.asm.place(missed)
        with g.buffer(miss.key_size) as place:
            g.asm.emit(asm.store(miss.key_size, R10, place, 0))
            _find(g, miss, place)
        g.asm.place(hit)

    length = call.args[0] if call.args else None
    cellcode.count_at(g, call, g.program.instance(cells.instance), cells.cells, find, length)


def find_colour(g: Gen, call: ir.ExternCall) -> None:
    """r0 = the address of the colour of the rule that was hit, or 0."""
    found = _looked_up(g, call)
    item = direct_meters(g.program, found.layout).get(str(call.object))
    if item is None:
        raise _of_another_table(call)
    if found.key is not None:
        _find(g, item, found.key)
    elif found.entry is not None:
        none = g.asm.label()
        g.asm.emit(asm.mov(R0, 0))
        _find_numbered(g, item, found.entry, none, call.span)
        g.asm.place(none)
    else:
        raise _of_another_table(call)


def _looked_up(g: Gen, call: ir.ExternCall) -> LookedUp:
    if g.looked_up is None:
        raise CannotOffload(f"{call.extern}.{call.method} outside of the actions of a table", call.span)
    return g.looked_up


def _of_another_table(call: ir.ExternCall) -> CannotOffload:
    return CannotOffload(f"{call.extern}.{call.method} in an action of a table that it does not belong to", call.span)


def _find_numbered(g: Gen, item: MapDef, entry: Ref, missed: Label, span: Span) -> None:
    """r0 = the address of the element of the rule that was hit, or 0; go to ``missed`` if none was."""
    g.load_leaf(R1, entry, span=span)
    g.asm.jump("jeq", R1, 0, missed)
    g.asm.emit(asm.alu("sub", R1, 1))
    with g.buffer(item.key_size) as place:
        g.asm.emit(asm.store(item.key_size, R10, place, R1))
        _find(g, item, place)


def _find(g: Gen, item: MapDef, key: int) -> None:
    g.maps[item.name] = item
    g.asm.emit(asm.load_map(R1, item.name), asm.mov(R2, R10), asm.alu("add", R2, key), asm.call(MAP_LOOKUP))


__all__ = ["count", "find_colour"]
