"""What is true of the vectors of a table with slots (:mod:`.relate_slots`) under any rules, for the bytes asked.

Where the rules are unknown the vectors are functions that nobody knows, and a machine that asks them for other bytes
than the program does would find there what no rules put in: such a difference is none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import combinations
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from .layout import TableLayout
from .relate_slots import slots_in, unknown, vector_name
from .slots import Slots, Test

LOW: Final[tuple[Test, Test]] = ("ge", "gt")
"""The planes of a range's low end."""
HIGH: Final[tuple[Test, Test]] = ("le", "lt")
"""Those of its high end."""
STRICTER: Final[tuple[tuple[Test, Test], ...]] = (("gt", "ge"), ("lt", "le"))
"""A plane, and the one that allows what it allows."""
MOST_BYTES: Final = 4
"""Bytes that the planes of one byte of a key are asked for, with more of which nothing is said."""


Places = Mapping[str, Iterable[Term]]
"""The bytes that each vector is asked for, by its name."""
Vectors = Mapping[Test, Callable[[Term], Term]]
"""The planes of one byte, as words for a byte."""


def like_rules(layout: TableLayout, slots: Slots, terms: Sequence[Term]) -> list[Term]:
    """What is true of the vectors for the bytes that ``terms`` ask for, whatever the rules."""
    asked: dict[str, dict[Term, None]] = {}
    for call in b.applications(*terms):
        asked.setdefault(call.name, {})[call.args[0] if call.args else b.TRUE] = None
    return [*_like_ranges(layout, slots, asked), *_like_masks(layout, slots, asked)]


# --- values and masks -----------------------------------------------------------------------------------------------


def _like_masks(layout: TableLayout, slots: Slots, asked: Places) -> Iterator[Term]:
    """What is true of the vectors of all keys but ranges: bits of a byte that the key does not have count for nothing;
    a slot that allows two bytes has a mask there, as its kind of match allows one."""
    for part in layout.keys:
        kind = layout.table.keys[part.index].match_kind
        of_key = {p.byte: n for n, p in enumerate(slots.planes) if p.key == part.index and p.test == "masked"}
        for word in range(slots.words):
            numbers = {byte: len(slots.planes) * word + n for byte, n in of_key.items()}
            places = {byte: list(asked.get(vector_name(layout, number), ())) for byte, number in numbers.items()}
            at = {byte: partial(unknown, layout, slots, number) for byte, number in numbers.items()}
            for byte, (x, y) in ((byte, pair) for byte, of in places.items() for pair in _pairs(of)):
                most = b.bv((1 << part.width) - 1 >> 8 * byte & 0xFF, 8)
                same, both = b.eq(b.band(x, most), b.band(y, most)), b.band(at[byte](x), at[byte](y))
                yield b.implies(same, b.eq(at[byte](x), at[byte](y)))
                if kind == "exact":
                    yield b.or_(same, b.eq(both, b.bv(0, both.width)))
                for other in {"optional": at.keys(), "lpm": [each for each in at if each < byte]}.get(kind, ()):
                    yield from (b.or_(same, _all_of(both, at[other](z))) for z in places[other][:MOST_BYTES])


def _pairs(places: Sequence[Term]) -> Iterator[tuple[Term, Term]]:
    return combinations(places, 2) if len(places) <= MOST_BYTES else iter(())


# --- ranges ---------------------------------------------------------------------------------------------------------


def _like_ranges(layout: TableLayout, slots: Slots, asked: Places) -> list[Term]:
    """What is true of the vectors of ranges: each end is at one place, and of the highest bytes the low end's is not
    above the high end's, nor of bytes above which both ends are seen to be the same; a slot without a rule has no bit.
    (Of ranges in one byte nothing is said.)"""
    found: list[Term] = []
    for part in layout.keys:
        of_key = [(n, plane) for n, plane in enumerate(slots.planes) if plane.key == part.index]
        for word in range(slots.words):
            used = _used(layout, slots, word, asked)
            alike: Term | None = b.bnot(b.bv(0, slots_in(slots, word)))  # as far as bytes above this one tell
            for byte in reversed(range(part.size)):
                planes = {plane.test: n for n, plane in of_key if plane.byte == byte}
                numbers = {test: len(slots.planes) * word + n for test, n in planes.items()}
                names = [vector_name(layout, number) for number in numbers.values()]
                places = list(dict.fromkeys(place for name in names for place in asked.get(name, ())))
                if not {"ge", "le"} <= numbers.keys() or len(places) > MOST_BYTES:
                    alike = None
                    continue
                at = {test: partial(unknown, layout, slots, number) for test, number in numbers.items()}
                found += _like_ends(at, places, used if byte == part.size - 1 else None)
                found += (fact for place in places for fact in _at_borders(at, place, part.width - 8 * byte, used))
                if alike is not None and byte < part.size - 1:
                    found += _not_above(at, places, alike)
                alike = _with_like_bytes(at, places, alike)
    return found


