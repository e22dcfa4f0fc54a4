"""Which answers of two tables belong together: kinds of pairs, learned from rows with the same cube.

A *kind* is a template of each table with links between their numbers: bits of the second's numbers that are bits of
the first's, or constant, and those of the first's numbers that go with these templates only as one and the same (where
an artifact has a list of actions of its own for them). Nothing rests on a kind's being guessed well: a kind that is
used is a disjunct of what the proof is given about the tables, and the rows have been found to be of these kinds on all
keys. A kind that the proof cannot do with is a difference, or ends undecided.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.opened import Answered, OpenTable
from .bit_links import Link, holds, links_of, together

SAMPLE: Final = 256
"""Pairs of which links are learned."""
RARE: Final = 8
"""A pair that is seen so many times less often than another one with the same first answer came about by chance: in
crowded tables a part of one rule often has the cube of another."""


FEW: Final = 16
"""Numbers that are told one by one."""

Among = tuple[int, tuple[int, ...]]
"""One of the first table's numbers, by its place, and what it may be."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Templates of both tables (the first's None: it is not asked there), links between their numbers, and what some of
    the first's are."""

    first: int | None
    second: int
    links: frozenset[Link] = frozenset()
    among: frozenset[Among] = frozenset()


@dataclass
class Kinds:
    """The kinds of pairs of two tables."""

    first: OpenTable
    second: OpenTable
    bad: set[Kind] = field(default_factory=set)
    """Kinds that the two sides do not do the same with."""
    often: Counter[Kind] = field(default_factory=Counter)
    """How many pairs of rows with the same cube are of a kind."""
    _links: dict[tuple[int, int], frozenset[Link]] = field(default_factory=dict)
    _by_rows: dict[tuple[int, int], frozenset[Link]] = field(default_factory=dict)
    """Links of which most rows are, where there are more of these than of which most pairs are."""
    _among: dict[tuple[int, int], frozenset[Among]] = field(default_factory=dict)
    _of: dict[tuple[Answered | None, Answered], Kind] = field(default_factory=dict)

    def learn(self, pairs: Iterable[tuple[Answered | None, Answered]]) -> None:
        """See how the numbers of these pairs hang together."""
        seen = Counter(pairs)
        by_templates: dict[tuple[int, int], list[tuple[Answered, Answered]]] = {}
        for first, second in _likely(seen):
            by_templates.setdefault((first[0], second[0]), []).append((first, second))
        firsts = Counter(first for first, _ in by_templates)
        for templates, some in by_templates.items():
            self._learn(templates, some, FEW if firsts[templates[0]] > 1 else 1)
            if 1 < len(some) < FEW:
                self._learn_by_rows(templates, {pair: seen[pair] for pair in some})
        for pair, times in seen.items():
            self.often[self.kind(*pair)] += times

    def _learn(
        self, templates: tuple[int, int], pairs: list[tuple[Answered, Answered]], few: int = 1
    ) -> frozenset[Link]:
        """The links of answers by these templates, and the numbers that go with them if these are few."""
        if templates not in self._links:
            some = pairs[:: max(1, len(pairs) // SAMPLE)]
            widths = self._widths(templates)
            self._links[templates] = links_of([_side_by_side(*pair, widths) for pair in some], *widths)
            columns = [set(column) for column in zip(*(first[1] for first, _ in pairs), strict=True)]
            self._among[templates] = frozenset((i, tuple(sorted(c))) for i, c in enumerate(columns) if len(c) <= few)
        return self._links[templates]

    def _learn_by_rows(self, templates: tuple[int, int], times: dict[tuple[Answered, Answered], int]) -> None:
        """Of few pairs one that is wrong is many, though it may be one row of hundreds: then rows say which links there
        are, if that makes more of them."""
        widths, rows = self._widths(templates), sum(times.values())
        examples = [
            _side_by_side(*pair, widths) for pair, count in times.items() for _ in range(1 + SAMPLE * count // rows)
        ]
        found = links_of(examples, *widths)
        if sum(link.width for link in found) > sum(link.width for link in self._links[templates]):
            self._by_rows[templates] = found

    def _widths(self, templates: tuple[int, int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
        return self.first.templates[templates[0]].widths, self.second.templates[templates[1]].widths

    @property
    def commonest(self) -> set[Kind]:
        """For both templates the kind that is most often."""
        best: dict[tuple[int | None, int], Kind] = {}
        for kind, _ in self.often.most_common():
            best.setdefault((kind.first, kind.second), kind)
        return set(best.values())

    def kind(self, first: Answered | None, second: Answered) -> Kind:
        """The kind of a pair: with those of the links that hold of it."""
        found = self._of.get((first, second))
        if found is None:
            found = self._of[first, second] = self._kind(first, second)
        return found

    def _kind(self, first: Answered | None, second: Answered) -> Kind:
        if first is None:
            return Kind(None, second[0])
        templates = first[0], second[0]
        links = self._learn(templates, [(first, second)])
        widths = self._widths(templates)
        values = _side_by_side(first, second, widths)
        by_rows = self._by_rows.get(templates, frozenset())
        if by_rows and all(holds(link, *values) for link in by_rows):
            links = by_rows
        among = (one for one in self._among[templates] if first[1][one[0]] in one[1])
        return Kind(*templates, frozenset(link for link in links if holds(link, *values)), frozenset(among))

    def condition(self, kind: Kind, first_key: Term, second_key: Term) -> Term:
        """That what the tables answer to these keys is of a kind."""
        second = self.second.is_template(second_key, kind.second)
        if kind.first is None:
            return second
        parts = [second, self.first.is_template(first_key, kind.first)]
        numbers = self.first.parameters(first_key, kind.first)
        parts += [_is_among(numbers[at], values) for at, values in sorted(kind.among)]
        if kind.links:
            mine = self._mine(kind, first_key)
            theirs = b.concat(*reversed(self.second.parameters(second_key, kind.second)))
            parts += [link.condition(mine, theirs) for link in sorted(kind.links)]
        return b.and_(*parts)

    def linked(self, kind: Kind, first_key: Term, second_key: Term) -> dict[Term, Term]:
        """The second table's numbers where :meth:`condition` holds: each as bits of the first's, constants, and bits of
        its own that the kind says nothing of."""
        numbers = self.second.parameters(second_key, kind.second)
        if not kind.links:
            return {}
        mine = self._mine(kind, first_key)
        found: dict[Term, Term] = {}
        for number, place in zip(numbers, accumulate((n.width for n in numbers), initial=0), strict=False):
            found[number] = _with_links(number, place, mine, kind.links)
        return found

    def _mine(self, kind: Kind, key: Term) -> Term | None:
        """The first table's numbers side by side, if there are any."""
        numbers = () if kind.first is None else self.first.parameters(key, kind.first)
        return b.concat(*reversed(numbers)) if numbers else None

    def shown(self, kind: Kind) -> str:
        """The kind for people."""
        mine = "-" if kind.first is None else self.first.templates[kind.first].name
        return f"{mine} = {self.second.templates[kind.second].name}"


def _side_by_side(
    first: Answered, second: Answered, widths: tuple[tuple[int, ...], tuple[int, ...]]
) -> tuple[int, int]:
    """The numbers of each answer as one."""
    return together(first[1], widths[0]), together(second[1], widths[1])


def _is_among(number: Term, values: Iterable[int]) -> Term:
    return b.or_(*(b.eq(number, b.bv(value, number.width)) for value in values))


def _with_links(number: Term, place: int, mine: Term | None, links: Iterable[Link]) -> Term:
    """A number, the bits from ``place`` on of all side by side, by what links say of it."""
    parts: list[Term] = []
    at = 0
    for to, width, start, value in sorted(links):
        low, high = max(to - place, 0), min(to - place + width, number.width)
        if low >= high:
            continue
        if low > at:
            parts.append(b.extract(number, low - 1, at))
        skipped = low + place - to
        if start < 0:
            parts.append(b.bv(value >> skipped & ((1 << (high - low)) - 1), high - low))
        else:
            assert mine is not None
            parts.append(b.extract(mine, start + skipped + high - low - 1, start + skipped))
        at = high
    if at < number.width:
        parts.append(b.extract(number, number.width - 1, at))
    return b.concat(*reversed(parts))


def _likely(seen: Counter[tuple[Answered | None, Answered]]) -> Iterator[tuple[Answered, Answered]]:
    """The pairs of answers that are not there by chance."""
    most: dict[tuple[Answered | None, int], int] = {}
    for (first, second), times in seen.items():
        key = first, second[0]
        most[key] = max(most.get(key, 0), times)
    for (first, second), times in seen.items():
        if first is not None and times * RARE > most[first, second[0]]:
            yield first, second
