"""A behaviour whose large tables are left open, and the rows that these tables hold.

An *open* table is a function of its key that the behaviour's terms do not say: terms ask which of a few *templates*
(an action, a list of actions) the table answers, and with which numbers. The rows say what the function is: of those
that hold a key, the first decides, with ``(template, numbers)``. The behaviour with the rows in place is that behaviour
with this function; so whatever holds for every function with some property holds for the rows once they have it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any, Final

from .. import bits as b
from ..bits import Term
from ..classifier import Cube, Row
from ..source import NOWHERE, Span
from .behaviour import Behaviour, Replication

FEW: Final = 16
"""So many numbers are told one by one."""

Answered = tuple[int, tuple[int, ...]]
"""What a row decides: the template's number, and a number for each of its parameters."""


@dataclass
class NotSuitable(Exception):
    """The tables cannot be left open, or not be compared like this; there is always the way without."""

    reason: str

    def __str__(self) -> str:
        return self.reason


@dataclass
class NothingLarge(NotSuitable):
    """There is no table with so many entries."""


@dataclass(frozen=True, slots=True)
class Template:
    """One kind of answer: its name for people, and the width of each parameter."""

    name: str
    widths: tuple[int, ...] = ()


@dataclass(frozen=True)
class OpenTable:
    """A table that is left open."""

    name: str
    width: int
    """Bits of the key."""
    templates: Sequence[Template]
    rows: Sequence[Row]
    """Their decisions are :data:`Answered`; the last one holds every key."""
    is_template: Callable[[Term, int], Term]
    """(key, number) → whether that is the template that the table answers."""
    parameters: Callable[[Term, int], tuple[Term, ...]]
    """(key, number) → the numbers that go with it."""
    entries: Sequence[Any] = ()
    """The rules or flows that rows come from, each with a ``span``, by :attr:`.Row.origin` (-1: none)."""
    rows_of: Callable[[Any], Iterable[tuple[Cube, Answered]]] | None = None
    """The cubes of an entry that comes in later, and what they answer, where the table's form allows for that. Raises
    NotSuitable if the entry is not of it."""
    order: Callable[[Any], int] | None = None
    """Entries with a lower number win. None: entries do not say their order themselves."""
    ties: bool = True
    """Whether of two entries with the same number the one that is there wins; else they must not overlap."""

    def where(self, row: Row) -> Span:
        """Where a row's rule is."""
        span = self.entries[row.origin].span if 0 <= row.origin < len(self.entries) else NOWHERE
        assert isinstance(span, Span)
        return span

    @cached_property
    def functions(self) -> frozenset[str]:
        """The functions that say what the table answers."""
        key = b.var("any key", self.width)
        numbers = range(len(self.templates))
        said = [term for i in numbers for term in (self.is_template(key, i), *self.parameters(key, i))]
        return frozenset(term.name for term in b.applications(*said))

    @cached_property
    def _together(self) -> tuple[frozenset[tuple[int, ...]], ...]:
        """For every template the numbers of each row."""
        found: list[set[tuple[int, ...]]] = [set() for _ in self.templates]
        for number, values in {row.decision for row in self.rows}:
            found[number].add(values)
        return tuple(map(frozenset, found))

    @cached_property
    def numbers(self) -> tuple[tuple[frozenset[int], ...], ...]:
        """For every template the numbers that rows have for each parameter."""
        columns = (zip(*rows, strict=True) if rows else [()] * len(t.widths)
                   for rows, t in zip(self._together, self.templates, strict=True))  # fmt: skip
        return tuple(tuple(map(frozenset, seen)) for seen in columns)

    def said_of_numbers(self, key: Term) -> Iterator[Term]:
        """That the numbers that the table answers are some that there are: those together of which rows have few
        combinations, of others that each is in one of a few ranges. What no row answers, the table does not."""
        for number, (places, together) in enumerate(self._few):
            terms = self.parameters(key, number)
            if places or not together:
                rows = (b.and_(*(_is(terms[at], value) for at, value in zip(places, values, strict=True)))
                        for values in sorted(together))  # fmt: skip
                yield b.implies(self.is_template(key, number), b.or_(*rows))
            for place, term in enumerate(terms):
                if place not in places:
                    said = b.or_(*(_between(term, low, high) for low, high in self._ranges[number][place]))
                    yield b.implies(self.is_template(key, number), said)

    def unheard(self, answer: Answered) -> bool:
        """Whether an answer is not among those that :meth:`said_of_numbers` speaks of."""
        number, values = answer
        places, together = self._few[number]
        if tuple(values[at] for at in places) not in together:
            return True
        ranges = zip(values, self._ranges[number], strict=True)
        return not all(any(low <= value <= high for low, high in known) for value, known in ranges)

    @cached_property
    def _few(self) -> tuple[tuple[tuple[int, ...], frozenset[tuple[int, ...]]], ...]:
        """For every template parameters of which rows have at most :data:`FEW` combinations, and these: as many as are
        found when those of few numbers come first."""
        return tuple(map(_of_few_combinations, self._together, self.numbers))

    @cached_property
    def _ranges(self) -> tuple[tuple[tuple[tuple[int, int], ...], ...], ...]:
        """For every template a few ranges of numbers for each parameter."""
        return tuple(tuple(map(few_ranges, seen)) for seen in self.numbers)

    def answers(self, key: Term, answer: Answered) -> list[Term]:
        """That the table answers this, as conditions."""
        number, values = answer
        return [self.is_template(key, number), *map(_is, self.parameters(key, number), values)]


