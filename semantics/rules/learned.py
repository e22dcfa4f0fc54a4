"""Entries that the data plane makes (PNA's ``add_entry``): from the event that tells of one to a rule."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from .. import ir
from .build import match_keys, value_match
from .ruleset import ActionCall, Rule, RuleSet
from .values import key_bits

EVENT = "add_entry."
"""What the name of such an event begins with; the table's control-plane name follows. Its fields are the key's values,
the number of the action in the table's list, the expire time profile, and the action's arguments."""

FAILS = "whether the device can add an entry"
"""Why it is open whether the entry is made."""


def learned(program: ir.Program, name: str, fields: Sequence[int]) -> Rule | None:
    """The entry that an event tells of; None if it tells of something else."""
    if not name.startswith(EVENT):
        return None
    table = next(table for _, table in program.tables() if table.control_name == name.removeprefix(EVENT))
    keys = match_keys(table)
    values, number, args = fields[: len(keys)], fields[len(keys)], fields[len(keys) + 2 :]
    matches = [value_match(k.match_kind, v, key_bits(k.expr.type)) for k, v in zip(keys, values, strict=True)]
    return Rule(table.control_name, tuple(matches), ActionCall(table.actions[number].action, tuple(args)))


def with_learned(rules: RuleSet, more: Iterable[Rule]) -> RuleSet:
    """A rule set and entries that the data plane made: they win last, for they were made where nothing matched."""
    entries = dict(rules.entries)
    for rule in more:
        known = entries.get(rule.table, ())
        if all(old.matches != rule.matches for old in known):
            entries[rule.table] = (*known, rule)
    return replace(rules, entries=entries)
