"""Filters of flower and matchall that are added and changed: ``fl_change``, ``fl_delete`` (``net/sched/cls_flower.c``),
``mall_change``, ``mall_delete`` (``net/sched/cls_matchall.c``), Linux 6.1.

Masks of a priority are tried in the order in which they were first used, and go with their last filter; a filter that
is changed keeps its mask and its place. So the filters that are left are listed mask by mask. A filter is not added
where one of its priority has its masked keys; one that is changed may get them (``fl_ht_insert_unique``). Which of the
two is found then is for the hash table to say, so in the end there must be no such two. A priority of matchall has one
filter, which cannot be changed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ....semantics.source import Span, Unsupported
from ...tc.artifact.changes import Classifier, Place, Refused
from .filters import FLOWER, MATCHALL, FlowerFilter
from .masks import MaskKey, mask_of, values_of, wrong_state


@dataclass(eq=False, slots=True)
class Masks:
    """The filters of one priority (``struct cls_fl_head``)."""

    masks: dict[MaskKey, dict[int, FlowerFilter]] = field(default_factory=dict)
    """By handles, in the order of the masks, and in each that in which its filters came."""
    mask_by_handle: dict[int, MaskKey] = field(default_factory=dict)
    taken: dict[tuple[MaskKey, object], int] = field(default_factory=dict)
    """How many filters have masked keys."""
    lowest: int = 1
    """No lower handle is free."""

    def free(self) -> int:
        """``idr_alloc_u32`` from 1 on."""
        while self.lowest in self.mask_by_handle:
            self.lowest += 1
        return self.lowest

    def put(self, filter_: FlowerFilter) -> None:
        """A new one. Raises Refused."""
        mask, values = mask_of(filter_), values_of(filter_)
        if (mask, values) in self.taken:
            raise Refused("a filter with the same keys exists at this priority")
        handle = filter_.handle or self.free()
        self.taken[mask, values] = 1
        self.mask_by_handle[handle] = mask
        self.masks.setdefault(mask, {})[handle] = filter_

    def change(self, handle: int, filter_: FlowerFilter) -> None:
        """One in the place of what has the handle. Raises Refused."""
        mask, values = mask_of(filter_), values_of(filter_)
        if self.mask_by_handle[handle] != mask:
            raise Refused("a filter that is changed keeps its mask")
        self._let_go(mask, self.masks[mask][handle])
        self.taken[mask, values] = self.taken.get((mask, values), 0) + 1
        self.masks[mask][handle] = filter_

    def _let_go(self, mask: MaskKey, filter_: FlowerFilter) -> None:
        key = mask, values_of(filter_)
        self.taken[key] -= 1
        if not self.taken[key]:
            del self.taken[key]

    def left(self) -> Iterator[tuple[int, FlowerFilter]]:
        """With their handles, in an order in which they can be added. Raises Unsupported: not all can."""
        for mask, filters in self.masks.items():
            for handle, filter_ in filters.items():
                if self.taken[mask, values_of(filter_)] > 1:
                    raise Unsupported("filters of one priority that have the same keys in the end", filter_.span)
                yield handle, filter_

    def remove(self, handle: int) -> None:
        """Without it, and without its mask if that was its only filter."""
        mask = self.mask_by_handle.pop(handle)
        self._let_go(mask, self.masks[mask].pop(handle))
        self.lowest = min(self.lowest, handle)
        if not self.masks[mask]:
            del self.masks[mask]


class _Flower(Classifier[FlowerFilter]):
    def begin(self, place: Place) -> None:
        place.own = Masks()

    def get(self, place: Place, handle: int) -> int | None:
        return handle if handle in place.own.mask_by_handle else None

    def change(self, place: Place, found: object | None, filter_: FlowerFilter) -> None:
        own: Masks = place.own
        wrong = wrong_state(filter_)
        if wrong is not None:
            raise Refused(wrong)
        if filter_.protocol != place.protocol:
            raise Unsupported("a filter whose type is not the protocol of its priority", filter_.span)
        if isinstance(found, int):
            own.change(found, filter_)
        else:
            own.put(filter_)

    def delete(self, place: Place, found: object, span: Span) -> bool:
        assert isinstance(found, int)
        place.own.remove(found)
        return not place.own.masks

    def end(self, place: Place, span: Span) -> None:
        """Its masks go with it."""

    def left(self, places: Sequence[Place]) -> Iterator[FlowerFilter]:
        for place in places:
            yield from (replace(one, pref=place.pref, handle=handle) for handle, one in place.own.left())


class _Matchall(_Flower):
    def change(self, place: Place, found: object | None, filter_: FlowerFilter) -> None:
        if place.own.masks:
            raise Refused("a matchall filter exists at this priority")
        super().change(place, found, filter_)


def classifiers() -> dict[str, Classifier[FlowerFilter]]:
    """The classifiers of an empty hook; what they have at a priority are :class:`Masks`."""
    return {FLOWER: _Flower(), MATCHALL: _Matchall()}
