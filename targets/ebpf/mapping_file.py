"""The mapping file: TOML that says which map of an object holds which table, field by field.

    [[table]]
    name = "Ingress.routes"        # control-plane name of the table
    map = "routes"                 # the map with its entries; left out for a table without keys
    key = ["dst"]                  # for each P4 key, in order, the field of the map's key
    action = "kind"                # the field of the map's value with the action's number; left out for a single action
    default = "routes_default"     # an array of one value, or "fixed": the code knows it, and nobody changes it

    [table.actions]
    forward = { number = 1, args = { port = { field = "port", order = "host" } } }
    drop = { number = 2 }

    [[state]]
    name = "Ingress.seen"          # a counter or register
    map = "counts"
    fields = ["packets", "bytes"]  # of the map's value; left out for a value that is one number

    [[ports]]
    map = "devices"                # a devmap or devmap_hash that holds each interface at its own number

A field is a member by the name that BTF has for it (``a.b`` for a member of a member), ``"*"`` for the whole key or
value, or ``"OFFSET:SIZE"`` in bytes; as a table it may have an ``order``: "network" (default; for the action "host") or
"host". A number may be an enumerator's name.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from ...semantics import ir
from ...semantics.p4info.names import param_name
from ...semantics.source import InputError, Span, Unsupported
from ..base import CannotOffload
from .artifact import BpfObject, MapDef
from .cells import Cell, cell_map
from .layout import said_size, scalar_width, table_actions
from .mapping import (
    OF_DEVICES,
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

FIXED: Final = "fixed"
_EXPLICIT: Final = re.compile(r"(\d{1,6}):(\d{1,6})")
_EXTERNS: Final = ("CounterArray", "counter", "register")
_READ: Final = ("register",)
"""Those that programs read."""


def read_mapping(text: str, file: str, program: ir.Program, obj: BpfObject) -> Mapping:
    """The mapping in a file's content, for the maps of ``obj`` and the tables of ``program``.

    Raises:
        InputError: it is malformed, names what is not there, or does not fit maps and tables; ``file`` is named.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError.at(Span(file, 0, 0), f"is no TOML: {error}") from None
    return _Reader(file, program, obj).mapping(data)


