"""Asking connection tracking about a packet: ``tcf_ct_act`` (``net/sched/act_ct.c``, Linux 6.1), without translation of
addresses.

What is answered depends on connections that no packet tells of: it is an input, ``in.ct.HOW.state`` and so on, the same
for all who ask in the same way about the same packet. HOW are the requests up to this one, and where the IP packet
begins: ``5@14`` for the first one, in zone 5. About an IP packet that was written to, it is ``given.ct.HOW.state``, a
function of its first bytes, behind which it is the one that came. What is asked is an event, for that changes what is
answered later.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, Term
from ....semantics.meaning.behaviour import LENGTH, Event, byte
from ....semantics.source import Span, Unsupported
from ..artifact.actions import Ct
from .headers import is_vlan
from .packet import Skb
from .tracked import Tracked

EVENT: Final = "ct"
"""What is asked: zone, commit, force, mark and its mask, label and its mask; where the IP packet begins, and its first
bytes if it was written to."""
_NEW, _ESTABLISHED, _RELATED, _TRACKED, _INVALID, _REPLY = 1, 2, 4, 8, 16, 32
STATES: Final = (
    _TRACKED | _NEW, _TRACKED | _ESTABLISHED, _TRACKED | _ESTABLISHED | _REPLY, _TRACKED | _RELATED,
    _TRACKED | _RELATED | _REPLY, _TRACKED | _INVALID,
)  # fmt: skip
"""``fl_ct_info_to_flower_map``, and that of a packet of no connection."""
ASKABLE: Final = (
    "where connection tracking is asked about a frame, this is no fragment, has no second tag and no IPv6 extension"
    " header, and ends where the IP packet does"
)
ANSWERS: Final = (
    "connection tracking answers new, est, est+rpl, rel, rel+rpl or inv; of what is inv it knows no mark or label"
)
_IP, _IP6, _HEADERS = 0x0800, 0x86DD, {0x0800: 20, 0x86DD: 40}
_EXTENSIONS: Final = (0, 43, 44, 51, 60)
_FRAGMENT: Final = 0x3FFF
_FIRST: Final = 64
"""Bytes of an IP packet that can be written to before it is asked about."""

Assume = Callable[[str, Term], None]


def ask(assume: Assume, action: Ct, skb: Skb, span: Span) -> Iterator[tuple[Term, Skb | None, Event | None]]:
    """What becomes of the packet (None: it is dropped), and what connection tracking is told.

    Args:
        assume: told what inputs are left out.

    Raises:
        Unsupported: the IP packet was written to in a place that is not looked at.
    """
    whole = b.or_(*(_is(skb, kind) for kind in _HEADERS))
    assume(ASKABLE, b.and_(b.not_(is_vlan(skb.protocol)), _askable(skb)))
    yield b.not_(whole), None, None
    if whole is FALSE:
        return
    request = _Request(action, skb.tracked, _Said(skb, span))
    assume(ANSWERS, b.implies(whole, request.possible()))
    refused = request.refused
    yield b.and_(whole, refused), None, request.event()
    yield b.and_(whole, b.not_(refused)), replace(skb, tracked=request.after()), request.event()


def _is(skb: Skb, kind: int) -> Term:
    """Whether it is IP with its header: ``tcf_ct_skb_nf_family``, ``tcf_ct_ipv4_is_fragment`` and its like."""
    return b.and_(b.eq(skb.protocol, b.bv(kind, 16)), skb.has(skb.network + _HEADERS[kind]))


def _askable(skb: Skb) -> Term:
    """What is modelled: no fragment, which waits for the others; nothing that ``tcf_ct_skb_network_trim`` cuts off."""
    at = skb.network
    rest = b.add(LENGTH, b.bv(len(skb.head) - skb.payload - at, 16))
    pieces = b.band(skb.bytes(at + 6, 2), b.bv(_FRAGMENT, 16))
    said = skb.bytes(at + 4, 2)
    long = b.ugt(said, b.bv(0xFFFF - _HEADERS[_IP6], 16))
    extended = b.or_(*(b.eq(skb.byte(at + 6), b.bv(kind, 8)) for kind in _EXTENSIONS))
    ends = b.or_(long, b.ule(rest, b.add(said, b.bv(_HEADERS[_IP6], 16))))
    return b.and_(
        b.implies(_is(skb, _IP), b.and_(b.eq(pieces, b.bv(0, 16)), b.ule(rest, skb.bytes(at + 2, 2)))),
        b.implies(_is(skb, _IP6), b.and_(b.not_(extended), ends)),
    )


class _Said:
    """What is answered about a packet. Raises Unsupported: it was written to behind the bytes that are looked at."""

    def __init__(self, skb: Skb, span: Span) -> None:
        moved = skb.payload - len(skb.head)
        self.place = skb.network + moved
        """The input's byte with which the IP packet begins, if nothing was written to it."""
        changed = [i for i in range(skb.network, len(skb.head)) if skb.head[i] is not byte(i + moved)]
        if self.place < 0 or any(i >= skb.network + _FIRST for i in changed):
            raise Unsupported(f"ct of an IP packet that was written to behind its first {_FIRST} bytes", span)
        self.first = skb.bytes(skb.network, _FIRST) if changed else None

    def part(self, requests: tuple[str, ...], name: str, width: int) -> Term:
        """A part of the answer to the last of some requests."""
        how = f"ct.{','.join(requests)}@{self.place}.{name}"
        return b.var(f"in.{how}", width) if self.first is None else b.apply(f"given.{how}", width, self.first)


