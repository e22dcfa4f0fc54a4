"""How the states of two paths that meet become one."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import TypeVar

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Event, Output
from . import removed
from .packet_sums import has_part
from .ranges import Interval, hull
from .removed import Removed
from .state import MOST_TIMES, NEVER, Frame, Layout, State, Times, Vlan
from .store import Store, merged
from .values import MIXED, Address, Byte, Lane, Partial, Piece, Value


class Apart(Exception):
    """Two states that cannot be one."""


def merge(first: State, second: State, live: frozenset[int], *, mix: bool, loose: bool = False) -> State | None:
    """One state for the paths of both, or None if they differ in what terms cannot choose between.

    Args:
        first: a state.
        second: another one at the same place; their guards exclude each other.
        live: the registers that are still read.
        mix: let bytes of memory that hold a pointer on one side only become unreadable, instead of staying apart.
        loose: let pointers into the packet with different offsets become one, too.
    """
    gone = first.removed, second.removed
    try:
        counts = _counts(first.counts, second.counts)
        rests = _rests(first, second, live)
        layouts = _alike_layouts(first, second, live)  # before terms are made: most states that stay apart do so here
        condition, guard = _joined(first.guard, second.guard)
        return State(
            guard,
            first.slot,
            [
                _value(condition, x, y, gone, loose=loose) if n in live or n == 10 else None
                for n, (x, y) in _registers(first, second)
            ],
            _layouts(condition, *layouts),
            min(first.shortest, second.shortest),
            {name: _memory(condition, first, second, name, mix=mix) for name in first.memory | second.memory},
            tuple(_frame(condition, x, y, gone, loose=loose) for x, y in zip(first.frames, second.frames, strict=True)),
            _vlan(condition, first.vlan, second.vlan),
            {name: b.ite(condition, term, second.fields[name]) for name, term in first.fields.items()},
            _stores(condition, first, second),
            {name: _removed(condition, first, second, name) for name in first.removed | second.removed},
            {term: n for term, n in first.facts.items() if second.facts.get(term) == n},
            _ranges(first.ranges, second.ranges),
            counts,
            _asked(condition, first.asked, second.asked),
            _either_sent(condition, first.sent, second.sent),
            _either_sent(condition, first.events, second.events),
            rests,
        )
    except Apart:
        return None


def _counts(first: dict[str, int], second: dict[str, int]) -> dict[str, int]:
    """How often things were asked. Raises Apart where that differs."""
    if first != second:
        raise Apart
    return dict(first)


def _asked(condition: Term, first: Mapping[str, Times], second: Mapping[str, Times]) -> dict[str, Times]:
    """How often things were asked where either holds. Raises Apart where that can be too many numbers."""
    return {name: _times(condition, first.get(name, NEVER), second.get(name, NEVER)) for name in {**first, **second}}


def _times(condition: Term, first: Times, second: Times) -> Times:
    if first == second:
        return first
    numbers = sorted({*first, *second})
    if len(numbers) > MOST_TIMES:
        raise Apart
    return {n: b.ite(condition, first.get(n, b.FALSE), second.get(n, b.FALSE)) for n in numbers}


def _rests(first: State, second: State, live: frozenset[int]) -> dict[Term, int]:
    """What both know of how many bytes loops have left. Raises Apart where that is not the same, and some register
    still says how many they are, or where they lie, or holds a sum that they are still to be added to."""
    if first.rests == second.rests:
        return dict(first.rests)
    for n in live:
        x, y = (each.distance if isinstance(each, Address) else each for each in (first.regs[n], second.regs[n]))
        if x is y or x is None or y is None:
            continue
        if b.sub(x, y).is_const or has_part(x) or has_part(y):
            raise Apart
    return {total: rest for total, rest in first.rests.items() if second.rests.get(total) == rest}


def _joined(first: Term, second: Term) -> tuple[Term, Term]:
    """A condition that tells the two guards apart where either holds, and their disjunction."""
    ours, theirs = (dict.fromkeys(_flat(guard, "and")) for guard in (first, second))
    mine = [part for part in ours if part not in theirs]
    other = [part for part in theirs if part not in ours]
    common = [part for part in ours if part in theirs]
    condition = b.and_(*mine) if len(mine) <= len(other) else b.not_(b.and_(*other))
    return condition, b.and_(*common, _either(mine, other))


def _flat(term: Term, op: str) -> list[Term]:
    """The parts of a conjunction or a disjunction, also of large ones, which are parts of others themselves."""
    found, stack = [], [term]
    while stack:
        part = stack.pop()
        if part.op == op:
            stack += reversed(part.args)
        else:
            found.append(part)
    return found


def _either(mine: list[Term], other: list[Term]) -> Term:
    """The disjunction of two conjunctions; ``a or (not a and b)`` is ``a or b``, also where ``a`` is one of several."""
    if len(mine) == 1:
        other = [part for part in other if b.not_(part) not in b.disjuncts(mine[0])]
    elif len(other) == 1:
        mine = [part for part in mine if b.not_(part) not in b.disjuncts(other[0])]
    return b.or_(b.and_(*mine), b.and_(*other))


def choice(condition: Term, x: Term, y: Term) -> Term:
    """``x`` where the condition holds, else ``y``; several that meet at one place are asked for one after the other, as
    they were: "one of a and b, and then a" is "a, else b"."""
    if condition.op != "or":
        return b.ite(condition, x, y)
    asked_first, left, x = _asked_first(x, dict.fromkeys(_flat(condition, "or")))
    chosen = _chosen(condition if not asked_first else b.or_(*left), x, y)
    for asked, kept, turned in reversed(asked_first):
        chosen = b.ite(asked, chosen, kept) if turned else b.ite(asked, kept, chosen)
    return chosen


Asked = tuple[Term, Term, bool]
"""A question of a chain of choices, what stays where it decides, and whether it decides where it does not hold."""


def _asked_first(x: Term, left: dict[Term, None]) -> tuple[list[Asked], dict[Term, None], Term]:
    """The questions with which ``x`` begins that are some of the ways of a disjunction, the ways left (always one at
    least), and what ``x`` is behind these questions."""
    found: list[Asked] = []
    while x.op == "ite" and len(left) > 1:
        asked, then, otherwise = x.args
        met, turned = _ways(asked, left)
        if not 0 < len(met) < len(left):
            break
        for part in met:
            del left[part]
        found.append((asked, otherwise if turned else then, turned))
        x = then if turned else otherwise
    return found, left, x


def _ways(asked: Term, left: Container[Term]) -> tuple[list[Term], bool]:
    """Those of the ways left that a question asks for, and whether it does so where it does not hold; most questions
    ask for something else, which their first part shows."""
    parts = _flat(asked, "or")
    if all(part in left for part in parts):
        return parts, False
    if asked.op == "or":
        none = _negated(asked)
        return ([none], True) if none in left else ([], False)
    met: list[Term] = []
    for part in _flat(asked, "and"):
        opposite = _flat(b.not_(part), "or")
        if any(way not in left for way in opposite):
            return [], False
        met += opposite
    return list(dict.fromkeys(met)), True


def _chosen(condition: Term, x: Term, y: Term) -> Term:
    """A choice by a condition as it is, or turned round if that says less of what does not hold."""
    if condition.op == "or" and all(part.op == "not" for part in condition.args):
        none = _negated(condition)
        if none.op == "and":
            return b.ite(none, y, x)
    return b.ite(condition, x, y)


@lru_cache(maxsize=10_000)
def _negated(term: Term) -> Term:
    """The negation, of a conjunction as a disjunction and the other way round."""
    if term.op not in ("and", "or"):
        return b.not_(term)
    return (b.or_ if term.op == "and" else b.and_)(*(b.not_(part) for part in term.args))


def _registers(first: State, second: State) -> list[tuple[int, tuple[Value, Value]]]:
    return list(enumerate(zip(first.regs, second.regs, strict=True)))


Gone = tuple[Mapping[str, tuple[Removed, ...]], Mapping[str, tuple[Removed, ...]]]
"""What was taken out of maps on either side."""


def _value(condition: Term, x: Value, y: Value, gone: Gone, *, loose: bool) -> Value:
    if x is y or x == y:
        return x
    if isinstance(x, Term) and isinstance(y, Term):
        return choice(condition, x, y)
    if isinstance(x, Address) and isinstance(y, Address):
        return _addresses(condition, x, y, gone, loose=loose)
    if isinstance(x, Address) and isinstance(y, Term) and _can_be_null(x) and y.is_const and y.value == 0:
        return replace(x, null=b.ite(condition, x.null, b.TRUE))
    if isinstance(y, Address) and isinstance(x, Term) and _can_be_null(y) and x.is_const and x.value == 0:
        return replace(y, null=b.ite(condition, b.TRUE, y.null))
    raise Apart


def _can_be_null(address: Address) -> bool:
    start = not address.offset and address.moved is None
    return address.kind in ("value", "buffer", "map") and (start or address.null is b.FALSE)


_MOVABLE = ("stack", "buffer", "value")
"""Kinds of memory in which pointers with different offsets become one; of the packet only if need be, since what is
written at a place that is not fixed cannot be followed there."""


def _addresses(condition: Term, x: Address, y: Address, gone: Gone, *, loose: bool) -> Address:
    if (x.kind, x.name) != (y.kind, y.name) or (x.key is None) != (y.key is None):
        raise Apart
    out = x if x.epoch == y.epoch else replace(x, epoch=_one_epoch_of_both(x, y, gone))
    if x.distance is not y.distance:
        if x.kind not in _MOVABLE and not (loose and x.kind == "packet"):
            raise Apart
        out = x.at_distance(b.ite(condition, x.distance, y.distance))
    if x.key is not None and y.key is not None:
        out = replace(out, key=b.ite(condition, x.key, y.key))
    return replace(out, null=b.ite(condition, x.null, y.null))


def _one_epoch_of_both(x: Address, y: Address, gone: Gone) -> int:
    if x.kind != "value":
        raise Apart
    found = removed.one_epoch(gone[0].get(x.name, ()), x.epoch, gone[1].get(x.name, ()), y.epoch)
    if found is None:
        raise Apart
    return found


def _ranges(first: dict[Term, Interval], second: dict[Term, Interval]) -> dict[Term, Interval]:
    return {term: hull(found, second[term]) for term, found in first.items() if term in second}


Sent = TypeVar("Sent", bound=Output | Event)


def _either_sent(condition: Term, x: tuple[Sent, ...], y: tuple[Sent, ...]) -> tuple[Sent, ...]:
    """What either side has sent or told: what both did before they parted, and the rest where it was done."""
    if x == y:
        return x
    same = next((i for i, (p, q) in enumerate(zip(x, y, strict=False)) if p != q), min(len(x), len(y)))
    sides = ((condition, x[same:]), (b.not_(condition), y[same:]))
    return (*x[:same], *(_where(which, each) for which, rest in sides for each in rest))


def _where(condition: Term, sent: Sent) -> Sent:
    return replace(sent, when=b.and_(condition, sent.when))


def _points_into_packet(state: State, live: frozenset[int]) -> bool:
    """Whether a pointer into the packet, as it lies now, may still be followed."""
    saved = [value for frame in state.frames for value in frame.saved]
    held = [found.address for part in state.memory.values() for found in part.values() if isinstance(found, Piece)]
    values = [*(state.regs[n] for n in live), *saved, *held]
    return any(isinstance(v, Address) and v.kind in ("packet", "end") and v.epoch == state.layout.epoch for v in values)


def _one_epoch(first: State, second: State, live: frozenset[int]) -> tuple[Layout, Layout]:
    """The layouts, in the later one's epoch if a copy sent on one side is all that makes pointers stale there."""
    x, y = first.layout, second.layout
    if x.epoch == y.epoch or first.sent == second.sent:
        return x, y
    if _points_into_packet(first, live) or _points_into_packet(second, live):
        raise Apart
    latest = max(x.epoch, y.epoch)
    return replace(x, epoch=latest), replace(y, epoch=latest)


