"""What the flow dissector finds in a packet: ``__skb_flow_dissect`` (``net/core/flow_dissector.c``, Linux 6.1), as
``fl_classify`` calls it: it stops before encapsulated packets and at fragments.

A field that is not found is 0. A filter says which types it asks for, one behind the other (its protocol, then those
behind VLAN tags), so the fields are those of a packet that has these types; :attr:`Dissection.types` says whether it
does. Where a filter leaves the type behind a tag open, all that can follow is looked at, up to :data:`MAX_TAGS` tags.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ...tc.meaning.packet import VLAN_HLEN, VLAN_TYPES, Skb, is_one_of
from ..artifact import ETH_ARP, ETH_IP, ETH_IP6, ETH_MPLS, ETH_RARP, FIELDS, ICMP, ICMP6, MAX_LSE, TCP

MAX_TAGS: Final = 4
"""Tags looked through where a filter does not say what is behind them."""
LEFT_OUT: Final = (0x8864, 0x892F, 0x88FB, 0x4305)
"""PPPoE, HSR, PRP and batman-adv: headers that the dissector looks behind, which is not modelled."""
MAX_EXTENSIONS: Final = 64
"""Bytes of IPv6 extension headers that are looked through."""
_MPLS_IN_IP: Final = 137
_OPTIONS: Final = (0, 43, 60)
_FRAGMENT: Final = 44
_WITH_PORTS: Final = (6, 17, 33, 50, 132, 136)

TAGS_TEXT: Final = (
    f"where filters do not say what is behind a tag, there are at most {MAX_TAGS} tags and no PPPoE, HSR, PRP or"
    " batman-adv header"
)
EXTENSIONS_TEXT: Final = f"IPv6 extension headers have at most {MAX_EXTENSIONS} bytes"


class Dissection:
    """The fields of a packet whose types are those that a filter asks for.

    Args:
        asked: the Ethernet types asked for, the outermost one first; () where the filter sees all frames.
    """

    def __init__(self, skb: Skb, asked: tuple[int, ...]) -> None:
        self.skb = skb
        self.asked = asked
        self._fields: dict[str, Term] = {}
        self.outside: dict[str, Term] = {}
        """What is not modelled of packets of these types: text → condition."""
        self._headers: dict[tuple[int, int], _Header] = {}
        self._levels = self._walk()

    # --- tags ---

    def _walk(self) -> list[_Level]:
        """What follows one another: a level for each number of tags that the dissector can have gone through."""
        skb = self.skb
        levels: list[_Level] = []
        reached, at = TRUE, skb.network
        in_data = skb.tag is None
        kind = skb.outer
        conditions: list[Term] = []
        for depth in range(MAX_TAGS + 2):
            if depth < len(self.asked):
                conditions.append(b.eq(kind, b.bv(self.asked[depth], 16)))
                kind = b.bv(self.asked[depth], 16)
            tagged = is_one_of(kind, VLAN_TYPES)
            level = _Level(reached, at, kind)
            levels.append(level)
            if tagged is FALSE or depth > MAX_TAGS:
                break
            if in_data:
                there = skb.has(at + VLAN_HLEN)
                level.tag = skb.bytes(at, 2)
                behind, at = skb.bytes(at + 2, 2), at + VLAN_HLEN
            else:
                assert skb.tag is not None
                there, level.tag, behind = TRUE, skb.tag[1], skb.protocol
            level.goes_on = b.and_(tagged, there)
            reached = b.and_(reached, level.goes_on)
            kind, in_data = behind, True
        # A tag that is cut short is not told, nor is its protocol, which the filter asks for too.
        # A third one is looked behind, and then the type is not the one that was asked for.
        tags = [level.goes_on for level, kind in zip(levels, self.asked[:2], strict=False) if kind in VLAN_TYPES]
        if len(levels) > 2 and self.asked[2:] and self.asked[2] in VLAN_TYPES:
            tags.append(b.not_(levels[2].goes_on))
        self.types = b.and_(*conditions, *tags) if len(self.asked) <= len(levels) else FALSE
        return levels

    def _note_outside(self) -> None:
        """That more follows than is looked at, where nothing says what does."""
        too_deep = b.and_(self._levels[-1].reached, self._levels[-1].goes_on)
        hidden = [b.and_(level.stops, is_one_of(level.kind, LEFT_OUT)) for level in self._levels[len(self.asked) :]]
        self.outside[TAGS_TEXT] = b.or_(too_deep, *hidden)

    # --- fields ---

    def field(self, name: str) -> Term:
        """The value of a field of :data:`..artifact.FIELDS`; ``addr4``, ``addr6``, ``tunnel4``, ``tunnel6`` (1 bit):
        whether such addresses are there; ``same_type`` (1 bit): whether the type is still the one that was asked for at
        the end."""
        if name not in self._fields:
            self._fields[name] = self._compute(name)
        return self._fields[name]

    def _compute(self, name: str) -> Term:
        if name in ("dst_mac", "src_mac"):
            return self.skb.bytes(0 if name == "dst_mac" else 6, 6)
        if name == "num_of_vlans":
            self._note_outside()
            gone = [b.and_(level.reached, level.goes_on) for level in self._levels]
            return b.total(tuple(b.from_bool(g, 8) for g in gone), 8)
        if name.startswith(("vlan_", "cvlan_")):
            return self._tag(0 if name.startswith("vlan_") else 1, name.partition("_")[2])
        if name.startswith("ct_"):
            return self.skb.tracked.told()[name]
        if name.startswith(("enc_", "tunnel")):
            return self._tunnel(name)
        if len(self.asked) == len(self._levels) and self._levels[-1].goes_on is FALSE:
            return self._header(self._levels[-1].at, self.asked[-1]).field(name)
        self._note_outside()
        value = b.bv(0, _width(name))
        for level in self._levels:
            for kind in (ETH_IP, ETH_IP6):
                here = b.and_(level.stops, b.eq(level.kind, b.bv(kind, 16)))
                if here is not FALSE:
                    value = b.ite(here, self._header(level.at, kind, here).field(name), value)
        return value

    def _tunnel(self, name: str) -> Term:
        """``skb_flow_dissect_tunnel_info``."""
        tunnel = self.skb.tunnel
        if name in ("tunnel4", "tunnel6"):
            six = tunnel.six if name == "tunnel6" else b.not_(tunnel.six)
            return b.from_bool(b.and_(b.to_bool(tunnel.there), six))
        if name == "enc_opts":
            return tunnel.asked_options
        part = {"key_id": "id", "dst_ip": "dst", "src_ip": "src"}.get(name[4:].removesuffix("6"), name[4:])
        value: Term = getattr(tunnel, part)
        return b.extract(value, FIELDS[name].width - 1, 0)

    def _header(self, at: int, kind: int, when: Term = TRUE) -> _Header:
        """The network header of a type at a place. ``when``: that it is looked at."""
        if (at, kind) not in self._headers:
            self._headers[at, kind] = _HEADERS.get(kind, _Header)(self, at)
        header = self._headers[at, kind]
        # A tag beside the data takes no room in it: one place can be reached with it and without.
        header.looked_at(when)
        return header

    def _tag(self, depth: int, part: str) -> Term:
        width = {"id": 12, "prio": 3, "ethtype": 16}[part]
        if depth >= len(self._levels) or self._levels[depth].tag is None:
            return b.bv(0, width)
        level = self._levels[depth]
        assert level.tag is not None
        there = b.and_(level.reached, level.goes_on)
        if part == "ethtype":
            value = self._levels[depth + 1].kind if depth + 1 < len(self._levels) else b.bv(0, 16)
        else:
            value = b.extract(level.tag, 11, 0) if part == "id" else b.extract(level.tag, 15, 13)
        return b.ite(there, value, b.bv(0, width))

    @cached_property
    def same_type(self) -> Term:
        """Whether the type at the end is the innermost that was asked for."""
        if not self.asked or self._levels[-1].goes_on is not FALSE:
            return TRUE
        kind = self.asked[-1]
        if kind in (ETH_IP, ETH_IP6):
            return b.not_(b.to_bool(self.field("mpls_in_ip")))
        return TRUE


def _width(name: str) -> int:
    return FIELDS[name].width if name in FIELDS else 1


class _Level:
    """A place that the dissector reaches, and the type there; ``goes_on``: whether a whole tag follows."""

    def __init__(self, reached: Term, at: int, kind: Term) -> None:
        self.reached, self.at, self.kind = reached, at, kind
        self.tag: Term | None = None
        self.goes_on = FALSE

    @property
    def stops(self) -> Term:
        """That it is reached and no tag follows."""
        return b.and_(self.reached, b.not_(self.goes_on))


class _Header:
    """Fields of a network header at a fixed place; 0 where they are not there."""

    def __init__(self, dissection: Dissection, at: int) -> None:
        self.dissection, self.skb, self.at = dissection, dissection.skb, at

    def looked_at(self, when: Term) -> None:
        """It is dissected where ``when``: what is not modelled of it there is noted."""

    def field(self, name: str) -> Term:
        """A field's value."""
        return b.bv(0, _width(name))

    def _there(self, condition: Term, value: Term) -> Term:
        return b.ite(condition, value, b.bv(0, value.width))

    def _carried(self, name: str, places: list[tuple[Term, int, Term]]) -> Term:
        """A field of what IP carries: at one of ``places`` (when, where, which protocol)."""
        value = b.bv(0, _width(name))
        for when, at, protocol in places:
            found = self._at(name, at, protocol)
            value = b.ite(when, found, value)
        return value

    def _at(self, name: str, at: int, protocol: Term) -> Term:
        skb = self.skb
        if name in ("src_port", "dst_port"):
            there = b.and_(is_one_of(protocol, _WITH_PORTS), skb.has(at + 4))
            return self._there(there, skb.bytes(at if name == "src_port" else at + 2, 2))
        if name == "tcp_flags":
            long_enough = b.uge(b.extract(skb.byte(at + 12), 7, 4), b.bv(5, 4))
            there = b.and_(b.eq(protocol, b.bv(TCP, 8)), skb.has(at + 20), long_enough)
            return self._there(there, b.extract(skb.bytes(at + 12, 2), 11, 0))
        there = b.and_(is_one_of(protocol, (ICMP, ICMP6)), skb.has(at + 8))
        return self._there(there, skb.byte(at if name == "icmp_type" else at + 1))


