"""What the kernel makes of a filter list: chains of classifiers with their masks in order.

What is where is told by the artifact (:mod:`..artifact.changes`); here, in which order filters are tried: masks in that
in which they were first used, and in a mask with ranges by them (``fl_lookup_range`` of ``net/sched/cls_flower.c``,
6.1). A classifier ``matchall`` has one filter, which asks for nothing (``mall_classify`` of
``net/sched/cls_matchall.c``).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ....semantics.source import Unsupported
from ...tc.artifact.changes import Place, Step, added
from ...tc.artifact.protocols import ETH_P_ALL
from ..artifact import (
    ETH_VLAN,
    FLOWER,
    TUNNEL,
    FilterList,
    FlowerFilter,
    MaskKey,
    Range,
    classifiers,
    types_of,
)
from .dissect import LEFT_OUT


@dataclass(eq=False, slots=True)
class Mask:
    """The filters of one mask, in the order of their insertion; with ranges, by where the range was first used."""

    filters: list[FlowerFilter] = field(default_factory=list)
    ranged: bool = False


@dataclass(eq=False, slots=True)
class Classifier:
    """One ``tcf_proto``: the filters of one priority of one chain."""

    pref: int
    protocol: int
    kind: str = FLOWER
    masks: dict[MaskKey, Mask] = field(default_factory=dict)


def install(filters: FilterList) -> dict[int, list[Classifier]]:
    """Per chain its classifiers, lowest priority number first, after the filters were added in their order.

    Raises:
        InputError: the kernel refuses a filter; with its place.
        Unsupported: something that is not modelled.
    """
    steps = (_step(filter_) for filter_ in filters.filters)
    return {chain: [_classifier(p) for p in places] for chain, places in added(steps, classifiers()).items()}


def _step(filter_: FlowerFilter) -> Step[FlowerFilter]:
    _check(filter_)
    return Step("add", filter_, filter_.handle, filter_, filter_.span)


def _classifier(place: Place) -> Classifier:
    masks = {key: _mask(list(filters.values())) for key, filters in place.own.masks.items()}
    return Classifier(place.pref, place.protocol, place.kind, masks)


def _mask(filters: list[FlowerFilter]) -> Mask:
    ranged = any(isinstance(key, Range) for filter_ in filters for key in filter_.keys)
    return Mask(_by_range(filters) if ranged else filters, ranged)


def _check(filter_: FlowerFilter) -> None:
    """Raises Unsupported: what it asks for is not modelled."""
    types = types_of(filter_)
    named = [key.field for key in filter_.keys]
    hidden = set(types) & set(LEFT_OUT)
    if hidden or "pppoe_sid" in named or "ppp_proto" in named:
        raise Unsupported("what is behind PPPoE, HSR, PRP and batman-adv headers", filter_.span)
    tags = sum(kind in ETH_VLAN for kind in types)
    if tags < len(types) and (filter_.exact("num_of_vlans") or 0) > tags:
        # The kernel then takes the type for a tag's and passes over the keys that depend on it.
        raise Unsupported("a number of tags that the types asked for contradict", filter_.span)
    if _two_families(filter_):
        raise Unsupported("a tunnel with addresses of two families", filter_.span)
    if "num_of_vlans" in named and filter_.protocol == ETH_P_ALL and any(n.startswith(("vlan", "cvl")) for n in named):
        raise Unsupported("tags that are asked for by their number only", filter_.span)


def _two_families(filter_: FlowerFilter) -> bool:
    return len({key.field.endswith("6") for key in filter_.keys if key.field in TUNNEL}) > 1


def _by_range(filters: list[FlowerFilter]) -> list[FlowerFilter]:
    """``fl_lookup_range``: the first filter whose range fits says which range is looked up with all other keys."""
    order: dict[object, int] = {}
    for filter_ in filters:
        order.setdefault(ranges_of(filter_), len(order))
    return sorted(filters, key=lambda f: order[ranges_of(f)])


def ranges_of(filter_: FlowerFilter) -> tuple[Range, ...]:
    """The ranges of ports that a filter asks for."""
    return tuple(key for key in filter_.keys if isinstance(key, Range))
