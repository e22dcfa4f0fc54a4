"""Helpers of the XDP hook (net/core/filter.c, kernel/bpf/devmap.c)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.meaning.behaviour import Destination
from . import memory
from .alu import swap
from .context import packet_length
from .helpers_common import COMMON, context_argument
from .helpers_maps import EFAULT, EINVAL, map_argument, present, result
from .helpers_meta import xdp_adjust_head, xdp_adjust_meta
from .helpers_queues import QUEUED
from .helpers_sockets import SOCKETS
from .helpers_tail import XDP_TAIL
from .state import State, redirected_to
from .values import Address

if TYPE_CHECKING:
    from ....semantics.bits import Term
    from ..artifact.program import MapDef
    from .machine import Helper, Machine

XDP_ABORTED, XDP_DROP, XDP_PASS, XDP_TX, XDP_REDIRECT = range(5)
BROADCAST, EXCLUDE_INGRESS = 1 << 3, 1 << 4
_FARTHEST: Final = 0xFFFF
"""Offsets beyond are refused, whatever the packet's length."""
_LEADS_TO: Final[dict[str, Destination]] = {
    "devmap": "port", "devmap_hash": "port", "cpumap": "cpu", "xskmap": "socket",
}  # fmt: skip
"""Types of maps that frames are redirected through, and where to."""


def redirect(machine: Machine, state: State) -> list[State]:
    """``bpf_redirect(ifindex, flags)`` of XDP: no flags are known."""
    if machine.number(state, machine.scalar(state, 2)):
        return result(state, XDP_ABORTED)
    number = b.extract(machine.scalar(state, 1), 31, 0)
    state.fields["redirect"] = state.fields["redirect_index"] = number
    state.fields["redirected"] = redirected_to("port")
    return result(state, XDP_REDIRECT)


def redirect_map(machine: Machine, state: State) -> list[State]:
    """``bpf_redirect_map(map, key, flags)`` through a map of devices, CPUs or sockets; the flags are what a missing
    element gives."""
    item = map_argument(machine, state, 1, *_LEADS_TO).item
    flags = machine.number(state, machine.scalar(state, 3))
    known = XDP_PASS | XDP_TX | XDP_DROP
    if flags & ~(known | (BROADCAST | EXCLUDE_INGRESS if _LEADS_TO[item.type] == "port" else 0)):
        return result(state, XDP_ABORTED)
    number = b.extract(machine.scalar(state, 2), 31, 0)
    if flags & BROADCAST:
        return _to_every_device(machine, state, item, number, without_ingress=bool(flags & EXCLUDE_INGRESS))
    flags &= known
    key = swap(number)
    found, missing = machine.fork(state, present(machine, state, item, key))
    out: list[State] = []
    if missing is not None:
        _forget_map(missing)
        out += result(missing, flags)
    if found is not None:
        found.fields["redirect_index"] = number
        if item.type != "cpumap":  # there the key is the CPU, and the value how long its queue is
            value = memory.cell(machine, found, item, Address("value", 0, item.name, key))
            number = swap(b.extract(value, value.width - 1, value.width - 32))
        found.fields["redirect"], found.fields["redirected"] = number, redirected_to(_LEADS_TO[item.type])
        out += result(found, XDP_REDIRECT)
    return out


def _to_every_device(
    machine: Machine, state: State, item: MapDef, number: Term, *, without_ingress: bool
) -> list[State]:
    """A copy for every device of the map (``dev_map_enqueue_multi``), whatever the key: destination "devices".

    Which devices these are hangs on what the map holds, on the device that the frame came in by, and on the flag. No
    program can change such a map (``check_map_func_compatibility`` allows to look up and to redirect only), so that
    two programs that name the same map and the same flag send to the same devices. Which map it is, is a number that
    nobody knows: two maps are never taken to hold the same.
    """
    if not machine.open_ended:
        raise machine.unsupported(state, f"a frame sent to every device of map {item.name}")
    which = machine.given(f"devices.{item.name}", 31, f"the devices in map {item.name} are whatever is put there")
    state.fields["redirect"] = b.concat(which, b.bv(int(without_ingress), 1))
    state.fields["redirect_index"], state.fields["redirected"] = number, redirected_to("devices")
    return result(state, XDP_REDIRECT)


