"""Objects of known P4 compilers: which map holds which table, from the names that they give.

p4c's back ends for the kernel (backends/ebpf: ebpfTable.cpp, also used for PSA and PNA) name things like this:

* the entries of table ``pipe.t`` lie in map ``pipe_t`` (the external name with ``_`` for ``.``), its default action in
  the only element of array ``pipe_t_defaultAction``;
* the key's members are ``field0``, ``field1``, ... in the order of the table's keys, numbers of up to 64 bits in host
  order, but the lpm key in network order, behind ``prefixlen``; wider ones are bytes in network order;
* the value's members are ``action`` and the union ``u``, in which each action has a struct of its parameters, named as
  the action's map would be. ``NoAction`` has number 0, the others 1, 2, ... in the order of the table's list. Older
  versions number by an enum with the actions' names, which BTF still tells;
* a dense ``CounterArray``, and PSA's counters and registers, lie in an array of their name, as one number or as
  ``packets`` and ``bytes``, in host order. ebpf_model calls its argument the largest index; p4c makes it the number of
  elements, so that the last counter is missing, which a check shows where a program counts there.

A map is taken for a table's only if its members are there, of the right sizes; what is recognised is named in a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as Names
from dataclasses import replace
from typing import Final

from ...semantics import ir
from ...semantics.p4info.names import param_name
from ...semantics.source import Span, Unsupported
from ..base import CannotOffload
from .artifact import BpfObject, Field, MapDef
from .cells import CELLS, cell_map
from .layout import identifier, said_size, scalar_width, table_actions
from .mapping import (
    ActionCode,
    ArgumentPlace,
    BadMapping,
    KeyPlace,
    MappedCells,
    MappedTable,
    Mapping,
    Order,
    Place,
    check,
)

WORD_BITS: Final = 64
"""Wider numbers are arrays of bytes in p4c's C."""
NO_ACTION: Final = "NoAction"


def recognised(program: ir.Program, obj: BpfObject) -> Mapping:
    """The tables of ``program`` whose maps ``obj`` has under p4c's names."""
    tables = []
    maps = {item.name: item for item in obj.maps}
    for control, table in program.tables():
        found = _table(program, control, table, maps)
        if found is not None:
            tables.append(found)
    cells = tuple(held for one in program.instances if (held := _cells(one, maps)) is not None)
    notes = tuple(
        f"map {item.name} holds table {table.name} as p4c's eBPF back end names and numbers things"
        for table in tables
        if (item := table.entries or table.default) is not None
    )
    told = tuple(
        f"map {each.map.name} holds the cells of {each.instance.name} as p4c's eBPF back end does" for each in cells
    )
    return Mapping(tuple(tables), cells, notes + told)


TABLE_SUFFIXES: Final = ("_defaultAction", "_prefixes", "_tuples_map")
"""What p4c puts behind a table's name, for its default action and for the masks and entries of a ternary table."""


def check_known(program: ir.Program, obj: BpfObject, mapping: Mapping) -> None:
    """Nothing may be said of an object by p4c whose maps hold something in a form that is not known here.

    Raises:
        Unsupported: a map has the name that p4c gives to a table, counter or register that ``mapping`` does not relate.
    """
    maps = {item.name: item for item in obj.maps}
    known = {table.name for table in mapping.tables} | {cells.instance.name for cells in mapping.cells}
    for _, table in program.tables():
        name = identifier(table.control_name)
        found = [name + suffix for suffix in TABLE_SUFFIXES if name + suffix in maps]
        if name in maps and {"action", "u"} <= {leaf.name for leaf in maps[name].value_leaves}:
            found.append(name)
        if found and table.control_name not in known:
            raise _unknown(obj, found[0], f"table {table.control_name}")
    for instance in program.instances:
        name = identifier(instance.name)
        if instance.extern in CELLS and name in maps and instance.name not in known:
            raise _unknown(obj, name, f"{instance.extern} {instance.name}")


