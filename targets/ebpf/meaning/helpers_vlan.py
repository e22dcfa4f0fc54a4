"""VLAN tags at the tc hooks: the one that the kernel keeps beside the packet, and those inside (net/core/skbuff.c)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from .alu import swap
from .ends import ADDRESSES, before_trailer
from .helpers_common import context_argument
from .helpers_maps import ENOMEM, result
from .state import Layout, State, Vlan, shorter_than

if TYPE_CHECKING:
    from .machine import Machine

ETH_P_8021Q, ETH_P_8021AD, ETH_P_802_3, ETH_P_802_2, ETH_P_802_3_MIN = 0x8100, 0x88A8, 0x0001, 0x0004, 0x0600
SIZE: Final = 4
"""Bytes of a tag."""


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


def skb_vlan_push(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_vlan_push(skb, proto, tci)``: the tag beside the packet goes into it, the new one beside it.

    The network header then is the inner tag (Linux 6.12 and later), 14 bytes from the start as before.
    """
    context_argument(machine, state)
    asked = swap(b.extract(machine.scalar(state, 2), 15, 0))
    tci = b.extract(machine.scalar(state, 3), 15, 0)
    # Where the paths show that it is a tag's type, it is told as it is.
    protocol = b.ite(is_vlan(asked), asked, b.bv(ETH_P_8021Q, 16)) if state.may(b.not_(is_vlan(asked))) else asked
    if state.vlan is not None:
        state.fields["protocol"] = state.vlan.protocol
        before_trailer(machine, state, ADDRESSES)
        state.layout = with_tag(state.layout, state.vlan)
    state.layout = state.layout.touched()
    state.vlan = Vlan(protocol, tci)
    return result(state, 0)


def with_tag(layout: Layout, vlan: Vlan) -> Layout:
    """The packet with the tag between its addresses and its type."""
    longer = layout.reaching(ADDRESSES)
    tag = [b.extract(part, high, high - 7) for part in (vlan.protocol, vlan.tci) for high in (15, 7)]
    return replace(longer.inserted(ADDRESSES, tuple(tag)), epoch=layout.epoch)


def skb_vlan_pop(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_vlan_pop(skb)``: the outer tag goes; the next one, if there is one, moves beside the packet."""
    context_argument(machine, state)
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
    return state.layout.has(18)


def _take_tag(machine: Machine, state: State) -> Term:
    """``__skb_vlan_pop``: take the four bytes behind the addresses out; the tag's control information."""
    before_trailer(machine, state, 18)
    layout = state.layout.reaching(18)
    tci = b.concat(*layout.prefix[14:16])
    kind = b.concat(*layout.prefix[16:18])
    there = layout.has(20)
    if there is b.TRUE or (layout.open_ended and state.shortest >= 20 - layout.delta) or kind.is_const:
        behind = b.concat(layout.at(18), layout.at(19))
    else:  # the kernel looks at two bytes that may lie behind the packet
        garbage = machine.asked(state, "behind", 16, "what lies in memory behind a short packet")
        behind = b.ite(there, b.concat(layout.at(18), layout.at(19)), garbage)
    state.fields["protocol"] = protocol_of(kind, behind, 0)
    state.layout = replace(layout.removed(12, 4), epoch=layout.epoch)
    l2 = state.fields["l2"]
    state.fields["l2"] = b.ite(b.ult(l2, b.bv(18, 16)), b.bv(14, 16), b.sub(l2, b.bv(SIZE, 16)))
    return tci
