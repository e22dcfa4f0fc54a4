"""u32 filters that come and go: each with its number in its bucket, which the kernel chooses where none is said."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final

from ..keeping import Kept
from ..tc.artifact.filters import MATCHALL
from .artifact import NO_HANDLE, ROOT_TABLE, Handle, U32Filter

_FIRST: Final = 0x800
_LAST: Final = 0xFFF


class KeptFilters(Kept):
    """The filters of a list in which every number is said (handles without a table).

    The kernel takes the lowest number that is free from 0x800 on, then from 1 (``gen_new_kid`` of
    ``net/sched/cls_u32.c``).
    """

    def __init__(self, entries: Iterable[U32Filter]) -> None:
        self._used: dict[Hashable, set[int]] = {}
        self._of_matchall: set[tuple[int, int]] = set()
        """Chains and priorities of matchall."""
        super().__init__(entries, _content, alone=False)

    def add(self, entry: U32Filter) -> U32Filter:
        """See :meth:`.Kept.add`."""
        if entry.selector is None or entry.link:
            raise ValueError("hash tables, and filters that lead to one, cannot come in one by one")
        if not entry.pref:
            raise ValueError("the filter's priority is for the kernel to choose")
        if entry.kind == MATCHALL or (entry.chain, entry.pref) in self._of_matchall:
            raise ValueError("a filter of matchall is alone at its priority, and cannot come in")
        used = self._used.get(_bucket(entry), set())
        node = entry.handle.node or next(
            (n for n in (*range(_FIRST, _LAST + 1), *range(1, _FIRST)) if n not in used), 0
        )
        if not node:
            raise ValueError("the bucket is full")
        if node in used:
            raise ValueError(f"there is a filter of number {node:x} in this bucket already")
        made = replace(entry, handle=Handle(node=node))
        self._put(made)
        return made

    def remove(self, like: U32Filter) -> U32Filter:
        """See :meth:`.Kept.remove`."""
        entry: U32Filter = super().remove(like)
        if entry.kind != MATCHALL:  # whose priority stays taken: another kind's would be a new one
            self._used[_bucket(entry)].discard(entry.handle.node)
        return entry

    def alike(self, like: U32Filter) -> Sequence[U32Filter]:
        """See :meth:`.Kept.alike`."""
        found = super().alike(like)
        return [one for one in found if like.handle.node in (0, one.handle.node)]

    def _put(self, entry: Any) -> Any:
        if entry.kind == MATCHALL:
            self._of_matchall.add((entry.chain, entry.pref))
        elif entry.selector is not None:
            self._used.setdefault(_bucket(entry), set()).add(entry.handle.node)
        return super()._put(entry)


def _bucket(entry: U32Filter) -> Hashable:
    """Where a filter lies: numbers are those of the bucket."""
    if entry.ht is None or entry.ht.table == ROOT_TABLE:
        return entry.chain, entry.pref
    return entry.ht


def _content(entry: U32Filter) -> Hashable:
    return replace(entry, handle=NO_HANDLE if entry.divisor is None else entry.handle, in_hw=None)
