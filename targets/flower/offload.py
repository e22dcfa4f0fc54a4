"""Flower filters of which a device holds a part: see :mod:`..tc.offload`."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import combinations
from typing import Final

from ..offload import Device, Entry, KeyUse, Needs
from ..tc import offload as tc
from ..tc.artifact.protocols import protocol_text
from .artifact import FIELDS, FilterList, FlowerFilter, Key, Match, Range, described


def _plain(filter_: FlowerFilter) -> FlowerFilter:
    return replace(filter_, skip_hw=False, skip_sw=False, in_hw=None)


SHAPE: Final = tc.Shape[FlowerFilter](
    every=lambda pref, chain: FlowerFilter(pref, chain=chain), plain=_plain, lone=lambda filter_: filter_
)


KEY_NAMES: Final = frozenset({name.partition("@")[0] for name in FIELDS} | {"indev"})
"""Of label stack entries one name for all of them."""


def entries(filters: FilterList) -> list[Entry]:
    """See :meth:`..offload.entries.Offloads.entries`."""
    return [
        Entry(described(f, filters.hook), f.span, _needs(f), f.skip_sw, f.skip_hw, f.in_hw, tc.refusal(f.actions))
        for f in filters.filters
    ]


def _needs(filter_: FlowerFilter) -> Needs:
    keys: dict[str, KeyUse] = {key.field.partition("@")[0]: _use(key) for key in filter_.keys}
    if filter_.indev is not None:
        keys["indev"] = "exact"
    hardware_class = ("hw_tc",) if filter_.hw_tc is not None else ()
    actions = (*tc.words_of(filter_.actions), *hardware_class)
    return Needs("flower", filter_.chain, filter_.pref, protocol_text(filter_.protocol), keys, actions)


def _use(key: Key) -> KeyUse:
    if isinstance(key, Range):
        return "range"
    whole = FIELDS[key.field].whole
    if key.mask == whole:
        return "exact"
    rest = whole ^ key.mask
    return "prefix" if not rest & (rest + 1) else "masked"


def alone(filters: FilterList) -> FilterList:
    """See :meth:`..offload.entries.Offloads.alone`."""
    return replace(filters, filters=tc.alone(filters.filters, SHAPE))


def divided(filters: FilterList, in_device: Collection[int], device: Device) -> FilterList:
    """See :meth:`..offload.entries.Offloads.divided`."""
    return replace(filters, filters=tc.divided(filters.filters, in_device, device, SHAPE))


def traced(filters: FilterList, in_device: Collection[int] | None, device: Device) -> tuple[FilterList, int]:
    """See :meth:`..offload.entries.Offloads.traced`."""
    first = 1 + max(tc.ports(filters.filters), default=0)
    return replace(filters, filters=tc.traced(filters.filters, in_device, device, SHAPE, first)), first


def telling(filters: FilterList, kept: Collection[int]) -> FilterList | None:
    """See :meth:`..offload.entries.Offloads.telling`."""
    told = tc.telling(filters.filters, kept, SHAPE)
    if told is None:
        return None
    numbered = (replace(f, classid=n + 1, hw_tc=None) for n, f in zip(sorted(kept), told, strict=True))
    return replace(filters, filters=tuple(numbered))


def unordered(filters: FilterList, device: Device) -> list[tuple[int, int]]:
    """Filters of one priority with different masks: software tries the masks in the order in which they were first
    used, which no driver is told (``fl_check_assign_mask`` of ``net/sched/cls_flower.c``); and all of one chain, where
    the device is told no priorities."""
    if device.order == "none":
        there = [(n, f) for n, f in enumerate(filters.filters)]
        return [(m, n) for (m, x), (n, y) in combinations(there, 2) if x.chain == y.chain and _may_differ(x, y)]
    groups: dict[tuple[int, int], dict[object, list[int]]] = {}
    for number, filter_ in enumerate(filters.filters):
        masks = groups.setdefault((filter_.chain, filter_.pref), {})
        masks.setdefault(_mask(filter_), []).append(number)
    found = [pair for masks in groups.values() for pair in _across(masks)]
    return sorted(pair for pair in found if _may_differ(*(filters.filters[n] for n in pair)))


def _mask(filter_: FlowerFilter) -> object:
    return frozenset((*((k.field, k.mask if isinstance(k, Match) else "range") for k in filter_.keys), *_port(filter_)))


def _port(filter_: FlowerFilter) -> Iterator[tuple[str, bool]]:
    """``indev`` is a part of the mask, too (``FLOW_DISSECTOR_KEY_META``)."""
    if filter_.indev is not None:
        yield "indev", True


def _across(masks: dict[object, list[int]]) -> Iterator[tuple[int, int]]:
    """Pairs of filters of two masks; of one mask where it has ranges, which may overlap."""
    for x, y in combinations(masks.values(), 2):
        yield from ((min(a, b), max(a, b)) for a in x for b in y)
    for mask, numbers in masks.items():
        assert isinstance(mask, frozenset)
        if any(kind == "range" for _, kind in mask):
            yield from combinations(numbers, 2)


def _may_differ(x: FlowerFilter, y: FlowerFilter) -> bool:
    """Whether there may be frames that both match, and that they do not do the same to."""
    if (x.actions, x.classid, x.hw_tc) == (y.actions, y.classid, y.hw_tc):
        return False
    if None not in (x.indev, y.indev) and x.indev != y.indev:
        return False
    mine = {key.field: key for key in x.keys}
    return not any(key.field in mine and _apart(mine[key.field], key) for key in y.keys)


def _apart(x: Key, y: Key) -> bool:
    """Whether no value is asked for by both."""
    if isinstance(x, Match) and isinstance(y, Match):
        return bool((x.value ^ y.value) & x.mask & y.mask)
    if isinstance(x, Range) and isinstance(y, Range):
        return x.high < y.low or y.high < x.low
    one, other = (x, y) if isinstance(x, Match) else (y, x)
    assert isinstance(one, Match)
    assert isinstance(other, Range)
    return one.mask == FIELDS[one.field].whole and not other.low <= one.value <= other.high


__all__ = ["KEY_NAMES", "alone", "divided", "entries", "telling", "traced", "unordered"]
