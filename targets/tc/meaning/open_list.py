"""The filters of a chain left open (:mod:`....semantics.meaning.opened`): what they ask as rows, what they do as
templates.

A filter asks for a *condition*, which many filters have in common (types, addresses that are there, bytes that are
there), and for bits of *fields*. The key of the list is a bit for each condition and the fields side by side; a filter
is the row that asks for the bit of its condition and for its fields' bits. What filters of one condition and one class
id do, but for the numbers in their actions, is a template.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, Term
from ....semantics.classifier import Cube, Row
from ....semantics.meaning.opened import Answered, Lookup, NotSuitable, OpenTable, Template
from ....semantics.meaning.ways import Way, joined, under
from ....semantics.source import Span
from ..artifact.actions import Action
from .actions import Result
from .chains import NEXT_CLASSIFIER, Ways, after_actions
from .state import State
from .templates import NUMBER_BITS, Runnable, filled, skeleton

WHICH_BITS: Final = 16
MAX_TEMPLATES: Final = 64

Test = tuple[Hashable, int, int, int]
"""Field, its width, value and mask."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A filter: its condition, its tests, and what it does. ``origin``: its number among the list's entries."""

    origin: int
    condition: Hashable
    tests: tuple[Test, ...]
    actions: tuple[Action, ...]
    classid: int
    span: Span


@dataclass(frozen=True, slots=True)
class _Way:
    """A template: what filters of one condition do."""

    condition: Hashable
    actions: tuple[Action, ...]
    classid: int
    span: Span = field(compare=False)


RunActions = Callable[[Hashable, Sequence[Runnable], Term], list[Result]]
"""A condition that holds, a list of actions, when → how the packet fares."""


