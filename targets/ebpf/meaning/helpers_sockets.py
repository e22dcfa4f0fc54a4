"""Helpers that ask for sockets (net/core/filter.c): what the kernel answers is a function of what is asked.

A pointer to a socket has as its ``key`` a number of 64 bits that tells sockets apart, which nobody sees: what is found
for the same question is the same socket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Event
from . import memory
from .helpers_common import context_argument
from .helpers_maps import EINVAL, map_argument, map_lookup_elem, result
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Helper, Machine

SOCK_BYTES: Final = 80
"""Bytes of ``struct bpf_sock``."""
TCP_SOCK_BYTES: Final = 112
"""Bytes of ``struct bpf_tcp_sock``."""
TUPLES: Final = (12, 36)
"""Bytes of a ``struct bpf_sock_tuple`` for IPv4 and IPv6."""
HOLDING_SOCKETS: Final = ("sockmap", "sockhash")
"""Maps whose elements are sockets."""
TCP_HEADER, LONGEST_TCP_HEADER = 20, 60
IP_HEADERS: Final = {4: 20, 6: 40}


def sk_lookup(name: str) -> Helper:
    """``bpf_sk_lookup_NAME(ctx, tuple, size, netns, flags)``: a socket, or null. The own network namespace is asked for
    by any number whose lower half is negative, BPF_F_CURRENT_NETNS or what 32 bits leave of it; other numbers have 31
    bits (``__bpf_skc_lookup``)."""

    def helper(machine: Machine, state: State) -> list[State]:
        context_argument(machine, state)
        size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
        netns, flags = machine.scalar(state, 4), machine.number(state, machine.scalar(state, 5))
        if size not in TUPLES or flags:
            return result(state, 0)
        here = b.slt(b.extract(netns, 31, 0), b.bv(0, 32))
        known = b.or_(here, b.ule(netns, b.bv((1 << 31) - 1, 64)))
        parts = memory.load_bytes(machine, state, machine.pointer(state, 2), size)
        asked = b.concat(*parts, b.ite(here, b.bv(-1, 64), netns))
        found = b.apply(f"given.{name}.{size}.found", b.BOOL, asked)
        return _found(state, f"{name}.{size}", asked, SOCK_BYTES, b.not_(b.and_(known, found)))

    return helper


_SOCKETS, _SOCKET = "sockets", "socket "


def _found(state: State, name: str, asked: Term, size: int, null: Term | None = None) -> list[State]:
    """R0 is a pointer to a new piece of memory with what is known of the socket that ``name`` gives for ``asked``."""
    number = state.counts.get(_SOCKETS, 0)
    state.counts[_SOCKETS] = number + 1
    place = f"{_SOCKET}{number}"
    state.memory[place] = {i: b.apply(f"given.{name}.{i}", b.bit_vector(8), asked) for i in range(size)}
    null = b.not_(b.apply(f"given.{name}.found", b.BOOL, asked)) if null is None else null
    which = b.apply(f"given.{name}.socket", b.bit_vector(64), asked)
    state.regs[0] = Address("buffer", 0, place, which, null)
    return [state]


def map_lookup(machine: Machine, state: State) -> list[State]:
    """``bpf_map_lookup_elem(map, key)``: of a map of sockets, a socket or null (net/core/sock_map.c)."""
    address = machine.register(state, 1)
    item = machine.maps.get(address.name) if isinstance(address, Address) and address.kind == "map" else None
    if item is None or item.type not in HOLDING_SOCKETS:
        return map_lookup_elem(machine, state)
    key = map_argument(machine, state, 1, *HOLDING_SOCKETS).key(machine, state, 2)
    return _found(state, f"map.{item.name}", key, SOCK_BYTES)


def socket_argument(machine: Machine, state: State, register: int) -> tuple[Address, Term]:
    """The socket that a register points to, and the number that tells which it is. Raises Unsupported."""
    address = machine.pointer(state, register)
    whole = not address.offset and address.moved is None
    if address.kind != "buffer" or not address.name.startswith(_SOCKET) or not whole or address.key is None:
        raise machine.unsupported(state, f"r{register} is no socket")
    return address, address.key


def sk_release(machine: Machine, state: State) -> list[State]:
    """``bpf_sk_release(sock)``."""
    address, _ = socket_argument(machine, state, 1)
    machine.require(state, b.not_(address.null), "releases the null pointer of a look-up")
    state.memory.pop(address.name, None)
    return result(state, 0)


def _of_socket(name: str, size: int) -> Helper:
    """A helper that gives something of a socket, or null."""

    def helper(machine: Machine, state: State) -> list[State]:
        address, which = socket_argument(machine, state, 1)
        machine.require(state, b.not_(address.null), "asks of the null pointer of a look-up")
        return _found(state, name, which, size)

    return helper


def sk_fullsock(machine: Machine, state: State) -> list[State]:
    """``bpf_sk_fullsock(sock)``: the same socket, or null if it is none in full."""
    address, which = socket_argument(machine, state, 1)
    machine.require(state, b.not_(address.null), "asks of the null pointer of a look-up")
    full = b.apply("given.sk_fullsock", b.BOOL, which)
    state.regs[0] = Address("buffer", 0, address.name, which, b.not_(full))
    return [state]


def sk_assign(machine: Machine, state: State) -> list[State]:
    """``bpf_sk_assign(ctx, sock, flags)`` at tc: the stack gives the packet to the socket, unless that cannot be.

    Told as an event; whether it can be is the kernel's to say. A packet that goes nowhere has its event all the same.
    """
    context_argument(machine, state)
    flags = machine.number(state, machine.scalar(state, 3))
    if flags:
        return result(state, -EINVAL)
    if isinstance(machine.register(state, 2), Address):
        address, which = socket_argument(machine, state, 2)
        machine.require(state, b.not_(address.null), "assigns the null pointer of a look-up")
    else:
        raise machine.unsupported(state, "r2 is no socket")
    state.events = (*state.events, Event(b.TRUE, "sk_assign", (which,)))
    return result(state, b.sext(b.apply("given.sk_assign", b.bit_vector(32), which), 64))


def _cookie(name: str, version: int | None, *, checked: bool = False, listener: bool = False) -> Helper:
    """A helper that makes or checks a TCP SYN cookie (RFC 4987, 3.6) of an IP and a TCP header: what it answers hangs
    on these, on the socket, and on a secret and the time, so the k-th answer is a function of its own.

    Args:
        name: the helper.
        version: of the IP header, None if a length says it.
        checked: the TCP header's length is not asked for.
        listener: R1 is a listening socket.
    """

    def helper(machine: Machine, state: State) -> list[State]:
        registers = iter(range(1, 6))
        asked: list[Term] = []
        if listener:
            address, which = socket_argument(machine, state, next(registers))
            machine.require(state, b.not_(address.null), "asks of the null pointer of a look-up")
            asked.append(which)
        ip = next(registers)
        ip_size = IP_HEADERS[version] if version else _size(machine, state, next(registers))
        tcp = next(registers)
        tcp_size = TCP_HEADER if checked else _size(machine, state, next(registers))
        for register, size in ((ip, ip_size), (tcp, tcp_size)):
            asked += memory.load_bytes(machine, state, machine.pointer(state, register), size)
        number = state.counts.get(name, 0)
        state.counts[name] = number + 1
        told = b.concat(b.bv(ip_size, 8), b.bv(tcp_size, 8), *asked)
        return result(state, b.apply(f"given.{name}.{number}.{told.width}", b.bit_vector(64), told))

    return helper


def _size(machine: Machine, state: State, register: int) -> int:
    size = machine.number(state, b.extract(machine.scalar(state, register), 31, 0))
    if not 0 < size <= LONGEST_TCP_HEADER:
        raise machine.unsupported(state, f"a header of {size} bytes")
    return size


SOCKETS: Final[dict[int, Helper]] = {
    1: map_lookup,
    84: sk_lookup("sk_lookup_tcp"),
    85: sk_lookup("sk_lookup_udp"),
    86: sk_release,
    99: sk_lookup("skc_lookup_tcp"),
    100: _cookie("tcp_check_syncookie", None, listener=True),
    110: _cookie("tcp_gen_syncookie", None, listener=True),
    204: _cookie("tcp_raw_gen_syncookie_ipv4", 4),
    205: _cookie("tcp_raw_gen_syncookie_ipv6", 6),
    206: _cookie("tcp_raw_check_syncookie_ipv4", 4, checked=True),
    207: _cookie("tcp_raw_check_syncookie_ipv6", 6, checked=True),
}
"""Helper's number (``enum bpf_func_id``) → what it does."""
ASSIGNED: Final[dict[int, Helper]] = {
    95: sk_fullsock,
    96: _of_socket("tcp_sock", TCP_SOCK_BYTES),
    98: _of_socket("get_listener_sock", SOCK_BYTES),
    124: sk_assign,
}
"""Those of tc only."""
