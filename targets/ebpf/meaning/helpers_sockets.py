"""Helpers that ask for sockets (net/core/filter.c): what the kernel answers is a function of
what is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from . import memory
from .helpers_common import context_argument
from .helpers_maps import result
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Helper, Machine

SOCK_BYTES: Final = 80
"""Bytes of ``struct bpf_sock``."""
TUPLES: Final = (12, 36)
"""Bytes of a ``struct bpf_sock_tuple`` for IPv4 and IPv6."""


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


SOCKETS: Final[dict[int, Helper]] = {
    84: sk_lookup("sk_lookup_tcp"),
    85: sk_lookup("sk_lookup_udp"),
    86: sk_release,
    99: sk_lookup("skc_lookup_tcp"),
}
"""Helper's number (``enum bpf_func_id``) → what it does."""
