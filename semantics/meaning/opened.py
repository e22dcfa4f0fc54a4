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
from typing import Any, Final

from .. import bits as b
from ..bits import Term
from ..classifier import Cube, Row
from ..source import NOWHERE, Span
from .behaviour import Behaviour

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
    def numbers(self) -> tuple[tuple[frozenset[int], ...], ...]:
        """For every template the numbers that rows have for each parameter."""
        found: list[list[set[int]]] = [[set() for _ in t.widths] for t in self.templates]
        for number, values in {row.decision for row in self.rows}:
            for seen, value in zip(found[number], values, strict=True):
                seen.add(value)
        return tuple(tuple(frozenset(s) for s in sets) for sets in found)

    def said_of_numbers(self, key: Term) -> Iterator[Term]:
        """That the numbers that the table answers are some that there are, or, of many, lie between the least and the
        greatest."""
        for number, seen in enumerate(self.numbers):
            for term, values in zip(self.parameters(key, number), seen, strict=True):
                if len(values) <= FEW:
                    said = b.or_(*(b.eq(term, b.bv(v, term.width)) for v in sorted(values)))
                else:
                    low, high = b.bv(min(values), term.width), b.bv(max(values), term.width)
                    said = b.and_(b.uge(term, low), b.ule(term, high))
                yield b.implies(self.is_template(key, number), said)

    def answers(self, key: Term, answer: Answered) -> list[Term]:
        """That the table answers this, as conditions."""
        number, values = answer
        said = self.parameters(key, number)
        return [self.is_template(key, number), *(b.eq(t, b.bv(v, t.width)) for t, v in zip(said, values, strict=True))]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Where an open table is asked."""

    table: str
    key: Term
    guard: Term
    """When; it may speak of what other open tables answer."""


@dataclass(frozen=True)
class Opened:
    """A behaviour with open tables."""

    behaviour: Behaviour
    tables: Mapping[str, OpenTable]
    lookups: Sequence[Lookup]
    laws: Sequence[tuple[str, Term]] = field(default=())
    """What must be proven for the rows to mean what the artifact's entries mean: name and condition."""