def _with_like_bytes(at: Vectors, places: Sequence[Term], alike: Term | None) -> Term | None:
    """Of the slots ``alike`` those whose ends are seen to have the same byte where ``at`` tests it; None if planes are
    missing, of it or of bytes above."""
    if alike is None or not {"gt", "lt"} <= at.keys():
        return None
    same = b.bv(0, alike.width)
    for x in places:
        both = b.band(at["ge"](x), at["le"](x))
        same = b.bor(same, b.band(both, b.bnot(b.bor(at["gt"](x), at["lt"](x)))))
    return b.band(alike, same)


def _not_above(at: Vectors, places: Sequence[Term], alike: Term) -> Iterator[Term]:
    """What is true of ends of which the bytes above are the same: the low end's byte is not above the high end's."""
    for x in places:
        for y in places:
            above = b.band(alike, b.band(b.bnot(at["ge"](y)), b.bnot(at["le"](x))))
            yield b.implies(b.ule(x, y), b.eq(above, b.bv(0, above.width)))


def _used(layout: TableLayout, slots: Slots, word: int, asked: Places) -> Term:
    """The slots of a word that are seen to have a rule: that have a bit where one is asked for."""
    used = b.bv(0, slots_in(slots, word))
    for number in range(len(slots.planes) * word, len(slots.planes) * (word + 1)):
        for place in asked.get(vector_name(layout, number), ()):
            used = b.bor(used, unknown(layout, slots, number, place))
    return used


def _like_ends(at: Vectors, places: Sequence[Term], used: Term | None) -> Iterator[Term]:
    """What is true of the planes ``at`` one byte of a range for the bytes ``places``; ``used``: the slots that have a
    rule, if it is the highest byte."""
    for x in places:
        if used is not None:
            free = b.band(b.bnot(at["ge"](x)), b.bnot(at["le"](x)))
            yield _all_of(free, b.bnot(used))
            yield from (_all_of(free, b.bnot(word(y))) for word in at.values() for y in places if y is not x)
        for strict, equal in STRICTER:
            if strict in at:
                yield _all_of(at[strict](x), at[equal](x))
        for y in places:
            if x is not y:
                above = b.ult(x, y)
                yield from (b.implies(above, _all_of(at[t](x), at[t](y))) for t in LOW if t in at)
                yield from (b.implies(above, _all_of(at[t](y), at[t](x))) for t in HIGH if t in at)
                if "gt" in at and "lt" in at:
                    yield b.implies(above, b.and_(_all_of(at["ge"](x), at["gt"](y)), _all_of(at["le"](y), at["lt"](x))))


def _at_borders(at: Vectors, x: Term, width: int, used: Term) -> Iterator[Term]:
    """What is true where a byte ``x`` (of ``width`` bits, if that is less) is the least or greatest there is: it is on
    the right side of one end of every range (slots that are ``used`` have one), and beyond none."""
    least = b.eq(x, b.bv(0, 8))
    greatest = b.uge(x, b.bv((1 << min(8, width)) - 1, 8))
    borders: tuple[tuple[Term, Test, Test, Test], ...] = (least, "le", "ge", "gt"), (greatest, "ge", "le", "lt")
    for border, sure, other, strict in borders:
        yield b.implies(border, _all_of(b.bnot(at[sure](x)), b.bnot(b.bor(used, at[other](x)))))
        if strict in at:
            yield b.implies(border, b.eq(at[strict](x), b.bv(0, at[strict](x).width)))


def _all_of(some: Term, others: Term) -> Term:
    """Whether the slots in ``some`` are all in ``others``."""
    return b.eq(b.band(some, b.bnot(others)), b.bv(0, some.width))
