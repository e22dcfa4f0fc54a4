"""Reading a ``tc -batch`` script of filters of one kind (a leading ``tc`` on each line is accepted as well).

Follows ``tc_filter_modify`` of iproute2 6.x. ``actions add`` makes actions that filters behind it take by ``index``;
``qdisc add ... clsact`` is read over; what commands make of filters that earlier ones have added is told in
:mod:`.changes`. What else ``tc`` would do is unsupported, for it could change what the filters do.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from ....semantics.source import InputError, Span, Unsupported
from .changes import Classifier, Handled, Step, Verb, applied
from .hooks import DEFAULT_PORTS, Hook, PortNames
from .protocols import ETH_P_ALL, read_classid, read_protocol
from .read_actions import read_shared
from .words import Command, Word, commands, shorten

MAX_FILTERS: Final = 1 << 21
_INGRESS_PARENTS: Final = (0xFFFF0000, 0xFFFFFFF2)
_EGRESS_PARENT: Final = 0xFFFFFFF3
_VERBS: Final[tuple[Verb, ...]] = ("add", "change", "replace", "delete")
"""In the order in which ``tc`` compares a word with them, of which any beginning will do."""
_OBJECTS: Final = ("chain", "class", "qdisc", "monitor", "exec")
_OTHER_KINDS: Final = (
    "basic", "bpf", "cgroup", "flow", "flower", "fw", "matchall", "p4", "route", "rsvp", "rsvp6", "tcindex", "u32",
)  # fmt: skip

Handle = TypeVar("Handle")
Filter = TypeVar("Filter", bound=Handled)


@dataclass
class Head(Generic[Handle]):
    """What ``tc filter`` says before the classifier's name."""

    handle: Handle
    device: str | None = None
    block: int | None = None
    direction: str | None = None
    pref: int = 0
    protocol: int = ETH_P_ALL
    chain: int = 0
    kind: str = ""
    """The classifier's name; "" where a command names none."""
    verb: Verb = "add"
    whole: bool = True
    """Whether what follows the classifier's name is all that a new filter has to have."""
    seen: set[str] = field(default_factory=set)
    handle_word: Word | None = None
    """The handle as it is said; each classifier has its own form."""

    @property
    def may_change(self) -> bool:
        """Whether it may be about a filter that is there, of which a command then need not say everything."""
        return self.verb == "change" or (self.verb == "replace" and bool(self.pref) and "handle" in self.seen)


@dataclass(frozen=True)
class Kind(Generic[Handle, Filter]):
    """A classifier as scripts are read."""

    name: str
    no_handle: Handle
    """Where none is given."""
    handle: Callable[[Command], Handle]
    filter: Callable[[Command, Head[Handle], Span], Filter]
    """Reads what follows the classifier's name; the place is that of the command. Raises InputError, ValueError."""
    changes: Callable[[], Mapping[str, Classifier[Filter]]]
    """What commands do with filters that are there, by the names of classifiers."""
    ports: PortNames = DEFAULT_PORTS
    beside: Mapping[str, Callable[[Command, Head[Handle], Span], Filter]] = field(default_factory=dict)
    """The same as ``filter`` for other classifiers, whose filters may stand in such a list, by their names."""
    handles_beside: Mapping[str, Callable[[Command], Handle]] = field(default_factory=dict)
    """How these read handles, where they do not as ``handle`` does."""


def read_filters(text: str, name: str, kind: Kind[Handle, Filter]) -> tuple[Hook, tuple[Filter, ...]]:
    """The hook and the filters that it has after a script, which finds none there.

    Raises:
        InputError: a command that is not understood, or that changes filters and is refused by the kernel; with line
            and column.
        Unsupported: one that does something other than adding, changing or taking away such filters at the hook.
    """
    hook: Hook | None = None
    steps: list[Step[Filter]] = []
    for command in commands(text, name):
        command.take("tc")
        if command.take_short("qdisc"):
            _read_qdisc(command)
            continue
        command.shared.maker = None
        if command.take("actions", "action"):
            read_shared(command, kind.ports)
            continue
        if not command.take_short("filter"):
            if any(word.startswith(command.peek()) for word in _OBJECTS):
                raise Unsupported(f"a script that says 'tc {command.peek()}'", command.here)
            raise command.error(f"'filter add' expected, not {shorten(command.peek())}", command.here)
        start, command.shared.maker = command.last, len(steps)
        where, step = _read_filter(command, kind, start)
        if hook is not None and where != hook:
            raise Unsupported(f"filters on several hooks, here {where} and before {hook}", start)
        hook = where
        steps.append(step)
        if len(steps) > MAX_FILTERS:
            raise command.error(f"more than {MAX_FILTERS} filters", start)
    found = applied(steps, kind.changes())
    if hook is None or not found:
        what = f"no {kind.name} filter in this script" if not steps else f"this script leaves no {kind.name} filter"
        raise InputError.at(steps[-1].span if steps else Span(name, 1, 1), what)
    return hook, found


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


def _read_filter(command: Command, kind: Kind[Handle, Filter], start: Span) -> tuple[Hook, Step[Filter]]:
    verb = next((verb for verb in _VERBS if command.take_short(verb)), None)
    if verb is None:
        raise command.error(f"'filter add' expected, not 'filter {command.peek()[:20]}'", command.here)
    head = _read_head(command, kind, verb)
    if head.device is None and head.block is None:
        raise command.error("'dev' or 'block' is missing", start)
    if head.block is None and head.direction is None:
        raise Unsupported("filters of a device's queueing discipline: 'ingress' (or 'egress') is missing", start)
    hook = Hook(head.device or "", "egress" if head.direction == "egress" else "ingress", head.block)
    handle = head.handle if "handle" in head.seen and head.handle != kind.no_handle else None
    if verb == "delete":
        if command:
            raise Unsupported("what a filter matches or does, where it is taken away", command.here)
        if "handle" in head.seen and not head.kind:
            raise command.error("tc wants the classifier's name where there is a handle", start)
        return hook, Step(verb, head, handle, None, start)
    try:
        filter_ = kind.beside.get(head.kind, kind.filter)(command, head, start)
    except ValueError as error:
        raise command.error(str(error), start) from None
    asked = None if handle is None else filter_.handle
    return hook, Step(verb, head, asked, filter_, start, head.whole, command.shared.taken())


def _read_head(command: Command, kind: Kind[Handle, Filter], verb: Verb) -> Head[Handle]:
    """Where none is said, the protocol of a new filter is "all", and one that is there may be of any."""
    head = Head(kind.no_handle, protocol=ETH_P_ALL if verb in ("add", "replace") else 0, verb=verb)
    while True:
        if not command:
            if verb == "delete":
                return head
            raise command.error(f"the classifier '{kind.name}' is missing", command.end)
        if command.take(kind.name, *kind.beside):
            head.kind = command.last_text
            _read_handle(command, head, kind)
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
        command.next("handle")
        head.handle_word = command.words[command.at - 1]
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


def _read_handle(command: Command, head: Head[Handle], kind: Kind[Handle, Filter]) -> None:
    """The handle, once the classifier is known (``tc_filter_modify`` keeps it for ``parse_fopt``)."""
    if head.handle_word is not None:
        alone = Command([head.handle_word], head.handle_word.span, command.lines)
        head.handle = kind.handles_beside.get(head.kind, kind.handle)(alone)


def _once(command: Command, head: Head[Handle], what: str) -> None:
    if what in head.seen:
        raise command.error(f"{what} is given twice")
    head.seen.add(what)
