"""Options of tunnels as data: what ``tunnel_key`` sets and flower asks for, in words, JSON and netlink's attributes.

Words: ``tc/m_tunnel_key.c`` and ``tc/f_flower.c`` of iproute2 6.1; attributes: ``TCA_TUNNEL_KEY_ENC_OPTS_*`` and
``TCA_FLOWER_KEY_ENC_OPTS_*``, which are alike (``uapi/linux/tc_act/tc_tunnel_key.h``, ``uapi/linux/pkt_cls.h``). In a
packet they are as they go over the wire: ``struct geneve_opt`` (``include/net/geneve.h``, RFC 8926, 3.5), ``struct
vxlan_metadata`` (``include/net/vxlan.h``).
"""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from .attributes import NESTED, Attribute, attribute, big, number

Word = Literal["geneve_opts", "vxlan_opts"]
FLAGS: Final[dict[Word, int]] = {"geneve_opts": 0x0800, "vxlan_opts": 0x1000}
"""``TUNNEL_GENEVE_OPT``, ``TUNNEL_VXLAN_OPT``."""
MOST: Final = 255
"""``IP_TUNNEL_OPTS_MAX``, ``FLOW_DIS_TUN_OPTS_MAX``: bytes of all of them."""
_LONGEST: Final = 124
_HEAD: Final = struct.Struct("!HBB")
_GENEVE: Final = re.compile(r"([0-9a-fA-F]{1,4}):([0-9a-fA-F]{1,2}):((?:[0-9a-fA-F]{8}){1,31})\Z")
_NUMBER: Final = re.compile(r"(?:0[xX][0-9a-fA-F]{1,8}|[0-9]{1,10})\Z")
_KINDS: Final[dict[int, Word]] = {1: "geneve_opts", 2: "vxlan_opts"}
_CLASS, _TYPE, _DATA, _ONLY = 1, 2, 3, 1


@dataclass(frozen=True, slots=True)
class TunnelOptions:
    """``data``: all of them, one behind the other, as they go over the wire (VXLAN's in the machine's order)."""

    word: Word
    data: bytes

    def __post_init__(self) -> None:
        if not self.data or len(self.data) > MOST:
            raise ValueError(f"options of {len(self.data)} bytes: there are 4 to {MOST}")
        if self.word == "vxlan_opts" and len(self.data) != 4:
            raise ValueError("vxlan_opts are one number")
        if self.word == "geneve_opts":
            list(_split(self.data))

    @property
    def policy(self) -> int:
        """VXLAN's number."""
        return int.from_bytes(self.data, sys.byteorder)

    def __str__(self) -> str:
        """As ``tc`` reads them."""
        if self.word == "vxlan_opts":
            return str(self.policy)
        return ",".join(f"{kind:04x}:{number_:02x}:{data.hex()}" for kind, number_, data in _split(self.data))


