"""Maps as libbpf describes them: a variable in section ``.maps`` whose BTF struct says type, sizes, key and value.

``__uint(name, n)`` is ``int (*name)[n]``; ``__type(name, T)`` is ``T *name`` (libbpf's bpf_helpers.h).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from ....semantics.source import Unsupported
from . import btf
from .btf import Btf, Builder
from .program import KERNEL_STRUCTS, MAP_TYPES, Field, MapDef

_TYPE_NAMES: Final = {number: name for name, number in MAP_TYPES.items()}
_IDENTIFIER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
MAX_DEPTH: Final = 8
MAX_MEMBERS: Final = 4096
"""Members of members that are looked at: deeper, and more, no P4 compiler makes."""
_NUMBERS: Final = ("type", "key_size", "value_size", "max_entries", "map_flags", "pinning")


def check_identifier(name: str, what: str) -> None:
    """BTF takes C identifiers only. Raises ValueError."""
    if not _IDENTIFIER.fullmatch(name):
        raise ValueError(f"{what} {name!r} is no C identifier, which BTF asks for")


# --- writing ------------------------------------------------------------------------------------------------------


def describe(builder: Builder, item: MapDef) -> tuple[int, int]:
    """Add the variable for a map; ``(its type id, its size)``. Raises ValueError for what BTF cannot say."""
    check_identifier(item.name, "map name")
    if item.inner is not None:
        raise ValueError(f"map {item.name}: what the maps in it are like cannot be written")
    numbers = {"type": MAP_TYPES[item.type], "max_entries": item.max_entries}
    if item.flags:
        numbers["map_flags"] = item.flags
    if item.pinning:
        numbers["pinning"] = item.pinning
    members = [(name, _number(builder, value)) for name, value in numbers.items()]
    members += [(name, builder.pointer(kind)) for name, kind in parts(builder, item).items()]
    size = 8 * len(members)
    if item.programs is not None:
        members.append(("values", builder.array(builder.pointer(builder.prototype()), 0)))
    rows = [(name, number, 8 * i) for i, (name, number) in enumerate(members)]
    struct = builder.struct("", size, rows)
    held = 8 * (max(item.programs, default=-1) + 1) if item.programs is not None else 0
    return builder.add(btf.Type(btf.VAR, item.name, struct, ((1,),))), size + held


def parts(builder: Builder, item: MapDef) -> dict[str, int]:
    """Add the types of a map's "key" and "value", as far as it has them. Raises ValueError for what BTF cannot say."""
    out = {}
    for name, size, fields in (("key", item.key_size, item.key_fields), ("value", item.value_size, item.value_fields)):
        if size:
            is_trie_key = name == "key" and item.type == "lpm_trie"
            out[name] = _data_type(builder, f"{item.name}_{name}", size, fields, is_trie_key=is_trie_key)
    return out


def _number(builder: Builder, value: int) -> int:
    return builder.pointer(builder.array(builder.signed_int(), value))


def _data_type(
    builder: Builder, name: str, size: int, fields: Sequence[Field] | None, *, is_trie_key: bool = False
) -> int:
    if fields is None and is_trie_key:
        fields = _trie_key(size)  # the kernel wants a struct there (trie_check_btf)
    if fields is None:
        return _bytes(builder, size)
    rows = []
    for item in fields:
        check_identifier(item.name, "field name")
        if item.offset < 0 or item.size < 1 or item.offset + item.size > size:
            raise ValueError(f"field {item.name} reaches past the {size} bytes of {name}")
        kind = _kernel_struct(builder, item.kind) if item.kind else _bytes(builder, item.size)
        rows.append((item.name, kind, item.offset))
    return builder.struct(name, size, rows)


def _kernel_struct(builder: Builder, name: str) -> int:
    size = KERNEL_STRUCTS[name]
    return builder.struct(name, size, [("val", builder.integer(size), 0)])


def _bytes(builder: Builder, size: int) -> int:
    return builder.integer(size) if size in (1, 2, 4, 8) else builder.array(builder.integer(1), size)


def _trie_key(size: int) -> tuple[Field, ...]:
    return (Field("prefixlen", 0, 4), Field("data", 4, size - 4)) if size > 4 else (Field("prefixlen", 0, size),)


# --- reading ------------------------------------------------------------------------------------------------------


def read_map(types: Btf, variable: btf.Type) -> MapDef:
    """The map that a variable of ``.maps`` describes; of a map of maps with what the maps in it are like.

    Raises:
        InputError: it is not described as libbpf asks.
        Unsupported: an attribute or a type that is not known.
    """
    return _read(types, variable.name, types.plain(variable.arg), nested=False)


def _read(types: Btf, map_name: str, struct: btf.Type, *, nested: bool) -> MapDef:
    if struct.kind != btf.STRUCT:
        types.fail(f"map {map_name} is not described by a struct")
    numbers = dict.fromkeys(_NUMBERS, 0)
    parts: dict[str, int] = {}
    inner: MapDef | None = None
    holds = False
    for name, kind, _ in struct.rows:
        pointer = types.plain(kind)
        if name in numbers:
            numbers[str(name)] = _read_number(types, map_name, pointer)
        elif name in ("key", "value"):
            if pointer.kind != btf.PTR:
                types.fail(f"map {map_name}: {name} is no pointer to a type")
            parts[str(name)] = pointer.arg
        elif name == "values" and not nested:
            held, holds = _held(types, map_name, pointer), True
            inner = _read(types, map_name, held, nested=True) if held.kind == btf.STRUCT else None
        else:
            raise Unsupported(f"map {map_name}: attribute {name}", types.place)
    if numbers["type"] not in _TYPE_NAMES:
        raise Unsupported(f"map {map_name}: map type {numbers['type']}", types.place)
    found = _map(types, map_name, numbers, parts)
    if not holds:
        return found
    return replace(found, inner=inner, key_size=found.key_size or 4, value_size=found.value_size or 4)


