"""When a filter matches: ``fl_classify`` and ``fl_set_key`` of ``net/sched/cls_flower.c`` (6.1)."""

from __future__ import annotations

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.behaviour import PORT
from ..artifact import FlowerFilter, Match, Range, depths
from .dissect import Dissection

_NAMES4, _NAMES6 = ("src_ip", "dst_ip"), ("src_ip6", "dst_ip6")
_TUNNEL4, _TUNNEL6 = ("enc_src_ip", "enc_dst_ip"), ("enc_src_ip6", "enc_dst_ip6")


def matches(filter_: FlowerFilter, found: Dissection) -> Term:
    """Whether the packet that was dissected matches; its outer type is the filter's protocol."""
    conditions = [there(filter_, found)]
    if filter_.indev is not None:
        conditions.append(b.eq(PORT, b.bv(filter_.indev, 32)))
    return b.and_(*conditions, *(_key(key, found) for key in filter_.keys))


def there(filter_: FlowerFilter, found: Dissection) -> Term:
    """Whether there is what the filter asks values of; filters with the same :func:`asks_for` ask for the same."""
    conditions = [found.types, found.same_type]
    for names, flag in ((_NAMES4, "addr4"), (_NAMES6, "addr6")):
        asked = [key for key in filter_.keys if key.field in names]
        if asked:
            conditions.append(_addresses(asked, found.field(flag)))
    for names, flag in ((_TUNNEL4, "tunnel4"), (_TUNNEL6, "tunnel6")):
        asked = [key for key in filter_.keys if key.field in names]
        if asked:
            conditions.append(_addresses(asked, found.field(flag)))
    conditions += [b.to_bool(found.field(f"mpls_lse@{depth}")) for depth in depths(filter_.keys)]
    return b.and_(*conditions)


def asks_for(filter_: FlowerFilter) -> tuple[object, ...]:
    """What :func:`there` depends on, beside the types that the filter asks for."""
    kinds = []
    for names in (_NAMES4, _NAMES6, _TUNNEL4, _TUNNEL6):
        masks = [key.mask for key in filter_.keys if key.field in names and isinstance(key, Match)]
        kinds.append((bool(masks), any(masks)))
    return (*kinds, tuple(depths(filter_.keys)))


def _addresses(asked: list[Match | Range], there: Term) -> Term:
    """The key asks for the kind of address too, which is only looked for if a bit of one is asked for."""
    return b.to_bool(there) if any(isinstance(key, Match) and key.mask for key in asked) else FALSE


def _key(key: Match | Range, found: Dissection) -> Term:
    if isinstance(key, Match) and not key.mask:
        return TRUE
    value = found.field(key.field)
    if isinstance(key, Range):
        return b.and_(b.uge(value, b.bv(key.low, 16)), b.ule(value, b.bv(key.high, 16)))
    return b.eq(b.band(value, b.bv(key.mask, value.width)), b.bv(key.value, value.width))
