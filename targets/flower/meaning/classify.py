"""The search: ``__tcf_classify`` (``net/sched/cls_api.c``) and ``fl_classify`` (``net/sched/cls_flower.c``), 6.1."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.ways import Tried, Way, first_match, joined, under
from ....semantics.source import NOWHERE, Unsupported
from ...tc.artifact.actions import Csum, Pedit
from ...tc.meaning.actions import Machine, Result, run_actions
from ...tc.meaning.chains import MAX_RESETS, NEXT_CLASSIFIER, Ways, after_actions, asked, through
from ...tc.meaning.packet import Skb
from ...tc.meaning.state import State
from ..artifact import FlowerFilter
from .dissect import Dissection
from .install import Classifier, Mask, types_of
from .match import matches

MAX_VISITS: Final = 2_000
"""Filters that packets meet which were written to or came from another chain: a bound on the size of the meaning."""
NEXT_MASK: Final = -3
"""Where a way goes on, beside those of every classifier."""


@dataclass
class Search:
    """All ways of a packet through the chains."""

    chains: dict[int, list[Classifier]]
    machine: Machine
    visits: int = 0

    def __post_init__(self) -> None:
        self._first: State | None = None
        self._span = next((f.span for c in self.chains.values() for f in _filters(c)), NOWHERE)
        self._dissected: dict[tuple[int, tuple[int, ...]], tuple[Skb, Dissection]] = {}

    def run(self, state: State) -> Ways:
        """How a packet fares that enters chain 0: ways that have ended, of which one is always taken."""
        self._first = state
        return through(self.chains, self._classifier, state, self._span)

    def _classifier(self, classifier: Classifier, state: State, when: Term) -> Ways:
        """``fl_classify``, where the packet is of the classifier's protocol; the others go on."""
        skb = state.packet
        reached = asked(classifier.protocol, skb)
        if reached is FALSE:
            return (Way(TRUE, state, NEXT_CLASSIFIER),)
        tries = [self._mask(mask, state, b.and_(when, reached)) for mask in classifier.masks.values()]
        found = first_match([self._skipping(t) for t in tries])
        hit = b.and_(reached, found.hit)
        return joined((*under(reached, found.ways), Way(b.not_(hit), state, NEXT_CLASSIFIER)))

    @staticmethod
    def _skipping(tried: Tried[State]) -> Tried[State]:
        """A filter that software does not run ends the search in its mask only."""
        kept = tuple(way for way in tried.ways if way.place != NEXT_MASK)
        if len(kept) == len(tried.ways):
            return tried
        return Tried(b.or_(*(way.when for way in kept)), kept)

    def _mask(self, mask: Mask, state: State, when: Term) -> Tried[State]:
        """``fl_mask_lookup``: without ranges at most one filter has the packet's masked keys."""
        tries = []
        for filter_ in mask.filters:
            self._count(filter_, state)
            if filter_.skip_sw and not mask.ranged:
                continue
            found = self._dissection(state.packet, types_of(filter_))
            match = matches(filter_, found)
            for text, outside in found.outside.items():
                reached = b.and_(when, found.types)
                self.machine.assume(text, b.not_(b.and_(reached, outside)))
            if match is FALSE:
                continue
            tries.append(Tried(match, under(match, self._result(filter_, state, b.and_(when, match)))))
        return first_match(tries)

    def _count(self, filter_: FlowerFilter, state: State) -> None:
        if state is not self._first:
            self.visits += 1
            if self.visits > MAX_VISITS:
                raise Unsupported(
                    f"more than {MAX_VISITS} filters on the ways of packets that were written to", filter_.span
                )

    def _dissection(self, skb: Skb, types: tuple[int, ...]) -> Dissection:
        """Kept, for many filters look at one packet (which is kept too, so that its number stays its own)."""
        key = (id(skb), types)
        if key not in self._dissected:
            self._dissected[key] = (skb, Dissection(skb, types))
        return self._dissected[key][1]

    def _run(self, filter_: FlowerFilter, state: State, when: Term) -> list[Result]:
        """The actions on a packet that matches, so that its type is known: writing needs not ask for it again."""
        skb = state.packet
        types = types_of(filter_)
        place = 0 if skb.tag is None else 1
        if len(types) <= place or not any(isinstance(a, Pedit | Csum) for a in filter_.actions):
            return run_actions(self.machine, filter_.actions, state, filter_.span, when)
        known = b.bv(types[place], 16)
        narrow = replace(state, skb=replace(skb, protocol=known))
        results = run_actions(self.machine, filter_.actions, narrow, filter_.span, when)
        return [replace(result, state=_widened(result.state, known, skb.protocol)) for result in results]

    def _result(self, filter_: FlowerFilter, state: State, when: Term) -> Ways:
        """What a filter that matches does."""
        if filter_.skip_sw:
            return (Way(TRUE, state, NEXT_MASK),)
        return after_actions(self._run(filter_, state, when), _classid(filter_))


def _widened(state: State, known: Term, protocol: Term) -> State:
    """With the term of the type again, which is what is known of it: so it can be merged with others."""
    skb = state.packet
    return replace(state, skb=replace(skb, protocol=protocol)) if skb.protocol is known else state


def _filters(classifiers: list[Classifier]) -> Iterator[FlowerFilter]:
    for classifier in classifiers:
        for mask in classifier.masks.values():
            yield from mask.filters


def _classid(filter_: FlowerFilter) -> int:
    """``hw_tc N`` is a class id of the ingress qdisc (``TC_H_MIN_PRIORITY + N``)."""
    return 0xFFFFFFE0 + filter_.hw_tc if filter_.hw_tc is not None else filter_.classid or 0


__all__ = ["MAX_RESETS", "Search"]
