"""How the kernel tells the filters of one priority apart: by their masks, and by the masked keys.

Follows ``fl_set_key`` and ``fl_check_assign_mask`` of ``net/sched/cls_flower.c`` (6.1).
"""

from __future__ import annotations

from typing import Final

from ...tc.artifact.protocols import ETH_P_ALL
from .fields import ETH_VLAN
from .filters import MATCHALL, FlowerFilter, Match, Range, depths

_ADDRESSES: Final = ("src_ip", "dst_ip", "src_ip6", "dst_ip6")
TUNNEL: Final = ("enc_src_ip", "enc_dst_ip", "enc_src_ip6", "enc_dst_ip6")
"""Addresses of a tunnel."""

MaskKey = tuple[object, ...]
"""Equal for the same mask."""


def types_of(filter_: FlowerFilter) -> tuple[int, ...]:
    """The Ethernet types that a filter asks the flow dissector for, the outermost one first.

    ``matchall`` does not dissect frames, so it asks for none: its protocol is compared in ``__tcf_classify``, as that
    of every classifier. Flower compares it again with what the dissector finds, which is another type where a tag is
    cut short or MPLS is in IP.
    """
    if filter_.protocol == ETH_P_ALL or filter_.kind == MATCHALL:
        return ()
    types = [filter_.protocol]
    for which in ("vlan_ethtype", "cvlan_ethtype"):
        inner = filter_.exact(which)
        if types[-1] not in ETH_VLAN or inner is None:
            break
        types.append(inner)
    return tuple(types)


def mask_of(filter_: FlowerFilter) -> MaskKey:
    """The mask, as the kernel tells masks apart: addresses of both families lie at one place."""
    parts: list[object] = []
    for family in (_ADDRESSES, TUNNEL):
        there = [key for key in filter_.keys if key.field in family]
        if there:
            whole = bytearray(32)
            for key in there:
                assert isinstance(key, Match)
                size = 16 if key.field.endswith("6") else 4
                start = 0 if "src" in key.field else size
                whole[start : start + size] = key.mask.to_bytes(size, "big")
            parts.append((family[0], bytes(whole)))
    for key in filter_.keys:
        if key.field not in (*_ADDRESSES, *TUNNEL):
            if isinstance(key, Range):
                parts.append((key.field, "range"))
            elif key.mask:
                parts.append((key.field.replace("vlan_ethtype", "vlan_type"), key.mask))
    parts.append(("indev", filter_.indev is not None))
    parts.append(("types", len(types_of(filter_)), filter_.protocol in ETH_VLAN))
    return (*sorted(parts, key=repr), tuple(depths(filter_.keys)))


def values_of(filter_: FlowerFilter) -> object:
    """The masked keys: one mask has each of them once."""
    kept = [key for key in filter_.keys if isinstance(key, Range) or key.mask or key.field in (*_ADDRESSES, *TUNNEL)]
    return filter_.protocol, filter_.indev, tuple(kept)


_NEW, _ESTABLISHED, _TRACKED, _INVALID, _REPLY = 1, 2, 8, 16, 32


def wrong_state(filter_: FlowerFilter) -> str | None:
    """What the kernel says against the states of connections that a filter asks for (``fl_validate_ct_state``)."""
    asked = next((key.value for key in filter_.keys if key.field == "ct_state" and isinstance(key, Match)), 0)
    wrong = (
        (asked and not asked & _TRACKED, "no trk, so no other flag can be set"),
        (asked & _NEW and asked & _ESTABLISHED, "new and est are mutually exclusive"),
        (asked & _INVALID and asked & ~(_TRACKED | _INVALID), "when inv is set, only trk may be set"),
        (asked & _NEW and asked & _REPLY, "new and rpl are mutually exclusive"),
    )
    return next((reason for refused, reason in wrong if refused), None)
