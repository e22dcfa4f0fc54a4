"""u32 filters of which a device holds a part: see :mod:`..tc.offload`. Hash tables and links stay in software."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import combinations
from typing import Final

from ...semantics.source import Unsupported
from ..offload import Device, Entry, KeyUse, Needs
from ..tc import offload as tc
from ..tc.artifact.filters import MATCHALL
from ..tc.artifact.protocols import protocol_text
from .artifact import FIRST_ROOT, ROOT_TABLE, FilterList, Handle, Selector, U32Filter, print_filter


def _plain(filter_: U32Filter) -> U32Filter:
    return replace(filter_, skip_hw=False, skip_sw=False, in_hw=None)


def _lone(filter_: U32Filter) -> U32Filter:
    """Raises Unsupported."""
    if filter_.divisor is not None or filter_.link or filter_.ht is not None:
        raise Unsupported("hash tables and links in hardware", filter_.span)
    if filter_.mark is not None:
        raise Unsupported("a mark that hardware is to match", filter_.span)
    if filter_.selector is None or not filter_.selector.terminal:
        raise Unsupported("a filter in hardware that ends no search", filter_.span)
    return filter_


SHAPE: Final = tc.Shape[U32Filter](
    every=lambda pref, chain: U32Filter(pref, selector=Selector(), chain=chain), plain=_plain, lone=_lone
)


KEY_NAMES: Final = frozenset({"word", "indev"})
"""``word``: four bytes anywhere."""


def entries(filters: FilterList) -> list[Entry]:
    """See :meth:`..offload.entries.Offloads.entries`. A hash table is an entry too, which stays in software."""
    return [_entry(f, filters) for f in filters.filters]


def _entry(filter_: U32Filter, filters: FilterList) -> Entry:
    """Whether it is in a root table is told by its own numbers, so that one filter is looked at by itself."""
    try:
        text = print_filter(filter_, filters.hook)
    except Unsupported:
        text = "a filter that tc has no words for"
    table = filter_.divisor is not None
    said = False if table and filter_.in_hw is None and not filter_.skip_sw else filter_.in_hw
    try:
        _lone(*_rooted(replace(filters, filters=(filter_,))).filters)
        refused = tc.refusal(filter_.actions)
    except Unsupported as error:
        refused = error.reason
    return Entry(text, filter_.span, _needs(filter_), filter_.skip_sw, filter_.skip_hw, said, refused)


def _needs(filter_: U32Filter) -> Needs:
    masks = [key.mask for key in filter_.selector.keys] if filter_.selector is not None else []
    uses: dict[str, KeyUse] = {"word": "masked" if any(m != 0xFFFFFFFF for m in masks) else "exact"} if masks else {}
    if filter_.indev is not None:
        uses["indev"] = "exact"
    protocol = protocol_text(filter_.protocol)
    return Needs("u32", filter_.chain, filter_.pref, protocol, uses, tc.words_of(filter_.actions))


def _rooted(filters: FilterList) -> FilterList:
    """Filters of root tables without the numbers of these, which another list gives otherwise.

    Raises:
        Unsupported: a filter may be in the root table of another priority.
    """
    roots: dict[int, tuple[int, int]] = {}
    found = []
    for filter_ in filters.filters:
        if filter_.kind == MATCHALL:
            found.append(filter_)
            continue
        table = filter_.ht.table if filter_.ht is not None else filter_.handle.table
        if table >= FIRST_ROOT:
            owner = (filter_.chain, filter_.pref)
            strange = filter_.ht is not None and filter_.handle.table not in (0, table)
            if table != ROOT_TABLE and (strange or roots.setdefault(table, owner) != owner):
                raise Unsupported("a filter in the root table of another priority", filter_.span)
            filter_ = replace(filter_, ht=None, handle=Handle(node=filter_.handle.node))
        found.append(filter_)
    if len(set(roots.values())) != len(roots):
        raise Unsupported("a priority whose filters are in more than one root table")
    return replace(filters, filters=tuple(found))


def alone(filters: FilterList) -> FilterList:
    """See :meth:`..offload.entries.Offloads.alone`."""
    return replace(filters, filters=tc.alone(_rooted(filters).filters, SHAPE))


def divided(filters: FilterList, in_device: Collection[int], device: Device) -> FilterList:
    """See :meth:`..offload.entries.Offloads.divided`."""
    return replace(filters, filters=tc.divided(_rooted(filters).filters, in_device, device, SHAPE))


def traced(filters: FilterList, in_device: Collection[int] | None, device: Device) -> tuple[FilterList, int]:
    """See :meth:`..offload.entries.Offloads.traced`."""
    first = 1 + max(tc.ports(filters.filters), default=0)
    return replace(filters, filters=tc.traced(_rooted(filters).filters, in_device, device, SHAPE, first)), first


def telling(filters: FilterList, kept: Collection[int]) -> FilterList | None:
    """See :meth:`..offload.entries.Offloads.telling`; None with hash tables, links and filters that end no search."""
    if any(f.divisor is not None or f.link or f.ht is not None for f in _rooted(filters).filters):
        return None
    if any(f.selector is None or not f.selector.terminal for f in filters.filters):
        return None
    told = tc.telling(_rooted(filters).filters, kept, SHAPE)
    if told is None:
        return None
    numbered = (replace(f, classid=n + 1) for n, f in zip(sorted(kept), told, strict=True))
    return replace(filters, filters=tuple(numbered))


def independent(filters: FilterList) -> bool:
    """Whether no two filters share a priority: a key outside of the frame ends the search in all of it
    (``u32_classify`` of ``net/sched/cls_u32.c``)."""
    return len({(f.chain, f.pref) for f in filters.filters}) == len(filters.filters)


def unordered(filters: FilterList, device: Device) -> list[tuple[int, int]]:
    """Filters of one priority: software goes by their handles, which drivers may use otherwise; of one chain, where the
    device is told no priorities."""
    groups: dict[tuple[int, int], list[int]] = {}
    for number, filter_ in enumerate(filters.filters):
        pref = filter_.pref if device.order == "software" else 0
        groups.setdefault((filter_.chain, pref), []).append(number)
    pairs = [pair for numbers in groups.values() for pair in combinations(numbers, 2)]
    return sorted(pair for pair in pairs if _may_differ(*(filters.filters[n] for n in pair)))


def _may_differ(x: U32Filter, y: U32Filter) -> bool:
    """Whether there may be frames that both match, and that they do not do the same to."""
    if x.selector is None or y.selector is None or (x.actions, x.classid) == (y.actions, y.classid):
        return False
    if None not in (x.indev, y.indev) and x.indev != y.indev:
        return False
    places = {(key.offset, key.offmask): key for key in x.selector.keys}
    shared = [(places[k.offset, k.offmask], k) for k in y.selector.keys if (k.offset, k.offmask) in places]
    return not any((one.value ^ other.value) & one.mask & other.mask for one, other in shared)


__all__ = ["KEY_NAMES", "alone", "divided", "entries", "independent", "telling", "traced", "unordered"]
