"""A sample of the mutation campaign on pairs of programs: no accept is contradicted by a random run."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from p4verify.pairing import pair_programs
from p4verify.semantics.source import InputError, Unsupported
from tests.support.pair_campaign import compiled, judge_programs, load
from tests.support.pair_mutation import difference, known, mutants

pytestmark = [
    pytest.mark.corpus,
    # The limit of a pair may run out in a destructor.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


def contradicted(corpus: Path, seed: int, wanted: int, runs: int) -> tuple[list[str], int]:
    """Accepts that a random run contradicts, and how many mutants were seen to differ."""
    rng = random.Random(seed)
    outputs = compiled(corpus, ("midend",))
    rng.shuffle(outputs)
    wrong, seen, differ = [], 0, 0
    for made in outputs:
        if seen >= wanted:
            break
        try:
            program = load(made.output)
        except (InputError, Unsupported):
            continue
        if program.main is None:
            continue
        for mutant in mutants(program, rng, 2):
            seen += 1
            judged = judge_programs(program, mutant.program, 3)
            shown = difference(pair_programs(program, mutant.program), rng, runs, blocks=not known(program))
            differ += shown is not None
            if shown is not None and judged.verdict == "accept":
                wrong.append(f"{made.name} {mutant.kind} {mutant.where}: {shown}")
    return wrong, differ


def test_no_accept_of_a_mutant_is_contradicted(corpus: Path) -> None:
    wrong, differ = contradicted(corpus, 1, 24, 20)
    assert wrong == []
    assert differ > 0


@pytest.mark.campaign
def test_no_accept_of_many_mutants_is_contradicted(corpus: Path) -> None:
    wrong, differ = contradicted(corpus, 2, 1000, 500)
    assert wrong == []
    assert differ > 100
