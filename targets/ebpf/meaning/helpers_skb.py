"""Helpers of the tc hooks (net/core/filter.c), with what they do to the packet and to its tag beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from . import memory
from .alu import swap
from .context import packet_length
from .helpers_maps import COMMON, EFAULT, EINVAL, ENOMEM, result
from .state import Layout, State, Vlan, shorter_than

if TYPE_CHECKING:
    from .machine import Helper, Machine

ETH_P_8021Q, ETH_P_8021AD, ETH_P_802_3, ETH_P_802_2, ETH_P_802_3_MIN = 0x8100, 0x88A8, 0x0001, 0x0004, 0x0600
TC_ACT_SHOT, TC_ACT_REDIRECT = 2, 7
F_INGRESS: Final = 1
REDIRECT_INTERNAL: Final = 1 << 1 | 1 << 2 | 1 << 3
"""BPF_F_NEIGH, BPF_F_PEER, BPF_F_NEXTHOP: refused by ``bpf_redirect``'s own check unless the kernel sets them."""
F_RECOMPUTE_CSUM, F_INVALIDATE_HASH = 1, 2
SURE_LENGTH: Final = 15_000
"""Up to this length a packet may grow for sure (BPF_SKB_MAX_LEN is four pages less some bookkeeping)."""


def is_vlan(protocol: Term) -> Term:
    """``eth_type_vlan``: whether a type is one of the two tag protocols."""
    return b.or_(*(b.eq(protocol, b.bv(tag, 16)) for tag in (ETH_P_8021Q, ETH_P_8021AD)))


def protocol_of(kind: Term, next_two: Term | None, wire_needed: int) -> Term:
    """``skb->protocol`` for a frame whose type field is ``kind`` (eth_type_trans, vlan_set_encap_proto).

    Args:
        kind: the type field, 16 bits.
        next_two: the two bytes behind it.
        wire_needed: how long the input frame must be for these two bytes to be there.
    """
    is_length = b.ult(kind, b.bv(ETH_P_802_3_MIN, 16))
    if next_two is None:
        return kind
    raw = b.and_(b.not_(shorter_than(wire_needed)), b.eq(next_two, b.bv(0xFFFF, 16)))
    return b.ite(is_length, b.ite(raw, b.bv(ETH_P_802_3, 16), b.bv(ETH_P_802_2, 16)), kind)


def redirect(machine: Machine, state: State) -> list[State]:
    """``bpf_redirect(ifindex, flags)``: remembered; acts if the program returns TC_ACT_REDIRECT."""
    flags = machine.number(state, machine.scalar(state, 2))
    if flags & REDIRECT_INTERNAL or flags & F_INGRESS:
        raise machine.unsupported(state, f"a redirect with flags {flags:#x}")
    if flags:
        return result(state, TC_ACT_SHOT)
    state.fields["redirect"] = b.extract(machine.scalar(state, 1), 31, 0)
    state.fields["redirected"] = b.bv(1, 1)
    return result(state, TC_ACT_REDIRECT)


def _packet(machine: Machine, state: State) -> None:
    address = machine.pointer(state, 1)
    if address.kind != "ctx" or address.offset:
        raise machine.unsupported(state, "r1 is not the context")


def _inside(machine: Machine, state: State, offset: int, size: int) -> tuple[State | None, State | None]:
    """The paths where ``size`` bytes at ``offset`` lie in the packet, and those where they do not."""
    if offset >= 1 << 31:
        return None, state
    return machine.fork(state, b.not_(shorter_than(offset + size - state.layout.delta)))


