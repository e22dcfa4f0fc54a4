"""The ids of a program's tables, actions and value sets, for rules that name objects by number.

They are those of the program's P4Info (:mod:`..p4info.ids`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .. import ir
from ..p4info.ids import Kind, assign, field_ids, own_id
from ..source import Span


@dataclass(frozen=True)
class Ids:
    """The ids of a program's objects."""

    tables: dict[int, ir.Table]
    actions: dict[int, str]
    """id → control-plane name."""
    value_sets: dict[int, ir.ValueSetDecl]


def ids_of(program: ir.Program) -> Ids:
    """The ids of a program's tables, actions and value sets. Raises InputError for an ``@id`` that cannot be."""
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
    )


def numbered(items: Sequence[ir.Key] | Sequence[ir.Param]) -> dict[int, int]:
    """id → position, for keys or parameters."""
    return {number: position for position, number in enumerate(field_ids(items))}
