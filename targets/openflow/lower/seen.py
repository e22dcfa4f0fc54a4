"""What the bits of a frame are to the switch: which field of its flow key each one stands in, or none.

A bit is a number (:mod:`...unfold.values`): of a field (:data:`SEEN`), of the frame but in no field (:func:`hidden`),
of a number kept in registers from one table to the next, or of a number that an action computes.

Frames are taken to be plain (:data:`.assumed.PLAIN`): then each header that the program takes for one is what the
switch takes for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final

from ...unfold.values import ONE, ZERO, Bits, Cube, known
from ..artifact import ETH_ARP, ETH_IP, ETH_IPV6, ETH_MPLS, ETH_VLAN, ICMP, ICMPV6

TCP, UDP, SCTP = 6, 17, 132
_FIELD_BITS: Final = 8
HIDDEN: Final = 1 << 20
KEPT: Final = 1 << 30
KEPT_BITS: Final = 12
COMPUTED: Final = 1 << 50


@dataclass(frozen=True, slots=True)
class Seen:
    """A field of a header: its place in the flow key, and what a frame must be to have it there."""

    name: str
    width: int
    field: str
    """Its name in the artifact; "" for the types behind the addresses and behind a tag, which are two fields there."""
    low: int = 0
    type: int | None = None
    """The Ethernet type, behind a tag if there is one."""
    protocol: int | None = None
    tagged: bool = False


def _fields() -> list[Seen]:
    found = [
        Seen("eth_dst", 48, "eth_dst"),
        Seen("eth_src", 48, "eth_src"),
        Seen("outer", 16, ""),
        Seen("pcp", 3, "vlan_tci", 13, tagged=True),
        Seen("vid", 12, "vlan_tci", 0, tagged=True),
        Seen("inner", 16, "", tagged=True),
        Seen("in_port", 16, "in_port"),
    ]
    for version, kind in ((4, ETH_IP), (6, ETH_IPV6)):
        prefix, width = ("ip", 32) if version == 4 else ("ipv6", 128)
        names = [("nw_tos", 8), ("nw_ttl", 8), ("nw_proto", 8), (f"{prefix}_src", width), (f"{prefix}_dst", width)]
        names += [("ipv6_label", 20)] if version == 6 else []
        found += [Seen(f"{version}.{name}", width, name, type=kind) for name, width in names]
        for protocol in (TCP, UDP, SCTP):
            for end in ("tp_src", "tp_dst"):
                found.append(Seen(f"{version}.{protocol}.{end}", 16, end, 0, kind, protocol))
        found.append(Seen(f"{version}.tcp_flags", 12, "tcp_flags", 0, kind, TCP))
        icmp = ICMP if version == 4 else ICMPV6
        found += [Seen(f"{version}.{icmp}.{end}", 8, end, 0, kind, icmp) for end in ("tp_src", "tp_dst")]
    names = [("arp_op", 8), ("arp_sha", 48), ("arp_spa", 32), ("arp_tha", 48), ("arp_tpa", 32)]
    found += [Seen(name, width, name, type=ETH_ARP) for name, width in names]
    for kind in ETH_MPLS:
        names = [("mpls_label", 20), ("mpls_tc", 3), ("mpls_bos", 1), ("mpls_ttl", 8)]
        found += [Seen(f"{kind:x}.{name}", width, name, type=kind) for name, width in names]
    return found


_ALL: Final = _fields()
SEEN: Final[Mapping[str, Seen]] = {field.name: field for field in _ALL}
_FIRST: Final = {field.name: (i + 1) << _FIELD_BITS for i, field in enumerate(_ALL)}


@cache
def bits(name: str) -> Bits:
    """A field's bits."""
    return tuple(_FIRST[name] + i for i in reversed(range(SEEN[name].width)))


def field_of(bit: int) -> tuple[Seen, int] | None:
    """The field that a bit stands in and its place there, the lowest bit 0; None if it is in no field."""
    if not 0 <= bit < HIDDEN:
        return None
    return _ALL[(bit >> _FIELD_BITS) - 1], bit & ((1 << _FIELD_BITS) - 1)


def hidden(place: int, count: int) -> Bits:
    """Bits of the frame from ``place`` on that are in no field."""
    return tuple(HIDDEN + place + i for i in range(count))


def is_hidden(bit: int) -> bool:
    """Whether it is a bit of the frame that is in no field."""
    return HIDDEN <= bit < KEPT


def is_kept(bit: int) -> bool:
    """Whether it is kept in a register."""
    return KEPT <= bit < COMPUTED


def is_computed(bit: int) -> bool:
    """Whether an action has to compute it."""
    return bit >= COMPUTED


