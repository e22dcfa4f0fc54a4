"""The artifact as data: an ordered list of flower filters on one hook of one device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ....semantics.source import NOWHERE, Span
from ...tc.artifact.actions import MAX_ACTIONS, Action, within
from ...tc.artifact.filters import MATCHALL as MATCHALL
from ...tc.artifact.hooks import Hook
from ...tc.artifact.protocols import ETH_P_ALL
from .fields import (
    ETH_ARP,
    ETH_IP,
    ETH_IP6,
    ETH_MPLS,
    ETH_PPPOE,
    ETH_RARP,
    ETH_VLAN,
    FIELDS,
    ICMP,
    ICMP6,
    MAX_LSE,
    ORDER,
    PPP_TYPES,
    SCTP,
    TCP,
    UDP,
)

PORT_PROTOCOLS: Final = (TCP, UDP, SCTP)
FLOWER: Final = "flower"
KINDS: Final = (FLOWER, MATCHALL)
"""The classifiers whose filters a list may have."""


@dataclass(frozen=True, slots=True)
class Match:
    """``field`` of the packet, and'ed with ``mask``, is ``value`` (which has no bit outside the mask)."""

    field: str
    value: int
    mask: int

    def __post_init__(self) -> None:
        known = FIELDS.get(self.field)
        if known is None:
            raise ValueError(f"there is no key {self.field}")
        within(f"mask of {self.field}", self.mask, 0, known.whole)
        if self.value & ~self.mask:
            raise ValueError(f"{self.field} has bits outside its mask")
        if self.mask != known.whole and not known.masked:
            raise ValueError(f"{self.field} cannot be masked")


@dataclass(frozen=True, slots=True)
class Range:
    """A port from ``low`` to ``high``; field ``src_port`` or ``dst_port``."""

    field: Literal["src_port", "dst_port"]
    low: int
    high: int

    def __post_init__(self) -> None:
        within(f"end of {self.field}", self.high, 0, 0xFFFF)
        if not 0 < self.low < self.high:
            raise ValueError(f"{self.field}: {self.low}-{self.high} is not a range of ports from 1 on")


Key = Match | Range


@dataclass(frozen=True, slots=True)
class FlowerFilter:
    """One ``tc filter add ... flower``, or ``matchall``.

    Filters of one chain are tried by ``pref``, lowest first; all filters of a chain with the same ``pref`` form one
    classifier and have one ``protocol`` and one ``kind``. ``pref`` 0 and ``handle`` 0 are chosen by the kernel.
    """

    pref: int
    protocol: int = ETH_P_ALL
    """Ethernet type of the frames that it sees, of the outer VLAN tag where there is one; but for "all", also the key
    ``eth_type``, as ``tc`` gives it."""
    keys: tuple[Key, ...] = ()
    """Each field at most once, in the order of :data:`.fields.FIELDS`."""
    actions: tuple[Action, ...] = ()
    chain: int = 0
    handle: int = 0
    indev: int | None = None
    """Only frames received on this port."""
    classid: int | None = None
    hw_tc: int | None = None
    skip_hw: bool = False
    skip_sw: bool = False
    in_hw: bool | None = None
    """What a dump says of it."""
    span: Span = field(default=NOWHERE, compare=False)
    kind: Literal["flower", "matchall"] = FLOWER
    """``matchall`` takes every frame of its protocol and looks into none, so it has no keys."""

    def __post_init__(self) -> None:
        within("pref", self.pref, 0, 0xFFFF)
        within("protocol", self.protocol, 0, 0xFFFF)
        within("chain", self.chain, 0, (1 << 28) - 1)
        within("handle", self.handle, 0, 0xFFFFFFFF)
        within("classid", self.classid or 0, 0, 0xFFFFFFFF)
        within("hw_tc", self.hw_tc or 0, 0, 15)
        within("number of actions", len(self.actions), 0, MAX_ACTIONS)
        if self.kind == MATCHALL and (self.keys or self.indev is not None or self.hw_tc is not None):
            raise ValueError("matchall has neither keys nor indev nor hw_tc")
        if self.hw_tc is not None and self.classid is not None:
            raise ValueError("hw_tc is a class id: there cannot be two")
        if self.skip_hw and self.skip_sw:
            raise ValueError("skip_hw and skip_sw exclude each other")
        places = [ORDER[key.field] for key in self.keys]
        if places != sorted(set(places)):
            raise ValueError("keys are given twice or out of order")
        wrong = misplaced(self.protocol, self.keys)
        if wrong is not None:
            raise ValueError(wrong)

    @property
    def class_kept(self) -> int:
        """The class id; 0 for none. ``hw_tc N`` is one of the device's ingress qdisc (``TC_H_MIN_PRIORITY + N``)."""
        return first_class(Hook()) + self.hw_tc if self.hw_tc is not None else self.classid or 0

    def exact(self, name: str) -> int | None:
        """The value that a key asks for, if the filter has it and it is not masked."""
        return _exact(self.keys, name)


def first_class(hook: Hook) -> int:
    """``hw_tc 0`` as a class id: ``TC_H_MIN_PRIORITY`` of the ingress qdisc; ``tc`` names none for a shared block."""
    return 0xFFE0 if hook.block is not None else 0xFFFFFFE0


def ordered(keys: Mapping[str, Key]) -> tuple[Key, ...]:
    """Keys by the order of :data:`.fields.FIELDS`."""
    return tuple(keys[name] for name in FIELDS if name in keys)


