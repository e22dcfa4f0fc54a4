"""Putting flows and groups into a bridge of a running Open vSwitch, and taking them back.

All go in at once or not at all (``ovs-ofctl bundle``), then they are read back and compared. Our flows have a cookie,
by which they are found again; groups are those that our flows lead to. Flows of others in a table that ours use would
be asked as well, so there must be none.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from ...semantics.source import InputError, Span
from .artifact import (
    Action,
    Bridge,
    Flow,
    Group,
    Meter,
    ToGroup,
    ToMeter,
    WriteActions,
    print_flow,
    print_group,
    print_meter,
    read_text,
)

COOKIE: Final = 0x7034_7665_7269_6679
"""Of our flows: "p4verify"."""
_VERSION: Final = ("-O", "OpenFlow15")
_PATIENCE: Final = 60.0


def install(bridge: Bridge, switch: str) -> None:
    """Put flows and groups into a bridge, as ``ovs-ofctl`` names it (its name, or ``unix:FILE``, ``tcp:HOST:PORT``).

    Raises:
        InputError: there is no such bridge, there are flows or groups that ours would meet, or the switch refuses them
            or has made others of them. Nothing is left behind then.
    """
    there = _flows(switch)
    used = {flow.table for flow in bridge.flows}
    for flow in there:
        if flow.cookie == COOKIE:
            raise _error(switch, "has flows of p4verify already; 'p4verify lower --remove' takes them back")
        if flow.table in used:
            raise _error(switch, f"has flows of others in table {flow.table}: {print_flow(flow)[:100]}")
    taken = {group.number for group in _groups(switch)} & {group.number for group in bridge.groups}
    if taken:
        raise _error(switch, f"has a group {min(taken)} already")
    numbers = {meter.number for meter in bridge.meters}
    if numbers & {meter.number for meter in _meters(switch)}:
        raise _error(switch, f"has a meter {min(numbers & {meter.number for meter in _meters(switch)})} already")
    ours = [replace(flow, cookie=COOKIE) for flow in bridge.flows]
    lines = [f"group add {print_group(group)}" for group in bridge.groups]
    try:
        for meter in bridge.meters:
            _ofctl("add-meter", switch, print_meter(meter))
        _bundle(switch, [*lines, *(f"flow add {print_flow(flow)}" for flow in ours)])
    except InputError:
        _take_meters(switch, numbers)
        raise
    try:
        problem = _differs(bridge, switch)
        if problem is not None:
            raise _error(switch, problem)
    except InputError:
        _take_back(switch, {group.number for group in bridge.groups}, numbers)
        raise


def remove(switch: str) -> None:
    """Take back what :func:`install` put into a bridge. Raises InputError: nothing of ours, or no such bridge."""
    ours = [flow for flow in _flows(switch) if flow.cookie == COOKIE]
    if not ours:
        raise _error(switch, "has no flows of p4verify")
    by_number = {group.number: group for group in _groups(switch)}
    numbers = _reached((action for flow in ours for action in flow.actions), by_number)
    meters = {action.meter for flow in ours for action in flow.actions if isinstance(action, ToMeter)}
    _take_back(switch, numbers, meters)


def _take_meters(switch: str, meters: Iterable[int]) -> None:
    there = {meter.number for meter in _meters(switch)}
    for number in sorted(there.intersection(meters)):
        _ofctl("del-meter", switch, f"meter={number}")


def _take_back(switch: str, groups: Iterable[int], meters: Iterable[int]) -> None:
    deleted = [f"group delete group_id={number}" for number in sorted(groups)]
    _bundle(switch, [f"flow delete cookie=0x{COOKIE:x}/-1", *deleted])
    _take_meters(switch, meters)


def _reached(actions: Iterable[Action], groups: dict[int, Group]) -> set[int]:
    """The groups that actions lead to."""
    found: set[int] = set()
    todo = list(actions)
    while todo:
        action = todo.pop()
        if isinstance(action, WriteActions):
            todo += action.actions
        elif isinstance(action, ToGroup) and action.group in groups and action.group not in found:
            found.add(action.group)
            todo += [inner for bucket in groups[action.group].buckets for inner in bucket.actions]
    return found


def _differs(bridge: Bridge, switch: str) -> str | None:
    """How what the switch now says it has differs from what it was given."""
    theirs = Counter(replace(flow, cookie=0) for flow in _flows(switch) if flow.cookie == COOKIE)
    ours = Counter(replace(flow, cookie=0) for flow in bridge.flows)
    for flow in (ours - theirs) + (theirs - ours):
        return f"does not have what it was given: {print_flow(flow)}"
    there = {group.number: group for group in _groups(switch)}
    for group in bridge.groups:
        if there.get(group.number) != group:
            return f"does not have what it was given: {print_group(group)}"
    meters = {meter.number: meter for meter in _meters(switch)} if bridge.meters else {}
    for meter in bridge.meters:
        if meters.get(meter.number) != meter:
            return f"does not have what it was given: {print_meter(meter)}"
    return None


def _flows(switch: str) -> tuple[Flow, ...]:
    return _read(_ofctl("dump-flows", "--no-names", switch), switch).flows


def _groups(switch: str) -> tuple[Group, ...]:
    return _read(_ofctl("dump-groups", "--no-names", switch), switch).groups


def _meters(switch: str) -> tuple[Meter, ...]:
    return read_text(_ofctl("dump-meters", switch) + "\nactions=drop\n", f"{switch} (dump)").meters


def _read(text: str, switch: str) -> Bridge:
    lines = [line for line in text.split("\n") if line.strip() and not line.startswith(("OFPST", "NXST"))]
    return read_text("\n".join(lines), f"{switch} (dump)") if lines else Bridge()


def _bundle(switch: str, lines: Iterable[str]) -> None:
    with tempfile.NamedTemporaryFile("w", prefix="p4v-", suffix=".flows") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        _ofctl("bundle", switch, file.name)


def _ofctl(command: str, *arguments: str) -> str:
    """What ``ovs-ofctl`` prints. Raises InputError with its complaint."""
    switch = next(a for a in arguments if not a.startswith("-"))
    tool = shutil.which("ovs-ofctl") or shutil.which("ovs-ofctl", path="/usr/sbin:/usr/local/bin:/usr/bin")
    if tool is None:
        raise _error(switch, "needs ovs-ofctl, which is not installed")
    call = [tool, *_VERSION, command, *arguments]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        raise _error(switch, "does not answer") from None
    if done.returncode:
        raise _error(switch, _complaint(done.stderr))
    return done.stdout


def _complaint(text: str) -> str:
    lines = [line for line in _said(text) if line]
    return lines[-1] if lines else "ovs-ofctl failed"


def _said(text: str) -> Iterator[str]:
    for line in text.split("\n"):
        yield line.removeprefix("ovs-ofctl: ").strip()


def _error(switch: str, text: str) -> InputError:
    return InputError.at(Span("", 0, 0), f"bridge {switch}: {text}")


__all__ = ["COOKIE", "install", "remove"]
