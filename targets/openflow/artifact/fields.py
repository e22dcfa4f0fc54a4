"""The fields of Open vSwitch's flow key, the names that its tools give them, and what a match on one needs.

Source: ``ovs-fields(7)``, ``lib/meta-flow.h``, ``lib/match.c`` and ``parse_ofp_str__`` of Open vSwitch 3.1. Fields are
those of ``struct flow``: ``tcp_dst``, ``udp_dst`` and ``icmp_code`` are one field, ``tp_dst``, with other needs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from .flows import NO_PREREQUISITES, Bits, Prerequisites

Style = Literal["decimal", "hex", "mac", "ipv4", "ipv6", "port", "frag", "tcp_flags", "ct_state"]

ETH_IP: Final = 0x0800
ETH_ARP: Final = 0x0806
ETH_RARP: Final = 0x8035
ETH_ARP_RARP: Final = (ETH_ARP, ETH_RARP)
ETH_IPV6: Final = 0x86DD
ETH_MPLS: Final = (0x8847, 0x8848)
ETH_VLAN: Final = (0x8100, 0x88A8)
TCP, UDP, SCTP, ICMP, ICMPV6 = 6, 17, 132, 1, 58

CFI: Final = 0x1000
"""The bit of ``vlan_tci`` that says that there is a tag (``VLAN_CFI``)."""
REGISTERS: Final = 16
FRAG_ANY: Final = 1
FRAG_LATER: Final = 2


@dataclass(frozen=True, slots=True)
class FlowField:
    """One field of the flow key: its name here and in ``ovs-ofctl``, its width in bits, how it is written."""

    name: str
    width: int
    style: Style
    maskable: bool = True
    writable: bool = True


def _table(*fields: FlowField) -> Mapping[str, FlowField]:
    return {field.name: field for field in fields}


FIELDS: Final = _table(
    FlowField("in_port", 16, "port", maskable=False),
    FlowField("metadata", 64, "hex"),
    *(FlowField(f"reg{i}", 32, "hex") for i in range(REGISTERS)),
    FlowField("tun_id", 64, "hex"),
    FlowField("tun_src", 32, "ipv4"),
    FlowField("tun_dst", 32, "ipv4"),
    FlowField("ct_state", 32, "ct_state", writable=False),
    FlowField("ct_zone", 16, "decimal", writable=False),
    FlowField("ct_mark", 32, "hex", writable=False),
    FlowField("ct_label", 128, "hex", writable=False),
    FlowField("pkt_mark", 32, "hex"),
    FlowField("conj_id", 32, "decimal", maskable=False, writable=False),
    FlowField("eth_src", 48, "mac"),
    FlowField("eth_dst", 48, "mac"),
    FlowField("eth_type", 16, "hex", maskable=False, writable=False),
    FlowField("vlan_tci", 16, "hex"),
    FlowField("mpls_label", 20, "decimal", maskable=False),
    FlowField("mpls_tc", 3, "decimal", maskable=False),
    FlowField("mpls_bos", 1, "decimal", maskable=False, writable=False),
    FlowField("mpls_ttl", 8, "decimal", maskable=False),
    FlowField("ip_src", 32, "ipv4"),
    FlowField("ip_dst", 32, "ipv4"),
    FlowField("ipv6_src", 128, "ipv6"),
    FlowField("ipv6_dst", 128, "ipv6"),
    FlowField("ipv6_label", 20, "hex"),
    FlowField("nw_proto", 8, "decimal", maskable=False, writable=False),
    FlowField("nw_tos", 8, "decimal"),
    FlowField("nw_ttl", 8, "decimal", maskable=False),
    FlowField("nw_frag", 2, "frag", writable=False),
    FlowField("arp_op", 8, "decimal", maskable=False),
    FlowField("arp_spa", 32, "ipv4"),
    FlowField("arp_tpa", 32, "ipv4"),
    FlowField("arp_sha", 48, "mac"),
    FlowField("arp_tha", 48, "mac"),
    FlowField("tp_src", 16, "decimal"),
    FlowField("tp_dst", 16, "decimal"),
    FlowField("tcp_flags", 12, "tcp_flags", writable=False),
)
"""Every field that is modelled, by its name here."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name that the tools know: bits ``[low, low + width)`` of a field, and what a match on it needs."""

    field: str
    low: int = 0
    width: int = 0
    """0: the whole field."""
    needs: Prerequisites = NO_PREREQUISITES
    """What a match on it needs."""
    style: Style | None = None
    """How its values are written, where that is not how the field's are."""
    counts: int | None = None
    """Bits of its values that count (``nw_tos`` leaves out the two of ECN); None: all."""

    @property
    def bits(self) -> int:
        """Its width."""
        return self.width or FIELDS[self.field].width

    @property
    def written(self) -> Style:
        """How its values are written."""
        return self.style or FIELDS[self.field].style


