"""Helpers that ask for sockets and tunnels (net/core/filter.c): what the kernel answers is a function of
what is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Event
from . import memory
from .helpers_common import context_argument
from .helpers_maps import EINVAL, result
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Helper, Machine

SOCK_BYTES: Final = 80
"""Bytes of ``struct bpf_sock``."""
TUPLES: Final = (12, 36)
"""Bytes of a ``struct bpf_sock_tuple`` for IPv4 and IPv6."""
KEY_BYTES: Final = 44
"""Bytes of ``struct bpf_tunnel_key`` as of Linux 6.0; programs may know less of it."""
SET: Final = "tunnel.set"
"""The event of a tunnel key that was set, and the count of how often."""


def sk_lookup(name: str) -> Helper:
    """``bpf_sk_lookup_NAME(ctx, tuple, size, netns, flags)``: a socket, or null."""

    def helper(machine: Machine, state: State) -> list[State]:
        context_argument(machine, state)
        size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
        netns, flags = machine.scalar(state, 4), machine.number(state, machine.scalar(state, 5))
        if size not in TUPLES or flags:
            return result(state, 0)
        asked = b.concat(*memory.load_bytes(machine, state, machine.pointer(state, 2), size), netns)
        number = state.counts.get(_SOCKETS, 0)
        state.counts[_SOCKETS] = number + 1
        place = f"{_SOCKET}{number}"
        state.memory[place] = {
            i: b.apply(f"given.{name}.{size}.{i}", b.bit_vector(8), asked) for i in range(SOCK_BYTES)
        }
        state.regs[0] = Address("buffer", 0, place, null=b.not_(b.apply(f"given.{name}.{size}.found", b.BOOL, asked)))
        return [state]

    return helper


_SOCKETS, _SOCKET = "sockets", "socket "


def sk_release(machine: Machine, state: State) -> list[State]:
    """``bpf_sk_release(sock)``."""
    address = machine.pointer(state, 1)
    if address.kind != "buffer" or not address.name.startswith(_SOCKET) or address.offset or address.moved is not None:
        raise machine.unsupported(state, "r1 is no socket")
    machine.require(state, b.not_(address.null), "releases the null pointer of a look-up")
    state.memory.pop(address.name, None)
    return result(state, 0)


def get_tunnel_key(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_get_tunnel_key(skb, key, size, flags)``: what the tunnel's device said of the packet, or an error and
    zeros."""
    context_argument(machine, state)
    to = machine.pointer(state, 2)
    size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
    flags = machine.number(state, machine.scalar(state, 4))
    if state.counts.get(SET):
        raise machine.unsupported(state, "a tunnel key that is read after one was set")
    if size > KEY_BYTES:
        memory.store_bytes(machine, state, to, [b.bv(0, 8)] * size)
        return result(state, -EINVAL)
    reason = "what is known of the tunnel that the packet came through"
    name = f"tunnel.{flags:x}.{size}"
    found = machine.given(f"{name}.found", 0, reason)
    known = [machine.given(f"tunnel.{flags:x}[{i}]", 8, reason) for i in range(size)]
    memory.store_bytes(machine, state, to, [b.ite(found, byte, b.bv(0, 8)) for byte in known])
    error = machine.given(f"{name}.error", 31, reason)
    return result(state, b.ite(found, b.bv(0, 64), b.sext(b.concat(b.bv(1, 1), error), 64)))


def set_tunnel_key(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_set_tunnel_key(skb, key, size, flags)``: told as an event, if the kernel takes it."""
    context_argument(machine, state)
    size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
    flags = machine.number(state, machine.scalar(state, 4))
    if size > KEY_BYTES or not size:
        return result(state, -EINVAL)
    key: Term = b.concat(*memory.load_bytes(machine, state, machine.pointer(state, 2), size))
    name = f"given.{SET}.{flags:x}.{size}"
    taken = b.apply(f"{name}.taken", b.BOOL, key)
    state.counts[SET] = state.counts.get(SET, 0) + 1
    state.events = (*state.events, Event(taken, f"{SET}.{flags:x}", (key,)))
    error = b.sext(b.concat(b.bv(1, 1), b.apply(f"{name}.error", b.bit_vector(31), key)), 64)
    return result(state, b.ite(taken, b.bv(0, 64), error))


SOCKETS: Final[dict[int, Helper]] = {
    84: sk_lookup("sk_lookup_tcp"),
    85: sk_lookup("sk_lookup_udp"),
    86: sk_release,
    99: sk_lookup("skc_lookup_tcp"),
}
TUNNELS: Final[dict[int, Helper]] = {20: get_tunnel_key, 21: set_tunnel_key}
"""Helper's number (``enum bpf_func_id``) → what it does."""
