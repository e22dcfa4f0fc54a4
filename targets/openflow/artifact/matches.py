"""The match of a flow: from words to masked bits of the flow key, and what one field of it asks of others.

Follows ``parse_ofp_str__``, ``mf_parse`` and ``mf_are_prereqs_ok`` of Open vSwitch 3.1.
"""

from __future__ import annotations

from typing import Final, Protocol

from ....semantics.source import InputError, Unsupported
from . import fields
from .fields import CFI, FIELDS, WIDTH_OF_REGISTER, Name
from .flows import Masked
from .words import Item, Piece, masked, number

_NO_VLAN: Final = 0xFFFF
_ICMP: Final = {"icmp_type": "icmpv6_type", "icmp_code": "icmpv6_code"}
_OF_ICMP: Final = {"tp_src": "icmp_type", "tp_dst": "icmp_code"}
"""What ports of ICMP are: OpenFlow 1.0 has no other names for these."""

_OF_ARP: Final = {"ip_src": "arp_spa", "ip_dst": "arp_tpa", "nw_proto": "arp_op"}
"""What the addresses and the protocol of IPv4 are of ARP: in a flow key they lie in the same place."""


class Place(Protocol):
    """Where a field of a match stands."""

    def error(self, message: str) -> InputError:
        """An error at this place."""
        ...


class Match:
    """A match under construction, field by field."""

    def __init__(self) -> None:
        self._bits: dict[str, tuple[int, int]] = {}
        self.unmodelled: list[str] = []
        """What the tools know and the meaning does not, as it was written."""

    def shorthand(self, word: Piece) -> bool:
        """Whether the word stands for a protocol (``tcp``); then it is taken."""
        known = fields.SHORTHANDS.get(word.text)
        if known is None:
            return False
        ethertype, protocol = known
        self._add("eth_type", ethertype, 0xFFFF, word)
        if protocol is not None:
            self._add("nw_proto", protocol, 0xFF, word)
        return True

    def take(self, item: Item) -> bool:
        """Whether the item is a field that is modelled; then it is taken.

        Raises:
            InputError: a bad value.
            Unsupported: the match does not ask for what the field needs: ``ovs-ofctl`` then leaves the field out, or
                takes it for another one (``ofputil_normalize_match``).
        """
        text = item.key.text
        if text in _OF_ICMP and self.value("nw_proto") in (fields.ICMP, fields.ICMPV6):
            text = _OF_ICMP[text]
        if text in _ICMP and self.value("eth_type") == fields.ETH_IPV6:  # a dump calls those of ICMPv6 so, too
            text = _ICMP[text]
        name = fields.find(text)
        if name is not None and name.field in _OF_ARP and self.value("eth_type") in fields.ETH_ARP_RARP:
            name = fields.find(_OF_ARP[name.field])
        if item.key.text == "dl_vlan" and item.value is not None:
            self._vlan(item.value)
            return True
        registers = fields.wide(text)
        if registers is None and name is None and not fields.unmodelled(text):
            return False
        if item.value is None:
            raise item.key.error(f"{item.key.text} needs a value")
        if registers is not None:
            self._wide(registers, item.value, item.key)
            return True
        if name is None:
            self.unmodelled.append(item.whole.text)
            return True
        value, mask = masked(item.value, name.bits, name.written)
        if mask != (1 << name.bits) - 1 and not FIELDS[name.field].maskable:
            raise item.value.error(f"{item.key.text} cannot be matched with a mask")
        mask &= (1 << name.bits) - 1 if name.counts is None else name.counts
        missing = self._missing(name)
        if missing:
            raise Unsupported(f"a match on {item.key.text} without one on {missing}", item.key.span)
        self.add(name, value & mask, mask, item.key, item.key.text)
        return True

    def add(self, name: Name, value: int, mask: int, at: Place, said: str = "") -> None:
        """A field that is modelled; ``said``: what it is called there. Raises InputError, also for what it needs."""
        said = said or name.field
        missing = self._missing(name)
        if missing:
            raise at.error(f"{said} needs a match on {missing}")
        if name.field == "vlan_tci" and name.low == 13:  # a priority is that of a tag
            value, mask = value << 13 | CFI, mask << 13 | CFI
        elif name.bits < FIELDS[name.field].width and name.field in ("tp_src", "tp_dst"):
            mask |= 0xFF00  # types and codes of ICMP are eight bits of sixteen
        else:
            value, mask = value << name.low, mask << name.low
        self._add(name.field, value, mask, at)

    def _missing(self, name: Name) -> str:
        """What the field needs and the match does not ask for; empty if nothing."""
        if name.needs.types and self.value("eth_type") not in name.needs.types:
            return f"the Ethernet type ({_types(name)})"
        if name.needs.protocols and self.value("nw_proto") not in name.needs.protocols:
            return f"the IP protocol ({' or '.join(str(number) for number in name.needs.protocols)})"
        return ""

    def _wide(self, registers: tuple[str, ...], said: Piece, at: Place) -> None:
        """Several registers together, the highest bits first."""
        value, mask = masked(said, len(registers) * WIDTH_OF_REGISTER, "hex")
        for name in reversed(registers):
            cut = (1 << WIDTH_OF_REGISTER) - 1
            self._add(name, value & cut, mask & cut, at)
            value, mask = value >> WIDTH_OF_REGISTER, mask >> WIDTH_OF_REGISTER

    def _vlan(self, piece: Piece) -> None:
        vid = number(piece, 16)
        if vid == _NO_VLAN:
            self._add("vlan_tci", 0, 0xFFFF, piece)
        elif vid >> 12:
            raise piece.error("a VLAN's number has 12 bits")
        else:
            self._add("vlan_tci", vid | CFI, 0xFFF | CFI, piece)

    def _add(self, field: str, value: int, mask: int, at: Place) -> None:
        old_value, old_mask = self._bits.get(field, (0, 0))
        if (old_value ^ value) & (old_mask & mask):
            raise at.error(f"{field} is matched twice, with different values")
        self._bits[field] = (old_value | value, old_mask | mask)

    def value(self, field: str) -> int | None:
        """What the match asks of all bits of a field, if it does."""
        value, mask = self._bits.get(field, (0, 0))
        return value if mask == (1 << FIELDS[field].width) - 1 else None

    def done(self) -> tuple[Masked, ...]:
        """The match."""
        return tuple(Masked(field, *self._bits[field]) for field in sorted(self._bits) if self._bits[field][1])


def _types(name: Name) -> str:
    return " or ".join(f"0x{kind:04x}" for kind in name.needs.types)
