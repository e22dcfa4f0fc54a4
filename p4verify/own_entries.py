"""Entries of tables, and contents of registers, that a control plane may change, where two sources have other ones.

Such entries are what a table holds at first. A program that is loaded with others may do something else before anybody
has changed them, though every rule set that is written into both has the same effect.
"""

from __future__ import annotations

from dataclasses import replace

from .pairing import Pairing
from .semantics.rules.build import match_keys, program_rules
from .semantics.rules.cells import initial_values
from .semantics.rules.ruleset import Match, Rule, RuleSet
from .semantics.source import Unsupported
from .table_pair import TablePair

_Told = tuple[tuple[Match, ...], object]


def with_other_entries(pairing: Pairing) -> list[TablePair]:
    """The tables that the two sources give other entries, which may be changed (in the first at least).

    Raises:
        Unsupported: what the sources' entries say is not modelled.
    """
    open_ = [p for p in pairing.tables if not p.first.const_entries and (p.first.entries or p.second.entries)]
    if not open_:
        return []
    mine, theirs = program_rules(pairing.first), program_rules(pairing.second)
    follow = pairing.second_rules(mine)

    def differ(pair: TablePair) -> bool:
        name = pair.second.control_name
        fixed = [sum(entry.const for entry in table.entries) for table in (pair.first, pair.second)]
        return fixed[0] < fixed[1] or _told(pair, follow.of(name)) != _told(pair, theirs.of(name))

    return [pair for pair in open_ if differ(pair)]


def same_registers(pairing: Pairing) -> None:
    """Raises Unsupported where the two sources give a register other values to begin with: with what both hold alike
    the two are compared, and that is not so."""
    mine = initial_values(pairing.first)
    theirs = {pairing.state_name(name): value for name, value in initial_values(pairing.second).items()}
    for second, first in pairing.instances.items():
        if mine.get(first, 0) != theirs.get(first, 0):
            reason = f"{first}: the two sources give it other values to begin with"
            raise Unsupported(reason, pairing.second.instance(second).span)


def second_content(pairing: Pairing, unlike: list[TablePair], rules: RuleSet) -> RuleSet:
    """The second program's rules where those of the first are its source's and others: the second's source's and these.

    Raises:
        Unsupported: that does not say which entry wins, or the first's own entries are not all there.
    """
    mine, theirs = program_rules(pairing.first), program_rules(pairing.second)
    found = pairing.second_rules(rules)
    entries = dict(found.entries)
    for pair in unlike:
        own, known = mine.of(pair.first.control_name), rules.of(pair.first.control_name)
        more = tuple(rule for rule in known if rule not in own)
        if not set(map(_key, own)) <= set(map(_key, known)) or (more and not _unordered(pair)):
            raise other_entries(pair)
        added = pairing.second_rules(replace(rules, entries={pair.first.control_name: more}))
        name = pair.second.control_name
        entries[name] = (*theirs.of(name), *added.of(name))
    return replace(found, entries=entries)


def other_entries(pair: TablePair) -> Unsupported:
    """That what the second program's table holds is not known."""
    name, span = pair.second.control_name, pair.second.span
    return Unsupported(f"table {name}: the two sources give it other entries, which may be changed", span)


def _told(pair: TablePair, entries: tuple[Rule, ...]) -> object:
    told: list[_Told] = [(rule.matches, rule.action) for rule in entries]
    return frozenset(told) if _unordered(pair) else told


def _key(rule: Rule) -> object:
    return rule.matches, rule.action, rule.priority


def _unordered(pair: TablePair) -> bool:
    """Whether no two entries can match one key, so that their order does not matter."""
    return all(key.match_kind == "exact" for key in match_keys(pair.second))
