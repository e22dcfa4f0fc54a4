"""Helpers that every hook has: time, random numbers, checksums, events, routes (kernel/bpf/helpers.c, ringbuf.c,
kernel/trace/bpf_trace.c, net/core/filter.c).

What the world around answers is ``in.ebpf.NAME.k``, the k-th time that a path asks, so that two programs that ask in
the same order are told the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Event
from ..artifact.program import PERF_BLOCK
from . import memory, ranges
from .context import packet_length
from .helpers_maps import EFAULT, EINVAL, MAPS, map_argument, result
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Helper, Machine

EAGAIN: Final = 11
SURE_LENGTH: Final = 15_000
"""Up to this length a packet at tc may grow for sure (BPF_SKB_MAX_LEN is four pages less some bookkeeping)."""
MAX_LEN: Final = 0xFFFF
"""Longer than any packet may become."""
FIB_SIZE: Final = 64
"""Bytes of ``struct bpf_fib_lookup``."""
_FIB_FLAGS: Final = 0x3F
_TOTAL_LENGTH: Final = 6
"""Where ``tot_len``, of two bytes, lies in it."""


def context_argument(machine: Machine, state: State) -> None:
    """r1 is the context. Raises Unsupported."""
    address = machine.pointer(state, 1)
    if address.kind != "ctx" or address.offset or address.moved is not None:
        raise machine.unsupported(state, "r1 is not the context")


def may_grow_to(machine: Machine, length: Term) -> Term:
    """Whether a packet may get ``length`` bytes (32 bits) by headers put into it: BPF_SKB_MAX_LEN of net/core/filter.c,
    whatever that is, is the same whoever asks and how often. (Packets that were segmented, which may become longer, do
    not come in.)"""
    most = machine.given("longest_grown", 32, "how long a packet may become")
    return b.or_(b.ule(length, b.bv(SURE_LENGTH, 32)), b.ule(length, most))


def anything(name: str, width: int, reason: str) -> Helper:
    """A helper that gives something else each time."""

    def helper(machine: Machine, state: State) -> list[State]:
        return result(state, machine.asked(state, name, width, reason))

    return helper


def constant(name: str, width: int, reason: str) -> Helper:
    """A helper that gives the same each time."""

    def helper(machine: Machine, state: State) -> list[State]:
        return result(state, machine.given(name, width, reason))

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

    The seed and what is added make a sum from which the rest's is taken (``csum_sub``): where something is added, or
    the seed is not 0, a sum of zero comes out as 0xffff, as no adding with the carry brought round makes 0 of anything
    else. Otherwise it is 0 or 0xffff, depending on how an architecture adds up what is taken away:
    ``given.csum_zero``, a function of what is summed up.
    """
    sizes = [machine.number(state, machine.scalar(state, n)) for n in (2, 4)]
    if any(size % 4 or size > memory.STACK_SIZE for size in sizes):
        raise machine.unsupported(state, f"a checksum over {sizes[0]} and {sizes[1]} bytes")
    old, new = (_words(machine, state, n, size) for n, size in zip((1, 3), sizes, strict=True))
    seed = b.extract(machine.scalar(state, 5), 31, 0)
    total = ones_complement_sum([seed, *new, *(b.bnot(word) for word in old)])
    if old:
        nothing = b.and_(*(b.eq(word, b.bv(0, word.width)) for word in (seed, *new))) if new else b.TRUE
        zero = b.and_(nothing, b.or_(b.eq(total, b.bv(0, 16)), b.eq(total, b.bv(-1, 16))))
        sign = b.apply(f"given.csum_zero.{len(new)}.{len(old)}", b.BOOL, b.concat(seed, *new, *old))
        total = b.ite(zero, b.ite(sign, b.bv(-1, 16), b.bv(0, 16)), total)
    return result(state, total)


def _words(machine: Machine, state: State, number: int, size: int) -> list[Term]:
    if not size:
        return []
    found = memory.load_bytes(machine, state, machine.pointer(state, number), size)
    return [b.concat(found[i + 1], found[i]) for i in range(0, size, 2)]


# --- events -------------------------------------------------------------------------------------------------------


_MOST_SHOWN: Final = 1024
"""Bytes of a packet in a record that hang on the packet are no more."""


