"""A packet on its way through filters: what it is, what was sent of it, and how its way ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....semantics import bits as b
from ....semantics.bits import TRUE, Term
from ....semantics.meaning.behaviour import Destination, Output
from ....semantics.meaning.sent import Sent, merge_sent
from .packet import Skb

NONE = b.bv(0, 32)


@dataclass(frozen=True, slots=True)
class State:
    """``skb``: None once the way has ended; then class id, mark and priority are those of what went to the stack."""

    skb: Skb | None
    sent: Sent = ()
    classid: Term = NONE
    mark: Term = NONE
    priority: Term = NONE

    @property
    def shape(self) -> object:
        """States of one shape can be merged; ended ones also if what was sent has one layout."""
        return self.layout if self.skb is None else self.skb.shape

    @property
    def layout(self) -> tuple[tuple[str, int, int], ...]:
        """Where each frame went that was sent, and how it lies on the one that came."""
        return tuple((o.to, o.packet.payload, len(o.packet.prefix)) for o in self.sent)

    def merged(self, condition: Term, other: State) -> State:
        """This state where the condition holds, else the other, of the same shape."""
        if self is other:
            return self
        skb = self.skb
        if skb is not None and other.skb is not None:
            skb = skb.merged(condition, other.skb)
        return State(
            skb,
            merge_sent(condition, self.sent, other.sent),
            b.ite(condition, self.classid, other.classid),
            b.ite(condition, self.mark, other.mark),
            b.ite(condition, self.priority, other.priority),
        )

    @property
    def packet(self) -> Skb:
        """The packet, which is still on its way."""
        assert self.skb is not None
        return self.skb

    def sending(self, to: Destination, port: Term) -> State:
        """A copy of the frame as it is leaves."""
        return replace(self, sent=(*self.sent, Output(TRUE, to, port, self.packet.packet())))

    def gone(self) -> State:
        """The packet is dropped, or was sent elsewhere."""
        return State(None, self.sent)

    def passed(self, classid: Term) -> State:
        """The packet goes on to the stack."""
        skb = self.packet
        return State(None, self.sending("stack", NONE).sent, classid, skb.mark, skb.priority)
