"""Loads and stores, by the kind of memory that an address points into.

Numbers lie in memory with their lowest byte first (a little-endian host).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.program import F_RDONLY_PROG, MapDef
from . import ends, offsets, removed
from .elements import element, is_single
from .state import State
from .store import Store
from .values import MIXED, Address, Byte, Lane, Mixed, Partial, Piece, Value, possible_values

if TYPE_CHECKING:
    from .turns import Window

MAX_BITS: Final = 1 << 20
"""Values of maps are taken up to this size."""
FEW: Final = 16
"""An offset into the packet that is one of so few numbers is followed as such, not counted from the packet's end."""
STACK_SIZE: Final = 512
"""Bytes of a frame's stack (MAX_BPF_STACK)."""

WRITABLE_MAPS: Final = ("array", "hash", "percpu_array", "percpu_hash", "lru_hash", "lru_percpu_hash", "lpm_trie")
"""Map types whose values a program may change through a pointer, one element per key."""


class Stop(Exception):
    """The paths end here: a fault that all of them meet, or no path is left."""


class MixedRead(Exception):
    """A byte was read that holds a pointer on some paths only: run again, keeping such paths apart."""


class Restart(Exception):
    """Map ``name`` turned out to be written: run again, with its values (or their presence) as state."""

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.name = name


class Checks(Protocol):
    """What the machine offers to whoever works on its states."""

    maps: dict[str, MapDef]
    written: frozenset[str]
    window: Window | None
    """Where the packet's bytes come from in a turn of a loop (:mod:`.induction`)."""

    def require(self, state: State, condition: Term, text: str) -> None:
        """Record a fault where ``condition`` does not hold, and go on where it does."""

    def unsupported(self, state: State, text: str) -> Exception:
        """The error for something at this place that is not modelled."""

    def unwritten(self, state: State, condition: Term, text: str) -> Term:
        """A byte of the stack that was read where nothing was written, which is so where ``condition``."""

    def mixed(self, state: State) -> Exception:
        """The error for a byte that holds a pointer on some paths only."""

    def bits_of(self, state: State, pointer: Address) -> Term:
        """The 64 bits of a pointer that is taken for a number."""

    def number(self, state: State, term: Term) -> int:
        """``term`` as a number; raises an exception that makes the machine run once for each that it can be."""


# --- loads --------------------------------------------------------------------------------------------------------


def load(machine: Checks, state: State, address: Address, size: int) -> Value:
    """The ``size`` bytes at ``address`` (not of the context): a term of ``8 * size`` bits, or a whole pointer."""
    address = _in_memory(machine, state, fixed(state, address), size)
    if address.kind in ("stack", "buffer"):
        if address.moved is not None:
            return _load_somewhere(machine, state, address, size)
        return _load_memory(machine, state, address, size)
    return little_endian(load_bytes(machine, state, address, size))


def _in_memory(machine: Checks, state: State, address: Address, size: int) -> Address:
    """The address with what it points into told as plain memory if it is the only element of an array that is written,
    where every pointer that is not null points to: bytes of it that do not change cost nothing."""
    if address.kind != "value" or not _is_memory(machine, address.name):
        return address
    _require_value(machine, state, address, size)
    return Address("buffer", address.offset, element(address.name), moved=address.moved)


def _is_memory(machine: Checks, name: str) -> bool:
    return name in machine.written and is_single(machine.maps[name])


def fixed(state: State, address: Address) -> Address:
    """The address with its distance a number, where the paths have fixed it."""
    if address.moved is not None and address.moved in state.facts:
        number = b.signed(state.facts[address.moved], 64)
        return replace(address, offset=address.offset + number, moved=None)
    return address


def load_bytes(machine: Checks, state: State, address: Address, size: int) -> list[Term]:
    """The ``size`` bytes at ``address``, lowest address first; faults for what may not be read."""
    address = _in_memory(machine, state, fixed(state, address), size)
    if address.kind == "packet":
        if machine.window is not None and address.moved is not None:
            return machine.window.read(state, address, size)
        require_packet(machine, state, address, size)
        near = from_end(state, address)
        counted = None if near is None else ends.read_from_end(state, near, size)
        if counted is not None:
            return counted
        places = _places(machine, state, address, size)
        return offsets.choose(address.moved, [(at - address.offset, _packet_bytes(state, at, size)) for at in places])
    if address.kind == "value":
        item = _require_value(machine, state, address, size)
        whole = cell(machine, state, item, address)
        places = _places(machine, state, address, size)
        return offsets.choose(address.moved, [(at - address.offset, _cut(whole, at, size)) for at in places])
    if address.kind in ("stack", "buffer"):
        if address.moved is not None:
            found = _load_somewhere(machine, state, address, size)
            assert isinstance(found, Term)
            return [b.extract(found, 8 * i + 7, 8 * i) for i in range(size)]
        part = _plain(machine, state, address, size)
        return [_number(machine, state, part.get(address.offset + i), address, i) for i in range(size)]
    raise machine.unsupported(state, f"reading memory of kind {address.kind}")


