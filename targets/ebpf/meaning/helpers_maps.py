"""Helpers on maps (kernel/bpf/helpers.c, arraymap.c, hashtab.c, map_in_map.c, devmap.c)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.loading import ENTRIES_OF
from ..artifact.program import ARRAYS, ENTRIES, F_RDONLY_PROG, INNER, OF_MAPS, MapDef
from . import elements, memory, removed
from .alu import swap
from .memory import PRESENT, Restart
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Helper, Machine

ENOENT, E2BIG, ENOMEM, EFAULT, EEXIST, EINVAL, ENOTSUPP = 2, 7, 12, 14, 17, 22, 524

INDEXED: Final = (*ARRAYS, "array_of_maps", "devmap_hash")
"""Map types whose key is an index of 4 bytes; the kernel makes no others (``array_map_alloc_check``,
``dev_map_alloc``)."""
LRU: Final = ("lru_hash", "lru_percpu_hash")
HASHES: Final = ("hash", "percpu_hash", *LRU)
IN_PLACE: Final = (*ARRAYS, "percpu_hash", "lru_percpu_hash")
"""Map types whose elements stay where they are when they are updated; others take the old out for a new one."""
LOOKED_UP: Final = ("array", "percpu_array", "devmap", "xskmap", *HASHES, "lpm_trie", "devmap_hash")
"""Map types whose look-up is modelled. A per-CPU map is the part of it that the running CPU owns."""
UPDATED: Final = ("array", "percpu_array", *HASHES)

ANY, NOEXIST, EXIST = range(3)
NUMBER_BITS: Final = 32
INDEX_BYTES: Final = 4
"""Bits of the number that tells the maps in a map of maps apart."""


@dataclass(frozen=True, slots=True)
class Named:
    """A map that a register names; ``number`` tells which of the maps in a map of maps it is."""

    item: MapDef
    number: Term | None

    def key(self, machine: Machine, state: State, register: int) -> Term:
        """The key that a register points to, its first byte highest; behind the map's number, if it has one."""
        address = machine.pointer(state, register)
        parts = memory.load_bytes(machine, state, address, self.item.key_size)
        return b.concat(*parts) if self.number is None else b.concat(self.number, *parts)


def result(state: State, value: int | Term) -> list[State]:
    """``state`` with ``value`` in R0, as a list of one."""
    state.regs[0] = b.bv(value, 64) if isinstance(value, int) else b.zext(value, 64)
    return [state]


def map_argument(machine: Machine, state: State, number: int, *types: str) -> Named:
    """The map that a register names, of one of ``types`` if any are given."""
    address = machine.pointer(state, number)
    if address.kind != "map" or address.offset or address.moved is not None:
        raise machine.unsupported(state, f"r{number} is no map")
    item = machine.maps[address.name]
    machine.require(state, b.not_(address.null), f"uses the null pointer of a look-up as map {item.name}")
    if types and item.type not in types:
        raise machine.unsupported(state, f"map {item.name} of type {item.type} in this place")
    if item.type in INDEXED and item.key_size != INDEX_BYTES:
        raise machine.unsupported(state, f"map {item.name}: no {item.type} has a key of {item.key_size} bytes")
    return Named(item, address.key)


def _table(machine: Machine, state: State, *types: str) -> Named:
    found = map_argument(machine, state, 1)
    item = found.item
    if item.type not in types:
        raise machine.unsupported(state, f"map {item.name} of type {item.type} in this place")
    if item.key_size < 1 or item.value_size < 1:
        raise machine.unsupported(state, f"map {item.name} with a key or value of 0 bytes")
    return found


def entries(machine: Machine, item: MapDef) -> Term:
    """How many elements an array has (32 bits): what the object says, or what its loader says where that is 0, since
    the kernel makes no array of none. The loader says the same of two objects that are compared."""
    if item.max_entries:
        return b.bv(item.max_entries, 32)
    reason = f"how many elements its loader gives map {item.name}"
    return b.add(b.zext(machine.given(f"{ENTRIES_OF}{item.name}", 31, reason), 32), b.bv(1, 32))


def in_array(machine: Machine, item: MapDef, key: Term) -> Term:
    """Whether an array has an element for ``key``."""
    return b.ult(swap(b.extract(key, 8 * INDEX_BYTES - 1, 0)), entries(machine, item))


def present(machine: Machine, state: State, item: MapDef, key: Term) -> Term:
    """Whether map ``item`` has an element for ``key``."""
    if item.type in ARRAYS and item.type not in ENTRIES:
        return in_array(machine, item, key)
    if item.name + PRESENT in machine.written:
        return b.to_bool(state.stores[item.name + PRESENT].read(key))
    found = b.apply(f"map.{item.name}.found", b.BOOL, key)
    return b.and_(in_array(machine, item, key), found) if item.type in (*ARRAYS, "array_of_maps") else found


