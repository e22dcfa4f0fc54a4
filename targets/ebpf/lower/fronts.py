"""The front of a frame at tc gets another length, whatever the frame is.

``bpf_skb_change_head`` puts bytes in front. Of the helpers that take bytes away, ``bpf_skb_adjust_room`` does so for IP
only; ``bpf_skb_vlan_pop`` for any frame, as it does not look at what it takes: four bytes from byte 12 on go out of the
data if the kernel takes the frame for a tagged one (``skb->protocol``), and become the tag beside it; then it is taken
for what the next two bytes say. ``bpf_skb_vlan_push`` puts a tag beside the frame, and the one that was there into the
data, and the frame then is taken for a tagged one. So what is taken out is decided by bytes that are written before:
tag types as far as something shall go, and behind that a type that is none, with which the last one lets go of the tag
beside the frame. Afterwards all of the frame lies in the data, and the kernel takes it for a frame of type
:data:`PLAIN`, which nobody on the wire sees.

Sources: ``skb_vlan_push``, ``skb_vlan_pop``, ``__skb_vlan_pop`` in net/core/skbuff.c; net/core/filter.c.
"""

from __future__ import annotations

from contextlib import ExitStack
from typing import Final

from ..artifact import asm
from ..artifact.asm import R0, R1, R2, R3, R6, R10
from ..artifact.shortest import ETH_HLEN
from .gen import Gen
from .hooks import CHANGE_HEAD, SKB_LOAD_BYTES, SKB_STORE_BYTES, TAG_AT, TAG_BYTES, VLAN_POP, VLAN_PUSH, move_bytes

MOVED: Final = ETH_HLEN
"""Bytes at the front that are not what they were, even at the same distance from the payload, where :func:`resize` says
so: the helpers keep the first twelve where they are, and :data:`PLAIN` was written behind them."""
TAGGED_LEAST: Final = ETH_HLEN + TAG_BYTES
"""Bytes on the wire that a frame has at least whose tag lies beside the data."""
PLAIN: Final = 0x88B5
"""A type that is no tag's (IEEE 802's for local experiments)."""
_TAGGED: Final = 0x8100


def resize(g: Gen, size: int, before: int, *, tagged: bool) -> bool:
    """Make the first ``before`` bytes of the frame on the wire ``size``, which are still to be written; the payload
    behind them stays. If a helper fails, the packet is dropped.

    The frame has 14 bytes before and afterwards. Where ``tagged``, its tag lies beside the data before, and afterwards
    nothing does. The result says whether bytes in front of :data:`MOVED` are not what they were (those that are payload
    are).
    """
    taken = max(0, -((size - before) // TAG_BYTES))
    longer = size - before + TAG_BYTES * taken
    tags = longer // TAG_BYTES if before >= TAG_AT else 0
    if tagged:
        _push(g)  # the tag goes into the data
    _put_in_front(g, longer - TAG_BYTES * tags)
    # Now all of the frame is in the data. What is still missing behind the addresses comes there as tags. The kernel
    # takes the frame for a tagged one if a tag has just gone into the data; else one goes there to be taken out again.
    if not tagged and not taken and not tags:
        return False
    extra = not taken or not tagged
    with ExitStack() as stack:
        payload = ETH_HLEN - size
        place = stack.enter_context(g.buffer(payload)) if payload > 0 else 0
        if payload > 0:
            move_bytes(g, SKB_LOAD_BYTES, before + longer, place, payload)
        for _ in range(tags + extra + (not tagged)):
            _push(g)
        _take(g, taken + extra)
        if payload > 0:
            move_bytes(g, SKB_STORE_BYTES, size, place, payload)
    return True


def put_beside(g: Gen, place: int) -> None:
    """The tag whose four bytes lie on the stack goes beside a frame that has none there."""
    g.asm.emit(asm.load(2, R2, R10, place), asm.load(2, R3, R10, place + 2), asm.to_big_endian(R3, 16))
    g.asm.emit(asm.mov(R1, R6), asm.call(VLAN_PUSH))
    g.asm.jump("jne", R0, 0, g.drop)


def _take(g: Gen, count: int) -> None:
    """Take ``count`` (at least one) times four bytes from :data:`TAG_AT` on out of the data, and what lies beside.

    The kernel takes the frame for a tagged one; which bytes come next, and that none do, is written first.
    """
    size = TAG_BYTES * (count - 1) + 2
    with g.buffer(size) as place:
        for number in range(count - 1):
            g.asm.emit(asm.store(TAG_BYTES, R10, place + TAG_BYTES * number, _network(_TAGGED)))
        g.asm.emit(asm.store(2, R10, place + size - 2, _network(PLAIN)))
        move_bytes(g, SKB_STORE_BYTES, TAG_AT + TAG_BYTES, place, size)
    for _ in range(count + 1):
        _pop(g)


def _network(kind: int) -> int:
    """A type as the host holds it that is in network order."""
    return int.from_bytes(kind.to_bytes(2, "big"), "little")


def _put_in_front(g: Gen, count: int) -> None:
    if count:
        g.asm.emit(asm.mov(R1, R6), asm.mov(R2, count), asm.mov(R3, 0), asm.call(CHANGE_HEAD))
        g.asm.jump("jne", R0, 0, g.drop)


def _push(g: Gen) -> None:
    """A tag that goes away again."""
    g.asm.emit(asm.mov(R1, R6), asm.mov(R2, _network(_TAGGED)), asm.mov(R3, 0), asm.call(VLAN_PUSH))
    g.asm.jump("jne", R0, 0, g.drop)


def _pop(g: Gen) -> None:
    g.asm.emit(asm.mov(R1, R6), asm.call(VLAN_POP))
    g.asm.jump("jne", R0, 0, g.drop)


__all__ = ["MOVED", "PLAIN", "TAGGED_LEAST", "put_beside", "resize"]
