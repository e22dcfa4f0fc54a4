"""Copies that are not sent alike to all members of a group, told for any member by its place among them.

Every copy is *attributed* to one place, and each group of ``last + 1`` members has one in place 0, 1, ..., ``last``. So
an object sends what the program does if, for every place and every ``last``, that member gets from the copies of its
place what the program sends it, and copies of places behind the last one are not sent. Which place a copy is attributed
to is free: it decides only between what is proven and what is not.

Both are inputs of the comparison, as the members themselves are: ``each.0.place``, ``each.0.last``, and
``each.0.other.N.port`` and ``.instance`` for the one in place ``N``. Where ``place`` is behind ``last``, the last one
is meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning.behaviour import Output, of_a_copy
from .group_element import Element, of_others, place_of
from .replicas import MOST

_BITS: Final = (MOST - 1).bit_length()
PLACE: Final = b.var(of_a_copy(0, "place"), _BITS)
"""The place of the member that is looked at."""
_LAST: Final = b.var(of_a_copy(0, "last"), _BITS)
"""That of the last member."""


Found = TypeVar("Found")


class NotAlike(Exception):
    """A copy belongs to no member, or something else depends on a group's members."""


@dataclass(frozen=True)
class Attributed:
    """A copy that counts as the one for the member in place ``number``."""

    number: int
    sent: Mapping[int, Output]
    """Number of members, that one among them → what it gets."""
    left: Mapping[int, Output]
    """Number of members → what is sent although that one is not among them."""

    @classmethod
    def of(cls, outputs: Sequence[Output], element: Element) -> list[Attributed]:
        """Outputs that are sent at all, with the places that they are best attributed to.

        Raises:
            NotAlike: one is sent where there are no members.
        """
        return [cls._one(sent, element) for sent in element.sent(outputs) if sent]

    @classmethod
    def _one(cls, by_count: Mapping[int | None, Output], element: Element) -> Attributed:
        counts = {count: made for count, made in by_count.items() if count}
        if len(counts) < len(by_count):
            raise NotAlike
        number = _place(counts)
        among = {count: made for count, made in counts.items() if number < count}
        return cls(
            number,
            dict(zip(among, element.to(number, among.values()), strict=True)),
            {count: made for count, made in counts.items() if number >= count},
        )

    @property
    def always(self) -> Output | None:
        """What the member gets, if that does not hang on how many there are, and nothing else is sent."""
        first = self.sent.get(MOST)
        everywhere = all(self.sent.get(count) == first for count in range(self.number + 1, MOST + 1))
        return first if everywhere and not self.left else None


def _place(by_count: Mapping[int, Output]) -> int:
    """That of the member to whose port a copy is sent; else that of the only one that it hangs on where there are all;
    else of the last one in the smallest group that has the copy."""
    most = max(by_count)
    number = place_of(by_count[most].port)
    if number is not None:
        return number
    places = of_others(*by_count[most].terms()) if most == MOST else ()
    return next(iter(places)) if len(places) == 1 else min(by_count) - 1


def at_places(copies: Sequence[Attributed], *, alone: bool) -> list[Output]:
    """The outputs for any member, by its place; then what is sent beside them. ``alone``: these are the copies to the
    members of all groups that are asked for.

    Raises:
        NotAlike: something is sent beside them, and how many members another group has counts, too.
    """
    if any(copy.left for copy in copies) and not alone:
        raise NotAlike
    place = PLACE
    if any(copy.always is None for copy in copies):
        place = b.ite(b.ult(_LAST, PLACE), _LAST, PLACE)
    by_place = [[way for copy in copies if copy.number == n for way in _ways(copy)] for n in range(MOST)]
    beside = [
        replace(way, when=b.and_(way.when, b.eq(_LAST, b.bv(count - 1, _BITS))))
        for copy in copies
        for count, way in copy.left.items()
    ]
    return [*_any_place(by_place, place), *beside]


def with_members(condition: Term, element: Element) -> Term:
    """That a condition holds for some element: one that is not there, one without members, or with :data:`_LAST` and
    one more, of whom the first one is looked at."""
    ways = element.ways([condition])
    empty = b.or_(*ways[None], *ways[0])
    filled = [
        b.and_(b.eq(_LAST, b.bv(count - 1, _BITS)), element.seen_by(ways[count], 0)[0]) for count in range(1, MOST + 1)
    ]
    first = b.eq(PLACE, b.bv(0, _BITS))
    return b.or_(empty, b.and_(first, b.or_(*filled)))


def _ways(copy: Attributed) -> Iterator[Output]:
    """What the member of a copy's place gets, under conditions on how many members there are."""
    counts = range(copy.number + 1, MOST + 1)
    for way, where in _by_value([copy.sent.get(count) for count in counts], _LAST, copy.number):
        if way is not None:
            yield replace(way, when=b.and_(way.when, where))


def _any_place(by_place: Sequence[Sequence[Output]], place: Term) -> Iterator[Output]:
    """What a member gets in each place; what members of several places get is side by side."""
    classes = list(_by_value(by_place, place, 0))
    for k in range(max(len(outputs) for outputs, _ in classes)):
        for outputs, where in classes:
            if k < len(outputs):
                yield replace(outputs[k], when=b.and_(outputs[k].when, where))


def _by_value(found: Sequence[Found], number: Term, first: int) -> Iterator[tuple[Found, Term]]:
    """Equal things once each, under the condition that ``number`` is one of their places; these are counted from
    ``first``. The most frequent one is where the others are not, so the conditions plainly exclude each other."""
    places: list[tuple[Found, list[int]]] = []
    for place, each in enumerate(found, first):
        known = next((where for other, where in places if other == each), None)
        if known is None:
            places.append((each, [place]))
        else:
            known.append(place)
    places.sort(key=lambda pair: len(pair[1]))
    *fewer, (most, _) = places
    for each, where in fewer:
        yield each, _among(number, where)
    yield most, b.not_(_among(number, [place for _, where in fewer for place in where]))


def _among(number: Term, places: Collection[int]) -> Term:
    return b.or_(*(b.eq(number, b.bv(place, number.width)) for place in places))


__all__ = ["PLACE", "Attributed", "NotAlike", "at_places", "with_members"]
