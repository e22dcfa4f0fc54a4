"""Packets on their way through the chains of one hook: ``__tcf_classify`` (``net/sched/cls_api.c``), Linux 6.1.

What a classifier does is its own target's; here is which ones a packet meets, and what a filter's result leads to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from ....semantics import bits as b
from ....semantics.bits import FALSE, TRUE, Term
from ....semantics.meaning.ways import Way, joined
from ....semantics.source import Span, Unsupported
from ..artifact.protocols import ETH_P_ALL
from .actions import GONE, Result
from .packet import VLAN_TYPES, Skb, received
from .state import NONE, State

MAX_RESETS: Final = 16
"""``max_reclassify_loop``: so often a packet goes to another chain or starts again; then it is dropped."""
MAX_WRITTEN_RESETS: Final = 6
"""So often a packet may go to another chain after it was written to: circles make terms that grow and grow."""
ENDED, NEXT_CLASSIFIER = -1, -2
"""Where a way goes on, beside the numbers of chains."""
_PLAIN: Final = received(tagged=False)

Ways = tuple[Way[State], ...]
Classifier = TypeVar("Classifier")
Classify = Callable[[Classifier, State, Term], Ways]
"""The ways of a packet in a state, where the condition holds, out of a classifier: one of them is always taken."""


def through(
    chains: Mapping[int, Sequence[Classifier]], classify: Classify[Classifier], state: State, span: Span
) -> Ways:
    """How a packet fares that enters chain 0: ways that have ended, of which one is always taken.

    Args:
        span: of the first filter.

    Raises:
        Unsupported: a packet is written to and goes on and on.
    """
    ended: list[Way[State]] = []
    waiting: dict[int, Ways] = {0: (Way(TRUE, state),)}
    for resets in range(MAX_RESETS + 1):
        arrived: list[Way[State]] = []
        for number, ways in waiting.items():
            for way in _chain(chains.get(number, ()), classify, ways):
                if way.place == ENDED:
                    ended.append(way)
                elif resets == MAX_RESETS:
                    ended.append(Way(way.when, way.state.gone(), ENDED))
                else:
                    arrived.append(way)
        ended = list(joined(ended))
        if resets >= MAX_WRITTEN_RESETS and any(way.state.skb is not state.skb for way in arrived):
            raise Unsupported(f"packets that are written to and then go through {resets} chains", span)
        waiting = {}
        for way in joined(arrived):
            assert way.place is not None
            waiting[way.place] = (*waiting.get(way.place, ()), Way(way.when, way.state))
        if not waiting:
            break
    return together(ended)


def together(ended: Ways | list[Way[State]]) -> Ways:
    """Ways that have ended as one, if it is plain which frames of theirs stand for one another: each has sent at most
    one to the ports and one to the stack, all of one layout."""
    frames: dict[str, set[tuple[str, int, int]]] = {}
    for way in ended:
        places = [to for to, _, _ in way.state.layout]
        if len(places) != len(set(places)):
            return tuple(ended)
        for frame in way.state.layout:
            frames.setdefault(frame[0], set()).add(frame)
    if not ended or any(len(found) > 1 for found in frames.values()):
        return tuple(ended)
    first, *others = ended
    for way in others:
        first = Way(b.or_(first.when, way.when), first.state.merged(first.when, way.state), ENDED)
    return (first,)


def _chain(classifiers: Sequence[Classifier], classify: Classify[Classifier], ways: Ways) -> list[Way[State]]:
    """The ways that packets take in a chain; those of no filter go to the stack."""
    gone: list[Way[State]] = []
    for classifier in classifiers:
        left: list[Way[State]] = []
        for way in ways:
            for after in classify(classifier, way.state, way.when):
                both = Way(b.and_(way.when, after.when), after.state, after.place)
                (left if after.place == NEXT_CLASSIFIER else gone).append(both)
        ways = joined(Way(way.when, way.state) for way in left)
    return [*gone, *(Way(way.when, way.state.passed(NONE), ENDED) for way in ways)]


def after_actions(results: Iterable[Result], classid: int) -> Ways:
    """Where a packet goes on after a filter's actions; at :data:`NEXT_CLASSIFIER` after ``continue``."""
    ways: list[Way[State]] = []
    for result in results:
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
            kept = b.bv(classid, 32) if kind == "pass" else NONE
            ways.append(Way(result.when, result.state.passed(kept), ENDED))
    return joined(ways)


def asked(protocol: int, skb: Skb) -> Term:
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
