"""CO-RE relocations (Documentation/bpf/llvm_reloc.rst, libbpf's relo_core.c) of fields that lie where they lie.

A loader moves a field's offset to where the running kernel's types have it. Nothing moves for a field of a header as it
is on the wire, or of a struct that the kernel shares with programs (``include/uapi/linux/bpf.h``), since neither can
change: these are in :data:`FIXED`, and an instruction that already has the offset of its field means the same on every
kernel. (A kernel that lacks the field refuses the program.) Everything else depends on the kernel, and is not handled.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from . import btf
from .btf import Btf
from .insn import LDX, ST, STX, Insn

FIELD_OFFSET: Final = 0
"""``BPF_CORE_FIELD_BYTE_OFFSET``."""

FIXED: Final = {
    "ethhdr": "h_dest 0 1*6, h_source 6 1*6, h_proto 12 2",
    "vlan_hdr": "h_vlan_TCI 0 2, h_vlan_encapsulated_proto 2 2",
    "vlan_ethhdr": "h_dest 0 1*6, h_source 6 1*6, h_vlan_proto 12 2, h_vlan_TCI 14 2, h_vlan_encapsulated_proto 16 2",
    "arphdr": "ar_hrd 0 2, ar_pro 2 2, ar_hln 4 1, ar_pln 5 1, ar_op 6 2",
    "iphdr": "ihl 0 1, version 0 1, tos 1 1, tot_len 2 2, id 4 2, frag_off 6 2, ttl 8 1, protocol 9 1, check 10 2, "
    "saddr 12 4, daddr 16 4",
    "ipv6hdr": "priority 0 1, version 0 1, flow_lbl 1 1*3, payload_len 4 2, nexthdr 6 1, hop_limit 7 1, saddr 8 16, "
    "daddr 24 16",
    "in6_addr": "in6_u 0 16, in6_u.u6_addr8 0 1*16, in6_u.u6_addr16 0 2*8, in6_u.u6_addr32 0 4*4",
    "ipv6_opt_hdr": "nexthdr 0 1, hdrlen 1 1",
    "frag_hdr": "nexthdr 0 1, reserved 1 1, frag_off 2 2, identification 4 4",
    "icmphdr": "type 0 1, code 1 1, checksum 2 2, un 4 4, un.echo 4 4, un.echo.id 4 2, un.echo.sequence 6 2, "
    "un.gateway 4 4, un.frag 4 4, un.frag.mtu 6 2",
    "icmp6hdr": "icmp6_type 0 1, icmp6_code 1 1, icmp6_cksum 2 2, icmp6_dataun 4 4, icmp6_dataun.un_data32 4 4, "
    "icmp6_dataun.un_data16 4 2*2, icmp6_dataun.un_data8 4 1*4",
    "tcphdr": "source 0 2, dest 2 2, seq 4 4, ack_seq 8 4, doff 12 2, fin 12 2, syn 12 2, rst 12 2, psh 12 2, "
    "ack 12 2, urg 12 2, ece 12 2, cwr 12 2, window 14 2, check 16 2, urg_ptr 18 2",
    "udphdr": "source 0 2, dest 2 2, len 4 2, check 6 2",
    "xdp_md": "data 0 4, data_end 4 4, data_meta 8 4, ingress_ifindex 12 4, rx_queue_index 16 4, egress_ifindex 20 4",
    "__sk_buff": "len 0 4, pkt_type 4 4, mark 8 4, queue_mapping 12 4, protocol 16 4, vlan_present 20 4, "
    "vlan_tci 24 4, vlan_proto 28 4, priority 32 4, ingress_ifindex 36 4, ifindex 40 4, tc_index 44 4, cb 48 4*5, "
    "hash 68 4, tc_classid 72 4, data 76 4, data_end 80 4, napi_id 84 4, family 88 4, remote_ip4 92 4, "
    "local_ip4 96 4, remote_ip6 100 4*4, local_ip6 116 4*4, remote_port 132 4, local_port 136 4, data_meta 140 4, "
    "tstamp 152 8, wire_len 160 4, gso_segs 164 4, gso_size 176 4, tstamp_type 180 1, hwtstamp 184 8",
    "bpf_fib_lookup": "family 0 1, l4_protocol 1 1, sport 2 2, dport 4 2, tot_len 6 2, mtu_result 6 2, ifindex 8 4, "
    "tos 12 1, flowinfo 12 4, rt_metric 12 4, ipv4_src 16 4, ipv6_src 16 4*4, ipv4_dst 32 4, ipv6_dst 32 4*4, "
    "h_vlan_proto 48 2, h_vlan_TCI 50 2, tbid 48 4, mark 52 4, smac 52 1*6, dmac 58 1*6",
    "bpf_sock_tuple": "ipv4 0 12, ipv4.saddr 0 4, ipv4.daddr 4 4, ipv4.sport 8 2, ipv4.dport 10 2, ipv6 0 36, "
    "ipv6.saddr 0 4*4, ipv6.daddr 16 4*4, ipv6.sport 32 2, ipv6.dport 34 2",
    "bpf_sock": "bound_dev_if 0 4, family 4 4, type 8 4, protocol 12 4, mark 16 4, priority 20 4, src_ip4 24 4, "
    "src_ip6 28 4*4, src_port 44 4, dst_ip4 52 4, dst_ip6 56 4*4, state 72 4, rx_queue_mapping 76 4",
    "bpf_tunnel_key": "tunnel_id 0 4, remote_ipv4 4 4, remote_ipv6 4 4*4, tunnel_tos 20 1, tunnel_ttl 21 1, "
    "tunnel_label 24 4, local_ipv4 28 4, local_ipv6 28 4*4",
}  # fmt: skip
"""Struct → its fields: path, byte offset, bytes (of an array: of an element, times how many). A field of bits has the
offset and the bytes of the number that it is part of. ``dst_port`` of ``bpf_sock`` has changed, so it is left out."""

_FLAVOUR: Final = re.compile("___.*$")
"""What may stand behind a type's name to tell several definitions of it apart."""


