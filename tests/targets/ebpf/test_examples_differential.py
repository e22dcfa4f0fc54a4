"""The examples' eBPF does on this kernel what its meaning says and what the P4 source says; and a mistake is seen."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace

import pytest

from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.examples_campaign import HOOKS, PORTS, THE_EXAMPLES, Example, Tally, campaign, frame, judge, trial

pytestmark = pytest.mark.oracle

examples = pytest.mark.parametrize("example", THE_EXAMPLES, ids=lambda example: example.name)
hooks = pytest.mark.parametrize("hook", HOOKS)
PAIRS = 170
"""Per example and hook: about a thousand in all."""


@pytest.mark.long
@hooks
@examples
def test_three_sides_agree(kernel_oracle: KernelOracle, example: Example, hook: str) -> None:
    tally = campaign(kernel_oracle, example, hook, pairs=PAIRS, seed=7, each=40)
    assert tally.mismatches == []
    assert tally.pairs >= PAIRS
    assert tally.rule_sets >= 4
    _is_deep(example, tally.kinds, tally.hits)


def _is_deep(example: Example, kinds: Counter[str], hits: Counter[str]) -> None:
    """Agreement on frames that are all dropped would mean little."""
    assert kinds["dropped"] < PAIRS * 0.95
    assert kinds["rewritten" if example.name == "router" else "unchanged"] >= 5
    for table in example.keys:
        assert hits[f"{table} hit"] >= 5
        assert hits[f"{table} miss"] >= 5


@pytest.mark.campaign
@hooks
@examples
def test_three_sides_agree_campaign(kernel_oracle: KernelOracle, example: Example, hook: str) -> None:
    tally = campaign(kernel_oracle, example, hook, pairs=16_667, seed=8)
    assert tally.mismatches == []


@hooks
@examples
@pytest.mark.parametrize("side", ["kernel", "meaning", "source"])
def test_a_side_under_other_rules_is_found_out(
    kernel_oracle: KernelOracle, example: Example, hook: str, side: str
) -> None:
    """Each of the three sides in turn is given other rules than the two others."""
    program, rng = example.program(), random.Random(5)
    rules = example.own_rules(program)
    made, other = trial(program, hook, rules), trial(program, hook, RuleSet({}, {}))
    wrong = {
        "kernel": replace(made, tables=other.tables),
        "meaning": replace(made, functions=other.functions),
        "source": replace(made, rules=other.rules),
    }[side]
    tally = Tally()
    judge(kernel_oracle, wrong, [(rng.choice(PORTS), frame(rng, example, rules)) for _ in range(50)], tally)
    assert tally.mismatches
