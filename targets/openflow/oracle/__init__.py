"""The real machine: Open vSwitch with its datapath in user space, on private sockets.

Frames go in by ``netdev-dummy/receive``; what leaves a port is read from the port's capture file. After each frame
comes a barrier, a frame that a flow of the oracle's own copies to every port, so that the answer to each frame is
exactly delimited. What goes to the controller leaves by a port of the oracle's own.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ....semantics.source import InputError, Unsupported
from ...base import Closing, Observation
from ..artifact import (
    CONTROLLER,
    FIRST_RESERVED,
    LOCAL,
    MAX_PRIORITY,
    Action,
    Bits,
    Bridge,
    Bundle,
    Clone,
    Flow,
    Move,
    Output,
    OutputBits,
    SetField,
    TagWith,
    WriteActions,
    print_flow,
    print_group,
    print_meter,
)
from .switch import FIRST_VERSION, VERSION, Switch, device, missing, refused

SHORTEST: Final = 14
"""The switch takes no shorter frame from a test."""
MAX_PORTS: Final = 64
_IN_REGISTERS: Final = 40
"""Ports up to which those are made that registers may hold: the smallest, for some numbers there are no ports."""
_CHUNK: Final = 40
"""Frames in one call: a port's queue holds 100, barriers included (``NETDEV_DUMMY_MAX_QUEUE``)."""
_PATIENCE: Final = 10.0
_BARRIER: Final = bytes.fromhex("0270345f4241 0270345f5252 88b6") + b"barrier of the oracle".ljust(46, b"\0")
_BARRIER_MATCH: Final = "dl_dst=02:70:34:5f:42:41,dl_src=02:70:34:5f:52:52,dl_type=0x88b6"


class OpenVSwitch(Closing):
    """Open vSwitch; one object keeps one switch until :meth:`close` or its end."""

    machine: Final = "switch"
    """What a report calls it, behind the target's name."""

    def __init__(self) -> None:
        self._switch: Switch | None = None
        self.looked_at: frozenset[int] = frozenset()
        """The ports at which the last run looked: a frame that goes to another one is not seen."""

    def close(self) -> None:
        """End the switch; the oracle can be asked again afterwards."""
        switch, self._switch = self._switch, None
        if switch is not None:
            switch.close()

    def available(self) -> str | None:
        """None if a switch can be had here, else why not."""
        reason = missing()
        if reason is not None:
            return reason
        try:
            self.run(Bridge((Flow(),)), [(1, bytes(SHORTEST))])
        except (OSError, InputError) as error:
            self.close()
            return f"Open vSwitch cannot be used here: {error}"
        return None

    def take_down(self, port: int) -> None:
        """From now on a port is down, so that buckets that watch it do not live. Raises OSError."""
        switch = self._ready()
        switch.need({port})
        switch.take_down(port)

    def run(self, artifact: Any, packets: Sequence[tuple[int, bytes]], tables: Any = None) -> list[Observation]:
        """What the switch does with each frame received on each port; frames to the controller go to the "stack".

        Raises:
            InputError: the switch refuses a flow or group; with its place.
            Unsupported: something that cannot be observed, with its place.
            OSError: there is no switch to be had here, or it does not answer.
        """
        if not isinstance(artifact, Bridge):
            raise TypeError(f"flows expected, not {type(artifact).__name__}")
        if any(len(frame) < SHORTEST or frame == _BARRIER for _, frame in packets):
            raise ValueError(f"a frame has at least {SHORTEST} bytes, and is not the oracle's barrier")
        ports = {port for port, _ in packets} | set(_ports(artifact))
        if not all(0 < port < FIRST_RESERVED or port == LOCAL for port in ports):
            raise Unsupported(f"ports are numbered from 1 to {FIRST_RESERVED - 1}")
        others = sorted({port for port in _in_registers(artifact) if 0 < port < FIRST_RESERVED} - ports)
        ports |= set(others[: max(0, _IN_REGISTERS - len(ports))])
        marker = max(ports - {LOCAL}, default=0) + 1
        if len(ports) >= MAX_PORTS or marker >= FIRST_RESERVED:
            raise Unsupported(f"more than {MAX_PORTS - 1} ports")
        switch = self._ready()
        switch.need(ports | {marker})
        self.looked_at = frozenset(ports)
        self._load(switch, artifact, marker, ports)
        return _observe(switch, packets, sorted(ports | {marker}), marker)

    def _ready(self) -> Switch:
        if self._switch is None:
            self._switch = Switch()
        return self._switch

    def _load(self, switch: Switch, bridge: Bridge, marker: int, ports: set[int]) -> None:
        shown = _observable(bridge, marker)
        everywhere = ",".join(["in_port", *(f"output:{port}" for port in sorted(ports | {marker}))])
        barrier = f"table=0,priority={MAX_PRIORITY},{_BARRIER_MATCH},actions={everywhere}\n"
        flows = "".join(print_flow(flow) + "\n" for flow in shown.flows)
        groups = "".join(print_group(group) + "\n" for group in shown.groups)
        try:
            switch.load(barrier + flows, groups, [print_meter(meter) for meter in shown.meters], _version(shown))
        except OSError as error:
            raise self._blame(switch, shown, error) from None

    def _blame(self, switch: Switch, bridge: Bridge, error: OSError) -> InputError:
        """Which flow or group the switch refuses, found by adding one after the other."""
        switch.load("", "")
        for meter in bridge.meters:
            try:
                switch.add_meter(print_meter(meter))
            except OSError as complaint:
                return refused(complaint, meter.span)
        groups = [(group.span, "add-group", print_group(group)) for group in bridge.groups]
        for span, command, text in groups + [(flow.span, "add-flow", print_flow(flow)) for flow in bridge.flows]:
            try:
                switch.ofctl(command, text, version=VERSION if command == "add-group" else _version(bridge))
            except OSError as complaint:
                return refused(complaint, span)
        return refused(error, bridge.flows[0].span if bridge.flows else bridge.groups[0].span)