def _alike_layouts(first: State, second: State, live: frozenset[int]) -> tuple[Layout, Layout]:
    """The layouts, if terms can choose between them. Raises Apart."""
    x, y = _one_epoch(first, second, live)
    if x == y:
        return x, y
    if _shape(x) != _shape(y):
        raise Apart
    if x.size is None and len(x.prefix) != len(y.prefix):  # bytes that were put back as they came are the input's
        x, y = x.shortest_form(), y.shortest_form()
    count = max(len(x.prefix), len(y.prefix))
    if x.payload + count - len(x.prefix) > min(first.shortest, second.shortest):
        raise Apart  # one side may be shorter than what the other has written out
    return x, y


def _shape(layout: Layout) -> tuple[int, int, int, int, int, int, int, int | str | None]:
    size = "a term" if isinstance(layout.size, Term) else layout.size
    counts = layout.filled, layout.delta, layout.beside, layout.epoch, layout.meta
    return *counts, len(layout.front), len(layout.trailer), size


def _layouts(condition: Term, x: Layout, y: Layout) -> Layout:
    if x == y:
        return x
    count = max(len(x.prefix), len(y.prefix))
    x, y = x.reaching(count), y.reaching(count)
    prefix, front, trailer = (
        tuple(b.ite(condition, p, q) for p, q in zip(*sides, strict=True))
        for sides in ((x.prefix, y.prefix), (x.front, y.front), (x.trailer, y.trailer))
    )
    size = x.size
    if isinstance(x.size, Term) and isinstance(y.size, Term):
        size = b.ite(condition, x.size, y.size)
    return replace(x, prefix=prefix, front=front, size=size, trailer=trailer)


