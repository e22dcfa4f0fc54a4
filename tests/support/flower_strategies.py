"""Hypothesis strategies for flower filters: what the data type holds and ``tc`` has words for."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from p4verify.targets.flower.artifact import (
    ETH_ARP,
    ETH_IP,
    ETH_IP6,
    ETH_MPLS,
    FIELDS,
    ICMP,
    ICMP6,
    MATCHALL,
    SCTP,
    TCP,
    UDP,
    FilterList,
    FlowerField,
    FlowerFilter,
    Key,
    Match,
    Range,
    ordered,
)
from p4verify.targets.flower.artifact.script import tidied
from p4verify.targets.tc.artifact.hooks import Hook

from .tc_actions import PORTS, actions

_IP_PROTOCOLS = [TCP, UDP, SCTP, ICMP, ICMP6, 47]
_SET = {"vlan_ethtype", "cvlan_ethtype", "ip_proto"}


def _mask(field: FlowerField) -> st.SearchStrategy[int]:
    if not field.masked:
        return st.just(field.whole)
    if field.form in ("ip", "ip6"):
        return st.integers(0, field.width).map(lambda n: field.whole ^ (field.whole >> n))
    if field.form == "ip_flags":
        return st.integers(1, 3)
    return st.integers(1, 63) if field.form == "ct_state" else st.integers(0, field.whole)


def match(name: str) -> st.SearchStrategy[Key]:
    """A key of a field with any mask that tc can say."""
    field = FIELDS[name]
    top = {"arp_op": 2, "num_of_vlans": 255}.get(name, field.whole)
    one: st.SearchStrategy[Key] = st.builds(
        lambda value, mask: Match(name, value & mask, mask), st.integers(0, top), _mask(field)
    )
    if name in ("src_port", "dst_port"):
        ends = st.lists(st.integers(1, 0xFFFF), min_size=2, max_size=2, unique=True).map(sorted)
        return one | ends.map(lambda pair: Range(name, *pair))  # type: ignore[arg-type]
    return one


def fitting(protocol: int, vlan: int | None, cvlan: int | None, ip_proto: int | None) -> list[str]:
    """The fields that a filter for these types may have."""
    names = ["dst_mac", "src_mac", "num_of_vlans", "enc_key_id", "enc_dst_ip", "enc_tos", "ct_state", "ip_flags"]
    kind: int | None = protocol
    if protocol == 0x8100:
        names += ["vlan_id", "vlan_prio"]
        kind = vlan
        if vlan == 0x88A8:
            names += ["cvlan_id", "cvlan_prio"]
            kind = cvlan
    if kind in (ETH_IP, ETH_IP6):
        names += ["ip_tos", "ip_ttl", *(("src_ip", "dst_ip") if kind == ETH_IP else ("src_ip6", "dst_ip6"))]
        names += ["src_port", "dst_port"] * (ip_proto in (TCP, UDP, SCTP)) + ["tcp_flags"] * (ip_proto == TCP)
        names += ["icmp_type", "icmp_code"] * ((kind, ip_proto) in ((ETH_IP, ICMP), (ETH_IP6, ICMP6)))
    elif kind == ETH_ARP:
        names += ["arp_sip", "arp_tip", "arp_op", "arp_sha", "arp_tha"]
    elif kind in ETH_MPLS:
        names += [f"mpls_{part}@{depth}" for part in ("label", "tc", "bos", "ttl", "lse") for depth in (1, 2, 7)]
    return names


@st.composite
def keys(draw: st.DrawFn, protocol: int) -> tuple[Key, ...]:
    """Keys that go with a protocol and with one another."""
    types = st.none() | st.sampled_from([ETH_IP, ETH_IP6, ETH_ARP, 0x8847, 0x88B5])
    vlan = draw(types | st.just(0x88A8)) if protocol == 0x8100 else None
    cvlan = draw(types) if vlan == 0x88A8 else None
    kind = protocol if protocol != 0x8100 else cvlan if vlan == 0x88A8 else vlan
    ip_proto = draw(st.none() | st.sampled_from(_IP_PROTOCOLS)) if kind in (ETH_IP, ETH_IP6) else None
    fixed = {"vlan_ethtype": vlan, "cvlan_ethtype": cvlan, "ip_proto": ip_proto}
    found: dict[str, Key] = {
        name: Match(name, value, FIELDS[name].whole) for name, value in fixed.items() if value is not None
    }
    for name in draw(st.lists(st.sampled_from(fitting(protocol, vlan, cvlan, ip_proto)), max_size=4, unique=True)):
        found[name] = draw(match(name))
    if "mpls_lse@1" in found or any(name.startswith("mpls_lse") for name in found):
        found = {n: Match(n, 1, 1) if n.startswith("mpls_lse") else key for n, key in found.items()}
    return tidied({key.field: key for key in ordered(found)})


@st.composite
def filters(draw: st.DrawFn) -> FlowerFilter:
    """One filter."""
    protocol = draw(st.sampled_from([3, ETH_IP, ETH_IP6, ETH_ARP, 0x8847, 0x8100, 0x88B5]))
    classid = draw(st.none() | st.integers(1, 0xFFFFFFFE))
    if draw(st.integers(0, 4)) == 0:
        return _for_all(draw, protocol, classid)
    return FlowerFilter(
        draw(st.integers(0, 0xFFFF)),
        protocol,
        draw(keys(protocol)),
        tuple(draw(st.lists(actions(), max_size=3))),
        draw(st.integers(0, (1 << 28) - 1)),
        draw(st.integers(0, 0xFFFFFFFF)),
        draw(st.none() | PORTS),
        classid,
        draw(st.none() | st.integers(0, 15)) if classid is None else None,
        draw(st.booleans()),
    )


def _for_all(draw: st.DrawFn, protocol: int, classid: int | None) -> FlowerFilter:
    """One of ``matchall``, which ``tc`` has words for if it has a class or does something."""
    return FlowerFilter(
        draw(st.integers(0, 0xFFFF)),
        protocol,
        actions=tuple(draw(st.lists(actions(), min_size=int(classid is None), max_size=3))),
        chain=draw(st.integers(0, (1 << 28) - 1)),
        handle=draw(st.integers(0, 0xFFFFFFFF)),
        classid=classid,
        skip_hw=draw(st.booleans()),
        kind=MATCHALL,
    )


def lists() -> st.SearchStrategy[FilterList]:
    """A list on some hook."""
    hooks = st.one_of(
        st.builds(Hook, PORTS.map(lambda n: f"port{n}"), st.sampled_from(["ingress", "egress"])),
        st.integers(1, 0xFFFFFFFF).map(lambda block: Hook("", "ingress", block)),
    )
    return st.builds(FilterList, st.lists(filters(), min_size=1, max_size=4).map(tuple), hooks)


def any_masks(filters: FilterList) -> FilterList:
    """The same, where some masks of addresses are none that ``tc`` has words for."""

    def changed(key: Key) -> Key:
        if isinstance(key, Match) and FIELDS[key.field].form in ("ip", "ip6") and key.value % 3:
            mask = key.mask & ~(key.value >> 1 | 2)
            return Match(key.field, key.value & mask, mask)
        return key

    some = (replace(f, keys=tuple(map(changed, f.keys))) for f in filters.filters)
    return replace(filters, filters=tuple(some))
