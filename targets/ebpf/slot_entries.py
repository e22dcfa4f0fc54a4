"""Rules for which the vectors of a table with slots say, of the bytes asked, what a solver's model wants.

A machine that makes a key otherwise than the program asks the vectors for other bytes than the program does, so that
each byte of a rule is made by what its planes say of all bytes that either side asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ...semantics.meaning import lookup
from ...semantics.meaning.answers import split
from ...semantics.rules.build import needs_priority
from ...semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, Ternary
from ..base import Asked
from .layout import KeyPart, TableLayout
from .relate_selectors import Selected
from .relate_slots import vector_name
from .selector_entries import answer_at
from .slots import WORD_BITS, Plane, Slots, Test

Functions = Mapping[str, Callable[..., int]]
Says = Mapping[int, bool]
"""What a slot's bits in one plane say of bytes."""


def entries_for(
    layout: TableLayout, slots: Slots, keys: Sequence[int], functions: Functions, asked: Asked
) -> tuple[Rule, ...]:
    """The rule in each slot, up to the last one that could match, or fail to in one chain only, or of which it is asked
    what it does: a machine may ask one that does not match.

    Args:
        layout: of a table with slots.
        slots: its search.
        keys: what the table is asked for, its values side by side.
        functions: the vectors and what the slots do, as :mod:`.relate_slots` names them.
        asked: what these are asked for.
    """
    vectors = _Vectors(layout, slots, tuple(dict.fromkeys(keys)), functions, asked)
    answering = f"table.{layout.table.control_name}{lookup.SLOT}."
    told = {args[0] for name, calls in asked.items() if name.startswith(answering) for args in calls if args}
    near = (slot for slot in reversed(range(slots.room)) if slot in told or vectors.fails(slot) <= 1)
    rules = [_rule(vectors, slot) for slot in range(1 + next(near, -1))]
    if not needs_priority(layout.table):
        rules.sort(key=lambda rule: -sum(m.prefix_len for m in rule.matches if isinstance(m, Lpm)))
    return tuple(rules)


@dataclass(frozen=True)
class _Vectors:
    """The vectors on numbers, with the bytes that they are asked for."""

    layout: TableLayout
    slots: Slots
    keys: tuple[int, ...]
    functions: Functions
    asked: Asked

    def values(self, part: KeyPart) -> Iterator[int]:
        """The values of one of the table's keys that it is asked for."""
        widths = [each.width for each in self.layout.keys]
        return (split(key, widths)[part.index][0] for key in self.keys)

    def says(self, slot: int, part: KeyPart) -> dict[tuple[int, Test], Says]:
        """The slot's bits in the planes of one key, by byte and test."""
        planes = enumerate(self.slots.planes)
        return {(p.byte, p.test): self._says(slot, n) for n, p in planes if p.key == part.index}

    def fails(self, slot: int) -> int:
        """How many chains can be seen not to match, whatever is asked."""
        count = number = 0
        for chain in self.slots.chains:
            some = [any(self._says(slot, number + place).values()) for place in range(len(chain))]
            ok = some[0]
            for step, bit in zip(chain[1:], some[1:], strict=True):
                ok = ok and bit if step.join == "and" else ok or bit
            count += not ok
            number += len(chain)
        return count

    def _says(self, slot: int, number: int) -> Says:
        word, bit = divmod(slot, WORD_BITS)
        return {byte: bool(held >> bit & 1) for byte, held in self._words[word * len(self.slots.planes) + number]}

    @cached_property
    def _words(self) -> list[list[tuple[int, int]]]:
        """For each vector, words and planes as they are numbered: the bytes asked for, and the word there."""
        of_keys = [self._bytes_of_keys(plane) for plane in self.slots.planes]
        found = []
        for number in range(self.slots.words * len(of_keys)):
            name = vector_name(self.layout, number)
            bytes_ = dict.fromkeys([*of_keys[number % len(of_keys)], *(args[0] for args in self.asked.get(name, ()))])
            vector = self.functions.get(name)
            found.append([(byte, vector(byte) if vector is not None else 0) for byte in bytes_])
        return found

    def _bytes_of_keys(self, plane: Plane) -> list[int]:
        part = next(part for part in self.layout.keys if part.index == plane.key)
        return [value >> 8 * plane.byte & 0xFF for value in self.values(part)]


