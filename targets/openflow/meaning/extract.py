"""From a frame to its flow key: ``miniflow_extract`` of ``lib/flow.c`` (Open vSwitch 3.1).

Frames are told apart by what they are made of (a tag or none, LLC/SNAP or not, which network header, how long it is);
each kind is a :class:`View` with a key of its own. A header that the switch cannot trust (cut short, a length that does
not fit) has no fields: they are 0. One tag is looked at (``vlan-limit`` 1, the default).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.behaviour import LENGTH, PORT, input_bytes
from ..artifact import CFI, ETH_ARP, ETH_IP, ETH_IPV6, ETH_MPLS, ETH_RARP, ETH_VLAN, FIELDS
from .state import PLAIN, Frame, Key, State, Tag, one_of

MAX_LABELS: Final = 3
"""``FLOW_MAX_MPLS_LABELS``."""
DL_TYPE_NONE: Final = 0x05FF
"""``FLOW_DL_TYPE_NONE``: the type of a frame that has a length where others have a type."""
TCP_HEADER, UDP_HEADER, SCTP_HEADER, ICMP_HEADER = 20, 8, 12, 8
ICMPV6_HEADER: Final = 4
IP_HEADER, IPV6_HEADER, ARP_HEADER = 20, 40, 28
_TYPE_MIN: Final = 0x0600
_SNAP: Final = 0xAAAA03000000
EXTENSIONS: Final = (0, 43, 60, 51, 44)
"""IPv6 extension headers that ``parse_ipv6_ext_hdrs`` looks into."""
_WIDE: Final = 17
_WRITTEN_4: Final = {6: TCP_HEADER, 17: UDP_HEADER, 1: ICMP_HEADER}
_WRITTEN_6: Final = {6: TCP_HEADER, 17: UDP_HEADER, 58: ICMPV6_HEADER}
"""Protocols whose headers are written to, and how long these are."""


@dataclass(frozen=True, slots=True)
class Needs:
    """What flows look at and write, so that kinds of frames that they cannot tell apart are not told apart."""

    ip: bool
    """Fields of IPv4 or IPv6."""
    arp: bool
    arp_written: bool
    """Whether fields of ARP are written, which Open vSwitch 3.1 does beyond the end of a frame that is cut short."""
    mpls: bool
    lengths: bool
    """Whether bytes behind an IP header may be written, so that their place has to be known."""


@dataclass(frozen=True, slots=True)
class View:
    """One kind of frames."""

    guard: Term
    state: State
    size: Term = b.bv(0, _WIDE)
    """17 bits: bytes behind the IP header, without padding (``dp_packet_l4_size``); 0 where there is none."""
    transport: int | None = None
    """Where a transport header begins that may be written to, counted from the network header; it is there, whole."""
    protocol: int = 0
    """... and its protocol's number."""
    assumes: Term = TRUE
    """What must hold of its frames for the key to be right."""


def at_least(length: int) -> Term:
    """Whether the frame has that many bytes."""
    return TRUE if length <= 0 else FALSE if length > 0xFFFF else b.uge(LENGTH, b.bv(length, 16))


def views(needs: Needs) -> Iterator[View]:
    """Every kind of frames; together they are all frames of 14 bytes or more."""
    outer = input_bytes(12, 2)
    tagged = b.and_(one_of(outer, ETH_VLAN), at_least(18))
    yield from _untagged(needs, b.not_(tagged), (), 12)
    yield from _untagged(needs, tagged, ((outer, input_bytes(14, 2)),), 16)


def _untagged(needs: Needs, guard: Term, tags: tuple[Tag, ...], at: int) -> Iterator[View]:
    """The frames of a guard, whose type stands at byte ``at``."""
    kind = input_bytes(at, 2)
    typed = b.uge(kind, b.bv(_TYPE_MIN, 16))
    snap = b.and_(b.not_(typed), at_least(at + 10), b.eq(input_bytes(at + 2, 6), b.bv(_SNAP, 48)))
    plain_type = b.ite(typed, kind, b.bv(DL_TYPE_NONE, 16))
    yield from _typed(needs, b.and_(guard, b.not_(snap)), _frame(tags, kind, at, snap=False), plain_type, at + 2)
    inner = input_bytes(at + 8, 2)
    snap_type = b.ite(b.uge(inner, b.bv(_TYPE_MIN, 16)), inner, b.bv(DL_TYPE_NONE, 16))
    yield from _typed(needs, b.and_(guard, snap), _frame(tags, kind, at, snap=True), snap_type, at + 10)


def _frame(tags: tuple[Tag, ...], kind: Term, at: int, *, snap: bool) -> Frame:
    header = tuple(input_bytes(at + 2 + i, 1) for i in range(8)) if snap else ()
    return Frame(input_bytes(0, 12), tags, kind, header, (), (), at + 2 + len(header))


