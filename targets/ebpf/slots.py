"""Rules in slots, for tables whose keys no map of the kernel matches: ternary, range, optional or several lpm keys.

The rules of a table lie in an array of slots, in the order in which they win; free slots come last. Which of them match
is found by bit vectors (T. V. Lakshman, D. Stiliadis, "High-Speed Policy-Based Packet Forwarding Using Efficient
Multi-Dimensional Range Matching", SIGCOMM 1998; in eBPF first by S. Miano et al., "Securing Linux with a Faster and
Scalable Iptables", CCR 49(3), 2019): for each byte of the keys, and each value that it may have, there is a vector with
one bit a slot, which is 1 if the rule there allows the value. What all vectors of a key's bytes have in common are the
rules that match; the lowest bit is the one that wins.

A byte of a key that is matched under a mask has one *plane* of vectors. A range is no set of bytes; of a key with a
range, the lowest byte has planes for "not below the low end" and "not above the high end", and each higher byte has two
for each end, with and without equality: a number is at least another if its first byte is greater, or not less and
the rest at least the other's rest. Each bit speaks of one rule alone, so that what holds of one rule holds of all.

Vectors are cut into words of 64 slots. The array ``bits`` holds the word of ``word``, ``plane`` and byte value ``v`` at
index ``(word * planes + plane) * 256 + v``, in host order, bit ``s`` for slot ``64 * word + s``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Final, Literal

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.rules.ruleset import Exact, Lpm, Match, Range, Ternary
from .artifact import MapDef
from .artifact.program import F_RDONLY_PROG

TWOS, FOURS, EIGHTS, COUNT = 0x5555555555555555, 0x3333333333333333, 0x0F0F0F0F0F0F0F0F, 0x3F
"""Masks for counting bits in twos, fours and eights, and of a sum below 64 (H. S. Warren, "Hacker's Delight", 5-1)."""
WORD_BITS: Final = 64
WORD_BYTES: Final = 8
BYTE_VALUES: Final = 256
MOST_LOOKUPS: Final = 4096
"""Words times planes of a table: so often is the array asked for one packet at most."""

Test = Literal["masked", "within", "ge", "gt", "le", "lt"]
"""What a plane's bits say of a byte, given two bytes of the rule: its value and mask, or its low and high end."""


@dataclass(frozen=True, slots=True)
class Plane:
    """The vectors of one byte of a key."""

    key: int
    """The key's place in the table."""
    byte: int
    """Counted from the lowest."""
    test: Test


@dataclass(frozen=True, slots=True)
class Step:
    """A plane's vector, and how it is joined to those before it in the chain."""

    plane: Plane
    join: Literal["and", "or"] = "and"


