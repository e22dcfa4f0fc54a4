"""The frame as the classifier sees it: as it was received, or as actions have left it.

Offset 0 is the network header. An outer VLAN tag is not in the data (``skb_vlan_untag`` in ``net/core/skbuff.c``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.behaviour import LENGTH
from ....semantics.source import Span, Unsupported
from ...tc.meaning.packet import ETH_HLEN, ETH_ZLEN, TAG_NEEDS, Skb
from ...tc.meaning.packet import length_at_least as at_least
from .offsets import BITS, Offset, fixed, selected

_HEADROOM: Final = 3
"""Bytes before the frame that a load may touch if its mask leaves them out (drivers reserve 32 or more)."""
LOWEST: Final = -ETH_HLEN - _HEADROOM
"""Where a load may begin at the lowest."""
_MAX_HEADROOM: Final = 0x10000
"""No frame has more bytes before its network header: ``skb->network_header`` is 16 bits."""


@dataclass(frozen=True, slots=True)
class Load:
    """Some bytes of the frame: whether they are there, and the term (arbitrary where they are not)."""

    ok: Term
    word: Term


class Frame:
    """Loads from a packet that was received, with or without a tag, as a frame of at most ``max_length`` bytes."""

    def __init__(self, skb: Skb, *, tagged: bool, max_length: int) -> None:
        self.skb = skb
        self.max_length = max_length
        self._network = skb.network + skb.payload - len(skb.head)
        """What a place in the data has more than the input's length needs to have for it to be there."""
        self._min_length = max(TAG_NEEDS if tagged else ETH_ZLEN, skb.payload)
        self._last = max_length + len(skb.head)

    def longer_than(self, offset: Offset) -> Term:
        """``offset < skb->len``."""
        return self._reaches(offset, 1)

    def load(self, base: Offset, displacement: int, count: int, mask: int, span: Span, *, checked: bool) -> Load:
        """``skb_header_pointer`` for ``count`` bytes of which only those in ``mask`` matter.

        ``checked``: below any headroom the load fails (the test that ``u32_classify`` makes for keys).

        Raises:
            Unsupported: the load may read from memory before the frame.
        """
        lowest = -self.skb.network - min(self._masked_out(mask, count), _HEADROOM)
        words = []
        for value, condition in base.choices:
            at = _int32(value + displacement)
            if lowest <= at <= self._last:
                words.append((condition, at))
            elif at < lowest and not (checked and at < -_MAX_HEADROOM):
                raise Unsupported(f"a load {-at - self.skb.network} bytes before the frame", span)
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
        if lengths[0] < 0:
            reached = zip(base.choices, lengths, strict=True)
            return b.or_(*(b.and_(condition, at_least(length)) for (_, condition), length in reached))
        return b.uge(b.zext(LENGTH, BITS), b.add(base.term, b.bv(self._network + end, BITS)))

    def _bytes(self, at: int, count: int) -> Term:
        return b.concat(*(self._byte(at + i) for i in range(count)))

    def _byte(self, at: int) -> Term:
        index = self.skb.network + at
        return b.bv(0, 8) if index < 0 else self.skb.byte(index)  # masked out


def _int32(value: int) -> int:
    value &= 0xFFFFFFFF
    return value - (1 << 32) if value >> 31 else value
