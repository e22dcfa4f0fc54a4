"""Entries that come and go: those of an artifact, each of which is found again when it goes."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any


class Kept:
    """The entries of an artifact, in the order in which they came.

    Args:
        entries: those that are there.
        known_by: by what an entry that goes is found.
        alone: whether the machine holds one entry of that.
    """

    def __init__(self, entries: Iterable[Any], known_by: Callable[[Any], Hashable], *, alone: bool = True) -> None:
        self._known_by = known_by
        self._alone = alone
        self._there: dict[int, Any] = {}
        self._found: dict[Hashable, list[Any]] = {}
        for entry in entries:
            self._put(entry)

    @property
    def entries(self) -> Sequence[Any]:
        """Those that are there."""
        return tuple(self._there.values())

    def add(self, entry: Any) -> Any:
        """Put one in; as it stands there then. Raises ValueError if the machine would not take it as one more."""
        if self._alone and self._known_by(entry) in self._found:
            raise ValueError("there is such an entry already")
        return self._put(entry)

    def remove(self, like: Any) -> Any:
        """Take out the one that is like this. Raises ValueError if there is none, or more than one."""
        found = self.alike(like)
        if len(found) != 1:
            raise ValueError("there is no such entry" if not found else f"there are {len(found)} such entries")
        (entry,), known = found, self._known_by(like)
        del self._there[id(entry)]
        self._found[known] = [one for one in self._found[known] if one is not entry]
        if not self._found[known]:
            del self._found[known]
        return entry

    def alike(self, like: Any) -> Sequence[Any]:
        """The entries that could be meant."""
        return self._found.get(self._known_by(like), ())

    def _put(self, entry: Any) -> Any:
        self._there[id(entry)] = entry
        self._found.setdefault(self._known_by(entry), []).append(entry)
        return entry


class KeepsFilters:
    """What is the same where artifacts are lists of filters in chains (:class:`.base.KeepsEntries`)."""

    def having(self, artifact: Any, entries: Sequence[Any]) -> Any:
        """The list with these filters, and all else as it is."""
        return replace(artifact, filters=tuple(entries))

    def entries_in(self, artifact: Any, whole: Any) -> Sequence[Any]:
        """The filters of a list as it was read. Raises ValueError if they are at another hook than the whole list."""
        if not artifact.hook.may_be(whole.hook):
            raise ValueError(f"the list is at {whole.hook}, and this at {artifact.hook}")
        entries: Sequence[Any] = artifact.filters
        return entries

    def list_of(self, entry: Any) -> str:
        """The name of the chain that a filter is in."""
        return f"chain {entry.chain}"
