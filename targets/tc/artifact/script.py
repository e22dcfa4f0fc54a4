"""Reading a ``tc -batch`` script of filters of one kind (a leading ``tc`` on each line is accepted as well).

Follows ``tc_filter_modify`` of iproute2 6.x. ``actions add`` makes actions that filters behind it take by ``index``;
``qdisc add ... clsact`` is read over; any other command is an error, for it could change what the filters do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ....semantics.source import InputError, Span
from .hooks import DEFAULT_PORTS, Hook, PortNames
from .protocols import ETH_P_ALL, read_classid, read_protocol
from .read_actions import read_shared
from .words import Command, commands, shorten

MAX_FILTERS: Final = 1 << 21
_INGRESS_PARENTS: Final = (0xFFFF0000, 0xFFFFFFF2)
_EGRESS_PARENT: Final = 0xFFFFFFF3

Handle = TypeVar("Handle")
Filter = TypeVar("Filter")


@dataclass
class Head(Generic[Handle]):
    """What ``tc filter add`` says before the classifier's name."""

    handle: Handle
    device: str | None = None
    block: int | None = None
    direction: str | None = None
    pref: int = 0
    protocol: int = ETH_P_ALL
    chain: int = 0
    seen: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Kind(Generic[Handle, Filter]):
    """A classifier as scripts are read."""

    name: str
    no_handle: Handle
    """Where none is given."""
    handle: Callable[[Command], Handle]
    filter: Callable[[Command, Head[Handle], Span], Filter]
    """Reads what follows the classifier's name; the place is that of the command. Raises InputError, ValueError."""
    ports: PortNames = DEFAULT_PORTS


def read_filters(text: str, name: str, kind: Kind[Handle, Filter]) -> tuple[Hook, tuple[Filter, ...]]:
    """The hook and the filters of a script.

    Raises:
        InputError: a command that is not understood, or that does not add such a filter; with line and column.
    """
    hook: Hook | None = None
    filters: list[Filter] = []
    for command in commands(text, name):
        command.take("tc")
        if command.take_short("qdisc"):
            _read_qdisc(command)
            continue
        if command.take("actions", "action"):
            read_shared(command, kind.ports)
            continue
        if not command.take_short("filter"):
            raise command.error(f"'filter add' expected, not {shorten(command.peek())}", command.here)
        start = command.last
        where, filter_ = _read_filter(command, kind, start)
        if hook is not None and where != hook:
            raise command.error(f"all filters must be on one hook; earlier ones are on {hook}", start)
        hook = where
        filters.append(filter_)
        if len(filters) > MAX_FILTERS:
            raise command.error(f"more than {MAX_FILTERS} filters", start)
    if hook is None:
        raise InputError.at(Span(name, 1, 1), f"no {kind.name} filter in this script")
    return hook, tuple(filters)


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


def _read_filter(command: Command, kind: Kind[Handle, Filter], start: Span) -> tuple[Hook, Filter]:
    if not command.take("add"):
        raise command.error(f"'filter add' expected, not 'filter {command.peek()[:20]}'", command.here)
    head = _read_head(command, kind)
    if head.device is None and head.block is None:
        raise command.error("'dev' or 'block' is missing", start)
    if head.block is None and head.direction is None:
        raise command.error("'ingress' (or 'egress') is missing: other hooks are not known", start)
    hook = Hook(head.device or "", "egress" if head.direction == "egress" else "ingress", head.block)
    try:
        return hook, kind.filter(command, head, start)
    except ValueError as error:
        raise command.error(str(error), start) from None


def _read_head(command: Command, kind: Kind[Handle, Filter]) -> Head[Handle]:
    head = Head(kind.no_handle)
    while True:
        if not command:
            raise command.error(f"the classifier '{kind.name}' is missing", command.end)
        if command.take(kind.name):
            return head
        _read_option(command, head, kind)


def _read_option(command: Command, head: Head[Handle], kind: Kind[Handle, Filter]) -> None:
    if command.take("dev"):
        _once(command, head, "dev")
        head.device = command.next("device")
    elif command.take("ingress", "egress"):
        _once(command, head, "parent")
        head.direction = command.last_text
    elif command.take("parent"):
        _once(command, head, "parent")
        parent = read_classid(command, "parent")
        if parent not in (*_INGRESS_PARENTS, _EGRESS_PARENT):
            raise command.error("the parent is neither ingress (ffff:fff2) nor egress (ffff:fff3)")
        head.direction = "egress" if parent == _EGRESS_PARENT else "ingress"
    elif command.take("handle"):
        _once(command, head, "handle")
        head.handle = kind.handle(command)
    elif command.take("prio") or command.take_short("preference") or command.take_short("priority"):
        _once(command, head, "priority")
        head.pref = command.number("priority", 0, 0xFFFF)
    elif command.take_short("protocol"):
        _once(command, head, "protocol")
        head.protocol = read_protocol(command)
    elif command.take_short("chain"):
        _once(command, head, "chain")
        head.chain = command.number("chain", 0, (1 << 28) - 1)
    elif command.take_short("block"):
        _once(command, head, "dev")
        head.block = command.number("block", 1, 0xFFFFFFFF)
    else:
        what = shorten(command.peek())
        raise command.error(f"{what} is not understood here (only {kind.name} filters are)", command.here)


def _once(command: Command, head: Head[Handle], what: str) -> None:
    if what in head.seen:
        raise command.error(f"{what} is given twice")
    head.seen.add(what)
