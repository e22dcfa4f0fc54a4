"""The flows of a bridge by table, in the order in which they win."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from ....semantics.classifier import Cube, Row, TupleSpace
from ....semantics.source import NOWHERE, Span, Unsupported
from ..artifact import FIELDS, Bridge, Flow, Group
from .opened import open_flows


class Tables:
    """Flows by table, highest priority first; groups by number.

    Args:
        bridge: the flows and groups.
        open_from: tables of so many flows are left open; None: none is.
        name: begins the names of their functions.

    Raises:
        NotSuitable: a table cannot be left open.
        Unsupported: two flows of one priority match the same packet and do different things: which wins is not defined.
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
        for flows in self._flows.values():
            _check_overlaps(flows)
        large = {n: flows for n, flows in self._flows.items() if open_from is not None and len(flows) >= open_from}
        self.open = {number: open_flows(number, flows, name) for number, flows in large.items()}
        """Tables of so many flows, which are left open."""

    def flows(self, table: int) -> list[Flow]:
        """The flows of a table, in the order in which they win."""
        return self._flows.get(table, [])

    def group(self, number: int, span: Span) -> Group:
        """A group. Raises Unsupported if it is not there."""
        if number not in self._groups:
            raise Unsupported(f"group {number} is not in the file (dump-groups prints groups)", span)
        return self._groups[number]


def _check_overlaps(flows: list[Flow]) -> None:
    """By priority: a flow is looked for among those of other masks that it overlaps."""
    by_priority: dict[int, list[Flow]] = defaultdict(list)
    for flow in flows:
        by_priority[flow.priority].append(flow)
    for same in by_priority.values():
        if len({tuple((m.field, m.mask) for m in flow.match) for flow in same}) == 1:
            continue  # flows with the same masks overlap only if they are the same
        seen = TupleSpace()
        for number, flow in enumerate(same):
            cube = _cube(flow)
            for other in seen.overlapping(cube):
                if flow.actions != same[other.origin].actions:
                    raise Unsupported(
                        f"this flow and that of {same[other.origin].span} overlap at priority {flow.priority}: "
                        "which wins is not defined",
                        flow.span,
                    )
            seen.add(Row(*cube, None, number, number))


_PLACES: Final = {name: 128 * i for i, name in enumerate(FIELDS)}


def _cube(flow: Flow) -> Cube:
    """Every field at a place of its own."""
    value = mask = 0
    for m in flow.match:
        value |= m.value << _PLACES[m.field]
        mask |= m.mask << _PLACES[m.field]
    return value, mask
