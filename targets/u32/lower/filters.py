"""Entries to filters: what a condition on the frame is in the kernel's view of it, and in which classifier it goes.

The kernel's view at live ingress: the network header is at offset 0, the Ethernet header at -14; an outer VLAN tag
(types 0x8100 and 0x88a8) has been taken out of the frame, ``protocol`` is its type, its TCI is nowhere, and what stood
behind it stands four bytes earlier. So there are three lists: one for each type of tag, under its protocol, and after
them, for what is left, the frames without a tag.

A key reads four bytes. If they are not all there, the search ends for the whole classifier (all filters of one pref)
without a match. So no key reads beyond the length that its entry asks for; a filter that needs more bytes than one
that follows is in an earlier classifier; and a length is asked for by a key without a mask that ends just there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ...unfold.values import Cube
from ..artifact import (
    DROP,
    ETH_P_ALL,
    PASS,
    Action,
    Gact,
    Handle,
    Key,
    Mirred,
    Selector,
    U32Filter,
    hash_table,
)
from .architectures import Drop, Entry, Pass, Redirect, Verdict
from .hashing import BUCKETS, MAX_TABLES, Hashed, units
from .rows import Row

ETHERNET: Final = 14
TAG: Final = 4
TAG_TYPES: Final = (0x8100, 0x88A8)
TYPE_BITS: Final = range(96, 112)
TCI_BITS: Final = range(112, 128)
FIRST_TYPE: Final = 0x600
"""Smaller numbers in the type's place are lengths; the kernel gives such frames protocols of its own."""

MAX_PREFS: Final = 2000
"""Classifiers on one hook: ``gen_new_htid`` has 2047 numbers for their root tables."""
MAX_PER_PREF: Final = 2000
"""Filters in one classifier: its one bucket numbers them from 0x800 to 0xfff."""


@dataclass(frozen=True, slots=True)
class View:
    """One kind of frames: the type of its tag, or None."""

    tag: int | None

    @property
    def start(self) -> Cube:
        """What is known of all these frames. Shorter ones are dropped before they reach a filter."""
        if self.tag is None:
            return Cube({}, ETHERNET)
        return Cube({bit: bool(self.tag >> (111 - bit) & 1) for bit in TYPE_BITS}, ETHERNET + TAG)

    @property
    def moved(self) -> int:
        """Bytes from the frame's beginning to the network header, for what stands behind the tag."""
        return ETHERNET if self.tag is None else ETHERNET + TAG

    def offset(self, byte: int) -> int:
        """Where a byte of the frame is for u32."""
        return byte - (ETHERNET if byte < ETHERNET - 2 else self.moved)


VIEWS: Final = (*(View(tag) for tag in TAG_TYPES), View(None))


def place(rows: Sequence[Row]) -> tuple[U32Filter, ...]:
    """The rows in classifiers, as few prefs as the rule about lengths allows; many that ask for the same bits in hash
    tables (:mod:`.hashing`).

    Raises:
        CannotOffload: there are too many.
    """
    placed = _Placed()
    for unit in units(rows):
        placed.add(unit)
    if placed.pref > MAX_PREFS:
        raise CannotOffload(f"{placed.pref} classifiers are needed; the kernel has room for {MAX_PREFS}", NOWHERE)
    return tuple(placed.filters)


class _Placed:
    def __init__(self) -> None:
        self.filters: list[U32Filter] = []
        self.pref = self.count = self.tables = 0
        self.previous: Row | None = None

    def add(self, unit: Row | Hashed) -> None:
        """In the classifier of the row before, if it fits, else in a new one."""
        row = unit.rows[0] if isinstance(unit, Hashed) else unit
        previous = self.previous
        fits = previous is not None and previous.protocol == row.protocol and previous.length <= row.length
        if not fits or self.count >= MAX_PER_PREF:
            self.pref, self.count = self.pref + 1, 0
        self.count, self.previous = self.count + 1, row
        if isinstance(unit, Hashed) and self.tables < MAX_TABLES:
            self._table(unit)
        elif isinstance(unit, Hashed):
            for one in unit.rows:
                self.add(one)
        else:
            self.filters.append(self._filter(row))

    def _table(self, unit: Hashed) -> None:
        self.tables += 1
        protocol = unit.rows[0].protocol
        self.filters.append(hash_table(self.pref, self.tables, BUCKETS, protocol))
        self.filters += [self._filter(row, Handle(self.tables, unit.bucket(row))) for row in unit.rows]
        self.filters.append(U32Filter(self.pref, protocol, selector=unit.link, link=self.tables, classid=None))

    def _filter(self, row: Row, ht: Handle | None = None) -> U32Filter:
        selector, actions = Selector(row.keys), _actions(row.verdict)
        return U32Filter(self.pref, row.protocol, selector=selector, ht=ht, classid=None, actions=actions)


