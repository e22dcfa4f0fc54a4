"""Where the cells of counters and registers lie: one element of an array map each, numbers in host order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ...semantics import ir
from ..base import CannotOffload
from .artifact import Field, MapDef
from .attached import DIRECT_COUNTERS, DIRECT_METERS, attached
from .layout import TableLayout, identifier

COUNTER_ARRAY_BYTES: Final = 4
"""ebpf_model's counters have 32 bits."""
WORD: Final = 8
COLOUR_BYTES: Final = 4
METERS: Final = {"meter": "size", "Meter": "n_meters"}
"""Externs that are arrays of meters: the argument that says how many."""
CELLS: Final = ("CounterArray", "counter", "Counter", "register", "Register")
"""Externs whose objects are arrays of cells."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of an element: ``state`` as the program's meaning names it, ``size`` bytes at ``offset``."""

    state: str
    width: int
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class CellMap:
    """The map of a counter or register."""

    map: MapDef
    cells: tuple[Cell, ...]
    bytes_only: bool = False
    """Whether the one cell of a counter counts bytes."""
    index_bits: int = 32
    """Of the index as the program's meaning has it."""
    instance: str = ""
    """Of a direct counter: its name."""
    miss: MapDef | None = None
    """Of a direct counter that actions count with (PSA's and PNA's; v1model's tables count their hits themselves): an
    array with one element for what the default action counts."""
    of_rules: bool = True
    """False: of a direct counter of a table that has no rules; ``map`` is then ``miss``."""