@dataclass(frozen=True, slots=True)
class Relocation:
    """What an instruction's record says: the type, the way to the field (``0:1:2``), and what of it is asked for."""

    type: int
    way: str
    kind: int


@dataclass(frozen=True, slots=True)
class _Field:
    offset: int
    size: int
    count: int


@cache
def _fields(name: str) -> dict[str, _Field]:
    out = {}
    for row in FIXED[name].split(", "):
        path, offset, size = row.split(" ")
        each, _, count = size.partition("*")
        out[path] = _Field(int(offset), int(each), int(count or "1"))
    return out


def asked(types: Btf, found: Relocation, insn: Insn) -> str:
    """What the instruction asks of the running kernel, in words; "" if it means the same on every kernel.

    Raises:
        InputError: the relocation is not well formed.
    """
    offset = _offset(types, found) if found.kind == FIELD_OFFSET else None
    if offset is None or offset != (insn.off if insn.cls in (LDX, ST, STX) else insn.imm):
        return f"asks for CO-RE relocation of {_told(types, found)} against the running kernel's types"
    return ""


def _offset(types: Btf, found: Relocation) -> int | None:
    """The field's offset in bytes; None if it is none of those that are fixed."""
    first, *steps = _steps(types, found)
    if first or not steps:
        return None
    at = types.plain(found.type)
    base = 0
    while True:  # ends: each round takes a step
        struct = _FLAVOUR.sub("", at.name)
        if at.kind not in (btf.STRUCT, btf.UNION) or struct not in FIXED:
            return None
        path, number = _member(types, at, steps)
        field = _fields(struct).get(path)
        if field is None or types.size(number) != field.size * field.count:
            return None
        base += field.offset
        at = types.plain(number)
        if at.kind == btf.ARRAY and steps:
            element, _, _ = at.rows[0]
            index = steps.pop(0)
            if types.size(element) != field.size or index >= field.count:
                return None
            base += index * field.size
            at = types.plain(element)
        if not steps:
            return base


def _member(types: Btf, at: btf.Type, steps: list[int]) -> tuple[str, int]:
    """The path through members without a name of their own type that the first steps take, which are removed, and the
    type of the last member."""
    names: list[str] = []
    while True:  # ends: each round takes a step
        step = steps.pop(0)
        if step >= len(at.rows):
            types.fail(f"type {at.name or 'without a name'} has no member {step}")
        name, number, *_ = at.rows[step]
        if name:
            names.append(str(name))
        inner = types.plain(number)
        goes_on = inner.kind in (btf.STRUCT, btf.UNION) and not inner.name
        if not steps or not goes_on:
            return ".".join(names), int(number)
        at = inner


def _steps(types: Btf, found: Relocation) -> list[int]:
    parts = found.way.split(":")
    if not all(part.isdecimal() for part in parts):
        types.fail(f"the way to a field '{found.way}' is none")
    return [int(part) for part in parts]


def _told(types: Btf, found: Relocation) -> str:
    at = types.plain(found.type)
    name = at.name or f"type {found.type}"
    if found.kind != FIELD_OFFSET or at.kind not in (btf.STRUCT, btf.UNION):
        return f"{name} (kind {found.kind})"
    return ".".join([name, *_names(types, at, _steps(types, found)[1:])])


def _names(types: Btf, at: btf.Type, steps: list[int]) -> Iterator[str]:
    while steps and at.kind in (btf.STRUCT, btf.UNION):
        path, number = _member(types, at, steps)
        yield path
        at = types.plain(number)
