"""Helpers of the XDP hook (net/core/filter.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from .helpers_maps import COMMON, EINVAL, result
from .state import State, shorter_than

if TYPE_CHECKING:
    from .machine import Helper, Machine

XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT = range(5)
ETH_HLEN: Final = 14
SURE_HEADROOM: Final = 192
"""Bytes in front of the frame that every driver gives (XDP_PACKET_HEADROOM less ``struct xdp_frame``)."""


def redirect(machine: Machine, state: State) -> list[State]:
    """``bpf_redirect(ifindex, flags)`` of XDP: no flags are known."""
    if machine.number(state, machine.scalar(state, 2)):
        return result(state, XDP_ABORTED)
    state.fields["redirect"] = b.extract(machine.scalar(state, 1), 31, 0)
    state.fields["redirected"] = b.bv(1, 1)
    return result(state, XDP_REDIRECT)


def xdp_adjust_head(machine: Machine, state: State) -> list[State]:
    """``bpf_xdp_adjust_head(xdp, delta)``: what comes in front is not cleared, so it can be anything."""
    address = machine.pointer(state, 1)
    if address.kind != "ctx" or address.offset:
        raise machine.unsupported(state, "r1 is not the context")
    delta = b.signed(machine.number(state, b.extract(machine.scalar(state, 2), 31, 0)), 32)
    state.layout = state.layout.touched()
    if delta <= 0:
        if state.layout.delta - delta > SURE_HEADROOM:
            raise machine.unsupported(state, f"more than {SURE_HEADROOM} bytes put in front of the frame")
        reason = "what lies in memory in front of the packet"
        state.layout = state.layout.pushed(tuple(machine.choose("headroom", 8, reason) for _ in range(-delta)))
        return result(state, 0)
    good, bad = machine.fork(state, b.not_(shorter_than(delta + ETH_HLEN - state.layout.delta)))
    out: list[State] = []
    if good is not None:
        good.layout = good.layout.pulled(delta)
        out += result(good, 0)
    return out + (result(bad, -EINVAL) if bad is not None else [])


XDP: Final[dict[int, Helper]] = COMMON | {23: redirect, 44: xdp_adjust_head}
"""Helper's number (``enum bpf_func_id``) → what it does."""
