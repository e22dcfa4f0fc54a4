"""The flows of a bridge by table, in the order in which they win."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from ....semantics.source import NOWHERE, Span, Unsupported
from ..artifact import Bridge, Flow, Group


class Tables:
    """Flows by table, highest priority first; groups by number.

    Raises:
        Unsupported: two flows of one priority match the same packet and do different things: which wins is not defined.
    """

    def __init__(self, bridge: Bridge) -> None:
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

    def flows(self, table: int) -> list[Flow]:
        """The flows of a table, in the order in which they win."""
        return self._flows.get(table, [])

    def group(self, number: int, span: Span) -> Group:
        """A group. Raises Unsupported if it is not there."""
        if number not in self._groups:
            raise Unsupported(f"group {number} is not in the file (dump-groups prints groups)", span)
        return self._groups[number]


def _check_overlaps(flows: list[Flow]) -> None:
    """By priority and by set of masks: flows with the same masks overlap only if they are the same."""
    by_masks: dict[int, dict[object, list[Flow]]] = defaultdict(lambda: defaultdict(list))
    for flow in flows:
        by_masks[flow.priority][tuple((m.field, m.mask) for m in flow.match)].append(flow)
    for groups in by_masks.values():
        for x, y in _pairs(list(groups.values())):
            if x.actions != y.actions and _overlap(x, y):
                raise Unsupported(
                    f"this flow and that of {x.span} overlap at priority {y.priority}: which wins is not defined",
                    y.span,
                )


def _pairs(groups: list[list[Flow]]) -> Iterator[tuple[Flow, Flow]]:
    for i, first in enumerate(groups):
        for second in groups[i + 1 :]:
            yield from ((x, y) for x in first for y in second)


def _overlap(x: Flow, y: Flow) -> bool:
    asked = {m.field: m for m in x.match}
    for m in y.match:
        other = asked.get(m.field)
        if other is not None and (other.value ^ m.value) & other.mask & m.mask:
            return False
    return True