def _typed(needs: Needs, guard: Term, frame: Frame, kind: Term, at: int) -> Iterator[View]:
    """By network header, which stands at byte ``at``."""
    left = guard
    for asked, types, reader in (
        (needs.ip, (ETH_IP,), _ipv4),
        (needs.ip, (ETH_IPV6,), _ipv6),
        (needs.arp, (ETH_ARP, ETH_RARP), _arp),
        (needs.mpls, ETH_MPLS, _mpls),
    ):
        if not asked:
            continue
        ethertype = one_of(kind, types)
        # a type that is known: else what is done to IPv6 would reach beyond the end of short frames of IPv4
        known = b.bv(types[0], 16) if len(types) == 1 else kind
        for view in reader(needs, _start(frame, known), at):
            here = b.and_(left, ethertype, view.guard)
            if here is not FALSE:
                yield replace(view, guard=here)
            left = b.and_(left, b.not_(b.and_(ethertype, view.guard)))
    if left is not FALSE:
        yield View(left, _start(frame, kind))


def _start(frame: Frame, kind: Term) -> State:
    fields = {name: b.bv(0, FIELDS[name].width) for name in PLAIN}
    fields["in_port"] = b.extract(PORT, 15, 0)
    fields["eth_dst"] = b.extract(frame.macs, 95, 48)
    fields["eth_src"] = b.extract(frame.macs, 47, 0)
    fields["eth_type"] = kind
    tags = tuple((tpid, b.bor(tci, b.bv(CFI, 16))) for tpid, tci in frame.tags)
    key = Key(MappingProxyType(fields), tags)
    return State(key, key, frame)


def _filled(state: State, fields: dict[str, Term], labels: tuple[Term, ...] = ()) -> State:
    key = Key(MappingProxyType({**state.key.fields, **fields}), state.key.tags, labels)
    return State(key, key, state.frame)


def _wide(term: Term) -> Term:
    return b.zext(term, _WIDE)


def _count(number: int) -> Term:
    return b.bv(number, _WIDE)


def _ipv4(needs: Needs, start: State, at: int) -> Iterator[View]:
    ihl = b.extract(input_bytes(at, 1), 3, 0)
    header = b.concat(b.bv(0, _WIDE - 6), ihl, b.bv(0, 2))
    size = b.sub(_wide(LENGTH), _count(at))
    total = _wide(input_bytes(at + 2, 2))
    good = b.and_(at_least(at + IP_HEADER), b.uge(ihl, b.bv(5, 4)), b.ule(header, total), b.ule(total, size))
    fragment = input_bytes(at + 6, 2)
    later = b.ne(b.band(fragment, b.bv(0x1FFF, 16)), b.bv(0, 16))
    any_ = b.ne(b.band(fragment, b.bv(0x3FFF, 16)), b.bv(0, 16))
    fields = {
        "ip_src": input_bytes(at + 12, 4),
        "ip_dst": input_bytes(at + 16, 4),
        "nw_tos": input_bytes(at + 1, 1),
        "nw_ttl": input_bytes(at + 8, 1),
        "nw_proto": input_bytes(at + 9, 1),
        "nw_frag": b.concat(b.from_bool(later, 1), b.from_bool(any_, 1)),
    }
    behind = b.sub(total, header)
    for words in range(5, 16):
        same = b.eq(ihl, b.bv(words, 4))
        ports = _transport(at + 4 * words, fields["nw_proto"], later, behind, version=4)
        if needs.lengths:
            view = View(b.and_(good, same), _filled(start, {**fields, **ports}), b.sub(total, _count(4 * words)))
            yield from _by_protocol(view, 4 * words, _WRITTEN_4)
            continue
        for name, term in ports.items():
            known = fields.get(name)
            fields[name] = term if known is None else b.ite(same, term, known)
    if not needs.lengths:
        yield View(good, _filled(start, fields), behind)


def _by_protocol(view: View, transport: int, headers: Mapping[int, int]) -> Iterator[View]:
    """The frames of a view whose transport header may be written to, protocol by protocol, and the others."""
    found = view.state.key.get("nw_proto")
    others = [view.guard]
    for number, header in headers.items():
        whole = b.and_(b.eq(found, b.bv(number, 8)), b.uge(view.size, _count(header)))
        state = _filled(view.state, {"nw_proto": b.bv(number, 8)})
        yield replace(view, guard=b.and_(view.guard, whole), state=state, transport=transport, protocol=number)
        others.append(b.not_(whole))
    yield replace(view, guard=b.and_(*others))


