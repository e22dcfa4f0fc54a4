"""Which entries decide: of the whole list, and of those in the device.

The target makes lists whose entries tell that it was they (:class:`Winners`: where one decides, this is all that they
do; :class:`Traces`: in any list they send a copy out of a port of their own first), so this is a question to the
meaning of lists as it is.
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
from ..targets.offload import Device, Offloads

_TOLD: Final = "classid"
Deciding = tuple[tuple[int, ...], tuple[int, ...]]
"""Entries of software alone, and of the device, by their place plus 1."""


@dataclass(frozen=True)
class Winners:
    """For every packet: the entry that decides in software alone, and the one that does in the device."""

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

    def on(self, packet: bytes, port: int) -> Deciding:
        """Who decides on one packet, in software alone and in the device."""
        sides = (deciding(side, packet, port) for side in (self.software, self.hardware))
        software, hardware = ((number,) if number else () for number in sides)
        return software, hardware

    def region(self, pair: Deciding) -> Term:
        """Where just these decide."""
        sides = zip((self.software, self.hardware), pair, strict=True)
        return b.and_(*(_decides(side, *(numbers or (0,))) for side, numbers in sides))


@dataclass(frozen=True)
class Traces:
    """For every packet: all entries that it matches on its way, in software alone and in the device."""

    software: Behaviour
    hardware: Behaviour
    first: int
    """The port of the copy that the first entry sends."""
    count: int

    @classmethod
    def of(cls, offloads: Offloads, target: Target, artifact: Any, inside: Collection[int], device: Device) -> Traces:
        """Raises InputError, Unsupported as the meaning does."""
        whole, first = offloads.traced(artifact, None, device)
        part, _ = offloads.traced(artifact, sorted(inside), device)
        return cls(target.meaning(whole), target.meaning(part), first, len(offloads.entries(artifact)))

    def on(self, packet: bytes, port: int) -> Deciding:
        """Who is on one packet's way, in software alone and in the device."""
        software, hardware = (
            tuple(n + 1 for n in sorted(matched(side, self.first, packet, port)))
            for side in (self.software, self.hardware)
        )
        return software, hardware

    def region(self, pair: Deciding) -> Term:
        """Where just these are."""
        conditions = []
        for side, numbers in zip((self.software, self.hardware), pair, strict=True):
            for number in range(1, self.count + 1):
                there = _is_matched(side, self.first + number - 1)
                conditions.append(there if number in numbers else b.not_(there))
        return b.and_(*conditions)


def matched(side: Behaviour, first: int, packet: bytes, port: int) -> frozenset[int]:
    """The entries, by place, of which a traced list tells that one packet matches them."""
    seen = evaluate_behaviour(side, packet, port, default=0)
    return frozenset(number - first for to, number, _ in seen.outputs if to == "port" and number >= first)


def _is_matched(side: Behaviour, port: int) -> Term:
    number = b.bv(port, 32)
    sent = ((case.guard, out) for case in side.cases for out in case.outputs if out.to == "port")
    return b.or_(*(b.and_(guard, out.when, b.eq(out.port, number)) for guard, out in sent))


def deciding(side: Behaviour | None, packet: bytes, port: int, plans: Plans | None = None) -> int:
    """Who decides on one packet, by place plus 1; 0 for nobody. ``plans``: of this side, on other packets."""
    return 0 if side is None else evaluate_behaviour(side, packet, port, default=0, plans=plans).metadata[_TOLD]


def _decides(side: Behaviour | None, number: int) -> Term:
    if side is None:
        return b.FALSE if number else b.TRUE
    cases = [b.and_(case.guard, b.eq(case.metadata[_TOLD], b.bv(number, 32))) for case in side.cases]
    return b.or_(*cases)
