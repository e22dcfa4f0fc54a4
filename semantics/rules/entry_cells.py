"""Cells that belong to entries: direct counters, whose cells bear the entries' numbers in the order in which they win.

Whoever keeps such cells while entries come and go has to renumber them: an entry keeps what it has counted, a new one
begins with 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .. import ir
from .cells import cell_names, find_cells_of
from .ruleset import Rule, RuleSet

Cells = Mapping[str, Mapping[int, int]]
"""State's name → index → value."""


def renumbered(program: ir.Program, cells: Cells, before: RuleSet, after: RuleSet) -> dict[str, dict[int, int]]:
    """The cells as they are numbered under the entries ``after``. An entry is known by its matches and its priority."""
    result = {name: dict(values) for name, values in cells.items()}
    for table, name in _direct(program):
        old, new = before.of(table), after.of(table)
        if old != new and name in result:
            numbers = {_identity(rule): i for i, rule in enumerate(new)}
            moved = ((numbers.get(_identity(old[i])), value) for i, value in result[name].items() if i < len(old))
            result[name] = {number: value for number, value in moved if number is not None}
    return result


def _identity(rule: Rule) -> tuple[object, ...]:
    return rule.matches, rule.priority


def direct_counters(program: ir.Program, table: ir.Table) -> dict[str, str]:
    """The states that a table's direct counters are: name → ``packets`` or ``bytes``."""
    known = {c.name: c for c in find_cells_of(program, "counter") if c.size is None}
    named = [item.value for item in table.properties if isinstance(item.value, str)]
    return {name: unit for value in named if value in known for name, unit in cell_names(known[value]).items()}


def _direct(program: ir.Program) -> Iterator[tuple[str, str]]:
    """Each table with a direct counter, and the name of a state that this is."""
    for _, table in program.tables():
        for name in direct_counters(program, table):
            yield table.control_name, name
