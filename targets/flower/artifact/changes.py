"""Filters of flower and matchall that commands change: ``fl_change``, ``fl_delete`` (``net/sched/cls_flower.c``),
``mall_change``, ``mall_delete`` (``net/sched/cls_matchall.c``), Linux 6.1.

Masks of a priority are tried in the order in which they were first used, and go with their last filter; a filter that
is changed keeps its mask and its place. So the filters that are left are listed mask by mask.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from ....semantics.source import Span, Unsupported
from ...tc.artifact.changes import Classifier, Place, Refused
from .filters import FlowerFilter
from .masks import MaskKey, mask_of, values_of, wrong_state


@dataclass(eq=False)
class _Filters:
    """Those of one priority (``struct cls_fl_head``), by handles."""

    masks: dict[MaskKey, dict[int, FlowerFilter]] = field(default_factory=dict)
    """In the order of the masks, and in each that in which its filters came."""
    mask_by_handle: dict[int, MaskKey] = field(default_factory=dict)
    taken: dict[tuple[MaskKey, object], int] = field(default_factory=dict)
    """Which filter has masked keys."""
    lowest: int = 1
    """No lower handle is free."""

    def free(self) -> int:
        """``idr_alloc_u32`` from 1 on."""
        while self.lowest in self.mask_by_handle:
            self.lowest += 1
        return self.lowest

    def at(self, handle: int) -> FlowerFilter:
        """The filter with a handle that is there."""
        return self.masks[self.mask_by_handle[handle]][handle]


class FlowerChanges(Classifier[FlowerFilter]):
    """Flower's filters."""

    def begin(self, place: Place) -> None:
        """See :meth:`Classifier.begin`."""
        place.own = _Filters()

    def get(self, place: Place, handle: int) -> FlowerFilter | None:
        """See :meth:`Classifier.get`."""
        own: _Filters = place.own
        return own.at(handle) if handle in own.mask_by_handle else None

    def change(self, place: Place, found: object | None, filter_: FlowerFilter) -> None:
        """See :meth:`Classifier.change`."""
        wrong = wrong_state(filter_)
        if wrong is not None:
            raise Refused(wrong)
        own: _Filters = place.own
        mask, values = mask_of(filter_), values_of(filter_)
        has_them = own.taken.get((mask, values))
        if found is None:
            self._add(place, filter_, mask, values, has_them)
            return
        assert isinstance(found, FlowerFilter)
        if own.mask_by_handle[found.handle] != mask:
            raise Refused("a filter that is changed keeps its mask")
        if has_them not in (None, found.handle):
            raise Unsupported("a filter that gets the keys of another one of its priority", filter_.span)
        del own.taken[mask, values_of(found)]
        own.taken[mask, values] = found.handle
        own.masks[mask][found.handle] = replace(filter_, pref=place.pref, handle=found.handle)

    @staticmethod
    def _add(place: Place, filter_: FlowerFilter, mask: MaskKey, values: object, has_them: int | None) -> None:
        own: _Filters = place.own
        if has_them is not None:
            raise Refused("a filter with the same keys exists at this priority")
        handle = filter_.handle or own.free()
        own.taken[mask, values] = handle
        own.mask_by_handle[handle] = mask
        own.masks.setdefault(mask, {})[handle] = replace(filter_, pref=place.pref, handle=handle)

    def delete(self, place: Place, found: object, span: Span) -> bool:
        """See :meth:`Classifier.delete`."""
        assert isinstance(found, FlowerFilter)
        own: _Filters = place.own
        mask = own.mask_by_handle.pop(found.handle)
        del own.taken[mask, values_of(found)]
        del own.masks[mask][found.handle]
        own.lowest = min(own.lowest, found.handle)
        if not own.masks[mask]:
            del own.masks[mask]
        return not own.masks

    def end(self, place: Place, span: Span) -> None:
        """See :meth:`Classifier.end`."""

    def left(self, places: Sequence[Place]) -> Iterator[FlowerFilter]:
        """See :meth:`Classifier.left`."""
        return (one for place in places for mask in place.own.masks.values() for one in mask.values())


class MatchallChanges(Classifier[FlowerFilter]):
    """The filter of ``matchall``, which cannot be changed, only taken away."""

    def begin(self, place: Place) -> None:
        """See :meth:`Classifier.begin`."""

    def get(self, place: Place, handle: int) -> FlowerFilter | None:
        """See :meth:`Classifier.get`."""
        own: FlowerFilter | None = place.own
        return own if own is not None and own.handle == handle else None

    def change(self, place: Place, found: object | None, filter_: FlowerFilter) -> None:
        """See :meth:`Classifier.change`."""
        if place.own is not None:
            raise Refused("a matchall filter exists at this priority")
        place.own = replace(filter_, pref=place.pref, handle=filter_.handle or 1)

    def delete(self, place: Place, found: object, span: Span) -> bool:
        """See :meth:`Classifier.delete`."""
        return True

    def end(self, place: Place, span: Span) -> None:
        """See :meth:`Classifier.end`."""

    def left(self, places: Sequence[Place]) -> Iterator[FlowerFilter]:
        """See :meth:`Classifier.left`."""
        return (place.own for place in places if place.own is not None)
