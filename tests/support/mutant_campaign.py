"""The mutation campaign on pairs of programs: verdicts on mutants against random runs of both.

Every program has random numbers of its own, drawn from seed and name, so that a campaign can be cut into pieces and
taken up again anywhere.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from p4verify.pairing import pair_programs
from p4verify.semantics import ir
from p4verify.semantics.source import InputError, Unsupported
from tests.support.pair_campaign import Made, compiled, judge_programs, load
from tests.support.pair_mutation import Mutant, difference, known, mutants


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

    @property
    def contradicted(self) -> bool:
        """Whether an accept is wrong."""
        return self.verdict == "accept" and self.shown is not None

    @property
    def missed(self) -> bool:
        """Whether a difference that random runs show was not found."""
        return self.verdict != "reject" and self.shown is not None


def programs(corpus: Path, seed: int) -> list[Made]:
    """The midend outputs in the campaign's order."""
    outputs = compiled(corpus, ("midend",))
    random.Random(seed).shuffle(outputs)
    return outputs


def campaign(
    corpus: Path, seed: int, each: int, runs: int, limit: float, done: Collection[str] = ()
) -> Iterator[list[Tried]]:
    """The mutants of one program after the other.

    Args:
        corpus: the test data of others.
        seed: decides order, mutants and runs.
        each: mutants of one program at most.
        runs: random runs of both where the verdict is not ``reject``.
        limit: seconds for a verdict.
        done: names of programs to leave out.
    """
    for made in programs(corpus, seed):
        if made.name in done:
            continue
        program = _complete(made.output)
        if program is not None:
            rng = random.Random(f"{seed}:{made.name}")
            yield [_tried(made.name, program, m, rng, runs, limit) for m in mutants(program, rng, each)]


def _complete(path: Path) -> ir.Program | None:
    try:
        program = load(path)
    except (InputError, Unsupported):
        return None
    return program if program.main is not None else None


def _tried(name: str, program: ir.Program, mutant: Mutant, rng: random.Random, runs: int, limit: float) -> Tried:
    begun = time.process_time()
    judged = judge_programs(program, mutant.program, limit)
    taken = time.process_time() - begun
    shown = None
    if judged.verdict != "reject":
        shown = difference(pair_programs(program, mutant.program), rng, runs, blocks=not known(program))
    return Tried(name, mutant.kind, str(mutant.where), judged.verdict, judged.reason, shown, taken)
