"""The keys of a flower filter: their names, widths, and how ``tc`` writes and reads them (``tc/f_flower.c``)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ...tc.artifact.tunnel_options import MOST

Form = Literal[
    "decimal", "number", "octet", "hex", "mac", "ip", "ip6", "type", "ip_proto", "arp_op", "ip_flags", "ct_state",
    "label", "options",
]  # fmt: skip
"""``decimal``: base 10, a mask too. ``port``-like ``number``: base 10 or, where C's prefixes are read, any, the mask
with C's prefixes. ``octet``: any base, the mask in base 16. ``hex``: base 16. ``options``: of a tunnel, see
:mod:`.options`."""

MAX_LSE: Final = 7
"""``FLOW_DIS_MPLS_MAX``: label stack entries that are looked at."""
ETH_IP, ETH_IP6, ETH_ARP, ETH_RARP = 0x0800, 0x86DD, 0x0806, 0x8035
ETH_MPLS: Final = (0x8847, 0x8848)
ETH_VLAN: Final = (0x8100, 0x88A8)
ETH_PPPOE: Final = 0x8864
TCP, UDP, SCTP, ICMP, ICMP6 = 6, 17, 132, 1, 58
IP_PROTOCOLS: Final = {"tcp": TCP, "udp": UDP, "sctp": SCTP, "icmp": ICMP, "icmpv6": ICMP6}
IP_FLAGS: Final = {"frag": 1, "firstfrag": 2}
CT_STATES: Final = {"new": 1, "est": 2, "rel": 4, "trk": 8, "inv": 16, "rpl": 32}
ARP_OPS: Final = {"request": 1, "reply": 2}
PPP_TYPES: Final = {0x0021: ETH_IP, 0x0057: ETH_IP6, 0x0281: 0x8847, 0x0283: 0x8848}
"""PPP protocol numbers of network layers that are looked into."""


@dataclass(frozen=True, slots=True)
class FlowerField:
    """``word``: what ``tc`` calls it; ``masked``: whether a mask may be given."""

    name: str
    word: str
    width: int
    form: Form
    masked: bool = False

    @property
    def whole(self) -> int:
        """The mask of all its bits."""
        return (1 << self.width) - 1


def _fields() -> list[FlowerField]:
    plain = [
        FlowerField("num_of_vlans", "num_of_vlans", 8, "decimal"),
        FlowerField("dst_mac", "dst_mac", 48, "mac", True),
        FlowerField("src_mac", "src_mac", 48, "mac", True),
    ]
    for which in ("vlan", "cvlan"):
        plain += [
            FlowerField(f"{which}_id", f"{which}_id", 12, "decimal"),
            FlowerField(f"{which}_prio", f"{which}_prio", 3, "decimal"),
            FlowerField(f"{which}_ethtype", f"{which}_ethtype", 16, "type"),
        ]
    plain += [FlowerField("pppoe_sid", "pppoe_sid", 16, "decimal"), FlowerField("ppp_proto", "ppp_proto", 16, "type")]
    for depth in range(1, MAX_LSE + 1):
        plain += [
            FlowerField(f"mpls_{part}@{depth}", part, width, "decimal")
            for part, width in (("lse", 1), ("label", 20), ("tc", 3), ("bos", 1), ("ttl", 8))
        ]
    return [
        *plain,
        FlowerField("ip_proto", "ip_proto", 8, "ip_proto"),
        FlowerField("ip_tos", "ip_tos", 8, "octet", True),
        FlowerField("ip_ttl", "ip_ttl", 8, "octet", True),
        FlowerField("dst_ip", "dst_ip", 32, "ip", True),
        FlowerField("src_ip", "src_ip", 32, "ip", True),
        FlowerField("dst_ip6", "dst_ip", 128, "ip6", True),
        FlowerField("src_ip6", "src_ip", 128, "ip6", True),
        FlowerField("dst_port", "dst_port", 16, "number", True),
        FlowerField("src_port", "src_port", 16, "number", True),
        FlowerField("tcp_flags", "tcp_flags", 12, "hex", True),
        FlowerField("icmp_type", "type", 8, "decimal", True),
        FlowerField("icmp_code", "code", 8, "decimal", True),
        FlowerField("arp_sip", "arp_sip", 32, "ip", True),
        FlowerField("arp_tip", "arp_tip", 32, "ip", True),
        FlowerField("arp_op", "arp_op", 8, "arp_op", True),
        FlowerField("arp_sha", "arp_sha", 48, "mac", True),
        FlowerField("arp_tha", "arp_tha", 48, "mac", True),
        FlowerField("enc_dst_ip", "enc_dst_ip", 32, "ip", True),
        FlowerField("enc_src_ip", "enc_src_ip", 32, "ip", True),
        FlowerField("enc_dst_ip6", "enc_dst_ip", 128, "ip6", True),
        FlowerField("enc_src_ip6", "enc_src_ip", 128, "ip6", True),
        FlowerField("enc_key_id", "enc_key_id", 32, "decimal"),
        FlowerField("enc_dst_port", "enc_dst_port", 16, "decimal"),
        FlowerField("enc_tos", "enc_tos", 8, "octet", True),
        FlowerField("enc_ttl", "enc_ttl", 8, "octet", True),
        FlowerField("enc_opts", "enc_opts", 8 * MOST + 24, "options", True),
        FlowerField("ct_state", "ct_state", 16, "ct_state", True),
        FlowerField("ct_zone", "ct_zone", 16, "number", True),
        FlowerField("ct_mark", "ct_mark", 32, "number", True),
        FlowerField("ct_label", "ct_label", 128, "label", True),
        FlowerField("ip_flags", "ip_flags", 2, "ip_flags", True),
    ]


FIELDS: Final = {field.name: field for field in _fields()}
"""By name, in an order in which ``tc`` takes them: what a key depends on stands before it."""
ORDER: Final = {name: i for i, name in enumerate(FIELDS)}
