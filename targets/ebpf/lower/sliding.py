"""Deparsers that can make very many layouts: code for each header at each offset where it can begin.

A header's offset is how long those before it are in all, which is one of few numbers even where each of them may be
there or not. So the frame's new start is measured first, and gets its length; then the headers are written one after
the other. Ways on which as much was emitted meet again, where the tree of decisions of :mod:`.deparse` has code for
each of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ....semantics.source import Span
from ..artifact import Label, asm
from ..artifact.asm import R1, R3
from .exits import Exit, for_each
from .fields import header_fields
from .frame import Leaf, Ref, varbits
from .gen import Gen
from .hooks import XdpHook
from .writing import put_tc, put_xdp, resize_tc, resize_xdp, resizing, too_short

MOST_STARTS = 4096
"""Pieces of code for headers; more are refused."""

Sized = tuple[tuple[str, int], ...]
"""The sizes of a header's varbits by their paths."""
Ways = Callable[[Ref, tuple[Exit, ...]], tuple[tuple[Exit, ...], tuple[Exit, ...]]]
Sizes = Callable[[Ref, tuple[Exit, ...]], dict[int, tuple[Exit, ...]]]


@dataclass
class _Start:
    """A header where one offset is the next."""

    without: bool = False
    """Whether it may not be there."""
    sizes: set[Sized] = field(default_factory=set)
    """What it may be."""


@dataclass
class Plan:
    """Where each header can begin, in bits, and how long the new start is for each way out of the parser."""

    headers: tuple[Ref, ...]
    starts: list[dict[int, _Start]]
    totals: dict[tuple[bool, int], set[int]]
    """Whether the tag lies beside the data, and the bits parsed → the bits of all headers."""


def layouts(headers: Sequence[Ref], exits: tuple[Exit, ...], ways: Ways, sizes: Sizes, enough: int) -> int:
    """How many layouts a tree of decisions would have, if that is less than ``enough``."""
    states = {exits: 1}
    for header in headers:
        after: dict[tuple[Exit, ...], int] = {}
        for state, count in states.items():
            with_it, without = ways(header, state)
            found = [without] if without else []
            if with_it:
                parts = [with_it]
                for part in varbits(header):
                    parts = [each for state_ in parts for each in sizes(part, state_).values()]
                found += parts
            for each in found:
                after[each] = after.get(each, 0) + count
        states = after
        if sum(states.values()) >= enough:
            return enough
    return sum(states.values())


