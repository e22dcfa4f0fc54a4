"""What registers hold before the first packet: the initial value that their constructors name (PSA, PNA)."""

from __future__ import annotations

from collections.abc import Container

from ...semantics import ir
from ...semantics.rules.cells import initial_values
from .cells import cell_map
from .fillup import Entries


def initial_elements(program: ir.Program, maps: Container[str]) -> dict[str, Entries]:
    """Name of each of ``maps`` that holds a register which does not begin with zeros → its elements."""
    values, out = initial_values(program), {}
    for instance in program.instances:
        value = values.get(instance.name, 0) if instance.extern == "Register" else 0
        held = cell_map(instance) if value else None
        if held is not None and held.map.name in maps:
            made = value.to_bytes(held.map.value_size, "little")
            keys = range(held.map.max_entries)
            out[held.map.name] = [(key.to_bytes(held.map.key_size, "little"), made) for key in keys]
    return out
