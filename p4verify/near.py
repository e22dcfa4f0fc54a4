"""Rules near those that a solver's answer stands for: what tables answer is put differently, one table at a time.

A machine may ask its maps what no rule decides for the solver (a trie that is asked for less than the whole key), and
then what the solver takes the map to hold need not be what any rules put there. A difference of that kind is often
there all the same, under rules close by. Whoever asks runs both sides; nothing here decides.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from .semantics import ir
from .semantics.rules.names import table_actions
from .semantics.rules.ruleset import ActionCall, RuleSet

MOST: Final = 64
"""Rule sets that are given."""


def near(rules: RuleSet, program: ir.Program) -> Iterator[RuleSet]:
    """Rule sets in which the entries of one table have another action, or its default is another, or both."""
    return itertools.islice(_near(rules, program), MOST)


def _near(rules: RuleSet, program: ir.Program) -> Iterator[RuleSet]:
    for _, table in program.tables():
        name, known = table.control_name, rules.of(table.control_name)
        if not known or not all(isinstance(rule.action, ActionCall) for rule in known):
            continue
        calls = list(_calls(program, table, default=False))
        of_default = [None] if table.const_default else [None, *_calls(program, table, default=True)]
        for call, other in itertools.product([None, *calls], of_default):
            entries = known if call is None else tuple(replace(rule, action=call) for rule in known)
            defaults = rules.defaults if other is None else {**rules.defaults, name: other}
            if call is not None or other is not None:
                yield replace(rules, entries={**rules.entries, name: entries}, defaults=defaults)


def _calls(program: ir.Program, table: ir.Table, *, default: bool) -> Iterator[ActionCall]:
    """The table's actions with arguments that are all 0, and all 1."""
    for listed in table_actions(program, table):
        if listed.ref.table_only if default else listed.ref.default_only:
            continue
        if not all(isinstance(param.type, ir.BitsType | ir.BoolType) for param in listed.params):
            continue
        for value in (0, 1) if listed.params else (0,):
            yield ActionCall(listed.action.name, tuple(value for _ in listed.params))
