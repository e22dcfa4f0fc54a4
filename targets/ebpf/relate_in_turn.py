"""Copies of which each finds what those before it have left, told as the program tells them: for any member.

An object sends copies one after the other; here they change the program's cells, or tell the control plane something.
With n members, the cells hold ``s(n)`` in the end, and what the copy for the member in place n does is some function of
the packet, of that member, and of what it finds. A *step* says what any copy does, for any member and for cells that
hold anything. It is guessed from the first copy, and is right if for each n that an element has room for

* ``s(n + 1)`` is the step taken on ``s(n)`` by the member in place n, and
* what the copy in place n sends and tells is what the step says there.

Then the object does what the program tells of copies (:attr:`~....semantics.meaning.behaviour.Output.state`), by
induction over the members. A guess that is wrong accepts nothing: where terms do not show that these hold, that they
may not is a fault, of which the comparison has to show that no input meets it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final, TypeVar

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import INPUT_PACKET, Case, Event, Output, of_a_copy, state_of_a_copy
from .cells_of_copies import REST, STATE, Cells, Functions
from .copies_in_one import in_one
from .group_element import Element, of_others
from .relate_places import Attributed, NotAlike
from .replicas import MOST

_DRAWN: Final = "in.ebpf.prandom."
"""How the names of random numbers begin."""
_OWN: Final = f"in.{of_a_copy(0, 'ebpf.prandom.')}"
"""... and of those that any copy draws."""
Happening = TypeVar("Happening", Output, Event)
Key = TypeVar("Key")


def concerns(case: Case, copies: Sequence[Output], element: Element, cells: Cells) -> bool:
    """Whether copies leave or find something, or draw random numbers."""
    left = [*case.state.values(), *(t for event in case.events if not event.each for t in event.terms())]
    if element.mentioned(left):
        return True
    terms = [t for copy in copies for t in copy.terms()]
    drawn = any(v.name.startswith(_DRAWN) for v in b.variables(*terms))
    return drawn or any(call.name in cells.elements for call in b.applications(*terms))


def told(case: Case, copies: Sequence[Output], element: Element, cells: Cells) -> tuple[Case, list[Output], Term]:
    """The case with what the frame itself leaves, and what it and copies tell; the copies for any member, the last of
    them with what it writes; and where that may not be so.

    Raises:
        NotAlike: no step is found.
    """
    return _InTurn(case, copies, element, cells).told()


class _InTurn:
    """One case, and the copies to the members of one group in it."""

    def __init__(self, case: Case, copies: Sequence[Output], element: Element, cells: Cells) -> None:
        self.case, self.element, self.cells = case, element, cells
        if element.mentioned([case.guard]):
            raise NotAlike
        self.at = {name: b.var(f"at.{name}", bits) for name, (bits, _) in cells.shapes.items()}
        self.of_copies = [e for e in case.events if not e.each and element.mentioned(e.terms())]
        self.differ: list[Term] = []
        self.left = self._left()
        self.outputs = self._by_place_of_outputs(self._in_cells(copies))
        self.events = self._by_place_of_events(self._in_cells(self.of_copies))
        self.drawn = [self._drawn(place) for place in range(MOST)]
        if len({len(own) for own in self.drawn}) > 1:
            raise NotAlike
        self.steps: dict[Term, tuple[tuple[Term, ...], Term]] = {}
        """What a term is for the member in each place, by what it is in the first one, and in the step."""

    def told(self) -> tuple[Case, list[Output], Term]:
        """See :func:`told`."""
        writes = {name: self._written(name) for name in self.cells.shapes}
        writes = {name: after for name, after in writes.items() if after is not self._find(name, self.at[name])}
        outputs, events = self._any(self._alike(self.outputs)), self._any(self.events)
        if writes and not outputs:
            outputs = [Output(b.FALSE, "port", b.bv(0, 32), INPUT_PACKET, (self.element.member,))]
        if writes:
            outputs[-1] = replace(outputs[-1], state=self._initially(writes))
        names = [name for name in self.case.state if name in self.cells.shapes]
        before = self.element.ways([self.case.state[name] for name in names])[0]
        state = {**self.case.state, **dict(zip(names, before, strict=True))}
        kept = [event for event in self.case.events if event not in self.of_copies]
        alone, earlier = ([e for e in kept if bool(e.each) is told] for told in (False, True))
        case = replace(self.case, state=state, events=(*alone, *events, *earlier))
        [differ] = b.substitute([b.or_(*self.differ)], {}, self.cells.initial)
        return case, outputs, differ

    # --- what the object does, said by the program's cells ---

    def _in_cells(self, happening: Sequence[Happening]) -> list[Happening]:
        terms = _terms(happening)
        new = dict(zip(terms, self._said(terms), strict=True))
        return [each.mapped(new) for each in happening]

    def _said(self, terms: Sequence[Term]) -> list[Term]:
        return b.substitute(terms, {}, self.cells.elements)

    def _left(self) -> list[dict[str, Term]]:
        """What the cells hold behind so many members."""
        before = {name: self._initial(name, self.at[name]) for name in self.cells.shapes}
        written = [name for name in self.cells.shapes if name in self.case.state]
        ways = self.element.ways(self._said([self.case.state[name] for name in written]))
        self.differ += [b.ne(x, y) for x, y in zip(ways[None], ways[0], strict=True)]
        return [{**before, **dict(zip(written, ways[count], strict=True))} for count in range(MOST + 1)]

    def _by_place_of_outputs(self, outputs: Sequence[Output]) -> list[list[Output]]:
        copies = Attributed.of(outputs, self.element)
        if any(copy.left for copy in copies):
            raise NotAlike
        return [
            self._whatever_number(
                [
                    [c.sent[count] for c in copies if c.number == place and count in c.sent]
                    for count in _groups_of(place)
                ]
            )
            for place in range(MOST)
        ]

    def _whatever_number(self, by_count: list[list[Output]]) -> list[Output]:
        """What the member in a place is sent, which has to be the same however many there are."""
        alike = self._alike(by_count)
        if not _same_shapes(alike):
            raise NotAlike
        *fewer, most = alike
        for mine, other in ((x, y) for outputs in fewer for x, y in zip(outputs, most, strict=True) if x != y):
            self.differ.append(b.ne(mine.when, other.when))
            self.differ += [b.and_(other.when, b.ne(x, y)) for x, y in zip(mine.terms(), other.terms(), strict=True)]
        return most

    def _by_place_of_events(self, events: Sequence[Event]) -> list[list[Event]]:
        """An event is that of the last member of the smallest group of which it is told."""
        by_place: list[list[Event]] = [[] for _ in range(MOST)]
        terms = _terms(events)
        ways = {count: dict(zip(terms, way, strict=True)) for count, way in self.element.ways(terms).items()}
        for event in events:
            told = {count or 0: event.mapped(way) for count, way in ways.items() if way[event.when] is not b.FALSE}
            number = min(told, default=0) - 1
            if number < 0 or any(told.get(count) != told.get(MOST) for count in range(number + 1, MOST + 1)):
                raise NotAlike
            own = told[MOST].terms()
            seen = dict(zip(own, self.element.seen_by(own, number), strict=True))
            by_place[number].append(replace(told[MOST].mapped(seen), each=(self.element.member,)))
        return by_place

    def _drawn(self, place: int) -> list[Term]:
        """The random numbers of one copy, in the order in which it draws them."""
        before = [self.case.guard, *self.left[place].values()]
        own = b.variables(*self.left[place + 1].values(), *_terms(self.outputs[place]), *_terms(self.events[place]))
        found = {v for v in own if v.name.startswith(_DRAWN)}.difference(b.variables(*before))
        another = place + 1 if place + 1 < MOST else place - 1  # what several copies are told was drawn before them
        found.difference_update(b.variables(*_terms(self.outputs[another]), *_terms(self.events[another])))
        return sorted(found, key=lambda v: int(v.name.removeprefix(_DRAWN)))

    # --- the step ---

    def _written(self, name: str) -> Term:
        """What the step leaves in a cell."""
        after = [self.element.seen_by([self.left[place + 1][name]], place)[0] for place in range(MOST)]
        return self._step(tuple(after))

    def _any(self, by_place: Sequence[Sequence[Happening]]) -> list[Happening]:
        """What the step sends or tells."""
        if not _same_shapes(by_place):
            raise NotAlike
        terms = [[each.terms() for each in happening] for happening in by_place]
        found = []
        for number, first in enumerate(by_place[0]):
            of_places = zip(*(of_place[number] for of_place in terms), strict=True)
            found.append(first.mapped(self._initially({each[0]: self._step(each) for each in of_places})))
        return found

    def _alike(self, by_place: list[list[Output]]) -> list[list[Output]]:
        """What copies send, in the same outputs; as it is if there are no such outputs."""
        made = None if _same_shapes(by_place) else in_one(by_place)
        if made is None:
            return by_place
        self.differ += made[1]
        return made[0]

    def _step(self, by_place: tuple[Term, ...]) -> Term:
        """The term of which these are what it is for the members in all places."""
        known = self.steps.get(by_place[0])
        if known is None:
            known = self.steps[by_place[0]] = by_place, self._guessed(by_place)
        if known[0] != by_place:
            raise NotAlike
        return known[1]

    def _guessed(self, by_place: tuple[Term, ...]) -> Term:
        """The guess that the later copies are seen to take, most of them; of those that are as good the shortest one,
        since what copies find is the same term in all of them. (Any guess that leaves the first copy's term as it is
        is right for that copy.)"""
        best: tuple[tuple[int, int], list[Term], Term] | None = None
        for guess in self._guesses(by_place[0]):
            if self.element.mentioned([guess]) or of_others(guess) or _of_the_rest(guess):
                continue
            taken = [self._taken(guess, place) for place in range(MOST)]
            differ = [b.ne(x, y) for x, y in zip(taken, by_place, strict=True) if x is not y]
            later = sum(x is not y for x, y in zip(taken[1:], by_place[1:], strict=True))
            rank = later, len(b.postorder([guess]))
            if best is None or rank < best[0]:
                best = rank, differ, guess
            if not differ:
                break
        if best is None:
            raise NotAlike
        self.differ += best[1]
        return best[2]

    def _guesses(self, first: Term) -> Iterator[Term]:
        """What a step may be that the first copy takes: it finds what there was at the last places that have a name,
        or at any place, or what the frame has left, or what there was before the packet; or all that is told of cells
        was found before."""
        own = {v: b.var(f"{_OWN}{n}", v.sort) for n, v in enumerate(self.drawn[0])}
        at_last, anywhere, found = self._finders
        yield from dict.fromkeys(
            (
                *b.substitute([first], own, at_last),
                *b.substitute([first], own, anywhere),
                *b.substitute(b.substitute([first], self._left_by_the_frame(first)), own, found),
                *b.substitute([first], own, found),
                *b.substitute([first], own),
            )
        )

    @cached_property
    def _finders(self) -> tuple[Functions, Functions, Functions]:
        """In place of what cells held what a copy finds: at the last places that have a name, at any place, and before
        the packet."""
        at_last = {
            call.name: self._finder(name)
            for name, at in self.at.items()
            for call in b.applications(self.left[0][name])
            if call.args == (at,)
        }
        anywhere = {at: self._finder(name) for at in self.cells.initial for name in self.at if at.endswith(f".{name}")}
        return at_last, anywhere, {f"{STATE}{name}": self._finder(name) for name in self.at}

    def _left_by_the_frame(self, first: Term) -> dict[Term, Term]:
        """What the frame has left in cells that the term may ask for → what is found there."""
        out: dict[Term, Term] = {}
        for name, at in self.at.items():
            left = self.left[0][name]
            if left is self._initial(name, at):
                continue
            asked = [call.args[0] for call in b.applications(first, left) if call.name == f"{STATE}{name}"]
            compared = [x for t in b.postorder([left]) if t.op == "eq" and at in t.args for x in t.args]
            for index in dict.fromkeys((at, *asked, *compared)):
                [value] = b.substitute([left], {at: index})
                if value.op not in ("const", "var"):
                    out.setdefault(value, self._find(name, index))
        return out

    def _taken(self, step: Term, place: int) -> Term:
        """The step, taken by the member in a place on what those before have left."""
        left = self.left[place]
        own = {b.var(f"{_OWN}{n}", v.sort): v for n, v in enumerate(self.drawn[place])}

        def reader(name: str) -> Callable[[Term], Term]:
            return lambda index: b.substitute([left[name]], {self.at[name]: index})[0]

        found = {state_of_a_copy(0, name): reader(name) for name in self.cells.shapes}
        return b.substitute([step], own, found)[0]

    # --- cells ---

    def _initial(self, name: str, index: Term) -> Term:
        return b.apply(f"{STATE}{name}", b.bit_vector(self.cells.shapes[name][1]), index)

    def _find(self, name: str, index: Term) -> Term:
        return b.apply(state_of_a_copy(0, name), b.bit_vector(self.cells.shapes[name][1]), index)

    def _finder(self, name: str) -> Callable[[Term], Term]:
        return lambda index: self._find(name, index)

    def _initially(self, steps: Mapping[Key, Term]) -> dict[Key, Term]:
        """Steps with what cells held before the copies said by what the object's maps did."""
        return dict(zip(steps, b.substitute(list(steps.values()), {}, self.cells.initial), strict=True))


def _terms(happening: Iterable[Output | Event]) -> list[Term]:
    return list(dict.fromkeys(term for each in happening for term in each.terms()))


def _groups_of(place: int) -> range:
    """How many members a group may have in which there is one in that place."""
    return range(place + 1, MOST + 1)


def _same_shapes(by_place: Sequence[Sequence[Output | Event]]) -> bool:
    """Whether the same happens in all places, but for the terms."""
    first, *others = ([_shape(each) for each in happening] for happening in by_place)
    return all(other == first for other in others)


def _shape(each: Output | Event) -> object:
    """All but the terms."""
    return each.mapped(dict.fromkeys(each.terms(), b.FALSE))


def _of_the_rest(term: Term) -> bool:
    return any(call.name.startswith(REST) for call in b.applications(term))


__all__ = ["concerns", "told"]
