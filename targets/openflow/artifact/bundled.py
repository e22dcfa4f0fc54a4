"""What commands of a bundle find of the flows that the same bundle has added.

Open vSwitch publishes the order of a table's masks only when a bundle ends (``classifier_insert`` and
``lib/pvector.c``, 3.1): a command that asks loosely misses flows whose mask is new, unless it could be appended in
place. Which those are is followed, so that nothing is told of a command that may miss some.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

_ROOM: Final = 4
"""Masks for which an empty table has room (``PVECTOR_EXTRA_ALLOC``)."""


class Published:
    """The masks of one table that loose commands see for sure, with the highest priority of each."""

    def __init__(self) -> None:
        self._seen: list[Hashable] = []
        self._highest: dict[Hashable, int] = {}
        self.complete = True
        """Whether these are all, in their order."""

    def add(self, mask: Hashable, priority: int) -> None:
        """A flow with this mask is added."""
        if mask in self._highest:
            self._raise(mask, priority)
        elif not self.complete or len(self._seen) == _ROOM or self._above_last(priority):
            self.complete = False
        else:
            self._seen.append(mask)
            self._highest[mask] = priority

    def sees(self, mask: Hashable) -> bool:
        """Whether flows with this mask are found."""
        return mask in self._highest

    def _above_last(self, priority: int) -> bool:
        return bool(self._seen) and priority > self._highest[self._seen[-1]]

    def _raise(self, mask: Hashable, priority: int) -> None:
        """``pvector_change_priority``."""
        if priority <= self._highest[mask]:
            return
        at = self._seen.index(mask)
        if at and priority > self._highest[self._seen[at - 1]]:
            self.complete = False
        self._highest[mask] = priority
