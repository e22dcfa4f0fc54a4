"""From OpenFlow messages to a bridge: what a controller sends, and what a switch answers when it is asked.

Versions 1.3 to 1.5 (wire 4, 5, 6), after the OpenFlow switch specifications and ``include/openflow`` of Open vSwitch
3.1. Flows, groups and meters are added by ``OFPT_FLOW_MOD``, ``OFPT_GROUP_MOD`` and ``OFPT_METER_MOD``, also within
bundles, or told by multipart replies. Messages that change nothing (hello, echo, barriers, requests) are read over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final, get_args

from .....semantics.source import InputError, Span
from ....assuming import ASSUMES, assumed
from ..flows import ASSUMPTIONS, TABLES, Band, Bridge, Bucket, Flow, Group, GroupKind, Masked, Meter, Selection
from ..group_lines import what_is_wrong
from ..matches import Match
from . import oxm
from .oxm import port_of
from .read_actions import actions, instructions
from .wire import Wire

VERSIONS: Final = {4: "OpenFlow 1.3", 5: "OpenFlow 1.4", 6: "OpenFlow 1.5"}
HELLO, ECHO_REQUEST, FLOW_MOD, GROUP_MOD, MULTIPART_REPLY, METER_MOD, BUNDLE_ADD = 0, 2, 14, 15, 19, 29, 34
FLOW_STATS, GROUP_DESC, METER_CONFIG = 1, 7, 10
NTR: Final = 0x0000154D
"""Netronome's experimenter number."""
_HEADER: Final = 8
_OVER: Final = frozenset([HELLO, ECHO_REQUEST, 3, 5, 6, 7, 8, 9, 18, 20, 21, 24, 25, 26, 27, 33])
"""Messages that say nothing of flows: features, configuration, requests, barriers, roles, the control of bundles."""
_ANY_32: Final = 0xFFFFFFFF
_KINDS: Final[tuple[GroupKind, ...]] = get_args(GroupKind)
_ADD, _DELETE, _ALL_TABLES = 0, 3, 0xFF
_ALL_GROUPS: Final = 0xFFFFFFFC
_PKTPS, _STATS = 2, 8


def recognises(data: bytes) -> bool:
    """Whether a content begins with a message of one of these versions that flows come with."""
    if len(data) < _HEADER or data[0] not in VERSIONS:
        return False
    length = int.from_bytes(data[2:4], "big")
    return _HEADER <= length <= len(data) and (data[1] in _OVER or data[1] in _READERS)


def decode(data: bytes, name: str = "<messages>") -> Bridge:
    """The bridge that the messages make or tell of.

    Raises:
        InputError: damaged messages, or ones that mean what is not known here; with the byte.
    """
    found = _Bridge(name)
    wire = Wire(data, name)
    while wire.left:
        found.message(wire)
    if not found.flows and not found.groups:
        raise wire.error("no flow in these messages", 0)
    assumes = tuple(sorted(found.assumes))
    meters = tuple(found.meters.values())
    return Bridge(tuple(found.flows), tuple(found.groups.values()), name, assumes, meters)


