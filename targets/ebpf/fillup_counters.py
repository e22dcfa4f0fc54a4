"""What the control plane writes for direct counters: an element of zeros for each rule of the table."""

from __future__ import annotations

from collections.abc import Container

from ...semantics import ir
from ...semantics.rules.ruleset import RuleSet
from .cells import direct_counters
from .fillup import Entries, fill_rule
from .layout import layouts


def counter_elements(program: ir.Program, rules: RuleSet, maps: Container[str] | None = None) -> dict[str, Entries]:
    """Map's name → its elements; ``maps`` as for :func:`.layout.layouts`.

    Raises:
        CannotOffload: the program itself adds rules to a table with direct counters.
    """
    out: dict[str, Entries] = {}
    for name, layout in layouts(program, rules, maps).items():
        for cells in direct_counters(program, layout):
            if not cells.of_rules or layout.baked is not None or layout.slots is not None:
                continue  # an array is full of zeros from the beginning
            zeros = bytes(cells.map.value_size)
            out[cells.map.name] = [(fill_rule(layout, rule)[0], zeros) for rule in rules.of(name)]
    return out
