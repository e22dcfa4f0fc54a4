"""What the flows of a bridge look at and write, found before frames are told apart; and what is not modelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ....semantics.source import Span, Unsupported
from ..artifact import (
    ALL,
    CFI,
    CONTROLLER,
    FIRST_RESERVED,
    IN_PORT,
    LOCAL,
    TUNNEL,
    Action,
    Bridge,
    Bundle,
    ClearActions,
    Clone,
    DecMplsTtl,
    DecTtl,
    Flow,
    Move,
    Multipath,
    Opaque,
    Output,
    OutputBits,
    Pop,
    PopMpls,
    Push,
    PushMpls,
    SetField,
    TagWith,
    ToGroup,
    ToMeter,
    WriteActions,
)
from ..artifact.subfields import pieces
from .extract import Needs

_IP: Final = frozenset(
    [
        "ip_src",
        "ip_dst",
        "ipv6_src",
        "ipv6_dst",
        "ipv6_label",
        "nw_proto",
        "nw_tos",
        "nw_ttl",
        "nw_frag",
        "tp_src",
        "tp_dst",
        "tcp_flags",
    ]
)
_BEHIND: Final = frozenset(["nw_proto", "nw_frag", "nw_tos", "nw_ttl", "ipv6_label", "tp_src", "tp_dst", "tcp_flags"])
"""Fields that ``miniflow_extract`` fills after it has gone through IPv6's extension headers."""
_CHECKED: Final = frozenset(["ip_src", "ip_dst", "ipv6_src", "ipv6_dst", "tp_src", "tp_dst"])
"""Fields whose change is seen in a transport header."""


def needs(bridge: Bridge) -> tuple[Needs, bool]:
    """What has to be known of a frame, and whether that is also what stands behind an IPv6 header.

    Raises:
        Unsupported: an action that is not modelled, at its flow or group.
    """
    read = {m.field for flow in bridge.flows for m in flow.match}
    written: set[str] = set()
    mpls = False
    _check_meters(bridge)
    for flow in bridge.flows:
        if flow.unmodelled:
            raise Unsupported(f"a match on {flow.unmodelled[0][:60]}", flow.span)
        _check_tag_with(flow)
    for group in bridge.groups:
        if any(isinstance(action, TagWith) for bucket in group.buckets for action in _flat(bucket.actions)):
            raise Unsupported("mod_vlan_vid in a bucket, which means something else in each version", group.span)
    for action, span in actions(bridge):
        _check(action, span)
        read |= _reads(action)
        written |= _writes(action)
        mpls = mpls or isinstance(action, PushMpls | PopMpls | DecMplsTtl)
    touched = read | written
    found = Needs(
        ip=bool(touched & _IP) or mpls,
        arp=any(name.startswith("arp_") for name in touched),
        arp_written=any(name.startswith("arp_") for name in written),
        mpls=mpls or any(name.startswith("mpls_") for name in touched),
        lengths=bool(written & _CHECKED),
    )
    return found, bool(touched & _BEHIND or written & _CHECKED)


def actions(bridge: Bridge) -> Iterator[tuple[Action, Span]]:
    """Every action, those of the action set and of groups included, and where its flow or group stands."""
    for flow in bridge.flows:
        yield from ((action, flow.span) for action in _flat(flow.actions))
    for group in bridge.groups:
        for bucket in group.buckets:
            yield from ((action, group.span) for action in _flat(bucket.actions))


def _flat(found: tuple[Action, ...]) -> Iterator[Action]:
    for action in found:
        yield action
        if isinstance(action, WriteActions | Clone):
            yield from _flat(action.actions)


def _check(action: Action, span: Span) -> None:
    if isinstance(action, Opaque):
        raise Unsupported(f"the action {action.text[:60]}", span)
    if isinstance(action, Output) and action.port >= FIRST_RESERVED and action.port not in (IN_PORT, CONTROLLER, LOCAL):
        what = "all ports" if action.port == ALL else f"reserved port 0x{action.port:x}"
        raise Unsupported(f"output to {what}, which depends on the bridge", span)


def _check_tag_with(flow: Flow) -> None:
    """``mod_vlan_vid`` is OpenFlow 1.0's: later versions are told to push a tag, unless the flow asks for one
    (``encode_SET_VLAN_VID``); so it means one thing only in flows that OpenFlow 1.0 has, or that ask."""
    later = (ToGroup, WriteActions, ClearActions, ToMeter)
    listed = list(_flat(flow.actions))
    asked = any(m.field == "vlan_tci" and m.mask & CFI for m in flow.match)
    inner = (action for one in flow.actions if isinstance(one, WriteActions) for action in _flat(one.actions))
    in_set = any(isinstance(action, TagWith) for action in inner)
    if any(isinstance(action, TagWith) for action in listed) and (
        in_set or (not asked and any(isinstance(action, later) for action in listed))
    ):
        raise Unsupported("mod_vlan_vid beside what OpenFlow 1.0 has not, which means something else in 1.3", flow.span)


def tunnelled(bridge: Bridge) -> bool:
    """Whether flows look at the fields of tunnels, or write to them."""
    touched = {m.field for flow in bridge.flows for m in flow.match}
    for action, _ in actions(bridge):
        touched |= _reads(action) | _writes(action)
    return not touched.isdisjoint(TUNNEL)


def writes_labels(bridge: Bridge) -> bool:
    """Whether a part of a label stack entry is written."""
    return any(name.startswith("mpls_") for action, _ in actions(bridge) for name in _writes(action))


def _check_meters(bridge: Bridge) -> None:
    """Meters drop: others there are not in the datapath in user space, nor in action sets."""
    for meter in bridge.meters:
        if any(band.kind != "drop" for band in meter.bands):
            raise Unsupported(f"meter {meter.number}, which writes to the DSCP", meter.span)
    for group in bridge.groups:
        for bucket in group.buckets:
            for action in _flat(bucket.actions):
                if isinstance(action, ToMeter):
                    raise Unsupported(f"meter {action.meter} in a bucket", group.span)
    for flow in bridge.flows:
        for action in _flat(flow.actions):
            if isinstance(action, Clone) and any(isinstance(inner, ToMeter) for inner in _flat(action.actions)):
                raise Unsupported("a meter in a clone", flow.span)


def _reads(action: Action) -> set[str]:
    if isinstance(action, Move | OutputBits | Push):
        return {part.field for _, part in pieces(action.source)}
    return {"nw_ttl"} if isinstance(action, DecTtl) else set()


def _writes(action: Action) -> set[str]:
    if isinstance(action, SetField):
        return {action.field}
    if isinstance(action, Bundle):
        return set() if action.target is None else {action.target.field}
    if isinstance(action, Move | Pop | Multipath):
        return {part.field for _, part in pieces(action.target)}
    return set()