Chain = tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Slots:
    """How a table's rules are searched for: the vectors of each chain are joined from left to right, and the slots that
    match are those which all chains have in common."""

    bits: MapDef
    room: int
    """How many rules there can be."""
    chains: tuple[Chain, ...]

    @property
    def words(self) -> int:
        """How many words a vector has."""
        return -(-self.room // WORD_BITS)

    @property
    def planes(self) -> tuple[Plane, ...]:
        """The planes, in the order of their numbers."""
        return tuple(step.plane for chain in self.chains for step in chain)

    def first_index(self, word: int, plane: int) -> int:
        """The index of a plane's word for byte value 0."""
        return (word * len(self.planes) + plane) * BYTE_VALUES


def chains_of(keys: Sequence[tuple[int, str]]) -> tuple[Chain, ...]:
    """The chains for keys given as (bytes, match kind)."""
    out: list[Chain] = []
    for number, (size, kind) in enumerate(keys):
        if kind == "range" and size > 1:
            out += [_end(number, size, "ge", "gt"), _end(number, size, "le", "lt")]
        else:
            test: Test = "within" if kind == "range" else "masked"
            out += [(Step(Plane(number, byte, test)),) for byte in reversed(range(size))]
    return tuple(out)


def _end(key: int, size: int, equal: Test, strict: Test) -> Chain:
    """Whether a key is on the right side of one end of a range."""
    steps = [Step(Plane(key, 0, equal))]
    for byte in range(1, size):
        steps += [Step(Plane(key, byte, equal), "and"), Step(Plane(key, byte, strict), "or")]
    return tuple(steps)


def search_among(room: int, name: str, chains: Sequence[Chain]) -> Slots:
    """The search among ``room`` rules, with the array called ``name``, which programs only read."""
    count = -(-room // WORD_BITS) * sum(map(len, chains)) * BYTE_VALUES
    return Slots(MapDef(name, "array", 4, WORD_BYTES, count, F_RDONLY_PROG), room, tuple(chains))


# --- as terms -------------------------------------------------------------------------------------------------------


def allows(test: Test, first: Term, second: Term, byte: Term) -> Term:
    """Whether a rule with these two bytes (value and mask, or low and high end) allows a byte."""
    match test:
        case "masked":
            return b.eq(b.band(byte, second), b.band(first, second))
        case "within":
            return b.and_(b.ule(first, byte), b.ule(byte, second))
        case "ge":
            return b.ule(first, byte)
        case "gt":
            return b.ult(first, byte)
        case "le":
            return b.ule(byte, second)
        case "lt":
            return b.ult(byte, second)


def joined(chains: Sequence[Chain], words: Sequence[Term]) -> Term:
    """The slots that match, given a word of each plane in order (of any width)."""
    rest = iter(words)
    common: Term | None = None
    for chain in chains:
        word = next(rest)
        for step in chain[1:]:
            word = (b.band if step.join == "and" else b.bor)(word, next(rest))
        common = word if common is None else b.band(common, word)
    assert common is not None
    return common


def byte_of(value: Term, byte: int) -> Term:
    """A byte of a number, counted from the lowest; bits above the number are 0."""
    high = min(value.width, 8 * byte + 8)
    return b.zext(b.extract(value, high - 1, 8 * byte), 8)


# --- as bytes -------------------------------------------------------------------------------------------------------

Pair = tuple[int, int]
"""What a rule says of a key: value and mask, or (of keys with ranges) low and high end."""


def pair_of(match: Match, width: int, kind: str) -> Pair | None:
    """A match as a pair for a key of this kind; None if the kind does not match like this."""
    full = (1 << width) - 1
    low, high, mask = _extremes(match, full, width)
    if kind == "range":
        free = full & ~mask
        return (low, high) if isinstance(match, Range) or not free & (free + 1) else None
    if isinstance(match, Range) and (low, high) != (0, full) and low != high:
        return None
    return low & mask, mask


def _extremes(match: Match, full: int, width: int) -> tuple[int, int, int]:
    """The least and greatest value that ``match`` allows, and the bits that it cares about."""
    match match:
        case Exact(value):
            return value, value, full
        case Lpm(value, length):
            mask = full & ~(full >> length)
            return value & mask, value & mask | full & ~mask, mask
        case Ternary(value, mask):
            return value & mask, value & mask | full & ~mask, mask & full
        case Range(low, high):
            return low, high, 0 if (low, high) == (0, full) else full


@lru_cache(maxsize=1 << 14)
def _allowed(test: Test, first: int, second: int) -> tuple[int, ...]:
    allowed = _plan(test)
    return tuple(v for v in range(BYTE_VALUES) if allowed({"first": first, "second": second, "byte": v})[0])


@lru_cache(maxsize=1 << 16)
def is_allowed(test: Test, first: int, second: int, byte: int) -> bool:
    """:func:`allows`, of numbers."""
    return bool(_plan(test)({"first": first, "second": second, "byte": byte})[0])


@cache
def _plan(test: Test) -> b.Plan:
    return b.Plan([allows(test, b.var("first", 8), b.var("second", 8), b.var("byte", 8))])


def elements(slots: Slots, rules: Sequence[Sequence[Pair]]) -> Iterator[tuple[bytes, bytes]]:
    """What is written into ``bits`` for these rules, first winner first; elsewhere it holds zeros."""
    words: dict[int, int] = {}
    for slot, rule in enumerate(rules):
        word, bit = divmod(slot, WORD_BITS)
        for number, plane in enumerate(slots.planes):
            one, two = (part >> 8 * plane.byte & 0xFF for part in rule[plane.key])
            start = slots.first_index(word, number)
            for value in _allowed(plane.test, one, two):
                words[start + value] = words.get(start + value, 0) | 1 << bit
    for index, word in words.items():
        yield index.to_bytes(4, "little"), word.to_bytes(WORD_BYTES, "little")
