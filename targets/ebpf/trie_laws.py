"""What is true of several look-ups in one LPM trie that nobody knows, whatever it holds (kernel/bpf/lpm_trie.c,
``trie_lookup_elem``).

A look-up finds the longest of the entries that are no longer than what is asked and agree with its first bits, and
nothing if more bits are asked than there are. ``map.NAME.length`` tells how long the entry is that a key finds. Then,
of any two look-ups:

* the entry that the one finds is no longer than what it asked;
* where this entry matches the other key as well, the other one finds an entry, too, and none that is shorter;
* if both entries are of one length there, they are one entry, with one value.

Nothing else is true of all tries: answers that keep to this are those of the trie that holds just the entries found
(:func:`entry`), for a longer one that matched a key would have been found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import permutations
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from .artifact import MapDef
from .decisions import prefix_matches, trie_prefix
from .fillup import host_order
from .layout import PREFIX_BYTES

LENGTH_BITS: Final = 32
MOST_KEYS: Final = 12
"""Keys of one trie, with more of which nothing is said of two of them."""


def length_name(item: MapDef) -> str:
    """The function from a key to the length of the entry that it finds, in bits."""
    return f"map.{item.name}.length"


def trie_laws(item: MapDef, terms: Sequence[Term]) -> list[Term]:
    """What is true of all that ``terms`` ask of trie ``item`` (``map.NAME.found``, ``.value`` and ``.element``)."""
    asked: dict[str, list[Term]] = {}
    for call in b.applications(*terms):
        asked.setdefault(call.name, []).append(call.args[0])
    keys = list(dict.fromkeys(asked.get(f"map.{item.name}.found", ())))
    told = [name for name in (f"map.{item.name}.value", f"map.{item.name}.element") if name in asked]
    laws = [b.implies(_found(item, key), b.ule(trie_prefix(key), _bits(item))) for key in keys]
    if 1 < len(keys) <= MOST_KEYS:
        laws += [b.implies(_found(item, key), b.ule(_length(item, key), trie_prefix(key))) for key in keys]
        for first, second in permutations(keys, 2):
            laws += _of_two(item, first, second, told)
    return [law for law in dict.fromkeys(laws) if law is not b.TRUE]


def _of_two(item: MapDef, first: Term, second: Term, told: Sequence[str]) -> Iterator[Term]:
    """What is true of a second look-up because of what a first one finds."""
    mine, theirs = _length(item, first), _length(item, second)
    entry_of_first = b.concat(host_order(mine), b.extract(first, 8 * (item.key_size - PREFIX_BYTES) - 1, 0))
    legal = b.ule(trie_prefix(second), _bits(item))
    matches = b.and_(_found(item, first), legal, prefix_matches(entry_of_first, second))
    yield b.implies(matches, b.and_(_found(item, second), b.ule(mine, theirs)))
    one_entry = b.and_(matches, b.eq(mine, theirs))
    width = {f"map.{item.name}.value": 8 * item.value_size, f"map.{item.name}.element": 8 * item.key_size}
    for name in told:
        answers = (b.apply(name, b.bit_vector(width[name]), key) for key in (first, second))
        yield b.implies(one_entry, b.eq(*answers))


def entry(item: MapDef, key: bytes, length: int) -> bytes:
    """The key of the entry of ``length`` bits that a look-up of ``key`` finds."""
    bits = 8 * (item.key_size - PREFIX_BYTES)
    data = int.from_bytes(key[PREFIX_BYTES:], "big") >> bits - length << bits - length
    return length.to_bytes(PREFIX_BYTES, "little") + data.to_bytes(item.key_size - PREFIX_BYTES, "big")


def _found(item: MapDef, key: Term) -> Term:
    return b.apply(f"map.{item.name}.found", b.BOOL, key)


def _length(item: MapDef, key: Term) -> Term:
    return b.apply(length_name(item), b.bit_vector(LENGTH_BITS), key)


def _bits(item: MapDef) -> Term:
    return b.bv(8 * (item.key_size - PREFIX_BYTES), LENGTH_BITS)
