"""Flows that match together: ``conjunction(ID, K/N)``.

Source: ``classifier_lookup__`` of ``lib/classifier.c``, Open vSwitch 3.1.

A flow with such actions is never executed. Where, of one priority, one flow of each clause of an ID matches, and no
other flow of that priority or a higher one does, the table is asked again, as if the packet had the field ``conj_id``
with that number, and without these flows; if nothing is found then, the search goes on with lower priorities.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ....semantics.source import Unsupported
from ..artifact import Conjunction, Flow, Masked
from .overlaps import Rivals, rivals

FIELD = "conj_id"


@dataclass(frozen=True, slots=True)
class Together:
    """The flows of one number at one priority, clause by clause; every clause has one or more."""

    number: int
    priority: int
    clauses: tuple[tuple[Flow, ...], ...]
    leads_to: tuple[Rivals, ...]
    """What the table may find when it is asked again, in the order in which they win."""

    @property
    def first(self) -> Flow:
        """One of them, to name the place."""
        return self.clauses[0][0]

    def does_as(self, other: Together) -> bool:
        """Whether it makes no difference which of two is found."""
        mine, theirs = ([[_plain(flow) for flow in several] for several in those.leads_to] for those in (self, other))
        return mine == theirs


def is_part(flow: Flow) -> bool:
    """Whether a flow is one of those that match together."""
    return any(isinstance(action, Conjunction) for action in flow.actions)


def together(flows: Sequence[Flow]) -> dict[int, list[Together]]:
    """Of the flows of a table, in the order in which they win: those that match together, by priority.

    Raises:
        Unsupported: numbers of clauses that do not fit together, or one flow in two clauses of one number: what the
            switch does then depends on how it keeps its flows.
    """
    hidden = [flow for flow in flows if is_part(flow)]
    others = [flow for flow in flows if not is_part(flow) and not _is_hidden(flow, hidden)]
    parts: dict[tuple[int, int], dict[int, list[Flow]]] = {}
    clauses: dict[tuple[int, int], int] = {}
    for flow in flows:
        for action in _conjunctions(flow):
            of = flow.priority, action.number
            if clauses.setdefault(of, action.clauses) != action.clauses:
                raise Unsupported(f"conjunction {action.number} has two numbers of clauses", flow.span)
            listed = parts.setdefault(of, {})
            if any(flow in there for there in listed.values()):
                raise Unsupported(f"a flow in two clauses of conjunction {action.number}", flow.span)
            listed.setdefault(action.clause, []).append(flow)
    found: dict[int, list[Together]] = {}
    for (priority, number), listed in parts.items():
        if len(listed) == clauses[priority, number]:
            whole = tuple(tuple(listed[clause]) for clause in sorted(listed))
            leads = tuple(rivals([flow for flow in others if _may_follow(flow, number, priority)]))
            found.setdefault(priority, []).append(Together(number, priority, whole, leads))
    return found


def asks_for_number(flow: Flow) -> bool:
    """Whether only a table that is asked again can find a flow: ``conj_id`` is 0 otherwise."""
    return any(m.field == FIELD and m.value for m in flow.match)


def _is_hidden(flow: Flow, parts: Sequence[Flow]) -> bool:
    """Whether one of those that match together has the same match and a higher priority: of flows with the same match a
    subtable shows the first only, and a table that is asked again does not look behind it."""
    return any(part.match == flow.match and part.priority > flow.priority for part in parts)


def _conjunctions(flow: Flow) -> Iterator[Conjunction]:
    return (action for action in flow.actions if isinstance(action, Conjunction))


def _may_follow(flow: Flow, number: int, priority: int) -> bool:
    """Whether it can be what is found the second time: one that asks for no number was not found the first time."""
    asked = next((m for m in flow.match if m.field == FIELD), None)
    return flow.priority < priority if asked is None else asked.value == number


def _plain(flow: Flow) -> tuple[int, tuple[Masked, ...], object]:
    return flow.priority, tuple(m for m in flow.match if m.field != FIELD), flow.actions
