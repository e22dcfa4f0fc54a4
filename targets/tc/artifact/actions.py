"""Actions of filters as data; names and numbers are those of the kernel's ``struct tc_*`` (``uapi/linux/tc_act``)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Literal

from .tunnel_options import TunnelOptions

MAX_ACTIONS: Final = 32
"""``TCA_ACT_MAX_PRIO``: actions in one filter."""


def within(what: str, value: int, low: int, high: int) -> None:
    """Raises ValueError for a number out of its range."""
    if not low <= value <= high:
        raise ValueError(f"{what} {value} is not in {low}..{high}")


ControlKind = Literal[
    "continue", "pass", "reclassify", "drop", "pipe", "stolen", "queued", "repeat", "trap", "goto chain", "jump"
]
CONTROL_NUMBERS: Final[dict[ControlKind, int]] = {
    "continue": -1,
    "pass": 0,
    "reclassify": 1,
    "drop": 2,
    "pipe": 3,
    "stolen": 4,
    "queued": 5,
    "repeat": 6,
    "trap": 8,
    "jump": 1 << 28,
    "goto chain": 2 << 28,
}
"""``TC_ACT_*``; the last two carry their argument in the low 28 bits."""


@dataclass(frozen=True, slots=True)
class Control:
    """How an action ends: ``TC_ACT_*``. ``argument``: the chain of ``goto chain``, the count of ``jump``, else 0."""

    kind: ControlKind
    argument: int = 0

    def __post_init__(self) -> None:
        within(f"argument of {self.kind}", self.argument, 0, (1 << 28) - 1 if self.extended else 0)

    @property
    def extended(self) -> bool:
        """Whether there is an argument."""
        return self.kind in ("goto chain", "jump")

    @property
    def number(self) -> int:
        """The signed 32-bit ``TC_ACT_*``."""
        return CONTROL_NUMBERS[self.kind] | self.argument


CONTINUE: Final = Control("continue")
PASS: Final = Control("pass")
DROP: Final = Control("drop")
PIPE: Final = Control("pipe")
STOLEN: Final = Control("stolen")
RECLASSIFY: Final = Control("reclassify")


def goto_chain(chain: int) -> Control:
    """Go on with the filters of another chain."""
    return Control("goto chain", chain)


@dataclass(frozen=True, slots=True)
class Gact:
    """The generic action: nothing but its control."""

    control: Control

    kind: ClassVar[str] = "gact"


RANDOM_KINDS: Final[tuple[Literal["netrand", "determ"], ...]] = ("netrand", "determ")
"""``PGACT_*``, from 1 on."""


@dataclass(frozen=True, slots=True)
class RandomGact:
    """The generic action with a second control, ``other``, for about one in ``one_in`` packets: drawn (``netrand``), or
    every one whose number among all is divided by it (``determ``)."""

    control: Control
    drawn: Literal["netrand", "determ"]
    other: Control
    one_in: int

    kind: ClassVar[str] = "gact"

    def __post_init__(self) -> None:
        within("one in so many packets", self.one_in, 0, 0xFFFF)
        if self.other.kind == "goto chain":
            raise ValueError("no other chain can be drawn")


@dataclass(frozen=True, slots=True)
class Mirred:
    """Send the frame (redirect) or a copy of it (mirror) to ``port``; ``control`` is what follows.

    ``tc`` writes STOLEN for a redirect; for a mirror the default is PIPE.
    """

    port: int
    redirect: bool = True
    control: Control = STOLEN
    ingress: bool = False
    """To the port's receive side instead of its transmit side."""

    kind: ClassVar[str] = "mirred"

    def __post_init__(self) -> None:
        within("port", self.port, 0, 0x7FFFFFFF)


@dataclass(frozen=True, slots=True)
class OpaqueAction:
    """An action of another kind: carried, not understood. ``words``: its text after the kind, if it came as text;
    ``options``: the bytes of ``TCA_ACT_OPTIONS``, if it came as a message."""

    kind: str
    words: tuple[str, ...] = ()
    options: bytes | None = None


@dataclass(frozen=True, slots=True)
class Vlan:
    """``act_vlan``: push a tag, pop the outermost one, or write ``vid`` (and ``priority``, if given) into it."""

    operation: Literal["push", "pop", "modify"]
    vid: int = 0
    priority: int | None = None
    protocol: int = 0x8100
    control: Control = PIPE

    kind: ClassVar[str] = "vlan"

    def __post_init__(self) -> None:
        within("VLAN id", self.vid, 0, 0xFFE)
        within("VLAN priority", self.priority or 0, 0, 7)
        if self.protocol not in (0x8100, 0x88A8):
            raise ValueError(f"{self.protocol:#x} is no VLAN protocol")


