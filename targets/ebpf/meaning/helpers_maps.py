"""Helpers that every hook has: maps, time, random numbers, checksums (kernel/bpf/helpers.c, arraymap.c, hashtab.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.program import F_RDONLY_PROG, MapDef
from . import memory
from .alu import swap
from .memory import PRESENT, Restart
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Helper, Machine

ENOENT, E2BIG, ENOMEM, EFAULT, EEXIST, EINVAL = 2, 7, 12, 14, 17, 22

ARRAYS: Final = ("array", "percpu_array")
LOOKED_UP: Final = (*ARRAYS, "hash", "percpu_hash", "lru_hash", "lpm_trie")
"""Map types whose look-up is modelled. A per-CPU map is the part of it that the running CPU owns."""

ANY, NOEXIST, EXIST = range(3)


def result(state: State, value: int | Term) -> list[State]:
    """``state`` with ``value`` in R0, as a list of one."""
    state.regs[0] = b.bv(value, 64) if isinstance(value, int) else b.zext(value, 64)
    return [state]


def map_argument(machine: Machine, state: State, number: int) -> MapDef:
    """The map that a register names."""
    address = machine.pointer(state, number)
    if address.kind != "map" or address.offset:
        raise machine.unsupported(state, f"r{number} is no map")
    item = machine.maps[address.name]
    if item.key_size < 1 or item.value_size < 1:
        raise machine.unsupported(state, f"map {item.name} with a key or value of 0 bytes")
    return item


def key_argument(machine: Machine, state: State, number: int, item: MapDef) -> Term:
    """The key that a register points to, its first byte highest."""
    return b.concat(*memory.load_bytes(machine, state, machine.pointer(state, number), item.key_size))


def present(machine: Machine, state: State, item: MapDef, key: Term) -> Term:
    """Whether map ``item`` has an element for ``key``."""
    if item.type in ARRAYS:
        return b.ult(swap(key), b.bv(item.max_entries, key.width))
    if item.name + PRESENT in machine.written:
        return b.to_bool(state.stores[item.name + PRESENT].read(key))
    return b.apply(f"map.{item.name}.found", b.BOOL, key)


def map_lookup_elem(machine: Machine, state: State) -> list[State]:
    """``bpf_map_lookup_elem(map, key)``: a pointer to the value, or null."""
    item = map_argument(machine, state, 1)
    if item.type not in LOOKED_UP:
        raise machine.unsupported(state, f"a look-up in map {item.name} of type {item.type}")
    key = key_argument(machine, state, 2, item)
    null = b.not_(present(machine, state, item, key))
    state.regs[0] = b.bv(0, 64)
    if null is not b.TRUE:
        state.regs[0] = Address("value", 0, item.name, key, null, state.epochs.get(item.name, 0))
    return [state]


def map_update_elem(machine: Machine, state: State) -> list[State]:
    """``bpf_map_update_elem(map, key, value, flags)``."""
    item = map_argument(machine, state, 1)
    if item.type not in (*ARRAYS, "hash", "percpu_hash") or item.flags & F_RDONLY_PROG:
        raise machine.unsupported(state, f"an update of map {item.name} of type {item.type}")
    flags = machine.number(state, machine.scalar(state, 4))
    if flags > EXIST:
        raise machine.unsupported(state, f"an update with flags {flags:#x}")
    key = key_argument(machine, state, 2, item)
    value = b.concat(*memory.load_bytes(machine, state, machine.pointer(state, 3), item.value_size))
    if item.name not in machine.written:
        raise Restart(item.name)
    if item.type not in ARRAYS and item.name + PRESENT not in machine.written:
        raise Restart(item.name + PRESENT)
    there, absent = machine.fork(state, present(machine, state, item, key))
    out: list[State] = []
    if there is not None:
        out += _replace(there, item, key, value, flags)
    if absent is not None:
        out += _insert(machine, absent, item, key, value, flags)
    return out


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
    reason = f"whether map {item.name} has room for one more element"
    full, room = machine.fork(state, machine.choose(f"full.{item.name}", 0, reason))
    out: list[State] = []
    if full is not None:
        no_memory = machine.choose(f"error.{item.name}", 0, reason)
        out += result(full, b.ite(no_memory, b.bv(-ENOMEM, 64), b.bv(-E2BIG, 64)))
    if room is not None:
        _write(room, item, key, value)
        name = item.name + PRESENT
        room.stores[name] = room.stores[name].write(key, b.bv(1, 1))
        out += result(room, 0)
    return out


def _write(state: State, item: MapDef, key: Term, value: Term) -> None:
    state.stores[item.name] = state.stores[item.name].write(key, value)
    if item.type not in ARRAYS:  # a hash table puts a new element in the old one's place
        state.epochs[item.name] = state.epochs.get(item.name, 0) + 1


def _anything(name: str, width: int, reason: str) -> Helper:
    def helper(machine: Machine, state: State) -> list[State]:
        return result(state, machine.choose(name, width, reason))

    return helper


# --- checksums ----------------------------------------------------------------------------------------------------


def ones_complement_sum(words: list[Term]) -> Term:
    """The 16-bit one's complement sum of terms of at most 32 bits: 0 only if all of them are 0."""
    width = 32 + len(words).bit_length()
    total = b.bv(0, width)
    for word in words:
        total = b.add(total, b.zext(word, width))
    for _ in range(3):  # at most 48 bits: 16 + carries, then 17, then 16
        total = b.add(b.zext(b.extract(total, 15, 0), width), b.zext(b.extract(total, width - 1, 16), width))
    return b.extract(total, 15, 0)


def csum_diff(machine: Machine, state: State) -> list[State]:
    """``bpf_csum_diff(from, from_size, to, to_size, seed)`` as of Linux 6.13, which folds to 16 bits.

    With something to take away, a sum of zero comes out as 0 or 0xffff, depending on how an architecture adds up.
    """
    sizes = [machine.number(state, machine.scalar(state, n)) for n in (2, 4)]
    if any(size % 4 or size > memory.STACK_SIZE for size in sizes):
        raise machine.unsupported(state, f"a checksum over {sizes[0]} and {sizes[1]} bytes")
    old, new = (_words(machine, state, n, size) for n, size in zip((1, 3), sizes, strict=True))
    seed = b.extract(machine.scalar(state, 5), 31, 0)
    total = ones_complement_sum([seed, *new, *(b.bnot(word) for word in old)])
    if old:
        zero = b.or_(b.eq(total, b.bv(0, 16)), b.eq(total, b.bv(-1, 16)))
        sign = machine.choose("csum", 0, "whether a checksum difference of zero is 0 or 0xffff")
        total = b.ite(zero, b.ite(sign, b.bv(-1, 16), b.bv(0, 16)), total)
    return result(state, total)


def _words(machine: Machine, state: State, number: int, size: int) -> list[Term]:
    if not size:
        return []
    found = memory.load_bytes(machine, state, machine.pointer(state, number), size)
    return [b.concat(found[i + 1], found[i]) for i in range(0, size, 2)]


COMMON: Final[dict[int, Helper]] = {
    1: map_lookup_elem,
    2: map_update_elem,
    5: _anything("ktime", 64, "the time"),
    6: _anything("printk", 64, "what trace_printk returns"),
    7: _anything("prandom", 32, "a random number"),
    8: _anything("cpu", 32, "the CPU that runs the program"),
    28: csum_diff,
    125: _anything("ktime", 64, "the time"),
}
"""Helper's number (``enum bpf_func_id``) → what it does."""