def map_lookup_elem(machine: Machine, state: State) -> list[State]:
    """``bpf_map_lookup_elem(map, key)``: a pointer to the value (of a map of maps: to a map), or null."""
    named = _table(machine, state, *LOOKED_UP, *OF_MAPS)
    item, key = named.item, named.key(machine, state, 2)
    if machine.named is not None:
        machine.named.name(item.name, state.stores, machine.arrays)
    null = b.not_(present(machine, state, item, key))
    state.regs[0] = b.bv(0, 64)
    if null is b.TRUE:
        return [state]
    if item.type in OF_MAPS:
        inner = item.name + INNER
        if inner not in machine.maps:
            raise machine.unsupported(state, f"a look-up in map {item.name}, whose inner map is not described")
        state.regs[0] = Address("map", 0, inner, b.apply(f"map.{item.name}.number", NUMBER_BITS, key), null)
    else:
        state.regs[0] = Address("value", 0, item.name, key, null, removed.epoch(state, item.name))
    return [state]


def _changes_presence(machine: Machine, item: MapDef) -> None:
    for name in (item.name, item.name + PRESENT):
        if name not in machine.written and (name == item.name or item.type not in ARRAYS):
            raise Restart(name)


def map_update_elem(machine: Machine, state: State) -> list[State]:
    """``bpf_map_update_elem(map, key, value, flags)``."""
    named = _table(machine, state, *UPDATED)
    item = named.item
    if item.flags & F_RDONLY_PROG:
        raise machine.unsupported(state, f"an update of map {item.name}, which programs may only read")
    flags = machine.number(state, machine.scalar(state, 4))
    if flags > EXIST:
        raise machine.unsupported(state, f"an update with flags {flags:#x}")
    key = named.key(machine, state, 2)
    value = b.concat(*memory.load_bytes(machine, state, machine.pointer(state, 3), item.value_size))
    _changes_presence(machine, item)
    if item.type == "lru_hash" or (item.type == "lru_percpu_hash" and flags != EXIST):
        _make_room(state, item)
    there, absent = machine.fork(state, present(machine, state, item, key))
    out: list[State] = []
    if there is not None:
        out += _replace(there, item, key, value, flags)
    if absent is not None:
        out += _insert(machine, absent, item, key, value, flags)
    return out


def map_delete_elem(machine: Machine, state: State) -> list[State]:
    """``bpf_map_delete_elem(map, key)``: 0, or -ENOENT; an array's elements stay (-EINVAL)."""
    named = _table(machine, state, *UPDATED)
    item, key = named.item, named.key(machine, state, 2)
    if item.type in ARRAYS:
        return result(state, -EINVAL)
    _changes_presence(machine, item)
    there = present(machine, state, item, key)
    removed.take_out(state, item.name, key, state.stores[item.name].read(key))
    _set_present(state, item, key, 0)
    return result(state, b.ite(there, b.bv(0, 64), b.bv(-ENOENT, 64)))


def _replace(state: State, item: MapDef, key: Term, value: Term, flags: int) -> list[State]:
    if flags == NOEXIST:
        return result(state, -EEXIST)
    _write(state, item, key, value)
    return result(state, 0)


def _insert(machine: Machine, state: State, item: MapDef, key: Term, value: Term, flags: int) -> list[State]:
    if item.type in ARRAYS:
        return result(state, -E2BIG)
    if flags == EXIST:
        return result(state, -ENOENT)
    if item.type in LRU:
        _put(state, item, key, value)
        return result(state, 0)
    reason = f"whether map {item.name} has room for one more element"
    full, room = machine.fork(state, machine.asked(state, f"full.{item.name}", 0, reason))
    out: list[State] = []
    if full is not None:
        no_memory = machine.asked(full, f"error.{item.name}", 0, reason)
        out += result(full, b.ite(no_memory, b.bv(-ENOMEM, 64), b.bv(-E2BIG, 64)))
    if room is not None:
        _put(room, item, key, value)
        out += result(room, 0)
    return out


def _put(state: State, item: MapDef, key: Term, value: Term) -> None:
    """A new element. Pointers to others stay, but its memory may be that of one which was taken out."""
    removed.reuse(state, item.name)
    state.stores[item.name] = state.stores[item.name].write(key, value)
    _set_present(state, item, key, 1)


def _make_room(state: State, item: MapDef) -> None:
    """Any elements may go, that with the same key too: the kernel takes a node for the new element before it looks for
    an old one, whatever becomes of the update (``prealloc_lru_pop``; ``__bpf_lru_list_shrink`` takes several out)."""
    count = state.counts.get(f"evicted.{item.name}", 0)
    state.counts[f"evicted.{item.name}"] = count + 1
    name = item.name + PRESENT
    state.stores[name] = state.stores[name].without(f"given.evicted.{item.name}.{count}")
    removed.take_out_any(state, item.name)


def _set_present(state: State, item: MapDef, key: Term, value: int) -> None:
    name = item.name + PRESENT
    state.stores[name] = state.stores[name].write(key, b.bv(value, 1))


def _write(state: State, item: MapDef, key: Term, value: Term) -> None:
    if elements.is_single(item):  # the key is that of the element, or nothing would be written
        elements.overwrite(state, item, value)
        return
    if item.type not in IN_PLACE:
        removed.reuse(state, item.name)
        removed.take_out(state, item.name, key, state.stores[item.name].read(key))
    state.stores[item.name] = state.stores[item.name].write(key, value)


MAPS: Final[dict[int, Helper]] = {1: map_lookup_elem, 2: map_update_elem, 3: map_delete_elem}
"""Helper's number (``enum bpf_func_id``) → what it does."""
