"""Reading a ``tc -batch`` script of u32 filters (a leading ``tc`` on each line is accepted as well).

Follows ``tc_filter_modify``, ``u32_parse_opt``, ``parse_action``, ``parse_mirred`` and ``parse_gact`` of iproute2 6.x.
``qdisc add ... clsact`` lines are read over; any other command is an error, for it could change what the filters do.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from ....semantics.source import InputError, Span
from .filters import DEFAULT_PORTS, NO_HANDLE, FilterList, Handle, Hook, PortNames, U32Filter
from .names import read_classid, read_handle, read_protocol
from .options import Options
from .words import Command, commands, shorten

MAX_FILTERS: Final = 1 << 20
_INGRESS_PARENTS: Final = (0xFFFF0000, 0xFFFFFFF2)
_EGRESS_PARENT: Final = 0xFFFFFFF3


def parse_script(text: str, name: str = "<tc>", ports: PortNames = DEFAULT_PORTS) -> FilterList:
    """The filters of a script.

    Raises:
        InputError: a command that is not understood, or that does not add a u32 filter; with line and column.
    """
    hook: Hook | None = None
    filters: list[U32Filter] = []
    for command in commands(text, name):
        command.take("tc")
        if command.take_short("qdisc"):
            _read_qdisc(command)
            continue
        if not command.take_short("filter"):
            raise command.error(f"'filter add' expected, not {shorten(command.peek())}", command.here)
        start = command.last
        where, filter_ = _read_filter(command, ports, start)
        if hook is not None and where != hook:
            raise command.error(f"all filters must be on one hook; earlier ones are on {_hook_text(hook)}", start)
        hook = where
        filters.append(filter_)
        if len(filters) > MAX_FILTERS:
            raise command.error(f"more than {MAX_FILTERS} filters", start)
    if hook is None:
        raise InputError.at(Span(name, 1, 1), "no u32 filter in this script")
    return FilterList(tuple(filters), hook, name)


def _hook_text(hook: Hook) -> str:
    return f"block {hook.block}" if hook.block is not None else f"dev {hook.device} {hook.direction}"


def _read_qdisc(command: Command) -> None:
    """``qdisc add|replace dev X clsact|ingress``: makes the hook, says nothing of filters."""
    if not command.take("add", "replace"):
        raise command.error("'qdisc add' expected", command.here)
    kind = False
    while command:
        if command.take("dev", "parent", "handle", "ingress_block", "egress_block"):
            command.next(f"argument of {command.last_text}")
        elif command.take("clsact", "ingress"):
            kind = True
        else:
            raise command.error(f"unexpected {shorten(command.peek())}", command.here)
    if not kind:
        raise command.error("only clsact and ingress qdiscs can carry these filters", command.end)


@dataclass
class _Common:
    """What ``tc filter add`` says before the classifier's name."""

    device: str | None = None
    block: int | None = None
    direction: str | None = None
    pref: int = 0
    protocol: int = 3
    chain: int = 0
    handle: Handle = NO_HANDLE
    seen: set[str] = field(default_factory=set)


def _read_filter(command: Command, ports: PortNames, start: Span) -> tuple[Hook, U32Filter]:
    if not command.take("add"):
        raise command.error(f"'filter add' expected, not 'filter {command.peek()[:20]}'", command.here)
    common = _read_common(command)
    if common.device is None and common.block is None:
        raise command.error("'dev' or 'block' is missing", start)
    if common.block is None and common.direction is None:
        raise command.error("'ingress' (or 'egress') is missing: other hooks are not known", start)
    hook = Hook(common.device or "", "egress" if common.direction == "egress" else "ingress", common.block)
    options = Options(command, ports)
    options.read()
    try:
        return hook, options.filter(common.pref, common.protocol, common.chain, common.handle, start)
    except ValueError as error:
        raise command.error(str(error), start) from None


def _read_common(command: Command) -> _Common:
    common = _Common()
    while True:
        if not command:
            raise command.error("the classifier 'u32' is missing", command.end)
        if command.take("u32"):
            return common
        _read_common_option(command, common)


def _read_common_option(command: Command, common: _Common) -> None:
    if command.take("dev"):
        _once(command, common, "dev")
        common.device = command.next("device")
    elif command.take("ingress", "egress"):
        _once(command, common, "parent")
        common.direction = command.last_text
    elif command.take("parent"):
        _once(command, common, "parent")
        parent = read_classid(command, "parent")
        if parent not in (*_INGRESS_PARENTS, _EGRESS_PARENT):
            raise command.error("the parent is neither ingress (ffff:fff2) nor egress (ffff:fff3)")
        common.direction = "egress" if parent == _EGRESS_PARENT else "ingress"
    elif command.take("handle"):
        _once(command, common, "handle")
        common.handle = read_handle(command, "handle")
    elif command.take("prio") or command.take_short("preference") or command.take_short("priority"):
        _once(command, common, "priority")
        common.pref = command.number("priority", 0, 0xFFFF)
    elif command.take_short("protocol"):
        _once(command, common, "protocol")
        common.protocol = read_protocol(command)
    elif command.take_short("chain"):
        _once(command, common, "chain")
        common.chain = command.number("chain", 0, (1 << 28) - 1)
    elif command.take_short("block"):
        _once(command, common, "dev")
        common.block = command.number("block", 1, 0xFFFFFFFF)
    else:
        raise command.error(f"{shorten(command.peek())} is not understood here (only u32 filters are)", command.here)


def _once(command: Command, common: _Common, what: str) -> None:
    if what in common.seen:
        raise command.error(f"{what} is given twice")
    common.seen.add(what)
