"""Elements that were taken out of a hash map while pointers to them are still held (kernel/bpf/hashtab.c).

Their memory stays what it was: ``htab_map_delete_elem`` and ``htab_map_update_elem`` put it on a list of free memory
(``pcpu_freelist_push``, ``extra_elems``, ``bpf_lru_push_free``, ``bpf_mem_cache_free``), which touches nothing of the
value, and RCU keeps it from becoming anything but an element of this map until the program has ended. What is written
through such a pointer the map does not hold any more. The next update that needs memory may get that very element
(the lists are the processor's own, last in, first out), so what the pointer leads to is not known from then on.

A pointer's ``epoch`` is how many elements had been taken out of its map when it was made.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term

if TYPE_CHECKING:
    from .state import State


@dataclass(frozen=True, slots=True)
class Removed:
    """The element of ``key`` was taken out where ``when``, and its memory holds ``value`` now; no key: any elements may
    have been. ``reused``: where another element may have got the memory since."""

    when: Term = b.FALSE
    key: Term | None = None
    value: Term | None = None
    reused: Term = b.FALSE

    def is_of(self, key: Term) -> Term:
        """Whether the element that was found for ``key``, and was still there, is this one."""
        return self.when if self.key is None else b.and_(self.when, b.eq(self.key, key))


NONE: Final = Removed()
"""Nothing was taken out."""


def epoch(state: State, name: str) -> int:
    """The epoch of pointers into map ``name`` that are made now."""
    return len(state.removed.get(name, ()))


def take_out(state: State, name: str, key: Term, value: Term) -> None:
    """The element of ``key``, which holds ``value``, leaves map ``name``; none does if no pointer can lead to it."""
    state.removed[name] = (*state.removed.get(name, ()), Removed(b.TRUE, key, value))


def take_out_any(state: State, name: str) -> None:
    """Any elements may leave map ``name``, and others get their memory."""
    state.removed[name] = (*state.removed.get(name, ()), Removed(b.TRUE, reused=b.TRUE))


def reuse(state: State, name: str) -> None:
    """An update of map ``name`` gets memory for an element: that of any which was taken out."""
    if name in state.removed:
        state.removed[name] = tuple(replace(each, reused=each.when) for each in state.removed[name])


def may_be_reused(state: State, name: str, key: Term, since: int) -> Term:
    """Whether the memory of the element of ``key`` that was found at epoch ``since`` may be another's."""
    later = state.removed.get(name, ())[since:]
    return b.or_(*(b.and_(each.is_of(key), each.reused) for each in later))


def read(state: State, name: str, key: Term, since: int) -> Term:
    """What the element of ``key`` that was found at epoch ``since`` holds."""
    rows: list[tuple[Term, Term]] = []
    left = b.TRUE
    for _, when, value in _where(state, name, key, since):
        rows.append((when, value))
        left = b.and_(left, b.not_(when))
    found = state.stores[name].read(key) if left is not b.FALSE else rows.pop()[1]
    for when, value in reversed(rows):
        found = b.ite(when, value, found)
    return found


def write(state: State, name: str, key: Term, since: int, value: Term) -> None:
    """That element becomes ``value``: in the map if it is there still, in the memory that is left of it if not."""
    left = b.TRUE
    records = list(state.removed.get(name, ()))
    for index, when, before in _where(state, name, key, since):
        records[index] = replace(records[index], value=b.ite(b.and_(left, when), value, before))
        left = b.and_(left, b.not_(when))
    if records:
        state.removed[name] = tuple(records)
    if left is not b.FALSE:
        store = state.stores[name]
        state.stores[name] = store.write(key, value if left is b.TRUE else b.ite(left, value, store.read(key)))


def _where(state: State, name: str, key: Term, since: int) -> Iterator[tuple[int, Term, Term]]:
    """The removals that may have been that of the element: index, whether it was if none before was, what it holds."""
    for index, each in enumerate(state.removed.get(name, ())):
        when = each.is_of(key)
        if index >= since and each.value is not None and when is not b.FALSE:
            yield index, when, each.value


def merged(condition: Term, first: tuple[Removed, ...], second: tuple[Removed, ...]) -> tuple[Removed, ...]:
    """What was taken out where ``condition`` holds, and else; less on one side is nothing more there."""
    pairs = zip_longest(first, second, fillvalue=NONE)
    return tuple(x if x == y else _either(condition, x, y) for x, y in pairs)


def _either(condition: Term, x: Removed, y: Removed) -> Removed:
    when = b.ite(condition, x.when, y.when)
    reused = b.ite(condition, x.reused, y.reused)
    if NONE in (x, y):
        one = y if x == NONE else x
        return Removed(when, one.key, one.value, reused)
    if x.key is None or y.key is None or x.value is None or y.value is None:  # one may be any of them, and is reused
        return Removed(when, None, None, when)
    return Removed(when, b.ite(condition, x.key, y.key), b.ite(condition, x.value, y.value), reused)


def one_epoch(first: tuple[Removed, ...], x: int, second: tuple[Removed, ...], y: int) -> int | None:
    """The epoch of a pointer of epoch ``x`` on one side and ``y`` on the other, where they have taken out ``first`` and
    ``second``; None if they have no epoch in common: removals that did not happen on a side do not count there."""
    low = max(_earliest(first, x), _earliest(second, y))
    return low if low <= min(_latest(first, x), _latest(second, y)) else None


def _earliest(records: tuple[Removed, ...], at: int) -> int:
    while at and (at > len(records) or records[at - 1].when is b.FALSE):
        at -= 1
    return at


def _latest(records: tuple[Removed, ...], at: int) -> float:
    while at < len(records) and records[at].when is b.FALSE:
        at += 1
    return at if at < len(records) else float("inf")  # what the other side has more did not happen on this one
