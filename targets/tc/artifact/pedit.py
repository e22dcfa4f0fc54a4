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
from .addresses import read_prefix
from .words import Command, shorten

_MAC: Final = re.compile(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}\Z")
_WORD: Final = 0xFFFFFFFF


_Form = Literal["number", "mac", "ip", "ip6"]
_Mode = Literal["both", "extended", "plain"]


@dataclass(frozen=True, slots=True)
class Field:
    """A header field: ``width`` bytes at ``offset``, of which the bits in ``mask`` are written."""

    header: PeditHeader
    name: str
    offset: int
    width: int
    mask: int
    form: _Form = "number"
    mode: _Mode = "both"
    """Whether ``pedit ex`` has it, ``pedit``, or both (then of the network header)."""
    shifted: int = 0
    """By how many bits to the left the bytes at ``offset`` are written."""


def _field(
    header: PeditHeader,
    name: str,
    offset: int,
    width: int,
    mask: int | None = None,
    form: _Form = "number",
    mode: _Mode | None = None,
    shifted: int = 0,
) -> Field:
    whole = (1 << 8 * width) - 1
    kept: _Mode = mode or ("both" if header == "ip" else "extended")
    return Field(header, name, offset, width, whole if mask is None else mask, form, kept, shifted)


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
    _field("ip6", "traffic_class", 1, 1, shifted=4),
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


# --- reading ------------------------------------------------------------------------------------------------------


def read_munge(command: Command, *, extended: bool) -> list[PeditKey]:
    """``offset ...`` or ``HEADER FIELD CMD [VALUE] [retain R]``; ``munge`` has been read."""
    if command.take_short("offset"):
        return [_raw(command, extended=extended)]
    header, name = command.next("header"), command.next("field")
    field = _BY_NAME.get((header, name))  # type: ignore[arg-type]
    if field is None or (field.mode != "both" and (field.mode == "extended") != extended):
        raise command.error(f"pedit{' ex' if extended else ''} has no field {shorten(header + ' ' + name)}")
    said = _said_of(command, field, extended=extended)
    place = field.header if extended else "network"
    return [PeditKey(place, at, value, mask, said.add) for at, value, mask in _packed(field, said)]


@dataclass(frozen=True, slots=True)
class _Said:
    """What ``parse_cmd`` finds: bits of the field that are kept from what is there (``kept``) and what is put over
    them, of both those in ``retain``."""

    add: bool
    value: int
    kept: int
    retain: int


def _said_of(command: Command, field: Field, *, extended: bool) -> _Said:
    """``CMD [VALUE] [retain R]`` of a field (``parse_cmd``). What ``retain`` says takes the place of the bits that the
    field has itself, and of none, which ``preserve`` stands for."""
    ones = (1 << 8 * field.width) - 1
    add, value, kept, retain = False, 0, 0, field.mask
    if command.take_short("set") or command.take_short("add"):
        add = command.last_text[0] == "a"
        value = _value(command, field)
    elif command.take_short("decrement"):
        if not extended or (field.header, field.name) not in (("ip", "ttl"), ("ip6", "hoplimit")):
            raise command.error("decrement is for ip ttl and ip6 hoplimit of pedit ex")
        add, value = True, ones
    elif command.take_short("invert"):
        # of what has more than 32 bits the first byte alone, and it is set (``pack_mac``, ``pack_ipv6``)
        value, kept = (ones, ones) if field.width <= 4 else (0xFF << 8 * (field.width - 1), 0)
    elif command.take_short("preserve"):
        if field.width > 4:
            raise command.error("preserve is for fields of up to 32 bits")
        retain = 0
    elif not command.take_short("clear"):
        what = shorten(command.peek())
        raise command.error(f"set, add, clear, invert, preserve or decrement expected, not {what}", command.here)
    if add and not extended:
        raise command.error("only pedit ex has add")
    if command.take_short("retain"):
        retain = command.number("retain", 0, _WORD)
        if field.width > 4 and retain != _WORD:
            raise command.error("retain is for fields of up to 32 bits")
        retain = field.mask if field.width > 4 else retain
    return _Said(add, value, kept, retain)


