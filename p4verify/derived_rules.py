"""The entries of a derived table, made from those of its sources (:mod:`.derived`).

Entries of the sources are combined pairwise in the order in which they win; a combination matches what all of its parts
match. Where a source has no entry its default action stands in, last. The first combination that a key meets is then
the one of the entries that win in the sources, so the order is the one in which the table's entries win.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Final

from .derived import Derived, Source
from .semantics import ir
from .semantics.meaning.answers import number_of
from .semantics.meaning.tables import table_actions
from .semantics.rules.build import by_prefix, default_call, needs_priority, value_match
from .semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary, one_action
from .semantics.rules.values import key_bits
from .semantics.source import Unsupported

MOST_ENTRIES: Final = 100_000

_Entry = tuple[Mapping[int, Match], ActionCall, bool]
"""Matches by the position of the table's key, what is done, and whether it is an entry (else the default)."""


def derived_entries(derived: Derived, first: ir.Program, rules: RuleSet) -> tuple[Rule, ...]:
    """The table's entries, first winner first.

    Raises:
        Unsupported: a group of an action selector among the rules, or more entries than can be made, or than fit.
    """
    table = derived.second
    if not table.keys:
        return ()
    several = [list(_entries(derived, source, first, rules)) for source in derived.sources]
    count = 1
    for entries in several:
        count *= len(entries)
    if count > MOST_ENTRIES:
        raise Unsupported(f"table {table.control_name}: {count} combinations of entries", table.span)
    found: dict[tuple[Match, ...], ActionCall] = {}
    for parts in product(*several):
        call = _call(derived, [call for _, call, _ in parts]) if any(entry for _, _, entry in parts) else None
        matches = _all(table, [m for m, _, _ in parts])
        if call is not None and matches is not None:
            found.setdefault(matches, call)
    if table.size is not None and len(found) > table.size:
        raise Unsupported(f"table {table.control_name} has room for {table.size} entries, {len(found)} are needed")
    ranked = needs_priority(table)
    made = [
        Rule(table.control_name, matches, call, len(found) - rank if ranked else None)
        for rank, (matches, call) in enumerate(found.items())
    ]
    return tuple(sorted(made, key=_generality) if by_prefix(table) else made)


def derived_default(derived: Derived, first: ir.Program, rules: RuleSet) -> ActionCall | None:
    """What the table's default action has to be set to; None if nobody can set it."""
    if derived.second.const_default:
        return None
    return _call(derived, [_default(source, first, rules) for source in derived.sources])


def _entries(derived: Derived, source: Source, first: ir.Program, rules: RuleSet) -> Iterator[_Entry]:
    kinds = [(k, derived.second.keys[k]) for k in source.keys]
    for rule in rules.of(source.table.control_name) if source.table.keys else ():
        matches = {k: _as(match, key) for (k, key), match in zip(kinds, rule.matches, strict=True)}
        yield matches, rule.call, True
    if derived.defaults_count:
        yield {}, _default(source, first, rules), False


def _default(source: Source, first: ir.Program, rules: RuleSet) -> ActionCall:
    answer = None if source.table.const_default else rules.defaults.get(source.table.control_name)
    return default_call(first, source.table) if answer is None else one_action(answer)


def _call(derived: Derived, calls: list[ActionCall]) -> ActionCall | None:
    numbers = tuple(number_of(s.table, call.action) for s, call in zip(derived.sources, calls, strict=True))
    way = derived.ways[numbers]
    if way.number is None:
        return None
    args = tuple(calls[at].args[leaf] for at, leaf in way.leaves)
    return ActionCall(table_actions(derived.second)[way.number].action, args)


# --- matches --------------------------------------------------------------------------------------------------------


def _as(match: Match, key: ir.Key) -> Match:
    """A match of a source as one of the table's key."""
    width = key_bits(key.expr.type, key.span)
    if isinstance(match, Exact):
        return value_match(key.match_kind, match.value, width)
    if isinstance(match, Lpm) and key.match_kind != "lpm":
        return Ternary(match.value, ((1 << match.prefix_len) - 1) << (width - match.prefix_len))
    return match


def _all(table: ir.Table, parts: list[Mapping[int, Match]]) -> tuple[Match, ...] | None:
    """What all parts match, for each key; None for nothing."""
    found = []
    for k, key in enumerate(table.keys):
        width = key_bits(key.expr.type, key.span)
        match: Match | None = None
        for part in parts:
            if k in part:
                match = part[k] if match is None else _both(match, part[k], width)
                if match is None:
                    return None
        if match is None:
            match = Range(0, (1 << width) - 1) if key.match_kind == "range" else Ternary(0, 0)
        found.append(match)
    return tuple(found)


def _both(x: Match, y: Match, width: int) -> Match | None:
    """What two matches of a kind both match; None for nothing."""
    match x, y:
        case Exact(), Exact():
            return x if x == y else None
        case Range(low, high), Range(other, last):
            return Range(max(low, other), min(high, last)) if max(low, other) <= min(high, last) else None
        case Lpm(value, length), Lpm(other, more):
            apart = width - min(length, more)
            return None if (value ^ other) >> apart else (x if length >= more else y)
        case Ternary(value, mask), Ternary(other, bits):
            return None if (value ^ other) & mask & bits else Ternary(value | other, mask | bits)
    raise ValueError(f"{x} and {y} are of two kinds")


def _generality(rule: Rule) -> int:
    """Less for longer prefixes."""
    return -sum(match.prefix_len for match in rule.matches if isinstance(match, Lpm))
