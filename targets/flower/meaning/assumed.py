"""What an artifact says that it assumes of frames (:data:`..artifact.ASSUMPTIONS`), as terms.

Formats: IEEE 802.1Q (tags), RFC 791 (IPv4), RFC 8200 (IPv6), RFC 826 (ARP), RFC 3032 and 4023 (labels, and in IP),
RFC 9293, 768, 9260, 792, 4443 (what stands behind IP).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.behaviour import Assumption, input_bytes
from ....semantics.meaning.checksums import internet_sum
from ...tc.meaning.packet import VLAN_HLEN, VLAN_TYPES, is_one_of, length_at_least
from ..artifact import (
    ASSUMPTIONS,
    CHECKSUMS_RIGHT,
    ETH_ARP,
    ETH_IP,
    ETH_IP6,
    ETH_MPLS,
    ETH_RARP,
    ICMP,
    ICMP6,
    MAX_LSE,
    PLAIN,
    SCTP,
    TAGS_WHOLE,
    TCP,
    TYPES_TOLD,
    UDP,
    UNFRAGMENTED,
)

_Condition = Callable[[Term, int], Term]
"""Of a type and the byte behind it."""
_TYPE: Final = 12
_MPLS_IN_IP: Final = 137
_EXTENSIONS: Final = (0, 43, 44, 60)
_BEHIND: Final = {TCP: 20, UDP: 8, SCTP: 12}
"""Bytes of the headers behind IP."""


def assumed(names: Iterable[str]) -> list[Assumption]:
    """The assumptions of these names."""
    conditions = {
        PLAIN: lambda: _behind_tags(_plain, _TYPE, 2, FALSE),
        TYPES_TOLD: lambda: _behind_tags(_types_told, _TYPE, 2, TRUE),
        UNFRAGMENTED: lambda: _behind_tags(_unfragmented, _TYPE, 2, TRUE),
        TAGS_WHOLE: lambda: _behind_tags(lambda _kind, _at: TRUE, _TYPE, 3, FALSE),
        CHECKSUMS_RIGHT: lambda: _behind_tags(_checksum_right, _TYPE, 2, TRUE),
    }
    return [Assumption(ASSUMPTIONS[name], conditions[name]()) for name in names]


def _behind_tags(condition: _Condition, at: int, tags: int, cut: Term) -> Term:
    """A condition on what stands behind a type, which is at byte ``at``, or behind that of up to ``tags`` tags; what
    holds where a tag is ``cut`` short."""
    kind = input_bytes(at, 2)
    here = condition(kind, at + 2)
    if not tags:
        return here
    tagged = is_one_of(kind, VLAN_TYPES)
    whole = length_at_least(at + 2 + VLAN_HLEN)
    deeper = _behind_tags(condition, at + VLAN_HLEN, tags - 1, cut)
    return b.ite(tagged, b.ite(whole, deeper, cut), here)


def _plain(kind: Term, at: int) -> Term:
    """Whether what stands behind a type is what filters take it for."""
    return b.and_(
        b.implies(b.eq(kind, b.bv(ETH_IP, 16)), _ipv4(at)),
        b.implies(b.eq(kind, b.bv(ETH_IP6, 16)), _ipv6(at)),
        b.implies(is_one_of(kind, (ETH_ARP, ETH_RARP)), _arp(at)),
        b.implies(is_one_of(kind, ETH_MPLS), _labels(at)),
    )


def _types_told(kind: Term, at: int) -> Term:
    """Whether the flow dissector stops at an IP header."""
    four, six = b.eq(kind, b.bv(ETH_IP, 16)), b.eq(kind, b.bv(ETH_IP6, 16))
    return b.and_(
        b.implies(b.and_(four, length_at_least(at + 20)), b.ne(input_bytes(at + 9, 1), b.bv(_MPLS_IN_IP, 8))),
        b.implies(b.and_(six, length_at_least(at + 40)), _no_extension(at)),
    )


def _no_extension(at: int) -> Term:
    return b.not_(is_one_of(input_bytes(at + 6, 1), (*_EXTENSIONS, _MPLS_IN_IP)))


def _checksum_right(kind: Term, at: int) -> Term:
    """RFC 1071, for a header of 20 bytes."""
    header = b.and_(length_at_least(at + 20), b.eq(input_bytes(at, 1), b.bv(0x45, 8)))
    covered = b.concat(input_bytes(at, 10), b.bv(0, 16), input_bytes(at + 12, 8))
    right = b.eq(input_bytes(at + 10, 2), b.bnot(internet_sum(covered)))
    return b.implies(b.and_(b.eq(kind, b.bv(ETH_IP, 16)), header), right)


def _unfragmented(kind: Term, at: int) -> Term:
    return b.implies(b.and_(b.eq(kind, b.bv(ETH_IP, 16)), length_at_least(at + 20)), _no_fragment(at))


def _no_fragment(at: int) -> Term:
    """Of an IPv4 header: neither more fragments nor an offset."""
    return b.eq(b.band(input_bytes(at + 6, 2), b.bv(0x3FFF, 16)), b.bv(0, 16))


def _ipv4(at: int) -> Term:
    protocol = input_bytes(at + 9, 1)
    return b.and_(
        length_at_least(at + 20),
        b.eq(input_bytes(at, 1), b.bv(0x45, 8)),
        b.ne(protocol, b.bv(_MPLS_IN_IP, 8)),
        b.implies(_no_fragment(at), b.and_(*_whole(at + 20, protocol, {**_BEHIND, ICMP: 8}))),
    )


def _ipv6(at: int) -> Term:
    protocol = input_bytes(at + 6, 1)
    return b.and_(
        length_at_least(at + 40),
        b.eq(b.extract(input_bytes(at, 1), 7, 4), b.bv(6, 4)),
        _no_extension(at),
        *_whole(at + 40, protocol, {**_BEHIND, ICMP6: 8}),
    )


def _whole(at: int, protocol: Term, headers: Mapping[int, int]) -> Iterator[Term]:
    """What stands behind IP has its whole header, and TCP's says so."""
    for number, header in headers.items():
        whole = length_at_least(at + header)
        if number == TCP:
            whole = b.and_(whole, b.uge(b.extract(input_bytes(at + 12, 1), 7, 4), b.bv(5, 4)))
        yield b.implies(b.eq(protocol, b.bv(number, 8)), whole)


def _arp(at: int) -> Term:
    return b.and_(
        length_at_least(at + 28),
        b.eq(input_bytes(at, 6), b.bv(0x000108000604, 48)),
        is_one_of(input_bytes(at + 6, 2), (1, 2)),
    )


def _labels(at: int) -> Term:
    """The first entry, and each that follows one which is not the bottom, as far as filters look."""
    reached, found = TRUE, TRUE
    for depth in range(MAX_LSE):
        place = at + 4 * depth
        found = b.and_(found, b.implies(reached, length_at_least(place + 4)))
        reached = b.and_(reached, b.eq(b.extract(input_bytes(place + 2, 1), 0, 0), b.bv(0, 1)))
    return found