def _packed(field: Field, said: _Said) -> Iterator[tuple[int, int, int]]:
    """Offset, value and mask of each word that a field's bytes are in (``pack_key8`` and so on)."""
    ones = (1 << 8 * field.width) - 1
    value, mask = said.value & said.retain & ones, (said.kept | ~said.retain) & ones
    for at, left, right in _words(field):
        written, kept = (value << left) >> right & _WORD, ~((~mask & ones) << left >> right) & _WORD
        yield at, written << field.shifted & _WORD, (kept << field.shifted | (1 << field.shifted) - 1) & _WORD


def _words(field: Field) -> Iterator[tuple[int, int, int]]:
    """The aligned words of a field: place, by how much its bytes are shifted left, and then right, to be there."""
    start = field.offset & ~3
    end = (field.offset + field.width + 3) & ~3
    for at in range(start, end, 4):
        yield at, 8 * (end - field.offset - field.width), 8 * (end - at - 4)


def _value(command: Command, field: Field) -> int:
    if field.form in ("ip", "ip6"):
        return read_prefix(command, 4 if field.form == "ip" else 6)[0]
    text = command.next("value")
    if field.form == "mac":
        if not _MAC.match(text):
            raise command.error(f"Ethernet address expected, not {shorten(text)}")
        return int("".join(part.zfill(2) for part in text.split(":")), 16)
    return command.as_number(text, "value", 0, (1 << 8 * field.width) - 1)


def _raw(command: Command, *, extended: bool) -> PeditKey:
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
    said = _said_of(command, field, extended=extended)
    (place, value, mask) = next(iter(_packed(field, said)))
    return PeditKey("network", place, value, mask, said.add, at, offmask, shift)


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
        words = list(_words(field))
        some = keys[at : at + len(words)]
        if len(some) < len(words) or any(k.offset != w[0] for k, w in zip(some, words, strict=True)):
            continue
        said = _said(field, some)
        if said is not None:
            return len(words), f"{field.header} {field.name} {said}"
    raise Unsupported(f"tc has no words for writing at {key.header}{key.offset:+d} under mask {key.mask:#010x}", span)


def _said(field: Field, keys: tuple[PeditKey, ...]) -> str | None:
    """The command that makes these keys of a field; None if there is none."""
    if not all(k.header == field.header and not k.offmask and k.add == keys[0].add for k in keys):
        return None
    ones = (1 << 8 * field.width) - 1
    down = 8 * (-(field.offset + field.width) % 4) + field.shifted
    value = written = 0
    for k in keys:
        value, written = value << 32 | k.value, written << 32 | ~k.mask & _WORD
    value, written = value >> down & ones, written >> down & ones
    whole, form = field.mask & ones, "add" if keys[0].add else "set"
    tries = [(_Said(keys[0].add, value, 0, whole), f"{form} {_value_text(field, value)}")]
    if field.width <= 4:
        retained = f"{form} {_value_text(field, value)} retain {written:#x}"
        tries.append((_Said(keys[0].add, value, 0, written), retained))
        tries.insert(1, (_Said(False, ones, ones, whole), "invert"))
        tries.append((_Said(False, ones, ones, value), f"invert retain {value:#x}"))
    made = [(k.offset, k.value, k.mask) for k in keys]
    return next((text for said, text in tries if said.add == keys[0].add and list(_packed(field, said)) == made), None)


def _value_text(field: Field, value: int) -> str:
    if field.form == "mac":
        return value.to_bytes(6, "big").hex(":")
    if field.form == "ip":
        return str(ipaddress.IPv4Address(value))
    if field.form == "ip6":
        return str(ipaddress.IPv6Address(value))
    return str(value)
