"""The packet as the kernel holds it (``struct sk_buff``) while filters look at it and actions write to it.

Offsets are from where the Ethernet header begins. An outer VLAN tag has been taken out of the data into ``tag``
(``skb_vlan_untag``, ``net/core/skbuff.c``). Where headers begin is fixed in one packet; all else are terms.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.behaviour import LENGTH, Packet, byte, input_bytes
from ....semantics.meaning.sent import each
from .edited import CAME, Edited
from .tracked import UNTRACKED, Tracked
from .tunnel import RECEIVED, Tunnel

ETH_HLEN: Final = 14
ETH_ZLEN: Final = ETH_HLEN
"""The shortest frame that reaches a hook; shorter ones are dropped by every driver."""
VLAN_HLEN: Final = 4
VLAN_TYPES: Final = (0x8100, 0x88A8)
ETH_P_802_3, ETH_P_802_2 = 0x0001, 0x0004
_FIRST_TYPE: Final = 0x0600
TAG_NEEDS: Final = ETH_HLEN + VLAN_HLEN + 2
"""A tag needs two bytes behind it, or the frame is dropped (``skb_vlan_untag`` looks at them)."""
MACS: Final = 12

Tag = tuple[Term, Term]
"""A tag's protocol and TCI, 16 bits each."""


def length_at_least(length: int) -> Term:
    """Whether the frame on the wire has that many bytes."""
    if length <= 0:
        return TRUE
    return FALSE if length > 0xFFFF else b.uge(LENGTH, b.bv(length, 16))


TYPE: Final = input_bytes(12, 2)
TAGGED: Final = b.or_(*(b.eq(TYPE, b.bv(kind, 16)) for kind in VLAN_TYPES))
WHOLE_TAG: Final = length_at_least(TAG_NEEDS)


def protocol_of(kind: Term, first: Term, there: Term) -> Term:
    """What ``eth_type_trans`` and ``vlan_set_encap_proto`` make of a type or length field; ``first``: the two bytes
    behind it, if they are ``there``."""
    novell = b.and_(there, b.eq(first, b.bv(0xFFFF, 16)))
    length_field = b.ite(novell, b.bv(ETH_P_802_3, 16), b.bv(ETH_P_802_2, 16))
    return b.ite(b.ult(kind, b.bv(_FIRST_TYPE, 16)), length_field, kind)


def is_one_of(term: Term, numbers: tuple[int, ...]) -> Term:
    """Whether a bit-vector is one of some numbers."""
    return b.or_(*(b.eq(term, b.bv(number, term.width)) for number in numbers))


@dataclass(frozen=True, slots=True)
class Skb:
    """``head``: the first bytes, then the input frame from byte ``payload`` on. A packet whose head is longer than the
    input's first ``payload`` bytes were is only for inputs that have so many."""

    head: tuple[Term, ...]
    payload: int
    network: int
    """Where the network header begins; ``skb->data`` points there at ingress."""
    mac_len: int
    tag: Tag | None
    protocol: Term
    """``skb->protocol``: that of the data, without ``tag``."""
    edited: Edited
    tunnel: Tunnel
    tracked: Tracked

    @property
    def shape(self) -> tuple[object, ...]:
        """Packets of one shape can be merged."""
        requests = self.tracked.requests
        return len(self.head), self.payload, self.network, self.mac_len, self.tag is None, requests

    def merged(self, condition: Term, other: Skb) -> Skb:
        """This packet where the condition holds, else the other, of the same shape."""
        if self is other:
            return self
        tag = self.tag
        if tag is not None and other.tag is not None:
            tag = (b.ite(condition, tag[0], other.tag[0]), b.ite(condition, tag[1], other.tag[1]))
        return replace(
            self,
            head=each(condition, self.head, other.head),
            tag=tag,
            protocol=b.ite(condition, self.protocol, other.protocol),
            edited=self.edited.merged(condition, other.edited),
            tunnel=self.tunnel.merged(condition, other.tunnel),
            tracked=self.tracked.merged(condition, other.tracked),
        )

    # --- reading ---

    def has(self, count: int) -> Term:
        """Whether the data has so many bytes."""
        return TRUE if count <= len(self.head) else length_at_least(count - len(self.head) + self.payload)

    def byte(self, index: int) -> Term:
        """A byte; only meaningful where the data has it."""
        return self.head[index] if index < len(self.head) else byte(index - len(self.head) + self.payload)

    def bytes(self, start: int, count: int) -> Term:
        """Some bytes as one number, the first one highest."""
        return b.concat(*(self.byte(start + i) for i in range(count)))

    @property
    def outer(self) -> Term:
        """``skb_protocol(skb, false)``: the tag's protocol, or that of the data."""
        return self.protocol if self.tag is None else self.tag[0]

    def packet(self) -> Packet:
        """The frame as it leaves: the tag is in its place again."""
        if self.tag is None:
            return Packet(self.head, self.payload)
        whole = self.reaching(MACS)
        tag = tuple(byte for part in self.tag for byte in b.chunks(part, 8))
        return Packet((*whole.head[:MACS], *tag, *whole.head[MACS:]), whole.payload)

    # --- writing ---

    def reaching(self, count: int) -> Skb:
        """The same with a head of ``count`` bytes or more; the data must have them."""
        more = count - len(self.head)
        if more <= 0:
            return self
        taken = tuple(byte(self.payload + i) for i in range(more))
        return replace(self, head=self.head + taken, payload=self.payload + more)

    def written(self, start: int, value: Term, when: Term = TRUE) -> Skb:
        """With these bytes where the condition holds; the data must have them. Bytes before the frame are lost."""
        parts = b.chunks(value, 8)
        found = self.reaching(start + len(parts))
        head = list(found.head)
        for i, new in enumerate(parts, start):
            if i >= 0:
                head[i] = b.ite(when, new, head[i])
        return replace(found, head=tuple(head))

    def inserted(self, at: int, value: Term) -> Skb:
        """With these bytes more at ``at``; the data must have so many."""
        found = self.reaching(at)
        return replace(found, head=(*found.head[:at], *b.chunks(value, 8), *found.head[at:]))

    def removed(self, at: int, count: int) -> Skb:
        """Without ``count`` bytes at ``at``; the data must have them."""
        found = self.reaching(at + count)
        return replace(found, head=found.head[:at] + found.head[at + count :])


def received(*, tagged: bool) -> Skb:
    """The packet as it comes to the ingress hook: after ``eth_type_trans`` and ``skb_vlan_untag``.

    ``tagged``: whether its type is one of :data:`VLAN_TYPES` (then the tag is whole, see :data:`TAG_NEEDS`).
    """
    came = (CAME, RECEIVED, UNTRACKED)
    if not tagged:
        kind = protocol_of(TYPE, input_bytes(14, 2), length_at_least(16))
        return Skb((), 0, ETH_HLEN, ETH_HLEN, None, kind, *came)
    kind = protocol_of(input_bytes(16, 2), input_bytes(18, 2), TRUE)
    macs = tuple(byte(i) for i in range(MACS))
    return Skb(macs, 16, ETH_HLEN, ETH_HLEN, (TYPE, input_bytes(14, 2)), kind, *came)
