"""What stands after ``munge``: ``tc/m_pedit.c`` and ``p_eth.c``, ``p_ip.c``, ``p_ip6.c``, ``p_tcp.c``, ``p_udp.c`` of
iproute2 6.1, both ways."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ....semantics.source import Span, Unsupported
from .actions import PeditHeader, PeditKey
from .words import Command, shorten

_MAC: Final = re.compile(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}\Z")
_WORD: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Field:
    """A header field: ``width`` bytes at ``offset``, of which the bits in ``mask`` are written."""

    header: PeditHeader
    name: str
    offset: int
    width: int
    mask: int
    form: Literal["number", "mac", "ip", "ip6"] = "number"
    mode: Literal["both", "extended", "plain"] = "both"
    """Whether ``pedit ex`` has it, ``pedit``, or both (then of the network header)."""


def _field(
    header: PeditHeader,
    name: str,
    offset: int,
    width: int,
    mask: int | None = None,
    form: str = "number",
    mode: str = "",
) -> Field:
    whole = (1 << 8 * width) - 1
    kept = mode or ("both" if header == "ip" else "extended")
    return Field(header, name, offset, width, whole if mask is None else mask, form, kept)  # type: ignore[arg-type]


FIELDS: Final[tuple[Field, ...]] = (
    _field("eth", "dst", 0, 6, form="mac"),
    _field("eth", "src", 6, 6, form="mac"),
    _field("eth", "type", 12, 2),
    _field("ip", "src", 12, 4, form="ip"),
    _field("ip", "dst", 16, 4, form="ip"),
    _field("ip", "tos", 1, 1),
    _field("ip", "dsfield", 1, 1),
    _field("ip", "precedence", 1, 1),
    _field("ip", "ihl", 0, 1, 0x0F),
    _field("ip", "ttl", 8, 1),
    _field("ip", "protocol", 9, 1),
    _field("ip", "nofrag", 6, 1, 0x3F),
    _field("ip", "firstfrag", 6, 1, 0x1F),
    _field("ip", "ce", 6, 1, 0x80),
    _field("ip", "df", 6, 1, 0x40),
    _field("ip", "mf", 6, 1, 0x20),
    _field("ip", "sport", 20, 2, mode="plain"),
    _field("ip", "dport", 22, 2, mode="plain"),
    _field("ip", "icmp_type", 20, 1, mode="plain"),
    _field("ip", "icmp_code", 20, 1, mode="plain"),  # so it is in 6.1: the type's place
    _field("ip6", "src", 8, 16, form="ip6"),
    _field("ip6", "dst", 24, 16, form="ip6"),
    _field("ip6", "traffic_class", 0, 4, 0x0FF00000),
    _field("ip6", "flow_lbl", 0, 4, 0x0007FFFF),  # so it is in 6.1: 19 bits
    _field("ip6", "payload_len", 4, 2),
    _field("ip6", "nexthdr", 6, 1),
    _field("ip6", "hoplimit", 7, 1),
    _field("tcp", "sport", 0, 2),
    _field("tcp", "dport", 2, 2),
    _field("tcp", "flags", 13, 1),
    _field("udp", "sport", 0, 2),
    _field("udp", "dport", 2, 2),
)
_BY_NAME: Final = {(f.header, f.name): f for f in FIELDS}
_SHIFTED: Final = {("ip6", "traffic_class"): 20}
"""Fields of which a number is written further left."""


# --- reading ------------------------------------------------------------------------------------------------------


def read_munge(command: Command, *, extended: bool) -> list[PeditKey]:
    """``offset ...`` or ``HEADER FIELD CMD [VALUE] [retain R]``; ``munge`` has been read."""
    if command.take("offset"):
        return [_raw(command)]
    header, name = command.next("header"), command.next("field")
    field = _BY_NAME.get((header, name))  # type: ignore[arg-type]
    if field is None or (field.mode != "both" and (field.mode == "extended") != extended):
        raise command.error(f"pedit{' ex' if extended else ''} has no field {shorten(header + ' ' + name)}")
    add, value, written = _what(command, field, extended=extended)
    place = field.header if extended else "network"
    return [
        PeditKey(place, at, value >> shift & _WORD & mask, ~mask & _WORD, add)
        if written is None
        else PeditKey(place, at, *_unwritten(written, mask), add)
        for at, shift, mask in _words(field.offset, field.width, _mask(command, field))
    ]


def _mask(command: Command, field: Field) -> int:
    """The bits that are written: the field's, of which ``retain`` takes some."""
    if not command.take("retain"):
        return field.mask
    if field.width > 4:
        raise command.error("retain is for fields of up to 32 bits")
    return field.mask & command.number("retain", 0, _WORD)


