"""Writing words of the frame: ``tcf_pedit_act`` (``net/sched/act_pedit.c``, Linux 6.1 with its fixes up to 6.1.176)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.source import Span, Unsupported
from ..artifact.actions import PeditKey
from .packet import Skb

IP6_HEADER: Final = 40
_EXTENSIONS: Final = (0, 43, 44, 51, 60)
"""``ipv6_ext_hdr`` without "no next header"."""
_TRANSPORT: Final = {"tcp": 6, "udp": 17}
_LENGTH_AT, _NEXT_AT = 0, 6
"""Bytes of an IPv4 header with its length, of an IPv6 header with what follows it."""
_SIGN: Final = 1 << 31
"""Places are numbers of 32 bits, and the kernel counts with a sign."""
_HEADROOM: Final = 16
"""Bytes before the frame that may be written to (drivers reserve 32 or more)."""
WHOLE_IP6: Final = "where TCP or UDP is written, an IPv6 header is whole and no extension header follows it"

Assume = Callable[[str, Term], None]
_Keys = tuple[tuple[PeditKey, Term], ...]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a header begins: ``at``, where ``when`` holds."""

    at: int
    when: Term


def pedit(
    assume: Assume, keys: Sequence[PeditKey], values: Sequence[Term], skb: Skb, span: Span
) -> Iterator[tuple[Term, Skb]]:
    """What becomes of the packet, under conditions of which one holds. The first word that is not there ends it; those
    before are written.

    Args:
        values: 32 bits for each key, in place of its own.

    Raises:
        Unsupported: a word too far before the frame, or one whose place is told there.
    """
    yield from _keys(assume, tuple(zip(keys, values, strict=True)), skb, TRUE, {}, span)


def _keys(
    assume: Assume,
    keys: tuple[tuple[PeditKey, Term], ...],
    skb: Skb,
    live: Term,
    known: Mapping[str, _Place],
    span: Span,
) -> Iterator[tuple[Term, Skb]]:
    """``known``: where a header begins, found out by a key before."""
    if not keys or live is FALSE:
        yield from [(live, skb)] * (live is not FALSE)
        return
    (key, value), rest = keys[0], keys[1:]
    places = [known[key.header]] if key.header in known else _places(assume, key, skb, live)
    found = [
        (place, offset, b.and_(there, _there(skb, place, offset, span)))
        for place in places
        for offset, there in _offsets(key, skb, place, span)
    ]
    ends = b.and_(live, b.not_(b.or_(*(there for _, _, there in found))))
    if ends is not FALSE:
        yield ends, skb
    for place, offset, there in found:
        both = b.and_(live, there)
        if both is FALSE:
            continue
        start = place.at + offset
        stays = key.header in _TRANSPORT and not _moves(skb, start)
        after = {**known, key.header: _Place(place.at, TRUE)} if stays else {}
        yield from _keys(assume, rest, _written(key, value, skb, start, span), both, after, span)


def _moves(skb: Skb, start: int) -> bool:
    """Whether a word is written that says where a transport header begins, which the kernel asks for each key anew: as
    it may be behind an IPv4 header that says to have less than 20 bytes."""
    return any(start <= skb.network + said < start + 4 for said in (_LENGTH_AT, _NEXT_AT))


def _offsets(key: PeditKey, skb: Skb, place: _Place, span: Span) -> Iterator[tuple[int, Term]]:
    """Where a key's word may be, from its header on, and when it is there: with ``offmask`` a byte of the frame says
    so, and the kernel writes to multiples of 4 only."""
    if not key.offmask:
        yield key.offset, TRUE
        return
    at = place.at + (key.at ^ _SIGN) - _SIGN
    if at < 0:
        raise Unsupported(f"pedit at an offset that is taken from {-at} bytes before the frame", span)
    mask = key.offmask & 0xFF
    said = b.band(skb.byte(at), b.bv(mask, 8))
    for bits in (value for value in range(256) if value & ~mask == 0):
        offset = key.offset + (bits >> key.shift)
        if offset % 4 == 0:
            yield offset, b.and_(skb.has(at + 1), b.eq(said, b.bv(bits, 8)))


def _there(skb: Skb, place: _Place, offset: int, span: Span) -> Term:
    """That the header begins at this place and the word is in the data."""
    at = place.at + offset
    if at < -_HEADROOM:
        raise Unsupported(f"pedit {-at} bytes before the frame", span)
    return b.and_(place.when, skb.has(at + 4))


def _written(key: PeditKey, value: Term, skb: Skb, at: int, span: Span) -> Skb:
    if at < 0 and key.add:
        raise Unsupported("pedit adding to bytes before the frame", span)
    old = b.concat(*(skb.byte(at + i) if at + i >= 0 else b.bv(0, 8) for i in range(4)))
    mask = b.bv(key.mask, 32)
    if key.add:  # counted as the machine reads the word, which is little-endian
        total = _swapped(b.add(_swapped(old), _swapped(value)))
        value = b.band(total, b.bnot(mask))
    return skb.written(at, b.bxor(b.band(old, mask), value))


def _swapped(word: Term) -> Term:
    return b.concat(*reversed(b.chunks(word, 8)))


def _places(assume: Assume, key: PeditKey, skb: Skb, live: Term) -> list[_Place]:
    """``pedit_skb_hdr_offset``: where the key's header may begin; nowhere, if it cannot be found."""
    if key.header == "eth":
        return [_Place(0, TRUE)]
    if key.header in ("network", "ip", "ip6"):
        return [_Place(skb.network, TRUE)]
    return _transport(assume, _TRANSPORT[key.header], skb, live)


def _transport(assume: Assume, number: int, skb: Skb, live: Term) -> list[_Place]:
    """``pedit_l4_skb_offset``: behind an IPv4 header, whatever it carries, or behind IPv6's if that carries it."""
    network = skb.network
    places = []
    is_ip = b.and_(b.eq(skb.protocol, b.bv(0x0800, 16)), skb.has(network + 20))
    length = b.extract(skb.byte(network), 3, 0)
    if is_ip is not FALSE:
        for words in range(16):
            when = b.and_(is_ip, b.eq(length, b.bv(words, 4)))
            if when is not FALSE:
                places.append(_Place(network + 4 * words, when))
    is_ip6 = b.eq(skb.protocol, b.bv(0x86DD, 16))
    carried = skb.byte(network + 6)
    if is_ip6 is not FALSE:
        extended = b.or_(*(b.eq(carried, b.bv(kind, 8)) for kind in _EXTENSIONS))
        simple = b.and_(skb.has(network + IP6_HEADER), b.not_(extended))
        assume(WHOLE_IP6, b.implies(b.and_(live, is_ip6), simple))
        places.append(_Place(network + IP6_HEADER, b.and_(is_ip6, b.eq(carried, b.bv(number, 8)))))
    return places