def cell_map(instance: ir.Instance) -> CellMap:
    """Where the instance's cells lie.

    Raises:
        CannotOffload: the size or the kind is not constant, or a register's element is no number of bits.
    """
    name = instance.name
    match instance.extern:
        case "CounterArray":
            count = _constant(instance, "max_index") + 1
            cells = [Cell(name, 32, 0, COUNTER_ARRAY_BYTES)]
        case "register" | "Register":
            count = _constant(instance, "size")
            width = _register_width(instance)
            cells = [Cell(name, width, 0, WORD * ((width + 8 * WORD - 1) // (8 * WORD)))]
        case "counter" | "Counter":
            count = _constant(instance, "size" if instance.extern == "counter" else "n_counters")
            cells = _counter_cells(instance)
        case _:
            raise CannotOffload(f"{instance.extern} has no cells", instance.span)
    if not 0 < count < 1 << 32:
        raise CannotOffload(f"{instance.extern} of {count} cells", instance.span)
    size = sum(cell.size for cell in cells)
    item = MapDef(f"{identifier(name)}_cells", "array", 4, size, count, value_fields=_fields(cells))
    return CellMap(item, tuple(cells), index_bits=_index_bits(instance))


def meter_map(instance: ir.Instance) -> MapDef:
    """The map that holds the colour of each of the instance's meters; nothing that is compared.

    Raises:
        CannotOffload: the number of meters is not constant.
    """
    count = _constant(instance, METERS[instance.extern])
    if not 0 < count < 1 << 32:
        raise CannotOffload(f"{count} meters", instance.span)
    fields = (Field("colour", 0, COLOUR_BYTES),)
    return MapDef(f"{identifier(instance.name)}_colours", "array", 4, COLOUR_BYTES, count, value_fields=fields)


def _index_bits(instance: ir.Instance) -> int:
    """PSA's counters and registers, and ubpf_model's registers, say what type their indexes have."""
    if instance.extern not in ("Counter", "Register") or len(instance.type_args) < 2:
        return 32
    try:
        return ir.width_of(instance.type_args[1])
    except ValueError:
        raise CannotOffload(f"{instance.extern} with an index that is no number", instance.span) from None


def _counter_cells(instance: ir.Instance) -> list[Cell]:
    name = instance.name
    if counter_kind(instance) == "packets_and_bytes":
        return [Cell(f"{name}.packets", 64, 0, WORD), Cell(f"{name}.bytes", 64, WORD, WORD)]
    return [Cell(name, _counter_width(instance), 0, WORD)]


def _counter_width(instance: ir.Instance) -> int:
    """Bits of a counter of one kind: PSA's say how many, v1model's have as many as their cells."""
    has_width = instance.extern in ("Counter", "DirectCounter") and instance.type_args
    width = ir.width_of(instance.type_args[0]) if has_width else 0
    if width > 8 * WORD:
        raise CannotOffload("a counter of more than 64 bits", instance.span)
    return width or 8 * WORD


def _fields(cells: Sequence[Cell]) -> tuple[Field, ...]:
    names = ["packets", "bytes"] if len(cells) > 1 else ["value"]
    return tuple(Field(field, cell.offset, cell.size) for field, cell in zip(names, cells, strict=True))


def direct_counters(program: ir.Program, layout: TableLayout) -> list[CellMap]:
    """The maps of a table's direct counters: an element for each rule, at the rule's key, or at its number where the
    rules are compiled in or lie in slots. A table without keys has no rules, and counts at most what its default action
    does.

    Raises:
        CannotOffload: the program itself adds rules.
    """
    out = []
    for instance, span in attached(program, layout.table, DIRECT_COUNTERS):
        if layout.profile_bits:
            raise CannotOffload("direct counters of a table to which the program adds entries", span)
        cells, name = _counter_cells(instance), identifier(instance.name)
        size, fields = sum(cell.size for cell in cells), _fields(cells)
        called = instance.extern == "DirectCounter"
        miss = MapDef(f"{name}_miss", "array", 4, size, 1, value_fields=fields) if called else None
        made = _of_rules(layout, f"{name}_cells", size, fields)
        item = made or miss
        if item is not None:
            bytes_only = counter_kind(instance) == "bytes"
            name, ruled = instance.name, made is not None
            out.append(CellMap(item, tuple(cells), bytes_only, instance=name, miss=miss, of_rules=ruled))
    return out


def _of_rules(layout: TableLayout, name: str, size: int, fields: tuple[Field, ...]) -> MapDef | None:
    """The map with the cells of a table's rules; None if there can be none."""
    if layout.baked is not None:
        return MapDef(name, "array", 4, size, len(layout.baked), value_fields=fields) if layout.baked else None
    entries = layout.entries
    return None if entries is None else replace(entries, name=name, value_size=size, value_fields=fields)


def direct_meters(program: ir.Program, layout: TableLayout) -> dict[str, MapDef]:
    """Name of each of a table's direct meters → the map with the colour of each rule, at the rule's key or its number,
    as with counters; nothing that is compared.

    Raises:
        CannotOffload: the table has no rules.
    """
    out = {}
    for instance, span in attached(program, layout.table, DIRECT_METERS):
        name, fields = f"{identifier(instance.name)}_colours", (Field("colour", 0, COLOUR_BYTES),)
        item = _of_rules(layout, name, COLOUR_BYTES, fields)
        if item is None:
            raise CannotOffload("direct meters of a table without rules", span)
        out[instance.name] = item
    return out


def _constant(instance: ir.Instance, name: str) -> int:
    value = dict(instance.args).get(name)
    if isinstance(value, ir.Const) and isinstance(value.value, int):
        return int(value.value)
    raise CannotOffload(f"{instance.extern} without a constant {name}", instance.span)


def _register_width(instance: ir.Instance) -> int:
    width = _packed_width(instance.type_args[0]) if instance.type_args else None
    if width:
        return width
    raise CannotOffload("registers of elements that are no number of bits, or of none", instance.span)


def _packed_width(type_: ir.Type) -> int | None:
    """Bits of a number, or of numbers in structs, side by side; a header has one more, its validity. None for anything
    else."""
    inner: list[ir.Type]
    match bare := ir.bare(type_):
        case ir.BitsType(width) | ir.EnumType(underlying=ir.BitsType(width)):
            return width
        case ir.BoolType():
            return 1
        case ir.StructType(fields=fields) | ir.HeaderType(fields=fields):
            inner = [part.type for part in fields]
        case ir.TupleType(elements):
            inner = list(elements)
        case ir.StackType(element, size):
            inner = [element] * size
        case _:
            return None
    widths = [_packed_width(part) for part in inner]
    known = [width for width in widths if width is not None]
    return isinstance(bare, ir.HeaderType) + sum(known) if len(known) == len(widths) else None


def counter_kind(instance: ir.Instance) -> str:
    """What a counter counts: packets, bytes or packets_and_bytes."""
    kind = dict(instance.args).get("type")
    if isinstance(kind, ir.Const) and isinstance(kind.value, str):
        return kind.value.lower()
    raise CannotOffload("a counter without a constant type", instance.span)
