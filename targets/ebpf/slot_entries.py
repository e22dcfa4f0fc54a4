"""Rules for which the vectors of a table with slots say, of the keys asked, what a solver's model wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ...semantics.meaning import lookup
from ...semantics.meaning.answers import split
from ...semantics.rules.build import needs_priority
from ...semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, Ternary
from .layout import KeyPart, TableLayout
from .relate_selectors import Selected
from .relate_slots import vector_name
from .selector_entries import answer_at
from .slots import WORD_BITS, Chain, Slots

Functions = Mapping[str, Callable[..., int]]
Says = Mapping[tuple[int, str], bool]
"""What the planes of one key say of a slot: by byte and test."""


def entries_for(layout: TableLayout, slots: Slots, keys: Sequence[int], functions: Functions) -> tuple[Rule, ...]:
    """The rule in each slot, up to the last one that matches a key or fails to in one chain only.

    Args:
        layout: of a table with slots.
        slots: its search.
        keys: what the table is asked for, its values side by side.
        functions: the vectors and what the slots do, as :mod:`.relate_slots` names them.
    """
    asked = [_Asked(layout, slots, key, functions) for key in dict.fromkeys(keys)]
    count = 1 + max((each.last() for each in asked), default=-1)
    rules = [_rule(layout, slot, asked, functions) for slot in range(count)]
    if not needs_priority(layout.table):
        rules.sort(key=lambda rule: -sum(m.prefix_len for m in rule.matches if isinstance(m, Lpm)))
    return tuple(rules)


@dataclass(frozen=True)
class _Asked:
    """A key that the table is asked for, and what the vectors say of it."""

    layout: TableLayout
    slots: Slots
    key: int
    functions: Functions

    def value(self, part: KeyPart) -> int:
        """The value of one of the table's keys."""
        return split(self.key, [each.width for each in self.layout.keys])[part.index][0]

    def last(self) -> int:
        """The last slot that matches, or fails to in one chain only; -1 if there is none."""
        near = (s for s in reversed(range(self.slots.room)) if sum(not ok for _, ok in self._chains(s)) <= 1)
        return next(near, -1)

    def allows(self, slot: int, part: KeyPart) -> bool:
        """Whether the rule in a slot matches this key's value."""
        return all(ok for chain, ok in self._chains(slot) if chain[0].plane.key == part.index)

    def says(self, slot: int, part: KeyPart) -> Says:
        """The bits of a slot in the planes of one key."""
        planes = enumerate(self.slots.planes)
        return {(p.byte, p.test): self._bit(slot, n) for n, p in planes if p.key == part.index}

    def _chains(self, slot: int) -> list[tuple[Chain, bool]]:
        found, number = [], 0
        for chain in self.slots.chains:
            ok = self._bit(slot, number)
            for place, step in enumerate(chain[1:], 1):
                bit = self._bit(slot, number + place)
                ok = ok and bit if step.join == "and" else ok or bit
            found.append((chain, ok))
            number += len(chain)
        return found

    def _bit(self, slot: int, number: int) -> bool:
        plane, (word, bit) = self.slots.planes[number], divmod(slot, WORD_BITS)
        name = vector_name(self.layout, word * len(self.slots.planes) + number)
        byte = self.value(self.layout.keys[plane.key]) >> 8 * plane.byte & 0xFF
        return name in self.functions and bool(self.functions[name](byte) >> bit & 1)


def _rule(layout: TableLayout, slot: int, asked: Sequence[_Asked], functions: Functions) -> Rule:
    name = f"{layout.table.control_name}{lookup.SLOT}"

    def answer(function: str) -> int:
        return functions[function](slot) if function in functions else 0

    matches = tuple(_match(layout, part, slot, asked) for part in layout.keys)
    if layout.selector is not None:
        held = answer_at(Selected(layout, layout.selector), name, slot, functions)
        return Rule(layout.table.control_name, matches, held, priority=slot + 1)
    number = answer(lookup.action_name(name))
    listed = [i for i, ref in enumerate(layout.table.actions) if not ref.default_only] or [0]
    part = layout.actions[number if number in listed else listed[0]]
    action = part.action.name
    args = tuple(answer(lookup.argument_name(name, action, arg.param)) for arg in part.args)
    return Rule(layout.table.control_name, matches, ActionCall(action, args), priority=slot + 1)


def _match(layout: TableLayout, part: KeyPart, slot: int, asked: Sequence[_Asked]) -> Match:
    """A match of all values that the slot is to match; as for the first value asked, if it is to match none."""
    kind = layout.table.keys[part.index].match_kind
    wanted = [each.value(part) for each in asked if each.allows(slot, part)]
    if kind == "range":
        one = asked[0]
        ends = _ends(part, one.value(part), one.says(slot, part))
        low, high = (min(wanted), max(wanted)) if len(wanted) > 1 else ends
        return Range(low, max(low, high))
    full = (1 << part.width) - 1
    value = wanted[0] if wanted else _other(asked[0].value(part), asked[0].says(slot, part)) & full
    free = 0
    for each in wanted:
        free |= value ^ each
    match kind:
        case "exact":
            return Exact(value)
        case "lpm":
            length = part.width - free.bit_length()
            return Lpm(value >> part.width - length << part.width - length, length)
        case "optional":
            return Ternary(0, 0) if free else Ternary(value, full)
    return Ternary(value & ~free, full & ~free)


def _other(value: int, says: Says) -> int:
    """A value that differs in the bytes of which it is said that they are not allowed."""
    for (byte, _), allowed in says.items():
        value ^= 0 if allowed else 1 << 8 * byte
    return value


def _ends(part: KeyPart, value: int, says: Says) -> tuple[int, int]:
    """A range whose ends stand to ``value`` as the planes say, byte by byte."""
    if part.size == 1:
        value = value if says.get((0, "within")) else value ^ 1
        return value, value
    low = high = 0
    for byte in range(part.size):
        own, most = value >> 8 * byte & 0xFF, (1 << part.width) - 1 >> 8 * byte & 0xFF
        less, more = max(own - 1, 0), min(own + 1, most)
        low |= (less if says.get((byte, "gt")) else own if says[byte, "ge"] else more) << 8 * byte
        high |= (more if says.get((byte, "lt")) else own if says[byte, "le"] else less) << 8 * byte
    return low, high
