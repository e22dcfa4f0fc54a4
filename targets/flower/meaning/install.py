"""What the kernel makes of a filter list: chains of classifiers with their masks in order.

Follows ``tc_new_tfilter`` of ``net/sched/cls_api.c`` and ``fl_change``, ``fl_set_key`` and ``fl_check_assign_mask`` of
``net/sched/cls_flower.c`` (6.1): masks are tried in the order in which they were first used; two filters of one
classifier with the same masked keys are refused. A classifier ``matchall`` has one filter, which asks for nothing
(``mall_classify``, ``mall_change`` of ``net/sched/cls_matchall.c``).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ....semantics.source import InputError, Unsupported
from ...tc.artifact.protocols import ETH_P_ALL
from ..artifact import (
    ETH_VLAN,
    FLOWER,
    MATCHALL,
    TUNNEL,
    FilterList,
    FlowerFilter,
    MaskKey,
    Range,
    mask_of,
    types_of,
    values_of,
    wrong_state,
)
from .dissect import LEFT_OUT

_FIRST_AUTO_PREF: Final = 0xC000
_AUTO_LIMIT: Final = 0x8000


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
    taken: set[tuple[MaskKey, object]] = field(default_factory=set)
    handles: set[int] = field(default_factory=set)
    lowest: int = 1
    """No lower handle is free."""

    def free(self) -> int:
        """``idr_alloc_u32`` from 1 on."""
        while self.lowest in self.handles:
            self.lowest += 1
        return self.lowest


def install(filters: FilterList) -> dict[int, list[Classifier]]:
    """Per chain its classifiers, lowest priority number first, after the filters were added in their order.

    Raises:
        InputError: the kernel refuses a filter; with its place.
        Unsupported: something that is not modelled.
    """
    installer = _Installer()
    for filter_ in filters.filters:
        installer.add(filter_)
    return installer.sorted()


class _Installer:
    def __init__(self) -> None:
        self.chains: dict[int, dict[int, Classifier]] = {}
        self.lowest_auto: dict[int, int] = {}

    def add(self, filter_: FlowerFilter) -> None:
        """``tc filter add``."""
        _check(filter_)
        classifier = self._classifier(filter_)
        if filter_.handle and filter_.handle in classifier.handles:
            raise _refused(filter_, f"filter {filter_.handle:#x} exists")
        if filter_.kind == MATCHALL and classifier.handles:
            raise _refused(filter_, "a matchall filter exists at this priority")
        classifier.handles.add(filter_.handle or classifier.free())
        key, values = mask_of(filter_), values_of(filter_)
        if (key, values) in classifier.taken:
            raise _refused(filter_, "a filter with the same keys exists at this priority")
        classifier.taken.add((key, values))
        mask = classifier.masks.setdefault(key, Mask())
        mask.filters.append(filter_)
        mask.ranged = mask.ranged or any(isinstance(k, Range) for k in filter_.keys)

    def sorted(self) -> dict[int, list[Classifier]]:
        """The classifiers in the order in which they are tried."""
        for chain in self.chains.values():
            for classifier in chain.values():
                for mask in classifier.masks.values():
                    if mask.ranged:
                        mask.filters = _by_range(mask.filters)
        return {number: sorted(chain.values(), key=lambda c: c.pref) for number, chain in self.chains.items()}

    def _classifier(self, filter_: FlowerFilter) -> Classifier:
        chain = self.chains.setdefault(filter_.chain, {})
        pref = filter_.pref or self._auto_pref(filter_.chain)
        found = chain.get(pref)
        if found is not None:
            if not filter_.pref:
                raise _refused(filter_, "no priority is free")
            if filter_.protocol != found.protocol:
                raise _refused(filter_, f"priority {pref} is there for another protocol")
            if filter_.kind != found.kind:
                raise _refused(filter_, f"priority {pref} is there for filters of {found.kind}")
            return found
        chain[pref] = Classifier(pref, filter_.protocol, filter_.kind)
        if pref >= _AUTO_LIMIT:
            self.lowest_auto[filter_.chain] = min(pref, self.lowest_auto.get(filter_.chain, pref))
        return chain[pref]

    def _auto_pref(self, chain: int) -> int:
        """``tcf_auto_prio``: one below the lowest priority from 0x8000 on, 0xc000 if there is none."""
        lowest = self.lowest_auto.get(chain)
        return _FIRST_AUTO_PREF if lowest is None else lowest - 1


def _refused(filter_: FlowerFilter, reason: str) -> InputError:
    return InputError.at(filter_.span, f"the kernel refuses this filter: {reason}")


def _check(filter_: FlowerFilter) -> None:
    wrong = wrong_state(filter_)
    if wrong is not None:
        raise _refused(filter_, wrong)
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
