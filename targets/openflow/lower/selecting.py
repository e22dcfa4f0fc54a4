"""How a group chooses for an action selector: by the fields that make up the selector's key, where they have names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...unfold.values import Bits
from ..artifact import Selection
from . import seen

_PROTOCOLS: Final = {6: "tcp", 17: "udp", 132: "sctp"}
_NAMED: Final = ("eth_src", "eth_dst", "ip_src", "ip_dst", "ipv6_src", "ipv6_dst", "nw_proto")


def selected_by(keys: Sequence[Bits]) -> Selection:
    """The selection method ``hash`` over the key's fields, so that frames with the same key get the same member; the
    switch's own method where a part of the key is no whole field of the frame."""
    names = [_field(bits) for bits in keys]
    if not names or None in names:
        return Selection()
    return Selection("hash", 0, tuple(dict.fromkeys(name for name in names if name is not None)))


def _field(bits: Bits) -> str | None:
    found = [seen.field_of(bit) for bit in bits]
    first = found[0] if found else None
    if first is None or bits != seen.bits(first[0].name):
        return None
    field = first[0]
    if field.field in ("tp_src", "tp_dst") and field.protocol in _PROTOCOLS:
        return f"{_PROTOCOLS[field.protocol]}_{field.field[3:]}"
    return field.field if field.field in _NAMED else None


__all__ = ["selected_by"]
