"""Actions that have an index (``net/sched/act_api.c``): what names it again has the one that is there.

An action of a filter is there as long as filters have it; one of ``tc actions add`` is there for good. Which of them
may have gone is told by :mod:`.changes`.
"""

from __future__ import annotations

from collections import Counter
from typing import Any


class Shared:
    """Actions that have an index, by kind and number."""

    def __init__(self) -> None:
        self._found: dict[tuple[str, int], tuple[Any, int | None]] = {}
        self._numbers: Counter[str] = Counter()
        """How many of a kind have got an index, from the script or from the kernel."""
        self._chosen: set[str] = set()
        """The kinds of which the kernel has given some."""
        self.maker: int | None = None
        """The number of the command that is read, if what it makes goes with its filter."""
        self._taken: list[int | None] = []
        self.uses = 0
        """How often an index has been asked for."""

    def __len__(self) -> int:
        return len(self._found)

    def get(self, kind: str, number: int) -> Any:
        """The action that is there, which is taken again; None if there is none."""
        self.uses += 1
        action, maker = self._found.get((kind, number), (None, None))
        if action is not None:
            self._taken.append(maker)
        return action

    def hold(self, kind: str, number: int, action: Any) -> Any:
        """The one that is there; else this one, which is there from now on."""
        found = self.get(kind, number)
        if found is None:
            self._found[kind, number] = action, self.maker
            self._numbers[kind] += 1
        return found or action

    def unnumbered(self, kind: str) -> None:
        """One that says no index: the kernel gives it the lowest that is free (``tcf_idr_insert_many``)."""
        self._numbers[kind] += 1
        self._chosen.add(kind)

    def chosen(self, kind: str, number: int) -> bool:
        """Whether the kernel may have given an index that no command has said, if there were no actions before."""
        return (kind, number) not in self._found and kind in self._chosen and 0 < number <= self._numbers[kind]

    def taken(self) -> tuple[int | None, ...]:
        """Who made those that have been taken again since this was last asked."""
        found, self._taken = tuple(self._taken), []
        return found
