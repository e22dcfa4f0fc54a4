"""What ``act_skbedit`` writes beside a packet's bytes (``net/sched/act_skbedit.c``, Linux 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term

_WIDTHS: Final = {"mark": 32, "priority": 32, "pkt_type": 3, "queue_mapping": 16}


@dataclass(frozen=True, slots=True)
class Edited:
    """Fields of ``struct sk_buff``, by whose names they are observed."""

    mark: Term
    priority: Term
    pkt_type: Term
    """``PACKET_*``: 0 for this host, 1 to all, 2 to some, 3 to others."""
    queue_mapping: Term

    def merged(self, condition: Term, other: Edited) -> Edited:
        """These where the condition holds, else the others."""
        if self is other:
            return self
        return Edited(*(b.ite(condition, getattr(self, f.name), getattr(other, f.name)) for f in fields(Edited)))

    def told(self) -> Mapping[str, Term]:
        """By their names."""
        return {name: getattr(self, name) for name in _WIDTHS}


CAME: Final = Edited(*(b.var(f"in.{name}", width) for name, width in _WIDTHS.items()))
"""What a packet comes with: a mark and a priority are 0 from the wire, but a filter before may have sent it on."""
NOT_LOOKED_AT: Final = Edited(*(b.bv(0, width) for width in _WIDTHS.values()))
"""For packets of which only the bytes are of interest."""
