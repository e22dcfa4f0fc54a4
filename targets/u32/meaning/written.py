"""Filters whose actions write to the packet, or draw what they do: first the search, then the actions in order.

:mod:`.classify` takes every filter's actions for a fixed effect. Here a run of ``u32_classify`` only tells which
filters it comes to, in order; their actions are run on the packet as it is there (:mod:`...tc.meaning.actions`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.opened import Lookup
from ....semantics.meaning.ways import Tried, Way, first_match, joined, under
from ....semantics.source import NOWHERE, Unsupported
from ...tc.artifact.actions import Action, Gact, Mirred
from ...tc.meaning.actions import Machine, Result, run_actions
from ...tc.meaning.chains import NEXT_CLASSIFIER, Ways, after_actions, asked, through
from ...tc.meaning.edited import NOT_LOOKED_AT
from ...tc.meaning.packet import Skb
from ...tc.meaning.state import State
from ...tc.meaning.templates import Runnable
from ...tc.meaning.tracked import UNTRACKED
from ...tc.meaning.tunnel import NO_TUNNEL
from .classify import Budget, Search, nodes_below, table_heights
from .frame import Frame
from .install import Classifier, Installed, Node, Table
from .opened import OpenChain
from .outcome import Decision, then
from .outcome import under as decided_under

Hit = tuple[Term, Node]
"""A filter that matches, and where the search comes to it if no other one ends it."""


def writes(actions: Iterable[Action]) -> bool:
    """Whether some actions are not the same for every packet, hand it over to another device, or jump."""
    return any(not _simple(action) for action in actions)


def _simple(action: Action) -> bool:
    if not isinstance(action, Gact | Mirred) or action.control.kind == "jump":
        return False
    return isinstance(action, Gact) or not action.ingress


class Hits:
    """One packet's data under a run of ``u32_classify`` in which every filter lets the search go on."""

    def __init__(self, frame: Frame, budget: Budget, heights: dict[int, int]) -> None:
        self.frame = frame
        self.budget = budget
        self._heights = heights
        self._nodes: list[Node] = []

    def run(self, root: Table) -> list[Hit]:
        """The filters that the search comes to, in order."""
        found = Search(self, 0).run(root)
        return [(when, self._nodes[number.value]) for when, number in found.events]

    def height(self, table: Table) -> int:
        """How deep tables are nested below this one."""
        return self._heights[table.number]

    def result(self, node: Node, resets: int) -> Decision:
        """Noted as an event: the node's number."""
        self._nodes.append(node)
        return Decision(((TRUE, b.bv(len(self._nodes) - 1, 32)),))

    def either(self, condition: Term, x: Decision, y: Decision) -> Decision:
        """With the events of both, each under its condition, so that they stay numbers."""
        return then(decided_under(condition, x), decided_under(b.not_(condition), y))


