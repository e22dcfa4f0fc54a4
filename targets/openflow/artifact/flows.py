"""Flows and groups of one bridge, as data.

A match is a set of masked bits of the flow key; ``mod_*``, ``load`` and ``set_field`` are all :class:`SetField`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from ....semantics.source import NOWHERE, Span

DEFAULT_PRIORITY: Final = 0x8000
MAX_PRIORITY: Final = 0xFFFF
TABLES: Final = 254
"""Tables are numbered from 0 (``OFPTT_MAX`` and the tables that the switch keeps for itself are left out)."""

IN_PORT: Final = 0xFFF8
TABLE: Final = 0xFFF9
NORMAL: Final = 0xFFFA
FLOOD: Final = 0xFFFB
ALL: Final = 0xFFFC
CONTROLLER: Final = 0xFFFD
LOCAL: Final = 0xFFFE
ANY: Final = 0xFFFF
FIRST_RESERVED: Final = 0xFF00
PORT_NAMES: Final = {
    "in_port": IN_PORT,
    "table": TABLE,
    "normal": NORMAL,
    "flood": FLOOD,
    "all": ALL,
    "controller": CONTROLLER,
    "local": LOCAL,
    "any": ANY,
    "none": ANY,
}


@dataclass(frozen=True, slots=True)
class Prerequisites:
    """What a packet must be to have a field (``mf_are_prereqs_ok``); otherwise it is neither read nor written."""

    types: tuple[int, ...] = ()
    """Ethernet types of which it needs one; () for none."""
    protocols: tuple[int, ...] = ()
    """IP protocols of which it needs one (but for ICMP, not as a later fragment); () for none."""
    tagged: bool = False
    """Whether it needs a VLAN tag."""


NO_PREREQUISITES: Final = Prerequisites()


@dataclass(frozen=True, slots=True)
class Bits:
    """Bits ``[low, low + width)`` of a field of the flow key; on the stack also of registers together
    (:data:`.fields.WIDE`)."""

    field: str
    low: int
    width: int
    needs: Prerequisites = NO_PREREQUISITES


@dataclass(frozen=True, slots=True)
class Masked:
    """The bits of a field in ``mask`` are those of ``value`` (which has no others)."""

    field: str
    value: int
    mask: int


@dataclass(frozen=True, slots=True)
class Output:
    """To a port or reserved port (16 bits)."""

    port: int


@dataclass(frozen=True, slots=True)
class OutputBits:
    """To the port whose number the bits are."""

    source: Bits


@dataclass(frozen=True, slots=True)
class SetField:
    """The bits of a field in ``mask`` become those of ``value``, if the packet has what the field needs."""

    field: str
    value: int
    mask: int
    needs: Prerequisites = NO_PREREQUISITES


@dataclass(frozen=True, slots=True)
class Move:
    """Bits are copied from one field to another, of the same width."""

    source: Bits
    target: Bits


@dataclass(frozen=True, slots=True)
class PushVlan:
    """A new outermost tag of this type, for VLAN 0 and priority 0."""

    tpid: int


@dataclass(frozen=True, slots=True)
class PopVlan:
    """The outermost tag is taken off, if there is one."""


@dataclass(frozen=True, slots=True)
class PushMpls:
    """A new outermost label stack entry; the frame's type becomes this."""

    ethertype: int


@dataclass(frozen=True, slots=True)
class PopMpls:
    """The outermost label stack entry is taken off; the frame's type becomes this."""

    ethertype: int


@dataclass(frozen=True, slots=True)
class DecTtl:
    """One less of the IP header's TTL or hop limit; at 0 or 1 the list of actions ends."""


@dataclass(frozen=True, slots=True)
class DecMplsTtl:
    """One less of the outermost label's TTL; at 0 or 1 the list of actions ends."""


@dataclass(frozen=True, slots=True)
class ToGroup:
    """What a group does, then the next action."""

    group: int


@dataclass(frozen=True, slots=True)
class Goto:
    """On with a later table, after all actions."""

    table: int


@dataclass(frozen=True, slots=True)
class Resubmit:
    """What a table does (None: this one), perhaps as if from another port; then the next action."""

    port: int | None
    table: int | None