@dataclass(frozen=True, slots=True)
class Mpls:
    """``act_mpls``: push a label stack entry behind the Ethernet header (``push``) or before it (``mac_push``), pop
    one, write parts of the first one, or decrement its TTL. What is None is not written; for ``bos`` of a new entry it
    is what fits."""

    operation: Literal["push", "mac_push", "pop", "modify", "dec_ttl"]
    protocol: int | None = None
    """Ethernet type of the frame afterwards: of ``push``, ``mac_push`` and ``pop``."""
    label: int | None = None
    tc: int | None = None
    ttl: int | None = None
    bos: int | None = None
    control: Control = PIPE

    kind: ClassVar[str] = "mpls"

    def __post_init__(self) -> None:
        within("MPLS label", self.label or 0, 0, 0xFFFFF)
        within("MPLS traffic class", self.tc or 0, 0, 7)
        within("MPLS TTL", 1 if self.ttl is None else self.ttl, 1, 0xFF)
        within("bottom of stack", self.bos or 0, 0, 1)
        within("protocol", self.protocol or 0, 0, 0xFFFF)
        if (self.protocol is None) == (self.operation in ("push", "mac_push", "pop")):
            raise ValueError("push, mac_push and pop have a protocol, modify and dec_ttl have none")


PeditHeader = Literal["network", "eth", "ip", "ip6", "tcp", "udp"]


@dataclass(frozen=True, slots=True)
class PeditKey:
    """``struct tc_pedit_key``: the word at ``offset`` becomes ``(word & mask) ^ value``; with ``add`` that value is
    first ``(word + value) & ~mask``, counted in the machine's own byte order. Numbers are read in network order.

    With ``offmask``, ``(byte at "at" & offmask) >> shift`` is added to the offset.
    """

    header: PeditHeader
    offset: int
    value: int
    mask: int
    add: bool = False
    at: int = 0
    offmask: int = 0
    shift: int = 0

    def __post_init__(self) -> None:
        within("offset", self.offset, -(1 << 31), (1 << 31) - 1)
        within("value", self.value, 0, 0xFFFFFFFF)
        within("mask", self.mask, 0, 0xFFFFFFFF)
        within("place of an offset", self.at, 0, 0xFFFFFFFF)
        within("offset mask", self.offmask, 0, 0xFFFFFFFF)
        within("shift", self.shift, 0, 31)


@dataclass(frozen=True, slots=True)
class Pedit:
    """``act_pedit``: words of the frame are written, one after the other, until one is not there."""

    keys: tuple[PeditKey, ...]
    control: Control = PASS

    kind: ClassVar[str] = "pedit"

    def __post_init__(self) -> None:
        within("number of keys", len(self.keys), 1, 128)


CsumPart = Literal["iph", "icmp", "igmp", "tcp", "udp", "udplite", "sctp"]
CSUM_PARTS: Final[tuple[CsumPart, ...]] = ("iph", "icmp", "igmp", "tcp", "udp", "udplite", "sctp")


@dataclass(frozen=True, slots=True)
class Csum:
    """``act_csum``: which checksums are computed anew, in the order of :data:`CSUM_PARTS`."""

    parts: tuple[CsumPart, ...]
    control: Control = PASS

    kind: ClassVar[str] = "csum"

    def __post_init__(self) -> None:
        if not self.parts or list(self.parts) != [part for part in CSUM_PARTS if part in self.parts]:
            raise ValueError(f"checksums {self.parts} are not some of {CSUM_PARTS} in that order")


PacketType = Literal["host", "broadcast", "multicast", "otherhost"]
PACKET_TYPES: Final[tuple[PacketType, ...]] = ("host", "broadcast", "multicast", "otherhost")
"""By their numbers: ``PACKET_*`` of ``uapi/linux/if_packet.h``."""