def _exact(keys: tuple[Key, ...], name: str) -> int | None:
    for key in keys:
        if key.field == name and isinstance(key, Match) and key.mask == FIELDS[name].whole:
            return key.value
    return None


def network_type(protocol: int, keys: tuple[Key, ...]) -> int | None:
    """The Ethernet type that the filter asks for behind VLAN tags and PPPoE (key ``eth_type``); None: any."""
    return _type_behind(protocol, keys, 0)


def shown_type(protocol: int, keys: tuple[Key, ...]) -> int | None:
    """What the kernel shows as key ``eth_type``; None: nothing. Where more tags are asked for (``num_of_vlans``), it
    has taken the type for a tag's (``is_vlan_key`` of ``cls_flower.c``), and there is no key of one behind."""
    return _type_behind(protocol, keys, _exact(keys, "num_of_vlans") or 0)


def _type_behind(protocol: int, keys: tuple[Key, ...], tags: int) -> int | None:
    kind: int | None = None if protocol == ETH_P_ALL else protocol
    for depth, which in enumerate(("vlan_ethtype", "cvlan_ethtype")):
        if kind in ETH_VLAN or tags > depth:
            kind = _exact(keys, which)
    if kind != ETH_PPPOE:
        return kind
    carried = _exact(keys, "ppp_proto")
    return None if carried is None else PPP_TYPES.get(carried, ETH_PPPOE)


def misplaced(protocol: int, keys: tuple[Key, ...]) -> str | None:
    """What is wrong if a key stands without the one that it depends on; ``tc`` refuses that, the kernel ignores it."""
    for key in keys:
        needs = _needs(key.field, protocol, keys)
        if needs is not None:
            return f"{FIELDS[key.field].word} needs {needs}"
    return None


def _needs(name: str, protocol: int, keys: tuple[Key, ...]) -> str | None:
    """What a key needs and does not have."""
    kind = network_type(protocol, keys)
    ip_proto = _exact(keys, "ip_proto")
    vlans = _exact(keys, "num_of_vlans") or 0
    if name.startswith("vlan_"):
        return None if protocol in ETH_VLAN or vlans else "protocol 802.1q or 802.1ad"
    if name.startswith("cvlan_"):
        inner = protocol in ETH_VLAN and _exact(keys, "vlan_ethtype") in ETH_VLAN
        return None if inner or vlans > 1 else "vlan_ethtype 802.1q or 802.1ad"
    if name.startswith("ppp"):
        outer = [protocol, _exact(keys, "vlan_ethtype"), _exact(keys, "cvlan_ethtype")]
        return None if ETH_PPPOE in outer else "protocol ppp_ses"
    if name in ("ip_proto", "ip_tos", "ip_ttl"):
        return None if kind in (ETH_IP, ETH_IP6) else "protocol ip or ipv6"
    if name in ("src_ip", "dst_ip"):
        return None if kind == ETH_IP else "protocol ip"
    if name in ("src_ip6", "dst_ip6"):
        return None if kind == ETH_IP6 else "protocol ipv6"
    if name in ("src_port", "dst_port"):
        return None if ip_proto in PORT_PROTOCOLS else "ip_proto tcp, udp or sctp"
    if name == "tcp_flags":
        return None if ip_proto == TCP else "ip_proto tcp"
    if name.startswith("icmp_"):
        return None if (kind, ip_proto) in ((ETH_IP, ICMP), (ETH_IP6, ICMP6)) else "ip_proto icmp or icmpv6"
    if name.startswith("arp_"):
        return None if kind in (ETH_ARP, ETH_RARP) else "protocol arp or rarp"
    return "protocol mpls_uc or mpls_mc" if name.startswith("mpls_") and kind not in ETH_MPLS else None


def depths(keys: tuple[Key, ...]) -> list[int]:
    """The label stack entries that keys ask for, from 1 on."""
    asked = {int(key.field.partition("@")[2]) for key in keys if "@" in key.field}
    return [depth for depth in range(1, MAX_LSE + 1) if depth in asked]


PLAIN: Final = "plain"
TYPES_TOLD: Final = "types-told"
TAGS_WHOLE: Final = "tags-whole"
CHECKSUMS_RIGHT: Final = "checksums-right"
UNFRAGMENTED: Final = "unfragmented"
ASSUMPTIONS: Final = {
    PLAIN: "frames are plain: a second tag is whole; IPv4 is version 4, whole, without options; IPv6 is version 6,"
    " whole, without extension headers; neither carries MPLS; TCP, UDP, SCTP and ICMP have their whole headers, but for"
    " fragments; ARP is a request or reply, Ethernet's for IPv4; label stack entries are whole",
    TYPES_TOLD: "IP carries no MPLS, and IPv6 has no extension headers: otherwise flower's type of a frame may not be"
    " that of its Ethernet header",
    TAGS_WHOLE: "VLAN tags are whole, down to the third: the kernel drops a frame whose next tag it cannot take up",
    UNFRAGMENTED: "IPv4 packets are no fragments, whose ports flower does not see",
    CHECKSUMS_RIGHT: "IPv4's header checksum is right, where the header is whole and has no options",
}
"""What filters may be made for: name → what holds of frames. A comment in their file says it."""


@dataclass(frozen=True, slots=True)
class FilterList:
    """The artifact: the filters in the order in which they are added, on one hook."""

    filters: tuple[FlowerFilter, ...]
    hook: Hook = Hook()
    name: str = field(default="", compare=False)
    """The file that it came from."""
    assumes: tuple[str, ...] = ()
    """What is assumed of frames: names of :data:`ASSUMPTIONS`."""
