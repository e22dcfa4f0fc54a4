"""The keys of a filter as attributes ``TCA_FLOWER_KEY_*`` (``uapi/linux/pkt_cls.h``), both ways.

As ``fl_set_key`` and ``fl_dump_key`` of ``net/sched/cls_flower.c`` (Linux 6.1) take and give them: an attribute for the
value and, where there may be one, another for the mask. Attributes that the kernel passes over, for they do not go with
the others, are errors.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from ...tc.artifact.attributes import NESTED, Attribute, attribute
from . import options
from .fields import ETH_IP, ETH_IP6, FIELDS, ICMP, ICMP6, MAX_LSE, SCTP, TCP, UDP
from .filters import Key, Match, Range, depths, network_type, ordered
from .script import tidied

ETH_TYPE: Final = 8


@dataclass(frozen=True, slots=True)
class _Kind:
    """The attributes of value and mask (0: none), and their size in bytes."""

    value: int
    mask: int
    size: int
    native: bool = False
    """Whether they are in the machine's own byte order, and not in the network's."""


_KINDS: Final = {
    "dst_mac": _Kind(4, 5, 6), "src_mac": _Kind(6, 7, 6), "ip_proto": _Kind(9, 0, 1),
    "src_ip": _Kind(10, 11, 4), "dst_ip": _Kind(12, 13, 4), "src_ip6": _Kind(14, 15, 16), "dst_ip6": _Kind(16, 17, 16),
    "vlan_id": _Kind(23, 0, 2, True), "vlan_prio": _Kind(24, 0, 1), "vlan_ethtype": _Kind(25, 0, 2),
    "enc_key_id": _Kind(26, 0, 4), "enc_src_ip": _Kind(27, 28, 4), "enc_dst_ip": _Kind(29, 30, 4),
    "enc_src_ip6": _Kind(31, 32, 16), "enc_dst_ip6": _Kind(33, 34, 16), "enc_dst_port": _Kind(45, 46, 2),
    "ip_flags": _Kind(47, 48, 4),
    "arp_sip": _Kind(57, 58, 4), "arp_tip": _Kind(59, 60, 4), "arp_op": _Kind(61, 62, 1), "arp_sha": _Kind(63, 64, 6),
    "arp_tha": _Kind(65, 66, 6), "tcp_flags": _Kind(71, 72, 2), "ip_tos": _Kind(73, 74, 1), "ip_ttl": _Kind(75, 76, 1),
    "cvlan_id": _Kind(77, 0, 2, True), "cvlan_prio": _Kind(78, 0, 1), "cvlan_ethtype": _Kind(79, 0, 2),
    "enc_tos": _Kind(80, 81, 1), "enc_ttl": _Kind(82, 83, 1),
    "ct_state": _Kind(91, 92, 2, True), "ct_zone": _Kind(93, 94, 2, True), "ct_mark": _Kind(95, 96, 4, True),
    "ct_label": _Kind(97, 98, 16), "num_of_vlans": _Kind(102, 0, 1), "pppoe_sid": _Kind(103, 0, 2),
    "ppp_proto": _Kind(104, 0, 2),
}  # fmt: skip
_CARRIED: Final = {
    TCP: {"src_port": _Kind(18, 35, 2), "dst_port": _Kind(19, 36, 2)},
    UDP: {"src_port": _Kind(20, 37, 2), "dst_port": _Kind(21, 38, 2)},
    SCTP: {"src_port": _Kind(41, 39, 2), "dst_port": _Kind(42, 40, 2)},
}
_ICMP: Final = {
    (ETH_IP, ICMP): {"icmp_code": _Kind(49, 50, 1), "icmp_type": _Kind(51, 52, 1)},
    (ETH_IP6, ICMP6): {"icmp_code": _Kind(53, 54, 1), "icmp_type": _Kind(55, 56, 1)},
}
_RANGES: Final = {"src_port": (87, 88), "dst_port": (89, 90)}
_FIRST_LABEL: Final = {
    "ttl": _Kind(67, 0, 1), "bos": _Kind(68, 0, 1), "tc": _Kind(69, 0, 1), "label": _Kind(70, 0, 4, True),
}  # fmt: skip
_LABEL_STACK: Final = 99
_ENTRY: Final = 1
_DEPTH: Final = 1
_PARTS: Final = {
    "ttl": _Kind(2, 0, 1), "bos": _Kind(3, 0, 1), "tc": _Kind(4, 0, 1), "label": _Kind(5, 0, 4, True),
}  # fmt: skip

Found = Mapping[int, Attribute]


def kinds(protocol: int, keys: tuple[Key, ...]) -> dict[str, _Kind]:
    """The attributes of keys that go with these: those of what IP carries depend on what that is."""
    carried = next((k.value for k in keys if k.field == "ip_proto" and isinstance(k, Match)), None)
    kind = network_type(protocol, keys)
    more = {**_CARRIED.get(carried or 0, {}), **_ICMP.get((kind or 0, carried or 0), {})}
    return {**_KINDS, **more}


# --- encoding -----------------------------------------------------------------------------------------------------


def key_attributes(protocol: int, keys: tuple[Key, ...]) -> bytes:
    """The attributes of a filter's keys."""
    known = kinds(protocol, keys)
    out = b""
    for key in keys:
        if isinstance(key, Range):
            for kind, end in zip(_RANGES[key.field], (key.low, key.high), strict=True):
                out += attribute(kind, end.to_bytes(2, "big"))
        elif key.field == options.NAME:
            out += options.attributes(key)
        elif "@" not in key.field:
            out += _pair(key, known[key.field])
    return out + _labels(keys)


