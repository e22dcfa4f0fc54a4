"""How packets end: bytes that are counted from the end of one of any length.

``pkt.last[K]`` (8 bits) is the K-th byte of the input frame from its end (the last one is 1), only asked where there
are as many. It is the same byte as some ``pkt[i]``, which no term says: two sides that read it by different names are
not found equal, though they are.
"""

from __future__ import annotations

import re
from typing import Final

from .. import bits as b
from ..bits import Term
from .behaviour import LENGTH, Packet

_LAST: Final = re.compile(r"pkt\.last\[(\d+)\]")


def last(count: int) -> Term:
    """The ``count``-th byte of the input frame from its end."""
    return b.var(f"pkt.last[{count}]", 8)


def counted_from_end(name: str) -> int | None:
    """Which byte from the end a variable is; None for any other variable."""
    found = _LAST.fullmatch(name)
    return None if found is None else int(found.group(1))


def before_end(packet: Packet, count: int) -> tuple[Term, Term]:
    """The ``count``-th byte from the end of what comes before a packet's trailer, where there are as many, and where it
    is known to be that.

    It is one of the prefix where its place is one of the prefix's. Else it is the input's, whose place there is as far
    from the end as it is here, and as many bytes more as were cut: known if that is a number. (What is longer than that
    is all prefix.) What is filled has zeros behind the input's bytes.
    """
    if isinstance(packet.size, int):
        return (packet.at(packet.size - count), b.TRUE) if count <= packet.size else (b.bv(0, 8), b.FALSE)
    place, whole = b.sub(packet.kept, b.bv(count, 32)), b.add(b.zext(LENGTH, 32), b.bv(packet.delta, 32))
    cut = b.sub(whole, packet.kept)
    known = b.ult(place, b.bv(len(packet.prefix), 32))
    found = b.bv(0, 8)
    if packet.filled:
        known = b.or_(known, b.ule(whole, place))
    elif cut.is_const:
        known = b.TRUE
        found = found if b.signed(cut.value, 32) < 0 else last(count + cut.value)
    for i, octet in enumerate(packet.prefix):
        found = b.ite(b.eq(place, b.bv(i, 32)), octet, found)
    return found, known
