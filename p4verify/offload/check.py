"""Does a device that holds a part of a list, with software behind it, do what software alone does?"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

from ..confirm import Pair, confirm
from ..proofs.engine import Engine
from ..proofs.refine import decide, search
from ..proofs.verdict import Counterexample, Proof, Region, Verdict
from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Assumption
from ..semantics.source import Unsupported
from ..targets.base import Relation, Target
from ..targets.offload import Device, Entry, Offloads
from .machine import Seen, Side, seen_by_machine
from .sent import place_by_place
from .winners import Deciding, Traces, Winners

MOST: Final = 50
"""Pairs of entries that are told, each with a packet."""
BETWEEN: Final = "other entries than those already told decide"


@dataclass(frozen=True)
class Division:
    """A list, and which of its entries a device holds."""

    target: Target
    artifact: Any
    in_device: frozenset[int]
    device: Device
    engine: Engine
    machines_confirm: bool = True

    @property
    def offloads(self) -> Offloads:
        """The target as one whose lists can be divided. Raises Unsupported."""
        if not isinstance(self.target, Offloads):
            raise Unsupported(f"{self.target.name} has no lists of which a device holds a part")
        return self.target

    @cached_property
    def entries(self) -> Sequence[Entry]:
        """All entries."""
        return self.offloads.entries(self.artifact)

    @cached_property
    def alone(self) -> Side:
        """Software alone. Raises Unsupported, InputError."""
        return self._side(self.offloads.alone(self.artifact))

    @cached_property
    def both(self) -> Side:
        """The device with software behind it. Raises Unsupported, InputError."""
        return self._side(self.offloads.divided(self.artifact, self.in_device, self.device))

    def _side(self, artifact: Any) -> Side:
        ports = self.offloads.ports(self.artifact)
        return artifact, place_by_place(self.target.meaning(artifact), ports, self.engine)

    def with_device_holding(self, in_device: frozenset[int]) -> Division:
        """The same list, otherwise divided."""
        other = replace(self, in_device=in_device)
        for name in ("entries", "alone"):  # they do not hang on it
            if name in self.__dict__:
                other.__dict__[name] = self.__dict__[name]
        return other

    def unordered(self) -> list[tuple[int, int]]:
        """Entries in the device that it need not try in software's order."""
        return [pair for pair in self.offloads.unordered(self.artifact, self.device) if self.in_device.issuperset(pair)]

    def told(self, number: int) -> str:
        """An entry with its place; 0 for none, else its place in the list plus 1."""
        if not number:
            return "no entry"
        entry = self.entries[number - 1]
        return f"{entry.span}: {entry.text}" if entry.span.line else entry.text


def check_division(division: Division, started: float) -> Proof:
    """The verdict; a reject tells every pair of entries whose order the division turns round, each with a packet.

    Raises:
        Unsupported: what is not modelled, or not known of the device; with its place.
        InputError: the kernel would refuse an entry.
    """
    spec, impl = division.alone[1], division.both[1]
    outcome = search(spec, impl, division.engine, exactly=True)
    proof = decide(outcome, started, _accepted(division))
    if proof is None:
        proof = confirm(_pair(division), outcome, started)
        if proof.verdict is Verdict.REJECT:
            proof = _rejected(division, proof)
    elif proof.verdict is Verdict.ACCEPT and division.unordered():
        proof = replace(proof, verdict=Verdict.UNDECIDED, reason=_in_which_order(division))
    return replace(proof, warnings=(*proof.warnings, *_notes(division)), seconds=time.monotonic() - started)


def _pair(division: Division) -> Pair:
    target = division.target
    first, second = division.alone, division.both
    return Pair(None, None, first[1], second[1], target, second[0], Relation(), False, target, first[0])


def _accepted(division: Division) -> str:
    count = f"{len(division.in_device)} of {len(division.entries)} entries"
    return f"hardware with {count}, and software behind it, does what software alone does, for every packet"


def _in_which_order(division: Division) -> str:
    one, other = division.unordered()[0]
    return (
        "both are in hardware, which need not try them in software's order: "
        f"{division.told(one + 1)} / {division.told(other + 1)}"
    )


