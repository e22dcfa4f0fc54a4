"""The artifact as data: an ordered list of u32 filters on one hook of one device.

The fields are those of the kernel's ``struct tc_u32_sel`` and ``TCA_U32_*`` attributes (``uapi/linux/pkt_cls.h``), in
host byte order: a key's value, mask and the hash mask are the numbers that the packet's bytes spell in network order.
Nothing here knows what a filter does; see the meaning for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from ....semantics.source import NOWHERE, Span

ETH_P_ALL: Final = 3
"""The protocol number of a filter that sees every frame."""

ROOT_TABLE: Final = 0xFFF
"""The table number by which ``ht`` names the root table of the filter's own priority."""

MAX_KEYS: Final = 255
"""``nkeys`` is one byte. (``tc`` itself stops at 128.)"""

MAX_ACTIONS: Final = 32
"""``TCA_ACT_MAX_PRIO``: actions in one filter."""


def _within(what: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ValueError(f"{what} {value} is not in {low}..{high}")


@dataclass(frozen=True, slots=True, order=True)
class Handle:
    """``table:bucket:node`` of 12, 8 and 12 bits: names a filter, a bucket (node 0) or a table (both 0)."""

    table: int = 0
    bucket: int = 0
    node: int = 0

    def __post_init__(self) -> None:
        _within("table", self.table, 0, 0xFFF)
        _within("bucket", self.bucket, 0, 0xFF)
        _within("node", self.node, 0, 0xFFF)

    @property
    def value(self) -> int:
        """The 32-bit number that the kernel sees."""
        return self.table << 20 | self.bucket << 12 | self.node

    @classmethod
    def of(cls, value: int) -> Handle:
        """The handle with this 32-bit number."""
        return cls(value >> 20, value >> 12 & 0xFF, value & 0xFFF)

    def __str__(self) -> str:
        table, bucket, node = (f"{part:x}" if part else "" for part in (self.table, self.bucket, self.node))
        return f"{table}:{bucket}:{node}" if bucket or node else f"{table}:"


NO_HANDLE: Final = Handle()
"""The kernel chooses."""


@dataclass(frozen=True, slots=True)
class Key:
    """A comparison: the four bytes at ``offset`` (from where the table begins; 0: the network header), and'ed with
    ``mask``, equal ``value``, and'ed likewise. ``offmask`` (-1: ``nexthdr+``) selects bits of the variable offset that
    are added."""

    value: int
    mask: int
    offset: int
    offmask: int = 0

    def __post_init__(self) -> None:
        _within("key value", self.value, 0, 0xFFFFFFFF)
        _within("key mask", self.mask, 0, 0xFFFFFFFF)
        _within("key offset", self.offset, -(1 << 31), (1 << 31) - 1)
        _within("key offset mask", self.offmask, -(1 << 31), (1 << 31) - 1)


@dataclass(frozen=True, slots=True)
class Selector:
    """``struct tc_u32_sel``: when a filter matches, and how the table that it links to is entered.

    ``terminal``: a match ends the search (TC_U32_TERMINAL). ``has_offset``: ``off`` counts (TC_U32_OFFSET).
    ``var_offset``: ``(be16 at offoff & offmask) >> offshift`` is added to it (TC_U32_VAROFFSET). ``eat``: the linked
    table's offset 0 moves there (TC_U32_EAT). ``hmask`` and ``hoff``: the word that chooses the linked table's bucket.
    """

    keys: tuple[Key, ...] = ()
    terminal: bool = True
    has_offset: bool = False
    var_offset: bool = False
    eat: bool = False
    offshift: int = 0
    offmask: int = 0
    off: int = 0
    offoff: int = 0
    hoff: int = 0
    hmask: int = 0

    def __post_init__(self) -> None:
        _within("number of keys", len(self.keys), 0, MAX_KEYS)
        _within("offset shift", self.offshift, 0, 0xFF)
        _within("offset mask", self.offmask, 0, 0xFFFF)
        _within("offset", self.off, 0, 0xFFFF)
        _within("place of the offset", self.offoff, -0x8000, 0x7FFF)
        _within("place of the hash key", self.hoff, -0x8000, 0x7FFF)
        _within("hash mask", self.hmask, 0, 0xFFFFFFFF)


# --- actions ------------------------------------------------------------------------------------------------------

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
        _within(f"argument of {self.kind}", self.argument, 0, (1 << 28) - 1 if self.extended else 0)

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

    def __post_init__(self) -> None:
        _within("port", self.port, 0, 0x7FFFFFFF)


@dataclass(frozen=True, slots=True)
class OpaqueAction:
    """An action of another kind: carried, not understood. ``words``: its text after the kind, if it came as text;
    ``options``: the bytes of ``TCA_ACT_OPTIONS``, if it came as a message."""

    kind: str
    words: tuple[str, ...] = ()
    options: bytes | None = None


Action = Gact | Mirred | OpaqueAction

# --- filters ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class U32Filter:
    """One ``tc filter add ... u32``: a filter, or (``divisor`` given) a hash table.

    Filters of one chain are tried by ``pref``, lowest first; all filters of a chain with the same ``pref`` form one
    classifier and have one ``protocol``. ``pref`` 0 and missing parts of ``handle`` are chosen by the kernel.
    """

    pref: int
    protocol: int = ETH_P_ALL
    """Ethernet type of the frames that it sees, of the outer VLAN tag where there is one."""
    handle: Handle = NO_HANDLE
    selector: Selector | None = field(default_factory=Selector)
    """None for a hash table only."""
    ht: Handle | None = None
    """Table and bucket that the filter is put into; None: the root table of its priority."""
    link: int | None = None
    """Number (12 bits) of the table to go on with; 0: none."""
    divisor: int | None = None
    """Makes ``handle.table`` a hash table of that many buckets; then there is no selector, link or action."""
    classid: int | None = None
    """``flowid major:minor`` as a 32-bit number."""
    actions: tuple[Action, ...] = ()
    chain: int = 0
    indev: int | None = None
    """Only frames received on this port."""
    mark: tuple[int, int] | None = None
    """``(value, mask)`` for the packet's mark."""
    skip_hw: bool = False
    skip_sw: bool = False
    span: Span = field(default=NOWHERE, compare=False)

    def __post_init__(self) -> None:
        _within("pref", self.pref, 0, 0xFFFF)
        _within("protocol", self.protocol, 0, 0xFFFF)
        _within("chain", self.chain, 0, (1 << 28) - 1)
        _within("link", self.link or 0, 0, 0xFFF)
        _within("divisor", self.divisor or 0, 0, 0xFFFFFFFF)
        _within("classid", self.classid or 0, 0, 0xFFFFFFFF)
        _within("number of actions", len(self.actions), 0, MAX_ACTIONS)
        _within("indev", self.indev or 0, 0, 0x7FFFFFFF)
        if (self.divisor is None) == (self.selector is None):
            raise ValueError("a u32 filter has either a selector or, as a hash table, a divisor")
        if self.divisor is not None and (self.link is not None or self.actions or self.classid is not None):
            raise ValueError("a hash table has neither link nor classid nor actions")


def hash_table(
    pref: int, table: int, divisor: int, protocol: int = ETH_P_ALL, chain: int = 0, span: Span = NOWHERE
) -> U32Filter:
    """The command that makes hash table number ``table`` with ``divisor`` buckets."""
    return U32Filter(pref, protocol, Handle(table), None, divisor=divisor, chain=chain, span=span)


@dataclass(frozen=True, slots=True)
class Hook:
    """Where the filters sit: clsact (or ingress qdisc) of device ``device``, or of every member of block ``block``."""

    device: str = "port0"
    direction: Literal["ingress", "egress"] = "ingress"
    block: int | None = None


@dataclass(frozen=True, slots=True)
class FilterList:
    """The artifact: the filters in the order in which they are added, on one hook."""

    filters: tuple[U32Filter, ...]
    hook: Hook = Hook()
    name: str = field(default="", compare=False)
    """The file that it came from."""


@dataclass(frozen=True, slots=True)
class PortNames:
    """How port numbers and device names stand to each other: port N is the device ``<prefix>N``."""

    prefix: str = "port"

    def name(self, port: int) -> str:
        """The device of a port."""
        return f"{self.prefix}{port}"

    def port(self, device: str) -> int | None:
        """The port of a device; None if the name does not follow the rule."""
        digits = device.removeprefix(self.prefix)
        ok = device.startswith(self.prefix) and digits.isascii() and digits.isdigit() and len(digits) < 11
        number = int(digits) if ok else -1
        return number if ok and str(number) == digits and number < 1 << 31 else None


DEFAULT_PORTS: Final = PortNames()
