"""The cells of direct counters that a model looks at, under the rules that were made for it: without rules a cell is a
key (:mod:`.semantics.arch.v1model_externs`), if a key says by itself which entry it meets; with rules it is the number
of the entry that the key meets."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from .proofs.counterexample import Input
from .proofs.engine import Model
from .semantics import ir
from .semantics.meaning.values import scalar_width
from .semantics.rules.build import found_by_key
from .semantics.rules.decide import first
from .semantics.rules.ruleset import RuleSet

_COUNTERS: Final = ("direct_counter", "DirectCounter")
_CELLS: Final = ("", ".packets", ".bytes")


def numbered(program: ir.Program, rules: RuleSet, model: Model) -> Model:
    """``model`` with numbers of entries in place of keys; a key that meets no entry becomes the one behind the last."""
    values = dict(model.values)
    for table, counter in _counting(program):
        if table.const_entries or not found_by_key(table):
            continue  # numbers already
        entries = rules.of(table.control_name)
        for name in (f"at.{counter}{cell}" for cell in _CELLS):
            if name in values:
                number = first(entries, _keys(table, values[name]))
                values[name] = len(entries) if number is None else number
    return Model(values, model.functions)


def watched(program: ir.Program, rules: RuleSet, given: Input) -> Input:
    """``given``, in which the cells of all entries are looked at where it looks at one that is an entry's number: which
    number an entry has hangs on which others there are."""
    cells = dict(given.cells)
    for table, counter in _counting(program):
        if not table.const_entries and not found_by_key(table):
            numbers = tuple(range(len(rules.of(table.control_name))))
            cells |= {name: numbers for name in (f"{counter}{cell}" for cell in _CELLS) if numbers and name in cells}
    return replace(given, cells=cells)


def _counting(program: ir.Program) -> Iterator[tuple[ir.Table, str]]:
    for _, table in program.tables():
        for item in table.properties:
            if isinstance(item.value, str) and program.instance(item.value).extern in _COUNTERS:
                yield table, item.value


def _keys(table: ir.Table, whole: int) -> list[tuple[int, int]]:
    """The keys that lie side by side in ``whole``, each with its width."""
    out: list[tuple[int, int]] = []
    for key in reversed(table.keys):
        width = max(1, scalar_width(key.expr.type) or 1)
        out.append((whole & (1 << width) - 1, width))
        whole >>= width
    return out[::-1]


__all__ = ["numbered", "watched"]
