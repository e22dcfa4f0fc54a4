"""OXM and NXM: the headers of fields, and values with masks (OpenFlow 1.5.1, 7.2.3.2; ``lib/meta-flow.h`` of 3.1).

A header has a class (16 bits), a field (7), whether a mask follows (1) and the length of what follows (8).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from .....semantics.source import Span, Unsupported
from ..fields import FIELDS, NAMES, Name
from ..flows import FIRST_RESERVED
from .wire import Wire

BASIC, NXM_0, NXM_1, REGISTERS, EXPERIMENTER = 0x8000, 0x0000, 0x0001, 0x8001, 0xFFFF
ONF: Final = 0x4F4E4600
RESERVED_32: Final = 0xFFFFFF00
"""The first reserved port of 32 bits."""
REGISTERS_TOGETHER: Final = 8
"""... and how many registers of 64 bits there are."""
_FIRST_OF_128: Final = 111
"""``NXM_NX_XXREG0``."""

_ACTSET_OUTPUT: Final = 43
_UNMODELLED: Final = {
    BASIC: (31, 32, 33, _ACTSET_OUTPUT, 44),  # neighbour discovery, the action set's output, the packet's type
    NXM_1: (23, 24, 25, 35, 36, *range(38, 105), 109, 110, *range(115, 128)),  # also of tunnels and connections
    0x8004: range(12),  # NSH
}


@dataclass(frozen=True, slots=True)
class Kind:
    """A field on the wire: the class and number in its header, its bytes, and the name that the tools know."""

    class_: int
    number: int
    size: int
    name: str
    experimenter: int = 0

    @property
    def known(self) -> Name:
        """The field of the flow key."""
        return NAMES[self.name]

    def header(self, *, masked: bool) -> bytes:
        """The header, with the experimenter's number where there is one."""
        more = self.experimenter.to_bytes(4, "big") if self.experimenter else b""
        size = self.size * (2 if masked else 1) + len(more)
        return self.class_.to_bytes(2, "big") + bytes((self.number << 1 | masked, size)) + more


def _kinds() -> Iterator[Kind]:
    basic = (
        "0 in_port 4, 2 metadata 8, 3 eth_dst 6, 4 eth_src 6, 5 eth_type 2, 6 vlan_vid 2, 7 vlan_pcp 1, 8 ip_dscp 1, "
        "9 nw_ecn 1, 10 nw_proto 1, 11 ip_src 4, 12 ip_dst 4, 13 tcp_src 2, 14 tcp_dst 2, 15 udp_src 2, 16 udp_dst 2, "
        "17 sctp_src 2, 18 sctp_dst 2, 19 icmp_type 1, 20 icmp_code 1, 21 arp_op 2, 22 arp_spa 4, 23 arp_tpa 4, "
        "24 arp_sha 6, 25 arp_tha 6, 26 ipv6_src 16, 27 ipv6_dst 16, 28 ipv6_label 4, 29 icmpv6_type 1, "
        "30 icmpv6_code 1, 34 mpls_label 4, 35 mpls_tc 1, 36 mpls_bos 1, 38 tun_id 8, 42 tcp_flags 2"
    )
    nicira_0 = (
        "0 in_port 2, 1 eth_dst 6, 2 eth_src 6, 3 eth_type 2, 4 vlan_tci 2, 5 nw_tos 1, 6 nw_proto 1, 7 ip_src 4, "
        "8 ip_dst 4, 9 tcp_src 2, 10 tcp_dst 2, 11 udp_src 2, 12 udp_dst 2, 13 icmp_type 1, 14 icmp_code 1, "
        "15 arp_op 2, 16 arp_spa 4, 17 arp_tpa 4"
    )
    nicira_1 = (
        "17 arp_sha 6, 18 arp_tha 6, 19 ipv6_src 16, 20 ipv6_dst 16, 21 icmpv6_type 1, 22 icmpv6_code 1, 26 nw_frag 1, "
        "27 ipv6_label 4, 28 nw_ecn 1, 29 nw_ttl 1, 30 mpls_ttl 1, "
        "31 tun_src 4, 32 tun_dst 4, 33 pkt_mark 4, 34 tcp_flags 2, 37 conj_id 4, 105 ct_state 4, 106 ct_zone 2, "
        "107 ct_mark 4, 108 ct_label 16, 16 tun_id 8"
    )
    for class_, listed in ((BASIC, basic), (NXM_0, nicira_0), (NXM_1, nicira_1)):
        for words in listed.split(", "):
            number, name, size = words.split()
            yield Kind(class_, int(number), int(size), name)
    for i in range(16):
        yield Kind(NXM_1, i, 4, f"reg{i}")
    yield Kind(EXPERIMENTER, 42, 2, "tcp_flags", ONF)


_ALL: Final = tuple(_kinds())
_BY_HEADER: Final = {(kind.class_, kind.number, kind.experimenter): kind for kind in _ALL}
_PREFERRED: Final = {kind.name: kind for kind in reversed(_ALL) if not kind.experimenter}
"""By name; OpenFlow's own class first."""
NICIRAS: Final = {kind.name: kind for kind in reversed(_ALL) if kind.class_ in (NXM_0, NXM_1)}
"""By name, in the classes that every version knows."""


def kind_of(name: str, version: int) -> Kind:
    """How a field is written in a version. Raises KeyError for one that has no header."""
    if name == "tcp_flags" and version < 6:  # OpenFlow's own only since 1.5
        return NICIRAS[name]
    return _PREFERRED[name]


