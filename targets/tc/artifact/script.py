"""Reading a ``tc -batch`` script of filters of one kind (a leading ``tc`` on each line is accepted as well).

Follows ``tc_filter_modify`` of iproute2 6.x. ``actions add`` makes actions that filters behind it take by ``index``;
``qdisc add ... clsact`` is read over, and ``filter replace`` is ``filter add`` where no filter is replaced. What else
``tc`` would do is unsupported, for it could change what the filters do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ....semantics.source import InputError, Span, Unsupported
from .hooks import DEFAULT_PORTS, Hook, PortNames
from .protocols import ETH_P_ALL, read_classid, read_protocol
from .read_actions import read_shared
from .words import Command, commands, shorten

MAX_FILTERS: Final = 1 << 21
_INGRESS_PARENTS: Final = (0xFFFF0000, 0xFFFFFFF2)
_EGRESS_PARENT: Final = 0xFFFFFFF3
_CHANGES: Final = ("change", "delete", "replace")
_OBJECTS: Final = ("chain", "class", "qdisc", "monitor", "exec")
_OTHER_KINDS: Final = (
    "basic", "bpf", "cgroup", "flow", "flower", "fw", "matchall", "p4", "route", "rsvp", "rsvp6", "tcindex", "u32",
)  # fmt: skip

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
    kind: str = ""
    """The classifier's name."""
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
    beside: Mapping[str, Callable[[Command, Head[Handle], Span], Filter]] = field(default_factory=dict)
    """The same as ``filter`` for other classifiers, whose filters may stand in such a list, by their names."""
    one_space: bool = False
    """Whether handles name filters of all chains and priorities, or each of these has its own."""
    may_be: Callable[[Handle, Handle], bool] = lambda one, other: one == other
    """Whether two handles, none of which is ``no_handle``, may name one filter."""


def read_filters(text: str, name: str, kind: Kind[Handle, Filter]) -> tuple[Hook, tuple[Filter, ...]]:
    """The hook and the filters of a script.

    Raises:
        InputError: a command that is not understood; with line and column.
        Unsupported: one that does something other than adding such a filter to the hook.
    """
    hook: Hook | None = None
    filters: list[Filter] = []
    heads: list[Head[Handle]] = []
    for command in commands(text, name):
        command.take("tc")
        if command.take_short("qdisc"):
            _read_qdisc(command)
            continue
        if command.take("actions", "action"):
            read_shared(command, kind.ports)
            continue
        if not command.take_short("filter"):
            if any(word.startswith(command.peek()) for word in _OBJECTS):
                raise Unsupported(f"a script that says 'tc {command.peek()}'", command.here)
            raise command.error(f"'filter add' expected, not {shorten(command.peek())}", command.here)
        start = command.last
        where, filter_ = _read_filter(command, kind, start, heads)
        if hook is not None and where != hook:
            raise Unsupported(f"filters on several hooks, here {where} and before {hook}", start)
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
        raise Unsupported(f"a script that says 'tc qdisc {command.peek()[:20]}'", command.here)
    kind = False
    while command:
        if command.take("dev", "parent", "handle", "ingress_block", "egress_block"):
            command.next(f"argument of {command.last_text}")
        elif command.take("clsact", "ingress"):
            kind = True
        elif kind:
            raise command.error(f"unexpected {shorten(command.peek())}", command.here)
        else:
            raise Unsupported(f"qdisc {shorten(command.peek())}: only clsact and ingress are known", command.here)
    if not kind:
        raise command.error("clsact or ingress is missing", command.end)


def _read_filter(
    command: Command, kind: Kind[Handle, Filter], start: Span, heads: list[Head[Handle]]
) -> tuple[Hook, Filter]:
    replaces = command.take("replace")
    if not replaces and not command.take("add"):
        if any(word.startswith(command.peek()) for word in _CHANGES):
            raise Unsupported(f"'filter {command.peek()}', which changes filters that are there", command.here)
        raise command.error(f"'filter add' expected, not 'filter {command.peek()[:20]}'", command.here)
    head = _read_head(command, kind)
    if replaces and any(_may_replace(head, before, kind) for before in heads):
        raise Unsupported("'filter replace' of a filter that an earlier command may have added", start)
    heads.append(head)
    if head.device is None and head.block is None:
        raise command.error("'dev' or 'block' is missing", start)
    if head.block is None and head.direction is None:
        raise Unsupported("filters of a device's queueing discipline: 'ingress' (or 'egress') is missing", start)
    hook = Hook(head.device or "", "egress" if head.direction == "egress" else "ingress", head.block)
    try:
        return hook, kind.beside.get(head.kind, kind.filter)(command, head, start)
    except ValueError as error:
        raise command.error(str(error), start) from None


def _may_replace(head: Head[Handle], before: Head[Handle], kind: Kind[Handle, Filter]) -> bool:
    """Whether a filter that replaces what has its handle may find the filter before. Without a handle it is a new one,
    and so it is where the kernel chooses a new priority (``tc_new_tfilter``, ``net/sched/cls_api.c``)."""
    if head.handle == kind.no_handle or not head.pref:
        return False
    if not kind.one_space and (head.chain, head.pref) != (before.chain, before.pref or head.pref):
        return False
    return before.handle == kind.no_handle or kind.may_be(head.handle, before.handle)


def _read_head(command: Command, kind: Kind[Handle, Filter]) -> Head[Handle]:
    head = Head(kind.no_handle)
    while True:
        if not command:
            raise command.error(f"the classifier '{kind.name}' is missing", command.end)
        if command.take(kind.name, *kind.beside):
            head.kind = command.last_text
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
            raise Unsupported("a parent that is neither ingress (ffff:fff2) nor egress (ffff:fff3)", command.last)
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
        if command.peek() in _OTHER_KINDS:
            raise Unsupported(f"a filter of {what} in a list of {kind.name} filters", command.here)
        raise command.error(f"{what} is not understood here (only {kind.name} filters are)", command.here)


def _once(command: Command, head: Head[Handle], what: str) -> None:
    if what in head.seen:
        raise command.error(f"{what} is given twice")
    head.seen.add(what)
