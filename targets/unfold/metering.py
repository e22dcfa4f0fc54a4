"""Meters of v1model on machines that drop what is above a rate: the program goes on with what is not.

That needs the program to drop what is red, which is seen by walking it with red as well: then every way that has passed
a meter has to end dropped. Yellow, what is between two rates, does not come.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final

from ...semantics import ir
from ...semantics.source import NOWHERE, Span
from ..base import CannotOffload
from .expressions import Valued, as_bits, evaluate
from .machine import Machine
from .places import store
from .state import State
from .values import Bits, known, number, width_of

METERED: Final = "/metered"
"""A variable of no block: whether a way has passed a meter (one bit)."""
NOT_METERED: Final = number(0, 1)
GREEN, RED = 0, 2


@dataclass
class Metering(ABC):
    """The meters that a program asks.

    ``colour``: what all of them answer in this walk.
    """

    colour: int
    in_ingress: bool = False
    """Whether ingress is walked now."""
    place: Span = NOWHERE
    """Where a meter was asked last."""

    def ask(self, m: Machine, call: ir.ExternCall, state: State) -> Valued:
        """``execute_meter(index, result)``. Raises CannotOffload."""
        index, result = call.args
        assert index is not None
        assert result is not None
        self.place = call.span
        if not self.in_ingress:
            raise CannotOffload("a meter outside of ingress", call.span)
        if self._metered(state) != 0:
            raise CannotOffload("a second meter for one packet", call.span)
        found: Valued = []
        for s, value in evaluate(m, index, state):
            after = self.passed(m, call, s, s.cube.resolve(as_bits(value, call.span)))
            if after is not None:
                width = width_of(result.type, call.span)
                found.append((store(m, after, result, number(self.colour, width)), ()))
        return found

    @abstractmethod
    def passed(self, m: Machine, call: ir.ExternCall, state: State, index: Bits) -> State | None:
        """The way behind the meter, :data:`METERED`; None if another one goes on for it. Raises CannotOffload."""

    def by_packets(self, m: Machine, call: ir.ExternCall, cell: int) -> bool:
        """Whether a cell counts packets, and not bytes. Raises CannotOffload: there may be no such cell."""
        assert call.object is not None
        given = dict(m.context.program.instance(call.object).args)
        size, kind = given.get("size"), given.get("type")
        if not isinstance(size, ir.Const) or not isinstance(size.value, int) or cell >= size.value:
            raise CannotOffload(f"cell {cell} of {call.object}, which it may not have", call.span)
        return isinstance(kind, ir.Const) and kind.value == "packets"

    def ended(self, way: State, *, sent: bool) -> None:
        """A way ends. Raises CannotOffload where one that is above a rate is sent."""
        if self.colour == RED and sent and self._metered(way) != 0:
            raise CannotOffload("what is above a meter's rate is not dropped", self.place)

    def _metered(self, way: State) -> int | None:
        return known(way.cube.resolve(as_bits(way.variables[METERED], self.place)))