_CARRIED: Final = ("src_port", "dst_port", "tcp_flags", "icmp_type", "icmp_code")


class _Ip4(_Header):
    def __init__(self, dissection: Dissection, at: int) -> None:
        super().__init__(dissection, at)
        skb = self.skb
        self.length = b.extract(skb.byte(at), 3, 0)
        self.good = b.and_(skb.has(at + 20), b.uge(self.length, b.bv(5, 4)))
        pieces = skb.bytes(at + 6, 2)
        self.later = b.ne(b.extract(pieces, 12, 0), b.bv(0, 13))
        self.piece = b.or_(b.eq(b.extract(pieces, 13, 13), b.bv(1, 1)), self.later)

    def field(self, name: str) -> Term:
        skb, at = self.skb, self.at
        plain: dict[str, Callable[[], Term]] = {
            "ip_proto": lambda: skb.byte(at + 9),
            "ip_tos": lambda: skb.byte(at + 1),
            "ip_ttl": lambda: skb.byte(at + 8),
            "src_ip": lambda: skb.bytes(at + 12, 4),
            "dst_ip": lambda: skb.bytes(at + 16, 4),
            "addr4": lambda: b.bv(1, 1),
            "ip_flags": lambda: b.concat(b.from_bool(b.and_(self.piece, b.not_(self.later))), b.from_bool(self.piece)),
            "mpls_in_ip": lambda: b.from_bool(b.and_(b.eq(skb.byte(at + 9), b.bv(_MPLS_IN_IP, 8)), b.not_(self.piece))),
        }
        if name in plain:
            return self._there(self.good, plain[name]())
        if name not in _CARRIED:
            return super().field(name)
        whole = b.and_(self.good, b.not_(self.piece))
        protocol = skb.byte(at + 9)
        return self._carried(
            name,
            [(b.and_(whole, b.eq(self.length, b.bv(n, 4))), at + 4 * n, protocol) for n in range(5, 16)],
        )


