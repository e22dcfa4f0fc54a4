"""The search: ``__tcf_classify`` (``net/sched/cls_api.c``) and ``fl_classify`` (``net/sched/cls_flower.c``), 6.1."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.opened import Lookup
from ....semantics.meaning.ways import Tried, Way, first_match, joined, under
from ....semantics.source import NOWHERE, Unsupported
from ...tc.artifact.actions import Csum, Pedit
from ...tc.meaning.actions import Machine, Result, run_actions
from ...tc.meaning.chains import MAX_RESETS, NEXT_CLASSIFIER, Ways, after_actions, asked, through
from ...tc.meaning.packet import Skb
from ...tc.meaning.state import State
from ...tc.meaning.templates import Runnable, WriteWords
from ..artifact import FlowerFilter, types_of
from .dissect import Dissection
from .install import Classifier, Mask
from .match import matches
from .opened import OpenChain

MAX_VISITS: Final = 2_000
"""Filters that packets meet which were written to or came from another chain: a bound on the size of the meaning."""
NEXT_MASK: Final = -3
"""Where a way goes on, beside those of every classifier."""


@dataclass
class Search:
    """All ways of a packet through the chains."""

    chains: Mapping[int, Sequence[Classifier | OpenChain]]
    machine: Machine
    visits: int = 0

    def __post_init__(self) -> None:
        self._first: State | None = None
        self._span = next((f.span for c in self.chains.values() for f in _filters(c)), NOWHERE)
        self.lookups: list[Lookup] = []
        """Where lists that are left open are asked."""
        self.given: list[Term] = []
        """What is true of their answers."""
        self._dissected: dict[tuple[int, tuple[int, ...]], tuple[Skb, Dissection]] = {}

    def run(self, state: State) -> Ways:
        """How a packet fares that enters chain 0: ways that have ended, of which one is always taken."""
        self._first = state
        return through(self.chains, self._classifier, state, self._span)

    def _classifier(self, classifier: Classifier | OpenChain, state: State, when: Term) -> Ways:
        """``fl_classify``, where the packet is of the classifier's protocol; the others go on."""
        skb = state.packet
        if isinstance(classifier, OpenChain):
            return self._open(classifier, state, when)
        reached = asked(classifier.protocol, skb)
        if reached is FALSE:
            return (Way(TRUE, state, NEXT_CLASSIFIER),)
        tries = [self._mask(mask, state, b.and_(when, reached)) for mask in classifier.masks.values()]
        found = first_match([self._skipping(t) for t in tries])
        hit = b.and_(reached, found.hit)
        return joined((*under(reached, found.ways), Way(b.not_(hit), state, NEXT_CLASSIFIER)))

    def _open(self, chain: OpenChain, state: State, when: Term) -> Ways:
        """A whole chain whose filters are left open."""
        skb, guard = state.packet, b.and_(self.machine.guard, when)

        def run(condition: Hashable, actions: Sequence[Runnable], reached: Term) -> list[Result]:
            like = chain.likes[condition]
            return self._run(like, state, b.and_(when, reached), actions)

        found = chain.terms(lambda types: self._dissection(skb, types), skb)
        for types in chain.types:  # what is not modelled is known once fields have been asked for
            self._assume_modelled(self._dissection(skb, types), when)
        ways, lookup, given = chain.list.ways(state, guard, *found, run)
        self.lookups.append(lookup)
        self.given += given
        return ways

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
            self._assume_modelled(found, when)
            if match is FALSE:
                continue
            tries.append(Tried(match, under(match, self._result(filter_, state, b.and_(when, match)))))
        return first_match(tries)

    def _assume_modelled(self, found: Dissection, when: Term) -> None:
        for text, outside in found.outside.items():
            self.machine.assume(text, b.not_(b.and_(when, found.types, outside)))

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

    def _run(
        self, filter_: FlowerFilter, state: State, when: Term, actions: Sequence[Runnable] | None = None
    ) -> list[Result]:
        """The actions (its own, if no others are given) on a packet that matches, so that its type is known: writing
        needs not ask for it again."""
        actions = filter_.actions if actions is None else actions
        skb = state.packet
        types = types_of(filter_)
        place = 0 if skb.tag is None else 1
        if len(types) <= place or not any(isinstance(a, Pedit | WriteWords | Csum) for a in actions):
            return run_actions(self.machine, actions, state, filter_.span, when)
        known = b.bv(types[place], 16)
        narrow = replace(state, skb=replace(skb, protocol=known))
        results = run_actions(self.machine, actions, narrow, filter_.span, when)
        return [replace(result, state=_widened(result.state, known, skb.protocol)) for result in results]

    def _result(self, filter_: FlowerFilter, state: State, when: Term) -> Ways:
        """What a filter that matches does."""
        if filter_.skip_sw:
            return (Way(TRUE, state, NEXT_MASK),)
        return after_actions(self._run(filter_, state, when), filter_.class_kept)


def _widened(state: State, known: Term, protocol: Term) -> State:
    """With the term of the type again, which is what is known of it: so it can be merged with others."""
    skb = state.packet
    return replace(state, skb=replace(skb, protocol=protocol)) if skb.protocol is known else state


def _filters(classifiers: Sequence[Classifier | OpenChain]) -> Iterator[FlowerFilter]:
    for classifier in classifiers:
        if isinstance(classifier, OpenChain):
            yield from classifier.filters
            continue
        for mask in classifier.masks.values():
            yield from mask.filters


__all__ = ["MAX_RESETS", "Search"]
