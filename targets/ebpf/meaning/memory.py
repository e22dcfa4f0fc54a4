"""Loads and stores, by the kind of memory that an address points into.

Numbers lie in memory with their lowest byte first (a little-endian host).
"""

from __future__ import annotations

from typing import Final, Protocol

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.program import F_RDONLY_PROG, MapDef
from .state import State, shorter_than
from .store import Store
from .values import Address, Byte, Lane, Mixed, Partial, Piece, Value

STACK_SIZE: Final = 512
"""Bytes of a frame's stack (MAX_BPF_STACK)."""

WRITABLE_MAPS: Final = ("array", "hash", "percpu_array", "percpu_hash", "lru_hash")
"""Map types whose values a program may change through a pointer, one element per key."""


class Stop(Exception):
    """The paths end here: a fault that all of them meet, or no path is left."""


class Restart(Exception):
    """Map ``name`` turned out to be written: run again, with its values (or their presence) as state."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Checks(Protocol):
    """What the machine offers to whoever works on its states."""

    maps: dict[str, MapDef]
    written: frozenset[str]

    def require(self, state: State, condition: Term, text: str) -> None:
        """Record a fault where ``condition`` does not hold, and go on where it does."""

    def unsupported(self, state: State, text: str) -> Exception:
        """The error for something at this place that is not modelled."""

    def mixed(self, state: State) -> Exception:
        """The error for a byte that holds a pointer on some paths only."""


# --- loads --------------------------------------------------------------------------------------------------------


def load(machine: Checks, state: State, address: Address, size: int) -> Value:
    """The ``size`` bytes at ``address`` (not of the context): a term of ``8 * size`` bits, or a whole pointer."""
    if address.kind in ("stack", "buffer"):
        return _load_memory(machine, state, address, size)
    return little_endian(load_bytes(machine, state, address, size))


def load_bytes(machine: Checks, state: State, address: Address, size: int) -> list[Term]:
    """The ``size`` bytes at ``address``, lowest address first; faults for what may not be read."""
    if address.kind == "packet":
        require_packet(machine, state, address, size)
        return [state.layout.at(address.offset + i) for i in range(size)]
    if address.kind == "value":
        item = _require_value(machine, state, address, size)
        whole = cell(machine, state, item, address)
        top = 8 * (item.value_size - address.offset)
        return [b.extract(whole, top - 8 * i - 1, top - 8 * i - 8) for i in range(size)]
    if address.kind in ("stack", "buffer"):
        part = _plain(machine, state, address, size)
        return [_number(machine, state, part.get(address.offset + i), address, i) for i in range(size)]
    raise machine.unsupported(state, f"reading memory of kind {address.kind}")


def little_endian(values: list[Term]) -> Term:
    """The number whose bytes are ``values``, lowest first."""
    return b.concat(*reversed(values))


def _load_memory(machine: Checks, state: State, address: Address, size: int) -> Value:
    part = _plain(machine, state, address, size)
    first = part.get(address.offset)
    if size == 8 and isinstance(first, Piece) and first.index == 0:
        if all(part.get(address.offset + i) == Piece(first.address, i) for i in range(8)):
            return first.address
    if isinstance(first, Lane) and 8 * (first.index + size) <= first.whole.width:
        if all(part.get(address.offset + i) == Lane(first.whole, first.index + i) for i in range(size)):
            return b.extract(first.whole, 8 * (first.index + size) - 1, 8 * first.index)
    return little_endian(load_bytes(machine, state, address, size))


def _number(machine: Checks, state: State, found: Byte | None, address: Address, index: int) -> Term:
    if isinstance(found, Mixed):
        raise machine.mixed(state)
    if isinstance(found, Piece):
        raise machine.unsupported(state, "a pointer in memory read as a number")
    if isinstance(found, Lane):
        return found.term
    if isinstance(found, Partial):
        machine.require(state, found.written, f"reads {_where(address, index)}, which was not written")
        return found.term
    if found is None:
        machine.require(state, b.FALSE, f"reads {_where(address, index)}, which was not written")
        raise Stop
    return found


def _where(address: Address, index: int) -> str:
    return f"byte {address.offset + index} of the {address.kind}"


def _plain(machine: Checks, state: State, address: Address, size: int) -> dict[int, Byte]:
    """The memory that a stack or buffer address points into, with the access inside it."""
    part = state.memory.setdefault(address.name, {})
    if address.kind == "stack":
        inside = address.offset >= -STACK_SIZE and address.offset + size <= 0
    else:
        inside = address.offset >= 0 and address.offset + size <= len(part)
    machine.require(
        state, b.boolean(inside), f"reaches past the {address.kind} (offset {address.offset}, {size} bytes)"
    )
    return part


# --- stores -------------------------------------------------------------------------------------------------------


def store(machine: Checks, state: State, address: Address, value: Value, size: int) -> None:
    """Write the low ``size`` bytes of a register's value."""
    if isinstance(value, Address):
        if address.kind != "stack" or size != 8:
            raise machine.unsupported(state, "a pointer stored where it is no pointer any more")
        part = _plain(machine, state, address, size)
        part.update({address.offset + i: Piece(value, i) for i in range(8)})
        return
    assert value is not None
    if address.kind in ("stack", "buffer"):
        part = _plain(machine, state, address, size)
        part.update({address.offset + i: Lane(value, i) for i in range(size)})
        return
    store_bytes(machine, state, address, [b.extract(value, 8 * i + 7, 8 * i) for i in range(size)])


