"""Where packets end: made shorter or longer there, and reached by offsets that are counted from there.

A packet with a trailer has at least so many bytes before it as its paths know; of one that is too short for that, the
bytes are all written out, each a choice by how long it is. So helpers that move headers meet a trailer only where they
reach far into the packet, which is refused (:func:`before_trailer`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.ends import before_end, last
from .ranges import Ranges, interval
from .state import Layout, State

if TYPE_CHECKING:
    from .machine import Machine
    from .memory import Checks

FRONT: Final = 128
"""Bytes before a trailer, at least."""
ADDRESSES: Final = 12
"""Bytes of Ethernet addresses."""
FAR: Final = 1024
"""Bytes that are counted from the end are fewer."""
MOST_WRITTEN: Final = 2048
"""Bytes that are told one by one."""


# --- shorter and longer -------------------------------------------------------------------------------------------


def cut(layout: Layout, size: int | Term) -> Layout:
    """Its first ``size`` bytes, none of the trailer; pointers become stale. (Addresses that are cut still lie in memory
    when a tag is put behind them.)"""
    if isinstance(size, Term):
        return replace(layout, size=size, trailer=(), epoch=layout.epoch + 1)
    gone = max(0, len(layout.prefix) - max(size, ADDRESSES))
    prefix, payload = layout.prefix[: len(layout.prefix) - gone], layout.payload - gone
    return replace(layout, prefix=prefix, payload=payload, size=size, trailer=(), epoch=layout.epoch + 1)


def written_out(layout: Layout, count: int, size: int | Term) -> Layout:
    """With ``size`` bytes, which are no more than ``count``: those that it has, then zeros; pointers become stale."""
    whole = layout.length(32)

    def octet(index: int) -> Term:
        return b.ite(b.ult(b.bv(index, 32), whole), layout.at(index), b.bv(0, 8))

    prefix = tuple(octet(i) for i in range(count))
    payload, epoch = count - layout.delta, layout.epoch + 1
    return replace(layout, prefix=prefix, payload=payload, size=size, trailer=(), filled=False, epoch=epoch)


def with_zeros(machine: Machine, state: State, count: int) -> list[State]:
    """The paths with ``count`` zeros behind the packet."""
    layout = state.layout
    if isinstance(layout.size, int) and layout.size + count <= MOST_WRITTEN:
        state.layout = written_out(layout, layout.size + count, layout.size + count)
        return [state]
    long, short = (state, None) if layout.trailer else machine.fork(state, _has_front(layout, 0))
    if long is not None:
        long.layout = replace(layout, trailer=(*layout.trailer, *[b.bv(0, 8)] * count), epoch=layout.epoch + 1)
    if short is not None:
        size = b.add(layout.length(32), b.bv(count, 32))
        short.layout = written_out(layout, FRONT + count, size)
    return [s for s in (long, short) if s is not None]


def _has_front(layout: Layout, count: int) -> Term:
    """Whether :data:`FRONT` bytes and ``count`` more lie before the trailer."""
    return b.ule(b.bv(FRONT + count, 32), layout.packet.kept)


def filled_up(layout: Layout, size: Term) -> Layout | None:
    """With ``size`` bytes, which are more than it has: zeros behind those that it has; pointers become stale. None if
    it does not end where the input frame does, so that what follows there might be bytes that were cut off."""
    return replace(layout, size=size, filled=True, epoch=layout.epoch + 1) if layout.open_ended else None


def without_last(layout: Layout, count: int) -> Layout:
    """Without its last ``count`` bytes, which must be there; pointers become stale."""
    of_trailer = min(count, len(layout.trailer))
    trailer = layout.trailer[: len(layout.trailer) - of_trailer]
    count -= of_trailer
    if not count:
        return replace(layout, trailer=trailer, epoch=layout.epoch + 1)
    return cut(layout, layout.size - count if isinstance(layout.size, int) else _kept_but(layout, count))


def _kept_but(layout: Layout, count: int) -> Term:
    return b.sub(layout.packet.kept, b.bv(count, 32))


def in_trailer(layout: Layout, count: int) -> Layout:
    """With the first ``count`` bytes of its trailer only; pointers become stale."""
    return replace(layout, trailer=layout.trailer[:count], epoch=layout.epoch + 1)


def before_trailer(machine: Machine, state: State, count: int) -> None:
    """The first ``count`` bytes, which the packet has, all lie before its trailer: helpers that move them say so."""
    if may_reach_trailer(state, count):
        raise machine.unsupported(state, f"{count} bytes that may reach into what was put behind the packet")


def may_reach_trailer(state: State, count: int) -> bool:
    """Whether some of the first ``count`` bytes may lie behind what comes before the trailer."""
    return bool(state.layout.trailer) and state.may(b.ult(state.layout.packet.kept, b.bv(count, 32)))


# --- reached from there -------------------------------------------------------------------------------------------


def gap(layout: Layout, distance: Term, known: Ranges) -> int | None:
    """How many bytes before the trailer an offset (64 bits, less than 2**32) lies, or the negative number behind its
    start; None if that is no number."""
    found = b.sub(layout.packet.kept, b.extract(unmasked(distance, known), 31, 0))
    number = b.signed(found.value, 32) if found.is_const else FAR
    return number if -FAR < number < FAR else None


def unmasked(term: Term, known: Ranges) -> Term:
    """The number without masks that take nothing from it, as far as intervals show."""
    if term.op == "add" and any(part.is_const for part in term.args):
        return b.add(*(unmasked(part, known) for part in term.args))
    while term.op == "concat" and len(term.args) == 2 and term.args[0].is_const and not term.args[0].value:
        low = term.args[1]
        if low.op != "extract" or low.payload != (low.width - 1, 0) or interval(low.args[0], known)[1] >> low.width:
            break
        term = b.resize(low.args[0], term.width)
    return term


def read_from_end(state: State, before: int, count: int) -> list[Term] | None:
    """``count`` bytes from ``before`` bytes before the trailer on; None if it is not known which they are."""
    layout = state.layout
    found: list[Term] = []
    for at in range(before, before - count, -1):
        octet, known = _before(state, at) if at > 0 else (layout.trailer[-at], b.TRUE)
        if known is not b.TRUE and state.may(b.not_(known)):
            return None
        found.append(octet)
    return found


def _before(state: State, count: int) -> tuple[Term, Term]:
    """The ``count``-th byte from the end of what comes before the trailer; the input's where it ends as the input does
    and it is known to be that long."""
    layout = state.layout
    beyond = layout.open_ended and state.shortest >= layout.payload + count
    return (last(count), b.TRUE) if beyond else before_end(layout.packet, count)


def written_from_end(machine: Checks, state: State, before: int, values: Sequence[Term]) -> bool:
    """Writes ``values`` from ``before`` bytes before the trailer on; whether it could. Raises Split where short packets
    must be told from others."""
    layout = state.layout
    if before > 0:
        over = before - len(values)
        kept = read_from_end(state, over, over) if over > 0 else []
        if kept is None:
            return False
        kept = [*values[:before], *kept]
        far = b.ite(_has_front(layout, before), b.bv(1, 1), b.bv(0, 1))
        if not machine.number(state, far):
            state.layout = _written_somewhere(layout, before, values)
            return True
        layout = replace(layout, size=_kept_but(layout, before), trailer=(*kept, *layout.trailer))
        before = 0
    at = -before
    trailer = (*layout.trailer[:at], *values, *layout.trailer[at + len(values) :])
    state.layout = replace(layout, trailer=trailer)
    return True


def _written_somewhere(layout: Layout, before: int, values: Sequence[Term]) -> Layout:
    """The same for a packet of less than :data:`FRONT` bytes before the place that is written."""
    place, size = _kept_but(layout, before), layout.length(32)
    short = written_out(layout, FRONT + before + len(layout.trailer), size)
    prefix = list(short.prefix)
    for start in range(FRONT):
        for i, value in enumerate(values):
            prefix[start + i] = b.ite(b.eq(place, b.bv(start, 32)), value, prefix[start + i])
    return replace(short, prefix=tuple(prefix), epoch=layout.epoch)
