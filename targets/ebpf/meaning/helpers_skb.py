"""Helpers of the tc hooks (net/core/filter.c), with what they do to the packet and to its tag beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Destination, Output
from . import memory
from .context import packet_length
from .ends import ADDRESSES, before_trailer
from .hash import forget_hash, get_hash_recalc, set_hash, set_hash_invalid
from .helpers_common import (
    COMMON,
    MAX_LEN,
    SURE_LENGTH,
    anything,
    constant,
    context_argument,
    may_grow_to,
    skb_fib_lookup,
)
from .helpers_csum import l3_csum_replace, l4_csum_replace
from .helpers_ecn import ecn_set_ce
from .helpers_maps import EFAULT, EINVAL, ENOMEM, result
from .helpers_queues import QUEUED
from .helpers_room import adjust_room, change_proto
from .helpers_sockets import ASSIGNED, SOCKETS
from .helpers_tail import TC_TAIL
from .helpers_tunnels import SET as TUNNEL_SET
from .helpers_tunnels import TUNNELS
from .helpers_vlan import skb_vlan_pop, skb_vlan_push, with_tag
from .state import NEXT_HOP, NEXT_HOP_BYTES, NO_NEXT_HOP, State, redirected_to
from .values import Address, possible_values

if TYPE_CHECKING:
    from .machine import Helper, Machine

TC_ACT_SHOT, TC_ACT_REDIRECT = 2, 7
F_INGRESS: Final = 1
F_RECOMPUTE_CSUM, F_INVALIDATE_HASH = 1, 2
FEW: Final = 16
"""Offsets that are each followed on a path of their own."""
_GROUP: Final = "the control group of the packet's socket"


def redirect(machine: Machine, state: State) -> list[State]:
    """``bpf_redirect(ifindex, flags)``: remembered; acts if the program returns TC_ACT_REDIRECT. Only BPF_F_INGRESS is
    a program's to set (``BPF_F_REDIRECT_INTERNAL``)."""
    flags = machine.number(state, machine.scalar(state, 2))
    if flags & ~F_INGRESS:
        return result(state, TC_ACT_SHOT)
    return _redirected(machine, state, "ingress" if flags else "port")


def _redirected(machine: Machine, state: State, to: Destination) -> list[State]:
    state.fields["redirect"] = b.extract(machine.scalar(state, 1), 31, 0)
    state.fields["redirected"] = redirected_to(to)
    return result(state, TC_ACT_REDIRECT)


def redirect_peer(machine: Machine, state: State) -> list[State]:
    """``bpf_redirect_peer(ifindex, flags)``: no flags are known."""
    if machine.number(state, machine.scalar(state, 2)):
        return result(state, TC_ACT_SHOT)
    return _redirected(machine, state, "peer")


def redirect_neigh(machine: Machine, state: State) -> list[State]:
    """``bpf_redirect_neigh(ifindex, params, size, flags)``: no flags are known.

    The parameters, where there are any, say which neighbour is the next hop: its family and address (``struct
    bpf_redir_neigh``). Which parts of them the kernel looks at hangs on the packet's protocol; all of them are kept.
    """
    size = machine.number(state, b.extract(machine.scalar(state, 3), 31, 0))
    flags = machine.number(state, machine.scalar(state, 4))
    if flags or 0 < size < NEXT_HOP_BYTES or size >= 1 << 31:
        return result(state, TC_ACT_SHOT)
    state.fields[NEXT_HOP] = NO_NEXT_HOP
    if size:
        said = memory.load_bytes(machine, state, machine.pointer(state, 2), size)[:NEXT_HOP_BYTES]
        state.fields[NEXT_HOP] = b.concat(b.bv(1, 1), *said)
    return _redirected(machine, state, "neighbour")