def _memory(condition: Term, first: State, second: State, name: str, *, mix: bool) -> dict[int, Byte]:
    mine, theirs = first.memory.get(name, {}), second.memory.get(name, {})
    out: dict[int, Byte] = {}
    for at in mine | theirs:
        found = _byte(condition, mine.get(at), theirs.get(at), (first.removed, second.removed), mix=mix)
        if found is not None:
            out[at] = found
    return out


def _byte(condition: Term, x: Byte | None, y: Byte | None, gone: Gone, *, mix: bool) -> Byte | None:
    if x is y or x == y:
        return x
    if isinstance(x, Lane) and isinstance(y, Lane) and (x.index, x.whole.sort) == (y.index, y.whole.sort):
        return Lane(choice(condition, x.whole, y.whole), x.index)
    if isinstance(x, Piece) and isinstance(y, Piece) and x.index == y.index:
        try:
            return Piece(_addresses(condition, x.address, y.address, gone, loose=False), x.index)
        except Apart:
            pass
    (term_x, has_x), (term_y, has_y) = _written(x), _written(y)
    if term_x is None or term_y is None:
        if not mix:
            raise Apart
        return MIXED
    term = term_y if x is None else term_x if y is None else choice(condition, term_x, term_y)
    written = b.ite(condition, has_x, has_y)
    return term if written is b.TRUE else Partial(term, written)


