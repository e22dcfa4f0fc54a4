"""From OpenFlow messages to a bridge: what a controller sends, and what a switch answers when it is asked.

Versions 1.3 to 1.5 (wire 4, 5, 6), after the OpenFlow switch specifications and ``include/openflow`` of Open vSwitch
3.1. Flows, groups and meters are added and changed by ``OFPT_FLOW_MOD``, ``OFPT_GROUP_MOD`` and ``OFPT_METER_MOD``
(:mod:`.mods`), also within bundles, or told by multipart replies. Messages that change nothing (hello, echo, barriers,
requests, packets that are sent) are read over.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from .....semantics.source import Span
from ....assuming import ASSUMES, assumed
from ..changes import applied
from ..flows import ASSUMPTIONS, Bridge, Flow
from ..sent_packets import check_leaves_all
from ..steps import Step
from .groups import checked, read_group
from .match import match, table_of
from .mods import flow_mod, group_mod, meter_mod, read_meter
from .packets import packet_out
from .read_actions import instructions
from .wire import Wire

VERSIONS: Final = {4: "OpenFlow 1.3", 5: "OpenFlow 1.4", 6: "OpenFlow 1.5"}
HELLO, ECHO_REQUEST, PACKET_OUT, FLOW_MOD, GROUP_MOD, MULTIPART_REPLY, METER_MOD = 0, 2, 13, 14, 15, 19, 29
BUNDLE_CONTROL, BUNDLE_ADD = 33, 34
FLOW_STATS, GROUP_DESC, METER_CONFIG = 1, 7, 10
_HEADER: Final = 8
_OVER: Final = frozenset([HELLO, ECHO_REQUEST, 3, 5, 6, 7, 8, 9, 18, 20, 21, 24, 25, 26, 27, BUNDLE_CONTROL])
"""Messages that say nothing of flows: features, configuration, requests, barriers, roles, the control of bundles."""
_OPEN, _COMMIT, _DISCARD = 0, 4, 6


def recognises(data: bytes) -> bool:
    """Whether a content begins with a message of one of these versions that flows come with."""
    if len(data) < _HEADER or data[0] not in VERSIONS:
        return False
    length = int.from_bytes(data[2:4], "big")
    return _HEADER <= length <= len(data) and (
        data[1] == PACKET_OUT or any(data[1] in some for some in (_OVER, _READERS, _MODS))
    )


def decode(data: bytes, name: str = "<messages>") -> Bridge:
    """The bridge that the messages make or tell of.

    Raises:
        InputError: damaged messages, ones that mean what is not known here, or that the switch refuses; with the byte.
        Unsupported: it is not known what a message changes.
    """
    found = _Stream(name)
    wire = Wire(data, name)
    while wire.left:
        found.message(wire)
    found.end(wire)
    if not found.steps:
        raise wire.error("no flow in these messages", 0)
    where = [f"byte {at}: " for at in found.bytes]
    check_leaves_all(found.steps, where)
    bridge = applied(found.steps, ("later",), bundles=found.bundles, told=found.told, where=where)
    if not bridge.flows and not bridge.groups:
        raise wire.error("no flow in these messages", 0)
    return replace(bridge, name=name, assumes=tuple(sorted(found.assumes)))


@dataclass
class _Bundle:
    """A bundle that is not over."""

    steps: list[Step] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)
    after: int = 0
    """How many steps there were when it began."""
    opened: int | None = None
    """The byte of the message that opens it; None: there is none."""


class _Stream:
    """What the messages so far say."""

    def __init__(self, name: str) -> None:
        self.span = Span(name, 0, 0)
        self.steps: list[Step] = []
        self.bytes: list[int] = []
        """Where each step begins."""
        self.bundles: list[range] = []
        """The steps of each bundle."""
        self.told: Span | None = None
        """Where the switch answers."""
        self.assumes: set[str] = set()
        self._open: dict[int, _Bundle] = {}
        self._inner: _Bundle | None = None
        """The bundle that the next message is in."""
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
        if self._inner is not None and kind not in _MODS and kind != PACKET_OUT:
            raise wire.error(f"a message of type {kind} in a bundle", at)
        if kind in _OVER and kind not in _READERS:
            return
        if self._version not in (None, version):
            raise wire.error(f"{VERSIONS[version]} after another version", at)
        self._version = version
        if kind == PACKET_OUT:
            self._take(packet_out(body, version, in_bundle=self._inner is not None), at)
        elif kind in _MODS:
            self._take(_MODS[kind](body, version), at)
        elif kind in _READERS:
            _READERS[kind](self, body, version)
        else:
            raise wire.error(f"a message of type {kind}, which is not known here", at)

    def _take(self, step: Step, at: int) -> None:
        """One more step, of the bundle that it is in, if it is in one."""
        to = self if self._inner is None else self._inner
        to.steps.append(step)
        to.bytes.append(at)

    def echo(self, body: Wire, version: int) -> None:
        """A request for an echo may carry what flows assume."""
        said = body.take(body.left).decode("latin-1")
        if said.startswith(ASSUMES):
            self.assumes |= set(assumed(said, self.span, ASSUMPTIONS))

    # --- bundles ------------------------------------------------------------------------------------------------------

    def bundled(self, body: Wire, version: int) -> None:
        """``OFPT_BUNDLE_ADD_MESSAGE``: a message within."""
        number = body.number(4, "a bundle")
        body.take(4, "a bundle")
        self._inner = self._open.setdefault(number, _Bundle(after=len(self.steps)))
        self.message(body)
        self._inner = None

    def control(self, body: Wire, version: int) -> None:
        """``OFPT_BUNDLE_CONTROL``: a bundle counts when it is committed; answers are read over."""
        at = body.at - _HEADER
        number, kind = body.number(4, "a bundle"), body.number(2, "a bundle")
        if kind == _OPEN:
            if number in self._open:
                raise body.error(f"bundle {number} is opened, and is open", at)
            self._open[number] = _Bundle(opened=at)
        elif kind == _COMMIT:
            self._commit(self._open.pop(number, _Bundle()))
        elif kind == _DISCARD:
            self._open.pop(number, None)

    def _commit(self, bundle: _Bundle) -> None:
        self.bundles.append(range(len(self.steps), len(self.steps) + len(bundle.steps)))
        self.steps += bundle.steps
        self.bytes += bundle.bytes

    def end(self, wire: Wire) -> None:
        """No message follows. Where nothing is said of a bundle's beginning and end, and nothing stands between, it is
        taken to count. Raises InputError for another one that is not committed."""
        for number, bundle in self._open.items():
            if bundle.opened is not None or bundle.after != len(self.steps):
                raise wire.error(f"bundle {number} is not committed", bundle.opened or 0)
            self._commit(bundle)

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
            self.told = self.span
            if kind == FLOW_STATS:
                self._flow_stats(entry, version)
            elif kind == GROUP_DESC:
                self._group_desc(entry, version)
            else:
                self._take(read_meter(entry), at)

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
        table = table_of(entry, table, at)
        self._take(Flow(table, priority, found, instructions(entry, version), cookie, self.span), at)

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
        self._take(checked(entry, read_group(entry, size, kind, number, version, at), at), at)


_MODS: Final[Mapping[int, Callable[[Wire, int], Step]]] = {
    FLOW_MOD: flow_mod,
    GROUP_MOD: group_mod,
    METER_MOD: meter_mod,
}
_READERS: Final[Mapping[int, Callable[[_Stream, Wire, int], None]]] = {
    ECHO_REQUEST: _Stream.echo,
    MULTIPART_REPLY: _Stream.multipart,
    BUNDLE_CONTROL: _Stream.control,
    BUNDLE_ADD: _Stream.bundled,
}
__all__ = ["VERSIONS", "decode", "recognises"]
