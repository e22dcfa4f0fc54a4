"""A largest set of entries under conditions of the form "where these are in it, one of those is".

Without a bound on their number, conditions that begin with one entry have a greatest solution, which the union of all
is; it is found by taking away what cannot stay. With a bound, entries are taken in order as long as the conditions hold
of those taken; where that fills the room or reaches the greatest solution, nothing larger exists. Else an optimiser is
asked (the problem is then NP-hard: it contains the choice of a largest set of items that share parts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ..proofs.solvers.optimum import Clause, largest

SECONDS: Final = 10.0
"""For the optimiser."""


@dataclass(frozen=True)
class Room:
    """``places``: of each entry that may be chosen, the tables that take it; in the order in which entries are tried.
    ``sizes``: how many entries each table holds; None: no limit."""

    places: Mapping[int, Sequence[int]]
    sizes: Mapping[int, int | None]

    def bound(self, count: int) -> int:
        """How many of ``count`` entries have room at most."""
        if any(size is None for size in self.sizes.values()):
            return count
        return min(count, sum(size or 0 for size in self.sizes.values()))


@dataclass(frozen=True)
class Choice:
    """``chosen``: entry → table. ``largest``: whether there is no larger one."""

    chosen: Mapping[int, int]
    largest: bool


def choose(room: Room, clauses: Sequence[Clause]) -> Choice | None:
    """A set that satisfies the clauses; None if none was found."""
    whole = greatest(frozenset(room.places), clauses)
    first = _in_order(room, whole, clauses) if whole is not None else None
    if first is not None and whole is not None and len(first) >= room.bound(len(whole)):
        return Choice(first, True)
    if whole is None:
        return None
    found = largest({n: room.places[n] for n in room.places if n in whole}, room.sizes, clauses, SECONDS)
    if found is None or (first is not None and len(found.chosen) < len(first) and not found.largest):
        return None if first is None else Choice(first, False)
    return Choice(found.chosen, found.largest)


def greatest(allowed: frozenset[int], clauses: Sequence[Clause]) -> frozenset[int] | None:
    """What every set that satisfies the clauses is a part of; of clauses with at most one entry to begin with it
    satisfies them itself. None if nothing does."""
    kept = set(allowed)
    single = [(some, next(iter(others))) for some, others in clauses if len(others) == 1]
    changed = True
    while changed:
        gone = {n for some, n in single if n in kept and not some & kept}
        kept -= gone
        changed = bool(gone)
    if any(not others and not some & kept for some, others in clauses):
        return None
    return frozenset(kept)


def holds(chosen: Mapping[int, object] | frozenset[int], clauses: Sequence[Clause]) -> bool:
    """Whether a set satisfies the clauses."""
    return all(any(n in chosen for n in some) or any(n not in chosen for n in others) for some, others in clauses)


def _in_order(room: Room, whole: frozenset[int], clauses: Sequence[Clause]) -> dict[int, int] | None:
    """Entries taken in order where the clauses allow it at once; None if the set does not satisfy them all."""
    about: dict[int, list[Clause]] = {}
    for some, others in clauses:
        for n in others:
            about.setdefault(n, []).append((some, others))
    left = dict(room.sizes)
    chosen: dict[int, int] = {}
    for number, places in room.places.items():
        fits = next((p for p in places if left[p] != 0), None)
        if number not in whole or fits is None or not _may_join(number, chosen, about.get(number, ())):
            continue
        chosen[number] = fits
        count = left[fits]
        left[fits] = None if count is None else count - 1
    return chosen if holds(chosen, clauses) else None


def _may_join(number: int, chosen: Mapping[int, int], clauses: Sequence[Clause]) -> bool:
    return all(
        any(n in chosen for n in some) or any(n != number and n not in chosen for n in others)
        for some, others in clauses
    )
