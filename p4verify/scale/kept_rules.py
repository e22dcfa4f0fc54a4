"""The rules of a program, to which single ones come and from which they go."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from dataclasses import replace

from ..semantics import ir
from ..semantics.rules.build import by_prefix, needs_priority, prefix_sum
from ..semantics.rules.read import lowest_first, read_rules
from ..semantics.rules.ruleset import Rule, RuleSet
from ..semantics.source import InputError, Span


class KeptRules:
    """A rule set that changes.

    Args:
        program: whose rules these are.
        rules: those that are there.
        lowest: whether the lowest priority wins, in the format that they were in.
    """

    def __init__(self, program: ir.Program, rules: RuleSet, *, lowest: bool) -> None:
        self._program = program
        self._rules = rules
        self._lowest = lowest
        self._tables = {table.control_name: _Entries(table, rules, lowest) for _, table in program.tables()}

    @property
    def rules(self) -> RuleSet:
        """As they are now."""
        entries = {name: tuple(table.rules) for name, table in self._tables.items() if table.rules}
        return replace(self._rules, entries=entries)

    def read(self, text: str, name: str) -> list[Rule]:
        """The entries that a text in any format of rules has. Raises InputError; Unsupported as the reader does."""
        given, own = read_rules(text, name, self._program), read_rules("", name, self._program)
        if replace(given, entries={}) != replace(own, entries={}):
            raise InputError.at(_start(name), "says more than entries of tables, which alone can come and go")
        found = []
        for table, rules in given.entries.items():
            source = set(own.of(table))
            new = [rule for rule in rules if rule not in source]
            if new and self._tables[table].by_priority and lowest_first(text) != self._lowest:
                raise InputError.at(_start(name), "has priorities of another format than the rules that are there")
            found += new
        if not found:
            raise InputError.at(_start(name), "has no entry of a table")
        return found

    def add(self, rule: Rule) -> Rule | None:
        """Put one in; the rule that it stands before. Raises ValueError."""
        return self._tables[rule.table].add(rule)

    def remove(self, like: Rule) -> Rule:
        """Take out the rule with these matches (and, where there are priorities, this one). Raises ValueError."""
        return self._tables[like.table].remove(like)


class _Entries:
    """The rules of a table, first winner first."""

    def __init__(self, table: ir.Table, rules: RuleSet, lowest: bool) -> None:
        self.by_priority = needs_priority(table)
        self._fixed = bool(table.const_entries) or (self.by_priority and bool(table.entries))
        self._rank: Callable[[Rule], int] = _nothing
        if by_prefix(table):
            self._rank = _by_prefix
        elif self.by_priority:
            self._rank = _by_number if lowest else _by_highest
        self.rules = list(rules.of(table.control_name))
        self._ranks = [] if self._fixed else [self._rank(rule) for rule in self.rules]
        self._known = {self._name(rule): rule for rule in self.rules}

    def add(self, rule: Rule) -> Rule | None:
        self._check(rule)
        if self._name(rule) in self._known:
            raise ValueError(f"table {rule.table} has this entry already")
        at = bisect_right(self._ranks, self._rank(rule))
        before = self.rules[at] if at < len(self.rules) else None
        self.rules.insert(at, rule)
        self._ranks.insert(at, self._rank(rule))
        self._known[self._name(rule)] = rule
        return before

    def remove(self, like: Rule) -> Rule:
        self._check(like)
        rule = self._known.pop(self._name(like), None)
        if rule is None:
            raise ValueError(f"table {like.table} has no such entry")
        at = next(i for i in self._equals(self._rank(rule)) if self.rules[i] is rule)
        del self.rules[at], self._ranks[at]
        return rule

    def _equals(self, rank: int) -> Iterator[int]:
        yield from range(bisect_left(self._ranks, rank), bisect_right(self._ranks, rank))

    def _check(self, rule: Rule) -> None:
        if self._fixed:
            raise ValueError(f"table {rule.table} has entries in the source: its entries cannot come and go")

    def _name(self, rule: Rule) -> object:
        return rule.matches, rule.priority if self.by_priority else None


def _nothing(_rule: Rule) -> int:
    return 0


def _by_prefix(rule: Rule) -> int:
    return -prefix_sum(rule)


def _by_number(rule: Rule) -> int:
    return rule.priority or 0


def _by_highest(rule: Rule) -> int:
    return -(rule.priority or 0)


def _start(name: str) -> Span:
    return Span(name, 1, 1)
