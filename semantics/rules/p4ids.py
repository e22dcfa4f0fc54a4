"""The ids of a program's objects, for rules that name them by number.

They are those of the program's P4Info (:mod:`..p4info.ids`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import ir
from ..p4info.ids import Kind, assign, field_ids, own_id
from ..source import Span
from .cells import CellArray, find_cells_of
from .profiles import Implementation, implementations


@dataclass(frozen=True)
class Ids:
    """The ids of a program's objects."""

    tables: dict[int, ir.Table]
    actions: dict[int, str]
    """id → control-plane name."""
    value_sets: dict[int, ir.ValueSetDecl]
    profiles: dict[int, Implementation]
    cells: dict[int, CellArray]
    """Registers, counters and meters."""


def ids_of(program: ir.Program) -> Ids:
    """The ids of a program's objects. Raises InputError for an ``@id`` that cannot be."""
    taken: set[int] = set()
    tables = {table.control_name: table for _, table in program.tables()}
    actions: dict[str, tuple[int | None, Span]] = {}
    for control in program.controls:
        for action in control.actions:
            actions.setdefault(action.control_name, (own_id(action.annotations), action.span))
    sets = {s.control_name: s for parser in program.parsers for s in parser.value_sets}
    table_ids = assign(Kind.TABLE, {name: (own_id(t.annotations), t.span) for name, t in tables.items()}, taken)
    action_ids = assign(Kind.ACTION, actions, taken)
    set_ids = assign(Kind.VALUE_SET, {name: (own_id(s.annotations), s.span) for name, s in sets.items()}, taken)
    return Ids(
        {number: tables[name] for name, number in table_ids.items()},
        {number: name for name, number in action_ids.items()},
        {number: sets[name] for name, number in set_ids.items()},
        _profile_ids(program, taken),
        _cell_ids(program, taken),
    )


def _profile_ids(program: ir.Program, taken: set[int]) -> dict[int, Implementation]:
    found = implementations(program)
    names = {name: (own_id(p.instance.annotations), p.instance.span) for name, p in found.items()}
    return {number: found[name] for name, number in assign(Kind.ACTION_PROFILE, names, taken).items()}


def _cell_ids(program: ir.Program, taken: set[int]) -> dict[int, CellArray]:
    found = {cells.name: cells for kind in ("register", "counter", "meter") for cells in find_cells_of(program, kind)}
    numbered_: dict[int, CellArray] = {}
    for kind in sorted({cells.kind for cells in found.values()}):
        names = {
            name: (own_id(cells.instance.annotations), cells.instance.span)
            for name, cells in found.items()
            if cells.kind is kind
        }
        numbered_ |= {number: found[name] for name, number in assign(kind, names, taken).items()}
    return numbered_


def numbered(items: Sequence[ir.Key] | Sequence[ir.Param]) -> dict[int, int]:
    """id → position, for keys or parameters."""
    return {number: position for position, number in enumerate(field_ids(items))}