def skb_load_bytes(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_load_bytes(skb, offset, to, len)``: 0, or -EFAULT and zeros."""
    _packet(machine, state)
    offset = machine.number(state, b.extract(machine.scalar(state, 2), 31, 0))
    size = machine.number(state, b.extract(machine.scalar(state, 4), 31, 0))
    to = machine.pointer(state, 3)
    good, bad = _inside(machine, state, offset, size)
    out: list[State] = []
    if good is not None:
        memory.store_bytes(machine, good, to, [good.layout.at(offset + i) for i in range(size)])
        out += result(good, 0)
    if bad is not None:
        memory.store_bytes(machine, bad, to, [b.bv(0, 8)] * size)
        out += result(bad, -EFAULT)
    return out


def skb_store_bytes(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_store_bytes(skb, offset, from, len, flags)``: 0, or an error and the packet as it was."""
    _packet(machine, state)
    offset = machine.number(state, b.extract(machine.scalar(state, 2), 31, 0))
    size = machine.number(state, b.extract(machine.scalar(state, 4), 31, 0))
    flags = machine.number(state, machine.scalar(state, 5))
    values = memory.load_bytes(machine, state, machine.pointer(state, 3), size)
    state.layout = state.layout.touched()
    if flags & ~(F_RECOMPUTE_CSUM | F_INVALIDATE_HASH):
        return result(state, -EINVAL)
    good, bad = _inside(machine, state, offset, size)
    out: list[State] = []
    if good is not None:
        good.layout = good.layout.write(offset, values)
        out += result(good, 0)
    return out + (result(bad, -EFAULT) if bad is not None else [])


def skb_pull_data(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_pull_data(skb, len)``: makes bytes accessible (here all are); -ENOMEM for more than there are."""
    _packet(machine, state)
    count = machine.number(state, b.extract(machine.scalar(state, 2), 31, 0))
    state.layout = state.layout.touched()
    good, bad = _inside(machine, state, 0, count)
    out = result(good, 0) if good is not None else []
    return out + (result(bad, -ENOMEM) if bad is not None else [])


def skb_change_head(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_change_head(skb, len, flags)``: ``len`` zeros in front; the stack's idea of the protocol stays."""
    _packet(machine, state)
    count = machine.number(state, b.extract(machine.scalar(state, 2), 31, 0))
    flags = machine.number(state, machine.scalar(state, 3))
    state.layout = state.layout.touched()
    if flags or count >= SURE_LENGTH:
        return result(state, -EINVAL)
    long, sure = machine.fork(state, b.ugt(packet_length(state), b.bv(SURE_LENGTH - count, 32)))
    out: list[State] = []
    if sure is not None:
        out += _pushed(sure, count)
    if long is not None:
        refused, taken = machine.fork(long, machine.choose("change_head", 0, "how long a packet may become"))
        out += result(refused, -EINVAL) if refused is not None else []
        out += _pushed(taken, count) if taken is not None else []
    return out


def _pushed(state: State, count: int) -> list[State]:
    state.layout = state.layout.pushed((b.bv(0, 8),) * count)
    return result(state, 0)


def skb_vlan_push(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_vlan_push(skb, proto, tci)``: the tag beside the packet goes into it, the new one beside it."""
    _packet(machine, state)
    asked = swap(b.extract(machine.scalar(state, 2), 15, 0))
    tci = b.extract(machine.scalar(state, 3), 15, 0)
    protocol = b.ite(is_vlan(asked), asked, b.bv(ETH_P_8021Q, 16))
    if state.vlan is not None:
        state.fields["protocol"] = state.vlan.protocol
        state.layout = with_tag(state.layout, state.vlan)
    state.layout = state.layout.touched()
    state.vlan = Vlan(protocol, tci)
    return result(state, 0)


def with_tag(layout: Layout, vlan: Vlan) -> Layout:
    """The packet with the tag between its addresses and its type."""
    longer = layout.reaching(12)
    tag = [b.extract(part, high, high - 7) for part in (vlan.protocol, vlan.tci) for high in (15, 7)]
    return Layout((*longer.prefix[:12], *tag, *longer.prefix[12:]), longer.payload, longer.epoch)


def skb_vlan_pop(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_vlan_pop(skb)``: the outer tag goes; the next one, if there is one, moves beside the packet."""
    _packet(machine, state)
    state.layout = state.layout.touched()
    if state.vlan is not None:
        state.vlan = None
        return _next_tag(machine, state)
    tagged, untagged = machine.fork(state, is_vlan(state.fields["protocol"]))
    out = result(untagged, 0) if untagged is not None else []
    if tagged is not None:
        good, bad = machine.fork(tagged, _has_tag(tagged))
        out += result(bad, -ENOMEM) if bad is not None else []
        if good is not None:
            _take_tag(machine, good)
            out += _next_tag(machine, good)
    return out


def _next_tag(machine: Machine, state: State) -> list[State]:
    tagged, untagged = machine.fork(state, is_vlan(state.fields["protocol"]))
    out = result(untagged, 0) if untagged is not None else []
    if tagged is not None:
        good, bad = machine.fork(tagged, _has_tag(tagged))
        out += result(bad, -ENOMEM) if bad is not None else []
        if good is not None:
            protocol = good.fields["protocol"]
            good.vlan = Vlan(protocol, _take_tag(machine, good))
            out += result(good, 0)
    return out


def _has_tag(state: State) -> Term:
    """Whether addresses, tag and type are there (``skb_ensure_writable(skb, VLAN_ETH_HLEN)``)."""
    return b.not_(shorter_than(18 - state.layout.delta))


def _take_tag(machine: Machine, state: State) -> Term:
    """``__skb_vlan_pop``: take the four bytes behind the addresses out; the tag's control information."""
    layout = state.layout.reaching(18)
    tci = b.concat(*layout.prefix[14:16])
    kind = b.concat(*layout.prefix[16:18])
    needed = 20 - layout.delta
    if state.shortest >= needed or kind.is_const:
        behind = b.concat(layout.at(18), layout.at(19))
    else:  # the kernel looks at two bytes that may lie behind the packet
        there = b.not_(shorter_than(needed))
        garbage = machine.choose("behind", 16, "what lies in memory behind a short packet")
        behind = b.ite(there, b.concat(layout.at(18), layout.at(19)), garbage)
    state.fields["protocol"] = protocol_of(kind, behind, 0)
    state.layout = Layout((*layout.prefix[:12], *layout.prefix[16:]), layout.payload, layout.epoch)
    return tci


TC: Final[dict[int, Helper]] = COMMON | {
    9: skb_store_bytes,
    18: skb_vlan_push,
    19: skb_vlan_pop,
    23: redirect,
    26: skb_load_bytes,
    39: skb_pull_data,
    43: skb_change_head,
}
"""Helper's number (``enum bpf_func_id``) → what it does."""
