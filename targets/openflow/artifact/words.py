"""Pieces of a line of ``ovs-ofctl`` with their places, and the values that they stand for.

Follows ``ofputil_parse_key_value`` (``lib/ofp-parse.c`` of Open vSwitch 3.1): items are split at commas and blanks; an
item is a key, or a key with a value after ``=`` or ``:`` or in parentheses; parentheses nest.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from ....semantics.source import InputError, Span
from .fields import FRAG_ANY, FRAG_LATER, Style
from .flows import FIRST_RESERVED, PORT_NAMES

_T = TypeVar("_T")
_KEY: Final = re.compile(r"[^,\s=:(]+")
_BLANK: Final = re.compile(r"[\s,]*")
_NUMBER: Final = re.compile(r"(?:0[xX][0-9a-fA-F]{1,64}|[0-9]{1,64})\Z")
_MAC: Final = re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}\Z")
_FRAGS: Final = {
    "no": (0, FRAG_ANY | FRAG_LATER),
    "yes": (FRAG_ANY, FRAG_ANY),
    "first": (FRAG_ANY, FRAG_ANY | FRAG_LATER),
    "later": (FRAG_ANY | FRAG_LATER, FRAG_ANY | FRAG_LATER),
    "not_later": (0, FRAG_LATER),
}
_TCP_FLAGS: Final = ("fin", "syn", "rst", "psh", "ack", "urg", "ece", "cwr", "ns", "[200]", "[400]", "[800]")
_CT_STATES: Final = ("new", "est", "rel", "rpl", "inv", "trk", "snat", "dnat")
_DEEPEST: Final = 16


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a line and where it begins."""

    text: str
    span: Span
    line: str

    def part(self, start: int, end: int | None = None) -> Piece:
        """The stretch from ``start`` to ``end`` of this one, in characters."""
        text = self.text[start:end]
        column = self.span.column + start
        return Piece(text, Span(self.span.file, self.span.line, column, self.span.line, column + len(text)), self.line)

    def error(self, message: str) -> InputError:
        """An error at this place."""
        return InputError.at(self.span, message, self.line)

    def shown(self) -> str:
        """The text as an error repeats it."""
        return repr(self.text if len(self.text) <= 40 else self.text[:37] + "...")


@dataclass(frozen=True, slots=True)
class Item:
    """A key and its value; ``value`` is None where there is none."""

    key: Piece
    value: Piece | None
    whole: Piece


def items(piece: Piece) -> Iterator[Item]:
    """The items of a list, from left to right. Raises InputError for parentheses that do not match."""
    at = _skip(piece, 0)
    while at < len(piece.text):
        key = _KEY.match(piece.text, at)
        if key is None:
            raise piece.part(at, at + 1).error(f"a name expected, not {piece.text[at]!r}")
        start, at = at, key.end()
        value = None
        follows = piece.text[at : at + 1]
        if follows == "(":
            end = _closing(piece, at)
            value = piece.part(at + 1, end)
            at = end + 1
            if piece.text.startswith("->", at):  # check_pkt_larger(LENGTH)->FIELD[BIT]
                at = _value_end(piece, at)
        elif follows in ("=", ":"):
            end = _value_end(piece, at + 1)
            value = piece.part(at + 1, end)
            at = end
        yield Item(piece.part(start, key.end()), value, piece.part(start, at))
        at = _skip(piece, at)


def _skip(piece: Piece, at: int) -> int:
    blank = _BLANK.match(piece.text, at)
    return blank.end() if blank else at


def _closing(piece: Piece, at: int) -> int:
    depth = 0
    for i in range(at, len(piece.text)):
        depth += {"(": 1, ")": -1}.get(piece.text[i], 0)
        if depth > _DEEPEST:
            raise piece.part(i, i + 1).error(f"more than {_DEEPEST} parentheses in one another")
        if not depth:
            return i
    raise piece.part(at, at + 1).error("this parenthesis is never closed")


def _value_end(piece: Piece, at: int) -> int:
    """A value ends at a comma or a blank outside of parentheses."""
    while at < len(piece.text):
        char = piece.text[at]
        if char == "(":
            at = _closing(piece, at)
        elif char == "," or char.isspace():
            return at
        elif char == ")":
            raise piece.part(at, at + 1).error("this parenthesis was never opened")
        at += 1
    return at


