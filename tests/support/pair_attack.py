"""Random packets and rules against two programs, by the ten thousand: whatever tells them apart, whichever undefined
values are read.

Shared with the tool: how inputs and rules are drawn, behaviours as Python functions, and the quick look for undefined
values that take a difference away (:mod:`p4verify.running`). The tool shows differences by that, and accepts nothing by
it: an accept is a proof, which shares nothing with the runs that may contradict it. Whether undefined values take a
difference away is asked here in a way of its own (:mod:`.choosing`), and nothing is confirmed.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from p4verify.pairing import Pairing
from p4verify.running.runs import Runs, Seen
from p4verify.semantics.arch.blocks import block_meaning, slots
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.source import Span, Unsupported

from .choosing import can_show

ALIKE: Final = 50
"""Differences in the same of which a solver is asked whether undefined values take them away."""


@dataclass
class Attack:
    """What the runs came to."""

    runs: int = 0
    """Inputs that both programs can meet."""
    outside: int = 0
    cases: int = 0
    """Of the first program's cases, those that were reached ..."""
    of: int = 0
    """... and how many there are."""
    shown: str | None = None
    """The first difference."""
    unsure: str | None = None
    """The first one of which it is not known whether undefined values of the first program take it away."""
    packets: bool = True
    """Whether whole packets were run, not blocks by themselves: what these show, no packet may."""
    subjects: list[str] = field(default_factory=list)


def attack(pairing: Pairing, rng: random.Random, runs: int, *, blocks: bool, seconds: float = 30.0) -> Attack:
    """Run both programs on the same random inputs until they differ.

    Args:
        pairing: the programs.
        rng: decides everything.
        runs: inputs in all.
        blocks: compare block by block instead of whole packets.
        seconds: of processor time for runs, after which no more is tried; making the behaviours is not counted, or
            large programs would never be run.

    Raises:
        Unsupported: a program cannot be run.
        NotCompiled: the same, for what its terms are.
    """
    total = Attack(packets=not blocks)
    subjects = list(_subjects(pairing, blocks))
    for name, spec, impl in subjects:
        made = Runs(pairing.first, spec, impl, rng)
        begun = time.process_time()
        differing = _few_of_each(made.differences(-(-runs // len(subjects)), begun + seconds))
        shown = None
        for seen in differing:
            stands = _stands(made, seen)
            if stands:
                shown = _told(seen)
                break
            if stands is None and total.unsure is None:
                total.unsure = f"{name}: {_told(seen)}"
        seconds -= time.process_time() - begun
        total.subjects.append(name)
        total.runs += made.runs
        total.outside += made.outside
        total.cases += len(made.inputs.met)
        total.of += len(spec.cases)
        if shown is not None:
            total.shown = f"{name}: {shown}"
            break
    return total


def _subjects(pairing: Pairing, blocks: bool) -> Iterator[tuple[str, Behaviour, Behaviour]]:
    if not blocks:
        yield "the pipeline", meaning(pairing.first), pairing.in_first_words(meaning(pairing.second))
        return
    for mine, theirs in zip(slots(pairing.first), slots(pairing.second), strict=True):
        if mine.block is None or theirs.block is None:
            continue
        left = block_meaning(
            pairing.first, mine.block, identity=pairing.first_identity, emission="bytes", as_said=True, promised=True
        )
        right = block_meaning(
            pairing.second,
            theirs.block,
            like=left.interface,
            identity=pairing.second_identity,
            emission="bytes",
            as_said=True,
            promised=True,
        )
        if left.loops or right.loops:
            where = Span(pairing.second.file, 1, 1)
            raise Unsupported("loops that are followed no further do anything at all, which is no run of them", where)
        yield f"block {mine.path}", left.behaviour, pairing.in_first_words(right.behaviour)


def _few_of_each(differing: Iterator[Seen]) -> Iterator[Seen]:
    """Some of the differences in each that differs: where undefined values take these away, they mostly do all."""
    met: Counter[tuple[str, ...]] = Counter()
    for seen in differing:
        met[seen.names] += 1
        if met[seen.names] <= ALIKE:
            yield seen


def _stands(runs: Runs, seen: Seen) -> bool | None:
    """Whether no undefined values of the first program show what the second did in a run; None if that is not known."""
    side = runs.sides[0]
    if not any(v.name.startswith("any.") for v in side.variables):
        return True
    given = {v: seen.given.get(v.name, 0) for v in side.variables}
    taken_away = can_show(side, seen.data, given, seen.functions, seen.shown[1], seen.answers)
    return None if taken_away is None else not taken_away


def _told(seen: Seen) -> str:
    some = {n: v for n, v in seen.given.items() if v and not n.startswith("pkt")}
    first = [shown.get(seen.names[0]) for shown in seen.shown]
    return f"run {seen.number}: {list(seen.names[:3])} on {seen.data.hex()}, {some}: {first}"
