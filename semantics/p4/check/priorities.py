"""Priorities of the entries in the source: which each entry has, and what is odd about them (spec 14.2.1.4)."""

from __future__ import annotations

from typing import Final

from ...ir import Annotation
from ...source import Span
from .. import syntax as ast
from . import annotate, typed, typenames
from .constants import shown
from .context import Context, Phase
from .symbols import TableSymbol

_LONGEST: Final = frozenset(("exact", "lpm"))
"""Keys of these kinds need no priority: the longest prefix wins."""


class Priorities:
    """Counts the priorities of one list of entries."""

    def __init__(
        self, cx: Context, node: ast.TableDecl, item: ast.EntriesProperty, table: TableSymbol, body: typed.TableBody
    ) -> None:
        self._cx, self._item, self._table = cx, item, table
        self._largest_wins = body.largest_priority_wins
        self._needed = not {key.match_kind for key in body.keys} <= _LONGEST
        self._delta = _delta(cx, node)
        self._before: int | None = None
        self._given: dict[int, Span] = {}
        quiet = annotate.find(annotate.convert(cx, item.annotations), "noWarn")
        self._quiet = () if quiet is None else quiet.values
        self._first()

    def _first(self) -> None:
        """Where some entry has a priority, the first must have one, for the others to count from."""
        entries = self._item.entries
        if any(e.priority is not None for e in entries) and entries[0].priority is None:
            text = "the first entry needs a priority, since another one has one"
            self._cx.error(entries[0].span, text, phase=Phase.WHOLE)

    def of(self, entry: ast.Entry, notes: tuple[Annotation, ...]) -> int | None:
        """The priority of the next entry: written, one step on from the one before, or of an old ``@priority``."""
        before = self._before
        self._before = found = self._written(entry) if entry.priority is not None else self._counted(entry, before)
        if found is not None:
            self._odd(entry, found, before)
        old = annotate.find(notes, "priority")
        if entry.priority is None and old is not None and old.values and isinstance(old.values[0], int):
            return int(old.values[0])
        return found

    def _written(self, entry: ast.Entry) -> int | None:
        assert entry.priority is not None
        value = typenames.integer(self._cx, entry.priority, "a priority")
        if value is not None and value < 0:
            self._cx.error(entry.priority.span, f"a priority must not be negative: {shown(value)}")
        if not self._needed:
            self._cx.warn(entry.priority.span, "a priority means nothing where all keys are exact or lpm")
        return value

    def _counted(self, entry: ast.Entry, before: int | None) -> int | None:
        if before is None:
            return None
        following = before - self._delta if self._largest_wins else before + self._delta
        if following < 0:
            text = f"the priority of an entry would be negative: {shown(following)}"
            self._cx.error(self._table.span, text, (entry.span, "that of this entry"), phase=Phase.WHOLE)
        return following

    def _odd(self, entry: ast.Entry, priority: int, before: int | None) -> None:
        place = entry.span if entry.priority is None else entry.priority.span
        if priority in self._given and "duplicate_priorities" not in self._quiet:
            text = f"another entry has the priority {shown(priority)} too"
            self._cx.warn(place, text, (self._given[priority], "that one"))
        self._given.setdefault(priority, place)
        if before is None or "entries_out_of_priority_order" in self._quiet:
            return
        if (before < priority) if self._largest_wins else (before > priority):
            self._cx.warn(place, "this entry comes later than one that it wins over")


def _delta(cx: Context, node: ast.TableDecl) -> int:
    for item in node.properties:
        if isinstance(item, ast.ValueProperty) and item.name.text == "priority_delta":
            value = typenames.integer(cx, item.value, "'priority_delta'")
            if value is not None and value <= 0:
                cx.error(item.value.span, "'priority_delta' must be positive")
            return value or 1
    return 1