def _split(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Class, type and data of each of Geneve's. Raises ValueError."""
    at = 0
    while at < len(data):
        if len(data) - at < _HEAD.size + 4:
            raise ValueError("an option cut short")
        kind, number_, length = _HEAD.unpack_from(data, at)
        end = at + _HEAD.size + 4 * length
        if not 1 <= length <= _LONGEST // 4 or end > len(data):
            raise ValueError("an option whose length does not fit")
        yield kind, number_, data[at + _HEAD.size : end]
        at = end


def _geneve(kind: int, number_: int, data: bytes) -> bytes:
    return _HEAD.pack(kind, number_, len(data) // 4) + data


# --- words --------------------------------------------------------------------------------------------------------


def word_of(text: str) -> Word:
    """What was read, as the word that it is."""
    return next(word for word in FLAGS if word == text)


def options_of(word: Word, text: str) -> TunnelOptions:
    """``CLASS:TYPE:DATA[,...]`` in hexadecimal, or VXLAN's number. Raises ValueError."""
    return TunnelOptions(word, b"".join(_one(word, part) for part in text.split(",")))


def masked_of(word: Word, text: str) -> tuple[TunnelOptions, TunnelOptions]:
    """The same with a mask for each behind a slash (none: all of its bits), and the masks. Raises ValueError."""
    both = [part.partition("/") for part in text.split(",")]
    values = [_one(word, value) for value, _, _ in both]
    masks = [
        _one(word, mask) if slash else _all(word, value) for value, (_, slash, mask) in zip(values, both, strict=True)
    ]
    if [len(value) for value in values] != [len(mask) for mask in masks]:
        raise ValueError("an option and its mask are not of one length")
    return TunnelOptions(word, b"".join(values)), TunnelOptions(word, b"".join(masks))


def _one(word: Word, text: str) -> bytes:
    if word == "vxlan_opts":
        if not _NUMBER.match(text) or int(text, 0) > 0xFFFFFFFF:
            raise ValueError(f"vxlan_opts are a number, not {text[:40]!r}")
        return int(text, 0).to_bytes(4, sys.byteorder)
    found = _GENEVE.match(text)
    if found is None:
        raise ValueError(f"geneve_opts are CLASS:TYPE:DATA in hexadecimal, the data 4 to 124 bytes, not {text[:40]!r}")
    return _geneve(int(found[1], 16), int(found[2], 16), bytes.fromhex(found[3]))


def _all(word: Word, value: bytes) -> bytes:
    """The mask of all bits of an option; its length the kernel takes for its own mask (``fl_set_geneve_opt``)."""
    if word == "vxlan_opts":
        return b"\xff" * 4
    return _geneve(0xFFFF, 0xFF, b"\xff" * (len(value) - _HEAD.size))


def masked_text(value: TunnelOptions, mask: TunnelOptions) -> str:
    """What :func:`masked_of` reads."""
    return ",".join("/".join(both) for both in zip(str(value).split(","), str(mask).split(","), strict=True))


# --- JSON ---------------------------------------------------------------------------------------------------------


def shown_text(word: Word, found: Sequence[Mapping[str, Any]]) -> str:
    """Options as ``tc -j`` prints them, in words. Raises KeyError, ValueError."""
    if word == "vxlan_opts":
        return ",".join(str(int(one["gbp"])) for one in found)
    return ",".join(f"{one['class']:x}:{one['type']:x}:{bytes(one['data']).hex()}" for one in found)


# --- netlink ------------------------------------------------------------------------------------------------------


def options_attribute(kind: int, options: TunnelOptions) -> bytes:
    """The attribute ``kind`` with an attribute for each option in it."""
    if options.word == "vxlan_opts":
        return attribute(kind | NESTED, attribute(2 | NESTED, number(_ONLY, options.policy)))
    one_by_one = (
        big(_CLASS, class_, 2) + attribute(_TYPE, bytes((number_,))) + attribute(_DATA, data)
        for class_, number_, data in _split(options.data)
    )
    return attribute(kind | NESTED, b"".join(attribute(1 | NESTED, one) for one in one_by_one))


def read_options(found: Attribute, *, new: bool) -> TunnelOptions | None:
    """See :func:`options_attribute`; None for options of other tunnels. In what the kernel shows, one attribute has all
    of Geneve's; in a request (``new``) it would be read as the last one.

    Raises:
        InputError: attributes that do not make options.
    """
    parts = list(found.items())
    words = {_KINDS.get(kind) for kind, _ in parts}
    if None in words:
        return None
    if len(words) != 1:
        raise found.place.error("options of no tunnel, or of two kinds of tunnels")
    (word,) = words
    assert word is not None
    try:
        return TunnelOptions(word, b"".join(_data(word, part, new=new) for _, part in parts))
    except ValueError as error:
        raise found.place.error(str(error)) from None


def _data(word: Word, part: Attribute, *, new: bool) -> bytes:
    inner = list(part.items())
    kinds = [kind for kind, _ in inner]
    if word == "vxlan_opts":
        if kinds != [_ONLY]:
            raise part.place.error("vxlan_opts without a policy")
        return inner[0][1].number().to_bytes(4, sys.byteorder)
    if not kinds or kinds != [_CLASS, _TYPE, _DATA] * (len(kinds) // 3) or (new and len(kinds) > 3):
        raise part.place.error("geneve_opts of another form than class, type, data")
    triples = zip(inner[::3], inner[1::3], inner[2::3], strict=True)
    return b"".join(_geneve(c.big(2), t.number(1), _words(d)) for (_, c), (_, t), (_, d) in triples)


def _words(data: Attribute) -> bytes:
    if len(data.data) % 4 or not data.data:
        raise data.place.error("geneve_opts whose data are no words of 4 bytes")
    return data.data


__all__ = [
    "FLAGS", "MOST", "TunnelOptions", "Word", "masked_of", "masked_text", "options_attribute", "options_of",
    "read_options", "shown_text",
]  # fmt: skip
