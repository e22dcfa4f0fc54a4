"""Which entry decides: of the whole list, and of those in the device.

The target makes lists whose entries do nothing but tell that it was they, so this is a question to the meaning of
lists as it is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour
from ..semantics.meaning.concrete import Plans, evaluate_behaviour
from ..targets.base import Target
from ..targets.offload import Offloads

_TOLD: Final = "classid"


@dataclass(frozen=True)
class Winners:
    """For every packet: the entry that decides in software alone, and the one that does in the device; as its place
    plus 1, or 0 for none."""

    software: Behaviour
    hardware: Behaviour | None
    """None: the device holds nothing."""

    @classmethod
    def of(cls, offloads: Offloads, target: Target, artifact: Any, in_device: Collection[int]) -> Winners | None:
        """None where no single entry decides. Raises InputError, Unsupported as the meaning does."""
        whole = offloads.telling(artifact, range(len(offloads.entries(artifact))))
        part = offloads.telling(artifact, sorted(in_device))
        if whole is None or part is None:
            return None
        return cls(target.meaning(whole), target.meaning(part) if in_device else None)

    def on(self, packet: bytes, port: int) -> tuple[int, int]:
        """Who decides on one packet, in software alone and in the device."""
        return deciding(self.software, packet, port), deciding(self.hardware, packet, port)

    def region(self, pair: tuple[int, int]) -> Term:
        """Where just these decide."""
        return b.and_(_decides(self.software, pair[0]), _decides(self.hardware, pair[1]))


def deciding(side: Behaviour | None, packet: bytes, port: int, plans: Plans | None = None) -> int:
    """Who decides on one packet. ``plans``: of this side, on other packets."""
    return 0 if side is None else evaluate_behaviour(side, packet, port, default=0, plans=plans).metadata[_TOLD]


def _decides(side: Behaviour | None, number: int) -> Term:
    if side is None:
        return b.FALSE if number else b.TRUE
    cases = [b.and_(case.guard, b.eq(case.metadata[_TOLD], b.bv(number, 32))) for case in side.cases]
    return b.or_(*cases)
