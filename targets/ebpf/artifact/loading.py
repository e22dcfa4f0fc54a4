"""What the kernel is told of a program and its maps beside code and sizes: types, functions, source lines.

``bpf(2)`` takes these as libbpf makes them of ``.BTF`` and ``.BTF.ext``: types by BPF_BTF_LOAD, then with the program
``struct bpf_func_info`` and ``struct bpf_line_info``, whose offsets count the program's slots, and with each map the
types of its key and value (uapi bpf.h).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from . import btf
from .maps import parts
from .program import ARRAYS, BpfObject, BpfProgram

FUNCTION_RECORD: Final = struct.Struct("=II")
"""``struct bpf_func_info``: slot, type."""
LINE_RECORD: Final = struct.Struct("=IIII")
"""``struct bpf_line_info``: slot, file, text, line and column."""
TYPED_MAPS: Final = ("hash", "array", "lpm_trie", "percpu_hash", "percpu_array", "lru_hash", "lru_percpu_hash")
"""Maps that take types of any keys and values; others take none, or types of special kinds."""


@dataclass(frozen=True)
class Described:
    """A program's types, and the records that refer to them."""

    types: bytes
    """The bytes for BPF_BTF_LOAD."""
    functions: bytes
    lines: bytes
    maps: Mapping[str, tuple[int, int]]
    """Map's name → types of key and value."""


def described(obj: BpfObject, program: BpfProgram) -> Described:
    """What there is to say of ``program`` and the maps of ``obj``. Raises ValueError for names that BTF cannot have."""
    builder = btf.Builder()
    starts = [(0, program.name), *((f.slot, f.name) for f in program.functions)]
    functions = [
        FUNCTION_RECORD.pack(slot, builder.function(name, entry=i == 0)) for i, (slot, name) in enumerate(starts)
    ]
    lines = [
        LINE_RECORD.pack(item.slot, builder.string(item.file), builder.string(item.text), item.line << 10 | item.column)
        for item in program.lines
    ]
    maps = {}
    for item in obj.maps:
        if item.type in TYPED_MAPS and item.data is None:
            found = parts(builder, item)
            maps[item.name] = (found["key"], found["value"])
    return Described(builder.data(), b"".join(functions), b"".join(lines), maps)


ENTRIES_OF: Final = "entries."
"""What the number of elements is called that a loader gives an array, before the map's name."""


MOST_ENTRIES: Final = 1 << 16
"""A run of the machine gives no array more; few programs have such an index, and the kernel has to make them all."""
_ENOUGH: Final = 1 << 10


def sized(obj: BpfObject, inputs: Mapping[str, object]) -> BpfObject:
    """The object, its arrays of no elements with as many as a run of the meaning was told that the loader gives them;
    hash tables with enough."""
    maps = []
    for item in obj.maps:
        told = inputs.get(f"in.ebpf.{ENTRIES_OF}{item.name}", 0)
        more = min(1 + told, MOST_ENTRIES) if item.type in ARRAYS and isinstance(told, int) else _ENOUGH
        known = item.max_entries or item.type not in (*ARRAYS, *TYPED_MAPS)
        maps.append(item if known else replace(item, max_entries=more))
    return replace(obj, maps=tuple(maps))