def one_of(piece: Piece, known: Mapping[str, _T], what: str) -> _T:
    """What a word stands for. Raises InputError naming all that are known."""
    if piece.text in known:
        return known[piece.text]
    raise piece.error(f"{piece.shown()} is no kind of {what} ({', '.join(dict.fromkeys(map(str, known.values())))})")


def number(piece: Piece, bits: int) -> int:
    """A number, decimal or hexadecimal, of at most so many bits."""
    if not _NUMBER.match(piece.text):
        raise piece.error(f"a number expected, not {piece.shown()}")
    value = int(piece.text, 16 if piece.text[:2] in ("0x", "0X") else 10)
    if value >> bits:
        raise piece.error(f"{piece.text} does not fit into {bits} bits")
    return value


def port(piece: Piece) -> int:
    """A port's number, or the name of a reserved port."""
    reserved = PORT_NAMES.get(piece.text.lower())
    if reserved is not None:
        return reserved
    if not _NUMBER.match(piece.text):
        raise piece.error(f"a port's number expected, not {piece.shown()} (dump with --no-names)")
    value = number(piece, 32)
    if value >= 0xFFFFFF00:  # 32-bit reserved ports of OpenFlow 1.1 and later
        return value & 0xFFFF
    if value > 0xFFFF or (value >= FIRST_RESERVED and value not in PORT_NAMES.values()):
        raise piece.error(f"there is no port {piece.text}")
    return value


def masked(piece: Piece, bits: int, style: Style) -> tuple[int, int]:
    """A value and its mask (which has all the value's bits); without a mask, all bits of the field."""
    everything = (1 << bits) - 1
    if style == "frag":
        if piece.text not in _FRAGS:
            raise piece.error(f"{piece.shown()} is none of {', '.join(_FRAGS)}")
        return _FRAGS[piece.text]
    if style == "port":
        return port(piece), everything
    if style in ("tcp_flags", "ct_state") and piece.text and not piece.text[0].isdigit():
        names = _TCP_FLAGS if style == "tcp_flags" else _CT_STATES
        return _flags(piece, names) if piece.text[0] in "+-" else (_all_flags(piece, names), everything)
    text, slash, _ = piece.text.partition("/")
    value = single(piece.part(0, len(text)), bits, style)
    if not slash:
        return value, everything
    mask = _mask(piece.part(len(text) + 1), bits, style)
    return value & mask, mask


def single(piece: Piece, bits: int, style: Style) -> int:
    """A value without a mask."""
    if style == "mac":
        if not _MAC.match(piece.text):
            raise piece.error(f"an Ethernet address expected, not {piece.shown()}")
        return int("".join(part.zfill(2) for part in piece.text.split(":")), 16)
    try:
        if style == "ipv4":
            return int(ipaddress.IPv4Address(piece.text))
        if style == "ipv6":
            return int(ipaddress.IPv6Address(piece.text))
    except ValueError:
        raise piece.error(f"an {style.replace('ip', 'IP')} address expected, not {piece.shown()}") from None
    return port(piece) if style == "port" else number(piece, bits)


def _mask(piece: Piece, bits: int, style: Style) -> int:
    if style in ("ipv4", "ipv6") and piece.text.isdecimal():
        length = number(piece, 8)
        if length > bits:
            raise piece.error(f"a prefix has at most {bits} bits")
        return ((1 << length) - 1) << (bits - length)
    return single(piece, bits, style)


def _all_flags(piece: Piece, names: tuple[str, ...]) -> int:
    """Flags that are set, where all others are not (``syn|ack``; ``parse_flags``)."""
    value = 0
    for name in piece.text.split("|"):
        if name not in names:
            raise piece.error(f"{name!r} is no flag of this field ({', '.join(names)})")
        value |= 1 << names.index(name)
    return value


def _flags(piece: Piece, names: tuple[str, ...]) -> tuple[int, int]:
    value = mask = 0
    for sign, name in re.findall(r"([+-])([^+-]*)", piece.text):
        if name not in names:
            raise piece.error(f"{name!r} is no flag of this field ({', '.join(names)})")
        bit = 1 << names.index(name)
        mask |= bit
        value |= bit if sign == "+" else 0
    return value, mask
