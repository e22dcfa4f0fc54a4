"""The artifact as data: an ordered list of u32 filters on one hook of one device.

The fields are those of the kernel's ``struct tc_u32_sel`` and ``TCA_U32_*`` attributes (``uapi/linux/pkt_cls.h``), in
host byte order: a key's value, mask and the hash mask are the numbers that the packet's bytes spell in network order.
Nothing here knows what a filter does; see the meaning for that.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from ....semantics.source import NOWHERE, Span
from ...tc.artifact.actions import MAX_ACTIONS, Action, within
from ...tc.artifact.filters import MATCHALL
from ...tc.artifact.hooks import Hook
from ...tc.artifact.protocols import ETH_P_ALL

ROOT_TABLE: Final = 0xFFF
"""The table number by which ``ht`` names the root table of the filter's own priority."""

FIRST_ROOT: Final = 0x800
"""The first root table; the kernel numbers further ones upwards from it."""

FIRST_NODE: Final = 0x800
LAST_NODE: Final = 0xFFF
"""Filters that have no number get one from here to there."""

MAX_DIVISOR: Final = 0x100

MAX_KEYS: Final = 255
"""``nkeys`` is one byte. (``tc`` itself stops at 128.)"""


@dataclass(frozen=True, slots=True, order=True)
class Handle:
    """``table:bucket:node`` of 12, 8 and 12 bits: names a filter, a bucket (node 0) or a table (both 0)."""

    table: int = 0
    bucket: int = 0
    node: int = 0

    def __post_init__(self) -> None:
        within("table", self.table, 0, 0xFFF)
        within("bucket", self.bucket, 0, 0xFF)
        within("node", self.node, 0, 0xFFF)

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
        within("key value", self.value, 0, 0xFFFFFFFF)
        within("key mask", self.mask, 0, 0xFFFFFFFF)
        within("key offset", self.offset, -(1 << 31), (1 << 31) - 1)
        within("key offset mask", self.offmask, -(1 << 31), (1 << 31) - 1)


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
        within("number of keys", len(self.keys), 0, MAX_KEYS)
        within("offset shift", self.offshift, 0, 0xFF)
        within("offset mask", self.offmask, 0, 0xFFFF)
        within("offset", self.off, 0, 0xFFFF)
        within("place of the offset", self.offoff, -0x8000, 0x7FFF)
        within("place of the hash key", self.hoff, -0x8000, 0x7FFF)
        within("hash mask", self.hmask, 0, 0xFFFFFFFF)


# --- filters ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class U32Filter:
    """One ``tc filter add ... u32``: a filter, or (``divisor`` given) a hash table; or one of ``matchall``.

    Filters of one chain are tried by ``pref``, lowest first; all filters of a chain with the same ``pref`` form one
    classifier and have one ``protocol`` and one ``kind``. ``pref`` 0 and missing parts of ``handle`` are chosen by the
    kernel.
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
    in_hw: bool | None = None
    """What a dump says of it."""
    span: Span = field(default=NOWHERE, compare=False)
    kind: Literal["u32", "matchall"] = "u32"
    """``matchall`` takes every frame of its protocol and looks into none: as u32 does without keys (``mall_classify``,
    ``u32_classify``). Its handle is one number."""

    def __post_init__(self) -> None:
        within("pref", self.pref, 0, 0xFFFF)
        within("protocol", self.protocol, 0, 0xFFFF)
        within("chain", self.chain, 0, (1 << 28) - 1)
        within("link", self.link or 0, 0, 0xFFF)
        within("divisor", self.divisor or 0, 0, 0xFFFFFFFF)
        within("classid", self.classid or 0, 0, 0xFFFFFFFF)
        within("number of actions", len(self.actions), 0, MAX_ACTIONS)
        within("indev", self.indev or 0, 0, 0x7FFFFFFF)
        if (self.divisor is None) == (self.selector is None):
            raise ValueError("a u32 filter has either a selector or, as a hash table, a divisor")
        if self.divisor is not None and (self.link is not None or self.actions or self.classid is not None):
            raise ValueError("a hash table has neither link nor classid nor actions")
        if self.kind == MATCHALL and (
            self.selector != Selector() or (self.ht, self.link, self.indev, self.mark) != (None, None, None, None)
        ):
            raise ValueError("matchall matches nothing, and is in no hash table")


def hash_table(
    pref: int, table: int, divisor: int, protocol: int = ETH_P_ALL, chain: int = 0, span: Span = NOWHERE
) -> U32Filter:
    """The command that makes hash table number ``table`` with ``divisor`` buckets."""
    return U32Filter(pref, protocol, Handle(table), None, divisor=divisor, chain=chain, span=span)


def wrong_table(filter_: U32Filter) -> str | None:
    """What the kernel says against a hash table that a filter is to make (``u32_change``); whether it exists aside."""
    divisor = filter_.divisor or 0
    if filter_.handle.bucket or filter_.handle.node:
        return "a divisor belongs to a hash table"
    if not 0 < divisor <= MAX_DIVISOR or divisor & (divisor - 1):
        return f"divisor {divisor} is not a power of 2 up to {MAX_DIVISOR}"
    return None


def root_alone(pref: int, protocol: int, chain: int = 0, span: Span = NOWHERE) -> U32Filter:
    """``tc filter add ... u32`` with nothing behind it: makes the classifier of its priority with its root table, whose
    number is then taken (``u32_init``), and no filter (``u32_change`` without options)."""
    return hash_table(pref, ROOT_TABLE, 1, protocol, chain, span)


def is_root_alone(filter_: U32Filter) -> bool:
    """Whether it is one of :func:`root_alone`."""
    return filter_.divisor == 1 and filter_.handle == Handle(ROOT_TABLE)


@dataclass(frozen=True, slots=True)
class FilterList:
    """The artifact: the filters in the order in which they are added, on one hook."""

    filters: tuple[U32Filter, ...]
    hook: Hook = Hook()
    name: str = field(default="", compare=False)
    """The file that it came from."""