class _Ip6(_Header):
    """An IPv6 header and its extension headers: the places at which the dissector can end, and what is said there."""

    def __init__(self, dissection: Dissection, at: int) -> None:
        super().__init__(dissection, at)
        self.good = self.skb.has(at + 40)
        self._follow()

    def looked_at(self, when: Term) -> None:
        """Where more extension headers follow than are looked through, nothing is known."""
        outside = self.dissection.outside
        outside[EXTENSIONS_TEXT] = b.or_(outside.get(EXTENSIONS_TEXT, FALSE), b.and_(when, self.beyond))

    def _follow(self) -> None:
        """Reach of every place: from which places before it is reached, and the protocol that these say."""
        skb, first = self.skb, self.at + 40
        reach: dict[int, Term] = {0: self.good}
        said: dict[int, Term] = {0: skb.byte(self.at + 6)}
        self.ends: list[tuple[Term, int, Term]] = []
        """(when, where, protocol) of places where nothing more is looked through."""
        self.cut: list[tuple[Term, Term]] = []
        """(when, protocol): an extension header is cut short; the protocol is that of the header."""
        self.pieces: list[tuple[Term, int, Term, Term]] = []
        """(when, where, protocol behind, whether it is the first piece) of fragment headers."""
        beyond: list[Term] = []
        for p in range(0, MAX_EXTENSIONS + 1, 8):
            if reach.get(p, FALSE) is FALSE:
                continue
            here, protocol, at = reach[p], said[p], first + p
            options = b.and_(here, is_one_of(protocol, _OPTIONS))
            fragment = b.and_(here, b.eq(protocol, b.bv(_FRAGMENT, 8)))
            self.ends.append((b.and_(here, b.not_(options), b.not_(fragment)), at, protocol))
            self.cut.append((b.and_(options, b.not_(skb.has(at + 2))), protocol))
            self.cut.append((b.and_(fragment, b.not_(skb.has(at + 8))), protocol))
            start = b.eq(b.extract(skb.bytes(at + 2, 2), 15, 3), b.bv(0, 13))
            self.pieces.append((b.and_(fragment, skb.has(at + 8)), at + 8, skb.byte(at), start))
            length = skb.byte(at + 1)
            goes = b.and_(options, skb.has(at + 2))
            left = goes
            for q in range(p + 8, MAX_EXTENSIONS + 1, 8):
                jump = b.and_(goes, b.eq(length, b.bv((q - p) // 8 - 1, 8)))
                left = b.and_(left, b.ne(length, b.bv((q - p) // 8 - 1, 8)))
                before = reach.get(q)
                reach[q] = jump if before is None else b.or_(before, jump)
                said[q] = skb.byte(at) if before is None else b.ite(jump, skb.byte(at), said[q])
            beyond.append(left)
        self.beyond = b.or_(*beyond)

    def field(self, name: str) -> Term:
        skb, at = self.skb, self.at
        plain: dict[str, Callable[[], Term]] = {
            "ip_tos": lambda: b.extract(skb.bytes(at, 2), 11, 4),
            "ip_ttl": lambda: skb.byte(at + 7),
            "src_ip6": lambda: skb.bytes(at + 8, 16),
            "dst_ip6": lambda: skb.bytes(at + 24, 16),
            "addr6": lambda: b.bv(1, 1),
        }
        if name in plain:
            return self._there(self.good, plain[name]())
        if name == "ip_proto":
            value = b.bv(0, 8)
            said = [(when, protocol) for when, _, protocol in self.ends] + self.cut
            said += [(when, protocol) for when, _, protocol, _ in self.pieces]
            for when, protocol in said:
                value = b.ite(when, protocol, value)
            return value
        if name == "ip_flags":
            piece = b.or_(*(when for when, _, _, _ in self.pieces))
            first = b.or_(*(b.and_(when, start) for when, _, _, start in self.pieces))
            return b.concat(b.from_bool(first), b.from_bool(piece))
        if name == "mpls_in_ip":
            number = b.bv(_MPLS_IN_IP, 8)
            return b.from_bool(b.or_(*(b.and_(when, b.eq(protocol, number)) for when, _, protocol in self.ends)))
        return self._carried(name, self.ends) if name in _CARRIED else super().field(name)


class _Arp(_Header):
    def field(self, name: str) -> Term:
        skb, at = self.skb, self.at
        places = {"arp_sha": (8, 6), "arp_sip": (14, 4), "arp_tha": (18, 6), "arp_tip": (24, 4), "arp_op": (7, 1)}
        if name not in places:
            return super().field(name)
        ethernet = b.eq(skb.bytes(at, 6), b.bv(0x000108000604, 48))
        known = is_one_of(skb.bytes(at + 6, 2), (1, 2))
        start, count = places[name]
        return self._there(b.and_(skb.has(at + 28), ethernet, known), skb.bytes(at + start, count))


class _Mpls(_Header):
    def field(self, name: str) -> Term:
        if "@" not in name:
            return super().field(name)
        part, _, number = name.removeprefix("mpls_").partition("@")
        depth = int(number) - 1
        assert depth < MAX_LSE
        at = self.at + 4 * depth
        before = (b.eq(b.extract(self.skb.byte(self.at + 4 * i + 2), 0, 0), b.bv(0, 1)) for i in range(depth))
        there = b.and_(self.skb.has(at + 4), *before)
        entry = self.skb.bytes(at, 4)
        places = {"label": (31, 12), "tc": (11, 9), "bos": (8, 8), "ttl": (7, 0)}
        return self._there(there, b.bv(1, 1) if part == "lse" else b.extract(entry, *places[part]))


_HEADERS: Final[dict[int, type[_Header]]] = {
    ETH_IP: _Ip4, ETH_IP6: _Ip6, ETH_ARP: _Arp, ETH_RARP: _Arp, **dict.fromkeys(ETH_MPLS, _Mpls),
}  # fmt: skip


__all__ = ["LEFT_OUT", "Dissection"]