def has_kind(name: str) -> bool:
    """Whether a field has a header."""
    return name in _PREFERRED


@dataclass(frozen=True, slots=True)
class Part:
    """What one header and its value say of one field of the flow key: bits in ``mask`` are those of ``value``."""

    name: Name
    value: int
    mask: int
    at: int
    """The byte at which it begins."""


def read_header(wire: Wire) -> tuple[Kind | None, int, bool, int]:
    """A header: its field (None for registers together), the first register, whether a mask follows, how many bytes.

    Raises:
        InputError: a field that is not known.
        Unsupported: one that is not modelled.
    """
    at = wire.at
    class_, number, size = wire.number(2, "the header of a field"), wire.number(1), wire.number(1)
    masked, number = bool(number & 1), number >> 1
    experimenter = 0
    if class_ == EXPERIMENTER:
        experimenter, size = wire.number(4, "an experimenter's number"), size - 4
    if class_ == REGISTERS and number < REGISTERS_TOGETHER:
        return None, 2 * number, masked, size
    if class_ == NXM_1 and _FIRST_OF_128 <= number < _FIRST_OF_128 + 4:
        return None, 4 * (number - _FIRST_OF_128), masked, size
    kind = _BY_HEADER.get((class_, number, experimenter))
    if kind is None and _is_unmodelled(class_, number, experimenter):
        said = f"byte {at}: field {number} of class 0x{class_:04x}, which is not modelled"
        raise Unsupported(said, Span(wire.name, 0, 0))
    if kind is None:
        raise wire.error(f"field {number} of class 0x{class_:04x} is not known", at)
    return kind, number, masked, size


def _is_unmodelled(class_: int, number: int, experimenter: int) -> bool:
    """Whether Open vSwitch 3.1 knows a field (``lib/meta-flow.h``) that has no kind here."""
    if class_ == EXPERIMENTER:
        return (experimenter, number) == (ONF, _ACTSET_OUTPUT)
    return number in _UNMODELLED.get(class_, ())


def read_field(wire: Wire) -> list[Part]:
    """A field with its value, and mask if there is one (a register of 64 bits is two of 32). Raises InputError."""
    at = wire.at
    kind, number, masked, size = read_header(wire)
    width = (size // 2 if masked else size) if kind is None else kind.size
    if (kind is None and width not in (8, 16)) or size != width * (2 if masked else 1):
        raise wire.error(f"{size} bytes follow a field of {width}", at)
    value = wire.number(width, "a value")
    mask = wire.number(width, "a mask") if masked else (1 << 8 * width) - 1
    if value & ~mask:
        raise wire.error("the value has bits that the mask has not", at)
    if kind is None:
        names = registers(number, width)
        shifts = [32 * i for i in reversed(range(len(names)))]
        parts = [
            Part(NAMES[n], value >> s & 0xFFFFFFFF, mask >> s & 0xFFFFFFFF, at)
            for n, s in zip(names, shifts, strict=True)
        ]
        return [part for part in parts if part.mask]
    return [_checked(wire, kind, value, mask, at)]


def registers(first: int, size: int) -> tuple[str, ...]:
    """The registers that so many bytes hold together, the highest bits first."""
    return tuple(f"reg{first + i}" for i in range(size // 4))


def header_of_registers(registers: Sequence[str]) -> bytes:
    """The header of registers together."""
    first, size = int(registers[0][3:]), 4 * len(registers)
    class_, number = (REGISTERS, first // 2) if size == 8 else (NXM_1, _FIRST_OF_128 + first // 4)
    return class_.to_bytes(2, "big") + bytes((number << 1, size))


def _checked(wire: Wire, kind: Kind, value: int, mask: int, at: int) -> Part:
    name = kind.known
    if kind.name == "in_port":
        value, mask = port_of(wire, value, kind.size, at), 0xFFFF
    full = (1 << name.bits) - 1
    if value & ~full:
        raise wire.error(f"0x{value:x} does not fit into the {name.bits} bits of {kind.name}", at)
    mask &= full
    if mask != full and not FIELDS[name.field].maskable:
        raise wire.error(f"{kind.name} cannot have a mask", at)
    if name.counts is not None:
        value, mask = value & name.counts, mask & name.counts
    return Part(name, value, mask, at)


def port_of(wire: Wire, number: int, size: int, at: int) -> int:
    """A port of 16 bits from one of ``size`` bytes. Raises InputError: there is no such port."""
    if size == 4 and number >= RESERVED_32:
        return number & 0xFFFF
    if number > 0xFFFF or (size == 4 and number >= FIRST_RESERVED):
        raise wire.error(f"there is no port {number}", at)
    return number


def port_bytes(number: int) -> bytes:
    """A port in 32 bits."""
    return (number | 0xFFFF0000 if number >= FIRST_RESERVED else number).to_bytes(4, "big")


def written(kind: Kind, value: int, mask: int | None) -> bytes:
    """A field with its value, and with a mask unless that is None."""
    if kind.name == "in_port" and kind.size == 4:
        return kind.header(masked=False) + port_bytes(value)
    body = value.to_bytes(kind.size, "big")
    more = b"" if mask is None else mask.to_bytes(kind.size, "big")
    return kind.header(masked=mask is not None) + body + more