class OpenList:
    """One chain.

    Args:
        number: the chain's.
        asked: its filters, first winner first.
        entries: the filters as the artifact has them, by :attr:`Asked.origin`.
        name: begins the names of the functions.
        later: what a filter asks that comes in later; None: that is not known.
        order: a filter's place among the others, by a number: lower ones are tried first.
        place: where these are not all filters of the chain, the first and the last of their priorities.

    Raises:
        NotSuitable: they are too different from one another.
    """

    def __init__(
        self,
        number: int,
        asked: Sequence[Asked],
        entries: Sequence[Any],
        name: str,
        later: Callable[[Any], Iterable[Asked]] | None = None,
        order: Callable[[Any], int] | None = None,
        place: tuple[int, int] | None = None,
    ) -> None:
        self.number = number
        self.name = f"{name}chain.{number}"
        shown = f"chain {number}"
        if place is not None:
            self.name += f".{place[0]}"
            shown += f", priorities {place[0]} to {place[1]}"
        self.conditions = tuple(dict.fromkeys(one.condition for one in asked))
        self.fields: dict[Hashable, int] = {}
        for one in asked:
            self.fields.update((test[0], test[1]) for test in one.tests)
        self._shapes = dict.fromkeys(tuple((t[0], t[3]) for t in one.tests) for one in asked)
        self._later = later
        self._ways: list[_Way] = []
        self._shifts: dict[Hashable, int] = {}
        low = 0
        for asks in reversed([*((0, c) for c in self.conditions), *((1, f) for f in self.fields)]):
            self._shifts[asks] = low
            low += 1 if asks[0] == 0 else self.fields[asks[1]]
        rows = list(self._rows(asked))
        rows.append(Row(0, 0, (len(self._ways), ()), float("inf")))
        templates = [Template(_shown(way), (NUMBER_BITS,) * _numbers(way)) for way in self._ways]
        self._widths = [t.widths for t in templates]
        width = len(self.conditions) + sum(self.fields.values())
        self.table = OpenTable(
            shown, width, [*templates, Template("(no filter)")], rows, self._is, self._numbers, entries,
            rows_of=None if later is None else self._rows_of, order=order or _pref, ties=False,
        )  # fmt: skip

    def _rows_of(self, entry: Any) -> Iterator[tuple[Cube, Answered]]:
        assert self._later is not None
        if entry.chain != self.number:
            raise NotSuitable(f"a filter of chain {entry.chain}, not of chain {self.number}")
        for one in self._later(entry):
            actions, numbers = skeleton(one.actions)
            way = _Way(one.condition, actions, one.classid, one.span)
            if way not in self._ways or any(test[0] not in self.fields for test in one.tests):
                raise NotSuitable(f"no filter of chain {self.number} looks at these fields, or has such actions")
            yield self._cube(one), (self._ways.index(way), numbers)

    def _cube(self, one: Asked) -> Cube:
        value = mask = 1 << self._shifts[0, one.condition]
        for name, _, wanted, bits in one.tests:
            value |= wanted << self._shifts[1, name]
            mask |= bits << self._shifts[1, name]
        return value, mask

    def _rows(self, asked: Sequence[Asked]) -> Iterator[Row]:
        ways: dict[_Way, int] = {}
        known: dict[tuple[object, ...], Answered] = {}
        rank = -1
        before: int | None = None
        for one in asked:
            # A filter that comes in later stands before or behind all rows of another one.
            if self._later is None or one.origin != before:
                rank, before = rank + 1, one.origin
            same = one.condition, one.actions, one.classid
            answer = known.get(same)
            if answer is None:
                actions, numbers = skeleton(one.actions)
                way = _Way(one.condition, actions, one.classid, one.span)
                answer = known[same] = ways.setdefault(way, len(ways)), numbers
            if len(ways) > MAX_TEMPLATES:
                raise NotSuitable(f"chain {self.number} has more than {MAX_TEMPLATES} kinds of lists of actions")
            yield Row(*self._cube(one), answer, rank, one.origin)
        self._ways = list(ways)

    def _is(self, key: Term, number: int) -> Term:
        which = b.apply(f"{self.name}.which", b.bit_vector(WHICH_BITS), key)
        last = len(self._ways)
        return b.eq(which, b.bv(number, WHICH_BITS)) if number < last else b.uge(which, b.bv(last, WHICH_BITS))

    def _numbers(self, key: Term, number: int) -> tuple[Term, ...]:
        widths = self._widths[number] if number < len(self._ways) else ()
        return tuple(b.apply(f"{self.name}.{number}.{i}", b.bit_vector(w), key) for i, w in enumerate(widths))

    # --- what it means ------------------------------------------------------------------------------------------------

    def laws(self) -> Iterator[tuple[str, Term]]:
        """That a filter's tests hold for just the keys of its row: once for each set of masks, whatever the values."""
        for shape in self._shapes:
            masks = dict(shape)
            key, wanted, bits, said = [], [], [], []
            for place, (name, width) in enumerate(self.fields.items()):
                value, mask = b.var(f"key.{place}", width), b.bv(masks.get(name, 0), width)
                key.append(value)
                bits.append(mask)
                wanted.append(b.band(b.var(f"value.{place}", width), mask))
                said.append(b.eq(b.band(value, mask), wanted[-1]))
            if not key:
                continue
            row = b.eq(b.band(b.concat(*key), b.concat(*bits)), b.concat(*wanted))
            yield f"filters that look at {shape}", b.eq(b.from_bool(b.and_(*said)), b.from_bool(row))

    def ways(
        self,
        state: State,
        guard: Term,
        conditions: Mapping[Hashable, Term],
        fields: Mapping[Hashable, Term],
        run: RunActions,
    ) -> tuple[Ways, Lookup, list[Term]]:
        """The ways of a packet out of the chain: one of them is always taken. Also where the list is asked, and what
        is true of its answers: a filter that answers has its condition.

        Args:
            guard: when the packet is there.
            conditions, fields: what they are of this packet.
            run: runs the actions on it.

        Raises:
            NotSuitable: a filter lets packets go on to the next one.
        """
        parts = [*(b.from_bool(conditions[c]) for c in self.conditions), *(fields[f] for f in self.fields)]
        key = b.concat(*parts)
        found: list[Way[State]] = []
        given: list[Term] = []
        for number, way in enumerate(self._ways):
            answers = self._is(key, number)
            condition = conditions[way.condition]
            given.append(b.implies(answers, condition))
            if condition is FALSE:
                continue
            actions = list(filled(way.actions, iter(self._numbers(key, number))))
            after = after_actions(run(way.condition, actions, b.and_(guard, answers)), way.classid)
            if any(one.place == NEXT_CLASSIFIER for one in after):
                raise NotSuitable(f"chain {self.number} has filters after which packets go on to the next one")
            found += under(answers, after)
        others = b.not_(
            b.or_(*(self._is(key, n) for n, w in enumerate(self._ways) if conditions[w.condition] is not FALSE))
        )
        found.append(Way(others, state, NEXT_CLASSIFIER))
        return joined(found), Lookup(self.table.name, key, guard), given


def _numbers(way: _Way) -> int:
    return len(skeleton(way.actions)[1])


def _pref(entry: Any) -> int:
    """Filters are tried by priority; within one the order is that of masks, which one filter does not tell."""
    if not entry.pref:
        raise NotSuitable("the filter's priority is for the kernel to choose")
    return int(entry.pref)


def _shown(way: _Way) -> str:
    said = [action.kind for action in way.actions]
    return f"{', '.join(said) or '(pass)'} where {way.condition}"


__all__ = ["MAX_TEMPLATES", "Asked", "OpenList", "Test"]
