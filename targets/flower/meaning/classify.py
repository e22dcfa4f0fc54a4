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
from ...tc.artifact.protocols import ETH_P_ALL
from ...tc.meaning.actions import GONE, Machine, Result, run_actions
from ...tc.meaning.packet import VLAN_TYPES, Skb, received
from ...tc.meaning.state import State
from ..artifact import FlowerFilter
from .dissect import Dissection
from .install import Classifier, Mask, types_of
from .match import matches

MAX_RESETS: Final = 16
"""``max_reclassify_loop``: so often a packet goes to another chain or starts again; then it is dropped."""
MAX_VISITS: Final = 2_000
"""Filters that packets meet which were written to or came from another chain: a bound on the size of the meaning."""
MAX_WRITTEN_RESETS: Final = 6
"""So often a packet may go to another chain after it was written to: circles make terms that grow and grow."""
ENDED, NEXT_CLASSIFIER, NEXT_MASK = -1, -2, -3
"""Where a way goes on, beside the numbers of chains."""
NO_CLASS: Final = 0
_PLAIN: Final = received(tagged=False)

Ways = tuple[Way[State], ...]


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

    def run(self, state: State) -> State:
        """How a packet fares that enters chain 0; its way has ended in the state that is given back."""
        self._first = state
        ended: list[Way[State]] = []
        waiting: dict[int, Ways] = {0: (Way(TRUE, state),)}
        for resets in range(MAX_RESETS + 1):
            arrived: list[Way[State]] = []
            for chain, ways in waiting.items():
                for way in self._chain(chain, ways):
                    if way.place == ENDED:
                        ended.append(way)
                    elif resets == MAX_RESETS:
                        ended.append(Way(way.when, way.state.gone(), ENDED))
                    else:
                        arrived.append(way)
            ended = list(joined(ended))
            if resets >= MAX_WRITTEN_RESETS and any(way.state.skb is not state.skb for way in arrived):
                raise Unsupported(f"packets that are written to and then go through {resets} chains", self._span)
            waiting = {}
            for way in joined(arrived):
                assert way.place is not None
                waiting[way.place] = (*waiting.get(way.place, ()), Way(way.when, way.state))
            if not waiting:
                break
        (last,) = joined(ended)
        return last.state

    def _chain(self, number: int, ways: Ways) -> list[Way[State]]:
        """The ways that packets take in a chain; those of no filter go to the stack."""
        gone: list[Way[State]] = []
        for classifier in self.chains.get(number, ()):
            left: list[Way[State]] = []
            for way in ways:
                for after in self._classifier(classifier, way.state, way.when):
                    both = Way(b.and_(way.when, after.when), after.state, after.place)
                    (left if after.place == NEXT_CLASSIFIER else gone).append(both)
            ways = joined(Way(way.when, way.state) for way in left)
        return [*gone, *(Way(way.when, way.state.passed(b.bv(NO_CLASS, 32)), ENDED) for way in ways)]

    def _classifier(self, classifier: Classifier, state: State, when: Term) -> Ways:
        """``fl_classify``, where the packet is of the classifier's protocol; the others go on."""
        skb = state.packet
        asked = _asked(classifier.protocol, skb)
        if asked is FALSE:
            return (Way(TRUE, state, NEXT_CLASSIFIER),)
        tries = [self._mask(mask, state, b.and_(when, asked)) for mask in classifier.masks.values()]
        found = first_match([self._skipping(t) for t in tries])
        hit = b.and_(asked, found.hit)
        return joined((*under(asked, found.ways), Way(b.not_(hit), state, NEXT_CLASSIFIER)))

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
        ways: list[Way[State]] = []
        for result in self._run(filter_, state, when):
            kind = result.control.kind
            if kind == "continue":
                ways.append(Way(result.when, result.state, NEXT_CLASSIFIER))
            elif kind == "goto chain":
                ways.append(Way(result.when, result.state, result.control.argument))
            elif kind == "reclassify":
                ways.append(Way(result.when, result.state, 0))
            elif kind in GONE:
                ways.append(Way(result.when, result.state.gone(), ENDED))
            else:  # the class id is kept with TC_ACT_OK only, which "pipe" at the end of a list is not
                classid = _classid(filter_) if kind == "pass" else NO_CLASS
                ways.append(Way(result.when, result.state.passed(b.bv(classid, 32)), ENDED))
        return joined(ways)


def _asked(protocol: int, skb: Skb) -> Term:
    """Whether the packet is of a classifier's protocol.

    A tag in ``skb.tag`` is always of a tag's type, and the type of a frame that was received without one never is.
    """
    if protocol == ETH_P_ALL:
        return TRUE
    tags_only = skb.tag is not None
    no_tags = skb.tag is None and skb.protocol is _PLAIN.protocol
    if (tags_only and protocol not in VLAN_TYPES) or (no_tags and protocol in VLAN_TYPES):
        return FALSE
    return b.eq(skb.outer, b.bv(protocol, 16))


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
