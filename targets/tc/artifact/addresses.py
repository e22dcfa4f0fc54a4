"""IPv4 and IPv6 addresses and prefixes as ``tc`` reads them: ``get_addr_1``, ``get_prefix_1`` and ``get_netmask`` of
iproute2's ``lib/utils.c``."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from .words import Command, read_number, shorten

_OCTET: Final = r"(?:0[xX][0-9a-fA-F]+|[0-9]+)"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{0,3}}\Z")
_ALL: Final = ("any", "all", "default")


def ipv4_number(text: str) -> int | None:
    """An IPv4 address (``get_addr_ipv4``): up to four numbers with C's prefixes, missing ones are 0, so ``10.1`` is
    10.1.0.0 and ``010.0.0.1`` is 8.0.0.1. None if it is none."""
    octets = [read_number(part) for part in text.split(".")] if _IPV4.match(text) else [None]
    if any(octet is None or octet > 0xFF for octet in octets):
        return None
    return int.from_bytes(bytes(octet or 0 for octet in octets).ljust(4, b"\0"), "big")


def read_address(command: Command, text: str, version: int) -> int:
    """``text``, from the word read last, as an address of that version. Raises InputError: it is none."""
    number = ipv4_number(text) if version == 4 else _ipv6_number(text)
    if number is None:
        raise command.error(f"IPv{version} address expected, not {shorten(text)}")
    return number


def _ipv6_number(text: str) -> int | None:
    try:
        return int(ipaddress.IPv6Address(text)) if "%" not in text else None
    except ValueError:
        return None


def read_prefix(command: Command, version: int) -> tuple[int, int]:
    """``ADDRESS[/LENGTH]`` (of IPv4 also ``/NETMASK``) as address and length, or ``any``, ``all``, ``default`` for the
    prefix of length 0. Raises InputError."""
    text = command.next("address")
    if text in _ALL:
        return 0, 0
    host, slash, length = text.partition("/")
    address, width = read_address(command, host, version), 32 if version == 4 else 128
    if not slash:
        return address, width
    if "." in length:
        return address, _netmask_length(command, length)
    return address, command.as_number(length, "prefix length", 0, width)


def _netmask_length(command: Command, text: str) -> int:
    mask = ipv4_number(text)
    missing = 0xFFFFFFFF if mask is None else mask ^ 0xFFFFFFFF
    if mask is None or missing & (missing + 1):
        raise command.error(f"netmask expected, not {shorten(text)}")
    return 32 - missing.bit_length()
