"""Actions that change a packet as ``TCA_ACT_OPTIONS``, both ways: vlan, mpls, csum, skbedit, tunnel_key.

Layouts: ``uapi/linux/tc_act/tc_{vlan,mpls,csum,skbedit,tunnel_key}.h``; what a message leaves out is as
``tcf_*_init`` of ``net/sched/act_*.c`` takes it (Linux 6.1). Readers return None for what the data
types have no place for.
"""

from __future__ import annotations

import ipaddress
import struct
from typing import Final

from ....semantics.source import Span, Unsupported
from .actions import CSUM_PARTS, PACKET_TYPES, Action, Csum, Mpls, Skbedit, TunnelKey, Vlan
from .attributes import Attribute, attribute, big, number, small
from .netlink_controls import has_only, parameters, read_generic
from .tunnel_options import options_attribute, read_options

_INT: Final = struct.Struct("=i")
_WORD: Final = struct.Struct("=I")
_ALL: Final = 0xFFFFFFFF
Found = dict[int, Attribute]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# --- vlan ---------------------------------------------------------------------------------------------------------

_VLAN_TM, _VLAN_PARMS, _VLAN_ID, _VLAN_PROTOCOL, _VLAN_PAD, _VLAN_PRIORITY = range(1, 7)
_VLAN_OPERATIONS: Final = {"pop": 1, "push": 2, "modify": 3}


def vlan_options(action: Vlan) -> bytes:
    """``act_vlan``."""
    out = parameters(_VLAN_PARMS, action.control, _INT.pack(_VLAN_OPERATIONS[action.operation]))
    if action.operation == "pop":
        return out
    out += small(_VLAN_ID, action.vid, 2) + big(_VLAN_PROTOCOL, action.protocol, 2)
    return out if action.priority is None else out + small(_VLAN_PRIORITY, action.priority, 1)


def read_vlan(found: Found) -> Action | None:
    """See :func:`vlan_options`. Raises InputError, ValueError."""
    if not has_only(found, range(_VLAN_TM, _VLAN_PRIORITY + 1)):
        return None
    control, (code,) = read_generic(found[_VLAN_PARMS], "i")
    operation = next((name for name, other in _VLAN_OPERATIONS.items() if other == code), None)
    if operation is None:
        return None
    if operation == "pop":
        return Vlan("pop", control=control)
    priority = found[_VLAN_PRIORITY].number(1) if _VLAN_PRIORITY in found else None
    if operation == "push" and priority is None:
        priority = 0
    protocol = found[_VLAN_PROTOCOL].big(2) if _VLAN_PROTOCOL in found else 0x8100
    return Vlan(operation, found[_VLAN_ID].number(2), priority, protocol, control)  # type: ignore[arg-type]


# --- mpls ---------------------------------------------------------------------------------------------------------

_MPLS_TM, _MPLS_PARMS, _MPLS_PAD, _MPLS_PROTOCOL, _MPLS_LABEL, _MPLS_TC, _MPLS_TTL, _MPLS_BOS = range(1, 9)
_MPLS_OPERATIONS: Final = {"pop": 1, "push": 2, "modify": 3, "dec_ttl": 4, "mac_push": 5}
_MPLS_NUMBERS: Final = {"label": (_MPLS_LABEL, 4), "tc": (_MPLS_TC, 1), "ttl": (_MPLS_TTL, 1), "bos": (_MPLS_BOS, 1)}
_PUSHES: Final = ("push", "mac_push")
_NEW_TTL: Final = 255


def mpls_options(action: Mpls) -> bytes:
    """``act_mpls``."""
    out = parameters(_MPLS_PARMS, action.control, _INT.pack(_MPLS_OPERATIONS[action.operation]))
    if action.protocol is not None:
        out += big(_MPLS_PROTOCOL, action.protocol, 2)
    for name, (kind, size) in _MPLS_NUMBERS.items():
        value = getattr(action, name)
        out += b"" if value is None else small(kind, value, size)
    return out


