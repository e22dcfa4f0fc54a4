"""How the maps of an object made elsewhere hold a program's tables: which field is which key, action or argument.

A mapping comes from a file (:mod:`.mapping_file`) or from the names that a P4 compiler gives (:mod:`.conventions`);
:mod:`.mapped` makes a relation and map entries of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from ...semantics import ir
from .artifact import BpfObject, MapDef
from .cells import Cell
from .layout import PREFIX_BYTES

Order = Literal["network", "host"]
LRU: Final = "lru_hash"
"""The type of hashes that make room for new entries by evicting others; else they are looked up as all hashes are."""
OF_DEVICES: Final = ("devmap", "devmap_hash")
"""Types of maps that frames are redirected through to interfaces."""
HOLDING: Final = ("hash", LRU, "lpm_trie", "array")
"""Types of maps that hold tables' entries."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a number lies: ``size`` bytes at ``offset``, the highest byte first ("network") or last ("host")."""

    offset: int
    size: int
    order: Order


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where a P4 key lies in a map's key; an lpm key is padded behind, all others in front."""

    width: int
    place: Place
    lpm: bool = False


@dataclass(frozen=True, slots=True)
class ArgumentPlace:
    """Where an argument lies in a map's value."""

    param: str
    width: int
    place: Place


@dataclass(frozen=True, slots=True)
class ActionCode:
    """An action as a map's value says it: its number (None where there is only one), and where its arguments lie."""

    index: int
    """Its place in ``Table.actions``."""
    name: str
    number: int | None
    args: tuple[ArgumentPlace, ...]


@dataclass(frozen=True)
class MappedTable:
    """A table whose entries lie in ``entries`` and whose default action in ``default``, an array of one value.

    Without ``default`` the code has the source's default action in it; ``fixed_default`` then says that the control
    plane never sets another one (which is assumed, not proven).
    """

    table: ir.Table
    entries: MapDef | None
    keys: tuple[KeyPlace, ...]
    """In the order of the table's keys."""
    action: Place | None
    actions: tuple[ActionCode, ...]
    default: MapDef | None = None
    fixed_default: bool = False
    size: int = 0
    """Entries that the program says the table has room for; 0 if it does not say."""

    @property
    def name(self) -> str:
        """The table's control-plane name."""
        return self.table.control_name

    @property
    def trie(self) -> bool:
        """Whether the entries lie in an LPM trie."""
        return self.entries is not None and self.entries.type == "lpm_trie"

    @property
    def lpm_end(self) -> int:
        """Of a trie: the bits of its data up to the end of the lpm key, all that entries can match on."""
        return next(self.lpm_start + key.width for key in self.keys if key.lpm)

    @property
    def lpm_start(self) -> int:
        """Of a trie: the bits of its data before the lpm key."""
        return next(8 * (key.place.offset - PREFIX_BYTES) for key in self.keys if key.lpm)

    def code(self, action: str) -> ActionCode:
        """The action with this local name. Raises KeyError."""
        for code in self.actions:
            if code.name == action:
                return code
        raise KeyError(action)


@dataclass(frozen=True)
class MappedCells:
    """A counter or register whose cells are the elements of an array map."""

    instance: ir.Instance
    map: MapDef
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Mapping:
    """A whole object's: tables and state that are not mentioned lie in no map."""

    tables: tuple[MappedTable, ...] = ()
    cells: tuple[MappedCells, ...] = ()
    notes: tuple[str, ...] = ()
    ports: tuple[MapDef, ...] = ()
    """Maps of devices that hold at each number the interface of that number."""


@dataclass(frozen=True, slots=True)
class MappedObject(BpfObject):
    """An object, and how its maps hold a program's tables."""

    mapping: Mapping = Mapping()


def mapped(obj: BpfObject, mapping: Mapping) -> MappedObject:
    """``obj`` with its mapping."""
    return MappedObject(obj.programs, obj.maps, obj.license, obj.sections, obj.name, mapping)


class BadMapping(Exception):
    """A mapping that cannot be, for a reason that a user can mend."""


def check(table: MappedTable) -> MappedTable:
    """The mapping, if its maps can hold the table's entries; an lpm key is marked as one.

    Raises:
        BadMapping: they cannot, or fields overlap or are too narrow.
    """
    kinds = [key.match_kind for key in table.table.keys]
    keys = tuple(replace(key, lpm=kind == "lpm") for key, kind in zip(table.keys, kinds, strict=True))
    table = replace(table, keys=keys)
    if table.entries is not None:
        _check_keys(table, table.entries, kinds)
        _check_values(table, table.entries)
    if table.default is not None:
        if table.default.type != "array" or (table.default.key_size, table.default.max_entries) != (4, 1):
            raise BadMapping(f"map {table.default.name} is no array of one element, for a default action")
        _check_values(table, table.default)
    return table


def _check_keys(table: MappedTable, item: MapDef, kinds: Sequence[str]) -> None:
    if set(kinds) - {"exact", "lpm"}:
        raise BadMapping(f"a {next(k for k in kinds if k not in ('exact', 'lpm'))} key lies in no map")
    if item.type not in HOLDING:
        raise BadMapping(f"map {item.name} of type {item.type} holds no entries of tables ({', '.join(HOLDING)} do)")
    if (kinds.count("lpm") == 1) != (item.type == "lpm_trie") or kinds.count("lpm") > 1:
        raise BadMapping(f"{kinds.count('lpm')} lpm keys do not lie in a map of type {item.type}")
    _check_inside([key.place for key in table.keys], item.key_size, f"the key of map {item.name}")
    for key in table.keys:
        if key.width > 8 * key.place.size:
            raise BadMapping(f"a key of {key.width} bits does not fit {key.place.size} bytes of map {item.name}")
    if item.type == "lpm_trie":
        last = max(table.keys, key=lambda key: key.place.offset)
        if not last.lpm or last.place.order != "network" or min(k.place.offset for k in table.keys) < PREFIX_BYTES:
            raise BadMapping(f"in map {item.name} the lpm key is not the last one, in network order, behind the prefix")
    if item.type == "array":
        width = sum(key.width for key in table.keys)
        if len(table.keys) != 1 or table.keys[0].place != Place(0, 4, "host") or 1 << width > item.max_entries:
            raise BadMapping(f"array {item.name} holds a table with one key, a number below {item.max_entries}")
    elif item.max_entries < table.size:
        raise BadMapping(f"map {item.name} has room for {item.max_entries} entries, the table for {table.size}")


def _check_values(table: MappedTable, item: MapDef) -> None:
    for code in table.actions:
        places = [arg.place for arg in code.args] + ([table.action] if table.action is not None else [])
        _check_inside(places, item.value_size, f"the value of map {item.name}")
        for arg in code.args:
            if arg.width > 8 * arg.place.size:
                raise BadMapping(f"parameter {arg.param} of {arg.width} bits does not fit {arg.place.size} bytes")
        if table.action is not None and not 0 <= (code.number or 0) < 1 << 8 * table.action.size:
            raise BadMapping(f"number {code.number} does not fit the action's {table.action.size} bytes")
    numbers = [code.number for code in table.actions]
    if (table.action is None and len(numbers) > 1) or len(set(numbers)) < len(numbers):
        raise BadMapping(f"the actions of table {table.name} are not told apart by different numbers")


def _check_inside(places: Sequence[Place], size: int, what: str) -> None:
    end = 0
    for place in sorted(places, key=lambda p: p.offset):
        if place.size < 1 or place.offset < end or place.offset + place.size > size:
            raise BadMapping(f"fields overlap in {what}, or reach past its {size} bytes")
        end = place.offset + place.size