def _words(offset: int, width: int, mask: int) -> Iterator[tuple[int, int, int]]:
    """The aligned words of ``width`` bytes at ``offset``: place, by how much a value is shifted right, mask.

    A negative shift cannot be said with ``>>``; values are therefore shifted by a word before (see :func:`_placed`).
    """
    start = offset & ~3
    end = (offset + width + 3) & ~3
    left = 8 * (end - offset - width)
    for at in range(start, end, 4):
        right = 8 * (end - at - 4)
        yield at, right, (mask << left) >> right & _WORD


def _placed(field: Field, value: int) -> int:
    """A field's value as :func:`_words` takes it: its last bit at the end of its last word."""
    end = (field.offset + field.width + 3) & ~3
    return value << 8 * (end - field.offset - field.width) + _SHIFTED.get((field.header, field.name), 0)


def _what(command: Command, field: Field, *, extended: bool) -> tuple[bool, int, str | None]:
    """Whether it is added, the value in place, and the command if it writes none."""
    word = command.next("set, add or another command")
    if word in ("set", "add"):
        if word == "add" and not extended:
            raise command.error("only pedit ex has add")
        return word == "add", _placed(field, _value(command, field)), None
    if word in ("dec", "decrement"):
        if not extended or (field.header, field.name) not in (("ip", "ttl"), ("ip6", "hoplimit")):
            raise command.error("decrement is for ip ttl and ip6 hoplimit of pedit ex")
        return True, _placed(field, 0xFF), None
    if word in ("clear", "invert", "preserve"):
        return False, 0, word
    raise command.error(f"set, add, clear, invert, preserve or decrement expected, not {shorten(word)}")


def _unwritten(word: str, mask: int) -> tuple[int, int]:
    """Value and mask of ``clear``, ``invert`` and ``preserve`` for a word of which ``mask`` is the field's."""
    if word == "clear":
        return 0, ~mask & _WORD
    return (mask if word == "invert" else 0), _WORD


def _value(command: Command, field: Field) -> int:
    text = command.next("value")
    if field.form == "mac":
        if not _MAC.match(text):
            raise command.error(f"Ethernet address expected, not {shorten(text)}")
        return int("".join(part.zfill(2) for part in text.split(":")), 16)
    if field.form == "number":
        return command.as_number(text, "value", 0, (1 << 8 * min(field.width, 4)) - 1)
    if field.form == "ip" and (text.isdigit() or text[:2] == "0x"):
        return command.as_number(text, "address", 0, _WORD)
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        address = None
    if address is None or (address.version == 4) != (field.form == "ip"):
        raise command.error(f"IPv{'4' if field.form == 'ip' else '6'} address expected, not {shorten(text)}")
    return int(address)


def _raw(command: Command) -> PeditKey:
    """``offset N [u8|u16|u32] [at A MASK SHIFT] CMD``."""
    offset = command.number("offset", -(1 << 31), (1 << 31) - 1)
    if not command.take("u8", "u16", "u32"):
        raise command.error("u8, u16 or u32 expected", command.here)
    width = int(command.last_text[1:]) // 8
    if offset & 3 > 4 - width:
        raise command.error(f"{8 * width} bits at offset {offset} are not within a word")
    at = offmask = shift = 0
    if command.take("at"):
        at = command.number("place of an offset", 0, _WORD)
        command.take("offmask")
        offmask = command.number("mask", 0, _WORD, hexadecimal=True)
        command.take("shift")
        shift = command.number("shift", 0, 31)
    field = Field("network", "", offset, width, (1 << 8 * width) - 1)
    add, value, written = _what(command, field, extended=False)
    mask = _mask(command, field)
    (place, right, mask) = next(iter(_words(offset, width, mask)))
    numbers = _unwritten(written, mask) if written else (value >> right & mask, ~mask & _WORD)
    return PeditKey("network", place, *numbers, add, at, offmask, shift)