def plan(g: Gen, headers: Sequence[Ref], exits: Sequence[Exit], ways: Ways, sizes: Sizes, span: Span) -> Plan | None:
    """None where this cannot be done: a header is no whole number of bytes, or has several varbits, there are too many
    offsets, or a frame would get too short, for all that is known."""
    made = Plan(tuple(headers), [{} for _ in headers], {})
    for way in exits:
        at = {0}
        for index, header in enumerate(headers):
            if len(varbits(header)) > 1:
                return None
            with_it, without = ways(header, (way,))
            options: list[Sized] = [()] if with_it else []
            for part in varbits(header) if with_it else ():
                options = [((part.path, size),) for size in sizes(part, (way,))]
            lengths = [(each, _bits(g, header, each, span)) for each in options]
            if any(bits % 8 for _, bits in lengths):
                return None
            after = set(at) if without else set()
            for start in at:
                piece = made.starts[index].setdefault(start, _Start())
                piece.without |= bool(without)
                piece.sizes |= {each for each, _ in lengths}
                after |= {start + bits for _, bits in lengths}
            at = after
        if g.forgotten and not g.loose:
            possible = _totals(g, headers, way, sizes, span)
            at = at if possible is None else at & possible
        if way.cursor % 8 or any(too_short(g, total // 8, way.cursor // 8, tagged=way.tagged) for total in at):
            return None
        made.totals.setdefault((way.tagged, way.cursor), set()).update(at)
    return made if sum(len(each) for each in made.starts) <= MOST_STARTS else None


def _totals(g: Gen, headers: Sequence[Ref], way: Exit, sizes: Sizes, span: Span) -> set[int] | None:
    """How many bits the headers can have in all, if those that are valid behind the parser have as many as it has moved
    on; None if nobody knows. Each header that the program makes valid or invalid afterwards makes a difference, and so
    does one that is not emitted just once."""
    paths = {header.path for header in headers}
    if any(path not in paths and path.rpartition(".")[0] not in paths for path in g.extracted):
        return None
    emitted = Counter(header.path for header in headers)
    by_path = {header.path: header for header in headers}
    differences = {0}
    for path, header in by_path.items():
        if header.valid.path in g.usage.stores or any(x.size.path in g.usage.stores for x in varbits(header)):
            options = _changes(g, header, emitted[path], way, sizes, span)
        else:
            options = {(emitted[path] - 1) * bits for bits in (0, *_lengths(g, header, way, sizes, span))}
        differences = {one + other for one in differences for other in options}
    return {way.cursor + each for each in differences}


def _changes(g: Gen, header: Ref, emitted: int, way: Exit, sizes: Sizes, span: Span) -> set[int]:
    lengths = _lengths(g, header, way, sizes, span)
    before = {0, *lengths} if header.path in g.extracted else {0}
    return {emitted * after - was for was in before for after in (0, *lengths)}


def _lengths(g: Gen, header: Ref, way: Exit, sizes: Sizes, span: Span) -> list[int]:
    """What bits the header can have where it is valid."""
    options: list[Sized] = [()]
    for part in varbits(header):
        options = [((part.path, size),) for size in sizes(part, (way,))]
    return [_bits(g, header, each, span) for each in options]


def _bits(g: Gen, header: Ref, sizes: Sized, span: Span) -> int:
    return sum(leaf.bits for leaf, _ in header_fields(g, header, span, dict(sizes)))


class Sliding:
    """Generates the code of a plan; ``cursor`` is the leaf that holds how much was parsed, in bits."""

    def __init__(self, g: Gen, made: Plan, cursor: Ref, send: Label, span: Span) -> None:
        self._g, self._plan, self._cursor, self._send, self._span = g, made, cursor, send, span
        self._rooms: dict[tuple[int, ...], Label] = {}
        """Where the code for each way of getting another length stands."""

    def run(self) -> None:
        """Measures, makes room, writes, and goes to ``send``."""
        g = self._g
        self._forget()
        write = g.asm.label()
        ends = self._walk(g.asm.label(), lambda header, at, sizes: None)
        for total, label in ends.items():
            g.asm.place(label)
            self._make_room(total, write)
        for label in self._walk(write, self._put).values():
            g.asm.place(label)
            g.asm.goto(self._send)

    def _forget(self) -> None:
        """The kernel's verifier shall not know what decides here: else it follows each way on which it knows something
        else by itself, all of which meet here."""
        g, span = self._g, self._span
        places = [self._cursor] if len(self._plan.totals) > 1 else []
        for header, starts in zip(self._plan.headers, self._plan.starts, strict=True):
            if any(each.without and each.sizes for each in starts.values()):
                places.append(header.valid)
            if any(len(each.sizes) > 1 for each in starts.values()):
                places += [part.size for part in varbits(header)]
        g.hook.zero(g)
        for place in places:
            g.load_leaf(R1, place, span=span)
            g.asm.emit(asm.alu("add", R1, R3))
            g.store_leaf(place, R1)

    def _walk(self, begin: Label, each: Callable[[Ref, int, Sized], None]) -> dict[int, Label]:
        """The headers that are there, in order, each with where it begins; to a label for how long they are in all."""
        g = self._g
        labels = {0: begin}
        for header, starts in zip(self._plan.headers, self._plan.starts, strict=True):
            after: dict[int, Label] = {}
            for at in sorted(starts):
                g.asm.place(labels[at])
                self._header(header, at, starts[at], after, each)
            labels = after
        return labels

    def _header(
        self, header: Ref, at: int, start: _Start, after: dict[int, Label], each: Callable[[Ref, int, Sized], None]
    ) -> None:
        g = self._g

        def behind(end: int) -> Label:
            return after.setdefault(end, g.asm.label())

        if start.without and not start.sizes:
            g.asm.goto(behind(at))
            return
        if start.without:
            g.load_leaf(R1, header.valid, span=self._span)
            g.asm.jump("jeq", R1, 0, behind(at))
        *others, last = sorted(start.sizes)
        for sizes in (*others, last):
            other = g.asm.label()
            if sizes != last:
                ((path, size),) = sizes
                part = next(part for part in varbits(header) if part.path == path)
                g.load_leaf(R1, part.size, span=self._span)
                g.asm.jump("jne", R1, size, other)
            each(header, at, sizes)
            g.asm.goto(behind(at + _bits(g, header, sizes, self._span)))
            g.asm.place(other)

    def _make_room(self, total: int, write: Label) -> None:
        """The frame's start becomes ``total`` bits long, for each length that it can have now."""
        found = [key for key, totals in self._plan.totals.items() if total in totals]
        for_each(
            self._g, self._cursor, found, lambda tagged, cursor: self._resize(total // 8, cursor // 8, tagged, write)
        )

    def _resize(self, size: int, parsed: int, tagged: bool, write: Label) -> None:
        """The first bytes become so many; code is made once for all lengths for which it is the same."""
        g = self._g
        key = (tagged, *resizing(g, size, parsed))
        if key in self._rooms:
            g.asm.goto(self._rooms[key])
            return
        g.asm.place(self._rooms.setdefault(key, g.asm.label()))
        if isinstance(g.hook, XdpHook):
            resize_xdp(g, size, parsed, self._span)
        else:
            resize_tc(g, size, parsed, tagged=tagged)
        g.asm.goto(write)

    def _put(self, header: Ref, at: int, sizes: Sized) -> None:
        g = self._g
        fields: list[tuple[Leaf, int]] = [
            (leaf, at + offset) for leaf, offset in header_fields(g, header, self._span, dict(sizes)) if leaf.bits
        ]
        size = sum(leaf.bits for leaf, _ in fields) // 8
        if not size:
            return
        if isinstance(g.hook, XdpHook):
            put_xdp(g, fields, at // 8, size)
        else:
            put_tc(g, fields, at // 8, size, self._span)


__all__ = ["Plan", "Sliding", "layouts", "plan"]