def perf_event_output(machine: Machine, state: State) -> list[State]:
    """``bpf_perf_event_output(ctx, map, flags, data, size)``: data, then as much of the packet as the flags say.

    What is told is the same however the number of the packet's bytes is written: event ``perf.MAP`` has the lower half
    of the flags and how long the record is, and one event ``perf.MAP.bytes`` for each :data:`PERF_BLOCK` of its bytes
    that it reaches into has these, and zeros behind its end. So two records are told alike only if their bytes and
    their length are.
    """
    context_argument(machine, state)
    item = map_argument(machine, state, 2, "perf_event_array").item
    flags, size = machine.scalar(state, 3), machine.number(state, machine.scalar(state, 5))
    upper = b.extract(flags, 63, 32)
    data = memory.load_bytes(machine, state, machine.pointer(state, 4), size)
    known, unknown = machine.fork(state, b.ult(upper, b.bv(1 << 20, 32)))
    out = result(unknown, -EINVAL) if unknown is not None else []
    there, short = machine.fork(known, b.uge(packet_length(known), upper)) if known is not None else (None, None)
    out += result(short, -EFAULT) if short is not None else []
    if there is not None:
        most = upper.value if upper.is_const else ranges.by_cases(upper, there.ranges)[1]
        if most > _MOST_SHOWN and not upper.is_const:
            raise machine.unsupported(there, f"an event with more than {_MOST_SHOWN} bytes of the packet")
        _tell(there, f"perf.{item.name}", b.extract(flags, 31, 0), b.add(upper, b.bv(size, 32)))
        for when, block in _blocks([*data, *(there.layout.at(i) for i in range(most))], size, upper):
            _tell(there, f"perf.{item.name}.bytes", *block, when=when)
        out += result(there, machine.asked(there, f"perf.{item.name}", 64, "whether the event finds room"))
    return out


def _blocks(octets: list[Term], size: int, upper: Term) -> Iterator[tuple[Term, list[Term]]]:
    """The record's bytes, of which the first ``size`` and ``upper`` more count, in blocks: when there is each."""

    def counts(index: int) -> Term:
        return b.TRUE if index < size else b.ult(b.bv(index - size, 32), upper)

    for start in range(0, len(octets), PERF_BLOCK):
        part = [b.ite(counts(start + i), octet, b.bv(0, 8)) for i, octet in enumerate(octets[start:][:PERF_BLOCK])]
        yield counts(start), part + [b.bv(0, 8)] * (PERF_BLOCK - len(part))


def _tell(state: State, name: str, *fields: Term, when: Term = b.TRUE) -> None:
    state.events = (*state.events, Event(when, name, (b.concat(*fields),) if fields else ()))


def ringbuf_output(machine: Machine, state: State) -> list[State]:
    """``bpf_ringbuf_output(ringbuf, data, size, flags)``."""
    item = map_argument(machine, state, 1, "ringbuf").item
    size, flags = (machine.number(state, machine.scalar(state, n)) for n in (3, 4))
    data = memory.load_bytes(machine, state, machine.pointer(state, 2), size)
    if flags & ~3:
        return result(state, -EINVAL)
    full = _full(machine, state, item.name)  # no fork: what comes behind hardly ever depends on it
    _tell(state, f"ring.{item.name}", *data, when=b.not_(full))
    return result(state, b.ite(full, b.bv(-EAGAIN, 64), b.bv(0, 64)))


def _full(machine: Machine, state: State, name: str) -> Term:
    return machine.asked_anew(state, f"full.{name}", 0, f"whether ring buffer {name} has room")


def ringbuf_reserve(machine: Machine, state: State) -> list[State]:
    """``bpf_ringbuf_reserve(ringbuf, size, flags)``: memory with anything in it, or null."""
    item = map_argument(machine, state, 1, "ringbuf").item
    size, flags = (machine.number(state, machine.scalar(state, n)) for n in (2, 3))
    if flags or size > memory.MAX_BITS // 8:
        return result(state, 0)
    null = _full(machine, state, item.name)
    number = state.counts[f"records {item.name}"] = state.counts.get(f"records {item.name}", 0) + 1
    name = f"record {item.name}.{number}"
    reason = "what lies in the memory of a new record"
    state.memory[name] = {i: machine.given(f"{name}[{i}]".replace(" ", "."), 8, reason) for i in range(size)}
    state.regs[0] = Address("buffer", 0, name, null=null)
    return [state]


def _record(machine: Machine, state: State) -> tuple[str, list[Term]]:
    """The record in r1, taken out of memory: its ring buffer's name, and its bytes."""
    address = machine.pointer(state, 1)
    if address.kind != "buffer" or not address.name.startswith("record ") or address.offset or address.moved:
        raise machine.unsupported(state, "r1 is no record of a ring buffer")
    data = memory.load_bytes(machine, state, address, len(state.memory.get(address.name, {})))
    state.memory.pop(address.name, None)
    return address.name.removeprefix("record ").rsplit(".", 1)[0], data


def ringbuf_submit(machine: Machine, state: State) -> list[State]:
    """``bpf_ringbuf_submit(record, flags)``."""
    name, data = _record(machine, state)
    _tell(state, f"ring.{name}", *data)
    state.regs[0] = None
    return [state]


def ringbuf_discard(machine: Machine, state: State) -> list[State]:
    """``bpf_ringbuf_discard(record, flags)``."""
    _record(machine, state)
    state.regs[0] = None
    return [state]


