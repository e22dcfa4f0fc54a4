"""Meters as ``police``: each cell is a chain with one filter, so that all of its packets are counted together.

The chain's filter drops what is above the rate (:mod:`...unfold.metering`); all else goes on in the chain behind it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from ...tc.artifact.actions import DROP, PIPE, Police
from ...unfold.machine import Machine
from ...unfold.metering import METERED, Metering
from ...unfold.state import State
from ...unfold.values import ONE, Bits, Cube, known
from .drafts import At, Draft, Node

UNLIMITED: Final[Mapping[bool, tuple[tuple[str, str], ...]]] = {
    False: (("rate", "4gbps"), ("burst", "16mb"), ("mtu", "65535b")),
    True: (("pkts_rate", "4294967295"), ("pkts_burst", "1000000")),
}
"""By whether packets are counted: the rate of a meter to which the control plane has given none. Like BMv2's, it lets
everything pass: 4 * 10**9 bytes per second, as much as fits 32 bits of ``struct tc_ratespec``."""


@dataclass
class Policing(Metering):
    """The meters that a program asks, as police actions."""

    cells: dict[tuple[str, int], tuple[object, Node]] = field(default_factory=dict)
    """Meter and cell → what was known there, and the chain."""

    def passed(self, m: Machine, call: ir.ExternCall, state: State, index: Bits) -> State | None:
        """See :meth:`Metering.passed`: entries that ask one cell lead to its one chain.

        Raises:
            CannotOffload: the cell is not known, or is asked in several states of the program.
        """
        from .machine import FlowerMachine, shape

        assert isinstance(m, FlowerMachine)
        assert call.object is not None
        cell = known(index)
        if cell is None:
            raise CannotOffload("a meter whose index is taken from the frame or computed", call.span)
        limits = UNLIMITED[self.by_packets(m, call, cell)]
        place = m.place(state)
        now = (place.node, shape(state, sorted(state.variables)))
        before, node = self.cells.get((call.object, cell), (now, Node()))
        if before != now:
            raise CannotOffload("a meter that is asked in several states: each would count by itself", call.span)
        m.leave(state, Draft(state.order, m.asked(state), state.cube, (), node, call.span))
        if (call.object, cell) in self.cells:
            return None
        self.cells[call.object, cell] = now, node
        behind, cube = Node(), Cube(place.given, state.cube.length)
        node.drafts.append(Draft((), {}, cube, (Police(limits, DROP, PIPE),), behind, call.span))
        after = replace(state, cube=cube, order=(), at=At(behind, place.given))
        return after.set(METERED, (ONE,))
