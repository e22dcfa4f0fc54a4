"""Meters: what is above a rate is dropped by the switch, so the program goes on with what is not.

A meter of the program is asked in a flow of its own for each cell that it may be (``meter:N``), and the way goes on
with green. That needs the program to drop what is red, which is seen by walking it with red as well: then every way
that has passed a meter has to end dropped. Yellow, what is between two rates, does not come: a band of OpenFlow has one
rate.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from ....semantics import ir
from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ...unfold.expressions import Valued, as_bits, evaluate
from ...unfold.machine import Machine
from ...unfold.places import store
from ...unfold.state import State
from ...unfold.values import ONE, ZERO, Bits, equals, known, number, width_of
from ..artifact import Band, Meter
from .context import At

if TYPE_CHECKING:
    from .machine import FlowMachine

METERED: Final = "/metered"
"""A variable of no block: whether a way has passed a meter (one bit)."""
NOT_METERED: Final = number(0, 1)
GREEN, RED = 0, 2
UNLIMITED: Final = 0xFFFFFFFF
"""The rate of a meter to which the control plane has given none: like BMv2's, it lets everything pass."""


@dataclass
class Metering:
    """The meters that a program asks.

    ``colour``: what all of them answer in this walk.
    """

    colour: int
    in_ingress: bool = False
    """Whether ingress is walked now."""
    place: Span = NOWHERE
    """Where a meter was asked last."""
    numbers: dict[tuple[str, int], Meter] = field(default_factory=dict)
    """Meter and cell → the switch's meter."""

    def ask(self, m: Machine, call: ir.ExternCall, state: State) -> Valued:
        """``execute_meter(index, result)``. Raises CannotOffload."""
        from .machine import FlowMachine

        assert isinstance(m, FlowMachine)
        index, result = call.args
        assert index is not None
        assert result is not None
        self.place = call.span
        if not self.in_ingress:
            raise CannotOffload("a meter outside of ingress", call.span)
        if known(state.cube.resolve(as_bits(state.variables[METERED], call.span))) != 0:
            raise CannotOffload("a second meter for one packet", call.span)
        found: Valued = []
        for s, value in evaluate(m, index, state):
            after = self._passed(m, call, s, s.cube.resolve(as_bits(value, call.span)))
            width = width_of(result.type, call.span)
            found.append((store(m, after, result, number(self.colour, width)), ()))
        return found

    def _passed(self, m: FlowMachine, call: ir.ExternCall, state: State, index: Bits) -> State:
        """The way behind the meter: a flow for each cell leads there."""
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

    def _meter(self, m: FlowMachine, call: ir.ExternCall, cell: int) -> Meter:
        assert call.object is not None
        given = dict(m.context.program.instance(call.object).args)
        size, kind = given.get("size"), given.get("type")
        if not isinstance(size, ir.Const) or not isinstance(size.value, int) or cell >= size.value:
            raise CannotOffload(f"cell {cell} of {call.object}, which it may not have", call.span)
        there = self.numbers.get((call.object, cell))
        if there is None:
            made = Meter(len(self.numbers) + 1, (Band("drop", UNLIMITED),), span=call.span)
            by_packets = isinstance(kind, ir.Const) and kind.value == "packets"
            there = self.numbers[call.object, cell] = replace(made, unit="pktps") if by_packets else made
        return there

    def ended(self, way: State, *, sent: bool) -> None:
        """A way ends. Raises CannotOffload where one that is above a rate is sent."""
        if self.colour == RED and sent and known(way.cube.resolve(as_bits(way.variables[METERED], self.place))) != 0:
            raise CannotOffload("what is above a meter's rate is not dropped", self.place)


__all__ = ["GREEN", "METERED", "NOT_METERED", "RED", "Metering"]