def _written(x: Byte | None) -> tuple[Term | None, Term]:
    """A byte's term, and where it was written; no term for a pointer's byte."""
    if x is None:
        return b.bv(0, 8), b.FALSE
    if isinstance(x, Partial):
        return x.term, x.written
    if isinstance(x, Lane):
        return x.term, b.TRUE
    return (x, b.TRUE) if isinstance(x, Term) else (None, b.TRUE)


def _frame(condition: Term, x: Frame, y: Frame, gone: Gone, *, loose: bool) -> Frame:
    saved = [_value(condition, p, q, gone, loose=loose) for p, q in zip(x.saved, y.saved, strict=True)]
    return Frame(x.slot, (saved[0], saved[1], saved[2], saved[3]))


def _vlan(condition: Term, x: Vlan | None, y: Vlan | None) -> Vlan | None:
    if x is None or y is None:
        if x is not y:
            raise Apart
        return None
    return Vlan(b.ite(condition, x.protocol, y.protocol), b.ite(condition, x.tci, y.tci))


def _removed(condition: Term, first: State, second: State, name: str) -> tuple[Removed, ...]:
    return removed.merged(condition, first.removed.get(name, ()), second.removed.get(name, ()))


def _stores(condition: Term, first: State, second: State) -> dict[str, Store]:
    return {name: merged(condition, store, second.stores[name]) for name, store in first.stores.items()}
