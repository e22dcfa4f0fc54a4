"""What hangs on a table: direct counters and meters, which have a cell for each of its rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...semantics import ir
from ...semantics.source import Span

DIRECT_COUNTERS: Final = ("direct_counter", "DirectCounter")
DIRECT_METERS: Final = ("direct_meter", "DirectMeter")


def attached(program: ir.Program, table: ir.Table, externs: Sequence[str]) -> list[tuple[ir.Instance, Span]]:
    """The objects of these externs that belong to a table, each with the place that says so."""
    named = [(item.value, item.span) for item in table.properties if isinstance(item.value, str)]
    found = [(program.instance(name), span) for name, span in named]
    return [(instance, span) for instance, span in found if instance.extern in externs]