def _places(machine: Checks, state: State, address: Address, size: int) -> list[int]:
    """The offsets that an access, which was already required to lie inside, can have."""
    low, high = _limits(machine, state, address)
    found = offsets.possible(state, address, low, high - size)
    if found is None:
        raise machine.unsupported(state, f"an address in the {address.kind} with more than {offsets.MOST} places")
    if not found:
        raise Stop
    return found


def _limits(machine: Checks, state: State, address: Address) -> tuple[int, int]:
    """The piece of memory: from where, to where (exclusive)."""
    if address.kind == "stack":
        return -STACK_SIZE, 0
    if address.kind == "buffer":
        return 0, len(state.memory.get(address.name, {}))
    if address.kind == "value":
        return 0, machine.maps[address.name].value_size
    size = state.layout.size if isinstance(state.layout.size, int) else (1 << 16) + max(0, state.layout.delta)
    return -state.layout.meta, size + len(state.layout.trailer)


def _packet_bytes(state: State, at: int, size: int) -> list[Term]:
    return [state.layout.at(at + i) for i in range(size)]


def _cut(whole: Term, at: int, size: int) -> list[Term]:
    return [b.extract(whole, whole.width - 8 * (at + i) - 1, whole.width - 8 * (at + i) - 8) for i in range(size)]


def little_endian(values: list[Term]) -> Term:
    """The number whose bytes are ``values``, lowest first."""
    return b.concat(*reversed(values))


def _load_somewhere(machine: Checks, state: State, address: Address, size: int) -> Value:
    """A load at one of several offsets: bytes that were not written count at their offset only."""
    part = _plain(machine, state, address, size)
    rows: list[tuple[int, list[Term]]] = []
    for at in _places(machine, state, address, size):
        there = b.eq(address.distance, b.bv(at, 64))
        place = replace(address, offset=at)
        values = [_number(machine, state, part.get(at + i), place, i, there) for i in range(size)]
        rows.append((at - address.offset, values))
    return little_endian(offsets.choose(address.moved, rows))


def _byte_at(machine: Checks, state: State, found: Byte | None) -> tuple[Term, Term]:
    """A byte's term and whether it was written."""
    if isinstance(found, Mixed):
        raise machine.mixed(state)
    if isinstance(found, Piece):
        whole = machine.bits_of(state, found.address)
        return b.extract(whole, 8 * found.index + 7, 8 * found.index), b.TRUE
    if isinstance(found, Lane):
        return found.term, b.TRUE
    if isinstance(found, Partial):
        return found.term, found.written
    return (b.bv(0, 8), b.FALSE) if found is None else (found, b.TRUE)


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


def _number(
    machine: Checks, state: State, found: Byte | None, address: Address, index: int, when: Term = b.TRUE
) -> Term:
    """A byte that is read where ``when``. What lies in the stack where nothing was written is anything, the same each
    time; of other memory that is a fault."""
    term, written = _byte_at(machine, state, found)
    if written is b.TRUE:
        return term
    text = f"reads {_where(address, index)}, which was not written"
    if address.kind != "stack":
        machine.require(state, b.or_(b.not_(when), written), text)
        return term
    value = b.ite(written, term, machine.unwritten(state, b.and_(when, b.not_(written)), text))
    state.memory[address.name][address.offset + index] = value
    return value


def _where(address: Address, index: int) -> str:
    return f"byte {address.offset + index} of the {address.kind}"


def _plain(machine: Checks, state: State, address: Address, size: int) -> dict[int, Byte]:
    """The memory that a stack or buffer address points into, with the access inside it."""
    part = state.memory.setdefault(address.name, {})
    if address.null is not b.FALSE:
        machine.require(state, b.not_(address.null), "follows a null pointer")
    low, high = (-STACK_SIZE, 0) if address.kind == "stack" else (0, len(part))
    inside = _inside(address, size, low, high)
    where = f"offset {address.offset}" if address.moved is None else "a variable offset"
    machine.require(state, inside, f"reaches past the {address.kind} ({where}, {size} bytes)")
    return part