def _ports(bridge: Bridge) -> Iterator[int]:
    """The ports that are sent to, watched or asked for."""
    for flow in bridge.flows:
        yield from (m.value for m in flow.match if m.field == "in_port" and _is_seen(m.value))
        yield from _outputs(flow.actions)
    for group in bridge.groups:
        for bucket in group.buckets:
            yield from _outputs(bucket.actions)
            if bucket.watch is not None:
                yield bucket.watch


def _is_seen(port: int) -> bool:
    """Whether frames that a port sends can be captured."""
    return port < FIRST_RESERVED or port == LOCAL


def _in_registers(bridge: Bridge) -> Iterator[int]:
    """The ports that ``output:FIELD[..]`` may find where actions have written or moved constants to."""
    every = [action for actions in _lists(bridge) for action in actions]
    asked = {action.source for action in every if isinstance(action, OutputBits)}
    todo = list(asked)
    while todo:
        bits = todo.pop()
        for action in every:
            if isinstance(action, Move) and _within(bits, action.target):
                from_ = replace(action.source, low=action.source.low + bits.low - action.target.low, width=bits.width)
                if from_ not in asked:
                    asked.add(from_)
                    todo.append(from_)
            elif isinstance(action, SetField) and action.field == bits.field:
                ones = (1 << bits.width) - 1
                if action.mask >> bits.low & ones == ones:
                    yield action.value >> bits.low & ones


def _within(inner: Bits, outer: Bits) -> bool:
    return inner.field == outer.field and outer.low <= inner.low and inner.low + inner.width <= outer.low + outer.width


def _lists(bridge: Bridge) -> Iterator[tuple[Action, ...]]:
    """Every list of actions."""
    todo = [flow.actions for flow in bridge.flows] + [b.actions for group in bridge.groups for b in group.buckets]
    while todo:
        actions = todo.pop()
        yield actions
        todo += [action.actions for action in actions if isinstance(action, WriteActions | Clone)]


def _outputs(actions: tuple[Action, ...]) -> Iterator[int]:
    for action in actions:
        if isinstance(action, OutputBits):
            yield LOCAL
        elif isinstance(action, Output) and _is_seen(action.port):
            yield action.port
        elif isinstance(action, Bundle):
            yield from action.members
        elif isinstance(action, WriteActions | Clone):
            yield from _outputs(action.actions)


