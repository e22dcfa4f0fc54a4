"""A random program refines itself: that may not be decided, but it must never be refuted."""

from __future__ import annotations

import pytest

from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import Unsupported
from tests.support.p4_random import ARCHITECTURES
from tests.support.p4_random.settings import SMALL
from tests.support.random_campaign import generated, never_rejects_itself

SECONDS = 5.0


def decided(arch: str, seeds: range) -> int:
    """How many of the programs were shown to refine themselves.

    Raises:
        AssertionError: one of them was refuted.
    """
    count = 0
    for seed in seeds:
        try:
            behaviour = meaning(load_text(generated(arch, seed, SMALL).text, "random.p4").program)
            count += never_rejects_itself(behaviour, SECONDS)
        except Unsupported:
            continue
        except AssertionError as problem:
            problem.add_note(f"program {seed} of {arch}")
            raise
    return count


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_programs_are_never_rejected_against_themselves(arch: str) -> None:
    decided(arch, range(3))  # raises where one is refuted


@pytest.mark.campaign
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_many_programs_are_never_rejected_against_themselves(arch: str) -> None:
    assert decided(arch, range(10_000, 10_300)) >= 100
