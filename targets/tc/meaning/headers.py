"""Pushing, popping and writing VLAN tags and label stack entries: ``net/sched/act_vlan.c``, ``act_mpls.c`` and the
functions of ``net/core/skbuff.c`` that they call, Linux 6.1.

Each gives what becomes of the packet (None: it is dropped) under conditions of which exactly one holds.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ..artifact.actions import Mpls, Vlan
from .packet import ETH_HLEN, MACS, VLAN_HLEN, VLAN_TYPES, Skb, is_one_of, protocol_of

MPLS_HLEN: Final = 4
MAX_TAGS: Final = 7
"""``VLAN_MAX_DEPTH - 1``: tags that ``__vlan_get_protocol`` looks behind."""
MPLS_TYPES: Final = (0x8847, 0x8848)
Written = list[tuple[Term, Skb | None]]


def is_vlan(protocol: Term) -> Term:
    """``eth_type_vlan``."""
    return is_one_of(protocol, VLAN_TYPES)


def is_mpls(protocol: Term) -> Term:
    """``eth_p_mpls``."""
    return is_one_of(protocol, MPLS_TYPES)


# --- VLAN ---------------------------------------------------------------------------------------------------------


def vlan(action: Vlan, skb: Skb) -> Written:
    """``tcf_vlan_act``."""
    if action.operation == "push":
        tci = b.bv(action.vid | (action.priority or 0) << 13, 16)
        return [(TRUE, _push(skb, b.bv(action.protocol, 16), tci))]
    return _pop(skb) if action.operation == "pop" else _modify(action, skb)


def _push(skb: Skb, protocol: Term, tci: Term) -> Skb:
    """``skb_vlan_push``: a tag that is there goes into the data, and the network header with it, as seen from there."""
    if skb.tag is not None:
        skb = _tag_in_data(skb, skb.tag)
    return replace(skb, tag=(protocol, tci))


def _tag_in_data(skb: Skb, tag: tuple[Term, Term]) -> Skb:
    """``__vlan_insert_tag``, and what ``skb_vlan_push`` does with it: the data grows before the network header."""
    found = skb.inserted(MACS, b.concat(*tag))
    return replace(found, network=skb.network + VLAN_HLEN, mac_len=skb.mac_len + VLAN_HLEN, protocol=tag[0], tag=None)


def _pop(skb: Skb) -> Written:
    """``skb_vlan_pop``: the tag, or the one in the data; then the next one in the data becomes the tag."""
    if skb.tag is not None:
        return _next_tag(replace(skb, tag=None))
    there = is_vlan(skb.protocol)
    result: Written = [(b.not_(there), skb)]
    for condition, popped, _ in _pop_data(skb):
        if popped is None:
            result.append((b.and_(there, condition), None))
            continue
        result += [(b.and_(there, condition, more), after) for more, after in _next_tag(popped)]
    return [(condition, after) for condition, after in result if condition is not FALSE]


def _next_tag(skb: Skb) -> Written:
    """The end of ``skb_vlan_pop``."""
    more = is_vlan(skb.protocol)
    result: Written = [(b.not_(more), skb)]
    for condition, popped, tci in _pop_data(skb):
        tagged = None if popped is None else replace(popped, tag=(skb.protocol, tci))
        result.append((b.and_(more, condition), tagged))
    return [(condition, after) for condition, after in result if condition is not FALSE]


def _pop_data(skb: Skb) -> list[tuple[Term, Skb | None, Term]]:
    """``__skb_vlan_pop``: without the tag in the data, and its TCI. The packet is dropped if it is cut short."""
    needed = ETH_HLEN + VLAN_HLEN
    there = skb.has(needed)
    result: list[tuple[Term, Skb | None, Term]] = [(b.not_(there), None, b.bv(0, 16))]
    kind = protocol_of(skb.bytes(needed - 2, 2), skb.bytes(needed, 2), skb.has(needed + 2))
    popped = skb.removed(MACS, VLAN_HLEN)
    network = max(skb.network - VLAN_HLEN, ETH_HLEN)
    popped = replace(popped, network=network, mac_len=network, protocol=kind)
    result.append((there, popped, skb.bytes(ETH_HLEN, 2)))
    return [step for step in result if step[0] is not FALSE]


def _modify(action: Vlan, skb: Skb) -> Written:
    """``TCA_VLAN_ACT_MODIFY``."""
    protocol = b.bv(action.protocol, 16)
    if skb.tag is not None:
        return [(TRUE, replace(skb, tag=(protocol, _modified(action, skb.tag[1]))))]
    there = is_vlan(skb.protocol)
    result: Written = [(b.not_(there), skb)]
    for condition, popped, tci in _pop_data(skb):
        tagged = None if popped is None else replace(popped, tag=(protocol, _modified(action, tci)))
        result.append((b.and_(there, condition), tagged))
    return [(condition, after) for condition, after in result if condition is not FALSE]


def _modified(action: Vlan, tci: Term) -> Term:
    head = b.extract(tci, 15, 13) if action.priority is None else b.bv(action.priority, 3)
    return b.concat(head, b.extract(tci, 12, 12), b.bv(action.vid, 12))


# --- MPLS ---------------------------------------------------------------------------------------------------------


def mpls(action: Mpls, skb: Skb) -> Written:
    """``tcf_mpls_act``."""
    if action.operation == "push":
        return [(TRUE, _push_label(action, skb, skb.mac_len, b.not_(is_mpls(inner_protocol(skb)))))]
    if action.operation == "mac_push":
        bottom = TRUE if skb.mac_len else b.not_(is_mpls(skb.protocol))
        if skb.tag is not None:
            skb = _tag_before_label(skb, skb.tag)
        return [(TRUE, _push_label(action, skb, 0, bottom))]
    if action.operation == "pop":
        return _pop_label(action, skb)
    return _write_label(action, skb)


def inner_protocol(skb: Skb, data: int = 0) -> Term:
    """``skb_protocol(skb, true)`` (``__vlan_get_protocol``): the type behind the tags in the data; 0 if one is cut, or
    if there are too many. The first tag is taken to be the last 4 bytes of a link header that begins at ``data``, where
    ``skb->data`` points."""
    kind, at = skb.protocol, data + (skb.mac_len - VLAN_HLEN if skb.mac_len else ETH_HLEN)
    for _ in range(MAX_TAGS):
        behind = b.ite(skb.has(at + VLAN_HLEN), skb.bytes(at + 2, 2), b.bv(0, 16))
        kind, at = b.ite(is_vlan(kind), behind, kind), at + VLAN_HLEN
    return kind


def _tag_before_label(skb: Skb, tag: tuple[Term, Term]) -> Skb:
    """``__vlan_insert_tag`` as ``TCA_MPLS_ACT_MAC_PUSH`` calls it."""
    found = skb.inserted(MACS, b.concat(*tag))
    return replace(found, network=skb.network + VLAN_HLEN, protocol=tag[0], tag=None)


def _entry(action: Mpls, old: Term, bottom: Term) -> Term:
    """``tcf_mpls_get_lse``: ``old`` with what the action writes; ``bottom``: whether the new entry is the last one."""
    label = b.extract(old, 31, 12) if action.label is None else b.bv(action.label, 20)
    traffic = b.extract(old, 11, 9) if action.tc is None else b.bv(action.tc, 3)
    last = b.or_(b.eq(b.extract(old, 8, 8), b.bv(1, 1)), bottom) if action.bos is None else TRUE
    stack = b.from_bool(last) if action.bos is None else b.bv(action.bos, 1)
    ttl = b.extract(old, 7, 0) if action.ttl is None else b.bv(action.ttl, 8)
    return b.concat(label, traffic, stack, ttl)


def _push_label(action: Mpls, skb: Skb, mac_len: int, bottom: Term) -> Skb:
    """``skb_mpls_push``: an entry behind ``mac_len`` bytes; the type is written at its first place, tags or not."""
    kind = b.bv(action.protocol or 0, 16)
    found = skb.inserted(mac_len, _entry(action, b.bv(0, 32), bottom))
    if mac_len >= ETH_HLEN:
        found = found.written(MACS, kind)
    return replace(found, network=mac_len, mac_len=mac_len, protocol=kind)


def _pop_label(action: Mpls, skb: Skb) -> Written:
    """``skb_mpls_pop``; the type is written before the network header."""
    there = is_mpls(skb.protocol)
    whole = skb.has(skb.mac_len + MPLS_HLEN)
    kind = b.bv(action.protocol or 0, 16)
    popped = skb.removed(skb.mac_len, MPLS_HLEN)
    if skb.mac_len >= ETH_HLEN:
        popped = popped.written(skb.mac_len - 2, kind)
    popped = replace(popped, network=skb.mac_len, protocol=kind)
    steps: Written = [(b.not_(there), skb), (b.and_(there, whole), popped), (b.and_(there, b.not_(whole)), None)]
    return [(condition, after) for condition, after in steps if condition is not FALSE]


def _write_label(action: Mpls, skb: Skb) -> Written:
    """``TCA_MPLS_ACT_MODIFY`` and ``skb_mpls_dec_ttl``: what is not MPLS, cut short, or of no TTL left is dropped."""
    at = skb.network
    good = b.and_(is_mpls(skb.protocol), skb.has(at + MPLS_HLEN))
    entry = skb.bytes(at, MPLS_HLEN)
    if action.operation == "dec_ttl":
        ttl = b.extract(entry, 7, 0)
        good = b.and_(good, b.ne(ttl, b.bv(1, 8)))
        entry = b.concat(b.extract(entry, 31, 8), b.sub(ttl, b.bv(1, 8)))
    else:
        entry = _entry(action, entry, FALSE)
    if good is FALSE:
        return [(TRUE, None)]
    steps: Written = [(good, skb.written(at, entry)), (b.not_(good), None)]
    return [(condition, after) for condition, after in steps if condition is not FALSE]