@dataclass(frozen=True, slots=True)
class Skbedit:
    """``act_skbedit``: metadata of the packet. ``mark``: value and mask."""

    mark: tuple[int, int] | None = None
    priority: int | None = None
    queue: int | None = None
    packet_type: PacketType | None = None
    inherit_dsfield: bool = False
    control: Control = PIPE

    kind: ClassVar[str] = "skbedit"

    def __post_init__(self) -> None:
        for number in (*(self.mark or ()), self.priority or 0):
            within("mark or priority", number, 0, 0xFFFFFFFF)
        within("queue", self.queue or 0, 0, 0xFFFF)
        if (self.mark, self.priority, self.queue, self.packet_type) == (None,) * 4 and not self.inherit_dsfield:
            raise ValueError("skbedit changes nothing")


@dataclass(frozen=True, slots=True)
class TunnelKey:
    """``act_tunnel_key``: metadata for a tunnel device is set (addresses as text) or, with ``unset``, taken away."""

    unset: bool = False
    src: str = ""
    dst: str = ""
    key_id: int | None = None
    dst_port: int | None = None
    csum: bool = True
    tos: int | None = None
    ttl: int | None = None
    control: Control = PIPE
    options: TunnelOptions | None = None

    kind: ClassVar[str] = "tunnel_key"

    def __post_init__(self) -> None:
        within("tunnel key", self.key_id or 0, 0, 0xFFFFFFFF)
        within("port", self.dst_port or 0, 0, 0xFFFF)
        within("tos", self.tos or 0, 0, 0xFF)
        within("ttl", self.ttl or 0, 0, 0xFF)
        if self.unset and (self.src or self.dst or (self.key_id, self.dst_port, self.options) != (None,) * 3):
            raise ValueError("unset has no parameters")


@dataclass(frozen=True, slots=True)
class Police:
    """``act_police``: rates as ``tc`` writes them (name and text), and what follows where they are kept or not."""

    limits: tuple[tuple[str, str], ...]
    exceed: Control = RECLASSIFY
    conform: Control = PASS

    kind: ClassVar[str] = "police"


@dataclass(frozen=True, slots=True)
class CtClear:
    """``act_ct`` with ``clear``: what connection tracking knows of the packet is taken from it."""

    control: Control = PIPE

    kind: ClassVar[str] = "ct"
    operation: ClassVar[str] = "clear"


@dataclass(frozen=True, slots=True)
class Ct:
    """``act_ct`` without translation of addresses: connection tracking is asked in ``zone``; with ``commit`` it keeps
    the connection, which gets ``mark`` and ``label`` (value and mask). ``force``: one that this is a reply of is
    forgotten."""

    zone: int = 0
    commit: bool = False
    force: bool = False
    mark: tuple[int, int] | None = None
    label: tuple[int, int] | None = None
    """The first byte highest."""
    control: Control = PIPE

    kind: ClassVar[str] = "ct"

    def __post_init__(self) -> None:
        within("zone", self.zone, 0, 0xFFFF)
        for number in self.mark or ():
            within("mark", number, 0, 0xFFFFFFFF)
        for number in self.label or ():
            within("label", number, 0, (1 << 128) - 1)
        if self.force and not self.commit:
            raise ValueError("force goes with commit")

    @property
    def operation(self) -> str:
        """What is done, in a word for profiles of devices."""
        return "commit" if self.commit else "track"


@dataclass(frozen=True, slots=True)
class Sample:
    """``act_sample``: of about one in ``rate`` packets the first ``truncated`` bytes (None: all) are told to those who
    listen to a ``group``."""

    rate: int
    group: int
    truncated: int | None = None
    control: Control = PIPE

    kind: ClassVar[str] = "sample"

    def __post_init__(self) -> None:
        within("rate", self.rate, 1, 0xFFFFFFFF)
        within("group", self.group, 0, 0xFFFFFFFF)
        within("truncated size", self.truncated or 0, 0, 0xFFFFFFFF)


Action = (
    Gact
    | RandomGact
    | Mirred
    | Vlan
    | Mpls
    | Pedit
    | Csum
    | Skbedit
    | TunnelKey
    | Police
    | Ct
    | CtClear
    | Sample
    | OpaqueAction
)
OpenEnded = OpaqueAction | Police | RandomGact
"""Actions that have not just one control."""


def controls(actions: Sequence[Action]) -> Iterator[Control]:
    """How actions can end."""
    for action in actions:
        if isinstance(action, Police):
            yield from (action.exceed, action.conform)
        elif isinstance(action, RandomGact):
            yield from (action.control, action.other)
        elif not isinstance(action, OpaqueAction):
            yield action.control