# --- printing -----------------------------------------------------------------------------------------------------


def print_munges(keys: tuple[PeditKey, ...], span: Span) -> tuple[bool, list[str]]:
    """Whether ``ex`` is needed, and what stands after each ``munge``.

    Raises:
        Unsupported: ``tc`` has no words for a key.
    """
    extended = any(key.header != "network" or key.add for key in keys)
    said: list[str] = []
    at = 0
    while at < len(keys):
        if keys[at].header == "network":
            said.append(_raw_words(keys[at], span))
            at += 1
            continue
        taken, words = _field_words(keys, at, span)
        said.append(words)
        at += taken
    return extended, said


def _raw_words(key: PeditKey, span: Span) -> str:
    if key.add:
        raise Unsupported("tc has no words for adding at an offset", span)
    if key.offset % 4:
        raise Unsupported(f"tc has no words for writing at {key.offset}: not a multiple of 4", span)
    where = f"offset {key.offset} u32"
    if key.offmask:
        where += f" at {key.at} {key.offmask:#x} {key.shift}"
    written = ~key.mask & _WORD
    if key.mask == _WORD and key.value == _WORD:
        return f"{where} invert"
    if key.value & key.mask:
        raise Unsupported("tc has no words for inverting some bits of a word", span)
    retain = "" if written == _WORD else f" retain {written:#010x}"
    return f"{where} set {key.value:#010x}{retain}"


def _field_words(keys: tuple[PeditKey, ...], at: int, span: Span) -> tuple[int, str]:
    """The field that the next keys write: how many keys, and the words."""
    key = keys[at]
    for field in FIELDS:
        if field.header != key.header or field.mode == "plain":
            continue
        words = list(_words(field.offset, field.width, field.mask))
        some = keys[at : at + len(words)]
        if len(some) < len(words) or any(k.offset != w[0] for k, w in zip(some, words, strict=True)):
            continue
        said = _said(field, some, [mask for _, _, mask in words])
        if said is not None:
            return len(words), f"{field.header} {field.name} {said}"
    raise Unsupported(f"tc has no words for writing at {key.header}{key.offset:+d} under mask {key.mask:#010x}", span)


def _said(field: Field, keys: tuple[PeditKey, ...], masks: list[int]) -> str | None:
    """The command that makes these keys of a field; None if there is none."""
    plain = all(k.header == field.header and not k.offmask and k.add == keys[0].add for k in keys)
    if not plain:
        return None
    if all(k.mask == _WORD and k.value == m for k, m in zip(keys, masks, strict=True)) and not keys[0].add:
        return "invert"
    written = [~k.mask & _WORD for k in keys]
    if any(w & ~m or k.value & k.mask for w, m, k in zip(written, masks, keys, strict=True)):
        return None
    whole = written == masks
    if not whole and field.width > 4:
        return None
    end = (field.offset + field.width + 3) & ~3
    down = 8 * (end - field.offset - field.width)
    value = retained = 0
    for k, w in zip(keys, written, strict=True):
        value, retained = value << 32 | k.value, retained << 32 | w
    shifted = down + _SHIFTED.get((field.header, field.name), 0)
    retain = "" if whole else f" retain {retained >> down:#x}"
    return f"{'add' if keys[0].add else 'set'} {_value_text(field, value >> shifted)}{retain}"


def _value_text(field: Field, value: int) -> str:
    if field.form == "mac":
        return value.to_bytes(6, "big").hex(":")
    if field.form == "ip":
        return str(ipaddress.IPv4Address(value))
    if field.form == "ip6":
        return str(ipaddress.IPv6Address(value))
    return str(value)
