"""Rules that do not depend on keys which are undefined wherever they are read.

A program may look up metadata that nobody has set. Rules whose answer does not depend on it leave no choice to whoever
runs the program. In a table they are entries that match every value of such keys: with a mask, a range or a prefix of
no bits, or, of exact keys, one entry for each value.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Final

from .pairing_words import key_parts
from .realise import CannotRealise
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning.answers import widths_of
from .semantics.rules.build import SELECTOR
from .semantics.rules.ruleset import Exact, Lpm, Match, Range, Rule, RuleSet, Ternary

MOST_ENTRIES: Final = 1 << 14
"""Entries that one entry for every value may become."""

EVERY: Final = Ternary(0, 0)
"""Stands for every value of a key of any kind, in rules that are only asked and never installed."""


@dataclass(frozen=True)
class UndefinedKeys:
    """Of a program's tables: the positions of keys that hold nothing but undefined values, wherever they are asked."""

    program: ir.Program
    positions: Mapping[str, frozenset[int]]

    @classmethod
    def of(
        cls, program: ir.Program, calls: Iterable[Term], choices: frozenset[Term], before: str = ""
    ) -> UndefinedKeys:
        """By the calls of lookups, whose names have ``before`` in front."""
        tables = {table.control_name: table for _, table in program.tables()}
        found: dict[str, frozenset[int]] = {}
        for call in calls:
            name = call.name.removeprefix(f"{before}table.").removesuffix(".hit")
            table = tables.get(name)
            if table is None or not call.args or any(key.match_kind == SELECTOR for key in table.keys):
                continue
            parts = key_parts(call.args[0], widths_of(table.keys))
            here = frozenset(k for k, part in enumerate(parts) if part in choices)
            found[name] = found.get(name, here) & here
        return cls(program, {name: where for name, where in found.items() if where})

    def functions(self, terms: Iterable[Term], before: str = "") -> dict[str, Callable[..., Term]]:
        """The lookups in ``terms``, asked with zeros for these keys."""
        tables = {table.control_name: table for _, table in self.program.tables()}
        found: dict[str, Callable[..., Term]] = {}
        for call in b.applications(*terms):
            for name, where in self.positions.items():
                if call.args and call.name.startswith(f"{before}table.{name}."):
                    widths = widths_of(tables[name].keys)
                    found[call.name] = partial(_asked_without, call, widths, where)
        return found

    def open(self, rules: RuleSet) -> RuleSet:
        """The same rules, with every value of these keys."""

        def opened(rule: Rule, where: frozenset[int]) -> Rule:
            return replace(rule, matches=tuple(EVERY if k in where else m for k, m in enumerate(rule.matches)))

        entries = {
            name: tuple(opened(rule, self.positions.get(name, frozenset())) for rule in known)
            for name, known in rules.entries.items()
        }
        return replace(rules, entries=entries)

    def installed(self, rules: RuleSet) -> RuleSet:
        """Such rules as entries that their tables can hold.

        Raises:
            CannotRealise: they are more than a table has room for.
        """
        tables = {table.control_name: table for _, table in self.program.tables()}
        entries = dict(rules.entries)
        for name, where in self.positions.items():
            table = tables[name]
            ways = [_every(table.keys[k], width) for k, width in enumerate(widths_of(table.keys)) if k in where]
            count = 1
            for way in ways:
                count *= len(way)
            known = rules.of(name)
            if len(known) * count > min(MOST_ENTRIES, table.size or MOST_ENTRIES):
                raise CannotRealise(f"table {name} has no room for an entry for every value of a key")
            made = []
            for rule in known:
                for values in product(*ways):
                    filled = dict(zip(sorted(where), values, strict=True))
                    matches = tuple(filled.get(k, match) for k, match in enumerate(rule.matches))
                    made.append(replace(rule, matches=matches))
            if made:
                entries[name] = tuple(made)
        return replace(rules, entries=entries)


def _asked_without(call: Term, widths: list[int], where: frozenset[int], key: Term) -> Term:
    parts = key_parts(key, widths)
    kept = [b.bv(0, part.width) if k in where else part for k, part in enumerate(parts) if part is not None]
    return b.apply(call.name, call.sort, b.concat(*kept))


def _every(key: ir.Key, width: int) -> Sequence[Match]:
    """The matches of a key that take in every value together."""
    match key.match_kind:
        case "lpm":
            return [Lpm(0, 0)]
        case "range":
            return [Range(0, (1 << width) - 1)]
        case "exact":
            if 1 << width > MOST_ENTRIES:
                raise CannotRealise(f"too many values of key {key.name}")
            return [Exact(value) for value in range(1 << width)]
    return [Ternary(0, 0)]
