"""What actions have written is done to the frame: ``commit_odp_actions`` (``lib/odp-util.c``) and the packet functions
that the datapath calls for it (``lib/packets.c``, ``lib/odp-execute.c``), Open vSwitch 3.1.

Only what differs from the last commit is written, so checksums are updated once for each difference, as there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from ....semantics import bits as b
from ....semantics.bits import FALSE, Term
from ....semantics.meaning.behaviour import byte
from ..artifact import CFI, ETH_ARP, ETH_IP, ETH_IPV6, ETH_RARP
from .extract import View, options_whole
from .state import Frame, Key, State, Tag, one_of

_TCP_CSUM, _UDP_CSUM, _ICMP_CSUM = 16, 6, 2


class Bytes:
    """The bytes of ``Frame.rest`` while they are written to; longer ones are taken from the input."""

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.bytes = list(frame.rest)

    def reach(self, count: int) -> None:
        """Make sure that so many bytes can be written to."""
        first = self.frame.payload - len(self.frame.rest)
        self.bytes += [byte(first + i) for i in range(len(self.bytes), count)]

    def get(self, at: int, count: int) -> Term:
        """``count`` bytes from ``at`` on."""
        self.reach(at + count)
        return b.concat(*self.bytes[at : at + count])

    def put(self, at: int, value: Term, when: Term) -> None:
        """Write the bytes of a value where the condition holds."""
        count = value.width // 8
        self.reach(at + count)
        for i, new in enumerate(b.chunks(value, 8)):
            self.bytes[at + i] = b.ite(when, new, self.bytes[at + i])

    def done(self) -> Frame:
        """The frame with these bytes."""
        taken = len(self.bytes) - len(self.frame.rest)
        return replace(self.frame, rest=tuple(self.bytes), payload=self.frame.payload + taken)


def commit(state: State, view: View) -> State:
    """The frame becomes what the key says."""
    if state.key is state.base:
        return state
    key, base = state.key, state.base
    frame = replace(state.frame, macs=b.concat(key.get("eth_dst"), key.get("eth_src")))
    if base.labels and not key.labels:
        frame = _commit_labels(key, base, frame)
    frame = _commit_network(key, base, frame, view)
    if not (base.labels and not key.labels):
        frame = _commit_labels(key, base, frame)
    frame = _commit_tags(key, base, frame)
    return replace(state, base=_with_pending(key, base), frame=frame)


def _with_pending(key: Key, base: Key) -> Key:
    """What was committed; of an ARP packet with opcode 0 nothing is, until it gets another one."""
    nothing = b.eq(key.get("arp_op"), b.bv(0, 8))
    for name in ("arp_sha", "arp_spa", "arp_tha", "arp_tpa"):
        key = key.with_field(name, b.ite(nothing, base.get(name), key.get(name)))
    return key


def _commit_tags(key: Key, base: Key, frame: Frame) -> Frame:
    """``commit_vlan_action``: tags that differ are popped, from the outermost on, and pushed again without DEI."""
    common = 0
    same: list[Term] = []  # inner tags that may be the same, innermost first
    while common < min(len(key.tags), len(base.tags)):
        x, y = key.tags[-1 - common], base.tags[-1 - common]
        same.append(b.and_(b.eq(x[0], y[0]), b.eq(x[1], y[1])))
        common += 1
    tags: list[Tag] = []
    for i, (tpid, tci) in enumerate(reversed(key.tags)):
        pushed = b.band(tci, b.bv(0xFFFF ^ CFI, 16))
        if i < common:
            kept = b.and_(*same[: i + 1])
            old = frame.tags[-1 - i]
            tags.append((b.ite(kept, old[0], tpid), b.ite(kept, old[1], pushed)))
        else:
            tags.append((tpid, pushed))
    return replace(frame, tags=tuple(reversed(tags)))


def _commit_labels(key: Key, base: Key, frame: Frame) -> Frame:
    """``commit_mpls_action``: entries that differ are popped, set or pushed; the type follows a push or a pop."""
    if key.labels == base.labels and key.shape[1] == base.shape[1]:
        return frame
    frame = replace(frame, labels=key.labels)
    if len(key.labels) == len(base.labels):
        return frame
    kind = key.get("eth_type")
    if frame.tags and frame.snap:  # set_ethertype: behind a tag, the two bytes before the labels
        return replace(frame, snap=(*frame.snap[:6], *b.chunks(kind, 8)))
    return replace(frame, kind=kind)


def _commit_network(key: Key, base: Key, frame: Frame, view: View) -> Frame:
    """``commit_set_nw_action``, ``commit_set_port_action`` and ``commit_set_icmp_action``."""
    if base.labels or frame.labels:
        return frame
    kind = base.get("eth_type")
    written = Bytes(frame)
    is_ip4 = b.eq(kind, b.bv(ETH_IP, 16))
    is_ip6 = b.eq(kind, b.bv(ETH_IPV6, 16))
    is_arp = one_of(kind, (ETH_ARP, ETH_RARP))
    there = b.ne(key.get("nw_proto"), b.bv(0, 8))
    if is_ip4 is not FALSE:
        _set_ipv4(key, base, written, view, b.and_(is_ip4, there))
    if is_ip6 is not FALSE:
        _set_ipv6(key, base, written, view, b.and_(is_ip6, there))
    if is_arp is not FALSE:
        _set_arp(key, base, written, b.and_(is_arp, b.ne(key.get("arp_op"), b.bv(0, 8))))
    if view.transport is not None:
        _set_transport(key, base, written, view, b.and_(b.or_(is_ip4, is_ip6), there))
    return written.done()


def _differs(key: Key, base: Key, name: str) -> Term:
    return b.ne(key.get(name), base.get(name))


def finished(total: Term) -> Term:
    """``csum_finish``: a 32-bit sum folded to 16 bits twice, complemented."""
    once = b.add(b.zext(b.extract(total, 15, 0), 32), b.zext(b.extract(total, 31, 16), 32))
    twice = b.add(b.extract(once, 15, 0), b.extract(once, 31, 16))
    return b.bnot(twice)


def updated(checksum: Term, old: Term, new: Term) -> Term:
    """``recalc_csum16`` for each 16 bits of ``old`` and ``new``, the last ones first (``recalc_csum32``)."""
    for before, after in zip(reversed(b.chunks(old, 16)), reversed(b.chunks(new, 16)), strict=True):
        parts = (b.bnot(checksum), b.bnot(before), after)
        total = b.bv(0, 32)
        for part in parts:
            total = b.add(total, b.zext(part, 32))
        checksum = finished(total)
    return checksum


def _recount(written: Bytes, at: int, old: Term, new: Term, when: Term) -> None:
    """The checksum at ``at`` follows a change from ``old`` to ``new``."""
    written.put(at, updated(written.get(at, 2), old, new), when)


def _set_ipv4(key: Key, base: Key, written: Bytes, view: View, when: Term) -> None:
    """``odp_set_ipv4``: addresses, then TOS, then TTL."""
    for name, at in (("ip_src", 12), ("ip_dst", 16)):
        changed = b.and_(when, _differs(key, base, name))
        if changed is FALSE:
            continue
        old, new = base.get(name), key.get(name)
        _recount_transport(written, view, old, new, changed)
        _recount(written, 10, old, new, changed)
        written.put(at, new, changed)
    for name, at, high in (("nw_tos", 1, False), ("nw_ttl", 8, True)):
        changed = b.and_(when, _differs(key, base, name))
        if changed is FALSE:
            continue
        zero = b.bv(0, 8)
        old, new = (
            b.concat(value, zero) if high else b.concat(zero, value) for value in (base.get(name), key.get(name))
        )
        _recount(written, 10, old, new, changed)
        written.put(at, key.get(name), changed)


def _recount_transport(written: Bytes, view: View, old: Term, new: Term, when: Term) -> None:
    """TCP's or UDP's checksum (in IPv6 also ICMP's) follows a change of an address."""
    checksum = {6: _TCP_CSUM, 17: _UDP_CSUM, 58: _ICMP_CSUM}.get(view.protocol)
    if view.transport is not None and checksum is not None:
        _recount_one(written, view.transport + checksum, old, new, when, udp=view.protocol == 17)


def _recount_one(written: Bytes, at: int, old: Term, new: Term, when: Term, *, udp: bool) -> None:
    if not udp:
        _recount(written, at, old, new, when)
        return
    before = written.get(at, 2)
    after = updated(before, old, new)
    zero = b.bv(0, 16)
    after = b.ite(b.eq(after, zero), b.bv(0xFFFF, 16), after)
    written.put(at, after, b.and_(when, b.ne(before, zero)))


def _set_ipv6(key: Key, base: Key, written: Bytes, view: View, when: Term) -> None:
    """``packet_set_ipv6``: addresses, then traffic class, flow label and hop limit."""
    for name, at in (("ipv6_src", 8), ("ipv6_dst", 24)):
        changed = b.and_(when, _differs(key, base, name))
        if changed is FALSE:
            continue
        old, new = base.get(name), key.get(name)
        _recount_transport(written, view, old, new, changed)
        written.put(at, new, changed)
    first = b.and_(when, b.or_(_differs(key, base, "nw_tos"), _differs(key, base, "ipv6_label")))
    if first is not FALSE:
        version = b.extract(written.get(0, 1), 7, 4)
        written.put(0, b.concat(version, key.get("nw_tos"), key.get("ipv6_label")), first)
    changed = b.and_(when, _differs(key, base, "nw_ttl"))
    if changed is not FALSE:
        written.put(7, key.get("nw_ttl"), changed)


def _set_arp(key: Key, base: Key, written: Bytes, when: Term) -> None:
    """``set_arp`` of ``lib/odp-execute.c``."""
    for name, at in (("arp_sha", 8), ("arp_spa", 14), ("arp_tha", 18), ("arp_tpa", 24)):
        changed = b.and_(when, _differs(key, base, name))
        if changed is not FALSE:
            written.put(at, key.get(name), changed)
    changed = b.and_(when, _differs(key, base, "arp_op"))
    if changed is not FALSE:
        written.put(6, b.zext(key.get("arp_op"), 16), changed)


def _set_transport(key: Key, base: Key, written: Bytes, view: View, when: Term) -> None:
    """``packet_set_tcp_port``, ``packet_set_udp_port``, ``packet_set_sctp_port`` and ``packet_set_icmp``."""
    assert view.transport is not None
    ports = {name: b.and_(when, _differs(key, base, name)) for name in ("tp_src", "tp_dst")}
    if all(changed is FALSE for changed in ports.values()):
        return
    if view.protocol in (6, 17):
        _set_ports(key, base, written, view, ports)
    else:
        _set_icmp(key, written, view.transport, ports)


def _set_ports(key: Key, base: Key, written: Bytes, view: View, changes: Mapping[str, Term]) -> None:
    """``packet_set_tcp_port`` and ``packet_set_udp_port``."""
    assert view.transport is not None
    udp = view.protocol == 17
    if not udp:  # odp_set_tcp leaves a header alone that is not whole
        whole = options_whole(written.get(view.transport + 12, 1), view.size)
        changes = {name: b.and_(changed, whole) for name, changed in changes.items()}
    checksum = view.transport + (_UDP_CSUM if udp else _TCP_CSUM)
    before = after = written.get(checksum, 2)
    for i, (name, changed) in enumerate(changes.items()):
        after = b.ite(changed, updated(after, base.get(name), key.get(name)), after)
        written.put(view.transport + 2 * i, key.get(name), changed)
    when = b.or_(*changes.values())
    zero = b.bv(0, 16)
    if udp:
        when = b.and_(when, b.ne(before, zero))
        after = b.ite(b.eq(after, zero), b.bv(0xFFFF, 16), after)
    written.put(checksum, after, when)


def _set_icmp(key: Key, written: Bytes, at: int, changes: Mapping[str, Term]) -> None:
    """``packet_set_icmp``: type and code are written at once, what they were is read from the frame.

    The key of a later fragment has neither, so there the one that nobody wrote becomes 0.
    """
    old = written.get(at, 2)
    new = b.concat(*(b.extract(key.get(name), 7, 0) for name in changes))
    when = b.and_(b.or_(*changes.values()), b.ne(old, new))
    _recount(written, at + _ICMP_CSUM, old, new, when)
    written.put(at, new, when)
