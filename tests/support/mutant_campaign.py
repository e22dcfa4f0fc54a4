"""The mutation campaign on pairs of programs: verdicts on mutants against random runs of both.

Kinds of mutants come evenly: of each there are as many, as far as the programs have places for it. Every program has
random numbers of its own, drawn from seed and name, so that a campaign can be cut into pieces and taken up again
anywhere.
"""

from __future__ import annotations

import random
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from p4verify.pairing import Pairing
from p4verify.pairs import ProgramPair
from p4verify.running.terms import NotCompiled
from p4verify.semantics import ir
from p4verify.semantics.source import Unsupported
from tests.support.pair_attack import Attack, attack
from tests.support.pair_campaign import Made, compiled, complete, judge_programs
from tests.support.pair_mutation import KINDS, Mutant, difference, known, mutants

INTERPRETED: Final = 60
"""Runs by the interpreter of both programs, beside those of what was compiled."""

ATTACKED: Final = 15.0
"""Seconds of processor time at most for random runs of one mutant, however long a verdict on it may take."""


@dataclass(frozen=True)
class Tried:
    """One mutant: the verdict on it, and what a random run showed (None: nothing, or, of a mutant that is rejected with
    a counterexample that was run, that it was not asked)."""

    program: str
    kind: str
    where: str
    verdict: str
    reason: str
    shown: str | None
    seconds: float
    runs: int = 0
    """Random inputs that both could meet, 0 if it was not asked."""
    attacked: float = 0.0
    """Seconds that these took."""
    unsure: str | None = None
    """A difference of which it is not known whether undefined values take it away."""
    packets: bool = True
    """Whether whole packets were run, not blocks by themselves."""

    @property
    def counts(self) -> bool:
        """Whether the verdict says anything: what is unsupported (nothing leaves the program, say) is left out."""
        return self.verdict != "unsupported"

    @property
    def contradicted(self) -> bool:
        """Whether an accept is wrong."""
        return self.verdict == "accept" and self.shown is not None

    @property
    def missed(self) -> bool:
        """Whether a difference that random runs show was not found. Where packets are not modelled at all, as of
        headers that are no whole bytes, and the verdict says so, one of blocks is none."""
        said = self.verdict == "unsupported" and not self.packets
        return self.verdict != "reject" and self.shown is not None and not said


def programs(corpus: Path, seed: int) -> list[Made]:
    """The midend outputs in the campaign's order."""
    outputs = compiled(corpus, ("midend",))
    random.Random(seed).shuffle(outputs)
    return outputs


def campaign(
    corpus: Path, seed: int, each: int, runs: int, limit: float, done: Sequence[Tried] = (), total: int = 0
) -> Iterator[list[Tried]]:
    """The mutants of one program after the other.

    Args:
        corpus: the test data of others.
        seed: decides order, mutants and runs.
        each: mutants of one program at most.
        runs: random runs of both where the verdict is not ``reject``.
        limit: seconds of processor time for a verdict.
        done: what was tried before; its programs are left out.
        total: mutants in all that count, of each kind as many; 0 for any number.
    """
    left = Counter({kind: -(-total // len(KINDS)) if total else sys.maxsize for kind in KINDS})
    left -= Counter(row.kind for row in done if row.counts)
    names = {row.program for row in done}
    for made in programs(corpus, seed):
        program = complete(made.output) if made.name not in names else None
        if program is None:
            continue
        rng = random.Random(f"{seed}:{made.name}")
        rows = [_tried(made.name, program, m, rng, runs, limit) for m in mutants(program, rng, each, left)]
        left -= Counter(row.kind for row in rows if row.counts)
        if rows:
            yield rows


def _tried(name: str, program: ir.Program, mutant: Mutant, rng: random.Random, runs: int, limit: float) -> Tried:
    begun = time.process_time()
    judged = judge_programs(program, mutant.program, limit, alone=False)
    taken = time.process_time() - begun
    found = Attack()
    if judged.verdict != "reject":
        found = _attacked(ProgramPair(program, mutant.program).pairing, rng, runs, limit)
    attacked = time.process_time() - begun - taken
    return Tried(
        name, mutant.kind, str(mutant.where), judged.verdict, judged.reason, found.shown, round(taken, 3), found.runs,
        round(attacked, 3), found.unsure, found.packets,
    )  # fmt: skip


def _attacked(pairing: Pairing, rng: random.Random, runs: int, limit: float) -> Attack:
    """Runs of the whole programs, or else of their blocks."""
    found = Attack()
    limit = min(limit, ATTACKED)
    for blocks in (False, True) if known(pairing.first) else (True,):
        try:
            found = attack(pairing, rng, runs, blocks=blocks, seconds=limit)
        except (Unsupported, NotCompiled):
            continue
        break
    if found.shown is None:
        found.shown = difference(pairing, rng, min(runs, INTERPRETED), blocks=not known(pairing.first))
    return found
