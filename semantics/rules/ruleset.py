"""Rules as every target and the meaning read them, whatever format they came in.

Priorities are normalised away: :meth:`RuleSet.of` gives the entries of a table in the order in which they win. The
conventions of the formats (P4Runtime: highest number first; BMv2 CLI: lowest first; tc: lowest pref first) belong to
their readers in this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..source import NOWHERE, Span


@dataclass(frozen=True, slots=True)
class Exact:
    """``key == value``."""

    value: int


@dataclass(frozen=True, slots=True)
class Lpm:
    """The first ``prefix_len`` bits of key and value agree; longest first. Bits below the prefix are 0."""

    value: int
    prefix_len: int


@dataclass(frozen=True, slots=True)
class Ternary:
    """``key & mask == value``; ``value`` has no bit outside ``mask``. Mask 0 matches everything (also "optional")."""

    value: int
    mask: int


@dataclass(frozen=True, slots=True)
class Range:
    """``low <= key <= high``, unsigned."""

    low: int
    high: int


Match = Exact | Lpm | Ternary | Range


@dataclass(frozen=True, slots=True)
class ActionCall:
    """An action (its local ``name`` in the control, as in ``ir.Action.name``) with the control plane's arguments, in
    order, as unsigned numbers."""

    action: str
    args: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: a match per key, in the table's order, and what to do. ``priority``: as given, for printing only."""

    table: str
    """The table's control-plane name."""
    matches: tuple[Match, ...]
    action: ActionCall
    priority: int | None = None
    span: Span = field(default=NOWHERE, compare=False)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What the control plane has installed: entries per table, first winner first, and default actions that were set.

    Tables that do not appear hold only the entries of the source. The entries of the source are *in* the rule set:
    whoever makes one (:mod:`.build`) merges them in at their priority.
    """

    entries: Mapping[str, tuple[Rule, ...]]
    defaults: Mapping[str, ActionCall] = field(default_factory=dict)
    value_sets: Mapping[str, tuple[tuple[Match, ...], ...]] = field(default_factory=dict)

    def of(self, table: str) -> tuple[Rule, ...]:
        """The entries of ``table`` (control-plane name), first winner first."""
        return self.entries.get(table, ())
