"""What the flows of a bridge look at and write, found before frames are told apart; and what is not modelled."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ....semantics.source import Span, Unsupported
from ..artifact import (
    ALL,
    CONTROLLER,
    FIRST_RESERVED,
    IN_PORT,
    TUNNEL,
    Action,
    Bridge,
    DecMplsTtl,
    DecTtl,
    Move,
    Opaque,
    Output,
    OutputBits,
    PopMpls,
    PushMpls,
    SetField,
    ToMeter,
    WriteActions,
)
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
        if isinstance(action, WriteActions):
            yield from _flat(action.actions)


def _check(action: Action, span: Span) -> None:
    if isinstance(action, Opaque):
        raise Unsupported(f"the action {action.text[:60]}", span)
    if isinstance(action, Output) and action.port >= FIRST_RESERVED and action.port not in (IN_PORT, CONTROLLER):
        what = "all ports" if action.port == ALL else f"reserved port 0x{action.port:x}"
        raise Unsupported(f"output to {what}, which depends on the bridge", span)


def tunnelled(bridge: Bridge) -> bool:
    """Whether flows look at the fields of tunnels, or write to them."""
    touched = {m.field for flow in bridge.flows for m in flow.match}
    for action, _ in actions(bridge):
        touched |= _reads(action) | _writes(action)
    return not touched.isdisjoint(TUNNEL)


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


def _reads(action: Action) -> set[str]:
    if isinstance(action, Move):
        return {action.source.field}
    if isinstance(action, OutputBits):
        return {action.source.field}
    return {"nw_ttl"} if isinstance(action, DecTtl) else set()


def _writes(action: Action) -> set[str]:
    if isinstance(action, SetField):
        return {action.field}
    return {action.target.field} if isinstance(action, Move) else set()
