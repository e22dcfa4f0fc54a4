"""Ways through a parser that part and meet again: put together as what a program says without states would be.

A parser may do the same in one state that several ways lead to, or in a copy of that state on each of them (a compiler
that inlines states makes these). So that both have the same terms, ways that meet are taken back by the steps that they
made last in common, to where the copies of a state began; they are put together there, and go on by these steps.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from .. import bits as b
from ..bits import Term
from .machine import Machine
from .state import State, Step
from .values import layout

Signature = tuple[object, ...]


def layout_of(m: Machine, state: State) -> Signature:
    """What two states must share to be merged: the position and the layout of everything in the store (what is emitted
    later has a place for each layout; of a parser by itself nothing is)."""
    terms = (t for name in sorted(state.store) for t in layout(state.store[name], emitted=not m.opaque))
    return (state.cursor, *terms)


@dataclass(frozen=True, slots=True)
class _Parting:
    """The path before and the steps to there, and for each way its condition, which excludes the others, and its
    path."""

    before: Term
    steps: Step | None
    ways: tuple[tuple[Term, Term], ...]


@dataclass(slots=True)
class Partings:
    """Where control has parted."""

    known: dict[Term, _Parting] = field(default_factory=dict)
    """By the path of each way from there."""

    def part(self, before: State, ways: Sequence[tuple[Term, State]]) -> None:
        """Control that came in the state ``before`` parts: one of the conditions holds, and decides where it goes."""
        parted = [(condition, state.path) for condition, state in ways if not state.dead]
        if len(parted) > 1:
            parting = _Parting(before.path, before.steps, tuple(parted))
            self.known.update((path, parting) for _, path in parted)

    def merged(self, m: Machine, ways: Sequence[State]) -> State:
        """One state for all ways that lead to it, put together in an order that does not depend on how the parser is
        written: two programs that parse alike then have the same terms, whatever states theirs are divided into.

        Where ways are put together before their last steps, one of them is told from the others by its path up to
        there. That is enough, because the steps hold on all of them.
        """
        ways, after = list(ways), list[Step]()
        while len(ways) > 1:
            m.held += [state.path for state in ways]
            last = [_last(state) for state in ways]
            if last[0] is not None and all(_same(last[0], step) for step in last):
                after.append(last[0])
                ways = [_before_last(state) for state in ways]
                continue
            together = self._with_one_layout(m, ways)
            if len(together) == len(ways):
                together = self._with_one_step(m, self._joined(m, ways))
            if len(together) == len(ways):
                break
            ways = together
        first, *others = sorted(ways, key=lambda state: state.path.serial)
        for state in others:
            first = m.merge(state.path, state, first)
        return _going_on(first, reversed(after))

    def _with_one_layout(self, m: Machine, ways: Sequence[State]) -> list[State]:
        """The ways; those with one layout are one, unless all have it: they were in the same states before."""
        groups: dict[Signature, list[State]] = {}
        for state in ways:
            groups.setdefault(layout_of(m, state), []).append(state)
        return [self.merged(m, group) for group in groups.values()] if len(groups) > 1 else list(ways)

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
            joined.path, joined.steps = parting.before, parting.steps
            by_path[parting.before] = joined
        return list(by_path.values())

    def _with_one_step(self, m: Machine, ways: Sequence[State]) -> list[State]:
        """The ways; those that made the same step last are one."""
        groups: list[tuple[Step | None, list[State]]] = []
        for state in ways:
            last = _last(state)
            group = next((states for step, states in groups if _same(last, step)), None)
            if group is None:
                groups.append((last, [state]))
            else:
                group.append(state)
        return [self.merged(m, states) for _, states in groups]


def _last(state: State) -> Step | None:
    """The step that led to a state, if it is known."""
    step = state.steps
    return step if step is not None and b.and_(step.path, step.condition) is state.path else None


def _same(first: Step | None, second: Step | None) -> bool:
    """Whether two steps are made on the same condition, in the same state or in copies of it for all that is known."""
    if first is None or second is None:
        return False
    return first.condition is second.condition and (first.by is second.by or first.by == second.by)


def _before_last(state: State) -> State:
    """What a state is, where only the path before the last step is known to have been taken."""
    assert state.steps is not None
    return replace(state.copy(), path=state.steps.path, steps=state.steps.earlier)


def _going_on(state: State, steps: Iterable[Step]) -> State:
    """The state behind steps that are made again."""
    for step in steps:
        state.steps = Step(state.steps, state.path, step.condition, step.by)
        state.path = b.and_(state.path, step.condition)
    return state
