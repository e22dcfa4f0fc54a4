"""How the arrays of a table with slots (:mod:`.slots`) stand to the table, and the laws that make it sound.

No rule set says by itself in which slot a rule lies, so it is told the other way round than for a hash map: unknown are
the vectors, and what the rule in each slot does; the table's answer to a key is that of the lowest slot that all
vectors have in common there. Whatever rules a control plane installs, the fill-up makes such arrays of them, and for
these the table answers like this, because of the obligations:

* what the vectors of one rule's bits say of a key, joined, is whether the rule matches as P4 says. The bits of a slot
  depend on the rule in it alone, and a slot without a rule has no bit set, so that the slots found are those of the
  rules that match; and rules lie in the order in which they win;
* the number computed for a word is that of its lowest bit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache, partial
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning import lookup
from ...semantics.rules.ruleset import Rule
from ..base import Obligation
from .fillup import host_order, rule_pairs
from .layout import KeyPart, TableLayout
from .slots import BYTE_VALUES, COUNT, EIGHTS, FOURS, TWOS, WORD_BITS, Slots, allows, byte_of, is_allowed, joined

INDEX_BITS: Final = 32

Build = Callable[..., Term]
Word = Callable[[int, Term], Term]
"""A plane's number over all words (word by word), and a byte → the vector's word."""


# --- vectors --------------------------------------------------------------------------------------------------------


def vector_name(layout: TableLayout, number: int) -> str:
    """The function from a byte to a vector's word, where the rules are unknown."""
    return f"table.{layout.table.control_name}.vector.{number}"


def unknown_word(layout: TableLayout, slots: Slots, number: int, byte: Term) -> Term:
    """The vector's word under an unknown rule set, which has no more rules than there is room for."""
    return b.zext(unknown(layout, slots, number, byte), WORD_BITS)