# --- locks --------------------------------------------------------------------------------------------------------


def spin_lock(machine: Machine, state: State) -> list[State]:
    """``bpf_spin_lock(lock)`` and ``bpf_spin_unlock(lock)``: no other run is in the middle of one."""
    address = machine.pointer(state, 1)
    if address.kind != "value":
        raise machine.unsupported(state, "r1 is no lock in a map's value")
    machine.require(state, b.not_(address.null), f"locks the null pointer of a look-up in map {address.name}")
    state.regs[0] = None
    return [state]


# --- routes -------------------------------------------------------------------------------------------------------


def fib_lookup(machine: Machine, state: State) -> list[State]:
    """``bpf_fib_lookup(ctx, params, plen, flags)``: an arbitrary function of what is asked."""
    return _route(machine, state, lambda _asked: b.bv(0, 32))


def skb_fib_lookup(machine: Machine, state: State) -> list[State]:
    """The same at tc (``bpf_skb_fib_lookup``): where no length is told, what the device takes is compared with the
    packet's."""

    def length(asked: Term) -> Term:
        told = b.extract(asked, asked.width - 1 - 8 * _TOTAL_LENGTH, asked.width - 16 - 8 * _TOTAL_LENGTH)
        return b.ite(b.eq(told, b.bv(0, 16)), packet_length(state), b.bv(0, 32))

    return _route(machine, state, length)


def _route(machine: Machine, state: State, length: Callable[[Term], Term]) -> list[State]:
    context_argument(machine, state)
    size, flags = (machine.number(state, b.extract(machine.scalar(state, n), 31, 0)) for n in (3, 4))
    if size < FIB_SIZE or flags & ~_FIB_FLAGS:
        return result(state, -EINVAL)
    address = machine.pointer(state, 2)
    told = b.concat(*memory.load_bytes(machine, state, address, FIB_SIZE))
    asked = b.concat(told, length(told))
    answer = b.apply(f"given.fib.{flags}", 8 * FIB_SIZE, asked)
    parts = [b.extract(answer, 8 * i + 7, 8 * i) for i in reversed(range(FIB_SIZE))]
    memory.store_bytes(machine, state, address, parts)
    return result(state, b.sext(b.apply(f"given.fib.{flags}.result", 32, asked), 64))


MTU_SEGMENTS: Final = 1
"""BPF_MTU_CHK_SEGS: look at the segments of a packet that is to be cut."""


def check_mtu(machine: Machine, state: State) -> list[State]:
    """``bpf_check_mtu(ctx, ifindex, mtu_len, len_diff, flags)``: which devices there are and what they take is an
    arbitrary function of what is asked; the device's limit is told unless the answer is an error."""
    context_argument(machine, state)
    flags = machine.number(state, machine.scalar(state, 5))
    if flags & ~MTU_SEGMENTS:
        return result(state, -EINVAL)
    ifindex, difference = (b.extract(machine.scalar(state, n), 31, 0) for n in (2, 4))
    address = machine.pointer(state, 3)
    length = memory.little_endian(memory.load_bytes(machine, state, address, 4))
    asked = b.concat(ifindex, length, difference, packet_length(state))
    answer = b.apply(f"given.mtu.{flags}.result", 32, asked)
    limit = b.ite(b.slt(answer, b.bv(0, 32)), length, b.apply("given.mtu", 32, ifindex))
    memory.store_bytes(machine, state, address, [b.extract(limit, 8 * i + 7, 8 * i) for i in range(4)])
    return result(state, b.sext(answer, 64))


def _random(machine: Machine, state: State) -> list[State]:
    """``bpf_get_prandom_u32()``."""
    return result(state, machine.asked_anew(state, "prandom", 32, "a random number"))


COMMON: Final[dict[int, Helper]] = MAPS | {
    5: anything("ktime", 64, "the time"),
    6: anything("printk", 64, "what trace_printk returns"),
    7: _random,
    8: constant("cpu", 32, "the CPU that runs the program"),
    25: perf_event_output,
    28: csum_diff,
    42: constant("node", 32, "the memory node of the CPU that runs the program"),
    69: fib_lookup,
    93: spin_lock,
    94: spin_lock,
    118: anything("jiffies", 64, "the time"),
    125: anything("boottime", 64, "the time since boot"),  # goes on while the machine sleeps
    130: ringbuf_output,
    131: ringbuf_reserve,
    132: ringbuf_submit,
    133: ringbuf_discard,
    134: anything("ringbuf_query", 64, "what is in a ring buffer"),
    160: anything("coarse_time", 64, "the time at the last tick"),
    163: check_mtu,
    177: anything("printk", 64, "what trace_printk returns"),
    208: anything("tai_time", 64, "the international atomic time"),
}
"""Helper's number (``enum bpf_func_id``) → what it does."""
