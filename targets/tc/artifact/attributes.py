"""Netlink attributes and messages: the layer below :mod:`.netlink` (``Documentation/userspace-api/netlink``).

Numbers are in the machine's own byte order, as the kernel reads them.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ....semantics.source import InputError, Span

HEADER: Final = struct.Struct("=IHHII")
_ATTRIBUTE: Final = struct.Struct("=HH")
NESTED: Final = 0x8000
_TYPE: Final = 0x3FFF
NLMSG_NOOP: Final = 1
NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a binary file: ``line`` of the span stays 0, the offset is part of the message."""

    name: str
    offset: int

    @property
    def span(self) -> Span:
        """The file; of a byte there is no line."""
        return Span(self.name, 0, 0)

    def error(self, message: str) -> InputError:
        """An error here."""
        return InputError.at(self.span, f"byte {self.offset}: {message}")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One attribute's payload and where it begins in the file."""

    data: bytes
    place: Place

    def number(self, size: int = 4) -> int:
        """The payload as an unsigned number of ``size`` bytes. Raises InputError if it has another length."""
        if len(self.data) != size:
            raise self.place.error(f"attribute of {len(self.data)} bytes where {size} are expected")
        return int.from_bytes(self.data, sys.byteorder)

    def big(self, size: int) -> int:
        """The payload as an unsigned number of ``size`` bytes in network order. Raises InputError as above."""
        self.number(size)
        return int.from_bytes(self.data, "big")

    def text(self) -> str:
        """The payload as a name that ends in a zero byte."""
        raw = self.data.split(b"\0", 1)[0]
        try:
            return raw.decode("ascii")
        except UnicodeDecodeError:
            raise self.place.error("a name that is not ASCII") from None

    def unpack(self, layout: struct.Struct) -> tuple[int, ...]:
        """The payload's beginning as numbers. Raises InputError if it is too short."""
        if len(self.data) < layout.size:
            raise self.place.error(f"attribute of {len(self.data)} bytes where {layout.size} are expected")
        return layout.unpack_from(self.data)

    def nest(self) -> dict[int, Attribute]:
        """The attributes within, by type; of one type the last, as the kernel takes them."""
        return dict(self.items())

    def items(self, start: int = 0) -> Iterator[tuple[int, Attribute]]:
        """The attributes within, from ``start`` on. Raises InputError for a length that does not fit."""
        at = start
        while at < len(self.data):
            here = Place(self.place.name, self.place.offset + at)
            if len(self.data) - at < _ATTRIBUTE.size:
                raise here.error("attribute cut short")
            length, kind = _ATTRIBUTE.unpack_from(self.data, at)
            if length < _ATTRIBUTE.size or at + length > len(self.data):
                raise here.error(f"attribute's length {length} does not fit")
            inner = Place(here.name, here.offset + _ATTRIBUTE.size)
            yield kind & _TYPE, Attribute(self.data[at + _ATTRIBUTE.size : at + length], inner)
            at += (length + 3) & ~3


@dataclass(frozen=True, slots=True)
class Message:
    """One netlink message: its type, flags, and what follows the header."""

    kind: int
    flags: int
    body: Attribute


def attribute(kind: int, data: bytes) -> bytes:
    """An attribute, padded to a multiple of 4. Raises ValueError if it is longer than 65535 bytes."""
    length = len(data) + _ATTRIBUTE.size
    if length > 0xFFFF:
        raise ValueError(f"a netlink attribute cannot hold {len(data)} bytes")
    return _ATTRIBUTE.pack(length, kind) + data + bytes(-len(data) % 4)


def number(kind: int, value: int) -> bytes:
    """An attribute of 32 bits."""
    return attribute(kind, struct.pack("=I", value))


def small(kind: int, value: int, size: int) -> bytes:
    """An attribute of ``size`` bytes in the machine's own order."""
    return attribute(kind, value.to_bytes(size, sys.byteorder))


def big(kind: int, value: int, size: int) -> bytes:
    """An attribute of ``size`` bytes in network order."""
    return attribute(kind, value.to_bytes(size, "big"))


def message(kind: int, flags: int, sequence: int, body: bytes) -> bytes:
    """A message, padded to a multiple of 4."""
    return HEADER.pack(HEADER.size + len(body), kind, flags, sequence, 0) + body + bytes(-len(body) % 4)


def messages(data: bytes, name: str) -> Iterator[Message]:
    """The messages of a file or of what a socket received, one after the other.

    Raises:
        InputError: a length that does not fit; with the byte offset.
    """
    at = 0
    while at < len(data):
        here = Place(name, at)
        if len(data) - at < HEADER.size:
            raise here.error("message cut short")
        length, kind, flags, _, _ = HEADER.unpack_from(data, at)
        if length < HEADER.size or at + length > len(data):
            raise here.error(f"message's length {length} does not fit")
        inner = Place(name, at + HEADER.size)
        yield Message(kind, flags, Attribute(data[at + HEADER.size : at + length], inner))
        at += (length + 3) & ~3