def read_mpls(found: Found) -> Action | None:
    """See :func:`mpls_options`. Raises InputError, ValueError."""
    if not has_only(found, range(_MPLS_TM, _MPLS_BOS + 1)):
        return None
    control, (code,) = read_generic(found[_MPLS_PARMS], "i")
    operation = next((name for name, other in _MPLS_OPERATIONS.items() if other == code), None)
    if operation is None:
        return None
    protocol = found[_MPLS_PROTOCOL].big(2) if _MPLS_PROTOCOL in found else 0x8847 if operation in _PUSHES else None
    if operation in ("modify", "dec_ttl"):
        protocol = None  # a dump has one always, which says nothing
    parts = {name: found[kind].number(size) for name, (kind, size) in _MPLS_NUMBERS.items() if kind in found}
    if operation in _PUSHES:
        if "label" not in parts:
            raise ValueError(f"mpls {operation} without a label")
        parts.setdefault("ttl", _NEW_TTL)
    return Mpls(operation, protocol, control=control, **parts)  # type: ignore[arg-type]


# --- csum ---------------------------------------------------------------------------------------------------------

_CSUM_PARMS, _CSUM_TM, _CSUM_PAD = range(1, 4)


def csum_options(action: Csum) -> bytes:
    """``act_csum``: a bit for each part, in their order (``TCA_CSUM_UPDATE_FLAG_*``)."""
    flags = sum(1 << i for i, part in enumerate(CSUM_PARTS) if part in action.parts)
    return parameters(_CSUM_PARMS, action.control, _WORD.pack(flags))


def read_csum(found: Found) -> Action | None:
    """See :func:`csum_options`. Raises InputError, ValueError."""
    if not has_only(found, (_CSUM_PARMS, _CSUM_TM, _CSUM_PAD)):
        return None
    control, (flags,) = read_generic(found[_CSUM_PARMS], "I")
    if flags >> len(CSUM_PARTS):
        return None
    return Csum(tuple(part for i, part in enumerate(CSUM_PARTS) if flags >> i & 1), control)


# --- skbedit ------------------------------------------------------------------------------------------------------

(
    _SKB_TM, _SKB_PARMS, _SKB_PRIORITY, _SKB_QUEUE, _SKB_MARK, _SKB_PAD, _SKB_PTYPE, _SKB_MASK, _SKB_FLAGS,
) = range(1, 10)  # fmt: skip
_INHERIT_DSFIELD: Final = 0x20


def skbedit_options(action: Skbedit) -> bytes:
    """``act_skbedit``."""
    out = parameters(_SKB_PARMS, action.control)
    if action.priority is not None:
        out += number(_SKB_PRIORITY, action.priority)
    if action.queue is not None:
        out += small(_SKB_QUEUE, action.queue, 2)
    if action.mark is not None:
        value, mask = action.mark
        out += number(_SKB_MARK, value) + (b"" if mask == _ALL else number(_SKB_MASK, mask))
    if action.packet_type is not None:
        out += small(_SKB_PTYPE, PACKET_TYPES.index(action.packet_type), 2)
    return out + small(_SKB_FLAGS, _INHERIT_DSFIELD, 8) if action.inherit_dsfield else out


def read_skbedit(found: Found) -> Action | None:
    """See :func:`skbedit_options`. Raises InputError, ValueError."""
    flags = found[_SKB_FLAGS].number(8) if _SKB_FLAGS in found else 0
    if not has_only(found, range(_SKB_TM, _SKB_FLAGS + 1)) or flags & ~_INHERIT_DSFIELD:
        return None
    if _SKB_MASK in found and _SKB_MARK not in found:
        return None
    control, _ = read_generic(found[_SKB_PARMS])
    mask = found[_SKB_MASK].number() if _SKB_MASK in found else _ALL
    kind = found[_SKB_PTYPE].number(2) if _SKB_PTYPE in found else None
    if kind is not None and kind >= len(PACKET_TYPES):
        raise found[_SKB_PTYPE].place.error(f"unknown packet type {kind}")
    return Skbedit(
        (found[_SKB_MARK].number(), mask) if _SKB_MARK in found else None,
        found[_SKB_PRIORITY].number() if _SKB_PRIORITY in found else None,
        found[_SKB_QUEUE].number(2) if _SKB_QUEUE in found else None,
        None if kind is None else PACKET_TYPES[kind],
        bool(flags),
        control,
    )