@dataclass(frozen=True, slots=True)
class WriteActions:
    """These actions go to the action set."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class ClearActions:
    """The action set is emptied."""


@dataclass(frozen=True, slots=True)
class ToMeter:
    """A meter may drop the packet."""

    meter: int


@dataclass(frozen=True, slots=True)
class TagWith:
    """Bits of the outermost tag, the thirteenth (there is a tag) among them; a frame without gets one of type 0x8100
    (``mod_vlan_vid``, ``mod_vlan_pcp``: ``OFPACT_SET_VLAN_VID`` with ``push_vlan_if_needed``)."""

    value: int
    mask: int


@dataclass(frozen=True, slots=True)
class Push:
    """The bits go to the top of the stack."""

    source: Bits


@dataclass(frozen=True, slots=True)
class Pop:
    """The bits become the lowest of those on top of the stack, which is taken off."""

    target: Bits


@dataclass(frozen=True, slots=True)
class Multipath:
    """The bits become a number below ``links`` that a hash chooses."""

    links: int
    target: Bits
    text: str
    """The hash: everything before the target, as it was written."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """To one of the ports that live, which a hash chooses or the first (``active_backup``); perhaps as bits only."""

    members: tuple[int, ...]
    first: bool
    """Whether it is the first that lives."""
    target: Bits | None
    """Where its number goes; None: the frame is sent there."""
    text: str
    """The hash: everything before the target and the members, as it was written."""


FIRST: Final = "active_backup"
"""The way of a bundle to take the first port that lives."""
MOST_CLAUSES: Final = 64


@dataclass(frozen=True, slots=True)
class Conjunction:
    """The flow is one of those of a clause: all of them together match as if the packet had the field ``conj_id``."""

    number: int
    clause: int
    """Counted from 0."""
    clauses: int


@dataclass(frozen=True, slots=True)
class Exit:
    """No more actions: neither of this list, nor of those that led here, nor of the action set."""


@dataclass(frozen=True, slots=True)
class Clone:
    """These actions, and the action set, on a copy of the packet."""

    actions: tuple[Action, ...]


@dataclass(frozen=True, slots=True)
class Ineffective:
    """An action that does nothing to packets: a note, a queue, what connection tracking said forgotten."""

    text: str


@dataclass(frozen=True, slots=True)
class Opaque:
    """An action that is not modelled, as it was written."""

    text: str


Action = (
    Output
    | OutputBits
    | SetField
    | Move
    | PushVlan
    | PopVlan
    | PushMpls
    | PopMpls
    | DecTtl
    | DecMplsTtl
    | ToGroup
    | Goto
    | Resubmit
    | WriteActions
    | ClearActions
    | ToMeter
    | TagWith
    | Push
    | Pop
    | Multipath
    | Bundle
    | Conjunction
    | Exit
    | Clone
    | Ineffective
    | Opaque
)


NO_PLACE_IN_A_SET: Final = (
    Bundle, ClearActions, Clone, Conjunction, Exit, Goto, Multipath, Pop, Push, ToMeter, WriteActions,
)  # fmt: skip
"""Instructions, and actions that an action set cannot have (``ofpact_is_allowed_in_actions_set``)."""


@dataclass(frozen=True, slots=True)
class Flow:
    """One flow of a table. An empty list of actions drops."""

    table: int = 0
    priority: int = DEFAULT_PRIORITY
    match: tuple[Masked, ...] = ()
    """At most one for a field, in the order of their names."""
    actions: tuple[Action, ...] = ()
    cookie: int = 0
    span: Span = field(default=NOWHERE, compare=False)
    unmodelled: tuple[str, ...] = ()
    """Parts of the match that the tools know and the meaning does not, as they were written."""


PLAIN: Final = "plain"
TAGS_8100: Final = "tags-8100"
TAGS_88A8: Final = "tags-88a8"
TAGS_WITHOUT_DEI: Final = "tags-without-dei"
ASSUMPTIONS: Final = {
    PLAIN: "frames are plain: tags are whole, no LLC/SNAP; IP of its version without options, extension headers or "
    "fragments, its lengths and IPv4's checksum right, transport headers whole (TCP's with its options); ARP is "
    "Ethernet's for IPv4; labels are whole",
    TAGS_8100: "the outermost VLAN tag is of type 0x8100",
    TAGS_88A8: "the outermost VLAN tag is of type 0x88a8",
    TAGS_WITHOUT_DEI: "the outermost VLAN tag has a drop eligible indicator of 0",
}
"""What flows may be made for: name → what holds of frames. A comment in their file says it."""

GroupKind = Literal["all", "select", "indirect", "ff"]


@dataclass(frozen=True, slots=True)
class Bucket:
    """A list of actions; it lives while the port ``watch`` or the group ``watch_group`` does (both None: always)."""

    actions: tuple[Action, ...]
    watch: int | None = None
    weight: int = 1
    watch_group: int | None = None
    number: int = field(default=0, compare=False)
    """By which commands name it."""


@dataclass(frozen=True, slots=True)
class Selection:
    """How a group chooses (Netronome's extension ``selection_method``): by what, and over which fields, as written."""

    method: str = ""
    """``dp_hash`` or ``hash``; "": the switch's own way."""
    param: int = 0
    fields: tuple[str, ...] = ()
    """Names of fields, or ``NAME=MASK``."""


@dataclass(frozen=True, slots=True)
class Group:
    """A group: all buckets, one that is chosen, the only one, or the first that lives."""

    number: int
    kind: GroupKind
    buckets: tuple[Bucket, ...]
    span: Span = field(default=NOWHERE, compare=False)
    selection: Selection = Selection()


BandKind = Literal["drop", "dscp_remark"]


@dataclass(frozen=True, slots=True)
class Band:
    """What a meter does above a rate: the packet is dropped, or its DSCP's drop precedence raised by ``level``."""

    kind: BandKind
    rate: int
    """In the meter's unit."""
    burst: int = 0
    """In packets or kilobits; 0: the switch's own."""
    level: int = 0


@dataclass(frozen=True, slots=True)
class Meter:
    """A meter: of several bands the one counts whose rate is the highest that is exceeded (OpenFlow 1.5, 5.11)."""

    number: int
    bands: tuple[Band, ...]
    unit: Literal["kbps", "pktps"] = "kbps"
    stats: bool = False
    """Whether it counts; that does nothing to packets."""
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class Bridge:
    """Everything that was put into one bridge."""

    flows: tuple[Flow, ...] = ()
    groups: tuple[Group, ...] = ()
    name: str = field(default="", compare=False)
    """The file that it was read from."""
    assumes: tuple[str, ...] = ()
    """What is assumed of frames: names of :data:`ASSUMPTIONS`."""
    meters: tuple[Meter, ...] = ()
    """Those that the file tells of; a flow may use others, which are in the switch only."""
    version_open: bool = field(default=False, compare=False)
    """Whether these may be commands of which nothing says for which version of OpenFlow they are meant."""
