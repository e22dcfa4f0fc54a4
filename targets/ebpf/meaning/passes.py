"""Objects whose packets come back (:mod:`..artifact.passes`): one pass, whichever it is.

The pass program begins in two ways: called by the attached program, for a packet that comes in; or by itself, for any
packet that may have come back, with anything in the element that goes along. Where it calls itself the pass ends. That
is right for any number of passes because every packet that comes back is one with which the second way begins, and this
is looked after here: nothing but the frame and the element may differ from what they were when the pass began.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import PORT, Case, Output, input_bytes
from ..artifact.passes import AGAIN, CARRIED, CARRIED_IN, CARRIED_OUT
from ..artifact.program import MapDef
from ..artifact.shortest import ETH_HLEN
from . import elements
from .hooks import HookName, Start, begun, finish_frame
from .state import Layout, State, Vlan, both, shorter_than

if TYPE_CHECKING:
    from .machine import Machine

_BACK: Final = "back"
"""The field that says that the pass has ended with the packet coming back."""
_ANYTHING: Final = {"protocol": 16, "l2": 16}
"""Fields that a pass may leave changed: what the next one finds there is anything."""
_TAG_BYTES: Final = 4
_CALLS: Final = "tail calls"
_NEVER_SENT: Final = {"tc": 2, "tcx": 2, "xdp": 1}
"""TC_ACT_SHOT, XDP_DROP."""


@dataclass(frozen=True, slots=True)
class Passes:
    """What is known of such an object."""

    hook: HookName
    program: str
    """The pass program."""
    carried: MapDef
    shortest: int
    """Bytes that every frame has at the beginning of a pass."""
    tagless: bool
    """Whether no frame comes in with a VLAN tag."""

    def starts(self, machine: Machine) -> list[State]:
        """The states in which the pass program calls itself; stores are left to the caller."""
        whole = b.and_(came_back(), b.not_(shorter_than(self.shortest)))
        if self.hook == "xdp":
            return [self._entered(machine, begun(whole, Layout(), self.shortest, None, None))]
        protocol = machine.given("protocol", 16, "the protocol that the kernel takes a packet for that came back")
        if self.tagless:
            return [self._entered(machine, begun(whole, Layout(), self.shortest, None, protocol))]
        least = max(self.shortest, ETH_HLEN + _TAG_BYTES)
        where = machine.given("beside", 0, "whether the tag of a packet that came back lies beside the data")
        kind = input_bytes(12, 2)
        tagged = b.or_(b.eq(kind, b.bv(0x8100, 16)), b.eq(kind, b.bv(0x88A8, 16)))
        beside = b.and_(where, b.not_(shorter_than(least)), tagged)
        inside = begun(b.and_(whole, b.not_(beside)), Layout(), self.shortest, None, protocol)
        layout = Layout(tuple(input_bytes(i, 1) for i in range(12)), 12 + _TAG_BYTES, beside=_TAG_BYTES)
        vlan = Vlan(kind, input_bytes(14, 2))
        outside = begun(b.and_(whole, beside), layout, least, vlan, protocol)
        return [self._entered(machine, state) for state in (inside, outside)]

    def _entered(self, machine: Machine, state: State) -> State:
        state.slot = machine.entries[self.program]
        state.counts = {_CALLS: 1}
        state.fields[_BACK] = b.bv(0, 1)
        if self.hook != "xdp":
            state.fields["l2"] = machine.given("l2", 16, "the length of the MAC header of a packet that came back")
        return state

    def fill(self, state: State) -> None:
        """What has been left for the pass in the element, for a state of :meth:`starts`."""
        elements.overwrite(state, self.carried, b.var(CARRIED_IN, 8 * self.carried.value_size))

    def comes_back(self, machine: Machine, state: State, name: str) -> bool:
        """Whether a tail call to program ``name`` at the state's place ends the pass.

        Raises Unsupported where more is left to the next pass than it is said to begin with.
        """
        if name != self.program or state.slot < machine.entries[self.program]:
            return False
        reason = self._left(state)
        if reason:
            raise machine.unsupported(state, f"a packet that comes back {reason}")
        return True

    def _left(self, state: State) -> str:
        wire = state.layout.delta + (_TAG_BYTES if state.vlan is not None else 0)
        first = begun(b.TRUE, Layout(), self.shortest, None, None if self.hook == "xdp" else b.bv(0, 16)).fields
        changed = [n for n, term in state.fields.items() if n not in (*_ANYTHING, _BACK) and term is not first.get(n)]
        if state.frames:
            return "from within a function"
        if not state.layout.open_ended:
            return "changed at its end"
        if changed:
            return f"with its {changed[0]} changed"
        if state.shortest + wire < self.shortest:
            return f"perhaps with less than {self.shortest} bytes"
        if self.hook == "xdp" and wire > 0:
            return "longer than it came (the room in front of a frame ends)"
        return "with a VLAN tag beside its data" if self.tagless and state.vlan is not None else ""

    def ended(self, state: State) -> State:
        """The end of a pass whose packet comes back."""
        state.memory.pop("stack 0", None)
        state.regs = [b.bv(_NEVER_SENT[self.hook], 64), *[None] * 10]
        state.fields[_BACK] = b.bv(1, 1)
        state.slot = -1
        return state

    def told(self, state: State, case: Case) -> Case:
        """The case of an ended state with the packet that comes back, and without what is left in the element."""
        back = b.to_bool(state.fields.get(_BACK, b.bv(0, 1)))
        held = elements.after(self.carried, state)
        packet = finish_frame(state)
        output = Output(back, "recirculate", PORT, packet, metadata={CARRIED_OUT: held})
        sent = (*case.outputs, output) if back is not b.FALSE else case.outputs
        cells = {name: term for name, term in case.state.items() if name != f"map.{CARRIED}"}
        return replace(case, outputs=sent, state=cells)


def came_back() -> Term:
    """That the packet has come back."""
    return b.to_bool(b.var(AGAIN, 1))


def first_time(begin: Start) -> Start:
    """What the kernel does to a frame that comes in, with this said."""
    first = b.not_(came_back())
    for state in begin.states:
        state.guard = both(state.guard, first)
        state.fields[_BACK] = b.bv(0, 1)
    return Start(begin.states, [replace(case, guard=both(case.guard, first)) for case in begin.cases])


__all__ = ["Passes", "came_back", "first_time"]
