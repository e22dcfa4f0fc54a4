"""What an artifact says that it assumes of frames (:data:`..artifact.ASSUMPTIONS`), as terms.

Formats: IEEE 802.1Q (tags), IEEE 802.2 and RFC 1042 (LLC/SNAP), RFC 791 and 1071 (IPv4, its checksum), RFC 8200 (IPv6),
RFC 826 (ARP), RFC 3032 (labels), RFC 9293, 768, 9260, 792, 4443 (what stands behind IP).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import LENGTH, Assumption, input_bytes
from ..artifact import (
    ASSUMPTIONS,
    ETH_ARP,
    ETH_IP,
    ETH_IPV6,
    ETH_MPLS,
    ETH_RARP,
    ETH_VLAN,
    ICMP,
    ICMPV6,
    PLAIN,
    TAGS_88A8,
    TAGS_8100,
    TAGS_WITHOUT_DEI,
    TCP,
    Bridge,
)
from .extract import EXTENSIONS, at_least, options_whole
from .state import one_of

_WIDE: Final = 17
_TYPE_MIN: Final = 0x600
_SNAP: Final = 0xAAAA03
_BEHIND_4: Final = {TCP: 20, 17: 8, 132: 12, ICMP: 8}
_BEHIND_6: Final = {TCP: 20, 17: 8, 132: 12, ICMPV6: 4}
_TYPE: Final = 12


def assumed(bridge: Bridge) -> list[Assumption]:
    """The assumptions of a bridge's flows."""
    tagged = one_of(input_bytes(_TYPE, 2), ETH_VLAN)
    conditions: dict[str, Term] = {
        TAGS_8100: b.ne(input_bytes(_TYPE, 2), b.bv(0x88A8, 16)),
        TAGS_88A8: b.ne(input_bytes(_TYPE, 2), b.bv(0x8100, 16)),
        TAGS_WITHOUT_DEI: b.implies(tagged, b.eq(b.extract(input_bytes(14, 1), 4, 4), b.bv(0, 1))),
    }
    if PLAIN in bridge.assumes:
        whole = b.and_(at_least(18), _plain(16))
        conditions[PLAIN] = b.and_(b.implies(tagged, whole), b.implies(b.not_(tagged), _plain(_TYPE)))
    return [Assumption(ASSUMPTIONS[name], conditions[name]) for name in bridge.assumes]


def _plain(at: int) -> Term:
    """Whether a frame is plain whose type stands at byte ``at``."""
    kind = input_bytes(at, 2)
    start = at + 2
    length = b.ult(kind, b.bv(_TYPE_MIN, 16))
    snap = b.and_(at_least(start + 8), b.eq(input_bytes(start, 3), b.bv(_SNAP, 24)))
    return b.and_(
        b.not_(b.and_(length, snap)),
        b.implies(b.eq(kind, b.bv(ETH_IP, 16)), _ipv4(start)),
        b.implies(b.eq(kind, b.bv(ETH_IPV6, 16)), _ipv6(start)),
        b.implies(one_of(kind, (ETH_ARP, ETH_RARP)), _arp(start)),
        b.implies(one_of(kind, ETH_MPLS), _labels(start)),
    )


def _count(number: int) -> Term:
    return b.bv(number, _WIDE)


def _whole(at: int, protocol: Term, size: Term, headers: Mapping[int, int]) -> Iterator[Term]:
    """What stands behind IP, ``size`` bytes from byte ``at`` on, has its whole header, TCP with its options."""
    for number, header in headers.items():
        whole = b.uge(size, _count(header))
        if number == TCP:
            whole = b.and_(whole, options_whole(input_bytes(at + 12, 1), size))
        yield b.implies(b.eq(protocol, b.bv(number, 8)), whole)


def _ipv4(at: int) -> Term:
    total = b.zext(input_bytes(at + 2, 2), _WIDE)
    size = b.sub(b.zext(LENGTH, _WIDE), _count(at))
    protocol = input_bytes(at + 9, 1)
    return b.and_(
        at_least(at + 20),
        b.eq(input_bytes(at, 1), b.bv(0x45, 8)),
        b.uge(total, _count(20)),
        b.ule(total, size),
        b.eq(b.band(input_bytes(at + 6, 2), b.bv(0x3FFF, 16)), b.bv(0, 16)),
        b.ne(protocol, b.bv(0, 8)),
        *_whole(at + 20, protocol, b.sub(total, _count(20)), _BEHIND_4),
        _checksum_right(at),
    )


def _checksum_right(at: int) -> Term:
    """RFC 1071: the one's complement sum of the header with its checksum is all ones."""
    total = b.bv(0, 20)
    for i in range(0, 20, 2):
        total = b.add(total, b.zext(input_bytes(at + i, 2), 20))
    folded = b.add(b.zext(b.extract(total, 15, 0), 17), b.zext(b.extract(total, 19, 16), 17))
    twice = b.add(b.extract(folded, 15, 0), b.zext(b.extract(folded, 16, 16), 16))
    canonical = b.ne(input_bytes(at + 10, 2), b.bv(0xFFFF, 16))
    return b.and_(b.eq(twice, b.bv(0xFFFF, 16)), canonical)


def _ipv6(at: int) -> Term:
    payload = b.zext(input_bytes(at + 4, 2), _WIDE)
    size = b.sub(b.zext(LENGTH, _WIDE), _count(at + 40))
    protocol = input_bytes(at + 6, 1)
    return b.and_(
        at_least(at + 40),
        b.eq(b.extract(input_bytes(at, 1), 7, 4), b.bv(6, 4)),
        b.ule(payload, size),
        b.not_(one_of(protocol, EXTENSIONS)),
        *_whole(at + 40, protocol, payload, _BEHIND_6),
    )


def _arp(at: int) -> Term:
    opcode = input_bytes(at + 6, 2)
    return b.and_(
        at_least(at + 28),
        b.eq(input_bytes(at, 6), b.bv(0x000108000604, 48)),
        b.ne(opcode, b.bv(0, 16)),
        b.ule(opcode, b.bv(0xFF, 16)),
    )


def _labels(at: int) -> Term:
    """One or more entries; a second one where the first is not the bottom."""
    last = b.eq(b.extract(input_bytes(at, 4), 8, 8), b.bv(1, 1))
    return b.and_(at_least(at + 4), b.or_(last, at_least(at + 8)))
