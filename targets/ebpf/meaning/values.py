"""What a register or a byte of memory can hold: a number (a 64-bit or 8-bit term), or an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.bits.concrete import compute

MAX_VALUES: Final = 64
"""An address with a variable offset is run once for each value that the offset can have; at most this many."""


MOST_COMBINED: Final = MAX_VALUES * MAX_VALUES
"""Combinations of an operator's arguments that are tried to learn what its result can be."""


@dataclass(frozen=True, slots=True)
class Address:
    """A pointer: ``offset`` bytes into a piece of memory, and ``moved`` (64 bits, modulo 2**64) more if it is given.

    ==========  ====================================================================================================
    ``kind``    what it points into
    ==========  ====================================================================================================
    "ctx"       the context (``struct __sk_buff``, ``struct xdp_md``)
    "stack"     the stack of frame number ``name``; offset 0 is its top (R10), so offsets of memory are negative
    "buffer"    a piece of plain memory called ``name`` (a ring buffer's record; tests run the machine on one)
    "packet"    the packet, counted from its first byte; ``epoch`` says since which change of its layout
    "end"       the packet, counted from its end; ``key`` is how long it was when that was read
    "map"       no memory: map ``name`` itself, an argument for helpers; of a map of maps: the one that ``key`` names
    "function"  no memory: the program's function that begins at slot ``name``, an argument for helpers
    "value"     the value of map ``name`` for ``key``; absent where ``null`` holds; ``epoch`` see :mod:`.removed`
    ==========  ====================================================================================================
    """

    kind: Literal["ctx", "stack", "buffer", "packet", "end", "map", "value", "function"]
    offset: int = 0
    name: str = ""
    key: Term | None = None
    null: Term = b.FALSE
    epoch: int = 0
    moved: Term | None = None

    def on(self, count: int) -> Address:
        """``count`` bytes on."""
        return replace(self, offset=self.offset + count) if count else self

    @property
    def distance(self) -> Term:
        """Bytes from the start of the piece, 64 bits."""
        start = b.bv(self.offset, 64)
        return start if self.moved is None else b.add(self.moved, start)

    def at_distance(self, term: Term) -> Address:
        """The address in the same piece ``term`` bytes (64 bits) from its start."""
        if term.is_const:
            return replace(self, offset=b.signed(term.value, 64), moved=None)
        return replace(self, offset=0, moved=term)


Value = Term | Address | None
"""A register's content; None: nothing that may be read."""


@dataclass(frozen=True, slots=True)
class Partial:
    """A byte that was written only where ``written`` holds."""

    term: Term
    written: Term


@dataclass(frozen=True, slots=True)
class Lane:
    """Byte ``index`` (0 the lowest) of a wider number; kept whole so that it comes back as it was stored."""

    whole: Term
    index: int

    @property
    def term(self) -> Term:
        """The byte."""
        return b.extract(self.whole, 8 * self.index + 7, 8 * self.index)


@dataclass(frozen=True, slots=True)
class Piece:
    """Byte ``index`` of a pointer that lies in memory."""

    address: Address
    index: int


@dataclass(frozen=True, slots=True)
class Mixed:
    """A byte of a pointer on one path, of something else on another."""


MIXED: Final = Mixed()

Byte = Term | Lane | Partial | Piece | Mixed


def possible_values(
    term: Term, ranges: Mapping[Term, tuple[int, int]] | None = None, limit: int = MAX_VALUES
) -> list[int] | None:
    """All numbers that ``term`` can be, as far as its form and the ``ranges`` of some terms show; None if there may be
    more than ``limit``."""
    known: dict[Term, frozenset[int] | None] = {}
    for node in _that_count(term):
        found = _values(node, known, limit)
        if ranges and node in ranges and not node.is_const:
            low, high = ranges[node]
            if found is not None:
                found = frozenset(v for v in found if low <= v <= high)
            elif high - low < limit:
                found = frozenset(range(low, high + 1))
        known[node] = found
    found = known[term]
    return sorted(found) if found is not None else None


_COMPUTED: Final = ("concat", "add", "extract", "sext", "mul", "band", "bor", "bxor", "shl", "lshr", "bnot")
"""Operators whose values are computed from those of their arguments."""


def _that_count(term: Term) -> list[Term]:
    """The nodes that the values of ``term`` are told from, arguments first: no conditions, nothing below a node whose
    values nothing tells."""
    out: dict[Term, None] = {}
    stack = [(term, False)]
    while stack:
        node, seen = stack.pop()
        if node in out:
            continue
        if seen:
            out[node] = None
            continue
        stack.append((node, True))
        below = node.args[1:] if node.op == "ite" else node.args if node.op in _COMPUTED else ()
        stack += [(arg, False) for arg in below if arg not in out]
    return list(out)


def _values(node: Term, known: dict[Term, frozenset[int] | None], limit: int) -> frozenset[int] | None:
    if node.is_const:
        return frozenset((node.value,))
    if not node.width or node.sort.index:
        return None
    if node.op == "ite":
        sets = [known[a] for a in node.args[1:]]
    elif node.op in _COMPUTED:
        sets = [known[a] for a in node.args]
    else:
        sets = [None]
    everything = frozenset(range(1 << node.width)) if 1 << node.width <= limit else None
    out: frozenset[int] = frozenset()
    if node.op == "ite":
        for found in sets:
            if found is None:
                return everything
            out |= found
    else:
        rows: list[tuple[int, ...]] = [()]
        for found in sets:
            if found is None or len(rows) * len(found) > MOST_COMBINED:
                return everything
            rows = [(*row, value) for row in rows for value in found]
        out = frozenset(compute(node, list(row)) for row in rows)
    return out if len(out) <= limit else everything
