"""Checksums that are computed anew: ``tcf_csum_act`` (``net/sched/act_csum.c``, Linux 6.1)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.behaviour import LENGTH
from ....semantics.meaning.checksums import internet_sum, ones_complement_sum
from .headers import Written, is_vlan
from .packet import VLAN_HLEN, Skb

IP_HEADER, IP6_HEADER = 20, 40
SANE: Final = (
    "where an IPv4 checksum is computed, the header is whole and has 20 bytes or more; an IPv6 header is whole and has"
    " no extension header behind it; there is at most one tag in the data"
)
NOT_PADDED: Final = "where a checksum of what IP carries is computed, the frame ends where the IP packet does"
COVERED: Final = "where UDP-Lite's checksum is computed, it covers all of the packet, or what there cannot be"
KNOWN: Final = ("iph", "icmp", "igmp", "tcp", "udp", "udplite")
"""What is modelled; SCTP is not, whose checksum is none of these sums."""
_EXTENSIONS: Final = (0, 43, 44, 60)

Assume = Callable[[str, Term], None]


@dataclass(frozen=True, slots=True)
class _Carried:
    """A protocol: its number, the length of its header, where its checksum is, and whether addresses are in it."""

    part: str
    number: int
    header: int
    at: int
    pseudo: bool


_IN_IP: Final = (
    _Carried("icmp", 1, 8, 2, False),
    _Carried("igmp", 2, 8, 2, False),
    _Carried("tcp", 6, 20, 16, True),
    _Carried("udp", 17, 8, 6, True),
    _Carried("udplite", 136, 8, 6, True),
)
_IN_IP6: Final = (_Carried("icmp", 58, 8, 2, True), *_IN_IP[2:])


def checksums(assume: Assume, parts: Collection[str], skb: Skb) -> Written:
    """What becomes of the packet: headers cut short drop it.

    Args:
        assume: told what inputs are left out.
        parts: some of :data:`KNOWN`.
    """
    result: Written = []
    kind, network, reached = skb.protocol, skb.network, TRUE
    for deeper in range(2):
        is_ip = b.and_(reached, b.eq(kind, b.bv(0x0800, 16)))
        result += _under(is_ip, _Ip(assume, parts, skb, network, is_ip).run())
        is_ip6 = b.and_(reached, b.eq(kind, b.bv(0x86DD, 16)))
        result += _under(is_ip6, _Ip6(assume, parts, skb, network, is_ip6).run())
        tagged = b.and_(reached, is_vlan(kind))
        result.append((b.and_(reached, b.not_(is_ip), b.not_(is_ip6), b.not_(tagged)), skb))
        if deeper:
            assume(SANE, b.not_(tagged))
            result.append((tagged, skb))
            break
        assume(SANE, b.implies(tagged, skb.has(network + VLAN_HLEN)))
        kind, network, reached = skb.bytes(network + 2, 2), network + VLAN_HLEN, tagged
        if reached is FALSE:
            break
    return [(condition, after) for condition, after in result if condition is not FALSE]


def _under(condition: Term, steps: Written) -> Written:
    return [] if condition is FALSE else [(b.and_(condition, when), after) for when, after in steps]


class _Network:
    """A network header at a place, where ``here`` holds."""

    def __init__(self, assume: Assume, parts: Collection[str], skb: Skb, network: int, here: Term) -> None:
        self._assume, self.parts, self.skb, self.network, self.here = assume, parts, skb, network, here

    def assume(self, text: str, condition: Term) -> None:
        """What must hold of packets with this header."""
        if self.here is not FALSE:
            self._assume(text, b.implies(self.here, condition))

    @property
    def rest(self) -> Term:
        """Bytes from the network header on (16 bits)."""
        return b.add(LENGTH, b.bv(len(self.skb.head) - self.skb.payload - self.network, 16))

    def carried(self, one: _Carried, start: int, end: Term, addresses: Term, when: Term) -> Written:
        """``tcf_csum_ipv4_tcp`` and its like: ``start`` bytes behind the network header, ``end`` bytes in all."""
        at = self.network + start
        good = b.and_(b.uge(self.rest, end), b.uge(end, b.bv(start + one.header, 16)))
        self.assume(NOT_PADDED, b.implies(b.and_(when, good), b.eq(self.rest, end)))
        length = b.sub(end, b.bv(start, 16))
        found = self.skb.reaching(at + one.header)
        place = at + one.at
        covered = [found.bytes(at, one.at), b.bv(0, 16)]
        if len(found.head) > place + 2:
            covered.append(found.bytes(place + 2, len(found.head) - place - 2))
        odd = (len(found.head) - at) % 2 == 1
        lite = one.part == "udplite"
        said = found.bytes(at + 4, 2)
        pseudo = [addresses, b.bv(one.number, 16), said if lite else length] if one.pseudo else []
        total = ones_complement_sum([internet_sum(b.concat(*pseudo, *covered)), _tail(found.payload, odd=odd)])
        value = b.bnot(total)
        if lite:
            value = self.udp_lite(value, said, length, b.and_(when, good))
        elif one.part == "udp":
            value = self.udp(value, found.bytes(place, 2), b.eq(found.bytes(at + 4, 2), length))
        return [(good, found.written(place, value)), (b.not_(good), None)]

    def udp_lite(self, value: Term, said: Term, length: Term, when: Term) -> Term:
        """What is said to be covered are no bytes for all of them; it is zeroed where that is less than the header, or
        more than there is."""
        all_of_it = b.or_(b.eq(said, b.bv(0, 16)), b.eq(said, length))
        wrong = b.and_(b.ne(said, b.bv(0, 16)), b.or_(b.ult(said, b.bv(8, 16)), b.ugt(said, length)))
        self.assume(COVERED, b.implies(when, b.or_(all_of_it, wrong)))
        nothing = b.bv(0, 16)
        return b.ite(wrong, nothing, b.ite(b.eq(value, nothing), b.bv(0xFFFF, 16), value))

    def udp(self, value: Term, old: Term, right: Term) -> Term:
        """UDP's checksum is never 0; where its length is not IP's (not ``right``) it is zeroed, and that is all."""
        nothing = b.bv(0, 16)
        return b.ite(right, b.ite(b.eq(value, nothing), b.bv(0xFFFF, 16), value), nothing)


def _tail(start: int, *, odd: bool) -> Term:
    """The sum of the input from byte ``start`` on (``semantics/meaning/payload``)."""
    whole = b.var(f"pkt.sum16[{start}]", 16)
    swapped = b.concat(b.extract(whole, 7, 0), b.extract(whole, 15, 8)) if odd else whole
    return b.ite(b.ult(b.bv(start, 16), LENGTH), swapped, b.bv(0, 16))


class _Ip(_Network):
    def run(self) -> Written:
        """``tcf_csum_ipv4``."""
        skb, network = self.skb, self.network
        whole = skb.has(network + IP_HEADER)
        length = b.extract(skb.byte(network), 3, 0)
        enough = b.uge(length, b.bv(5, 4))
        options = b.and_(*(b.implies(b.eq(length, b.bv(n, 4)), skb.has(network + 4 * n)) for n in range(6, 16)))
        self.assume(SANE, b.implies(whole, b.and_(enough, options)))
        steps = _under(whole, self._contents(length))
        if "iph" in self.parts:
            steps = [(when, None if after is None else self._header(after)) for when, after in steps]
        return [*steps, (b.not_(whole), None)]

    def udp(self, value: Term, old: Term, right: Term) -> Term:
        """No checksum stays none."""
        return b.ite(b.eq(old, b.bv(0, 16)), old, super().udp(value, old, right))

    def _contents(self, length: Term) -> Written:
        skb, network = self.skb, self.network
        protocol, end = skb.byte(network + 9), skb.bytes(network + 2, 2)
        first = b.eq(b.extract(skb.bytes(network + 6, 2), 12, 0), b.bv(0, 13))
        steps: Written = []
        others = TRUE
        for one in (one for one in _IN_IP if one.part in self.parts):
            there = b.and_(first, b.eq(protocol, b.bv(one.number, 8)))
            others = b.and_(others, b.not_(there))
            for n in range(5, 16):
                when = b.and_(there, b.eq(length, b.bv(n, 4)))
                if when is not FALSE:
                    addresses = skb.bytes(network + 12, 8)
                    steps += _under(when, self.carried(one, 4 * n, end, addresses, when))
            lie = b.and_(there, b.ult(length, b.bv(5, 4)))  # left out; a case for every input all the same
            steps += _under(lie, [(TRUE, skb)])
        return [*steps, (others, skb)]

    def _header(self, skb: Skb) -> Skb:
        network = self.network
        length = b.extract(skb.byte(network), 3, 0)
        fixed = (skb.bytes(network, 10), b.bv(0, 16), skb.bytes(network + 12, 8))
        optional = (
            b.ite(b.uge(length, b.bv(n, 4)), skb.bytes(network + 4 * n - 4, 4), b.bv(0, 32)) for n in range(6, 16)
        )
        return skb.written(network + 10, b.bnot(internet_sum(b.concat(*fixed, *optional))))


class _Ip6(_Network):
    def run(self) -> Written:
        """``tcf_csum_ipv6``."""
        skb, network = self.skb, self.network
        protocol = skb.byte(network + 6)
        extended = b.or_(*(b.eq(protocol, b.bv(kind, 8)) for kind in _EXTENSIONS))
        whole = skb.has(network + IP6_HEADER)
        self.assume(SANE, b.and_(whole, b.not_(extended)))
        steps: Written = []
        others = whole
        said = skb.bytes(network + 4, 2)
        too_long = b.ugt(said, b.bv(0xFFFF - IP6_HEADER, 16))  # no frame is
        end = b.ite(too_long, b.bv(0xFFFF, 16), b.add(said, b.bv(IP6_HEADER, 16)))
        for one in (one for one in _IN_IP6 if one.part in self.parts):
            there = b.and_(whole, b.eq(protocol, b.bv(one.number, 8)))
            others = b.and_(others, b.not_(there))
            if there is not FALSE:
                steps += _under(there, self.carried(one, IP6_HEADER, end, skb.bytes(network + 8, 32), there))
        return [*steps, (others, skb), (b.not_(whole), None)]