class _Bridge:
    """What the messages so far have made."""

    def __init__(self, name: str) -> None:
        self.span = Span(name, 0, 0)
        self.flows: list[Flow] = []
        self.groups: dict[int, Group] = {}
        self.meters: dict[int, Meter] = {}
        self.assumes: set[str] = set()
        self._version: int | None = None

    def message(self, wire: Wire) -> None:
        """The next message."""
        at = wire.at
        version, kind, length = wire.number(1, "a message"), wire.number(1, "a message"), wire.number(2, "a message")
        if kind != HELLO and version not in VERSIONS:
            raise wire.error(f"OpenFlow of version {version} on the wire (known are 4 to 6)", at)
        if length < _HEADER:
            raise wire.error(f"a message of {length} bytes", at)
        wire.take(4, "a message")
        body = wire.part(length - _HEADER, "a message")
        if kind in _OVER and kind != ECHO_REQUEST:
            return
        if self._version not in (None, version):
            raise wire.error(f"{VERSIONS[version]} after another version", at)
        self._version = version
        reader = _READERS.get(kind)
        if reader is None:
            raise wire.error(f"a message of type {kind}, which is not known here", at)
        reader(self, body, version)

    # --- commands -----------------------------------------------------------------------------------------------------

    def echo(self, body: Wire, version: int) -> None:
        """A request for an echo may carry what flows assume."""
        said = body.take(body.left).decode("latin-1")
        if said.startswith(ASSUMES):
            self.assumes |= set(assumed(said, self.span, ASSUMPTIONS))

    def bundled(self, body: Wire, version: int) -> None:
        """``OFPT_BUNDLE_ADD_MESSAGE``: a message within."""
        body.take(8, "a bundle")
        self.message(body)

    def flow_mod(self, body: Wire, version: int) -> None:
        """``struct ofp_flow_mod``; only what adds a flow, or deletes all."""
        cookie, cookie_mask = body.number(8, "a flow"), body.number(8, "a flow")
        table_at = body.at
        table, command = body.number(1, "a flow"), body.number(1, "a flow")
        body.take(4, "a flow")
        priority = body.number(2, "a flow")
        body.take(8, "a flow")
        group = body.number(4, "a flow")
        body.take(4, "a flow")
        found = match(body)
        if command == _DELETE and table == _ALL_TABLES and not cookie_mask and not found and group == _ANY_32:
            self.flows.clear()
            body.take(body.left)
            return
        if command != _ADD:
            raise body.error(f"command {command}: only flows that are added, or all deleted, are known", table_at + 1)
        table = _table(body, table, table_at)
        self.flows.append(Flow(table, priority, found, instructions(body, version), cookie, self.span))

    def group_mod(self, body: Wire, version: int) -> None:
        """``struct ofp_group_mod``."""
        at = body.at
        command, kind = body.number(2, "a group"), body.number(1, "a group")
        body.take(1)
        number = body.number(4, "a group")
        if command == 2 and number == _ALL_GROUPS:
            self.groups.clear()
            body.take(body.left)
            return
        if command != _ADD:
            raise body.error(f"command {command}: only groups that are added, or all deleted, are known", at)
        size = body.left
        if version >= 6:
            size = body.number(2, "a group")
            body.take(6, "a group")
        self._group(body, size, kind, number, version, at)

    def _group(self, body: Wire, size: int, kind: int, number: int, version: int, at: int) -> None:
        if kind >= len(_KINDS):
            raise body.error(f"{kind} is no kind of group", at)
        if number in self.groups:
            raise body.error(f"group {number} is there twice", at)
        listed = body.part(size, "buckets")
        buckets: list[Bucket] = []
        while listed.left:
            buckets.append(_bucket_15(listed) if version >= 6 else _bucket(listed, version))
        chosen = _properties(body) if version >= 6 else Selection()
        made = Group(number, _KINDS[kind], tuple(buckets), self.span, chosen)
        wrong = what_is_wrong(made)
        if wrong is not None:
            raise body.error(wrong, at)
        self.groups[number] = made

    def meter_mod(self, body: Wire, version: int) -> None:
        """``struct ofp_meter_mod``."""
        at = body.at
        command = body.number(2, "a meter")
        if command == 2:
            self.meters.clear()
            body.take(body.left)
            return
        if command != _ADD:
            raise body.error(f"command {command}: only meters that are added, or all deleted, are known", at)
        self._meter(body)

    def _meter(self, body: Wire) -> None:
        at = body.at
        flags, number = body.number(2, "a meter"), body.number(4, "a meter")
        if number in self.meters:
            raise body.error(f"meter {number} is there twice", at)
        bands: list[Band] = []
        while body.left:
            start = body.at
            kind, size = body.number(2, "a band"), body.number(2, "a band")
            rate, burst = body.number(4, "a band"), body.number(4, "a band")
            if kind not in (1, 2) or size != 16:
                raise body.error(f"a band of type {kind} and {size} bytes is not known", start)
            level = body.take(4, "a band")[0]
            bands.append(Band("drop", rate, burst) if kind == 1 else Band("dscp_remark", rate, burst, level))
        meter = Meter(number, tuple(bands), stats=bool(flags & _STATS), span=self.span)
        self.meters[number] = replace(meter, unit="pktps") if flags & _PKTPS else meter

    # --- answers ------------------------------------------------------------------------------------------------------

    def multipart(self, body: Wire, version: int) -> None:
        """Answers to requests for flows, groups and meters; others are read over."""
        kind = body.number(2, "an answer")
        body.take(6, "an answer")
        while kind in (FLOW_STATS, GROUP_DESC, METER_CONFIG) and body.left:
            at = body.at
            size = body.number(2, "an entry")
            entry = body.part(size - 2, "an entry") if size >= 2 else None
            if entry is None or size % 8:
                raise body.error(f"an entry of {size} bytes", at)
            if kind == FLOW_STATS:
                self._flow_stats(entry, version)
            elif kind == GROUP_DESC:
                self._group_desc(entry, version)
            else:
                self._meter(entry)

    def _flow_stats(self, entry: Wire, version: int) -> None:
        """``struct ofp_flow_stats``, since 1.5 ``struct ofp_flow_desc``."""
        if version >= 6:
            entry.take(2, "a flow")
        at = entry.at
        table = entry.number(1, "a flow")
        entry.take(1 if version >= 6 else 9, "a flow")
        priority = entry.number(2, "a flow")
        entry.take(8 if version >= 6 else 10, "a flow")
        cookie = entry.number(8, "a flow")
        entry.take(0 if version >= 6 else 16, "a flow")
        found = match(entry)
        if version >= 6:  # counters as OXS: 16 bits 0, then the length with this header
            entry.take(2, "statistics")
            size = entry.number(2, "statistics")
            if size < 4:
                raise entry.error(f"statistics of {size} bytes")
            entry.take(size - 4 + -size % 8, "statistics")
        table = _table(entry, table, at)
        self.flows.append(Flow(table, priority, found, instructions(entry, version), cookie, self.span))

    def _group_desc(self, entry: Wire, version: int) -> None:
        """``struct ofp_group_desc``."""
        at = entry.at
        kind = entry.number(1, "a group")
        entry.take(1, "a group")
        number = entry.number(4, "a group")
        size = entry.left
        if version >= 6:
            size = entry.number(2, "a group")
            entry.take(6, "a group")
        self._group(entry, size, kind, number, version, at)