def _inside(address: Address, size: int, low: int, high: int) -> Term:
    """Whether ``size`` bytes at the address lie between the offsets ``low`` and ``high``."""
    if address.moved is None:
        return b.boolean(low <= address.offset and address.offset + size <= high)
    if high - low < size:
        return b.FALSE
    return b.ule(b.sub(address.distance, b.bv(low, 64)), b.bv(high - low - size, 64))


# --- stores -------------------------------------------------------------------------------------------------------


def store(machine: Checks, state: State, address: Address, value: Value, size: int) -> None:
    """Write the low ``size`` bytes of a register's value. A pointer stays one in eight bytes of the stack only: what is
    written of it elsewhere is a number (kernel/bpf/verifier.c, ``check_mem_access``, where pointers may leak)."""
    address = _in_memory(machine, state, fixed(state, address), size)
    if isinstance(value, Address) and (address.kind != "stack" or size != 8):
        value = machine.bits_of(state, value)
    if isinstance(value, Address):
        if address.moved is not None:
            machine.number(state, address.moved)
        part = _plain(machine, state, address, size)
        part.update({address.offset + i: Piece(value, i) for i in range(8)})
        return
    assert value is not None
    if address.kind in ("stack", "buffer") and address.moved is None:
        part = _plain(machine, state, address, size)
        part.update({address.offset + i: Lane(value, i) for i in range(size)})
        return
    store_bytes(machine, state, address, [b.extract(value, 8 * i + 7, 8 * i) for i in range(size)])


def store_bytes(machine: Checks, state: State, address: Address, values: list[Term]) -> None:
    """Write ``values`` from ``address`` on; faults for what may not be written."""
    size = len(values)
    address = _in_memory(machine, state, fixed(state, address), size)
    if address.kind == "packet":
        near = from_end(state, address)
        if near is not None:
            require_packet(machine, state, address, size)
            if ends.written_from_end(machine, state, near, values):
                return
        if address.moved is not None:  # which bytes of the packet are written must be known
            machine.number(state, address.moved)
        require_packet(machine, state, address, size)
        state.layout = state.layout.write(address.offset, values)
    elif address.kind == "value":
        _store_value(machine, state, address, values)
    elif address.kind in ("stack", "buffer"):
        part = _plain(machine, state, address, size)
        if address.moved is None:
            part.update({address.offset + i: term for i, term in enumerate(values)})
        else:
            _store_somewhere(machine, state, address, values, part)
    else:
        raise machine.unsupported(state, f"writing memory of kind {address.kind}")


def _store_somewhere(
    machine: Checks, state: State, address: Address, values: list[Term], part: dict[int, Byte]
) -> None:
    """A store at one of several offsets: each byte is the new one if the offset is that, else the old one."""
    for at in _places(machine, state, address, len(values)):
        there = b.eq(address.distance, b.bv(at, 64))
        for i, new in enumerate(values):
            old = part.get(at + i)
            if isinstance(old, Piece | Mixed):
                part[at + i] = MIXED
                continue
            term, written = _byte_at(machine, state, old)
            found, now = b.ite(there, new, term), b.or_(there, written)
            part[at + i] = found if now is b.TRUE else Partial(found, now)


def _store_value(machine: Checks, state: State, address: Address, values: list[Term]) -> None:
    item = _require_value(machine, state, address, len(values))
    assert address.key is not None
    if item.flags & F_RDONLY_PROG:
        machine.require(state, b.FALSE, f"writes map {item.name}, which programs may only read")
    if item.type not in WRITABLE_MAPS:
        raise machine.unsupported(state, f"writing a value of map {item.name} of type {item.type}")
    if item.name not in machine.written:
        raise Restart(item.name)
    new = cell(machine, state, item, address)
    for at in _places(machine, state, address, len(values)):
        changed = _replaced(new, at, values)
        there = b.TRUE if address.moved is None else b.eq(address.distance, b.bv(at, 64))
        new = b.ite(there, changed, new)
    removed.write(state, item.name, _element(item, address.key), address.epoch, new)


