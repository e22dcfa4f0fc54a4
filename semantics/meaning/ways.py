"""Ways of a packet through actions and tables, merged where they can be.

A *way* is a state with the condition under which a packet is there. Ways that can be merged (one shape, one place to go
on) are kept as one; so a table of n flows costs n, not n times what came before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Generic, Protocol, Self, TypeVar

from .. import bits as b
from ..bits import FALSE, TRUE, Term


class Mergeable(Protocol):
    """A packet on its way."""

    @property
    def shape(self) -> object:
        """States of one shape can be merged."""
        ...

    def merged(self, condition: Term, other: Self) -> Self:
        """This state where the condition holds, else the other; both of one shape."""
        ...


State = TypeVar("State", bound=Mergeable)
Place = int | None
"""The table that a packet goes on with; None: none."""


@dataclass(frozen=True, slots=True)
class Way(Generic[State]):
    """A packet is in this state, and goes on there, where ``when`` holds."""

    when: Term
    state: State
    place: Place = None

    @property
    def kind(self) -> object:
        """Ways of one kind can be merged."""
        return self.place, self.state.shape


def joined(ways: Iterable[Way[State]]) -> tuple[Way[State], ...]:
    """The same with ways of one kind merged; their conditions exclude one another."""
    found: dict[object, Way[State]] = {}
    for way in ways:
        if way.when is FALSE:
            continue
        old = found.get(way.kind)
        found[way.kind] = way if old is None else _both(old, way)
    return tuple(found.values())


def _both(x: Way[State], y: Way[State]) -> Way[State]:
    return Way(b.or_(x.when, y.when), x.state.merged(x.when, y.state), x.place)


def under(condition: Term, ways: Iterable[Way[State]]) -> tuple[Way[State], ...]:
    """The ways where the condition holds as well."""
    if condition is TRUE:
        return tuple(ways)
    return tuple(replace(way, when=b.and_(condition, way.when)) for way in ways)


@dataclass(frozen=True, slots=True)
class Tried(Generic[State]):
    """What some flows of a table do: whether one of them matches, and the ways of packets that they match."""

    hit: Term
    ways: tuple[Way[State], ...] = ()


def _then(x: Tried[State], y: Tried[State]) -> Tried[State]:
    """``x``, and for what it does not match, ``y``."""
    if x.hit is TRUE:
        return x
    miss = b.not_(x.hit)
    return Tried(b.or_(x.hit, y.hit), joined((*x.ways, *under(miss, y.ways))))


def first_match(tries: Sequence[Tried[State]]) -> Tried[State]:
    """One after the other, as a balanced tree: terms stay shallow."""
    row = list(tries)
    while len(row) > 1:
        odd = [row[-1]] if len(row) % 2 else []
        row = [_then(row[i], row[i + 1]) for i in range(0, len(row) - 1, 2)] + odd
    return row[0] if row else Tried(FALSE)
