"""The numbers and layouts of p4ast in TC netlink, shared by writer and reader; ``docs/netlink.md`` explains them."""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

MAGIC: Final = b"P4AS"
VERSION: Final = 1
MESSAGE_TYPE: Final = 0x50
NLM_F_MULTI: Final = 0x2
NLA_F_NESTED: Final = 0x8000
OPTIONAL: Final = 0x2000
"""Flag of an attribute's type: a reader that does not know the attribute passes over it."""

MESSAGE: Final = struct.Struct("<IHHII4sHBB")
"""struct nlmsghdr (length, type, flags, sequence, port), then magic, version, command and a zero byte."""

ATTRIBUTE: Final = struct.Struct("<HH")
"""struct nlattr: length with this header and without padding, type."""

SPAN: Final = struct.Struct("<IIIII")
"""Number of the file's STRING, line, column, end line, end column."""

NUMBER: Final = struct.Struct("<I")
NODE_HEAD: Final = struct.Struct("<IHH")
"""The item's number, the node's kind, zero."""

MESSAGE_BYTES: Final = 16 * 1024
"""A writer begins a new message rather than let one grow beyond this."""

CHUNK_BYTES: Final = 8 * 1024
"""Bytes of a string or of a list's values in one attribute; the rest follows in further ones of the same number."""

INTEGER_BYTES: Final = 8 * 1024
"""The longest integer."""


class Command(IntEnum):
    """What a message is."""

    BEGIN = 1
    DATA = 2
    END = 3


class Item(IntEnum):
    """Attributes of a DATA message."""

    STRING = 1
    LIST = 2
    NODE = 3


class End(IntEnum):
    """Attributes of the END message."""

    ITEMS = 1
    ROOT = 2


class Value(IntEnum):
    """Attributes that hold a value, in a LIST or in a field of a NODE."""

    NONE = 1
    BOOL = 2
    INT = 3
    STRING = 4
    ITEM = 5
    SPAN = 6


def padded(length: int) -> int:
    """``length`` rounded up to a multiple of 4, as netlink aligns attributes and messages."""
    return (length + 3) & ~3


def attribute(type_: int, payload: bytes) -> bytes:
    """One attribute with its padding."""
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(payload), type_) + payload + bytes(-len(payload) % 4)