def unknown(layout: TableLayout, slots: Slots, number: int, byte: Term) -> Term:
    """The same with a bit for each slot there is."""
    return b.apply(vector_name(layout, number), b.bit_vector(slots_in(slots, number // len(slots.planes))), byte)


def slots_in(slots: Slots, word: int) -> int:
    """How many slots a word is for."""
    return min(WORD_BITS, slots.room - WORD_BITS * word)


def known_word(layout: TableLayout, slots: Slots, rules: Sequence[Rule]) -> Word:
    """The vectors' words under these rules."""
    pairs, planes = [rule_pairs(layout, rule) for rule in rules], slots.planes

    @cache  # a counterexample that is made smaller asks for the same ones again and again
    def word(number: int, byte: Term) -> Term:
        at, index = divmod(number, len(planes))
        plane = planes[index]
        held = pairs[WORD_BITS * at : WORD_BITS * (at + 1)]
        ends = [tuple(part >> 8 * plane.byte & 0xFF for part in pair[plane.key]) for pair in held]
        if byte.is_const:  # asked in each of many runs
            found = sum(is_allowed(plane.test, *pair, byte.value) << slot for slot, pair in enumerate(ends))
            return b.bv(found, WORD_BITS)
        bits = [b.from_bool(allows(plane.test, b.bv(x, 8), b.bv(y, 8), byte)) for x, y in ends]
        return b.zext(b.concat(*reversed(bits)), WORD_BITS) if bits else b.bv(0, WORD_BITS)

    return word


def vector_bytes(slots: Slots, word: Word) -> Build:
    """What the array of vectors holds at a key, as bytes of memory."""
    count = slots.words * len(slots.planes)

    @cache  # as with words
    def value(key: Term) -> Term:
        index = host_order(key)
        if index.is_const:  # asked in each of many runs: no more terms than it takes
            at, asked = divmod(index.value, BYTE_VALUES)
            return host_order(word(at, b.bv(asked, 8)) if at < count else b.bv(0, WORD_BITS))
        number, byte = b.extract(index, INDEX_BITS - 1, 8), b.extract(index, 7, 0)
        if number.is_const:
            return host_order(word(number.value, byte) if number.value < count else b.bv(0, WORD_BITS))
        found = b.bv(0, WORD_BITS)
        for each in range(count):
            found = b.ite(b.eq(number, b.bv(each, number.width)), word(each, byte), found)
        return host_order(found)

    return value


# --- the table's answers --------------------------------------------------------------------------------------------


def lowest(word: Term) -> Term:
    """The number of the lowest bit set in a word that is not 0, as 32 bits: the zeros below it, counted in twos, fours
    and eights (H. S. Warren, "Hacker's Delight", section 5-1)."""

    def half(value: Term, by: int) -> Term:
        return b.lshr(value, b.bv(by, WORD_BITS))

    below = b.band(b.bnot(word), b.sub(word, b.bv(1, WORD_BITS)))
    twos = b.sub(below, b.band(half(below, 1), b.bv(TWOS, WORD_BITS)))
    pairs = b.bv(FOURS, WORD_BITS)
    fours = b.add(b.band(twos, pairs), b.band(half(twos, 2), pairs))
    count = b.band(b.add(fours, half(fours, 4)), b.bv(EIGHTS, WORD_BITS))
    for by in (8, 16, 32):
        count = b.add(count, half(count, by))
    return b.extract(b.band(count, b.bv(COUNT, WORD_BITS)), INDEX_BITS - 1, 0)


def words_at(layout: TableLayout, slots: Slots, key: Term) -> list[Term]:
    """The slots that match a table's key (its values side by side), word by word, under an unknown rule set."""
    values, low = {}, key.width
    for part in layout.keys:
        low -= part.width
        if part.width:
            values[part.index] = b.extract(key, low + part.width - 1, low)
    bytes_ = [byte_of(values[plane.key], plane.byte) for plane in slots.planes]
    count = len(bytes_)
    return [
        joined(slots.chains, [unknown_word(layout, slots, count * word + n, byte) for n, byte in enumerate(bytes_)])
        for word in range(slots.words)
    ]


def first_slot(words: Sequence[Term]) -> Term:
    """The first slot that matches, if one does."""
    chosen, start = words[-1], b.bv(WORD_BITS * (len(words) - 1), INDEX_BITS)
    for number, word in reversed(list(enumerate(words[:-1]))):
        some = b.ne(word, b.bv(0, WORD_BITS))
        chosen, start = b.ite(some, word, chosen), b.ite(some, b.bv(WORD_BITS * number, INDEX_BITS), start)
    return host_order(host_order(b.bor(start, lowest(chosen))))  # byte by byte, as it is in memory


def table_functions(layout: TableLayout, slots: Slots) -> dict[str, Build]:
    """The table's own functions (:mod:`...semantics.meaning.lookup`), by what the slots hold."""
    name = layout.table.control_name

    def hit(key: Term) -> Term:
        return b.or_(*(b.ne(word, b.bv(0, WORD_BITS)) for word in words_at(layout, slots, key)))

    def at_first(build: Callable[[Term], Term], key: Term) -> Term:
        return build(first_slot(words_at(layout, slots, key)))

    functions: dict[str, Build] = {
        lookup.hit_name(name): hit,
        lookup.entry_name(name): partial(at_first, lambda slot: slot),
        lookup.action_name(name): partial(at_first, partial(lookup.action, slot_name(layout))),
    }
    for part in layout.actions:
        for arg in part.args:
            if arg.width:
                asked = partial(lookup.argument, slot_name(layout), part.action.name, arg.param, arg.width)
                functions[lookup.argument_name(name, part.action.name, arg.param)] = partial(at_first, asked)
    return functions


def slot_name(layout: TableLayout) -> str:
    """The table whose key is a slot's number, and whose answer is what the rule there does."""
    return f"{layout.table.control_name}{lookup.SLOT}"


# --- laws -----------------------------------------------------------------------------------------------------------


def slot_laws(layout: TableLayout, slots: Slots) -> list[Obligation]:
    """See the module's description."""
    name, item = layout.table.control_name, slots.bits.name
    asked, ours, words = {}, [], []
    rule: dict[int, tuple[Term, Term]] = {}
    for part in layout.keys:
        if not part.width:
            continue
        asked[part.index] = key = b.var(f"fill.{item}.key{part.index}", part.width)
        first, second = (b.var(f"fill.{item}.rule{part.index}.{what}", part.width) for what in ("first", "second"))
        rule[part.index] = first, second
        ours.append(_matches(layout, part, first, second, key))
    for plane in slots.planes:
        first, second, key = (byte_of(value, plane.byte) for value in (*rule[plane.key], asked[plane.key]))
        words.append(b.from_bool(allows(plane.test, first, second, key)))
    found = b.to_bool(joined(slots.chains, words))
    word = b.var(f"fill.{item}.word", WORD_BITS)
    at = b.zext(lowest(word), WORD_BITS)
    is_lowest = b.eq(b.band(word, b.sub(b.shl(b.bv(2, WORD_BITS), at), b.bv(1, WORD_BITS))),
                     b.shl(b.bv(1, WORD_BITS), at))  # fmt: skip
    some = b.ne(word, b.bv(0, WORD_BITS))
    return [
        Obligation(f"a rule of table {name} matches as its bits in map {item}", b.eq(b.and_(*ours), found)),
        Obligation(f"the first slot of a word of map {item} is the lowest", b.implies(some, is_lowest)),
    ]


def _matches(layout: TableLayout, part: KeyPart, first: Term, second: Term, key: Term) -> Term:
    """P4's matching: a range from ``first`` to ``second``, else the value ``first`` under the mask ``second``."""
    if layout.table.keys[part.index].match_kind == "range":
        return b.and_(b.ule(first, key), b.ule(key, second))
    return b.eq(b.band(key, second), b.band(first, second))