def ancestor_cgroup_id(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_ancestor_cgroup_id(skb, level)``: the same each time for each level; only known levels are modelled."""
    context_argument(machine, state)
    level = machine.number(state, b.extract(machine.scalar(state, 2), 31, 0))
    return result(state, machine.given(f"ancestor_cgroup_id.{level}", 64, _GROUP))


def clone_redirect(machine: Machine, state: State) -> list[State]:
    """``bpf_clone_redirect(skb, ifindex, flags)``: a copy goes out at once."""
    context_argument(machine, state)
    flags = machine.number(state, machine.scalar(state, 3))
    if flags & ~F_INGRESS:
        return result(state, -EINVAL)
    if state.counts.get(TUNNEL_SET):
        raise machine.unsupported(state, "a copy of a packet whose tunnel key was set")
    before_trailer(machine, state, ADDRESSES if state.vlan is not None else 0)
    frame = with_tag(state.layout, state.vlan) if state.vlan is not None else state.layout
    port = b.extract(machine.scalar(state, 2), 31, 0)
    state.sent = (
        *state.sent,
        Output(b.TRUE, "ingress" if flags else "port", port, frame.packet),
    )
    state.layout = state.layout.touched()
    return result(state, 0)


START_MAC, START_NET = 0, 1


def skb_load_bytes(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_load_bytes(skb, offset, to, len)``: 0, or -EFAULT and zeros."""
    context_argument(machine, state)
    return _load(machine, state, b.extract(machine.scalar(state, 2), 31, 0))


def skb_load_bytes_relative(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_load_bytes_relative(skb, offset, to, len, start_header)`` from a header on."""
    context_argument(machine, state)
    start = machine.number(state, b.extract(machine.scalar(state, 5), 31, 0))
    offset = b.extract(machine.scalar(state, 2), 31, 0)
    if start not in (START_MAC, START_NET):
        return _load(machine, state, b.bv(-1, 32))
    base = machine.number(state, state.fields["l2"]) if start == START_NET else 0
    near, far = machine.fork(state, b.ule(offset, b.bv(0xFFFF, 32)))
    out = _load(machine, near, b.add(offset, b.bv(base, 32))) if near is not None else []
    return out + (_load(machine, far, b.bv(-1, 32)) if far is not None else [])


def _load(machine: Machine, state: State, offset: Term) -> list[State]:
    size = machine.number(state, b.extract(machine.scalar(state, 4), 31, 0))
    to = machine.pointer(state, 3)
    values = possible_values(offset, state.ranges, FEW)
    if offset.is_const or offset in state.facts or values is not None:
        offset = b.bv(machine.number(state, offset), 32)
    address = Address("packet", epoch=state.layout.epoch).at_distance(b.zext(offset, 64))
    inside = b.and_(b.ult(offset, b.bv(1 << 31, 32)), memory.in_packet(state, address, size))
    good, bad = machine.fork(state, inside)

    def load(state: State) -> list[State]:
        memory.store_bytes(machine, state, to, memory.load_bytes(machine, state, address, size))
        return result(state, 0)

    def clear(state: State) -> list[State]:
        memory.store_bytes(machine, state, to, [b.bv(0, 8)] * size)
        return result(state, -EFAULT)

    return machine.on(good, load) + machine.on(bad, clear)


def skb_store_bytes(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_store_bytes(skb, offset, from, len, flags)``: 0, or an error and the packet as it was."""
    context_argument(machine, state)
    offset = b.extract(machine.scalar(state, 2), 31, 0)
    if offset in state.facts or possible_values(offset, state.ranges) is not None:
        offset = b.bv(machine.number(state, offset), 32)
    size = machine.number(state, b.extract(machine.scalar(state, 4), 31, 0))
    flags = machine.number(state, machine.scalar(state, 5))
    values = memory.load_bytes(machine, state, machine.pointer(state, 3), size)
    state.layout = state.layout.touched()
    if flags & ~(F_RECOMPUTE_CSUM | F_INVALIDATE_HASH):
        return result(state, -EINVAL)
    before = dict(state.fields)
    if flags & F_INVALIDATE_HASH:
        forget_hash(state)
    address = Address("packet", epoch=state.layout.epoch).at_distance(b.zext(offset, 64))
    inside = b.and_(b.ult(offset, b.bv(1 << 31, 32)), memory.in_packet(state, address, size))
    good, bad = machine.fork(state, inside)

    def store(state: State) -> list[State]:
        memory.store_bytes(machine, state, address, values)
        return result(state, 0)

    def fail(state: State) -> list[State]:
        state.fields = before
        return result(state, -EFAULT)

    return machine.on(good, store) + machine.on(bad, fail)


def skb_pull_data(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_pull_data(skb, len)``: makes bytes accessible (here all are); -ENOMEM for more than there are."""
    context_argument(machine, state)
    count = b.extract(machine.scalar(state, 2), 31, 0)
    state.layout = state.layout.touched()
    good, bad = machine.fork(state, b.ule(count, packet_length(state)))
    out = result(good, 0) if good is not None else []
    return out + (result(bad, -ENOMEM) if bad is not None else [])


def skb_change_head(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_change_head(skb, len, flags)``: ``len`` zeros in front; the stack's idea of the protocol stays."""
    context_argument(machine, state)
    count = machine.number(state, b.extract(machine.scalar(state, 2), 31, 0))
    flags = machine.number(state, machine.scalar(state, 3))
    state.layout = state.layout.touched()
    if flags or count > MAX_LEN:
        return result(state, -EINVAL)
    taken, refused = machine.fork(state, may_grow_to(machine, b.add(packet_length(state), b.bv(count, 32))))
    out = result(refused, -EINVAL) if refused is not None else []
    if taken is not None and count > SURE_LENGTH:
        raise machine.unsupported(taken, f"{count} bytes put in front of a packet")
    return out + (_pushed(taken, count) if taken is not None else [])


def _pushed(state: State, count: int) -> list[State]:
    state.layout = state.layout.pushed((b.bv(0, 8),) * count)
    state.fields["l2"] = b.add(state.fields["l2"], b.bv(count, 16))
    return result(state, 0)


def change_type(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_change_type(skb, type)``: to one of the first four types, and from one of them only."""
    context_argument(machine, state)
    kind = b.extract(machine.scalar(state, 2), 31, 0)
    before = state.fields["pkt_type"]
    fine = b.and_(b.ult(kind, b.bv(4, 32)), b.ult(before, b.bv(4, 3)))
    good, bad = machine.fork(state, fine)
    out = result(bad, -EINVAL) if bad is not None else []
    if good is not None:
        good.fields["pkt_type"] = b.extract(kind, 2, 0)
        out += result(good, 0)
    return out


TC: Final[dict[int, Helper]] = (
    COMMON
    | QUEUED
    | SOCKETS
    | ASSIGNED
    | TUNNELS
    | TC_TAIL
    | {
        9: skb_store_bytes,
        10: l3_csum_replace,
        11: l4_csum_replace,
        13: clone_redirect,
        17: constant("cgroup_classid", 32, "the class of the socket's control group"),
        18: skb_vlan_push,
        19: skb_vlan_pop,
        23: redirect,
        152: redirect_neigh,
        155: redirect_peer,
        24: constant("route_realm", 32, "the realm of the packet's route"),
        26: skb_load_bytes,
        31: change_proto,
        32: change_type,
        34: get_hash_recalc,
        39: skb_pull_data,
        40: anything("csum_update", 64, "whether the device has summed up the packet"),
        41: set_hash_invalid,
        43: skb_change_head,
        46: constant("socket_cookie", 64, "the cookie of the packet's socket"),
        47: constant("socket_uid", 32, "the owner of the packet's socket"),
        48: set_hash,
        50: adjust_room,
        68: skb_load_bytes_relative,
        69: skb_fib_lookup,
        79: constant("cgroup_id", 64, _GROUP),
        83: ancestor_cgroup_id,
        97: ecn_set_ce,
        135: anything("csum_level", 64, "what the device has said of checksums"),
        151: constant("skb_cgroup_classid", 32, "the class of the control group of the packet's own socket"),
    }
)
"""Helper's number (``enum bpf_func_id``) → what it does."""
