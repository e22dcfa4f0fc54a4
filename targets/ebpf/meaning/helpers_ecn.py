"""``bpf_skb_ecn_set_ce`` (net/core/filter.c; ``INET_ECN_set_ce`` in include/net/inet_ecn.h; RFC 3168)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from . import memory
from .context import packet_length
from .helpers_common import context_argument
from .helpers_maps import result
from .helpers_vlan import is_vlan
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Machine

ETH_P_IP, ETH_P_IPV6 = 0x0800, 0x86DD
IPV4_BYTES, IPV6_BYTES = 20, 40
TAG_BYTES: Final = 4
MOST_TAGS: Final = 7
"""Tags that are looked behind (VLAN_MAX_DEPTH, the last of which is one too many)."""
TOS, CHECKSUM = 1, 10
CE: Final = 3


def ecn_set_ce(machine: Machine, state: State) -> list[State]:
    """``bpf_skb_ecn_set_ce(skb)``: marks what the stack takes for IPv4 or IPv6 and what can be marked: 1, else 0.

    The header lies where the stack takes the network header to be, also where that is a tag which still stands in the
    packet: only the protocol is looked for behind such (``skb_protocol``). Pointers into the packet stay good: the
    helper does not say that it changes the packet (``bpf_helper_changes_pkt_data``).
    """
    context_argument(machine, state)
    at = machine.number(state, state.fields["l2"])
    kind = _behind_tags(state, state.fields["protocol"], at - TAG_BYTES, MOST_TAGS)
    out: list[State] = []
    rest: State | None = state
    for protocol, size, mark in ((ETH_P_IP, IPV4_BYTES, _mark_ipv4), (ETH_P_IPV6, IPV6_BYTES, _mark_ipv6)):
        if rest is None:
            break
        this, rest = machine.fork(rest, b.eq(kind, b.bv(protocol, 16)))
        whole, short = machine.fork(this, b.uge(packet_length(this), b.bv(at + size, 32))) if this else (None, None)
        out += result(short, 0) if short is not None else []
        if whole is not None:
            out += machine.on(whole, partial(mark, machine, at))
    return out + (result(rest, 0) if rest is not None else [])


def _behind_tags(state: State, kind: Term, at: int, most: int) -> Term:
    """The protocol behind the tags that stand in the packet, of which ``most`` are looked at from ``at`` on; 0 where
    there are more, or one is cut off (``__vlan_get_protocol``). What comes first is taken for a tag that ends with the
    Ethernet header."""
    nothing = b.bv(0, 16)
    if not most or at < 0:
        return b.ite(is_vlan(kind), nothing, kind)
    inner = b.concat(state.layout.at(at + 2), state.layout.at(at + 3))
    whole = b.uge(packet_length(state), b.bv(at + TAG_BYTES, 32))
    return b.ite(is_vlan(kind), b.ite(whole, _behind_tags(state, inner, at + TAG_BYTES, most - 1), nothing), kind)


def _header(machine: Machine, state: State, at: int, size: int) -> tuple[Address, list[Term]]:
    address = Address("packet", at, epoch=state.layout.epoch)
    return address, memory.load_bytes(machine, state, address, size)


def _mark_ipv4(machine: Machine, at: int, state: State) -> list[State]:
    """``IP_ECN_set_ce``: the checksum is brought up to date as ``csum16_add`` does."""
    address, header = _header(machine, state, at, IPV4_BYTES)
    ecn = b.extract(header[TOS], 1, 0)
    able = b.or_(b.eq(ecn, b.bv(1, 2)), b.eq(ecn, b.bv(2, 2)))
    # htons(0xFFFB) + htons(ecn + 1): what one takes away from the sum of network words, one more for ECT(1)
    more = b.ite(b.eq(ecn, b.bv(1, 2)), b.bv(0xFFFB + 2, 17), b.bv(0xFFFB + 3, 17))
    total = b.add(b.zext(b.concat(header[CHECKSUM], header[CHECKSUM + 1]), 17), more)
    folded = b.add(b.extract(total, 15, 0), b.zext(b.extract(total, 16, 16), 16))
    for offset, octets in (
        (TOS, [b.bor(header[TOS], b.bv(CE, 8))]),
        (CHECKSUM, [b.extract(folded, 15, 8), b.extract(folded, 7, 0)]),
    ):
        old = header[offset : offset + len(octets)]
        new = [b.ite(able, x, y) for x, y in zip(octets, old, strict=True)]
        memory.store_bytes(machine, state, address.on(offset), new)
    return result(state, b.ite(b.eq(ecn, b.bv(0, 2)), b.bv(0, 64), b.bv(1, 64)))


def _mark_ipv6(machine: Machine, at: int, state: State) -> list[State]:
    """``IP6_ECN_set_ce``: the traffic class ends in the upper half of the second byte."""
    address, header = _header(machine, state, at, 2)
    able = b.not_(b.eq(b.extract(header[1], 5, 4), b.bv(0, 2)))
    marked = b.bor(header[1], b.bv(CE << 4, 8))
    memory.store_bytes(machine, state, address.on(1), [b.ite(able, marked, header[1])])
    return result(state, b.ite(able, b.bv(1, 64), b.bv(0, 64)))
