"""IPv4's header checksum: ``tcf_csum_act`` with ``TCA_CSUM_UPDATE_FLAG_IPV4HDR`` (``net/sched/act_csum.c``, 6.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.checksums import internet_sum
from .headers import is_vlan
from .packet import VLAN_HLEN, Skb

IP_HEADER, IP6_HEADER = 20, 40
SANE: Final = (
    "where an IPv4 checksum is computed, the header is whole and has 20 bytes or more; an IPv6 header is whole and has"
    " no extension header behind it; there is at most one tag in the data"
)
_EXTENSIONS: Final = (0, 43, 44, 60)


def ip_header_checksum(assume: Callable[[str, Term], None], skb: Skb) -> list[tuple[Term, Skb | None]]:
    """What becomes of the packet: a cut header drops it."""
    result: list[tuple[Term, Skb | None]] = []
    kind, network, reached = skb.protocol, skb.network, TRUE
    for deeper in range(2):
        is_ip = b.and_(reached, b.eq(kind, b.bv(0x0800, 16)))
        result += _on_ip(assume, is_ip, skb, network)
        is_ip6 = b.and_(reached, b.eq(kind, b.bv(0x86DD, 16)))
        assume(SANE, b.implies(is_ip6, _plain_ip6(skb, network)))
        tagged = b.and_(reached, is_vlan(kind))
        result.append((b.and_(reached, b.not_(is_ip), b.not_(tagged)), skb))
        if deeper:
            assume(SANE, b.not_(tagged))
            result.append((tagged, skb))
            break
        assume(SANE, b.implies(tagged, skb.has(network + VLAN_HLEN)))
        kind, network, reached = skb.bytes(network + 2, 2), network + VLAN_HLEN, tagged
        if reached is FALSE:
            break
    return [(condition, after) for condition, after in result if condition is not FALSE]


def _plain_ip6(skb: Skb, network: int) -> Term:
    carried = skb.byte(network + 6)
    extended = b.or_(*(b.eq(carried, b.bv(kind, 8)) for kind in _EXTENSIONS))
    return b.and_(skb.has(network + IP6_HEADER), b.not_(extended))


def _on_ip(assume: Callable[[str, Term], None], is_ip: Term, skb: Skb, network: int) -> list[tuple[Term, Skb | None]]:
    if is_ip is FALSE:
        return []
    whole = skb.has(network + IP_HEADER)
    length = b.extract(skb.byte(network), 3, 0)
    enough = b.uge(length, b.bv(5, 4))
    options = b.and_(*(b.implies(b.eq(length, b.bv(n, 4)), skb.has(network + 4 * n)) for n in range(6, 16)))
    assume(SANE, b.implies(b.and_(is_ip, whole), b.and_(enough, options)))
    fixed = (skb.bytes(network, 10), b.bv(0, 16), skb.bytes(network + 12, 8))
    optional = (b.ite(b.uge(length, b.bv(n, 4)), skb.bytes(network + 4 * n - 4, 4), b.bv(0, 32)) for n in range(6, 16))
    total = internet_sum(b.concat(*fixed, *optional))
    summed = skb.written(network + 10, b.bnot(total))
    return [(b.and_(is_ip, whole), summed), (b.and_(is_ip, b.not_(whole)), None)]