def _forget_map(state: State) -> None:
    """After a look-up without an element: what was noted before is the number of an interface, also where it was the
    index of a map's element (``__bpf_xdp_redirect_map`` leaves ``tgt_index`` as it was)."""
    nowhere = redirected_to(None)
    nothing = b.eq(state.fields["redirected"], nowhere)
    state.fields["redirect"] = state.fields["redirect_index"]
    state.fields["redirected"] = b.ite(nothing, nowhere, redirected_to("port"))


def get_buff_len(machine: Machine, state: State) -> list[State]:
    """``bpf_xdp_get_buff_len(xdp)``."""
    context_argument(machine, state)
    return result(state, packet_length(state))


def _offset(machine: Machine, state: State) -> Term:
    return b.extract(machine.scalar(state, 2), 31, 0)


def _outside(machine: Machine, state: State) -> list[State]:
    """The answer for bytes that do not lie in the packet (``bpf_xdp_pointer``)."""
    far = b.ult(b.bv(_FARTHEST, 32), _offset(machine, state))
    return result(state, b.ite(far, b.bv(-EFAULT, 64), b.bv(-EINVAL, 64)))


def _part(machine: Machine, state: State) -> tuple[Address, int, State | None, State | None]:
    """The bytes that r2 and r4 tell, and the paths where they lie in the packet, and where they do not."""
    context_argument(machine, state)
    offset = _offset(machine, state)
    size = machine.number(state, b.extract(machine.scalar(state, 4), 31, 0))
    address = Address("packet", epoch=state.layout.epoch).at_distance(b.zext(offset, 64))
    inside = b.and_(b.ule(offset, b.bv(_FARTHEST, 32)), memory.in_packet(state, address, size))
    return address, size, *machine.fork(state, inside)


def xdp_load_bytes(machine: Machine, state: State) -> list[State]:
    """``bpf_xdp_load_bytes(xdp, offset, buf, len)``: 0, or an error and ``buf`` as it was."""
    to = machine.pointer(state, 3)
    address, size, good, bad = _part(machine, state)

    def load(state: State) -> list[State]:
        memory.store_bytes(machine, state, to, memory.load_bytes(machine, state, address, size))
        return result(state, 0)

    def fail(state: State) -> list[State]:
        garbage = [machine.choose("unwritten", 8, "what lies in memory that was not written") for _ in range(size)]
        memory.store_bytes(machine, state, to, garbage)
        return _outside(machine, state)

    return machine.on(good, load) + machine.on(bad, fail)


def xdp_store_bytes(machine: Machine, state: State) -> list[State]:
    """``bpf_xdp_store_bytes(xdp, offset, buf, len)``: 0, or an error and the packet as it was."""
    values_from = machine.pointer(state, 3)
    address, size, good, bad = _part(machine, state)

    def store(state: State) -> list[State]:
        values = memory.load_bytes(machine, state, values_from, size)
        memory.store_bytes(machine, state, address, values)
        return result(state, 0)

    return machine.on(good, store) + machine.on(bad, lambda state: _outside(machine, state))


XDP: Final[dict[int, Helper]] = (
    COMMON
    | QUEUED
    | SOCKETS
    | XDP_TAIL
    | {
        23: redirect,
        44: xdp_adjust_head,
        51: redirect_map,
        54: xdp_adjust_meta,
        188: get_buff_len,
        189: xdp_load_bytes,
        190: xdp_store_bytes,
    }
)
"""Helper's number (``enum bpf_func_id``) → what it does."""