def _actions(verdict: Verdict) -> tuple[Action, ...]:
    match verdict:
        case Drop():
            return (Gact(DROP),)
        case Pass():
            return (Gact(PASS),)
        case Redirect(port):
            return (Mirred(port),)


def rows(view: View, entries: Sequence[Entry], asked: Mapping[int, Span]) -> list[Row]:
    """The entries of one kind of frames as rows, in order; ``asked``: bit of the frame → where it is asked for.

    Raises:
        CannotOffload: an entry asks for bits of the tag, which u32 does not see.
    """
    return [_row(view, entry, asked) for entry in _useful(view, entries)]


def _useful(view: View, entries: Sequence[Entry]) -> list[Entry]:
    """Without entries that never count: impossible ones, repetitions, and at the end those that say the same."""
    seen: set[tuple[frozenset[tuple[int, bool]], int]] = set()
    kept: list[Entry] = []
    for entry in entries:
        key = (frozenset(entry.cube.bits.items()), entry.cube.length)
        if key in seen or (view.tag is None and _type(entry.cube) in TAG_TYPES):
            continue
        seen.add(key)
        kept.append(entry)
        if entry.cube.length <= view.start.length and entry.cube.bits == view.start.bits:
            break  # all frames are decided
    while len(kept) > 1 and kept[-2].verdict == kept[-1].verdict:
        del kept[-2]
    return kept


def _type(cube: Cube) -> int | None:
    """Bytes 12 and 13, if the condition fixes them."""
    if any(bit not in cube.bits for bit in TYPE_BITS):
        return None
    return sum(cube.bits[bit] << (111 - bit) for bit in TYPE_BITS)


def _row(view: View, entry: Entry, asked: Mapping[int, Span]) -> Row:
    cube = entry.cube
    type_ = _type(cube)
    tci = next((bit for bit in TCI_BITS if bit in cube.bits), None)
    if view.tag is not None and tci is not None:
        raise CannotOffload(
            "the outer VLAN tag's TCI: at tc's ingress it is not in the frame any more", asked.get(tci, NOWHERE)
        )
    by_protocol = type_ is not None and type_ >= FIRST_TYPE
    bits = {bit: value for bit, value in cube.bits.items() if not (by_protocol and bit in TYPE_BITS)}
    end = cube.length - view.moved
    keys = list(_keys(view, bits, end))
    if cube.length > view.start.length and not any(key.offset + 4 == end for key in keys):
        keys.insert(0, Key(0, 0, end - 4))
    if not keys:
        keys.append(Key(0, 0, -4))  # bytes that every frame has
    return Row(type_ if by_protocol and type_ is not None else ETH_P_ALL, tuple(keys), cube.length, entry.verdict)


def _keys(view: View, bits: Mapping[int, bool], end: int) -> Iterator[Key]:
    """The bits as keys of aligned words; a word that would reach beyond ``end`` begins earlier."""
    words: dict[int, tuple[int, int]] = {}
    for bit, value in sorted(bits.items()):
        at = view.offset(bit // 8)
        word = min(at & ~3, end - 4)
        place = 31 - 8 * (at - word) - bit % 8
        old_value, old_mask = words.get(word, (0, 0))
        words[word] = (old_value | value << place, old_mask | 1 << place)
    for word, (value32, mask) in words.items():
        yield Key(value32, mask, word)