def _ipv6(needs: Needs, start: State, at: int) -> Iterator[View]:
    size = b.sub(_wide(LENGTH), _count(at + IPV6_HEADER))
    payload = _wide(input_bytes(at + 4, 2))
    good = b.and_(at_least(at + IPV6_HEADER), b.ule(payload, size))
    flow = input_bytes(at, 4)
    protocol = input_bytes(at + 6, 1)
    fields = {
        "ipv6_src": input_bytes(at + 8, 16),
        "ipv6_dst": input_bytes(at + 24, 16),
        "ipv6_label": b.extract(flow, 19, 0),
        "nw_tos": b.extract(flow, 27, 20),
        "nw_ttl": input_bytes(at + 7, 1),
        "nw_proto": protocol,
    }
    fields |= _transport(at + IPV6_HEADER, protocol, FALSE, payload, version=6)
    view = View(good, _filled(start, fields), payload, assumes=b.not_(one_of(protocol, EXTENSIONS)))
    yield from _by_protocol(view, IPV6_HEADER, _WRITTEN_6) if needs.lengths else (view,)


def _transport(at: int, protocol: Term, later: Term, size: Term, *, version: int) -> dict[str, Term]:
    """``tp_src``, ``tp_dst`` and ``tcp_flags`` of what stands at byte ``at``, ``size`` bytes of it."""

    def there(number: int, header: int) -> Term:
        return b.and_(b.not_(later), b.eq(protocol, b.bv(number, 8)), b.uge(size, _count(header)))

    tcp = b.and_(there(6, TCP_HEADER), options_whole(input_bytes(at + 12, 1), size))
    ports = b.or_(tcp, there(17, UDP_HEADER), there(132, SCTP_HEADER))
    # IGMP's type and code are kept there as well
    icmp = b.or_(there(1, ICMP_HEADER), there(2, ICMP_HEADER)) if version == 4 else there(58, ICMPV6_HEADER)
    found = {}
    for i, name in enumerate(("tp_src", "tp_dst")):
        byte = b.zext(input_bytes(at + i, 1), 16)
        found[name] = b.ite(ports, input_bytes(at + 2 * i, 2), b.ite(icmp, byte, b.bv(0, 16)))
    flags = b.extract(input_bytes(at + 12, 2), 11, 0)
    found["tcp_flags"] = b.ite(tcp, flags, b.bv(0, 12))
    return found


def options_whole(data_offset: Term, size: Term) -> Term:
    """Whether TCP's header ends within ``size`` bytes and is not shorter than its fixed part, by the byte that has its
    data offset (``miniflow_extract``, ``dp_packet_get_tcp_payload``)."""
    length = b.concat(b.bv(0, size.width - 6), b.extract(data_offset, 7, 4), b.bv(0, 2))
    return b.and_(b.uge(length, _count(TCP_HEADER)), b.ule(length, size))


def _arp(needs: Needs, start: State, at: int) -> Iterator[View]:
    good = b.and_(at_least(at + ARP_HEADER), b.eq(input_bytes(at, 6), b.bv(0x000108000604, 48)))
    opcode = input_bytes(at + 6, 2)
    fields = {
        "arp_spa": input_bytes(at + 14, 4),
        "arp_tpa": input_bytes(at + 24, 4),
        "arp_sha": input_bytes(at + 8, 6),
        "arp_tha": input_bytes(at + 18, 6),
        "arp_op": b.ite(b.ule(opcode, b.bv(0xFF, 16)), b.extract(opcode, 7, 0), b.bv(0, 8)),
    }
    yield View(good, _filled(start, fields))
    if needs.arp_written:
        yield View(b.not_(at_least(at + ARP_HEADER)), start, assumes=FALSE)


def _mpls(needs: Needs, start: State, at: int) -> Iterator[View]:
    """By the number of label stack entries that are kept: up to the bottom of the stack, the frame's end, or 3."""
    labels = [input_bytes(at + 4 * i, 4) for i in range(MAX_LABELS)]
    bottom = [b.eq(b.extract(label, 8, 8), b.bv(1, 1)) for label in labels]
    for count in range(MAX_LABELS + 1):
        above = [b.not_(bottom[i]) for i in range(count - 1)]
        ends = b.or_(bottom[count - 1] if count else FALSE, b.not_(at_least(at + 4 * (count + 1))))
        guard = b.and_(at_least(at + 4 * count), *above, TRUE if count == MAX_LABELS else ends)
        whole = b.and_(bottom[count - 1], *(b.ne(label, b.bv(0, 32)) for label in labels[:count])) if count else FALSE
        yield View(guard, _labelled(start, tuple(labels[:count]), at + 4 * count), assumes=whole)


def _labelled(start: State, labels: tuple[Term, ...], payload: int) -> State:
    f = start.frame
    frame = Frame(f.macs, f.tags, f.kind, f.snap, labels, f.rest, payload)
    state = _filled(start, {}, labels)
    return State(state.key, state.base, frame)
