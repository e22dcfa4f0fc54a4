"""Drafts to filters: nodes get chains, orders priorities; what no packet reaches goes.

A chain whose first filter takes all packets is not made: who would go there does what that filter does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from ...base import CannotOffload
from ...tc.artifact.actions import MAX_ACTIONS, Gact, Police, goto_chain
from ..artifact import FlowerFilter
from .context import FlowerContext
from .drafts import Draft, Node
from .lines import Does, Line, useful
from .matches import ALL, matches

MAX_RESETS: Final = 16
"""``max_reclassify_loop`` (``net/sched/cls_api.c``): so often a packet goes to another chain."""
MAX_PREF: Final = 0xFF00
MAX_FILTERS: Final = 200_000


def assemble(context: FlowerContext, start: Node) -> tuple[FlowerFilter, ...]:
    """The filters of all nodes that packets reach. Raises CannotOffload if there is too much of something."""
    assembler = _Assembler(context)
    first = assembler.lines(start)
    order = assembler.order(start)
    chains = {node: number for number, node in enumerate(order)}
    found: list[FlowerFilter] = []
    for node in order:
        lines = first if node is start else assembler.lines(node)
        found += _filters(lines, chains[node], chains)
        if len(found) > MAX_FILTERS:
            raise CannotOffload(f"more than {MAX_FILTERS} filters", lines[0].does.span)
    return tuple(found)


class _Assembler:
    def __init__(self, context: FlowerContext) -> None:
        self.context = context
        self._lines: dict[Node, list[Line]] = {}

    def lines(self, node: Node) -> list[Line]:
        """The filters that a node needs; where they lead to is settled first."""
        if node not in self._lines:
            self._lines[node] = self._made(node)
        return self._lines[node]

    def _made(self, node: Node) -> list[Line]:
        found = []
        for draft in sorted(node.drafts, key=lambda d: d.order):
            asked = list(matches(self.context, draft))
            does = self._does(draft, alone=len(asked) == 1 and draft.target is not None and draft.target.leads == 1)
            found += [Line(one, does) for one in asked]
        return useful(found)

    def _does(self, draft: Draft, *, alone: bool) -> Does:
        """What a filter does. A rate is for all packets of its chain together; ``alone``: for those of one filter."""
        if draft.target is not None:
            behind = self.lines(draft.target)[0]
            if behind.asked == ALL and (alone or not any(isinstance(a, Police) for a in behind.does.actions)):
                return replace(behind.does, actions=(*draft.actions, *behind.does.actions))
        return Does(draft.actions, draft.target, draft.span)

    def order(self, start: Node) -> list[Node]:
        """The nodes that packets come to, by how many they have been through at most. Raises CannotOffload."""
        depth = {start: 0}
        todo = [start]
        while todo:
            node = todo.pop()
            for line in self.lines(node):
                target = line.does.target
                if target is None or depth.get(target, -1) > depth[node]:
                    continue
                depth[target] = depth[node] + 1
                todo.append(target)
                if depth[target] > MAX_RESETS:
                    raise CannotOffload(
                        f"more than {MAX_RESETS} chains on one way, after which the kernel drops", line.does.span
                    )
        return sorted(depth, key=lambda node: depth[node])


def _filters(lines: Sequence[Line], chain: int, chains: dict[Node, int]) -> Iterator[FlowerFilter]:
    """Filters one after the other that ask for the same bits exclude one another and share a priority."""
    pref, before = 0, None
    for line in lines:
        shape = line.asked.shape
        pref += shape != before
        before = shape
        if pref > MAX_PREF:
            raise CannotOffload(f"more than {MAX_PREF} priorities in one chain", line.does.span)
        actions = line.does.actions
        if line.does.target is not None:
            actions = (*actions, Gact(goto_chain(chains[line.does.target])))
        if len(actions) > MAX_ACTIONS:
            raise CannotOffload(f"{len(actions)} actions; tc takes {MAX_ACTIONS}", line.does.span)
        yield FlowerFilter(
            pref, line.asked.protocol, line.asked.keys, actions, chain, indev=line.asked.indev, span=line.does.span
        )