@dataclass(frozen=True)
class _Reader:
    file: str
    program: ir.Program
    obj: BpfObject

    def error(self, where: str, message: str) -> InputError:
        return InputError.at(Span(self.file, 0, 0), f"{where}: {message}")

    def fail(self, where: str, message: str) -> NoReturn:
        raise self.error(where, message)

    def mapping(self, data: dict[str, Any]) -> Mapping:
        self.only(data, ("table", "state", "ports"), "the file")
        tables = tuple(self.table(row) for row in self.rows(data, "table"))
        cells = tuple(self.state(row) for row in self.rows(data, "state"))
        ports = tuple(self.ports(row) for row in self.rows(data, "ports"))
        names = [table.name for table in tables] + [item.instance.name for item in cells]
        maps = [m.name for t in tables for m in (t.entries, t.default) if m] + [item.map.name for item in cells]
        maps += [item.name for item in ports]
        for name in (n for group in (names, maps) for n in group if group.count(n) > 1):
            self.fail(name, "is mapped twice")
        if not maps:
            self.fail("the file", "no [[table]], no [[state]] and no [[ports]]")
        return Mapping(tables, cells, ports=ports)

    # --- TOML ---

    def only(self, row: dict[str, Any], keys: Sequence[str], where: str) -> None:
        for key in row:
            if key not in keys:
                self.fail(where, f"unknown key '{key}' (known: {', '.join(keys)})")

    def rows(self, data: dict[str, Any], key: str) -> list[dict[str, Any]]:
        value = data.get(key, [])
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            self.fail(f"[[{key}]]", "is no array of tables")
        return value

    def text(self, row: dict[str, Any], key: str, where: str) -> str:
        value = row.get(key)
        if not isinstance(value, str):
            self.fail(where, f"'{key}' is missing" if value is None else f"'{key}' is no string")
        return value

    def inner(self, row: dict[str, Any], key: str, where: str) -> dict[str, Any]:
        value = row.get(key, {})
        if not isinstance(value, dict):
            self.fail(where, f"'{key}' is no table")
        return value

    # --- tables ---

    def table(self, row: dict[str, Any]) -> MappedTable:
        name = self.text(row, "name", "[[table]]")
        where = f"table {name}"
        self.only(row, ("name", "map", "key", "action", "default", "actions"), where)
        control, table = self.find_table(name, where)
        default = self.text(row, "default", where) if "default" in row else None
        entries = self.map(self.text(row, "map", where), where) if "map" in row else None
        held = self.map(default, where) if default not in (None, FIXED) and default is not None else None
        if (entries is None) != (not table.keys):
            self.fail(
                where, "a table with keys has a 'map' for its entries" if table.keys else "has no keys, so no 'map'"
            )
        value = entries or held
        if value is None:
            self.fail(where, "neither 'map' nor 'default' is a map")
        action = self.place(row["action"], value, "value", where, "host") if "action" in row else None
        codes = tuple(self.actions(self.inner(row, "actions", where), control, table, value, action, where))
        keys = () if entries is None else tuple(self.keys(row, table, entries, where))
        size = said_size(self.program, table) or 0
        try:
            return check(MappedTable(table, entries, keys, action, codes, held, default == FIXED, size))
        except BadMapping as error:
            self.fail(where, str(error))

    def find_table(self, name: str, where: str) -> tuple[ir.Control, ir.Table]:
        for control, table in self.program.tables():
            if table.control_name == name:
                return control, table
        known = ", ".join(table.control_name for _, table in self.program.tables()) or "none"
        raise self.error(where, f"the program has no such table (there are: {known})")

    def map(self, name: str, where: str) -> MapDef:
        try:
            return self.obj.map(name)
        except KeyError:
            known = ", ".join(item.name for item in self.obj.maps) or "none"
            raise self.error(where, f"the object has no map {name} (there are: {known})") from None

    def keys(self, row: dict[str, Any], table: ir.Table, item: MapDef, where: str) -> Iterator[KeyPlace]:
        fields = row.get("key")
        if not isinstance(fields, list) or len(fields) != len(table.keys):
            self.fail(where, f"'key' is no list of {len(table.keys)} fields, one for each key of the table")
        for given, key in zip(fields, table.keys, strict=True):
            width = scalar_width(key.expr.type)
            if width is None:
                self.fail(where, f"key {key.name} has no fixed width")
            yield KeyPlace(width, self.place(given, item, "key", where, "network"))

    def actions(
        self, given: dict[str, Any], control: ir.Control, table: ir.Table, item: MapDef, place: Place | None, where: str
    ) -> Iterator[ActionCode]:
        seen = set()
        for index, action in enumerate(table_actions(self.program, control, table)):
            names = [n for n in (action.control_name, action.name, action.name.rsplit(".", 1)[-1]) if n in given]
            if not names:
                if table.actions[index].default_only and table.const_default:
                    continue
                self.fail(where, f"action {action.name} is missing in [table.actions]")
            seen.add(names[0])
            what = f"{where}, action {names[0]}"
            row = self.inner(given, names[0], where)
            self.only(row, ("number", "args"), what)
            number = self.number(row, item, what) if place is not None else None
            yield ActionCode(index, action.name, number, tuple(self.arguments(row, action, item, what)))
        for name in given.keys() - seen:
            self.fail(where, f"the table has no action {name}")

    def number(self, row: dict[str, Any], item: MapDef, where: str) -> int:
        value = row.get("number")
        if isinstance(value, str):
            value = item.enumerators.get(value, value)
        if isinstance(value, bool) or not isinstance(value, int):
            self.fail(where, "'number' is neither a number nor an enumerator of the map's value")
        return value

    def arguments(self, row: dict[str, Any], action: ir.Action, item: MapDef, where: str) -> Iterator[ArgumentPlace]:
        given = dict(self.inner(row, "args", where))
        for param in action.params:
            if param.direction:
                continue
            width = scalar_width(param.type)
            if width is None:
                self.fail(where, f"parameter {param.name} has no fixed width")
            name = param_name(param)
            if name not in given:
                self.fail(where, f"parameter {name} is missing in 'args'")
            yield ArgumentPlace(param.name, width, self.place(given.pop(name), item, "value", where, "network"))
        for name in given:
            self.fail(where, f"the action has no parameter {name}")

    # --- fields ---

    def place(self, given: Any, item: MapDef, part: str, where: str, order: Order) -> Place:
        """The place of a field of a map's ``part`` ("key" or "value")."""
        if isinstance(given, dict):
            self.only(given, ("field", "order"), where)
            said = given.get("order", order)
            if said not in ("network", "host"):
                self.fail(where, f"order '{said}' is neither 'network' nor 'host'")
            order, given = said, given.get("field")
        if not isinstance(given, str):
            self.fail(where, f"a field of the {part} of map {item.name} is no string")
        size = item.key_size if part == "key" else item.value_size
        explicit = _EXPLICIT.fullmatch(given)
        if explicit:
            return Place(int(explicit[1]), int(explicit[2]), order)
        if given == "*":
            return Place(0, size, order)
        leaves = item.key_leaves if part == "key" else item.value_leaves
        for leaf in leaves:
            if leaf.name == given:
                return Place(leaf.offset, leaf.size, order)
        known = ", ".join(leaf.name for leaf in leaves if leaf.name) or "none"
        raise self.error(where, f"the {part} of map {item.name} has no field {given} (there are: {known})")

    # --- state ---

    def state(self, row: dict[str, Any]) -> MappedCells:
        name = self.text(row, "name", "[[state]]")
        where = f"state {name}"
        self.only(row, ("name", "map", "fields"), where)
        instance = next((i for i in self.program.instances if i.name == name and i.extern in _EXTERNS), None)
        if instance is None:
            known = ", ".join(i.name for i in self.program.instances if i.extern in _EXTERNS) or "none"
            self.fail(where, f"the program has no such counter or register (there are: {known})")
        item = self.map(self.text(row, "map", where), where)
        try:
            wanted = cell_map(instance)
        except CannotOffload as error:
            self.fail(where, error.reason)
        if item.type not in ("array", "percpu_array") or item.key_size != 4:
            self.fail(where, f"map {item.name} of type {item.type} is no array")
        if item.type == "percpu_array" and instance.extern in _READ:
            text = f"register {name} is one for all CPUs, and map {item.name} holds one for each of them"
            raise Unsupported(text, instance.span)
        if item.max_entries != wanted.map.max_entries:
            self.fail(where, f"map {item.name} has {item.max_entries} elements, not {wanted.map.max_entries}")
        fields = row.get("fields", ["*"])
        if not isinstance(fields, list) or len(fields) != len(wanted.cells):
            self.fail(where, f"'fields' is no list of {len(wanted.cells)} fields")
        cells = tuple(self.cell(given, cell, item, where) for given, cell in zip(fields, wanted.cells, strict=True))
        return MappedCells(instance, item, cells)

    def ports(self, row: dict[str, Any]) -> MapDef:
        name = self.text(row, "map", "[[ports]]")
        where = f"ports in map {name}"
        self.only(row, ("map",), where)
        item = self.map(name, where)
        if item.type not in OF_DEVICES:
            self.fail(where, f"it is of type {item.type}, and holds no interfaces ({', '.join(OF_DEVICES)} do)")
        return item

    def cell(self, given: Any, cell: Cell, item: MapDef, where: str) -> Cell:
        place = self.place(given, item, "value", where, "host")
        if place.order != "host" or 8 * place.size < cell.width or place.offset + place.size > item.value_size:
            self.fail(where, f"a cell of {cell.width} bits in host order does not lie in {place.size} bytes")
        return Cell(cell.state, cell.width, place.offset, place.size)
