"""Entries that the program adds to its own tables: PNA's ``add_entry`` and ``add_entry_if``.

The action is that of a miss, so the key that was looked up still lies on the stack. An entry that came to be there in
between stays as it is (BPF_NOEXIST); then, and where the map is full, nothing is added, which PNA leaves to the device.
"""

from __future__ import annotations

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R0, R1, R2, R3, R4, R10
from ..layout import ACTION_BYTES, PROFILE_BYTES, ActionPart, TableLayout
from . import expr as ex
from . import stmts, wide
from .frame import VALID, Leaf, Ref, is_composite, leaves
from .gen import Gen
from .hooks import MAP_UPDATE

NOEXIST = 1
"""BPF_NOEXIST: an element that is there is not replaced."""


def add(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``result`` = whether an entry was added (P4TC: bool), or ADD_ENTRY_SUCCESS, which is 0."""
    layout, key = _looked_up(g, call)
    *condition, name, params, profile = call.args
    if name is None or params is None or profile is None or (condition and condition[0] is None):
        raise CannotOffload("an argument is missing", call.span)
    is_bool = isinstance(ir.bare(result.type), ir.BoolType)
    success = int(is_bool)
    end = g.asm.label()
    with g.scope():
        g.store_constant(next(leaves(g.program, result)), 1 - success)
        if condition and condition[0] is not None:
            ex.branch_unless(g, condition[0], end)
        with g.maybe():
            part = _action(layout, name, call.span)
            items = _values(g, params, part, call.span)
            with g.buffer(layout.value_size, call.span) as value:
                _store(g, layout, part, items, value, call.span)
                ex.value(g, profile)
                g.asm.emit(asm.alu("add", R1, 1))
                # Arguments lie without gaps, so that the number may lie anywhere; the stack is written at even places.
                g.asm.emit(asm.to_big_endian(R1, 8 * PROFILE_BYTES))
                g.store_bytes(R10, value + layout.value_size - PROFILE_BYTES, PROFILE_BYTES)
                _insert(g, layout, key, value)
        g.asm.jump("jne", R0, 0, end)
        g.store_constant(next(leaves(g.program, result)), success)
        g.asm.place(end)


def _looked_up(g: Gen, call: ir.ExternCall) -> tuple[TableLayout, int]:
    """The table whose action runs, and where on the stack the key lies."""
    if g.looked_up is None:
        raise CannotOffload(
            f"{call.extern} outside of the actions of a table whose entries lie in a hash map", call.span
        )
    layout, key = g.looked_up.layout, g.looked_up.key
    if key is None:
        raise CannotOffload(
            f"{call.extern} outside of the actions of a table whose entries lie in a hash map", call.span
        )
    if scalar := layout.profile_bits:
        last = call.params[-1].type
        if g.width(last, call.span) == scalar < 8 * PROFILE_BYTES:
            return layout, key
    raise CannotOffload("an expire time profile of 32 bits or more, or of another type than elsewhere", call.span)


def _action(layout: TableLayout, name: ir.Expr, span: Span) -> ActionPart:
    text = name.value if isinstance(name, ir.Const) else None
    for part in layout.actions:
        if text in (part.action.name, part.action.control_name.rpartition(".")[2]):
            return part
    raise CannotOffload(f"{text} is no action in the table's list", span)


def _values(g: Gen, params: ir.Expr, part: ActionPart, span: Span) -> list[Leaf]:
    """The arguments, evaluated, in the order of the action's parameters."""
    place = g.declare("$params", params.type, span)
    if is_composite(params.type):
        stmts.assign(g, place, params)
    else:
        ex.value(g, params)
        g.store_leaf(place, R1)
    items = list(leaves(g.program, place, span))
    if any(leaf.path.endswith(f".{VALID}") for leaf in items) or [leaf.width for leaf in items] != [
        arg.width for arg in part.args
    ]:
        raise CannotOffload(f"arguments that are not those of {part.action.name}", span)
    return items


def _store(g: Gen, layout: TableLayout, part: ActionPart, items: list[Leaf], value: int, span: Span) -> None:
    """The entry's value to the stack."""
    for word in range(0, layout.value_size, 8):
        g.asm.emit(asm.store(8, R10, value + word, 0))
    g.asm.emit(asm.store(ACTION_BYTES, R10, value, part.number))
    for leaf, arg in zip(items, part.args, strict=True):
        wide.store_network(g, leaf, value + arg.offset, arg.size, span)


def _insert(g: Gen, layout: TableLayout, key: int, value: int) -> None:
    """r0 = 0 if the entry was added."""
    assert layout.entries is not None
    g.asm.emit(asm.load_map(R1, layout.entries.name), asm.mov(R2, R10), asm.alu("add", R2, key))
    g.asm.emit(asm.mov(R3, R10), asm.alu("add", R3, value), asm.mov(R4, NOEXIST), asm.call(MAP_UPDATE))


__all__ = ["add"]
