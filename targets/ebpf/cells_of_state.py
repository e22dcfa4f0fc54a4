"""Single cells of counters and registers among the elements of an object's maps, as tests ask for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ...semantics import ir
from ...semantics.source import Unsupported
from ..base import CannotOffload
from .artifact import BpfObject
from .cells import CELLS, Cell, CellMap, cell_map

Elements = Mapping[str, Sequence[tuple[bytes, bytes]]]
"""Map's name → its elements (key, value); what is not there is zeros."""


def cell(program: ir.Program, obj: BpfObject, state: Elements, name: str, index: int) -> int | None:
    """What cell ``index`` of a state holds; None for cells that lie elsewhere than in an array (of direct counters,
    for example)."""
    found = _place(program, obj, name)
    if found is None:
        return None
    held, part = found
    value = dict(state.get(held.map.name, ())).get(_key(held, index), bytes(held.map.value_size))
    number = int.from_bytes(value[part.offset : part.offset + part.size], "little")
    return number & ((1 << part.width) - 1)


def with_cell(program: ir.Program, obj: BpfObject, state: Elements, name: str, index: int, value: int) -> Elements:
    """The elements with ``value`` in a cell.

    Raises:
        Unsupported: the cell lies elsewhere than in an array.
    """
    found = _place(program, obj, name)
    if found is None:
        raise Unsupported(f"{name} is not kept in an array, so it is not written")
    held, part = found
    elements, key = dict(state.get(held.map.name, ())), _key(held, index)
    whole = bytearray(elements.get(key, bytes(held.map.value_size)))
    number = value & ((1 << part.width) - 1)
    whole[part.offset : part.offset + part.size] = number.to_bytes(part.size, "little")
    return {**state, held.map.name: [*{**elements, key: bytes(whole)}.items()]}


def _place(program: ir.Program, obj: BpfObject, name: str) -> tuple[CellMap, Cell] | None:
    maps = {item.name for item in obj.maps}
    for instance in program.instances:
        if instance.extern in CELLS and (name == instance.name or name.startswith(f"{instance.name}.")):
            try:
                held = cell_map(instance)
            except CannotOffload:
                return None
            part = next((each for each in held.cells if each.state == name), None)
            return (held, part) if part is not None and held.map.name in maps else None
    return None


def _key(held: CellMap, index: int) -> bytes:
    return index.to_bytes(held.map.key_size, "little")


__all__ = ["cell", "with_cell"]