def _held(types: Btf, name: str, array: btf.Type) -> btf.Type:
    """What the pointers in ``values`` point to: a map's struct, or a program's type."""
    pointer = types.plain(array.rows[0][0]) if array.kind == btf.ARRAY else array
    held = types.plain(pointer.arg) if pointer.kind == btf.PTR else array
    if array.kind != btf.ARRAY or held.kind not in (btf.STRUCT, btf.FUNC_PROTO):
        types.fail(f"map {name}: values is no array of pointers to maps or programs")
    return held


def place_of_values(types: Btf, variable: btf.Type) -> int | None:
    """Where in the variable the pointers to what the map holds at the start lie, in bytes; None for nowhere."""
    for name, _, offset in types.plain(variable.arg).rows:
        if name == "values":
            return int(offset) // 8
    return None


def _map(types: Btf, name: str, numbers: dict[str, int], parts: dict[str, int]) -> MapDef:
    kind = _TYPE_NAMES[numbers["type"]]
    key = types.size(parts["key"]) if "key" in parts else numbers["key_size"]
    value = types.size(parts["value"]) if "value" in parts else numbers["value_size"]
    for said, found in (("key_size", key), ("value_size", value)):
        if numbers[said] and numbers[said] != found:
            types.fail(f"map {name}: {said} {numbers[said]} is not the size of its type, {found}")
    key_fields = _fields(types, parts.get("key"))
    if kind == "lpm_trie" and key_fields == _trie_key(key):
        key_fields = None
    value_fields = _fields(types, parts.get("value"))
    sizes = (key, value, numbers["max_entries"], numbers["map_flags"])
    leaves = {what: tuple(_leaves(types, parts.get(what))) for what in ("key", "value")}
    codes = {code: value for what in parts.values() for code, value in _enumerators(types, what)}
    made = MapDef(name, kind, *sizes, key_fields, value_fields, None, numbers["pinning"])
    return replace(made, key_leaves=leaves["key"], value_leaves=leaves["value"], enumerators=codes)


def _members(types: Btf, number: int | None) -> Iterator[tuple[str, int, int]]:
    """A type and what lies in it, as far as that has names: ``(dotted name, type, byte offset)``; a member without a
    name lends its own members to what it lies in. Bit-fields and what lies too deep are left out."""
    todo = [("", number, 0, 0)] if number is not None else []
    for _ in range(MAX_MEMBERS):
        if not todo:
            return
        name, kind, at, depth = todo.pop(0)
        yield name, kind, at
        struct = types.plain(kind)
        if struct.kind not in (btf.STRUCT, btf.UNION) or depth == MAX_DEPTH:
            continue
        for member, inner, offset in struct.rows:
            bits = int(offset)
            if (struct.flag and bits >> 24) or (bits & 0xFFFFFF if struct.flag else bits) % 8:
                continue
            path = ".".join(part for part in (name, str(member)) if part)
            todo.append((path, int(inner), at + (bits & 0xFFFFFF if struct.flag else bits) // 8, depth + 1))


def _leaves(types: Btf, number: int | None) -> Iterator[Field]:
    """What :func:`_members` finds, with sizes."""
    whole = types.size(number) if number is not None else 0
    for name, kind, at in _members(types, number):
        size = types.size(kind)
        if at + size > whole:
            types.fail(f"member {name} reaches past its struct of {whole} bytes")
        yield Field(name, at, size)


def _enumerators(types: Btf, number: int) -> Iterator[tuple[str, int]]:
    for _, kind, _ in _members(types, number):
        found = types.plain(kind)
        if found.kind == btf.ENUM:
            yield from ((str(name), int(value)) for name, value in found.rows)


def _read_number(types: Btf, name: str, pointer: btf.Type) -> int:
    array = types.plain(pointer.arg) if pointer.kind == btf.PTR else pointer
    if array.kind != btf.ARRAY:
        types.fail(f"map {name}: a number is not written as a pointer to an array")
    return int(array.rows[0][2])


def _fields(types: Btf, number: int | None) -> tuple[Field, ...] | None:
    """The members of a struct; None for what is no struct, has bit-fields, or members without a name or a size."""
    struct = types.plain(number) if number is not None else None
    if struct is None or struct.kind != btf.STRUCT:
        return None
    out = []
    for name, kind, offset in struct.rows:
        bits = int(offset)
        if struct.flag and bits >> 24:
            return None
        bits &= 0xFFFFFF if struct.flag else 0xFFFFFFFF
        size = types.size(kind)
        if not name or bits % 8 or not size:
            return None
        if bits // 8 + size > struct.arg:
            types.fail(f"member {name} reaches past its struct of {struct.arg} bytes")
        inner = types.plain(kind)
        known = inner.name if inner.kind == btf.STRUCT and inner.name in KERNEL_STRUCTS else ""
        out.append(Field(str(name), bits // 8, size, known))
    return tuple(out)