def store_bytes(machine: Checks, state: State, address: Address, values: list[Term]) -> None:
    """Write ``values`` from ``address`` on; faults for what may not be written."""
    size = len(values)
    if address.kind == "packet":
        require_packet(machine, state, address, size)
        state.layout = state.layout.write(address.offset, values)
    elif address.kind == "value":
        _store_value(machine, state, address, values)
    elif address.kind in ("stack", "buffer"):
        part = _plain(machine, state, address, size)
        part.update({address.offset + i: term for i, term in enumerate(values)})
    else:
        raise machine.unsupported(state, f"writing memory of kind {address.kind}")


def _store_value(machine: Checks, state: State, address: Address, values: list[Term]) -> None:
    item = _require_value(machine, state, address, len(values))
    assert address.key is not None
    if item.flags & F_RDONLY_PROG:
        machine.require(state, b.FALSE, f"writes map {item.name}, which programs may only read")
    if item.type not in WRITABLE_MAPS:
        raise machine.unsupported(state, f"writing a value of map {item.name} of type {item.type}")
    if item.name not in machine.written:
        raise Restart(item.name)
    old = cell(machine, state, item, address)
    parts = [old] if not values else []
    low, high = 8 * (item.value_size - address.offset - len(values)), 8 * (item.value_size - address.offset)
    if high < old.width:
        parts.append(b.extract(old, old.width - 1, high))
    parts += values
    if low:
        parts.append(b.extract(old, low - 1, 0))
    state.stores[item.name] = state.stores[item.name].write(address.key, b.concat(*parts))


# --- packet and maps ----------------------------------------------------------------------------------------------


def require_packet(machine: Checks, state: State, address: Address, size: int) -> None:
    """The access lies inside the packet, and the pointer is not stale."""
    if address.epoch != state.layout.epoch:
        raise machine.unsupported(state, "a packet pointer from before a change of the packet")
    if address.offset < 0:
        machine.require(state, b.FALSE, f"reaches {-address.offset} bytes before the packet")
    need = address.offset + size - state.layout.delta
    if need > state.shortest:
        text = f"reaches past the packet (bytes {address.offset} to {address.offset + size - 1})"
        machine.require(state, b.not_(shorter_than(need)), text)


def _require_value(machine: Checks, state: State, address: Address, size: int) -> MapDef:
    item = machine.maps[address.name]
    machine.require(state, b.not_(address.null), f"follows the null pointer of a look-up in map {item.name}")
    inside = address.offset >= 0 and address.offset + size <= item.value_size
    text = f"reaches past the value of map {item.name} (offset {address.offset}, {size} bytes)"
    machine.require(state, b.boolean(inside), text)
    if address.epoch != state.epochs.get(item.name, 0):
        raise machine.unsupported(state, f"a value of map {item.name} after the map has changed")
    return item


def cell(machine: Checks, state: State, item: MapDef, address: Address) -> Term:
    """The whole value that ``address`` points into, its first byte highest."""
    assert address.key is not None
    if item.data is not None and item.flags & F_RDONLY_PROG:
        return b.bv(int.from_bytes(item.data, "big"), 8 * item.value_size)
    if item.name in machine.written:
        return state.stores[item.name].read(address.key)
    return b.apply(f"map.{item.name}.value", 8 * item.value_size, address.key)


def initial_stores(maps: dict[str, MapDef], written: frozenset[str]) -> dict[str, Store]:
    """What written maps hold before the program runs, by name; presence of keys under ``NAME.present``."""
    out: dict[str, Store] = {}
    for name in sorted(written):
        base = name.removesuffix(PRESENT)
        width = 8 * maps[base].value_size if base == name else 1
        out[name] = Store(width, f"state.map.{name}")
    return out


PRESENT: Final = ".present"
"""What the state that says which keys a map holds is called, behind the map's name."""
