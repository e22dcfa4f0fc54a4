"""Messages that change flows, groups and meters: ``struct ofp_flow_mod``, ``ofp_group_mod``, ``ofp_meter_mod``.

Follows ``ofputil_decode_flow_mod``, ``ofputil_decode_group_mod`` and ``ofputil_decode_meter_mod`` of Open vSwitch 3.1.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from .....semantics.source import Span
from ..flows import ANY, Band, Flow, Meter, Selection
from ..steps import FlowChange, GroupChange, GroupVerb, MeterChange, Place, Step, Verb
from .groups import LAST_NUMBER, checked, read_group
from .match import match, table_of
from .oxm import port_of
from .read_actions import instructions
from .wire import Wire

_FLOWS: Final[tuple[tuple[Verb, bool], ...]] = (
    ("add", False), ("modify", False), ("modify", True), ("delete", False), ("delete", True),
)  # fmt: skip
_GROUPS: Final[dict[int, GroupVerb | None]] = {
    0: None, 1: "modify", 2: "delete", 3: "insert", 5: "remove", 0x8000: "add_or_mod",
}  # fmt: skip
_CHECK_OVERLAP, _FLAGS = 2, 0x1F
_ALL_TABLES: Final = 0xFF
_ANY_32: Final = 0xFFFFFFFF
_ALL_GROUPS: Final = 0xFFFFFFFC
_PLACES: Final[dict[int, Place]] = {0xFFFFFFFD: "first", 0xFFFFFFFE: "last", _ANY_32: "all"}
_PKTPS, _STATS = 2, 8
_ADD, _DELETE = 0, 2


def flow_mod(body: Wire, version: int) -> Step:
    """A command about flows. Raises InputError, with the byte."""
    cookie, cookie_mask = body.number(8, "a flow"), body.number(8, "a flow")
    at = body.at
    table, command = body.number(1, "a flow"), body.number(1, "a flow")
    body.take(4, "a flow")
    priority = body.number(2, "a flow")
    body.take(4, "a flow")
    port_at = body.at
    out_port = port_of(body, body.number(4, "a flow"), 4, port_at)
    group = body.number(4, "a flow")
    flags_at = body.at
    flags = body.number(2, "a flow")
    body.take(2, "a flow")
    if command >= len(_FLOWS):
        raise body.error(f"command {command} about flows is not known", at + 1)
    if flags & ~_FLAGS:
        raise body.error(f"flags 0x{flags:x} of a flow are not known", flags_at)
    verb, strict = _FLOWS[command]
    found = match(body)
    everywhere = verb == "delete" and table == _ALL_TABLES
    number = 0 if everywhere else table_of(body, table, at)
    span = Span(body.name, 0, 0)
    if verb == "delete":  # its instructions mean nothing
        body.take(body.left)
        return FlowChange(
            verb, Flow(number, priority, found, span=span), strict, None if everywhere else number, cookie, cookie_mask,
            out_port=None if out_port == ANY else out_port, out_group=None if group == _ANY_32 else group,
        )  # fmt: skip
    flow = Flow(number, priority, found, instructions(body, version), cookie, span)
    if verb == "modify":
        return FlowChange(verb, flow, strict, number, cookie, cookie_mask)
    return FlowChange(verb, flow, check_overlap=True) if flags & _CHECK_OVERLAP else flow


def group_mod(body: Wire, version: int) -> Step:
    """A command about groups. Raises InputError, with the byte."""
    at = body.at
    command, kind = body.number(2, "a group"), body.number(1, "a group")
    body.take(1)
    number = body.number(4, "a group")
    if command not in _GROUPS or (version < 6 and _GROUPS[command] in ("insert", "remove")):
        raise body.error(f"command {command} about groups is not known", at)
    verb = _GROUPS[command]
    size, place = body.left, _ANY_32
    if version >= 6:
        size = body.number(2, "a group")
        body.take(2, "a group")
        place_at = body.at
        place = body.number(4, "a group")
        if not _may_be(verb, place):
            raise body.error(f"bucket 0x{place:x} of a command that has no such", place_at)
    said = read_group(body, size, kind, number, version, at, inserted=verb == "insert")
    if verb in ("delete", "insert", "remove") and said.selection != Selection():
        raise body.error("a selection method, in a command that cannot change it", at)
    if verb == "delete":
        if said.buckets and version < 6:
            raise body.error("buckets of a group that is deleted", at)
        return GroupChange(verb, said, all=number == _ALL_GROUPS)
    if verb == "remove" and said.buckets:
        raise body.error("buckets, in a command that removes some", at)
    if number > LAST_NUMBER and verb not in ("insert", "remove"):
        raise body.error(f"groups are numbered from 0 to {LAST_NUMBER}", at)
    group = checked(body, said, at)
    if verb is None:
        return group
    return GroupChange(verb, group, _PLACES.get(place, place))


def _may_be(verb: GroupVerb | None, place: int) -> bool:
    """Whether a command may say this of buckets (``ofputil_pull_ofp15_group_mod``)."""
    one = place <= LAST_NUMBER or _PLACES.get(place) in ("first", "last")
    return {"insert": one, "remove": one or place == _ANY_32}.get(verb or "", place == _ANY_32)


def meter_mod(body: Wire, version: int) -> Step:
    """A command about meters. Raises InputError, with the byte."""
    at = body.at
    command = body.number(2, "a meter")
    if command > _DELETE:
        raise body.error(f"command {command} about meters is not known", at)
    if command == _DELETE:
        body.take(2, "a meter")
        number = body.number(4, "a meter")
        body.take(body.left)
        return MeterChange("delete", Meter(number, (), span=Span(body.name, 0, 0)), number == _ANY_32)
    meter = read_meter(body)
    return meter if command == _ADD else MeterChange("modify", meter)


def read_meter(body: Wire) -> Meter:
    """A meter's flags, number and bands. Raises InputError, with the byte."""
    flags, number = body.number(2, "a meter"), body.number(4, "a meter")
    bands: list[Band] = []
    while body.left:
        start = body.at
        kind, size = body.number(2, "a band"), body.number(2, "a band")
        rate, burst = body.number(4, "a band"), body.number(4, "a band")
        if kind not in (1, 2) or size != 16:
            raise body.error(f"a band of type {kind} and {size} bytes is not known", start)
        level = body.take(4, "a band")[0]
        bands.append(Band("drop", rate, burst) if kind == 1 else Band("dscp_remark", rate, burst, level))
    meter = Meter(number, tuple(bands), stats=bool(flags & _STATS), span=Span(body.name, 0, 0))
    return replace(meter, unit="pktps") if flags & _PKTPS else meter


__all__ = ["flow_mod", "group_mod", "meter_mod", "read_meter"]