def _rule(vectors: _Vectors, slot: int) -> Rule:
    layout, functions = vectors.layout, vectors.functions
    name = f"{layout.table.control_name}{lookup.SLOT}"

    def answer(function: str) -> int:
        return functions[function](slot) if function in functions else 0

    matches = tuple(_match(layout, part, vectors.says(slot, part)) for part in layout.keys)
    if layout.selector is not None:
        held = answer_at(Selected(layout, layout.selector), name, slot, functions)
        return Rule(layout.table.control_name, matches, held, priority=slot + 1)
    number = answer(lookup.action_name(name))
    listed = [i for i, ref in enumerate(layout.table.actions) if not ref.default_only] or [0]
    part = layout.actions[number if number in listed else listed[0]]
    action = part.action.name
    args = tuple(answer(lookup.argument_name(name, action, arg.param)) for arg in part.args)
    return Rule(layout.table.control_name, matches, ActionCall(action, args), priority=slot + 1)


def _match(layout: TableLayout, part: KeyPart, says: Mapping[tuple[int, Test], Says]) -> Match:
    """A match that stands to each byte asked for as the planes say, as far as one of its kind can."""
    kind, full = layout.table.keys[part.index].match_kind, (1 << part.width) - 1
    if kind == "range":
        low, high = (_joined(part, [_ends(byte, part, says)[end] for byte in range(part.size)]) for end in (0, 1))
        return Range(low, high) if low <= high else _with_nothing_in_it(part, says)
    pairs = [_masked(says.get((byte, "masked"), {}), _most(part, byte)) for byte in range(part.size)]
    value, mask = (_joined(part, [pair[place] for pair in pairs]) for place in (0, 1))
    match kind:
        case "exact":
            return Exact(value)
        case "lpm":
            length = part.width - (full & ~mask).bit_length()
            return Lpm(value >> part.width - length << part.width - length, length)
        case "optional":
            return Ternary(0, 0) if mask != full else Ternary(value, full)
    return Ternary(value & mask, mask)


def _joined(part: KeyPart, bytes_: Sequence[int]) -> int:
    return sum(byte << 8 * place for place, byte in enumerate(bytes_)) & (1 << part.width) - 1


def _most(part: KeyPart, byte: int) -> int:
    """The greatest value of one of a key's bytes."""
    return (1 << part.width) - 1 >> 8 * byte & 0xFF


def _with_nothing_in_it(part: KeyPart, says: Mapping[tuple[int, Test], Says]) -> Range:
    """What stands for a range that nothing is in, which no rule has: a value for which no bytes are asked together, as
    its lowest one is not."""
    value = _other_than({each for (byte, _), of in says.items() if byte == 0 for each in of}, _most(part, 0))
    return Range(value, value)


def _other_than(asked: Container[int], most: int) -> int:
    """The least byte that is not asked for; 0 if all are."""
    return next((byte for byte in range(most + 1) if byte not in asked), 0)


def _masked(says: Says, most: int) -> tuple[int, int]:
    """A value, the first byte allowed, and a mask with which all are that are allowed; of which none is asked for, if
    none is allowed and a byte is left."""
    allowed = [byte for byte, ok in says.items() if ok]
    if not allowed:
        return _other_than(says, most), most
    free = 0
    for byte in allowed:
        free |= allowed[0] ^ byte
    return allowed[0], most & ~free


def _ends(byte: int, part: KeyPart, says: Mapping[tuple[int, Test], Says]) -> tuple[int, int]:
    """The byte of a range's low end and of its high end: the least and the greatest that fit."""
    most = _most(part, byte)
    if part.size == 1:
        within = says.get((byte, "within"), {})
        allowed = [each for each, ok in within.items() if ok]
        none = _other_than(within, most)
        return (min(allowed), max(allowed)) if allowed else (none, none)
    ge, gt, le, lt = (says.get((byte, test), {}) for test in ("ge", "gt", "le", "lt"))
    low = max([0, *(x + 1 for x, ok in ge.items() if not ok), *(x for x, ok in gt.items() if not ok)])
    high = min([most, *(x - 1 for x, ok in le.items() if not ok), *(x for x, ok in lt.items() if not ok)])
    return min(low, most), max(high, 0)
