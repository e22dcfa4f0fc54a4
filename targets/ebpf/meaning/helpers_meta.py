"""Memory in front of an XDP frame: bytes that were cut off, and the metadata right before the frame, which whoever gets
the frame next can read (net/core/filter.c, ``bpf_xdp_adjust_head`` and ``bpf_xdp_adjust_meta``; include/net/xdp.h)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from .ends import before_trailer
from .helpers_common import context_argument
from .helpers_maps import EINVAL, ENOTSUPP, result
from .state import Layout, State
from .values import Address

if TYPE_CHECKING:
    from .machine import Machine

EACCES: Final = 13
ETH_HLEN: Final = 14
SURE_HEADROOM: Final = 192
"""Bytes in front of the frame that every driver gives (XDP_PACKET_HEADROOM less ``struct xdp_frame``)."""
SURE_METADATA: Final = 32
"""Bytes of metadata that every kernel takes; newer ones take up to 252 (``xdp_metalen_invalid``)."""


def data_meta(machine: Machine, state: State) -> Address:
    """Where the metadata begins; a driver that has none lets it begin behind the frame's start."""
    start = 1 if _without_metadata(machine, state) else -state.layout.meta
    return Address("packet", start, epoch=state.layout.epoch)


def _without_metadata(machine: Machine, state: State) -> bool:
    reason = "whether the device's driver leaves no room for metadata"
    return bool(machine.number(state, machine.given("without_metadata", 1, reason)))


def xdp_adjust_meta(machine: Machine, state: State) -> list[State]:
    """``bpf_xdp_adjust_meta(xdp, delta)``: the metadata begins ``delta`` bytes further on; what comes in front of it is
    what lies in memory there. 0, or -ENOTSUPP, -EINVAL if it would begin in the frame, -EACCES if it has no multiple of
    4 bytes."""
    context_argument(machine, state)
    delta = b.signed(machine.number(state, b.extract(machine.scalar(state, 2), 31, 0)), 32)
    refused = _without_metadata(machine, state)
    size = state.layout.meta - delta
    state.layout = state.layout.touched()
    if refused:
        return result(state, -ENOTSUPP)
    if size < 0:
        return result(state, -EINVAL)
    if state.layout.delta + size > SURE_HEADROOM:
        raise machine.unsupported(state, f"{size} bytes of metadata, for which there may be no room")
    if size % 4:
        return result(state, -EACCES)
    if size > SURE_METADATA:
        raise machine.unsupported(state, f"{size} bytes of metadata: not every kernel takes more than {SURE_METADATA}")
    state.layout = replace(state.layout, meta=size, front=_in_front(machine, state.layout, size))
    return result(state, 0)


def xdp_adjust_head(machine: Machine, state: State) -> list[State]:
    """``bpf_xdp_adjust_head(xdp, delta)``: what comes in front is what lies in memory there; metadata moves along."""
    context_argument(machine, state)
    delta = b.signed(machine.number(state, b.extract(machine.scalar(state, 2), 31, 0)), 32)
    state.layout = state.layout.touched()
    if delta <= 0:
        if state.layout.delta + state.layout.meta - delta > SURE_HEADROOM:
            raise machine.unsupported(state, f"more than {SURE_HEADROOM} bytes put in front of the frame")
        state.layout = _pushed(machine, state.layout, -delta)
        return result(state, 0)
    good, bad = machine.fork(state, state.layout.has(delta + ETH_HLEN))
    out: list[State] = []
    if good is not None:
        before_trailer(machine, good, delta)
        cut = tuple(good.layout.at(i) for i in range(delta))
        front = _with_metadata(good.layout.front + cut, good.layout.metadata)
        good.layout = replace(good.layout.pulled(delta), front=front)
        out += result(good, 0)
    return out + (result(bad, -EINVAL) if bad is not None else [])


def _pushed(machine: Machine, layout: Layout, count: int) -> Layout:
    """With the last ``count`` bytes of what lies in front as the frame's first ones; bytes that were cut off come
    back."""
    front = _in_front(machine, layout, count + layout.meta if layout.meta else count)
    rest, values = front[: len(front) - count], front[len(front) - count :]
    return replace(layout.pushed(values), front=_with_metadata(rest, layout.metadata))


def _with_metadata(front: tuple[Term, ...], metadata: tuple[Term, ...]) -> tuple[Term, ...]:
    """What lies in front, with the metadata moved to its end."""
    return (*front[: len(front) - len(metadata)], *metadata)


def _in_front(machine: Machine, layout: Layout, count: int) -> tuple[Term, ...]:
    """What lies in front of the frame, ``count`` bytes of it at least."""
    front = layout.front
    reached = layout.delta + len(front)  # bytes in front of the frame that came in which are in use
    reason = "what lies in memory in front of the packet"
    fresh = range(reached + count - len(front), reached, -1)
    return (*(machine.given(f"headroom[{i}]", 8, reason) for i in fresh), *front)