def _of_few_combinations(
    rows: frozenset[tuple[int, ...]], numbers: Sequence[frozenset[int]]
) -> tuple[tuple[int, ...], frozenset[tuple[int, ...]]]:
    places: tuple[int, ...] = ()
    together: frozenset[tuple[int, ...]] = frozenset({()} if rows else ())
    for place in sorted(range(len(numbers)), key=lambda at: len(numbers[at])):
        more = frozenset(tuple(row[at] for at in (*places, place)) for row in rows)
        if len(more) > FEW:
            break
        places, together = (*places, place), more
    return places, together


def few_ranges(values: Iterable[int]) -> tuple[tuple[int, int], ...]:
    """At most :data:`FEW` ranges, first and last number each, that hold all values, and as few others as they can."""
    ordered = sorted(values)
    gaps = [(after - before, before, after) for before, after in pairwise(ordered) if after - before > 1]
    kept = sorted((before, after) for _, before, after in sorted(gaps)[-(FEW - 1) :])
    firsts = [*ordered[:1], *(after for _, after in kept)]
    lasts = [*(before for before, _ in kept), *ordered[-1:]]
    return tuple(zip(firsts, lasts, strict=True))


def _between(term: Term, low: int, high: int) -> Term:
    if low == high:
        return _is(term, low)
    return b.and_(b.uge(term, b.bv(low, term.width)), b.ule(term, b.bv(high, term.width)))


def _is(term: Term, value: int) -> Term:
    return b.eq(term, b.bv(value, term.width))


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where an open table is asked."""

    table: str
    key: Term
    guard: Term
    """When; it may speak of what other open tables answer."""
    each: tuple[Replication, ...] = ()
    """Once for each copy of these, as :attr:`.behaviour.Output.each` says; key and guard speak of any one of them."""


@dataclass(frozen=True)
class Opened:
    """A behaviour with open tables."""

    behaviour: Behaviour
    tables: Mapping[str, OpenTable]
    lookups: Sequence[Lookup]
    laws: Sequence[tuple[str, Term]] = field(default=())
    """What must be proven for the rows to mean what the artifact's entries mean: name and condition."""
    copied_to: frozenset[int] = frozenset()
    """Ports to which a program copies frames; the copies are told one by one."""

    @property
    def answering(self) -> dict[str, OpenTable]:
        """The functions that say what the tables answer, each with its table."""
        return {name: table for table in self.tables.values() for name in table.functions}
