"""Rules as they are told beside a counterexample: whoever reads them has the same rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify.inputs import SourceOptions, read_program
from p4verify.realise import describe
from p4verify.running.entries import random_rules
from p4verify.semantics.rules.read import read_rules

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("name", ["stages", "router", "ecmp"])
def test_told_rules_are_read_as_they_were(name: str, seed: int) -> None:
    """In ``stages`` two controls have an action ``drop`` each."""
    program = read_program(str(EXAMPLES / f"{name}.p4"), SourceOptions())
    rules = random_rules(program, seed, (1, 2, 0x0A000001))
    told = describe(rules, program)
    assert describe(read_rules("\n".join(told), "told", program), program) == told
