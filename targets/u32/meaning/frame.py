"""The frame as the classifier sees it: after ``eth_type_trans`` and ``skb_vlan_untag``, before any filter.

Offset 0 is the network header, offset -14 the Ethernet header. An outer VLAN tag has been taken out of the data
(``skb_vlan_untag`` in ``net/core/skbuff.c``), so the bytes before it stand four bytes later in memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.behaviour import LENGTH, byte, input_bytes
from ....semantics.source import Span, Unsupported
from ...tc.meaning.packet import ETH_HLEN, ETH_ZLEN, TAG_NEEDS, TYPE, VLAN_HLEN, protocol_of
from ...tc.meaning.packet import length_at_least as at_least
from .offsets import BITS, Offset, fixed, selected

_HEADROOM: Final = 3
"""Bytes before the frame that a load may touch if its mask leaves them out (drivers reserve 32 or more)."""
LOWEST: Final = -ETH_HLEN - _HEADROOM
"""Where a load may begin at the lowest."""
_MAX_HEADROOM: Final = 0x10000
"""No frame has more bytes before its network header: ``skb->network_header`` is 16 bits."""


def protocol() -> Term:
    """``skb_protocol(skb, false)``: the outer tag's type, or what ``eth_type_trans`` makes of the frame (16 bits)."""
    return protocol_of(TYPE, input_bytes(14, 2), at_least(16))


@dataclass(frozen=True, slots=True)
class Load:
    """Some bytes of the frame: whether they are there, and the term (arbitrary where they are not)."""

    ok: Term
    word: Term


class Frame:
    """Loads from a frame that is, or is not, tagged; ``max_length`` bounds its length on the wire."""

    def __init__(self, *, tagged: bool, max_length: int) -> None:
        self.tagged = tagged
        self.max_length = max_length
        self._network = ETH_HLEN + VLAN_HLEN * tagged
        self._min_length = TAG_NEEDS if tagged else ETH_ZLEN

    def longer_than(self, offset: Offset) -> Term:
        """``offset < skb->len``."""
        return self._reaches(offset, 1)

    def load(self, base: Offset, displacement: int, count: int, mask: int, span: Span, *, checked: bool) -> Load:
        """``skb_header_pointer`` for ``count`` bytes of which only those in ``mask`` matter.

        ``checked``: below any headroom the load fails (the test that ``u32_classify`` makes for keys).

        Raises:
            Unsupported: the load may read from memory before the frame.
        """
        lowest = -ETH_HLEN - min(self._masked_out(mask, count), _HEADROOM)
        words = []
        for value, condition in base.choices:
            at = _int32(value + displacement)
            if lowest <= at <= self.max_length:
                words.append((condition, at))
            elif at < lowest and not (checked and at < -_MAX_HEADROOM):
                raise Unsupported(f"a load {-at - ETH_HLEN} bytes before the frame", span)
        if not words:
            return Load(FALSE, b.bv(0, 8 * count))
        word = selected([(condition, self._bytes(at, count)) for condition, at in words])
        if len(words) == len(base.values):
            return Load(self._reaches(base, displacement + count), word)
        ends = [b.and_(condition, self._reaches(fixed(0), at + count)) for condition, at in words]
        return Load(b.or_(*ends), word)

    @staticmethod
    def _masked_out(mask: int, count: int) -> int:
        """How many of the first bytes the mask leaves out (never all of them)."""
        return min(count - 1, count - (mask.bit_length() + 7) // 8)

    def _reaches(self, base: Offset, end: int) -> Term:
        """Whether the data from the network header on has ``base + end`` bytes or more."""
        lengths = [self._network + value + end for value in base.values]
        if lengths[-1] <= self._min_length:
            return TRUE
        if lengths[0] > self.max_length:
            return FALSE
        if len(lengths) == 1:
            return at_least(lengths[0])
        return b.uge(b.zext(LENGTH, BITS), b.add(base.term, b.bv(self._network + end, BITS)))

    def _bytes(self, at: int, count: int) -> Term:
        return b.concat(*(self._byte(at + i) for i in range(count)))

    def _byte(self, at: int) -> Term:
        index = ETH_HLEN + at
        if index < 0:
            return b.bv(0, 8)  # masked out
        return byte(index + VLAN_HLEN if self.tagged and index >= 12 else index)


def _int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
