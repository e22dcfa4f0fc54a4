"""The walk: what is known beside the frame is where a packet is, so every state of the program is a chain of its own.

Before a statement that applies a table, ways whose variables are the same are brought together in a new node (a chain),
where only that is known of the frame which all of them know. So the entries of a table are filters of one chain for
each state in which packets come to it, and entries that answer the same lead to the same chain.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ....semantics import ir
from ....semantics.source import Span
from ...unfold.applies import applied
from ...unfold.machine import Machine
from ...unfold.state import State, Ways
from ...unfold.values import Cube, shape_of
from . import seen
from .drafts import At, Draft, Node

FEW: Final = 4
"""Entries of a table that is unfolded where it is applied, if but one way comes there."""
_MANY: Final = 64
"""Ways that are brought together before any statement."""


@dataclass
class FlowerMachine(Machine):
    """Walks a block and leaves drafts of filters behind."""

    def place(self, state: State) -> At:
        """Where the way is."""
        assert isinstance(state.at, At)
        return state.at

    def asked(self, state: State) -> dict[int, bool]:
        """What a filter has to ask so that it is for this way only."""
        given = self.place(state).given
        return {bit: value for bit, value in state.cube.bits.items() if bit not in given}

    def leave(self, state: State, draft: Draft) -> None:
        """A filter for packets of this way."""
        self.place(state).node.drafts.append(draft)
        if draft.target is not None:
            draft.target.leads += 1

    def before(self, statement: ir.Stmt, ways: Ways) -> Ways:
        """Ways are brought together before tables, and where they are many."""
        running = sum(way.flow == "run" for way in ways)
        tables = list(applied(statement)) if running else []
        large = any(map(self._is_large, tables))
        if tables or running > _MANY:
            return self.together(ways, statement.span, alone=large)
        return ways

    def branches(self, ways: Sequence[tuple[State, Sequence[ir.Stmt]]]) -> Ways:
        """Ways with the same statements go on together, so that a table behind a table is one chain for all of them;
        each knows its place by its order."""
        bodies = {id(body): body for _, body in ways}
        return [end for key, body in bodies.items() for end in self.run(body, [s for s, b in ways if id(b) == key])]

    def _is_large(self, call: ir.TableApply | ir.BlockApply) -> bool:
        table = self.context.tables.get(call.table) if isinstance(call, ir.TableApply) else None
        return table is None or len(self.context.rules.of(table.control_name)) > FEW

    def together(self, ways: Ways, span: Span, *, alone: bool = False) -> Ways:
        """Running ways with the same variables become one, in a node of its own; each keeps the place of its first.

        Args:
            alone: also a way that is by itself, if something is asked of its packets.
        """
        running = [way for way in ways if way.flow == "run"]
        names = sorted(set.intersection(*(set(way.variables) for way in running))) if running else []
        groups: dict[object, list[State]] = {}
        for way in running:
            groups.setdefault(shape(way, names), []).append(way)
        found: Ways = []
        for way in ways:
            group = [way] if way.flow != "run" else groups.pop(shape(way, names), [])
            if len(group) > 1 or (group and alone and way.flow == "run" and self.asked(way)):
                found.append(self._joined(group, span))
            else:
                found += group
        return found

    def _joined(self, ways: Ways, span: Span) -> State:
        """The way that they become; filters are left that lead to it."""
        node = Node()
        for way in ways:
            self.leave(way, Draft(way.order, self.asked(way), way.cube, (), node, span))
        bits = _common([way.cube.bits for way in ways])
        told = {frozenset(one.items()): one for way in ways for one in seen.telling(way.cube)}
        never = tuple(n for n in ways[0].cube.never if all(n in way.cube.never for way in ways[1:]))
        cube = Cube(bits, min(way.cube.length for way in ways), never, tuple(told.values()))
        return replace(ways[0], cube=cube, order=(), at=At(node, bits))


def shape(way: State, names: Iterable[str]) -> object:
    """What ways must have in common to become one; variables that only some have are out of scope."""
    variables = tuple((name, shape_of(way.variables[name], lambda bits: bits)) for name in names)
    return way.cursor, way.taken, way.error, way.checksum_seen, way.emitted, variables


def _common(all_bits: Iterable[Mapping[int, bool]]) -> dict[int, bool]:
    first, *others = all_bits
    common = set(first.items())
    for bits in others:
        common &= set(bits.items())
    return dict(common)
