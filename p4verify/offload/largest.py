"""A largest part of a list that a device may hold, so that with software behind it it does what software alone does.

By counterexamples: a set that keeps to all conditions found so far is compared with software alone; a packet on which
they differ gives conditions that every safe set keeps to, and that this one does not. Where one entry decides what is
done to a packet, they are: an entry that matches the packet and does the wrong thing to it may be in the device only
if one that does the right thing and comes before it is there too. Elsewhere it is: the packet must not go this way
through the device. So the last set is safe, and no larger one is.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ..proofs.counterexample import input_of
from ..proofs.refine import search
from ..proofs.solvers.optimum import Clause
from ..semantics.meaning.behaviour import Behaviour
from ..semantics.meaning.concrete import Plans, evaluate_behaviour
from ..semantics.source import Unsupported
from ..targets.offload import Profile
from .check import Division
from .choosing import Room, choose
from .winners import deciding, matched

ROUNDS: Final = 400
"""Packets from which conditions are taken."""
SECONDS: Final = 120.0


@dataclass(frozen=True)
class Proposal:
    """``chosen``: entry → table of the profile (0 without one). ``reason``: why there is none, or why it is not shown
    to be the largest."""

    chosen: Mapping[int, int] | None
    largest: bool = False
    reason: str = ""
    rounds: int = 0
    left_out: Mapping[int, str] = field(default_factory=dict)
    """Entries that the device cannot take anyway → why."""


def room_for(division: Division, profile: Profile | None) -> tuple[Room, dict[int, str]]:
    """The entries that may go into the device, and why others may not."""
    places: dict[int, Sequence[int]] = {}
    left_out: dict[int, str] = {}
    for number, entry in enumerate(division.entries):
        reason = "skip_hw" if entry.never_device else entry.refused
        if reason is None and profile is not None:
            reason = profile.misfit(entry.needs)
        reason = reason or _not_alone(division, number)
        if reason is not None:
            left_out[number] = reason
            continue
        places[number] = profile.places(entry.needs) if profile is not None else [0]
    order = division.offloads.order(division.artifact)
    sizes = {n: table.size for n, table in enumerate(profile.tables)} if profile is not None else {0: None}
    return Room({n: places[n] for n in order if n in places}, sizes), left_out


def _not_alone(division: Division, number: int) -> str | None:
    """Why it is not known what the device does with an entry."""
    try:
        division.offloads.divided(division.artifact, [number], division.device)
    except Unsupported as error:
        return error.reason
    return None


def propose(division: Division, profile: Profile | None) -> Proposal:
    """A largest safe part. Raises Unsupported where no division of the list is modelled."""
    room, left_out = room_for(division, profile)
    search_for = _Search(division, room)
    found = search_for.run()
    return Proposal(found.chosen, found.largest, found.reason, found.rounds, left_out)


@dataclass(frozen=True)
class _Side:
    """A behaviour that is run on many packets."""

    behaviour: Behaviour
    plans: Plans = field(default_factory=Plans)

    def does(self, packet: bytes, port: int) -> object:
        """What is sent out of each port, in order, and to the stack with what."""
        seen = evaluate_behaviour(self.behaviour, packet, port, default=0, plans=self.plans)
        return sorted(seen.outputs, key=lambda out: out[:2]), seen.metadata


@dataclass
class _Search:
    division: Division
    room: Room
    clauses: list[Clause] = field(default_factory=list)
    matching: dict[int, _Side] = field(default_factory=dict)
    lonely: dict[tuple[int, ...], _Side] = field(default_factory=dict)
    traced: dict[frozenset[int], tuple[Behaviour, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        offloads, artifact = self.division.offloads, self.division.artifact
        self.alone = _Side(self.division.target.meaning(offloads.alone(artifact)))

    def run(self) -> Proposal:
        if not self.division.offloads.independent(self.division.artifact):
            return Proposal(None, reason="filters of one priority, of which others than those that match may matter")
        pairs = self.division.offloads.unordered(self.division.artifact, self.division.device)
        only = [n for n, entry in enumerate(self.division.entries) if entry.only_device]
        self.clauses = [(frozenset[int](), frozenset(pair)) for pair in pairs]
        self.clauses += [(frozenset({n}), frozenset[int]()) for n in only]
        until = time.monotonic() + SECONDS
        for rounds in range(ROUNDS):
            choice = choose(self.room, self.clauses)
            if choice is None:
                return Proposal(None, reason="no part of the list is safe", rounds=rounds)
            answer = self._check(frozenset(choice.chosen))
            if answer is None:
                reason = "" if choice.largest else "not shown to be the largest: the optimiser ran out of time"
                return Proposal(choice.chosen, choice.largest, reason, rounds)
            if answer:
                return Proposal(None, reason=answer, rounds=rounds)
            if time.monotonic() > until:
                break
        return Proposal(None, reason=f"not found within {ROUNDS} packets and {SECONDS:.0f} s", rounds=ROUNDS)

    def _check(self, chosen: frozenset[int]) -> str | None:
        """None: the set is safe. "": it is not, and there are new clauses; else why that is not known."""
        try:
            division = self.division.with_device_holding(chosen)
            outcome = search(division.alone[1], division.both[1], division.engine, exactly=True)
        except Unsupported as error:
            return f"{error.span}: {error.reason}" if error.span.line else error.reason
        if outcome.difference is None:
            return outcome.unknown or outcome.empty or None
        given = input_of(outcome.difference.model)
        one = self.division.offloads.telling(self.division.artifact, [])
        if one is not None:
            new = self._conditions(given.packet, given.port)
        else:
            new = [self._way(chosen, given.packet, given.port)]
        missed = [clause for clause in new if not _kept(clause, chosen)]
        if not missed:
            return "a difference was found that is none; please report this"
        self.clauses += new
        return ""

    # --- one packet ---

    def _conditions(self, packet: bytes, port: int) -> list[Clause]:
        """What every safe set keeps to, because of one packet."""
        found: list[Clause] = []
        right: set[int] = set()
        before = self.alone.does(packet, port)
        for number in self.room.places:
            if not self._matches(number, packet, port):
                continue
            if self._with(number).does(packet, port) == before:
                right.add(number)
            else:
                found.append((frozenset(right), frozenset({number})))
        if self._with().does(packet, port) != before:
            found.append((frozenset(right), frozenset[int]()))
        return found

    def _way(self, chosen: frozenset[int], packet: bytes, port: int) -> Clause:
        """That the packet does not go the way that it goes with this set, which is wrong: it goes the same way with
        every set that has the entries on it, and none of those that would by themselves lead it elsewhere."""
        way = self._matched(chosen, packet, port)
        others = (n for n in self.room.places if n not in chosen)
        return frozenset(n for n in others if self._matched(chosen | {n}, packet, port) != way), way

    def _matched(self, chosen: frozenset[int], packet: bytes, port: int) -> frozenset[int]:
        """The entries of the device that a packet matches."""
        if chosen not in self.traced:
            division = self.division
            artifact, first = division.offloads.traced(division.artifact, sorted(chosen), division.device)
            self.traced[chosen] = division.target.meaning(artifact), first
        side, first = self.traced[chosen]
        return matched(side, first, packet, port)

    def _with(self, *numbers: int) -> _Side:
        """The device with at most one entry."""
        if numbers not in self.lonely:
            division = self.division
            artifact = division.offloads.divided(division.artifact, numbers, division.device)
            self.lonely[numbers] = _Side(division.target.meaning(artifact))
        return self.lonely[numbers]

    def _matches(self, number: int, packet: bytes, port: int) -> bool:
        if number not in self.matching:
            one = self.division.offloads.telling(self.division.artifact, [number])
            self.matching[number] = _Side(self.division.target.meaning(one))
        side = self.matching[number]
        return deciding(side.behaviour, packet, port, side.plans) != 0


def _kept(clause: Clause, chosen: frozenset[int]) -> bool:
    some, others = clause
    return bool(some & chosen) or bool(others - chosen)
