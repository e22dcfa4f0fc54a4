"""Where two packets of one length differ, byte by byte, whatever comes at their ends (:class:`.behaviour.Packet`)."""

from __future__ import annotations

from collections.abc import Iterator

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Packet
from ..semantics.meaning.ends import before_end

Difference = tuple[Term, Term | None, Term | None]
"""Two bytes that may differ, and where they are compared; None for both: they count as different there."""


def lengths_differ(x: Packet, y: Packet) -> Term:
    """Where two packets have different lengths."""
    if x.size is None and y.size is None:
        return b.boolean(x.delta + len(x.trailer) != y.delta + len(y.trailer))
    return b.ne(x.length, y.length)


def byte_differences(both: Term, x: Packet, y: Packet) -> Iterator[Difference]:
    """The bytes that are not one term, for packets of one length, where ``both`` are sent; behind both prefixes lie the
    same input bytes, unless they are shifted against each other."""
    if x.trailer or y.trailer or isinstance(x.size, Term) or isinstance(y.size, Term):
        yield from _before_trailers(both, x, y)
        yield from _at_the_end(both, x, y)
        return
    count = max(len(x.prefix), len(y.prefix))
    sizes = [size for size in (x.size, y.size) if isinstance(size, int)]
    if sizes:
        count = min(sizes) if x.delta != y.delta else min(count, *sizes)
    for k in range(count):
        if x.at(k) is not y.at(k):
            yield both, x.at(k), y.at(k)


def _before_trailers(both: Term, x: Packet, y: Packet) -> Iterator[Difference]:
    """The bytes that lie before the trailers of both.

    Byte k does where k is less than both counts of what is kept. Behind both prefixes these are the same input bytes if
    they are not shifted; if they are, that any is left there counts as a difference: more than the packets have.
    """
    ends = [x.kept] if len(x.trailer) == len(y.trailer) else [x.kept, y.kept]
    count = max(len(x.prefix), len(y.prefix))

    def there(k: int) -> Term:
        return b.and_(both, *(b.ult(b.bv(k, 32), end) for end in ends))

    for k in range(count):
        if x.at(k) is not y.at(k):
            yield there(k), x.at(k), y.at(k)
    if x.delta != y.delta:
        yield there(count), None, None


def _at_the_end(both: Term, x: Packet, y: Packet) -> Iterator[Difference]:
    """The bytes that lie in the trailer of either, counted from the end.

    Packets of one length have the same count of bytes there, so each byte of the longer trailer is met with the one of
    the other's that is as far from the end: of its trailer, or of what it keeps. One that is not known differs.
    """
    for k in range(1, max(len(x.trailer), len(y.trailer)) + 1):
        (mine, mine_known), (theirs, their_known) = _from_end(x, k), _from_end(y, k)
        known = b.and_(mine_known, their_known)
        if known is not b.TRUE:
            yield b.and_(both, b.not_(known)), None, None
        if mine is not theirs:
            yield b.and_(both, known), mine, theirs


def _from_end(packet: Packet, count: int) -> tuple[Term, Term]:
    if count <= len(packet.trailer):
        return packet.trailer[-count], b.TRUE
    return before_end(packet, count - len(packet.trailer))
