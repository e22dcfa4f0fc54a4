"""P4Runtime's numeric ids of tables, actions, keys and parameters, as p4c assigns them.

The high byte is the kind of object (P4Runtime specification, "ID Allocation for P4Info Objects"); the low three are a
hash of the control-plane name (Bob Jenkins' one-at-a-time), probed linearly, names in alphabetical order, where they
collide (p4c's ``control-plane/p4RuntimeSymbolTable.cpp``). ``@id`` overrides. Keys and parameters count from 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from .. import ir

ACTION: Final = 0x01
TABLE: Final = 0x02
VALUE_SET: Final = 0x03


@dataclass(frozen=True)
class Ids:
    """The ids of a program's objects."""

    tables: dict[int, ir.Table]
    actions: dict[int, str]
    """id → control-plane name."""
    value_sets: dict[int, ir.ValueSetDecl]


def name_hash(name: str) -> int:
    """Jenkins' one-at-a-time hash, 32 bits."""
    value = 0
    for byte in name.encode():
        value = (value + byte) & 0xFFFFFFFF
        value = (value + (value << 10)) & 0xFFFFFFFF
        value ^= value >> 6
    value = (value + (value << 3)) & 0xFFFFFFFF
    value ^= value >> 11
    return (value + (value << 15)) & 0xFFFFFFFF


def own_id(annotations: Iterable[ir.Annotation]) -> int | None:
    """The number that an ``@id`` annotation gives."""
    for annotation in annotations:
        if annotation.name == "id":
            for value in annotation.values:
                if isinstance(value, int):
                    return value
            if annotation.body is not None:
                try:
                    return int(annotation.body.strip(), 0)
                except ValueError:
                    return None
    return None


def assign(kind: int, names: dict[str, int | None], taken: set[int]) -> dict[str, int]:
    """The id of each name: the one given, or one made from its hash."""
    ids = {name: given | kind << 24 for name, given in names.items() if given is not None}
    taken.update(ids.values())
    for name in sorted(name for name, given in names.items() if given is None):
        low = name_hash(name)
        while (number := kind << 24 | low & 0xFFFFFF) in taken:
            low += 1
        taken.add(number)
        ids[name] = number
    return ids


def ids_of(program: ir.Program) -> Ids:
    """The ids of a program's tables, actions and value sets."""
    taken: set[int] = set()
    tables = {table.control_name: table for _, table in program.tables()}
    actions: dict[str, int | None] = {}
    for control in program.controls:
        for action in control.actions:
            actions.setdefault(action.control_name, own_id(action.annotations))
    sets = {s.control_name: s for parser in program.parsers for s in parser.value_sets}
    table_ids = assign(TABLE, {name: own_id(t.annotations) for name, t in tables.items()}, taken)
    action_ids = assign(ACTION, actions, taken)
    set_ids = assign(VALUE_SET, {name: own_id(s.annotations) for name, s in sets.items()}, taken)
    return Ids(
        {number: tables[name] for name, number in table_ids.items()},
        {number: name for name, number in action_ids.items()},
        {number: sets[name] for name, number in set_ids.items()},
    )


def numbered(items: Sequence[ir.Key] | Sequence[ir.Param]) -> dict[int, int]:
    """id → position, for keys or parameters: ``@id``, else the position counted from 1."""
    numbers = {}
    annotations = [item.annotations for item in items]
    for position, own in enumerate(annotations):
        given = own_id(own)
        numbers[given if given is not None else position + 1] = position
    return numbers