def _observable(bridge: Bridge, marker: int) -> Bridge:
    """The same with the controller's frames sent out of the marker port."""
    for flow in bridge.flows:
        if flow.table == 0 and flow.priority == MAX_PRIORITY and _meets_barrier(flow):
            raise Unsupported("a flow of the highest priority in table 0 (the oracle's own is there)", flow.span)
    flows = tuple(replace(flow, actions=_told(flow.actions, marker)) for flow in bridge.flows)
    groups = tuple(
        replace(g, buckets=tuple(replace(b, actions=_told(b.actions, marker)) for b in g.buckets))
        for g in bridge.groups
    )
    return replace(bridge, flows=flows, groups=groups)


def _meets_barrier(flow: Flow) -> bool:
    """Whether the oracle's own frame may match a flow."""
    dst, src, kind = (int.from_bytes(_BARRIER[i:j], "big") for i, j in ((0, 6), (6, 12), (12, 14)))
    known = {"eth_dst": dst, "eth_src": src, "eth_type": kind, "vlan_tci": 0}
    return all(known[m.field] & m.mask == m.value for m in flow.match if m.field in known)


def _told(actions: tuple[Action, ...], marker: int) -> tuple[Action, ...]:
    return tuple(
        Output(marker)
        if action == Output(CONTROLLER)
        else replace(action, actions=_told(action.actions, marker))
        if isinstance(action, WriteActions | Clone)
        else action
        for action in actions
    )


def _version(bridge: Bridge) -> str:
    """The version of OpenFlow by which flows are put in: only 1.0 has ``mod_vlan_vid``."""
    tags = any(isinstance(action, TagWith) for actions in _lists(bridge) for action in actions)
    return FIRST_VERSION if tags else VERSION


class _Capture:
    """What leaves a port, from now on."""

    _FILE_HEADER: Final = 24
    _HEADER: Final = struct.Struct("=IIII")

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._file.seek(max(self._file.seek(0, 2), self._FILE_HEADER))
        self._rest = b""

    def frames(self) -> Iterator[bytes]:
        """The frames that have come since."""
        data = self._rest + self._file.read()
        at = 0
        while at + self._HEADER.size <= len(data):
            size = self._HEADER.unpack_from(data, at)[2]
            end = at + self._HEADER.size + size
            if end > len(data):
                break
            yield data[at + self._HEADER.size : end]
            at = end
        self._rest = data[at:]

    def close(self) -> None:
        self._file.close()


def _observe(
    switch: Switch, packets: Sequence[tuple[int, bytes]], ports: Sequence[int], marker: int
) -> list[Observation]:
    captures = {port: _Capture(switch.capture(port)) for port in ports}
    found: list[list[tuple[str, int, bytes]]] = [[] for _ in packets]
    try:
        for start, end in _chunks(packets):
            arguments = [text for _, frame in packets[start:end] for text in (frame.hex(), _BARRIER.hex())]
            switch.control.call("netdev-dummy/receive", device(packets[start][0]), *arguments)
            _collect(switch, captures, found, start, end, marker)
    finally:
        for capture in captures.values():
            capture.close()
    return [Observation(tuple(sorted(outputs))) for outputs in found]


def _chunks(packets: Sequence[tuple[int, bytes]]) -> Iterator[tuple[int, int]]:
    """Stretches of frames of one port."""
    start = 0
    for end in range(1, len(packets) + 1):
        if end == len(packets) or packets[end][0] != packets[start][0] or end - start >= _CHUNK:
            yield start, end
            start = end


def _collect(
    switch: Switch,
    captures: dict[int, _Capture],
    found: list[list[tuple[str, int, bytes]]],
    start: int,
    end: int,
    marker: int,
) -> None:
    """Read what leaves the ports until each has seen all barriers."""
    at = dict.fromkeys(captures, start)
    limit = time.monotonic() + _PATIENCE
    while any(index < end for index in at.values()):
        for port, capture in captures.items():
            for frame in capture.frames():
                if frame == _BARRIER:
                    at[port] += 1
                elif at[port] >= end:
                    raise OSError("the switch sends frames that nobody asked for")
                else:
                    found[at[port]].append(("stack", 0, frame) if port == marker else ("port", port, frame))
        if time.monotonic() > limit:
            raise OSError("the switch does not answer")
        switch.control.call("version")  # lets its main loop turn


__all__ = ["OpenVSwitch"]