class WrittenChains:
    """All ways of a packet that was received, with or without a tag, through the chains."""

    def __init__(
        self,
        installed: Installed,
        machine: Machine,
        *,
        tagged: bool,
        max_length: int,
        open_chains: Mapping[int, OpenChain] = MappingProxyType({}),
    ) -> None:
        self.installed = installed
        self.chains: dict[int, Sequence[Classifier | OpenChain]] = {
            **installed.chains,
            **{number: [chain] for number, chain in open_chains.items()},
        }
        self.lookups: list[Lookup] = []
        """Where lists that are left open are asked."""
        self.given: list[Term] = []
        """What is true of their answers."""
        self.machine = machine
        self.tagged = tagged
        self.max_length = max_length
        self.budget = Budget()
        self._heights = table_heights(installed.tables.values())
        self._hits: dict[tuple[int, Skb], list[Hit]] = {}
        self._marked: dict[int, bool] = {}

    def run(self, state: State) -> Ways:
        """How a packet fares; see :func:`...tc.meaning.chains.through`."""
        nodes = (node for t in self.installed.tables.values() for bucket in t.buckets.values() for node in bucket)
        first = min(nodes, key=lambda node: node.after, default=None)
        span = NOWHERE if first is None else first.filter.span
        return through(self.chains, self._classifier, state, span)

    def _open(self, chain: OpenChain, state: State, when: Term) -> Ways:
        """A whole chain whose filters are left open."""
        frame = Frame(_data(state.packet), tagged=self.tagged, max_length=self.max_length)

        def run(_condition: object, actions: Sequence[Runnable], reached: Term) -> list[Result]:
            return run_actions(self.machine, actions, state, chain.span, b.and_(when, reached))

        guard = b.and_(self.machine.guard, when)
        ways, lookup, given = chain.list.ways(state, guard, *chain.terms(frame), run)
        self.lookups.append(lookup)
        self.given += given
        return ways

    def _classifier(self, classifier: Classifier | OpenChain, state: State, when: Term) -> Ways:
        """``u32_classify``, where the packet is of the classifier's protocol; the others go on."""
        if isinstance(classifier, OpenChain):
            return self._open(classifier, state, when)
        reached = asked(classifier.protocol, state.packet)
        if reached is FALSE:
            return (Way(TRUE, state, NEXT_CLASSIFIER),)
        on = Way(reached, state, NEXT_CLASSIFIER)
        ways = self._filters(classifier, self._found(classifier, state.packet), on, when)
        return joined((*ways, Way(b.not_(reached), state, NEXT_CLASSIFIER)))

    def _found(self, classifier: Classifier, skb: Skb) -> list[Hit]:
        """Kept, for many packets differ in their marks only, which few filters ask for."""
        data = _data(skb)
        if self._asks_marks(classifier):
            data = replace(data, edited=replace(NOT_LOOKED_AT, mark=skb.edited.mark))
        key = (classifier.root.number, data)
        if key not in self._hits:
            frame = Frame(data, tagged=self.tagged, max_length=self.max_length)
            self._hits[key] = Hits(frame, self.budget, self._heights).run(classifier.root)
        return self._hits[key]

    def _looks_new(self, classifier: Classifier, skb: Skb, before: Skb) -> bool:
        """Whether filters may see another packet than before."""
        return _data(skb) != _data(before) or (
            skb.edited.mark is not before.edited.mark and self._asks_marks(classifier)
        )

    def _asks_marks(self, classifier: Classifier) -> bool:
        """Whether one of the filters that the search can come to asks for the mark."""
        number = classifier.root.number
        if number not in self._marked:
            nodes = nodes_below([classifier])
            self._marked[number] = any(node.filter.mark not in (None, (0, 0)) for node in nodes)
        return self._marked[number]

    def _filters(self, classifier: Classifier, hits: list[Hit], on: Way[State], when: Term) -> Ways:
        """The actions of the filters that the search comes to; ``on``: where it still goes on, and with what."""
        gone: list[Way[State]] = []
        tries: list[Tried[State]] = []
        for condition, node in hits:
            self.budget.spend(node.filter)
            reached = b.and_(on.when, condition)
            results = run_actions(self.machine, node.filter.actions, on.state, node.filter.span, b.and_(when, reached))
            found = after_actions(results, node.filter.classid or 0)
            going = [way for way in found if way.place == NEXT_CLASSIFIER]
            ending = tuple(way for way in found if way.place != NEXT_CLASSIFIER)
            if all(way.state is on.state for way in going):
                tries.append(Tried(b.and_(condition, b.or_(*(way.when for way in ending))), under(condition, ending)))
                continue
            on, tries = _settled(on, tries, gone), []
            gone += under(b.and_(on.when, condition), ending)
            ways = joined(
                (
                    Way(b.and_(on.when, b.not_(condition)), on.state, NEXT_CLASSIFIER),
                    *under(b.and_(on.when, condition), going),
                )
            )
            if any(self._looks_new(classifier, way.state.packet, on.state.packet) for way in going):
                _check_last(classifier, node)
                return (*gone, *ways)
            if not ways:
                return tuple(gone)
            (on,) = ways
        return (_settled(on, tries, gone), *gone)


def _settled(on: Way[State], tries: list[Tried[State]], gone: list[Way[State]]) -> Way[State]:
    """Where none of the tries ends the search; what they end is added to ``gone``."""
    found = first_match(tries)
    gone += under(on.when, found.ways)
    return replace(on, when=b.and_(on.when, b.not_(found.hit)))


def _data(skb: Skb) -> Skb:
    """What filters look at."""
    return replace(skb, edited=NOT_LOOKED_AT, tunnel=NO_TUNNEL, tracked=UNTRACKED)


def _check_last(classifier: Classifier, node: Node) -> None:
    """The search goes on with offsets of the packet as it was: only told where no filter follows."""
    if node is not classifier.root.nodes(0)[-1]:
        raise Unsupported(
            "a packet that is written to and goes on to the next filter of its priority", node.filter.span
        )
