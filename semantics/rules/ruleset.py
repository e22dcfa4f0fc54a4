"""Rules as every target and the meaning read them, whatever format they came in.

Priorities are normalised away: :meth:`RuleSet.of` gives the entries of a table in the order in which they win. The
conventions of the formats (P4Runtime: highest number first; BMv2 CLI: lowest first; tc: lowest pref first) belong to
their readers in this package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..source import NOWHERE, Span, Unsupported


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
class GroupRef:
    """In place of an action: one of the members of a group, chosen by the selector's key (:class:`Profile`)."""

    profile: str
    """The action selector's control-plane name."""
    group: int


Answer = ActionCall | GroupRef
"""What an entry, or a table's default, does. An entry of an action profile that names one member holds its action."""


def one_action(answer: Answer, span: Span = NOWHERE) -> ActionCall:
    """The one action of an answer. Raises Unsupported for a group: for whoever does not model selectors."""
    if isinstance(answer, GroupRef):
        raise Unsupported(f"group {answer.group} of action selector {answer.profile}", span)
    return answer


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry: a match per key, in the table's order, and what to do. ``priority``: as given, for printing only."""

    table: str
    """The table's control-plane name."""
    matches: tuple[Match, ...]
    action: Answer
    priority: int | None = None
    span: Span = field(default=NOWHERE, compare=False)

    @property
    def call(self) -> ActionCall:
        """The entry's one action. Raises Unsupported if it names a group of an action selector."""
        return one_action(self.action, self.span)


@dataclass(frozen=True, slots=True)
class Replica:
    """One copy that a multicast group or a clone session makes."""

    port: int
    instance: int = 0
    """What tells the copies apart: v1model's ``egress_rid``, PSA's and PNA's ``instance``."""


@dataclass(frozen=True, slots=True)
class Session:
    """A clone (mirror) session: where copies go, and to how many bytes they are cut (None: whole)."""

    replicas: tuple[Replica, ...]
    truncate: int | None = None


@dataclass(frozen=True, slots=True)
class Profile:
    """An action profile or selector: its members, and its groups as member ids (as often as a member's weight)."""

    members: Mapping[int, ActionCall] = field(default_factory=dict)
    groups: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """What the control plane has installed: entries per table, first winner first, and default actions that were set.

    Tables that do not appear hold only the entries of the source. The entries of the source are *in* the rule set:
    whoever makes one (:mod:`.build`) merges them in at their priority.
    """

    entries: Mapping[str, tuple[Rule, ...]]
    defaults: Mapping[str, Answer] = field(default_factory=dict)
    value_sets: Mapping[str, tuple[tuple[Match, ...], ...]] = field(default_factory=dict)
    multicast: Mapping[int, tuple[Replica, ...]] = field(default_factory=dict)
    """Multicast groups by their number."""
    sessions: Mapping[int, Session] = field(default_factory=dict)
    """Clone (mirror) sessions by their number."""
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """Action profiles and selectors by control-plane name."""
    cells: Mapping[str, Mapping[int, int]] = field(default_factory=dict)
    """What the control plane wrote into state (registers, counters): state's name → index → value."""

    def of(self, table: str) -> tuple[Rule, ...]:
        """The entries of ``table`` (control-plane name), first winner first."""
        return self.entries.get(table, ())

    def default_call(self, table: str) -> ActionCall | None:
        """The default action that was set for ``table``, if any. Raises Unsupported if it is a group."""
        answer = self.defaults.get(table)
        return one_action(answer) if answer is not None else None

    def members(self, ref: GroupRef) -> tuple[ActionCall, ...]:
        """The actions that a group chooses among, once for each unit of weight."""
        profile = self.profiles[ref.profile]
        return tuple(profile.members[member] for member in profile.groups[ref.group])
