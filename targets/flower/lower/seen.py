"""What the bits of a frame are to flower: which key asks for each, where the types before them are known.

A bit is its place on the wire, the frame's first bit 0; bits of the ingress port (:data:`IN_PORT`) and of numbers that
an action computes (:data:`COMPUTED`) are counted from higher numbers on.

Frames are taken to be plain (:data:`..artifact.PLAIN`): then each header that the program takes for one is what the
flow dissector (``__skb_flow_dissect``, ``net/core/flow_dissector.c``) takes for one, and some of its bits are constant.
Of fragments it sees the IP header only; so ports are there where a condition says that a packet is none, or where no
packet is one (``whole``: :data:`..artifact.UNFRAGMENTED`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ...unfold.frames import ADDRESSES, LABEL_TYPES, TAG_TYPES, TYPE
from ...unfold.values import ONE, ZERO, Bits, Cube, known
from ..artifact import ETH_ARP, ETH_IP, ETH_IP6, ETH_RARP, ICMP, ICMP6, MAX_LSE, SCTP, TCP, UDP

IN_PORT: Final = 1 << 20
PORT_BITS: Final = 9
COMPUTED: Final = 1 << 24
ETHERNET: Final = 14
"""Bytes that every frame has."""
MAX_TAGS: Final = 2
"""Tags that flower has keys for."""
_TAG: Final = 32
_LABEL: Final = 32
_BEHIND: Final = {TCP: 20, UDP: 8, SCTP: 12}
_ICMP_HEADER: Final = 8
FRAGMENT: Final = range(50, 64)
"""The bits of an IPv4 header that say whether it is of a fragment: more fragments, and the offset."""

PORT: Final[Bits] = tuple(IN_PORT + i for i in range(PORT_BITS))
"""The ingress port, as programs see it."""
_TAG_KEYS: Final = ("vlan", "cvlan")


@dataclass(frozen=True, slots=True)
class Place:
    """A key's bits in the frame: ``width`` of them from ``start`` on, the lowest of which is the key's bit ``low``."""

    key: str
    start: int
    width: int
    low: int = 0


@dataclass(frozen=True, slots=True)
class Seen:
    """How far a condition says what a frame is."""

    types: tuple[int, ...]
    """The Ethernet types, the outermost one first; the last one is no tag's, or not known to be one's content."""
    base: int | None
    """Where the header begins that the last type names; None if that type is not known."""
    protocol: int | None
    """What IP carries."""

    @property
    def kind(self) -> int | None:
        """The type behind the tags."""
        return self.types[-1] if self.base is not None else None

    @property
    def behind(self) -> int | None:
        """Where begins what IP carries."""
        if self.base is None or self.kind not in (ETH_IP, ETH_IP6):
            return None
        return self.base + (160 if self.kind == ETH_IP else 320)


def number(cube: Cube, start: int, width: int) -> int | None:
    """A stretch of the frame, if the condition fixes it."""
    return known(cube.resolve(tuple(range(start, start + width))))


def seen(cube: Cube) -> Seen:
    """What is known of the frames that a condition leaves."""
    types: list[int] = []
    at = ADDRESSES
    for depth in range(MAX_TAGS + 1):
        kind = number(cube, at, TYPE)
        if kind is None or (depth == MAX_TAGS and kind in TAG_TYPES):
            return Seen(tuple(types), None, None)
        types.append(kind)
        if kind not in TAG_TYPES:
            break
        at += _TAG
    base = at + TYPE
    protocol = {ETH_IP: 72, ETH_IP6: 48}.get(types[-1])
    return Seen(tuple(types), base, None if protocol is None else number(cube, base + protocol, 8))


def unfragmented(cube: Cube, found: Seen) -> bool:
    """Whether the condition says that an IPv4 packet is no fragment; True of others."""
    if found.base is None or found.kind != ETH_IP:
        return True
    return all(cube.bits.get(found.base + bit) is False for bit in FRAGMENT)


def agree(x: Mapping[int, bool], y: Mapping[int, bool]) -> bool:
    """Whether two conditions can hold at once."""
    x, y = (x, y) if len(x) < len(y) else (y, x)
    return all(y.get(bit, value) == value for bit, value in x.items())


def telling(cube: Cube) -> list[Mapping[int, bool]]:
    """What a condition says of what a frame is, for each of the ways that it was made of: types, the protocol, and
    which labels are the last."""
    found: dict[frozenset[tuple[int, bool]], None] = {}
    for one in cube.among or ({},):
        whole = Cube({**one, **cube.bits}, 0)
        bits = _telling_bits(whole)
        found[frozenset((bit, whole.bits[bit]) for bit in bits if bit in whole.bits)] = None
    return [dict(one) for one in found]


def _telling_bits(cube: Cube) -> Iterator[int]:
    found = seen(cube)
    for depth in range(len(found.types) + 1):
        yield from range(ADDRESSES + 32 * depth, ADDRESSES + 32 * depth + TYPE)
    if found.base is None:
        return
    start = {ETH_IP: 72, ETH_IP6: 48}.get(found.types[-1])
    if start is not None:
        yield from range(found.base + start, found.base + start + 8)
    if found.kind == ETH_IP:
        yield from (found.base + bit for bit in FRAGMENT)
    if found.kind in LABEL_TYPES:
        yield from (found.base + _LABEL * depth + 23 for depth in range(MAX_LSE))


# --- keys -------------------------------------------------------------------------------------------------------------


def places(cube: Cube, *, whole: bool) -> Iterator[Place]:
    """The keys that there are for such frames; types are not among them. ``ip_flags`` asks for :data:`FRAGMENT`.

    Args:
        whole: whether there are no fragments.
    """
    yield Place("dst_mac", 0, 48)
    yield Place("src_mac", 48, 48)
    found = seen(cube)
    tags = [kind for kind in found.types if kind in TAG_TYPES]
    for which, start in zip(_TAG_KEYS[: len(tags)], range(ADDRESSES + TYPE, 1 << 10, _TAG), strict=False):
        yield Place(f"{which}_prio", start, 3)
        yield Place(f"{which}_id", start + 4, 12)
    if found.base is not None:
        yield from _network(cube, found, found.base)
    if found.behind is not None and (whole or unfragmented(cube, found)):
        yield from _transport(found, found.behind)


def _network(cube: Cube, found: Seen, at: int) -> Iterator[Place]:
    if found.kind == ETH_IP:
        yield Place("ip_flags", at + FRAGMENT.start, len(FRAGMENT))
        yield from (Place("ip_tos", at + 8, 8), Place("ip_ttl", at + 64, 8), Place("ip_proto", at + 72, 8))
        yield from (Place("src_ip", at + 96, 32), Place("dst_ip", at + 128, 32))
    elif found.kind == ETH_IP6:
        yield from (Place("ip_tos", at + 4, 8), Place("ip_proto", at + 48, 8), Place("ip_ttl", at + 56, 8))
        yield from (Place("src_ip6", at + 64, 128), Place("dst_ip6", at + 192, 128))
    elif found.kind in (ETH_ARP, ETH_RARP):
        yield from (Place("arp_op", at + 56, 8), Place("arp_sha", at + 64, 48), Place("arp_sip", at + 112, 32))
        yield from (Place("arp_tha", at + 144, 48), Place("arp_tip", at + 192, 32))
    elif found.kind in LABEL_TYPES:
        for depth in range(1, labels(cube, at) + 1):
            start = at + _LABEL * (depth - 1)
            for part, low, width in (("label", 0, 20), ("tc", 20, 3), ("bos", 23, 1), ("ttl", 24, 8)):
                yield Place(f"mpls_{part}@{depth}", start + low, width)


def _transport(found: Seen, at: int) -> Iterator[Place]:
    if found.protocol in _BEHIND:
        yield from (Place("src_port", at, 16), Place("dst_port", at + 16, 16))
        if found.protocol == TCP:
            yield Place("tcp_flags", at + 100, 12)
    elif (found.kind, found.protocol) in ((ETH_IP, ICMP), (ETH_IP6, ICMP6)):
        yield from (Place("icmp_type", at, 8), Place("icmp_code", at + 8, 8))


def labels(cube: Cube, at: int) -> int:
    """How many label stack entries there are at least, from bit ``at`` on."""
    depth = 1
    while depth < MAX_LSE and cube.bits.get(at + _LABEL * depth - 9) is False:
        depth += 1
    return depth


# --- the frame --------------------------------------------------------------------------------------------------------


def least(cube: Cube, *, whole: bool) -> int:
    """How many bytes plain frames of this kind have at least. ``whole``: see :func:`places`."""
    found = seen(cube)
    tags = sum(kind in TAG_TYPES for kind in found.types)
    length = ETHERNET + 4 * tags
    if found.kind in (ETH_IP, ETH_IP6):
        length += 20 if found.kind == ETH_IP else 40
        icmp = found.protocol == (ICMP if found.kind == ETH_IP else ICMP6)
        if not (whole or unfragmented(cube, found)):
            return length
        length += _ICMP_HEADER if icmp else _BEHIND.get(found.protocol or 0, 0)
    elif found.kind in (ETH_ARP, ETH_RARP):
        length += 28
    elif found.kind in LABEL_TYPES and found.base is not None:
        length += 4 * labels(cube, found.base)
    return length


def certain(cube: Cube) -> int:
    """How many bytes any frames of this kind have at least: those whose outer tag is cut short reach no filter."""
    found = seen(cube)
    return ETHERNET + 4 * bool(found.types and found.types[0] in TAG_TYPES)


def constant(cube: Cube, *, whole: bool) -> dict[int, int]:
    """The bits of plain frames of this kind that are always the same. ``whole``: see :func:`places`."""
    found = seen(cube)
    if found.base is None:
        return {}
    at = found.base
    if found.kind == ETH_IP:
        return _ipv4(at, whole=whole)
    if found.kind == ETH_IP6:
        return _put(at, 6, 4)
    if found.kind in (ETH_ARP, ETH_RARP):
        return {**_put(at, 0x000108000604, 48), **_put(at + 48, 0, 14)}
    return {}


def _ipv4(at: int, *, whole: bool) -> dict[int, int]:
    always = _put(at, 0x45, 8)  # no options
    return always | _put(at + FRAGMENT.start, 0, len(FRAGMENT)) if whole else always


def ipv4_header(at: int, *, whole: bool) -> Bits:
    """The bits of a plain IPv4 header that begins with bit ``at``. ``whole``: see :func:`places`."""
    always = _ipv4(at, whole=whole)
    return tuple(always.get(bit, bit) for bit in range(at, at + 160))


def _put(start: int, value: int, width: int) -> dict[int, int]:
    return {start + width - 1 - i: ONE if value >> i & 1 else ZERO for i in range(width)}