def _table(wire: Wire, number: int, at: int) -> int:
    if number >= TABLES:
        raise wire.error(f"tables are numbered from 0 to {TABLES - 1}", at)
    return number


def match(wire: Wire) -> tuple[Masked, ...]:
    """``struct ofp_match`` with its padding. Raises InputError."""
    at = wire.at
    kind, size = wire.number(2, "a match"), wire.number(2, "a match")
    if kind != 1 or size < 4:
        raise wire.error(f"a match of type {kind} and {size} bytes (type 1, OXM, is known)", at)
    fields = wire.part(size - 4, "a match")
    wire.take(-size % 8, "padding")
    found = Match()
    while fields.left:
        for part in oxm.read_field(fields):
            found.add(part.name, part.value, part.mask, _Place(fields, part.at))
    return found.done()


class _Place:
    """Where a field of a match stands."""

    def __init__(self, wire: Wire, at: int) -> None:
        self.wire = wire
        self.at = at

    def error(self, message: str) -> InputError:
        """An error there."""
        return self.wire.error(message, self.at)


def _bucket(wire: Wire, version: int) -> Bucket:
    """``struct ofp_bucket`` of 1.3 and 1.4."""
    at = wire.at
    size = wire.number(2, "a bucket")
    if size < 16 or size % 8:
        raise wire.error(f"a bucket of {size} bytes", at)
    body = wire.part(size - 2, "a bucket")
    weight = body.number(2, "a bucket")
    port_at = body.at
    port, group = body.number(4, "a bucket"), body.number(4, "a bucket")
    body.take(4, "a bucket")
    watch = None if port == _ANY_32 else port_of(body, port, 4, port_at)
    return Bucket(actions(body, version), watch, weight or 1, None if group == _ANY_32 else group)


def _bucket_15(wire: Wire) -> Bucket:
    """``struct ofp_bucket`` of 1.5, with properties."""
    at = wire.at
    size, size_of_actions = wire.number(2, "a bucket"), wire.number(2, "a bucket")
    if size < 8 or size % 8:
        raise wire.error(f"a bucket of {size} bytes", at)
    body = wire.part(size - 4, "a bucket")
    body.take(4, "a bucket's number")
    bucket = Bucket(actions(body.part(size_of_actions, "a bucket's actions"), 6))
    while body.left:
        start = body.at
        kind, length = body.number(2, "a property"), body.number(2, "a property")
        if kind > 2 or length != 8:
            raise body.error(f"property {kind} of a bucket, of {length} bytes, is not known", start)
        value_at = body.at
        value = body.number(2 if kind == 0 else 4, "a property")
        body.take(2 if kind == 0 else 0)
        if kind == 0:
            bucket = replace(bucket, weight=value)
        elif kind == 1 and value != _ANY_32:
            bucket = replace(bucket, watch=port_of(body, value, 4, value_at))
        elif kind == 2 and value != _ANY_32:
            bucket = replace(bucket, watch_group=value)
    return bucket


def _properties(wire: Wire) -> Selection:
    """A group's properties: Netronome's selection method."""
    chosen = Selection()
    while wire.left:
        at = wire.at
        kind, size = wire.number(2, "a property"), wire.number(2, "a property")
        if kind != 0xFFFF or size < 40:
            raise wire.error(f"property {kind} of a group is not known", at)
        body = wire.part(size - 4, "a property")
        wire.take(-size % 8, "padding")
        experimenter, subtype = body.number(4, "a property"), body.number(4, "a property")
        if (experimenter, subtype) != (NTR, 1):
            raise wire.error(f"property {subtype} of experimenter 0x{experimenter:x} is not known", at)
        body.take(4)
        method = body.take(16, "a selection method").rstrip(b"\0").decode("latin-1")
        param = body.number(8, "a parameter")
        fields: list[str] = []
        while body.left:
            fields.append(_selected(body))
        chosen = Selection(method, param, tuple(fields))
    return chosen


def _selected(body: Wire) -> str:
    """A field by which a group chooses: its header, then the bits that count."""
    kind, _, _, size = oxm.read_header(body)
    if kind is None or size != kind.size:
        raise body.error("a field by which a group cannot choose")
    mask = body.number(size, "a mask")
    full = (1 << kind.known.bits) - 1
    return kind.name if mask & full == full else f"{kind.name}=0x{mask:x}"


_READERS: Final[Mapping[int, Callable[[_Bridge, Wire, int], None]]] = {
    ECHO_REQUEST: _Bridge.echo,
    FLOW_MOD: _Bridge.flow_mod,
    GROUP_MOD: _Bridge.group_mod,
    METER_MOD: _Bridge.meter_mod,
    MULTIPART_REPLY: _Bridge.multipart,
    BUNDLE_ADD: _Bridge.bundled,
}
__all__ = ["VERSIONS", "decode", "recognises"]
