"""Rule sets of any size that look like those that come with an example.

A rule set is grown by copies of the one that is there. In each copy numbers are renamed: those of ten bits or more
that are a key somewhere, by one exclusive-or for each width. So prefixes and masks keep their form, and what leads from
one table to another (a next hop's number, a VLAN) leads there in the copy as well. Ports, protocols, and numbers that
are no key (groups, addresses that are written) stay as they are, and groups keep their members.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from p4verify.semantics import ir
from p4verify.semantics.meaning.action_data import action_leaves
from p4verify.semantics.rules.build import Builder, match_keys
from p4verify.semantics.rules.ruleset import ActionCall, Exact, GroupRef, Lpm, Match, Range, Rule, RuleSet, Ternary
from p4verify.semantics.rules.values import key_bits
from p4verify.semantics.source import NOWHERE, InputError

LEAST_WIDTH: Final = 10
"""Bits of the numbers that are renamed: not ports."""
FRUITLESS: Final = 50
"""Copies in a row that bring nothing new, after which a rule set is as large as it gets."""


def grown(program: ir.Program, own: RuleSet, count: int, seed: int) -> RuleSet:
    """A rule set of ``count`` entries: a part of the program's ``own``, or more like them; no table has more than its
    size.

    Raises:
        ValueError: the program has no room for so many like that.
    """
    chance = random.Random(seed)
    builder = Builder(program)
    for name, profile in own.profiles.items():
        for member, call in profile.members.items():
            builder.profiles.set_member(name, member, call, NOWHERE, new=True)
        for group, members in profile.groups.items():
            builder.profiles.set_group(name, group, members, NOWHERE, new=True)
    tables = [table for _, table in program.tables() if match_keys(table) and not table.const_entries]
    constant = {id(rule) for table in tables for rule in own.of(table.control_name) if _of_source(table, rule)}
    rules = [(t, -i, r) for t in tables for i, r in enumerate(own.of(t.control_name)) if id(r) not in constant]
    rules.sort(key=lambda one: -one[1])  # the first of every table first: these belong together
    made = fruitless = 0
    held = Counter[str]()
    for copy in _copies(program, tables, own, chance):
        before = made
        for table, rank, rule in rules:
            if made == count:
                break
            if table.size is not None and held[table.control_name] >= table.size:
                continue
            try:
                builder.add(table, copy(table, rule), rank)
                made += 1
                held[table.control_name] += 1
            except InputError:
                continue  # the same entry twice
        if made == count:
            entries = builder.finish().entries
            return replace(own, entries=entries)
        fruitless = 0 if made > before else fruitless + 1
        if fruitless > FRUITLESS:
            break
    raise ValueError(f"{program.file} has room for {made} rules like its own")


def _of_source(table: ir.Table, rule: Rule) -> bool:
    return any(entry.span == rule.span for entry in table.entries)


class _Copy:
    """A renaming; the first one keeps every number."""

    def __init__(self, program: ir.Program, keys: frozenset[tuple[int, int]], renaming: dict[int, int]) -> None:
        self._program = program
        self._keys = keys
        self._renaming = renaming

    def __call__(self, table: ir.Table, rule: Rule) -> Rule:
        matches = tuple(
            self._match(match, key_bits(key.expr.type))
            for key, match in zip(match_keys(table), rule.matches, strict=True)
        )
        action = rule.action if isinstance(rule.action, GroupRef) else self._call(rule.call)
        return replace(rule, matches=matches, action=action)

    def _match(self, match: Match, width: int) -> Match:
        match match:
            case Exact(value):
                return Exact(self._number(value, width))
            case Lpm(value, length):
                return Lpm(self._number(value, width) & ((1 << width) - (1 << width - length)), length)
            case Ternary(value, mask):
                return Ternary(self._number(value, width) & mask, mask)
            case Range():
                return match

    def _call(self, call: ActionCall) -> ActionCall:
        controls = [control for control in self._program.controls for a in control.actions if a.name == call.action]
        action = next(a for c in (*controls, self._program) for a in c.actions if a.name == call.action)
        args = (
            self._number(arg, width) if (width, arg) in self._keys else arg
            for arg, (_, width) in zip(call.args, action_leaves(action), strict=True)
        )
        return ActionCall(call.action, tuple(args))

    def _number(self, value: int, width: int) -> int:
        return value ^ self._renaming.get(width, 0) if width >= LEAST_WIDTH else value


def _copies(program: ir.Program, tables: list[ir.Table], own: RuleSet, chance: random.Random) -> Iterator[_Copy]:
    keys = frozenset(
        (key_bits(key.expr.type), match.value)
        for table in tables
        for rule in own.of(table.control_name)
        for key, match in zip(match_keys(table), rule.matches, strict=True)
        if not isinstance(match, Range)
    )
    yield _Copy(program, keys, {})
    widths = sorted({width for width, _ in keys})
    while True:
        yield _Copy(program, keys, {width: chance.getrandbits(width) for width in widths})
