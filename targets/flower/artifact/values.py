"""Values and masks of keys as ``tc`` reads and writes them (``flower_parse_*`` of ``tc/f_flower.c``)."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from ....semantics.source import Span, Unsupported
from ...tc.artifact.addresses import read_address
from ...tc.artifact.protocols import PROTOCOLS, protocol_text
from ...tc.artifact.words import Command, shorten
from .fields import ARP_OPS, CT_STATES, IP_FLAGS, IP_PROTOCOLS, FlowerField
from .filters import Key, Match, Range

_MAC: Final = re.compile(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}\Z")
_DECIMAL: Final = re.compile(r"[0-9]{1,10}\Z")
_STATE: Final = re.compile(r"([+-])([a-z]+)")
_BRACKETS: Final = re.compile(r"\[([0-9]{1,5})\]\Z")
PORTS: Final = ("src_port", "dst_port")
_LAST_ARP_OP: Final = 2
_PPP: Final = {"ip": 0x0021, "ipv6": 0x0057, "mpls_uc": 0x0281, "mpls_mc": 0x0283}


# --- reading ------------------------------------------------------------------------------------------------------


def read_key(command: Command, field: FlowerField) -> Key:
    """The key of ``field`` from the next word. Raises InputError."""
    text = command.next(field.word)
    if field.name in PORTS and "-" in text:
        low, _, high = text.partition("-")
        try:
            return Range(field.name, _decimal(command, field, low), _decimal(command, field, high))  # type: ignore[arg-type]
        except ValueError as error:
            raise command.error(str(error)) from None
    if field.form in ("ip_flags", "ct_state"):
        value, mask = _flags(command, field, text)
        return Match(field.name, value, mask)
    if field.form in ("ip", "ip6") and text == "default":
        return Match(field.name, 0, 0)
    shown, slash, mask_text = text.partition("/")
    if slash and not field.masked:
        raise command.error(f"{field.word} cannot be masked")
    if slash and field.name in PORTS:  # get_range in f_flower.c: without a mask it is a decimal number
        value = command.as_number(shown, field.word, 0, field.whole)
    else:
        value = _value(command, field, shown)
    mask = _mask(command, field, mask_text) if slash else field.whole
    return Match(field.name, value & mask, mask)


def _value(command: Command, field: FlowerField, text: str) -> int:
    form = field.form
    if form == "mac":
        return _mac(command, text)
    if form in ("ip", "ip6"):
        return _address(command, field, text)
    if form == "type":
        return _type(command, field, text)
    if form == "ip_proto" and text in IP_PROTOCOLS:
        return IP_PROTOCOLS[text]
    if form == "arp_op":
        number = ARP_OPS.get(text)
        number = _decimal(command, field, text) if number is None else number
        if number > _LAST_ARP_OP:
            raise command.error("arp_op is request, reply, 0, 1 or 2")
        return number
    if form == "label":
        return _label(command, field, text)
    if form == "decimal" or field.name in PORTS:
        return _decimal(command, field, text)
    return command.as_number(text, field.word, 0, field.whole, hexadecimal=form in ("hex", "ip_proto"))


def _mask(command: Command, field: FlowerField, text: str) -> int:
    form = field.form
    if form == "mac":
        return _length(command, field, text) if text.isdigit() else _mac(command, text)
    if form in ("ip", "ip6"):
        return _length(command, field, text) if text.isdigit() else _address(command, field, text)
    if form == "label":
        return _label(command, field, text)
    if form in ("decimal", "arp_op"):
        return _decimal(command, field, text)
    return command.as_number(text, f"mask of {field.word}", 0, field.whole, hexadecimal=form in ("hex", "octet"))


def _decimal(command: Command, field: FlowerField, text: str) -> int:
    if not _DECIMAL.match(text) or int(text) > field.whole:
        raise command.error(f"{field.word} is a decimal number up to {field.whole}, not {shorten(text)}")
    return int(text)


def _length(command: Command, field: FlowerField, text: str) -> int:
    """The mask of that many first bits. 0 of an Ethernet address ``tc`` shifts by 64, which means anything."""
    length = command.as_number(text, f"length of {field.word}", int(field.form == "mac"), field.width)
    return field.whole ^ (field.whole >> length)


def _mac(command: Command, text: str) -> int:
    if not _MAC.match(text):
        raise command.error(f"Ethernet address expected, not {shorten(text)}")
    return int("".join(part.zfill(2) for part in text.split(":")), 16)


def _address(command: Command, field: FlowerField, text: str) -> int:
    return read_address(command, text, 4 if field.width == 32 else 6)


def _type(command: Command, field: FlowerField, text: str) -> int:
    """An Ethernet type by name, as ``0x...`` or, in dumps, as ``[number]``."""
    if field.name == "ppp_proto" and text in _PPP:
        return _PPP[text]
    bracketed = _BRACKETS.match(text)
    if bracketed:
        return command.as_number(bracketed[1], field.word, 0, 0xFFFF)
    known = PROTOCOLS.get(text.lower())
    if known is not None and field.name != "ppp_proto":
        return known
    if not text.lower().startswith("0x"):
        raise command.error(f"{field.word} is a name or a number like 0x800, not {shorten(text)}")
    return command.as_number(text, field.word, 0, 0xFFFF, hexadecimal=True)


def _label(command: Command, field: FlowerField, text: str) -> int:
    """Hexadecimal digits of bytes, from the first one on; missing ones are 0."""
    digits = text.removeprefix("0x")
    if not re.fullmatch(r"(?:[0-9a-fA-F]{2}){1,16}", digits):
        raise command.error(f"{field.word} is up to 16 bytes in hexadecimal, not {shorten(text)}")
    return int(digits.ljust(32, "0"), 16)


def _flags(command: Command, field: FlowerField, text: str) -> tuple[int, int]:
    value = mask = 0
    if field.form == "ip_flags":
        for word in text.split("/"):
            name = word.removeprefix("no")
            if name not in IP_FLAGS:
                raise command.error(f"[no]frag or [no]firstfrag expected, not {shorten(word)}")
            mask |= IP_FLAGS[name]
            value = value & ~IP_FLAGS[name] if word != name else value | IP_FLAGS[name]
        return value, mask
    if not text or _STATE.sub("", text):
        raise command.error(f"connection states like +trk-new expected, not {shorten(text)}")
    for sign, name in _STATE.findall(text):
        if name not in CT_STATES:
            raise command.error(f"{', '.join(CT_STATES)} expected, not {shorten(name)}")
        mask |= CT_STATES[name]
        value = value | CT_STATES[name] if sign == "+" else value & ~CT_STATES[name]
    return value, mask


# --- printing -----------------------------------------------------------------------------------------------------


def key_text(key: Key, field: FlowerField, span: Span, *, shown: bool = False) -> str:
    """A key's value and mask. Raises Unsupported if ``tc`` has no words for them.

    Args:
        shown: as it shows them: it does so with masks of addresses that it does not read.
    """
    if isinstance(key, Range):
        return f"{key.low}-{key.high}"
    if field.form == "ip_flags":
        names = [(name, bit) for name, bit in IP_FLAGS.items() if key.mask & bit]
        return "/".join(name if key.value & bit else f"no{name}" for name, bit in names)
    if field.form == "ct_state":
        names = [(name, bit) for name, bit in CT_STATES.items() if key.mask & bit]
        if sum(bit for _, bit in names) != key.mask or not names:
            raise Unsupported(f"tc has no words for ct_state under mask {key.mask:#x}", span)
        return "".join(f"{'+' if key.value & bit else '-'}{name}" for name, bit in names)
    if field.form == "arp_op" and key.value > _LAST_ARP_OP and not shown:
        what = f"tc has no words for {field.word} {key.value}"
        raise Unsupported(f"{what}, rtnetlink messages have (--as netlink)", span)
    value = _shown(key.value, field)
    if field.name in PORTS and not key.value and not shown:
        return f"{value}/{key.mask:#x}"  # tc takes port 0 with a mask only (get_range in f_flower.c)
    return value if key.mask == field.whole else f"{value}/{_shown_mask(key.mask, field, span, shown=shown)}"


def _shown(value: int, field: FlowerField) -> str:
    form = field.form
    if form == "mac":
        return value.to_bytes(6, "big").hex(":")
    if form in ("ip", "ip6"):
        return str(ipaddress.IPv4Address(value) if field.width == 32 else ipaddress.IPv6Address(value))
    if form == "type" and field.name == "ppp_proto":
        return next((name for name, number in _PPP.items() if number == value), f"{value:#06x}")
    if form == "type":
        return protocol_text(value)
    if form == "ip_proto":
        return next((name for name, number in IP_PROTOCOLS.items() if number == value), f"{value:#x}")
    if form == "label":
        return f"{value:032x}"
    return f"{value:#x}" if form == "hex" else str(value)


def _shown_mask(mask: int, field: FlowerField, span: Span, *, shown: bool) -> str:
    form = field.form
    if form in ("ip", "ip6"):
        length = mask.bit_count()
        if mask != field.whole ^ (field.whole >> length):
            if shown:
                return _shown(mask, field)
            what = f"tc has no words for {field.word} under a mask that is no prefix"
            raise Unsupported(f"{what}, rtnetlink messages have (--as netlink)", span)
        return str(length)
    if form in ("mac", "label"):
        return _shown(mask, field)
    return str(mask) if form in ("decimal", "arp_op") else f"{mask:#x}"