def _notes(division: Division) -> Iterator[str]:
    yield from division.device.told()
    yield from (note for note in division.both[1].notes if "skip_sw" not in note)
    if not division.in_device:
        yield "no entry is in hardware: software does all"


# --- what goes wrong ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Wrong:
    """One difference: the entries that decide, and its counterexample."""

    pair: Deciding
    found: Counterexample


def _rejected(division: Division, proof: Proof) -> Proof:
    assert proof.counterexample is not None
    wrong, rest = _all_pairs(division, _deciders(division), proof.counterexample)
    machine = _by_machine(division, [w.found for w in wrong]) if division.machines_confirm else None
    if isinstance(machine, str):
        return Proof(Verdict.UNDECIDED, machine, proof.tally)
    first = wrong[0].found
    if machine is not None:
        first = replace(first, confirmed_by=(*first.confirmed_by, machine.name))
    regions = tuple(_region(division, w) for w in sorted(wrong, key=lambda w: w.pair))
    return replace(
        proof,
        reason=f"{proof.reason}; {_count(regions)}",
        counterexample=first,
        regions=regions,
        warnings=(*proof.warnings, *([rest] if rest else [])),
    )


def _deciders(division: Division) -> Winners | Traces:
    target, artifact = division.target, division.artifact
    found = Winners.of(division.offloads, target, artifact, division.in_device)
    return found or Traces.of(division.offloads, target, artifact, division.in_device, division.device)


def _count(regions: Sequence[Region]) -> str:
    return f"{len(regions)} pair{'s' if len(regions) > 1 else ''} of entries must not be parted like that"


def _all_pairs(division: Division, winners: Winners | Traces, found: Counterexample) -> tuple[list[_Wrong], str | None]:
    """A difference for each pair of deciding entries that there is one for; and why there may be more."""
    wrong: list[_Wrong] = []
    apart: list[Term] = []
    while True:
        pair = winners.on(found.packet, found.port)
        wrong.append(_Wrong(pair, found))
        apart.append(b.not_(winners.region(pair)))
        if len(wrong) == MOST:
            return wrong, f"only the first {MOST} pairs of entries were looked for"
        more = _another(division, b.and_(*apart))
        if not isinstance(more, Counterexample):
            return wrong, more
        found = more


def _another(division: Division, condition: Term) -> Counterexample | str | None:
    """A difference where the condition holds; None if there is none, and the reason if that is not decided."""
    there = Assumption(BETWEEN, condition)
    spec, impl = (replace(side[1], domain=(*side[1].domain, there)) for side in (division.alone, division.both))
    outcome = search(spec, impl, division.engine, exactly=True)
    if outcome.difference is None:
        return f"there may be more pairs of entries: {outcome.unknown}" if outcome.unknown else None
    pair = replace(_pair(division), spec=spec, impl=impl, explained=False)
    proof = confirm(pair, outcome, time.monotonic())
    return proof.counterexample or f"there may be more pairs of entries: {proof.reason}"


def _region(division: Division, wrong: _Wrong) -> Region:
    software, hardware = (tuple(division.told(n) for n in numbers or (0,)) for numbers in wrong.pair)
    return Region(software, hardware, wrong.found.packet, wrong.found.port, _why(division, *wrong.pair))


def _why(division: Division, software: Sequence[int], hardware: Sequence[int]) -> str:
    if not hardware:
        return "software alone is decided by the rule; the device has no entry for the packet, and does not show it"
    if software == hardware:
        return "hardware does not end the packet's way, and software then does the same again"
    if len(software) > 1 or len(hardware) > 1:
        return "the packet's way in software alone, and its way in hardware"
    where = "is in hardware too" if set(software) <= {n + 1 for n in division.in_device} else "is not"
    return f"the entry is in hardware, before the rule, which {where}"


def _by_machine(division: Division, found: Sequence[Counterexample]) -> Seen | str | None:
    """What the real machine does with both, if it is there: that it agrees, or that it does something else."""
    packets = [(one.port, one.packet) for one in found]
    said = ([one.expected for one in found], [one.actual for one in found])
    return seen_by_machine(division.target, (division.alone, division.both), packets, said)
