"""Helpers that move a packet's end (net/core/filter.c): cutting it to a length that is one number on each path.

Packets that get longer at their end, and those that lose a number of bytes there whatever their length, are not
modelled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from .context import packet_length
from .helpers_common import context_argument
from .helpers_maps import EINVAL, ENOTSUPP, result
from .state import State

if TYPE_CHECKING:
    from .machine import Helper, Machine

ETH_HLEN: Final = 14
MAX_LEN: Final = 0xFFFF
"""Longer than any packet may become."""


def xdp_adjust_tail(machine: Machine, state: State) -> list[State]:
    """``bpf_xdp_adjust_tail(xdp, delta)``: -EINVAL if less than an Ethernet header would be left."""
    context_argument(machine, state)
    wanted = b.add(packet_length(state), b.extract(machine.scalar(state, 2), 31, 0))
    state.layout = state.layout.touched()
    return _cut(machine, state, wanted, ETH_HLEN)


def skb_change_tail(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_change_tail(skb, len, flags)``: -EINVAL below the transport header, wherever that lies
    (``__bpf_skb_min_len``), and with flags."""
    context_argument(machine, state)
    wanted = b.extract(machine.scalar(state, 2), 31, 0)
    flags = machine.number(state, machine.scalar(state, 3))
    least = machine.number(state, state.fields["l2"])
    state.layout = state.layout.touched()
    if flags:
        return result(state, -EINVAL)
    encapsulated = machine.number(state, state.fields["encapsulated"])
    reason = "where the kernel takes the transport header to begin"
    refused, taken = machine.fork(state, machine.asked(state, "tail", 0, reason))
    out = result(refused, -EINVAL) if refused is not None else []
    if taken is None:
        return out
    if encapsulated:
        fits = b.and_(b.uge(wanted, b.bv(least, 32)), b.ule(wanted, b.bv(MAX_LEN, 32)))
        return out + result(taken, b.ite(fits, b.bv(-ENOTSUPP, 64), b.bv(-EINVAL, 64)))
    return out + _cut(machine, taken, wanted, least)


def _cut(machine: Machine, state: State, wanted: Term, least: int) -> list[State]:
    """The packet with ``wanted`` bytes (32 bits), which are ``least`` or more; else -EINVAL."""
    if not wanted.is_const and wanted not in state.facts:
        raise machine.unsupported(state, "a packet whose new end is no fixed number of bytes from its start")
    size = b.signed(machine.number(state, wanted), 32)
    if not least <= size <= MAX_LEN:
        return result(state, -EINVAL)
    enough, short = machine.fork(state, state.layout.has(size))
    if short is not None:
        raise machine.unsupported(short, f"a packet made longer at its end, to {size} bytes")
    assert enough is not None
    enough.layout = enough.layout.cut(size)
    return result(enough, 0)


XDP_TAIL: Final[dict[int, Helper]] = {65: xdp_adjust_tail}
TC_TAIL: Final[dict[int, Helper]] = {38: skb_change_tail}
"""Helper's number (``enum bpf_func_id``) → what it does."""
