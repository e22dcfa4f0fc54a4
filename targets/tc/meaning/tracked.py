"""What a packet has beside its bytes after connection tracking was asked about it: ``struct nf_conn`` as flower sees it
(``skb_flow_dissect_ct``, ``net/core/flow_dissector.c``, Linux 6.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import FALSE, Term
from ....semantics.meaning.behaviour import Assumption, Event

WIDTHS: Final = {"ct_state": 16, "ct_zone": 16, "ct_mark": 32, "ct_label": 128}
"""Under these names it is observed and asked for; what comes in is ``in.NAME``."""


@dataclass(frozen=True, slots=True)
class Tracked:
    """The terms are 0 of a packet that is not tracked."""

    requests: tuple[str, ...]
    """What connection tracking was asked since the packet came, and where ``ct clear`` stood; in an order."""
    state: Term
    """``TCA_FLOWER_KEY_CT_FLAGS_*``."""
    zone: Term
    mark: Term
    label: Term

    def merged(self, condition: Term, other: Tracked) -> Tracked:
        """This one where the condition holds, else the other, of the same requests (or of a way that has ended)."""
        if self is other:
            return self
        return Tracked(self.requests, *(b.ite(condition, x, y) for x, y in zip(self._terms, other._terms, strict=True)))

    def cleared(self) -> Tracked:
        """After ``ct clear``."""
        return replace(UNTRACKED, requests=(*self.requests, "clear")) if self.requests else self

    def told(self) -> Mapping[str, Term]:
        """By the names of :data:`WIDTHS`."""
        return dict(zip(WIDTHS, self._terms, strict=True))

    @property
    def _terms(self) -> tuple[Term, ...]:
        return self.state, self.zone, self.mark, self.label


UNTRACKED: Final = Tracked((), *(b.bv(0, width) for width in WIDTHS.values()))
"""What a packet comes with."""
COMES_UNTRACKED: Final = Assumption(
    "connection tracking has not been asked about a frame before it comes",
    b.and_(*(b.eq(b.var(f"in.{name}", width), b.bv(0, width)) for name, width in WIDTHS.items())),
)
"""What has to hold of the inputs where it is told."""


def merged_events(condition: Term, x: tuple[Event, ...], y: tuple[Event, ...]) -> tuple[Event, ...]:
    """What connection tracking is told: ``x`` where the condition holds, else ``y``."""
    if x == y:
        return x
    sides = ((condition, x), (b.not_(condition), y))
    some = [replace(event, when=b.and_(when, event.when)) for when, events in sides for event in events]
    return tuple(event for event in some if event.when is not FALSE)
