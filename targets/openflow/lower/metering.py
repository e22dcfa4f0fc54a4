"""Meters of the switch: a meter of the program is asked in a flow of its own for each cell that it may be.

The flow has ``meter:N``, and the way goes on with green (:mod:`...unfold.metering`). A band has one rate:
yellow does not come.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from ...unfold.machine import Machine
from ...unfold.metering import GREEN, METERED, NOT_METERED, RED
from ...unfold.metering import Metering as Meters
from ...unfold.state import State
from ...unfold.values import ONE, ZERO, Bits, equals
from ..artifact import Band, Meter
from .context import At

UNLIMITED: Final = 0xFFFFFFFF
"""The rate of a meter to which the control plane has given none: like BMv2's, it lets everything pass."""


@dataclass
class Metering(Meters):
    """The meters that a program asks, as those of the switch."""

    numbers: dict[tuple[str, int], Meter] = field(default_factory=dict)
    """Meter and cell → the switch's meter."""

    def passed(self, m: Machine, call: ir.ExternCall, state: State, index: Bits) -> State:
        """The way behind the meter: a flow for each cell leads there. Raises CannotOffload."""
        from .machine import FlowMachine

        assert isinstance(m, FlowMachine)
        first = next((i for i, bit in enumerate(index) if bit != ZERO), len(index) - 1)  # a cast has put zeros before
        cells = m.flows.possible(index[first:])
        if cells is None:
            raise CannotOffload("a meter whose index is taken from the frame or computed", call.span)
        ways: list[tuple[State, int]] = []
        for cell in sorted(cells):
            wanted = equals(index, cell, (1 << len(index)) - 1, call.span)
            cube = None if wanted is None else m.flows.narrowed(state.cube, wanted)
            if cube is not None:
                ways.append((replace(state, cube=cube), self._meter(m, call, cell).number))
        node = m.node("behind a meter")
        states = m.flows.ordered([way for way, _ in ways])
        for way, (_, meter) in zip(states, ways, strict=True):
            m.leave(way, [], node, call.span, meter=meter)
        behind = At(node, state.cube.bits, state.cube.length)
        return replace(state, order=(), at=behind).set(METERED, (ONE,))

    def _meter(self, m: Machine, call: ir.ExternCall, cell: int) -> Meter:
        by_packets = self.by_packets(m, call, cell)
        assert call.object is not None
        there = self.numbers.get((call.object, cell))
        if there is None:
            made = Meter(len(self.numbers) + 1, (Band("drop", UNLIMITED),), span=call.span)
            there = self.numbers[call.object, cell] = replace(made, unit="pktps") if by_packets else made
        return there


__all__ = ["GREEN", "METERED", "NOT_METERED", "RED", "Metering"]
