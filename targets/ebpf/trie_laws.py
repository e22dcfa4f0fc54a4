"""What is true of several look-ups in one LPM trie that nobody knows, whatever it holds (kernel/bpf/lpm_trie.c,
``trie_lookup_elem``).

A look-up finds the longest of the entries that are no longer than what is asked and agree with its first bits, and
nothing if more bits are asked than there are. ``map.NAME.length`` tells how long the entry is that a key finds. Then,
of any two look-ups:

* the entry that the one finds is no longer than what it asked;
* where this entry matches the other key as well, the other one finds an entry, too, and none that is shorter;
* if both entries are of one length there, they are one entry, with one value.

Elements that a program writes are told by ``map.NAME.element``, which is the key of the entry that is found.

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


def element_name(item: MapDef) -> str:
    """The function from a key to the element that it finds, where the program writes its value."""
    return f"map.{item.name}.element"


def trie_laws(item: MapDef, terms: Sequence[Term]) -> list[Term]:
    """What is true of all that ``terms`` ask of trie ``item`` (``map.NAME.found``, ``.value`` and ``.element``)."""
    asked: dict[str, list[Term]] = {}
    for call in b.applications(*terms):
        asked.setdefault(call.name, []).append(call.args[0])
    keys = list(dict.fromkeys(asked.get(f"map.{item.name}.found", ())))
    laws = [b.implies(_found(item, key), b.ule(trie_prefix(key), _bits(item))) for key in keys]
    written = element_name(item) in asked
    if written or 1 < len(keys) <= MOST_KEYS:
        laws += [b.implies(_found(item, key), b.ule(_length(item, key), trie_prefix(key))) for key in keys]
    if written:
        laws += [b.implies(_found(item, key), b.eq(_element(item, key), _entry_of(item, key))) for key in keys]
    if 1 < len(keys) <= MOST_KEYS:
        for first, second in permutations(keys, 2):
            laws += _of_two(item, first, second, valued=f"map.{item.name}.value" in asked)
    return [law for law in dict.fromkeys(laws) if law is not b.TRUE]


def _of_two(item: MapDef, first: Term, second: Term, *, valued: bool) -> Iterator[Term]:
    """What is true of a second look-up because of what a first one finds; ``valued``: also of their values."""
    mine, theirs = _length(item, first), _length(item, second)
    entry_of_first = b.concat(host_order(mine), b.extract(first, _data_bits(item) - 1, 0))
    legal = b.ule(trie_prefix(second), _bits(item))
    matches = b.and_(_found(item, first), legal, prefix_matches(entry_of_first, second))
    yield b.implies(matches, b.and_(_found(item, second), b.ule(mine, theirs)))
    if valued:
        sort = b.bit_vector(8 * item.value_size)
        answers = (b.apply(f"map.{item.name}.value", sort, key) for key in (first, second))
        yield b.implies(b.and_(matches, b.eq(mine, theirs)), b.eq(*answers))


def _entry_of(item: MapDef, key: Term) -> Term:
    """As :func:`entry`, of terms."""
    bits, length = _data_bits(item), _length(item, key)
    wide = max(bits, LENGTH_BITS)
    mask = b.extract(b.shl(b.bv(-1, wide), b.zext(b.sub(b.bv(bits, LENGTH_BITS), length), wide)), bits - 1, 0)
    return b.concat(host_order(length), b.band(b.extract(key, bits - 1, 0), mask))


def entry(item: MapDef, key: bytes, length: int) -> bytes:
    """The key of the entry of ``length`` bits that a look-up of ``key`` finds."""
    bits = _data_bits(item)
    data = int.from_bytes(key[PREFIX_BYTES:], "big") >> bits - length << bits - length
    return length.to_bytes(PREFIX_BYTES, "little") + data.to_bytes(item.key_size - PREFIX_BYTES, "big")


def _found(item: MapDef, key: Term) -> Term:
    return b.apply(f"map.{item.name}.found", b.BOOL, key)


def _element(item: MapDef, key: Term) -> Term:
    return b.apply(element_name(item), b.bit_vector(8 * item.key_size), key)


def _length(item: MapDef, key: Term) -> Term:
    return b.apply(length_name(item), b.bit_vector(LENGTH_BITS), key)


def _bits(item: MapDef) -> Term:
    return b.bv(_data_bits(item), LENGTH_BITS)


def _data_bits(item: MapDef) -> int:
    return 8 * (item.key_size - PREFIX_BYTES)