def _replaced(whole: Term, at: int, values: list[Term]) -> Term:
    """``whole`` with ``values`` from byte ``at`` on."""
    high, low = whole.width - 8 * at, whole.width - 8 * (at + len(values))
    parts = [b.extract(whole, whole.width - 1, high)] if high < whole.width else []
    parts += values or [b.extract(whole, high - 1, low)] if high > low or values else []
    if low:
        parts.append(b.extract(whole, low - 1, 0))
    return b.concat(*parts)


# --- packet and maps ----------------------------------------------------------------------------------------------


def require_packet(machine: Checks, state: State, address: Address, size: int) -> None:
    """The access lies inside the packet, and the pointer is not stale (the kernel may have moved the packet since)."""
    if address.epoch != state.layout.epoch:
        machine.require(state, b.FALSE, "follows a packet pointer from before a change of the packet")
    if address.moved is not None:
        if state.layout.meta:  # whether it points into the metadata or the packet must be known
            machine.number(state, address.moved)
        text = f"reaches past the packet ({size} bytes at a variable offset)"
        machine.require(state, in_packet(state, address, size), text)
        return
    if address.offset < -state.layout.meta:
        what = "metadata" if state.layout.meta else "packet"
        before = -address.offset - state.layout.meta
        machine.require(state, b.FALSE, f"reaches {before} bytes before the {what}")
    need = address.offset + size
    if not state.layout.open_ended or need - state.layout.delta > state.shortest:
        text = f"reaches past the packet (bytes {address.offset} to {address.offset + size - 1})"
        machine.require(state, state.layout.has(need), text)


def before_end(state: State, address: Address) -> int | None:
    """How many bytes before the packet's end an address lies, if that is known and it does not lie before its start."""
    near = from_end(state, address) if address.moved is not None and state.layout.open_ended else None
    return near if near is not None and near <= state.shortest + state.layout.delta else None


def from_end(state: State, address: Address) -> int | None:
    """How many bytes before the packet's trailer an address lies, if its distance from there is what is known of it."""
    if address.moved is None or state.layout.meta or possible_values(address.moved, state.ranges, FEW) is not None:
        return None
    return ends.gap(state.layout, address.distance, state.ranges)


def in_packet(state: State, address: Address, size: int) -> Term:
    """Whether ``size`` bytes at an address of the packet lie inside."""
    if address.moved is None:
        return state.layout.has(address.offset + size) if address.offset >= 0 else b.FALSE
    near = from_end(state, address)
    if near is not None and size - near > len(state.layout.trailer):
        return b.FALSE
    if before_end(state, address) is not None:
        return b.TRUE
    length = state.layout.length(64)
    past = b.add(address.distance, b.bv(size, 64))
    return b.and_(b.ule(address.distance, b.bv(1 << 30, 64)), b.ule(past, length))


def _require_value(machine: Checks, state: State, address: Address, size: int) -> MapDef:
    item = machine.maps[address.name]
    machine.require(state, b.not_(address.null), f"follows the null pointer of a look-up in map {item.name}")
    where = f"offset {address.offset}" if address.moved is None else "a variable offset"
    text = f"reaches past the value of map {item.name} ({where}, {size} bytes)"
    machine.require(state, _inside(address, size, 0, item.value_size), text)
    assert address.key is not None
    if state.may(removed.may_be_reused(state, item.name, _element(item, address.key), address.epoch)):
        text = f"an element that was taken out of map {item.name}, after an update that may have taken its memory"
        raise machine.unsupported(state, text)
    return item


def cell(machine: Checks, state: State, item: MapDef, address: Address) -> Term:
    """The whole value that ``address`` points into, its first byte highest."""
    assert address.key is not None
    if item.data is not None and item.flags & F_RDONLY_PROG:
        return b.bv(int.from_bytes(item.data, "big"), 8 * item.value_size)
    if item.name in machine.written:
        return removed.read(state, item.name, _element(item, address.key), address.epoch)
    if 8 * item.value_size > MAX_BITS:
        raise machine.unsupported(state, f"a value of {item.value_size} bytes of map {item.name}")
    return b.apply(f"map.{item.name}.value", 8 * item.value_size, address.key)


def _element(item: MapDef, key: Term) -> Term:
    """The key of the element that a look-up of ``key`` has found: in a trie that of a prefix, ``map.NAME.element``."""
    return b.apply(f"map.{item.name}.element", key.sort, key) if item.type == "lpm_trie" else key


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