def number_of(cube: Cube, name: str) -> int | None:
    """A field's number, if the condition fixes it."""
    return known(cube.resolve(bits(name)))


def ethertype(cube: Cube) -> int | None:
    """The type that the switch sees, if the condition fixes it."""
    outer = number_of(cube, "outer")
    return number_of(cube, "inner") if outer in ETH_VLAN else outer


def is_tagged(cube: Cube) -> bool | None:
    """Whether the frames have a tag; None if some have and some have not."""
    outer = number_of(cube, "outer")
    return None if outer is None else outer in ETH_VLAN


def asked_tag(asked: Mapping[int, bool]) -> int | None:
    """The type of the outer tag that a flow asks for; None if it asks for none."""
    outer = number_of(Cube(asked, 0), "outer")
    return outer if outer in ETH_VLAN else None


_TRANSPORT: Final = {TCP: 20, UDP: 8, SCTP: 12, ICMP: 8, ICMPV6: 4}
"""Bytes of the headers behind IP."""


def frame(cube: Cube, end: int) -> Bits:
    """The first ``end`` bits of a frame, as far as the condition says what it is."""
    found = [*bits("eth_dst"), *bits("eth_src"), *bits("outer")]
    if is_tagged(cube):
        found += [*bits("pcp"), *hidden(len(found) + 3, 1), *bits("vid"), *bits("inner")]
    kind = ethertype(cube)
    if kind == ETH_IP:
        found += _ipv4(len(found), number_of(cube, "4.nw_proto"))
    elif kind == ETH_IPV6:
        found += _ipv6(len(found), number_of(cube, "6.nw_proto"))
    elif kind == ETH_ARP:
        found += [*_constant(0x000108000604, 48), *_constant(0, 8), *bits("arp_op")]
        found += [bit for name in ("arp_sha", "arp_spa", "arp_tha", "arp_tpa") for bit in bits(name)]
    elif kind in ETH_MPLS:
        found += [bit for part in ("label", "tc", "bos", "ttl") for bit in bits(f"{kind:x}.mpls_{part}")]
    found += hidden(len(found), max(0, end - len(found)))
    return tuple(found[:end])


def least(cube: Cube) -> int:
    """How many bytes such frames have at least."""
    tagged = is_tagged(cube)
    length = 18 if tagged else 14
    kind = ethertype(cube)
    if kind in (ETH_IP, ETH_IPV6):
        version = 4 if kind == ETH_IP else 6
        length += 20 if version == 4 else 40
        protocol = number_of(cube, f"{version}.nw_proto")
        if protocol is not None and protocol != (ICMPV6 if version == 4 else ICMP):
            length += _TRANSPORT.get(protocol, 0)
    elif kind == ETH_ARP:
        length += 28
    elif kind in ETH_MPLS:
        length += 8 if number_of(cube, f"{kind:x}.mpls_bos") == 0 else 4
    return max(length, cube.length)


def _constant(value: int, width: int) -> Bits:
    return tuple(ONE if value >> i & 1 else ZERO for i in reversed(range(width)))


def _ipv4(start: int, protocol: int | None) -> list[int]:
    found = [*_constant(0x45, 8), *bits("4.nw_tos"), *hidden(start + 16, 32)]
    found += [*hidden(start + 48, 2), *_constant(0, 14)]  # no fragment
    found += [*bits("4.nw_ttl"), *bits("4.nw_proto"), *hidden(start + 80, 16), *bits("4.ip_src"), *bits("4.ip_dst")]
    return found + _behind(4, protocol, start + 160)


def ipv4_header(start: int) -> Bits:
    """The 160 bits of an IPv4 header that begins with a frame's bit ``start``."""
    return tuple(_ipv4(start, None))


def _ipv6(start: int, protocol: int | None) -> list[int]:
    found = [*_constant(6, 4), *bits("6.nw_tos"), *bits("6.ipv6_label"), *hidden(start + 32, 16)]
    found += [*bits("6.nw_proto"), *bits("6.nw_ttl"), *bits("6.ipv6_src"), *bits("6.ipv6_dst")]
    return found + _behind(6, protocol, start + 320)


def _behind(version: int, protocol: int | None, start: int) -> list[int]:
    if protocol in (TCP, UDP, SCTP):
        found = [*bits(f"{version}.{protocol}.tp_src"), *bits(f"{version}.{protocol}.tp_dst")]
        if protocol == TCP:
            found += [*hidden(start + 32, 68), *bits(f"{version}.tcp_flags")]
        return found
    if protocol == (ICMP if version == 4 else ICMPV6):
        return [*bits(f"{version}.{protocol}.tp_src"), *bits(f"{version}.{protocol}.tp_dst")]
    return []
