"""The flows of a bridge by table, in the order in which they win."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

from ....semantics.meaning.opened import NotSuitable
from ....semantics.source import NOWHERE, Span, Unsupported
from ..artifact import Bridge, Flow, Group
from .conjunctive import FIELD, Together, asks_for_number, is_part, together
from .opened import open_flows
from .overlaps import Rivals, rivals

Conjunctions = tuple[Together, ...]
"""Flows that match together, of one priority: of each number."""
Entry = Rivals | Conjunctions


class Tables:
    """Flows by table, highest priority first; groups by number.

    Args:
        bridge: the flows and groups.
        open_from: tables of so many flows are left open; None: none is.
        name: begins the names of their functions.

    Raises:
        NotSuitable: a table cannot be left open.
        Unsupported: two flows of one priority of such a table match the same packet and do different things; or see
            :func:`.conjunctive.together`.
    """

    def __init__(self, bridge: Bridge, open_from: int | None = None, name: str = "") -> None:
        self.span: Span = bridge.flows[0].span if bridge.flows else NOWHERE
        self._groups = {group.number: group for group in bridge.groups}
        self._flows: dict[int, list[Flow]] = {}
        kept: dict[tuple[int, int, object], Flow] = {}
        for flow in bridge.flows:  # a flow replaces an earlier one with the same match and priority
            kept.pop((flow.table, flow.priority, flow.match), None)
            kept[flow.table, flow.priority, flow.match] = flow
        for flow in sorted(kept.values(), key=lambda flow: -flow.priority):
            self._flows.setdefault(flow.table, []).append(flow)
        self._entries: dict[int, list[Entry]] = {}
        large = {n: flows for n, flows in self._flows.items() if open_from is not None and len(flows) >= open_from}
        for number, flows in self._flows.items():
            self._entries[number] = _entries(flows)
            if number in large:
                _check_overlaps(self._entries[number])
        for number, flows in large.items():
            if any(is_part(flow) or any(m.field == FIELD for m in flow.match) for flow in flows):
                raise NotSuitable(f"flows of table {number} match together (conjunction)")
        self.open = {number: open_flows(number, flows, name) for number, flows in large.items()}
        """Tables of so many flows, which are left open."""

    def entries(self, table: int) -> list[Entry]:
        """What is in a table, in the order in which it wins."""
        return self._entries.get(table, [])

    def group(self, number: int, span: Span) -> Group:
        """A group. Raises Unsupported if it is not there."""
        if number not in self._groups:
            raise Unsupported(f"group {number} is not in the file (dump-groups prints groups)", span)
        return self._groups[number]


def is_rivals(entry: Entry) -> TypeGuard[Rivals]:
    """Whether it is flows that match alone."""
    return isinstance(entry[0], Flow)


def _entries(flows: Sequence[Flow]) -> list[Entry]:
    """Of one priority, flows that match alone come first."""
    alone = [flow for flow in flows if not is_part(flow) and not asks_for_number(flow)]
    found: list[Entry] = [*rivals(alone), *map(tuple, together(flows).values())]
    return sorted(found, key=lambda entry: (-entry[0].priority, not is_rivals(entry)))


def _check_overlaps(entries: Sequence[Entry]) -> None:
    """Tables that are left open know one order only."""
    for entry in entries:
        if is_rivals(entry) and len(entry) > 1:
            raise Unsupported(
                f"this flow and that of {entry[0].span} overlap at priority {entry[0].priority}: "
                "which wins is not defined",
                entry[1].span,
            )
