"""Random well-typed programs: they load, come back from every format, and run as their behaviours say.

Each law holds for each architecture of :mod:`tests.support.p4_random`; the campaign has 10,000 programs.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from p4verify.semantics.p4.frontend import load_text
from tests.support.p4_random import ARCHITECTURES, Generated, programs
from tests.support.p4_random.settings import SMALL
from tests.support.random_campaign import Study, generated, round_trips, study

EVERYDAY = 3
"""Programs of each architecture, by seed."""
CAMPAIGN = 10_000
"""Programs of all architectures together."""


def studied(arch: str, seeds: range) -> list[Study]:
    """The laws on some programs; a law that does not hold names the program."""
    studies = []
    for seed in seeds:
        try:
            studies.append(study(generated(arch, seed), seed))
        except Exception as problem:
            problem.add_note(f"program {seed} of {arch}")
            raise
    return studies


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_all_laws_on_a_sample(arch: str) -> None:
    studies = studied(arch, range(EVERYDAY))
    assert sum(s.comparisons for s in studies) > 10 * EVERYDAY
    seen = Counter(fact for s in studies for fact in s.facts)
    assert seen["output"]
    assert seen["undefined"]


@pytest.mark.parametrize("arch", ARCHITECTURES)
@settings(max_examples=4, suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink])
@given(st.data())
def test_all_laws_on_programs_that_shrink(arch: str, data: st.DataObject) -> None:
    made = data.draw(programs(arch, SMALL))
    study(made, 0)


def test_programs_use_the_whole_language() -> None:
    """What a hundred programs contain between them."""
    text = "\n".join(generated("v1model", seed).text for seed in range(100))
    wanted = (
        "header_union", "varbit", ".next", ".last", "select(", "value_set", "lookahead", "advance", "verify(",
        "&&&", "..", ": exact", ": lpm", ": ternary", ": range", ": optional", "const entries", "priority =",
        "largest_priority_wins", "default_action", "action_run", ".hit", ".miss", "@defaultonly", "@tableonly",
        "inout", "out ", "return", "exit;", "break;", "continue;", "for (", "switch (", "push_front", "pop_front",
        "setValid", "setInvalid", "isValid", "|+|", "|-|", "++", "<<", ">>", "? ", "int<", "enum bit<", "error.",
        ".read(", ".write(", ".count(", ".apply(", "+=", "{#}", "reject",
    )  # fmt: skip
    assert [word for word in wanted if word not in text] == []


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_packets_go_through_the_parser(arch: str) -> None:
    """A walk through the states takes as many bits as the parser does."""
    deep = 0
    for seed in range(20):
        made = generated(arch, seed)
        sizes = [len(made.packet(random.Random(turn))) for turn in range(10)]
        deep += max(sizes) > made.states["start"].bits // 8
    assert deep >= 15


def test_the_same_seed_makes_the_same_program() -> None:
    assert generated("v1model", 7).text == generated("v1model", 7).text
    assert generated("v1model", 7).text != generated("v1model", 8).text


@pytest.mark.campaign
@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_all_laws_in_the_campaign(arch: str) -> None:
    count = CAMPAIGN // len(ARCHITECTURES)
    studies = studied(arch, range(100_000, 100_000 + count))
    reasons = Counter(s.unsupported for s in studies if s.unsupported)
    assert sum(reasons.values()) <= count // 20, reasons
    assert sum(s.comparisons for s in studies) > 15 * count


@pytest.mark.campaign
@settings(max_examples=2_000)
@given(st.sampled_from(list(ARCHITECTURES)).flatmap(programs))
def test_round_trips_of_programs_that_shrink(made: Generated) -> None:
    round_trips(made.text, load_text(made.text).program)
