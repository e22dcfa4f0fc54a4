"""What maps answer whose contents are known, as terms: decisions over what was written; and how tries match.

A trie that is asked for less than a whole key answers with the longest entry that is no longer than what is asked
(kernel/bpf/lpm_trie.c, ``trie_lookup_elem``). That is decided for few entries; of more, and of those that nobody
knows, such a lookup may answer anything (:func:`other_found`, :func:`other_value`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from .artifact import MapDef
from .fillup import Entries, host_order
from .layout import PREFIX_BYTES

CHAIN = 8
"""Entries up to which a decision is a chain; more are split in halves."""
FEW: Final = 64
"""Entries of a trie up to which lookups of less than whole keys are decided too."""

Decision = Callable[[Term], tuple[Term, Term]]
"""A map key → whether there is an entry, and its value (0 where there is none)."""


def trie_prefix(key: Term) -> Term:
    """The prefix length in a trie's key, as a number of 32 bits."""
    return host_order(b.extract(key, key.width - 1, key.width - 8 * PREFIX_BYTES))


def other_found(item: MapDef, key: Term) -> Term:
    """Whether a trie's lookup that no whole key stands behind finds something: nobody says, unless it is of more bits
    than there are, which finds nothing (``trie_lookup_elem``, since Linux 6.7)."""
    return b.and_(_legal(item, key), b.apply(f"map.{item.name}.other.found", b.BOOL, key))


def _legal(item: MapDef, key: Term) -> Term:
    return b.ule(trie_prefix(key), b.bv(8 * (item.key_size - PREFIX_BYTES), 32))


def other_value(item: MapDef, key: Term) -> Term:
    """What it finds."""
    return b.apply(f"map.{item.name}.other.value", b.bit_vector(8 * item.value_size), key)


def prefix_matches(entry: Term, key: Term) -> Term:
    """Whether a trie's entry answers a lookup of ``key``, unless a longer one does (``longest_prefix_match``)."""
    data = key.width - 8 * PREFIX_BYTES
    wide = max(data, 32)
    apart = b.zext(b.bxor(b.extract(entry, data - 1, 0), b.extract(key, data - 1, 0)), wide)
    behind = b.sub(b.bv(data, 32), trie_prefix(entry))
    inside = b.lshr(apart, b.zext(behind, wide))
    enough = b.ule(trie_prefix(entry), trie_prefix(key))
    return b.and_(enough, b.eq(inside, b.bv(0, wide)))


def hash_decision(item: MapDef, entries: Entries) -> Decision:
    """A hash map with these contents (what is written last stays)."""
    content = sorted({int.from_bytes(key, "big"): int.from_bytes(value, "big") for key, value in entries}.items())
    nothing = b.bv(0, 8 * item.value_size)

    def decide(key: Term) -> tuple[Term, Term]:
        def leaf(low: int, high: int) -> tuple[Term, Term]:
            found, value = b.FALSE, nothing
            for number, answer_ in content[low:high]:
                here = b.eq(key, b.bv(number, key.width))
                found, value = b.or_(here, found), b.ite(here, b.bv(answer_, value.width), value)
            return found, value

        return _halved(key, [number for number, _ in content], leaf)

    return decide


def trie_decision(item: MapDef, entries: Entries) -> Decision:
    """An LPM trie with these contents, asked for whole keys: prefixes cut the keys into stretches with one answer."""
    nothing = b.bv(0, 8 * item.value_size)
    data = 8 * (item.key_size - PREFIX_BYTES)
    starts = _stretches(data, entries)

    def decide(key: Term) -> tuple[Term, Term]:
        asked = b.extract(key, data - 1, 0)

        def leaf(low: int, high: int) -> tuple[Term, Term]:
            found, value = b.FALSE, nothing
            for start, answer_ in starts[low:high]:
                behind = b.uge(asked, b.bv(start, data))
                here = b.boolean(answer_ is not None)
                content = nothing if answer_ is None else b.bv(answer_, nothing.width)
                found, value = b.ite(behind, here, found), b.ite(behind, content, value)
            return found, value

        return _halved(asked, [start for start, _ in starts], leaf)

    return decide


def _stretches(data: int, entries: Entries) -> list[tuple[int, int | None]]:
    """Where the answer of a trie changes: (first key, the value from there on or None), ascending, the first at 0."""
    prefixes: dict[tuple[int, int], int] = {}
    for key, content in entries:
        length = int.from_bytes(key[:PREFIX_BYTES], "little")
        start = int.from_bytes(key[PREFIX_BYTES:], "big") >> data - length << data - length
        prefixes[start, length] = int.from_bytes(content, "big")
    out: list[tuple[int, int | None]] = [(0, None)]
    open_: list[tuple[int, int]] = []
    """Prefixes around the current one: (first key behind it, its value)."""

    def close(until: int) -> None:
        while open_ and open_[-1][0] <= until:
            end, _ = open_.pop()
            out.append((end, open_[-1][1] if open_ else None))

    for (start, length), value in sorted(prefixes.items()):
        close(start)
        out.append((start, value))
        open_.append((start + (1 << data - length), value))
    close(1 << data)
    latest = dict(out)
    return [(start, value) for start, value in sorted(latest.items(), key=lambda item: item[0]) if start < 1 << data]


def _halved(key: Term, starts: Sequence[int], leaf: Callable[[int, int], tuple[Term, Term]]) -> tuple[Term, Term]:
    """A balanced decision: ``leaf`` decides among a few neighbours, comparisons with ``starts`` lead there."""
    level = [(low, *leaf(low, min(low + CHAIN, len(starts)))) for low in range(0, len(starts), CHAIN)] or [
        (0, *leaf(0, 0))
    ]
    while len(level) > 1:
        above = []
        for index in range(0, len(level) - 1, 2):
            (low, found, value), (border, other_found_, other_value_) = level[index], level[index + 1]
            left = b.ult(key, b.bv(starts[border], key.width))
            above.append((low, b.ite(left, found, other_found_), b.ite(left, value, other_value_)))
        if len(level) % 2:
            above.append(level[-1])
        level = above
    return level[0][1], level[0][2]


def trie_chain(item: MapDef, entries: Entries, key: Term) -> tuple[Term, Term]:
    """Whether a trie with these contents finds something for any bytes, and what: of the entries that are no longer
    than what is asked, the longest that agrees (``trie_lookup_elem`` in kernel/bpf/lpm_trie.c)."""
    found, value = b.FALSE, b.bv(0, 8 * item.value_size)
    legal = _legal(item, key)
    latest = dict(entries)
    for entry, content in sorted(latest.items(), key=lambda pair: int.from_bytes(pair[0][:PREFIX_BYTES], "little")):
        term = b.bv(int.from_bytes(entry, "big"), 8 * item.key_size)
        here = b.and_(legal, prefix_matches(term, key))
        found = b.or_(here, found)
        value = b.ite(here, b.bv(int.from_bytes(content, "big"), value.width), value)
    return found, value


def given_others(item: MapDef, entries: Entries) -> Decision:
    """A trie with these contents, asked for less than whole keys."""
    if len(entries) <= FEW:
        return lambda key: trie_chain(item, entries, key)
    return lambda key: (other_found(item, key), other_value(item, key))