def _pair(key: Match, kind: _Kind) -> bytes:
    value = attribute(kind.value, _bytes(key.value, kind))
    return value + attribute(kind.mask, _bytes(key.mask, kind)) if FIELDS[key.field].masked else value


def _bytes(value: int, kind: _Kind) -> bytes:
    return value.to_bytes(kind.size, sys.byteorder if kind.native else "big")


def _labels(keys: tuple[Key, ...]) -> bytes:
    """Label stack entries; where there is but the first, in the attributes that older kernels know."""
    by_name = {key.field: key for key in keys if isinstance(key, Match)}
    asked = depths(keys)
    if not asked:
        return b""
    if asked == [1] and "mpls_lse@1" not in by_name:
        return b"".join(_parts(by_name, 1, _FIRST_LABEL))
    entries = (attribute(_DEPTH, bytes((d,))) + b"".join(_parts(by_name, d, _PARTS)) for d in asked)
    return attribute(_LABEL_STACK | NESTED, b"".join(attribute(_ENTRY | NESTED, entry) for entry in entries))


def _parts(by_name: Mapping[str, Match], depth: int, of: Mapping[str, _Kind]) -> Iterator[bytes]:
    for part, kind in of.items():
        key = by_name.get(f"mpls_{part}@{depth}")
        if key is not None:
            yield attribute(kind.value, _bytes(key.value, kind))


# --- decoding -----------------------------------------------------------------------------------------------------


def read_keys(
    found: Found, others: Collection[int], protocol: int, place: Attribute, *, new: bool = False
) -> tuple[Key, ...]:
    """The keys in a filter's options.

    Args:
        others: the attributes that are no keys.
        new: whether it is a request.

    Raises:
        InputError: an attribute that is not known or does not go with the others; with the byte offset.
        ValueError: keys that there cannot be.
    """
    keys = dict(_known(found, _KINDS))
    all_kinds = kinds(protocol, ordered(keys))
    keys |= _known(found, all_kinds)
    used = {
        ETH_TYPE,
        *others,
        *(n for kind in all_kinds.values() if kind.value in found for n in (kind.value, kind.mask)),
    }
    carried = next((k.value for k in keys.values() if k.field == "ip_proto" and isinstance(k, Match)), None)
    for name, ends in _RANGES.items() if carried in _CARRIED else ():
        if any(end in found for end in ends):
            keys[name] = _read_range(found, name, ends, keys, place)
            used |= set(ends)
    keys |= _read_labels(found, place)
    tunnel, mask = options.ATTRIBUTES
    if tunnel in found:
        keys[options.NAME] = options.read_attributes(found[tunnel], found.get(mask), new=new)
        used |= {tunnel, mask}
    used |= {_LABEL_STACK, *(kind.value for kind in _FIRST_LABEL.values())}
    left = sorted(set(found) - used)
    if left:
        raise found[left[0]].place.error(f"attribute {left[0]} of flower is not supported, or not with the others")
    return tidied(keys)


def _known(found: Found, some: Mapping[str, _Kind]) -> Iterator[tuple[str, Key]]:
    for name, kind in some.items():
        if kind.value in found:
            yield name, _read(found, name, kind)


def _read(found: Found, name: str, kind: _Kind) -> Match:
    field = FIELDS[name]
    value = _number(found[kind.value], name, kind)
    mask = _number(found[kind.mask], name, kind) if kind.mask in found else field.whole
    return Match(name, value & mask, mask)


def _number(attribute_: Attribute, name: str, kind: _Kind) -> int:
    value = attribute_.number(kind.size) if kind.native else attribute_.big(kind.size)
    if value > FIELDS[name].whole:
        raise attribute_.place.error(f"{FIELDS[name].word} of more than {FIELDS[name].width} bits")
    return value


def _read_range(found: Found, name: str, ends: tuple[int, int], keys: Mapping[str, Key], place: Attribute) -> Range:
    if name in keys or not all(end in found for end in ends):
        raise place.place.error(f"a range of {name} without its other end, or beside a port")
    low, high = (found[end].big(2) for end in ends)
    return Range(name, low, high)  # type: ignore[arg-type]


def _read_labels(found: Found, place: Attribute) -> dict[str, Key]:
    first = {name: kind for name, kind in _FIRST_LABEL.items() if kind.value in found}
    if _LABEL_STACK not in found:
        return dict(_entry(found, 1, first))
    if first:
        raise place.place.error("label stack entries told in two ways, which the kernel refuses")
    keys: dict[str, Key] = {}
    for kind, nested in found[_LABEL_STACK].items():
        parts = nested.nest()
        depth = parts[_DEPTH].number(1) if _DEPTH in parts else 0
        if kind != _ENTRY or not 1 <= depth <= MAX_LSE or set(parts) - {_DEPTH, *(k.value for k in _PARTS.values())}:
            raise nested.place.error("this is no label stack entry of a depth from 1 to 7")
        keys[f"mpls_lse@{depth}"] = Match(f"mpls_lse@{depth}", 1, 1)
        keys |= _entry(parts, depth, {name: kind for name, kind in _PARTS.items() if kind.value in parts})
    return keys


def _entry(found: Found, depth: int, parts: Mapping[str, _Kind]) -> Iterator[tuple[str, Key]]:
    yield from _known(found, {f"mpls_{part}@{depth}": kind for part, kind in parts.items()})
