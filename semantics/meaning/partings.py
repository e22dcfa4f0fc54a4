"""Ways through a parser that part and meet again: put together as what a program says without states would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..bits import Term
from .machine import Machine
from .state import State


@dataclass(frozen=True, slots=True)
class _Parting:
    """The path before, and for each way its condition, which excludes the others, and its path."""

    before: Term
    ways: tuple[tuple[Term, Term], ...]


@dataclass(slots=True)
class Partings:
    """Where control has parted."""

    known: dict[Term, _Parting] = field(default_factory=dict)
    """By the path of each way from there."""

    def part(self, before: Term, ways: Sequence[tuple[Term, State]]) -> None:
        """Control that came by the path ``before`` parts: one of the conditions holds, and decides where it goes."""
        parted = [(condition, state.path) for condition, state in ways if not state.dead]
        if len(parted) > 1:
            parting = _Parting(before, tuple(parted))
            self.known.update((path, parting) for _, path in parted)

    def merged(self, m: Machine, ways: Sequence[State]) -> State:
        """One state for all ways that lead to it, put together in an order that does not depend on how the parser is
        written: two programs that parse alike then have the same terms, whatever states theirs are divided into."""
        if len(ways) > 1:
            m.held += [state.path for state in ways]
            ways = self._joined(m, sorted(ways, key=lambda state: state.path.serial))
        first, *others = sorted(ways, key=lambda state: state.path.serial)
        for state in others:
            first = m.merge(state.path, state, first)
        return first

    def _joined(self, m: Machine, ways: Sequence[State]) -> list[State]:
        """The ways; those that parted in one place, and are all here again, are put together as behind an ``if``."""
        by_path = {state.path: state for state in ways}
        if len(by_path) < len(ways):
            return list(ways)
        while len(by_path) > 1:
            found = (self.known.get(path) for path in by_path)
            parting = next((p for p in found if p is not None and all(path in by_path for _, path in p.ways)), None)
            if parting is None:
                break
            conditions = {path: condition for condition, path in parting.ways}
            first, *others = sorted(conditions, key=lambda path: path.serial)
            joined = by_path.pop(first)
            for path in others:
                joined = m.merge(conditions[path], by_path.pop(path), joined)
            joined.path = parting.before
            by_path[parting.before] = joined
        return list(by_path.values())
