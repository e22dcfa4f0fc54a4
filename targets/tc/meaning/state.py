"""A packet on its way through filters: what it is, what was sent of it, and how its way ended."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ....semantics import bits as b
from ....semantics.bits import TRUE, Term
from ....semantics.meaning.behaviour import Destination, Event, Output, Packet
from ....semantics.meaning.sent import Sent, merge_sent
from .edited import CAME, Edited
from .packet import VLAN_HLEN, VLAN_TYPES, Skb, is_one_of, received
from .tracked import UNTRACKED, Tracked, merged_events
from .tunnel import NO_TUNNEL

NONE = b.bv(0, 32)
SAMPLE = "sample"
"""The event of a packet that is sampled: one in how many, the group, whether it is truncated, and to how many bytes."""
_NEVER_TAGGED = received(tagged=False).protocol


@dataclass(frozen=True, slots=True)
class State:
    """``skb``: None once the way has ended; then class id, what is edited and what is known of its connection are those
    of what went to the stack (as it came, if nothing did)."""

    skb: Skb | None
    sent: Sent = ()
    classid: Term = NONE
    edited: Edited = CAME
    beside: tuple[str, ...] = ()
    """What is told of frames that are sent: the same names on all ways."""
    tracked: Tracked = UNTRACKED
    events: tuple[Event, ...] = ()
    """What connection tracking was told, and what was sampled."""

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
            self.edited.merged(condition, other.edited),
            self.beside,
            self.tracked.merged(condition, other.tracked),
            merged_events(condition, self.events, other.events),
        )

    @property
    def packet(self) -> Skb:
        """The packet, which is still on its way."""
        assert self.skb is not None
        return self.skb

    def sending(self, to: Destination, port: Term, when: Term = TRUE) -> State:
        """A copy of the frame as it is leaves, where the condition holds."""
        return self._sending(self.packet, to, port, when)

    def _sending(self, skb: Skb, to: Destination, port: Term, when: Term) -> State:
        edited = skb.edited.told() if to == "ingress" else {}
        there = {**edited, **skb.tunnel.told()}
        beside = {name: there[name] for name in self.beside if name in there}
        return replace(self, sent=(*self.sent, Output(when, to, port, skb.packet(), metadata=beside)))

    def sampled(self, group: Term, *, start: int, fields: tuple[Term, ...]) -> State:
        """A copy is told to a group, with probability and length that an event says: from byte ``start`` of the data,
        without the tag that is beside them."""
        skb = self.packet
        there = skb.tunnel.told()
        beside = {name: there[name] for name in self.beside if name in there}
        packet = replace(skb.reaching(start), tag=None)
        told = Packet(packet.head[start:], packet.payload)
        events = (*self.events, Event(TRUE, SAMPLE, fields))
        return replace(self, sent=(*self.sent, Output(TRUE, "sampler", group, told, metadata=beside)), events=events)

    def handed_over(self, port: Term, *, keyed: bool) -> State:
        """A copy is received by a device: ``__netif_receive_skb_core``, which drops what has a tag in its data that is
        cut short (``skb_vlan_untag``). ``keyed``: whether it keeps a tunnel's key, which at egress it does not."""
        skb = self.packet if keyed else replace(self.packet, tunnel=NO_TUNNEL)
        if skb.tag is not None or skb.protocol is _NEVER_TAGGED:
            return self._sending(skb, "ingress", port, TRUE)
        whole = b.or_(b.not_(is_one_of(skb.protocol, VLAN_TYPES)), skb.has(skb.network + VLAN_HLEN + 2))
        return self._sending(skb, "ingress", port, whole)

    def gone(self) -> State:
        """The packet is dropped, or was sent elsewhere."""
        return State(None, self.sent, beside=self.beside, events=self.events)

    def passed(self, classid: Term) -> State:
        """The packet goes on to the stack."""
        skb = self.packet
        sent = self.sending("stack", NONE).sent
        return State(None, sent, classid, skb.edited, self.beside, skb.tracked, self.events)
