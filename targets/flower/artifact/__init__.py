"""The artifact of the flower target: tc filters as data, and their real formats."""

from .changes import classifiers
from .dumps import parse_json, parse_shown
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
    PPP_TYPES,
    SCTP,
    TCP,
    UDP,
    FlowerField,
)
from .files import read, recognises, write
from .filters import (
    ASSUMPTIONS,
    CHECKSUMS_RIGHT,
    FLOWER,
    MATCHALL,
    PLAIN,
    TAGS_WHOLE,
    TYPES_TOLD,
    UNFRAGMENTED,
    FilterList,
    FlowerFilter,
    Key,
    Match,
    Range,
    depths,
    first_class,
    network_type,
    ordered,
)
from .masks import TUNNEL, MaskKey, mask_of, types_of, values_of
from .netlink import decode, encode, encode_filter
from .printing import described, print_filter, print_script
from .script import parse_script

__all__ = [
    "ASSUMPTIONS", "CHECKSUMS_RIGHT", "ETH_ARP", "ETH_IP", "ETH_IP6", "ETH_MPLS", "ETH_PPPOE", "ETH_RARP",
    "ETH_VLAN", "FIELDS", "FLOWER", "ICMP", "ICMP6", "MATCHALL", "MAX_LSE", "PLAIN", "PPP_TYPES", "SCTP",
    "TAGS_WHOLE", "TCP", "TUNNEL", "TYPES_TOLD", "UDP", "UNFRAGMENTED", "FilterList", "FlowerField", "FlowerFilter",
    "Key", "MaskKey", "Match", "Range", "classifiers", "decode", "depths", "described", "encode", "encode_filter",
    "first_class", "mask_of", "network_type", "ordered", "parse_json", "parse_script", "parse_shown", "print_filter",
    "print_script", "read", "recognises", "types_of", "values_of", "write",
]  # fmt: skip
