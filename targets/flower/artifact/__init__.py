"""The artifact of the flower target: tc filters as data, and their real formats."""

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
from .filters import FilterList, FlowerFilter, Key, Match, Range, depths, network_type, ordered
from .printing import print_filter, print_script
from .script import parse_script

__all__ = [
    "ETH_ARP", "ETH_IP", "ETH_IP6", "ETH_MPLS", "ETH_PPPOE", "ETH_RARP", "ETH_VLAN", "FIELDS", "ICMP", "ICMP6",
    "MAX_LSE", "PPP_TYPES", "SCTP", "TCP", "UDP", "FilterList", "FlowerField", "FlowerFilter", "Key", "Match", "Range",
    "depths", "network_type", "ordered", "parse_json", "parse_script", "parse_shown", "print_filter", "print_script",
    "read", "recognises", "write",
]  # fmt: skip
