"""What the lines of a flow file and the messages of a controller tell a switch to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

from ....semantics.source import Span
from .flows import Action, Clone, Flow, Group, Meter, ToGroup, WriteActions

Version = Literal["1.0", "later"]
"""Of OpenFlow; all from 1.2 on change flows in one way."""
Verb = Literal["add", "modify", "delete"]
GroupVerb = Literal["modify", "add_or_mod", "delete", "insert", "remove"]
Place = int | Literal["first", "last", "all"]
"""A bucket: its number, or where it is."""
ALL_COOKIE: Final = (1 << 64) - 1
"""The cookie that says that none is said (``OVS_BE64_MAX``)."""


class Refused(Exception):
    """The switch does not do it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Refused)

    def __hash__(self) -> int:
        return hash(Refused)


@dataclass(frozen=True, slots=True)
class FlowChange:
    """A command about flows."""

    verb: Verb
    flow: Flow
    """What it says: which match and priority, which actions, which cookie a new flow gets; table 0 if it says none."""
    strict: bool = False
    """Whether flows have just this match and priority, and not only what the match asks for."""
    table: int | None = None
    """Which table; None: it does not say."""
    cookie: int = 0
    cookie_mask: int = 0
    """Bits in which a flow's cookie is ``cookie``."""
    new_cookie: int | None = None
    """The cookie that flows get that are modified; None: theirs."""
    out_port: int | None = None
    """Only flows that send there."""
    out_group: int | None = None
    """Only flows that lead to this group."""
    check_overlap: bool = False
    bare: bool = False
    """Whether it may be a flow of a dump: a line without a command."""

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.flow.span


@dataclass(frozen=True, slots=True)
class GroupChange:
    """A command about groups, other than to add one."""

    verb: GroupVerb
    group: Group
    """What it says; its buckets are those that are inserted."""
    place: Place = "all"
    """Which buckets are removed, or behind which one others are inserted."""
    all: bool = False
    """Whether it is about all groups."""

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.group.span


@dataclass(frozen=True, slots=True)
class MeterChange:
    """A command about meters, other than to add one."""

    verb: Literal["modify", "delete"]
    meter: Meter
    all: bool = False
    """Whether it is about all meters."""

    @property
    def span(self) -> Span:
        """Where it stands."""
        return self.meter.span


@dataclass(frozen=True, slots=True)
class PacketOut:
    """A packet that is sent through the switch; it leaves flows, groups and meters as they are."""

    actions: tuple[Action, ...]
    span: Span
    in_bundle: bool = True
    """Whether a bundle is refused as a whole if the packet cannot be sent."""


Step = Flow | Group | Meter | FlowChange | GroupChange | MeterChange | PacketOut
"""A flow, group or meter is one that is added."""


def is_change(step: Step) -> bool:
    """Whether it asks for what is there (a packet, for the groups that it is sent to). Flows of a dump do not, although
    some say ``check_overlap``."""
    if isinstance(step, FlowChange):
        return step.verb != "add" or not step.bare
    if isinstance(step, PacketOut):
        return any(isinstance(one, ToGroup) for one in flat(step.actions))
    return isinstance(step, GroupChange | MeterChange)


def flow_of(step: Step) -> Flow | None:
    """The flow that a step is about, as it says it."""
    if isinstance(step, FlowChange):
        return step.flow
    return step if isinstance(step, Flow) else None


def flat(actions: tuple[Action, ...]) -> Iterator[Action]:
    """Actions with those within others (``OFPACT_FOR_EACH_FLATTENED``)."""
    for action in actions:
        yield action
        if isinstance(action, WriteActions | Clone):
            yield from flat(action.actions)
