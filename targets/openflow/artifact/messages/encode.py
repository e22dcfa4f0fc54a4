"""A bridge as the messages that make it: ``OFPT_METER_MOD``, ``OFPT_GROUP_MOD``, ``OFPT_FLOW_MOD``, in this order.

What flows assume of frames goes along as a request for an echo, which a switch answers and otherwise ignores.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ....assuming import comment
from ..fields import FIELDS
from ..flows import Bridge, Bucket, Flow, Group, Masked, Meter, Selection
from . import oxm
from .decode import ECHO_REQUEST, FLOW_MOD, GROUP_MOD, METER_MOD
from .groups import NTR
from .wire import padding
from .write_actions import actions, instructions

_NO_BUFFER: Final = bytes.fromhex("ffffffff")
_ANY: Final = bytes.fromhex("ffffffff")
_GROUP_KINDS: Final = ("all", "select", "indirect", "ff")
_FIRST: Final = ("in_port", "eth_type", "vlan_tci", "nw_proto")
_PRIORITY: Final = 0xE000
_VID: Final = 0x1FFF
_PROTOCOLS: Final = {6: "tcp", 17: "udp", 132: "sctp"}


def encode(bridge: Bridge, version: int) -> bytes:
    """The messages, of version 4 (OpenFlow 1.3), 5 or 6.

    Raises:
        ValueError: something that this version, or no message, can say.
    """
    bodies = [(ECHO_REQUEST, line.encode()) for line in comment(bridge.assumes)]
    bodies += [(METER_MOD, _meter(meter)) for meter in bridge.meters]
    bodies += [(GROUP_MOD, _group(group, version)) for group in bridge.groups]
    bodies += [(FLOW_MOD, _flow(flow, version)) for flow in bridge.flows]
    return b"".join(_message(version, kind, body, i) for i, (kind, body) in enumerate(bodies, 1))


def _message(version: int, kind: int, body: bytes, number: int) -> bytes:
    size = 8 + len(body)
    if size > 0xFFFF:
        raise ValueError(f"a message of {size} bytes")
    return bytes((version, kind)) + size.to_bytes(2, "big") + number.to_bytes(4, "big") + body


def _flow(flow: Flow, version: int) -> bytes:
    if flow.unmodelled:
        raise ValueError(f"{flow.unmodelled[0]} has no message here")
    head = flow.cookie.to_bytes(8, "big") + bytes(8) + bytes((flow.table, 0)) + bytes(4)
    head += flow.priority.to_bytes(2, "big") + _NO_BUFFER + _ANY + _ANY + bytes(4)
    return head + match(flow.match, version) + instructions(flow.actions, version)


def match(asked: tuple[Masked, ...], version: int) -> bytes:
    """``struct ofp_match``, fields that others need first. Raises ValueError."""
    by_name = {m.field: m for m in asked}
    ordered = [*(n for n in _FIRST if n in by_name), *(n for n in by_name if n not in _FIRST)]
    fields = b"".join(field for name in ordered for field in _field(by_name[name], by_name, version))
    return padding((1).to_bytes(2, "big") + (4 + len(fields)).to_bytes(2, "big") + fields)


def _field(m: Masked, asked: dict[str, Masked], version: int) -> Iterator[bytes]:
    if m.field == "vlan_tci":
        yield from _tag(m, version)
    elif m.field == "nw_tos":
        if m.mask & 0xFC not in (0, 0xFC) or m.mask & 3 not in (0, 3):
            raise ValueError("DSCP and ECN are matched whole or not at all")
        for name, low, mask in (("ip_dscp", 2, 0xFC), ("nw_ecn", 0, 3)):
            if m.mask & mask:
                yield oxm.written(oxm.kind_of(name, version), (m.value & mask) >> low, None)
    elif m.field in ("tp_src", "tp_dst"):
        name, bits = _transport(m.field, asked["nw_proto"].value)
        full = (1 << bits) - 1
        mask = m.mask & full
        yield oxm.written(oxm.kind_of(name, version), m.value & full, None if mask == full else mask)
    else:
        full = (1 << FIELDS[m.field].width) - 1
        yield oxm.written(oxm.kind_of(m.field, version), m.value, None if m.mask == full else m.mask)


def _transport(field: str, protocol: int) -> tuple[str, int]:
    if protocol in (1, 58):
        return ("icmp" if protocol == 1 else "icmpv6") + ("_type" if field == "tp_src" else "_code"), 8
    return f"{_PROTOCOLS[protocol]}_{field[3:]}", 16


def _tag(m: Masked, version: int) -> Iterator[bytes]:
    """As a VLAN's number and priority where these say the same, else as Nicira's whole TCI."""
    present = m.value & 0x1000 and m.mask & 0x1000
    if not present or m.mask & _PRIORITY not in (0, _PRIORITY):
        yield oxm.written(oxm.NICIRAS["vlan_tci"], m.value, None if m.mask == 0xFFFF else m.mask)
        return
    vid = m.mask & _VID
    yield oxm.written(oxm.kind_of("vlan_vid", version), m.value & vid, None if vid == _VID else vid)
    if m.mask & _PRIORITY:
        yield oxm.written(oxm.kind_of("vlan_pcp", version), m.value >> 13, None)


def _group(group: Group, version: int) -> bytes:
    head = bytes(2) + bytes((_GROUP_KINDS.index(group.kind), 0)) + group.number.to_bytes(4, "big")
    if version >= 6:
        buckets = b"".join(_bucket_15(bucket, i, group) for i, bucket in enumerate(group.buckets))
        rest = len(buckets).to_bytes(2, "big") + bytes(2) + bytes.fromhex("ffffffff")
        return head + rest + buckets + _selection(group.selection, version)
    if group.selection != Selection():
        raise ValueError(f"group {group.number} has a selection method, which goes with OpenFlow 1.5")
    return head + b"".join(_bucket(bucket, version, group) for bucket in group.buckets)


def _bucket(bucket: Bucket, version: int, group: Group) -> bytes:
    listed = b"".join(actions(bucket.actions, version))
    weight = bucket.weight if group.kind == "select" else 0
    watch = _ANY if bucket.watch is None else oxm.port_bytes(bucket.watch)
    other = _ANY if bucket.watch_group is None else bucket.watch_group.to_bytes(4, "big")
    return (16 + len(listed)).to_bytes(2, "big") + weight.to_bytes(2, "big") + watch + other + bytes(4) + listed


def _bucket_15(bucket: Bucket, number: int, group: Group) -> bytes:
    listed = b"".join(actions(bucket.actions, 6))
    more = b""
    if group.kind == "select":
        more += bytes.fromhex("00000008") + bucket.weight.to_bytes(2, "big") + bytes(2)
    if bucket.watch is not None:
        more += bytes.fromhex("00010008") + oxm.port_bytes(bucket.watch)
    if bucket.watch_group is not None:
        more += bytes.fromhex("00020008") + bucket.watch_group.to_bytes(4, "big")
    sizes = (8 + len(listed) + len(more)).to_bytes(2, "big") + len(listed).to_bytes(2, "big")
    return sizes + number.to_bytes(4, "big") + listed + more


def _selection(chosen: Selection, version: int) -> bytes:
    if chosen == Selection():
        return b""
    body = NTR.to_bytes(4, "big") + (1).to_bytes(4, "big") + bytes(4)
    body += chosen.method.encode().ljust(16, b"\0") + chosen.param.to_bytes(8, "big")
    for said in chosen.fields:
        text, equals, mask = said.partition("=")
        if text not in oxm.NICIRAS and text not in FIELDS:
            raise ValueError(f"{text!r} is not a name of messages")
        kind = oxm.kind_of(text, version)
        full = (1 << kind.known.bits) - 1
        body += kind.header(masked=False) + (int(mask, 0) if equals else full).to_bytes(kind.size, "big")
    return padding(bytes.fromhex("ffff") + (4 + len(body)).to_bytes(2, "big") + body)


def _meter(meter: Meter) -> bytes:
    bursts = any(band.burst for band in meter.bands)
    flags = (2 if meter.unit == "pktps" else 1) | bursts << 2 | meter.stats << 3
    found = bytes(2) + flags.to_bytes(2, "big") + meter.number.to_bytes(4, "big")
    for band in meter.bands:
        kind = 1 if band.kind == "drop" else 2
        found += kind.to_bytes(2, "big") + (16).to_bytes(2, "big")
        found += band.rate.to_bytes(4, "big") + band.burst.to_bytes(4, "big") + bytes((band.level, 0, 0, 0))
    return found


__all__ = ["encode"]