def _unknown(obj: BpfObject, item: str, what: str) -> Unsupported:
    text = f"map {item} has the name that p4c gives for {what}, and a form that is not related to it"
    return Unsupported(f"{text}: a mapping file may say how (--map)", Span(obj.name, 0, 0))


def _cells(instance: ir.Instance, maps: Names[str, MapDef]) -> MappedCells | None:
    item = maps.get(identifier(instance.name))
    if item is None or instance.extern not in CELLS or (item.type, item.key_size) != ("array", 4):
        return None
    try:
        wanted = cell_map(instance)
    except CannotOffload:
        return None
    fewest = wanted.map.max_entries - (instance.extern == "CounterArray")
    if not fewest <= item.max_entries <= wanted.map.max_entries:
        return None
    leaves = {leaf.name: leaf for leaf in item.value_leaves}
    places = [leaves.get(cell.state.rsplit(".", 1)[-1] if len(wanted.cells) > 1 else "") for cell in wanted.cells]
    cells = [
        replace(cell, offset=leaf.offset, size=leaf.size)
        for cell, leaf in zip(wanted.cells, places, strict=True)
        if leaf is not None and 8 * leaf.size >= cell.width
    ]
    return MappedCells(instance, item, tuple(cells)) if len(cells) == len(wanted.cells) else None


def _table(program: ir.Program, control: ir.Control, table: ir.Table, maps: Names[str, MapDef]) -> MappedTable | None:
    name = identifier(table.control_name)
    entries = maps.get(name) if table.keys else None
    default = maps.get(f"{name}_defaultAction")
    value = entries or default
    if value is None or (table.keys and entries is None):
        return None
    leaves = {leaf.name: leaf for leaf in value.value_leaves}
    action = leaves.get("action")
    if action is None or action.size != 4 or "u" not in leaves:
        return None
    keys = () if entries is None else tuple(_keys(table, entries))
    codes = tuple(_actions(table, table_actions(program, control, table), leaves, value))
    if len(keys) != len(table.keys) * (entries is not None) or len(codes) != len(table.actions):
        return None
    place = Place(action.offset, action.size, "host")
    try:
        return check(MappedTable(table, entries, keys, place, codes, default, size=said_size(program, table) or 0))
    except BadMapping:
        return None  # a map of this name that is something else


def _keys(table: ir.Table, item: MapDef) -> Iterator[KeyPlace]:
    leaves = {leaf.name: leaf for leaf in item.key_leaves}
    for number, key in enumerate(table.keys):
        leaf, width = leaves.get(f"field{number}"), scalar_width(key.expr.type)
        if leaf is not None and width is not None:
            place = _place(leaf, width)
            yield KeyPlace(width, replace(place, order="network") if key.match_kind == "lpm" else place)


def _actions(
    table: ir.Table, actions: list[ir.Action], leaves: Names[str, Field], value: MapDef
) -> Iterator[ActionCode]:
    count = 0
    for index, action in enumerate(actions):
        is_nothing = action.name.rsplit(".", 1)[-1] == NO_ACTION
        count += not is_nothing
        outer = identifier(action.control_name)
        names = (outer, identifier(action.name), f"_{outer}")
        number = next((value.enumerators[n] for n in names if n in value.enumerators), 0 if is_nothing else count)
        args = []
        params = [param for param in action.params if not param.direction]
        for param in params:
            width = scalar_width(param.type)
            given = param_name(param)
            leaf = next((leaves[f"u.{n}.{given}"] for n in names if f"u.{n}.{given}" in leaves), None)
            if leaf is not None and width is not None:
                args.append(ArgumentPlace(param.name, width, _place(leaf, width)))
        if len(args) == len(params):
            yield ActionCode(index, action.name, number, tuple(args))


def _place(leaf: Field, width: int) -> Place:
    order: Order = "host" if width <= WORD_BITS else "network"
    return Place(leaf.offset, leaf.size, order)
