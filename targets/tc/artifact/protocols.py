"""Names that ``tc`` gives to numbers: protocols and class ids."""

from __future__ import annotations

from typing import Final

from .words import Command, shorten

ETH_P_ALL: Final = 3
"""The protocol number of a filter that sees every frame."""

PROTOCOLS: Final[dict[str, int]] = {
    "loop": 0x0060, "pup": 0x0200, "pupat": 0x0201, "ip": 0x0800, "ipv4": 0x0800, "x25": 0x0805, "arp": 0x0806,
    "bpq": 0x08FF, "ieeepup": 0x0A00, "ieeepupat": 0x0A01, "dec": 0x6000, "dna_dl": 0x6001, "dna_rc": 0x6002,
    "dna_rt": 0x6003, "lat": 0x6004, "diag": 0x6005, "cust": 0x6006, "sca": 0x6007, "rarp": 0x8035, "atalk": 0x809B,
    "aarp": 0x80F3, "ipx": 0x8137, "ipv6": 0x86DD, "ppp_disc": 0x8863, "ppp_ses": 0x8864, "atmmpoa": 0x884C,
    "atmfate": 0x8884, "802_3": 0x0001, "ax25": 0x0002, "all": 0x0003, "802_2": 0x0004, "snap": 0x0005,
    "ddcmp": 0x0006, "wan_ppp": 0x0007, "ppp_mp": 0x0008, "localtalk": 0x0009, "can": 0x000C, "ppptalk": 0x0010,
    "tr_802_2": 0x0011, "mobitex": 0x0015, "control": 0x0016, "irda": 0x0017, "econet": 0x0018, "tipc": 0x88CA,
    "profinet": 0x8892, "aoe": 0x88A2, "ethercat": 0x88A4, "802.1q": 0x8100, "802.1ad": 0x88A8, "mpls_uc": 0x8847,
    "mpls_mc": 0x8848, "teb": 0x6558, "lldp": 0x88CC,
}  # fmt: skip
"""``lib/ll_proto.c`` of iproute2, in lower case (it compares without case)."""

_CLASSES: Final = {"none": 0, "root": 0xFFFFFFFF}
PROTOCOL_NAMES: Final = {
    number: name
    for name, number in PROTOCOLS.items()
    if name in ("ip", "arp", "ipv6", "all", "802_3", "802_2", "802.1q", "802.1ad", "mpls_uc", "mpls_mc")
}
"""What is printed by name; the rest goes out as a number."""


def read_protocol(command: Command) -> int:
    """A protocol's name or number."""
    text = command.next("protocol")
    number = PROTOCOLS.get(text.lower())
    return number if number is not None else command.as_number(text, "protocol", 0, 0xFFFF)


def protocol_number(text: str) -> int:
    """A protocol as dumps write it: a name, or a number as ``[34997]`` or ``0x88b5``. Raises ValueError."""
    known = PROTOCOLS.get(text.lower())
    if known is not None:
        return known
    number = int(text.strip("[]"), 0) if text.strip("[]")[:1].isdigit() else -1
    if not 0 <= number <= 0xFFFF:
        raise ValueError(f"protocol expected, not {shorten(text)}")
    return number


def protocol_text(number: int) -> str:
    """A protocol as ``tc`` reads it."""
    return PROTOCOL_NAMES.get(number, f"{number:#06x}")


def read_classid(command: Command, what: str) -> int:
    """``major:minor`` in hex, the whole as one hex number, ``root`` or ``none`` (``get_tc_classid``)."""
    text = command.next(what)
    if text in _CLASSES:
        return _CLASSES[text]
    major, colon, minor = text.partition(":")
    if not colon:
        return command.as_number(text, what, 0, 0xFFFFFFFF, hexadecimal=True)
    high = command.as_number(major, what, 0, 0xFFFF, hexadecimal=True) if major else 0
    low = command.as_number(minor, what, 0, 0xFFFF, hexadecimal=True) if minor else 0
    return high << 16 | low


def shown_classid(text: str) -> int:
    """The same as dumps write it (``print_tc_classid``). Raises ValueError."""
    if text in _CLASSES:
        return _CLASSES[text]
    major, _, minor = text.rpartition(":")
    return int(major or "0", 16) << 16 | int(minor or "0", 16)


def classid_text(classid: int) -> str:
    """A class id as ``tc`` reads it."""
    return f"{classid >> 16:x}:{classid & 0xFFFF:x}" if classid else "none"
