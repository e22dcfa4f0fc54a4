"""Numbers as people write them in rules: decimal, hexadecimal, addresses, digits left open with ``*``."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from ..source import InputError, Span

_PREFIXES: Final = {"0x": (16, 4), "0b": (2, 1), "0o": (8, 3)}
_MAC = re.compile(r"[0-9a-fA-F]{1,2}(:[0-9a-fA-F]{1,2}){5}$")
MAX_CHARACTERS: Final = 4096


def number(text: str, span: Span, width: int | None = None) -> int:
    """A number; with ``width`` 32, 128 or 48 also an IPv4, IPv6 or Ethernet address.

    Raises:
        InputError: it is none.
    """
    if len(text) > MAX_CHARACTERS:
        raise InputError.at(span, "the number is too long")
    try:
        if width == 48 and _MAC.match(text):
            return int("".join(part.zfill(2) for part in text.split(":")), 16)
        if width == 32 and text.count(".") == 3:
            return int(ipaddress.IPv4Address(text))
        if width == 128 and ":" in text:
            return int(ipaddress.IPv6Address(text))
        if text.lower() in ("true", "false"):
            return int(text.lower() == "true")
        if not re.match(r"-?[0-9]", text):
            raise ValueError
        base = _PREFIXES.get(text.lower().lstrip("-")[:2], (10, 0))[0]
        return int(text, base)
    except ValueError:
        raise InputError.at(span, f"{text!r} is no number") from None


def signed_fit(value: int, width: int) -> int:
    """A negative number in two's complement of ``width`` bits, where it fits; others unchanged."""
    return value + (1 << width) if -(1 << (width - 1)) <= value < 0 else value


def wildcard(text: str, span: Span) -> tuple[int, int, int]:
    """``(value, mask, digits' bits)`` of digits some of which are ``*``: the mask covers the digits that are given.

    Raises:
        InputError: a decimal with ``*``, or no number.
    """
    prefix = _PREFIXES.get(text.lower()[:2])
    if prefix is None:
        if "*" in text:
            raise InputError.at(span, f"{text!r}: decimal digits cannot be left open")
        value = number(text, span)
        return value, -1, 0
    base, bits = prefix
    value = mask = 0
    for digit in text[2:].replace("_", ""):
        value, mask = value << bits, mask << bits
        if digit != "*":
            value |= _digit(digit, base, text, span)
            mask |= (1 << bits) - 1
    return value, mask, bits * len(text[2:].replace("_", ""))


def _digit(digit: str, base: int, text: str, span: Span) -> int:
    try:
        return int(digit, base)
    except ValueError:
        raise InputError.at(span, f"{text!r} is no number") from None