# --- tunnel_key ---------------------------------------------------------------------------------------------------

(
    _TUN_TM, _TUN_PARMS, _TUN_SRC4, _TUN_DST4, _TUN_SRC6, _TUN_DST6, _TUN_KEY, _TUN_PAD, _TUN_PORT, _TUN_NO_CSUM,
    _TUN_OPTIONS, _TUN_TOS, _TUN_TTL,
) = range(1, 14)  # fmt: skip
_SET, _RELEASE = 1, 2


def tunnel_key_options(action: TunnelKey, span: Span) -> bytes:
    """``act_tunnel_key``. Raises Unsupported: its addresses are none, or of both families."""
    code = _RELEASE if action.unset else _SET
    out = parameters(_TUN_PARMS, action.control, _INT.pack(code))
    if action.unset:
        return out
    src, dst = _address(action.src, span), _address(action.dst, span)
    if src.version != dst.version:
        raise Unsupported("tunnel_key set with addresses of two families", span)
    kinds = (_TUN_SRC4, _TUN_DST4) if src.version == 4 else (_TUN_SRC6, _TUN_DST6)
    out += attribute(kinds[0], src.packed) + attribute(kinds[1], dst.packed)
    if action.key_id is not None:
        out += big(_TUN_KEY, action.key_id, 4)
    if action.dst_port is not None:
        out += big(_TUN_PORT, action.dst_port, 2)
    out += small(_TUN_NO_CSUM, not action.csum, 1)
    for kind, value in ((_TUN_TOS, action.tos), (_TUN_TTL, action.ttl)):
        out += b"" if value is None else small(kind, value, 1)
    return out if action.options is None else out + options_attribute(_TUN_OPTIONS, action.options)


def _address(text: str, span: Span) -> Address:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        raise Unsupported(f"tunnel_key set with {text[:40]!r}, which is no address", span) from None


def read_tunnel_key(found: Found, *, new: bool) -> Action | None:
    """See :func:`tunnel_key_options`; ``new``: in a request. Raises InputError, ValueError."""
    options = read_options(found[_TUN_OPTIONS], new=new) if _TUN_OPTIONS in found else None
    if not has_only(found, range(_TUN_TM, _TUN_TTL + 1)) or (options is None and _TUN_OPTIONS in found):
        return None
    control, (code,) = read_generic(found[_TUN_PARMS], "i")
    if code == _RELEASE:
        return TunnelKey(unset=True, control=control)
    if code != _SET:
        raise found[_TUN_PARMS].place.error(f"tunnel_key of unknown kind {code}")
    size, kinds = (4, (_TUN_SRC4, _TUN_DST4)) if _TUN_SRC4 in found else (16, (_TUN_SRC6, _TUN_DST6))
    if not all(kind in found for kind in kinds):
        raise ValueError("tunnel_key set without both addresses")
    src, dst = (_shown(found[kind].big(size), size) for kind in kinds)
    return TunnelKey(
        src=src,
        dst=dst,
        key_id=found[_TUN_KEY].big(4) if _TUN_KEY in found else None,
        dst_port=found[_TUN_PORT].big(2) if _TUN_PORT in found else None,
        csum=not found[_TUN_NO_CSUM].number(1) if _TUN_NO_CSUM in found else True,
        tos=found[_TUN_TOS].number(1) if _TUN_TOS in found else None,
        ttl=found[_TUN_TTL].number(1) if _TUN_TTL in found else None,
        control=control,
        options=options,
    )


def _shown(value: int, size: int) -> str:
    return str(ipaddress.IPv4Address(value) if size == 4 else ipaddress.IPv6Address(value))
