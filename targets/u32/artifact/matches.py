"""What stands after ``match`` (and ``sample``): words, half-words and bytes at offsets, and names of header fields.

Follows ``parse_selector`` and ``pack_key`` of iproute2's ``tc/f_u32.c``: every key becomes an aligned word; keys at
the same place are merged into the first one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from ...tc.artifact.addresses import read_prefix
from ...tc.artifact.words import Command, shorten
from .filters import Key

TC_MAX_KEYS: Final = 128
NEXT_HEADER: Final = -1
_MAC: Final = re.compile(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}\Z")


class KeyList:
    """The keys of one selector as they are packed, and the mark."""

    def __init__(self, command: Command) -> None:
        self.command = command
        self.keys: list[Key] = []
        self.mark: tuple[int, int] | None = None
        self.count = 0
        """How many ``match`` there were."""
        self._places: dict[tuple[int, int], int] = {}

    def add(self, value: int, mask: int, offset: int, offmask: int) -> None:
        """Another word. Raises InputError if it contradicts one at the same place, or is not aligned."""
        value &= mask
        at = self._places.get((offset, offmask))
        if at is not None:
            old = self.keys[at]
            if (value ^ old.value) & mask & old.mask:
                raise self.command.error("this match contradicts an earlier one at the same offset")
            self.keys[at] = Key(old.value | value, old.mask | mask, offset, offmask)
            return
        if len(self.keys) >= TC_MAX_KEYS:
            raise self.command.error(f"more than {TC_MAX_KEYS} matches")
        if offset % 4:
            raise self.command.error(f"offset {offset} of a 32-bit match is not a multiple of 4")
        self._places[offset, offmask] = len(self.keys)
        self.keys.append(Key(value, mask, offset, offmask))

    def add_short(self, value: int, mask: int, width: int, offset: int, offmask: int) -> None:
        """``width`` (8, 16 or 32) bits at ``offset``, within the aligned word there; as tc does it, a half-word at an
        odd offset is the lower half."""
        if width == 32:
            self.add(value, mask, offset, offmask)
            return
        at = offset % 4
        shift = 24 - 8 * at if width == 8 else 0 if at else 16
        self.add(value << shift, mask << shift, offset - at, offmask)


def read_match(command: Command, keys: KeyList) -> None:
    """What follows the word ``match``, put into ``keys``."""
    keys.count += 1
    for name, reader in _READERS.items():
        if command.take_short(name):
            reader(command, keys)
            return
    raise command.error(f"unknown match {shorten(command.peek())}", command.here)


def _raw(width: int, offset: int = 0, offmask: int = 0) -> Callable[[Command, KeyList], None]:
    """``VALUE MASK [at [nexthdr+]OFFSET]``."""

    def read(command: Command, keys: KeyList) -> None:
        top = (1 << width) - 1
        value = command.number("value", 0, top)
        mask = command.number("mask", 0, top, hexadecimal=True)
        keys.add_short(value, mask, width, *_at(command, offset, offmask))

    return read


def _at(command: Command, offset: int, offmask: int) -> tuple[int, int]:
    if not command.take("at"):
        return offset, offmask
    text = command.next("offset")
    prefix = "nexthdr+"
    if text.startswith(prefix) and len(text) > len(prefix):
        text, offmask = text.removeprefix(prefix), NEXT_HEADER
    elif text and prefix.startswith(text):
        text, offmask = command.next("offset"), NEXT_HEADER
    return command.as_number(text, "offset", -(1 << 31), (1 << 31) - 4), offmask


def _fixed(value: int, mask: int, offset: int) -> Callable[[Command, KeyList], None]:
    def read(command: Command, keys: KeyList) -> None:
        keys.add_short(value, mask, 16, offset, 0)

    return read


def _ipv4(offset: int) -> Callable[[Command, KeyList], None]:
    def read(command: Command, keys: KeyList) -> None:
        address, bits = read_prefix(command, 4)
        place, offmask = _at(command, offset, 0)
        keys.add(address, 0xFFFFFFFF << (32 - bits) & 0xFFFFFFFF, place, offmask)

    return read


def _ipv6(offset: int) -> Callable[[Command, KeyList], None]:
    def read(command: Command, keys: KeyList) -> None:
        address, bits = read_prefix(command, 6)
        place, offmask = _at(command, offset, 0)
        mask = (1 << 128) - (1 << (128 - bits))
        for word in range((bits + 31) // 32):
            shift = 96 - 32 * word
            keys.add(address >> shift & 0xFFFFFFFF, mask >> shift & 0xFFFFFFFF, place + 4 * word, offmask)

    return read


def _traffic_class(command: Command, keys: KeyList) -> None:
    value = command.number("value", 0, 0xFF)
    mask = command.number("mask", 0, 0xFF, hexadecimal=True)
    keys.add(value << 20, mask << 20, 0, 0)


def _mac(offset: int) -> Callable[[Command, KeyList], None]:
    def read(command: Command, keys: KeyList) -> None:
        text = command.next("Ethernet address")
        if not _MAC.match(text):
            raise command.error(f"Ethernet address expected, not {shorten(text)}")
        place, offmask = _at(command, offset, 0)
        for i, part in enumerate(text.split(":")):
            keys.add_short(int(part, 16), 0xFF, 8, place + i, offmask)

    return read


def _mark(command: Command, keys: KeyList) -> None:
    value = command.number("mark", 0, 0xFFFFFFFF)
    mask = command.number("mark's mask", 0, 0xFFFFFFFF)
    if value & ~mask:
        raise command.error("the mark has bits outside its mask")
    keys.mark = (value, mask) if mask else None


def _fields(fields: dict[str, Callable[[Command, KeyList], None]]) -> Callable[[Command, KeyList], None]:
    def read(command: Command, keys: KeyList) -> None:
        name = command.next("field")
        reader = fields.get(name)
        if reader is None:
            raise command.error(f"unknown field {shorten(name)}; there are {', '.join(fields)}")
        reader(command, keys)

    return read


_IP: Final = {
    "src": _ipv4(12), "dst": _ipv4(16), "tos": _raw(8, 1), "dsfield": _raw(8, 1), "precedence": _raw(8, 1),
    "ihl": _raw(8, 0), "protocol": _raw(8, 9), "nofrag": _fixed(0, 0x3FFF, 6), "firstfrag": _fixed(0x2000, 0x3FFF, 6),
    "df": _fixed(0x4000, 0x4000, 6), "mf": _fixed(0x2000, 0x2000, 6), "dport": _raw(16, 22), "sport": _raw(16, 20),
    "icmp_type": _raw(8, 20), "icmp_code": _raw(8, 21),
}  # fmt: skip
_IP6: Final = {
    "src": _ipv6(8), "dst": _ipv6(24), "priority": _traffic_class, "protocol": _raw(8, 6), "flowlabel": _raw(32, 0),
    "dport": _raw(16, 42), "sport": _raw(16, 40), "icmp_type": _raw(8, 40), "icmp_code": _raw(8, 41, 1),
}  # fmt: skip
_PORTS: Final = {"src": _raw(16, 0, NEXT_HEADER), "dst": _raw(16, 2, NEXT_HEADER)}

# In the order in which tc tries them, so that abbreviations mean the same: "u" is u32, "i" is ip, "m" is mark.
_READERS: Final[dict[str, Callable[[Command, KeyList], None]]] = {
    "u32": _raw(32),
    "u16": _raw(16),
    "u8": _raw(8),
    "ip": _fields(_IP),
    "ip6": _fields(_IP6),
    "udp": _fields(_PORTS),
    "tcp": _fields(_PORTS),
    "icmp": _fields({"type": _raw(8, 0, NEXT_HEADER), "code": _raw(8, 1, NEXT_HEADER)}),
    "mark": _mark,
    "ether": _fields({"src": _mac(-8), "dst": _mac(-14)}),
}