_IP4: Final = Prerequisites((ETH_IP,))
_IP6: Final = Prerequisites((ETH_IPV6,))
_IP: Final = Prerequisites((ETH_IP, ETH_IPV6))
_ARP: Final = Prerequisites(ETH_ARP_RARP)
_MPLS: Final = Prerequisites(ETH_MPLS)
_TAG: Final = Prerequisites(tagged=True)


TUNNEL: Final = ("tun_id", "tun_src", "tun_dst")
"""Of the tunnel that a frame came by, and is sent by: 0, and without effect, where no port is a tunnel."""
TRACKING: Final = ("ct_state", "ct_zone", "ct_mark", "ct_label")
"""Of the connection that a frame belongs to: 0 before an action has asked for it."""
WIDE: Final[Mapping[str, tuple[str, ...]]] = {
    **{f"xreg{i}": (f"reg{2 * i}", f"reg{2 * i + 1}") for i in range(REGISTERS // 2)},
    **{f"xxreg{i}": tuple(f"reg{4 * i + j}" for j in range(4)) for i in range(REGISTERS // 4)},
}
"""Names of several registers together, the highest bits first (``lib/meta-flow.h``)."""
WIDTH_OF_REGISTER: Final = 32
_WIDE_NXM: Final = {
    **{f"OXM_OF_PKT_REG{i}": f"xreg{i}" for i in range(REGISTERS // 2)},
    **{f"NXM_NX_XXREG{i}": f"xxreg{i}" for i in range(REGISTERS // 4)},
}
_UNMODELLED: Final = re.compile(
    r"(?:ct_(?:nw_src|nw_dst|nw_proto|tp_src|tp_dst|ipv6_src|ipv6_dst)|nd_(?:target|sll|tll|reserved|options_type)|"
    r"tun_(?:ipv6_src|ipv6_dst|gbp_id|gbp_flags|flags|ttl|tos|erspan_[a-z]+|gtpu_[a-z]+|metadata[0-9]{1,2})|"
    r"dp_hash|recirc_id|skb_priority|actset_output|packet_type|nsh_[a-z0-9]+)\Z"
)
"""Fields of ``lib/meta-flow.h`` that are not modelled."""


def _over(ip: Prerequisites, *protocols: int) -> Prerequisites:
    return Prerequisites(ip.types, protocols)


def _names() -> dict[str, Name]:
    names = {name: Name(name) for name in ("in_port", "metadata", "eth_src", "eth_dst", "eth_type", "vlan_tci")}
    names |= {f"reg{i}": Name(f"reg{i}") for i in range(REGISTERS)}
    names |= {name: Name(name) for name in (*TUNNEL, *TRACKING, "pkt_mark", "conj_id")}
    names |= {name: Name(name, needs=_MPLS) for name in ("mpls_label", "mpls_tc", "mpls_bos", "mpls_ttl")}
    names |= {name: Name(name, needs=_IP4) for name in ("ip_src", "ip_dst")}
    names |= {name: Name(name, needs=_IP6) for name in ("ipv6_src", "ipv6_dst", "ipv6_label")}
    names |= {name: Name(name, needs=_IP) for name in ("nw_proto", "nw_ttl", "nw_frag")}
    names |= {name: Name(name, needs=_ARP) for name in ("arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha")}
    names["nw_tos"] = Name("nw_tos", needs=_IP, counts=0xFC)
    names["ip_dscp"] = Name("nw_tos", 2, 6, _IP)
    names["nw_ecn"] = Name("nw_tos", 0, 2, _IP)
    names["vlan_vid"] = Name("vlan_tci", 0, 13, style="decimal", needs=_TAG)
    names["vlan_pcp"] = Name("vlan_tci", 13, 3, style="decimal", needs=_TAG)
    for protocol, number in (("tcp", TCP), ("udp", UDP), ("sctp", SCTP)):
        for end in ("src", "dst"):
            names[f"{protocol}_{end}"] = Name(f"tp_{end}", needs=_over(_IP, number))
    for end in ("src", "dst"):
        names[f"tp_{end}"] = Name(f"tp_{end}", needs=_over(_IP, TCP, UDP, SCTP))
    names["icmp_type"] = Name("tp_src", 0, 8, _over(_IP4, ICMP))
    names["icmp_code"] = Name("tp_dst", 0, 8, _over(_IP4, ICMP))
    names["icmpv6_type"] = Name("tp_src", 0, 8, _over(_IP6, ICMPV6))
    names["icmpv6_code"] = Name("tp_dst", 0, 8, _over(_IP6, ICMPV6))
    names["tcp_flags"] = Name("tcp_flags", needs=_over(_IP, TCP))
    return names


_OTHER_NAMES: Final = {
    "dl_src": "eth_src",
    "dl_dst": "eth_dst",
    "dl_type": "eth_type",
    "nw_src": "ip_src",
    "nw_dst": "ip_dst",
    "ip_proto": "nw_proto",
    "ip_ttl": "nw_ttl",
    "ip_frag": "nw_frag",
    "ip_ecn": "nw_ecn",
    "arp_opcode": "arp_op",
    "icmp6_type": "icmpv6_type",
    "icmp6_code": "icmpv6_code",
    "dl_vlan_pcp": "vlan_pcp",
    "tunnel_id": "tun_id",
}
_NXM: Final = {
    "NXM_OF_IN_PORT": "in_port",
    "OXM_OF_METADATA": "metadata",
    "NXM_NX_TUN_ID": "tun_id",
    "NXM_NX_TUN_IPV4_SRC": "tun_src",
    "NXM_NX_TUN_IPV4_DST": "tun_dst",
    "NXM_NX_CT_STATE": "ct_state",
    "NXM_NX_CT_ZONE": "ct_zone",
    "NXM_NX_CT_MARK": "ct_mark",
    "NXM_NX_CT_LABEL": "ct_label",
    "NXM_NX_PKT_MARK": "pkt_mark",
    "NXM_NX_CONJ_ID": "conj_id",
    "NXM_OF_ETH_SRC": "eth_src",
    "NXM_OF_ETH_DST": "eth_dst",
    "NXM_OF_ETH_TYPE": "eth_type",
    "NXM_OF_VLAN_TCI": "vlan_tci",
    "OXM_OF_VLAN_VID": "vlan_vid",
    "OXM_OF_VLAN_PCP": "vlan_pcp",
    "OXM_OF_MPLS_LABEL": "mpls_label",
    "OXM_OF_MPLS_TC": "mpls_tc",
    "NXM_OF_IP_SRC": "ip_src",
    "NXM_OF_IP_DST": "ip_dst",
    "OXM_OF_IP_DSCP": "ip_dscp",
    "OXM_OF_IP_ECN": "nw_ecn",
    "NXM_NX_IP_ECN": "nw_ecn",
    "NXM_OF_IP_TOS": "nw_tos",
    "NXM_OF_IP_PROTO": "nw_proto",
    "NXM_NX_IP_TTL": "nw_ttl",
    "NXM_NX_IPV6_SRC": "ipv6_src",
    "NXM_NX_IPV6_DST": "ipv6_dst",
    "NXM_OF_TCP_SRC": "tcp_src",
    "NXM_OF_TCP_DST": "tcp_dst",
    "NXM_OF_UDP_SRC": "udp_src",
    "NXM_OF_UDP_DST": "udp_dst",
    "NXM_OF_ARP_SPA": "arp_spa",
    "NXM_OF_ARP_TPA": "arp_tpa",
    "NXM_NX_ARP_SHA": "arp_sha",
    "NXM_NX_ARP_THA": "arp_tha",
    **{f"NXM_NX_REG{i}": f"reg{i}" for i in range(REGISTERS)},
    "NXM_NX_IP_FRAG": "nw_frag",
    "NXM_NX_MPLS_TTL": "mpls_ttl",
    "NXM_NX_TCP_FLAGS": "tcp_flags",
    "NXM_NX_IPV6_LABEL": "ipv6_label",
    "NXM_NX_ICMPV6_TYPE": "icmpv6_type",
    "NXM_NX_ICMPV6_CODE": "icmpv6_code",
    **{f"NXM_OF_{name.upper()}": name for name in ("arp_op", "icmp_type", "icmp_code")},
    **{
        f"OXM_OF_{name.upper()}": name
        for name in (
            "in_port", "eth_src", "eth_dst", "eth_type", "ip_proto", "tcp_src", "tcp_dst", "udp_src", "udp_dst",
            "sctp_src", "sctp_dst", "arp_op", "arp_spa", "arp_tpa", "arp_sha", "arp_tha", "ipv6_src", "ipv6_dst",
            "mpls_bos", "tcp_flags", "icmpv6_type", "icmpv6_code",
        )
    },
    "OXM_OF_IPV4_SRC": "ip_src",
    "OXM_OF_IPV4_DST": "ip_dst",
    "OXM_OF_IPV6_FLABEL": "ipv6_label",
    "OXM_OF_ICMPV4_TYPE": "icmp_type",
    "OXM_OF_ICMPV4_CODE": "icmp_code",
    "OXM_OF_TUNNEL_ID": "tun_id",
}  # fmt: skip

NAMES: Final = _names()
"""Every name that the tools know for a modelled field."""


def find(name: str) -> Name | None:
    """The field that a name of the tools stands for; None if it is not modelled."""
    plain = _NXM.get(name, name)
    return NAMES.get(_OTHER_NAMES.get(plain, plain))


def wide(name: str) -> tuple[str, ...] | None:
    """The registers that a name stands for together, the highest bits first; None: it is no such name."""
    return WIDE.get(_WIDE_NXM.get(name, name))


def wide_name(field: str) -> str:
    """The name of registers together in ``push`` and ``pop``."""
    return next(full for full, name in _WIDE_NXM.items() if name == field)


def unmodelled(name: str) -> bool:
    """Whether the tools know a field of this name that is not modelled."""
    return _UNMODELLED.match(re.sub(r"\A[NO]XM_(?:OF|NX)_", "", name).lower()) is not None


def nxm(part: Bits) -> tuple[str, Name]:
    """The name in ``move`` and ``output`` of a field that has these bits: one that needs the same, if there is one;
    Nicira's names first, then the tools'."""
    names = {full: NAMES[_OTHER_NAMES.get(name, name)] for full, name in _NXM.items()} | NAMES
    end = part.low + part.width
    fitting = [
        (f, n) for f, n in names.items() if n.field == part.field and n.low <= part.low and end <= n.low + n.bits
    ]
    alike = [(full, name) for full, name in fitting if name.needs == part.needs]
    return (alike or fitting)[0]


SHORTHANDS: Final[Mapping[str, tuple[int, int | None]]] = {
    "ip": (ETH_IP, None),
    "ipv4": (ETH_IP, None),
    "ip4": (ETH_IP, None),
    "icmp": (ETH_IP, ICMP),
    "tcp": (ETH_IP, TCP),
    "udp": (ETH_IP, UDP),
    "sctp": (ETH_IP, SCTP),
    "arp": (ETH_ARP, None),
    "rarp": (ETH_RARP, None),
    "ipv6": (ETH_IPV6, None),
    "ip6": (ETH_IPV6, None),
    "icmp6": (ETH_IPV6, ICMPV6),
    "tcp6": (ETH_IPV6, TCP),
    "udp6": (ETH_IPV6, UDP),
    "sctp6": (ETH_IPV6, SCTP),
    "mpls": (ETH_MPLS[0], None),
    "mplsm": (ETH_MPLS[1], None),
}
"""Words of a match that stand for an Ethernet type and an IP protocol (``ovs-ofctl(8)``)."""
