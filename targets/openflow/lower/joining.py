"""Ways that differ in numbers only become one: what differs is written to kept numbers, and one node goes on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ....semantics.source import Span
from ...unfold.state import State, Ways
from ...unfold.values import UNKNOWN, Bits, Cube, Record, Stack, Value, known, shape_of
from . import seen
from .context import At, Origin
from .drafts import Write

if TYPE_CHECKING:
    from .machine import FlowMachine


def joined(m: FlowMachine, ways: Ways, span: Span) -> Ways:
    """The ways with those brought together that can be; each keeps the place of its first."""
    if not any(way.flow == "run" for way in ways):
        return ways
    names = set.intersection(*(set(way.variables) for way in ways if way.flow == "run"))  # others are out of scope
    shapes = [_shape(way, names) if way.flow == "run" else None for way in ways]
    groups: dict[object, list[State]] = {}
    for way, shape in zip(ways, shapes, strict=True):
        if shape is not None:
            groups.setdefault(shape, []).append(way)
    found: Ways = []
    for way, shape in zip(ways, shapes, strict=True):
        group = [way] if shape is None else groups.pop(shape, [])
        if group:
            found.append(group[0] if len(group) == 1 else _Join(m, group, names, span).done())
    return found


def can_be_kept(bit: int) -> bool:
    """Whether a register can hold it: not what the switch does not see, or has still to compute."""
    return bit != UNKNOWN and not seen.is_hidden(bit) and not seen.is_computed(bit)


def _shape(way: State, names: Iterable[str]) -> object:
    variables = tuple((name, shape_of(way.variables[name], _bits_shape)) for name in sorted(names))
    return way.cursor, way.taken, way.error, way.checksum_seen, variables


def _bits_shape(bits: Bits) -> object:
    return tuple(None if can_be_kept(bit) else bit for bit in bits)


class _Join:
    """One node for several ways."""

    def __init__(self, m: FlowMachine, ways: Ways, names: Iterable[str], span: Span) -> None:
        self.m = m
        self.ways = ways
        self.names = sorted(names)
        self.span = span
        self.writes: list[list[Write]] = [[] for _ in ways]
        self.made: dict[tuple[Bits, ...], Bits] = {}
        self.sources: list[dict[int, int]] = [{} for _ in ways]

    def done(self) -> State:
        """The way that they become; their flows are left in their nodes."""
        first = self.ways[0]
        variables = {name: self._value([w.variables[name] for w in self.ways]) for name in self.names}
        origin: Origin = [(way.cube, sources) for way, sources in zip(self.ways, self.sources, strict=True)]
        self.m.flows.origins |= dict.fromkeys(self.sources[0], origin)
        node = self.m.node("ways together")
        for way, writes in zip(self.ways, self.writes, strict=True):
            self.m.leave(way, writes, node, self.span)
        bits = _common([w.cube.bits for w in self.ways])
        length = min(w.cube.length for w in self.ways)
        never = tuple(n for n in first.cube.never if all(n in w.cube.never for w in self.ways[1:]))
        cube = Cube(bits, length, never)
        return replace(first, cube=cube, variables=variables, order=(), at=At(node, bits, length))

    def _value(self, values: Sequence[Value]) -> Value:
        first = values[0]
        if isinstance(first, Stack):
            parts = [self._value([v.items[i] for v in values if isinstance(v, Stack)]) for i in range(len(first.items))]
            return replace(first, items=tuple(parts))
        if isinstance(first, Record):
            if first.valid is False:
                return first
            names = first.fields
            return replace(
                first, fields={n: self._value([v.fields[n] for v in values if isinstance(v, Record)]) for n in names}
            )
        return self._number([v for v in values if isinstance(v, tuple)])

    def _number(self, numbers: Sequence[Bits]) -> Bits:
        if all(n == numbers[0] for n in numbers):
            return numbers[0]
        if all(can_be_kept(bit) for n in numbers for bit in n):
            return self._kept(tuple(numbers))
        places = [i for i in range(len(numbers[0])) if any(n[i] != numbers[0][i] for n in numbers)]
        kept = self._kept(tuple(tuple(n[i] for i in places) for n in numbers))
        found = list(numbers[0])
        for place, bit in zip(places, kept, strict=True):
            found[place] = bit
        return tuple(found)

    def _kept(self, numbers: tuple[Bits, ...]) -> Bits:
        """A kept number that each way writes its own to; the same one for the same numbers."""
        if numbers in self.made:
            return self.made[numbers]
        context = self.m.flows
        kept = context.keep(len(numbers[0]))
        for way, bits, writes, sources in zip(self.ways, numbers, self.writes, self.sources, strict=True):
            resolved = way.cube.resolve(bits)
            sources |= dict(zip(kept.bits, resolved, strict=True))
            writes.append(Write(kept, resolved if known(resolved) is not None else bits))
            kept.possible.add(context.possible(resolved))
        self.made[numbers] = kept.bits
        return kept.bits


def _common(all_bits: Sequence[Mapping[int, bool]]) -> dict[int, bool]:
    common = set(all_bits[0].items())
    for bits in all_bits[1:]:
        common &= set(bits.items())
    return dict(common)