class _Request:
    """One request about a packet that has ``before``; ``said`` is what is answered about it."""

    def __init__(self, action: Ct, before: Tracked, said: _Said) -> None:
        self.action, self.said = action, said
        requests = (*before.requests, _said(action))
        zone = b.bv(action.zone, 16)
        state, mark, label = (said.part(requests, *one) for one in (("state", 16), ("mark", 32), ("label", 128)))
        self.answer = answer = Tracked(requests, state, zone, mark, label)
        self._refused = b.to_bool(said.part(requests, "refused", 1))
        self._labelled = said.part(requests, "labelled", 128)
        self.cached = b.and_(_known(before), b.eq(before.zone, zone), b.not_(_turned(action, before)))
        """Whether the packet has the connection already (``tcf_ct_skb_nfct_cached``)."""
        self.found = replace(before.merged(self.cached, answer), requests=requests, zone=zone)

    def possible(self) -> Term:
        """What is true of answers (:data:`ANSWERS`)."""
        answer = self.answer
        nothing = b.and_(b.eq(answer.mark, b.bv(0, 32)), b.eq(answer.label, b.bv(0, 128)))
        one_of = b.or_(*(b.eq(answer.state, b.bv(state, 16)) for state in STATES))
        return b.or_(self.cached, b.and_(one_of, b.or_(_known(answer), nothing)))

    @property
    def refused(self) -> Term:
        """Whether the packet is dropped: a connection cannot be kept, or its helper does not like the packet."""
        return b.and_(_known(self.found), self._refused)

    def after(self) -> Tracked:
        """What the packet has then: ``tcf_ct_act_set_mark`` and ``tcf_ct_act_set_labels``, where it is to be kept."""
        found, action = self.found, self.action
        if not action.commit:
            return found
        kept, mark, label = _known(found), found.mark, found.label
        if action.mark is not None and action.mark[1]:
            value, mask = action.mark
            mark = b.ite(kept, b.bor(b.bv(value, 32), b.band(mark, b.bv(~mask & 0xFFFFFFFF, 32))), mark)
        if action.label is not None and action.label[1]:  # there may be no room for it
            label = b.ite(kept, self._labelled, label)
        return replace(found, mark=mark, label=label)

    def event(self) -> Event:
        """What is asked; nothing, where the packet has its connection and nothing is to be kept."""
        action = self.action
        numbers = [(action.zone, 16), (int(action.commit), 1), (int(action.force), 1)]
        for both, width in ((action.mark, 32), (action.label, 128)):
            numbers += [(part, width) for part in (both if both and both[1] else (0, 0))]
        fields = [b.bv(number, width) for number, width in (*numbers, (self.said.place, 16))]
        fields += [] if self.said.first is None else [self.said.first]
        told = b.TRUE if action.commit else b.not_(self.cached)
        return Event(told, EVENT, tuple(fields))


def _said(action: Ct) -> str:
    """What of a request its answer may depend on."""
    words = [str(action.zone), *["commit"] * action.commit, *["force"] * action.force]
    for name, both in (("mark", action.mark), ("label", action.label)):
        if both is not None and both[1]:
            words.append(f"{name} {both[0]:x}/{both[1]:x}")
    return " ".join(words)


def _known(some: Tracked) -> Term:
    """Whether the packet is of a connection."""
    return b.and_(_has(some, _TRACKED), b.not_(_has(some, _INVALID)))


def _has(some: Tracked, bit: int) -> Term:
    return b.ne(b.band(some.state, b.bv(bit, 16)), b.bv(0, 16))


def _turned(action: Ct, before: Tracked) -> Term:
    """Whether the packet is a reply, and what it replies to is to be forgotten."""
    return _has(before, _REPLY) if action.force else FALSE
