"""A flow that overlaps a later one has a higher priority, whatever stands between them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p4verify import targets
from p4verify.inputs import read_rules
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Large, check_large
from p4verify.semantics.p4.frontend import load_program
from p4verify.targets.base import CannotOffload
from p4verify.targets.openflow.artifact import Masked
from p4verify.targets.openflow.lower import priorities
from p4verify.targets.openflow.lower.drafts import Draft
from p4verify.targets.openflow.lower.priorities import Match, levels_by_overlap, levels_by_runs
from tests.support import large_rules

parts = st.tuples(st.integers(0, 7), st.integers(0, 7))
matches = st.lists(
    st.dictionaries(st.sampled_from(("in_port", "ip_src", "tp_dst")), parts, max_size=3).map(
        lambda found: tuple(Masked(name, value & mask, mask) for name, (value, mask) in sorted(found.items()) if mask)
    ),
    max_size=14,
)


def overlap(one: Match, other: Match) -> bool:
    asked = {m.field: m for m in one}
    return all((m.value ^ asked[m.field].value) & m.mask & asked[m.field].mask == 0 for m in other if m.field in asked)


def broken(given_: Sequence[Match], levels: Sequence[int]) -> list[tuple[int, int]]:
    """Flows and later ones that they overlap without a higher level."""
    pairs = [(i, j) for j in range(len(given_)) for i in range(j)]
    return [(i, j) for i, j in pairs if overlap(given_[i], given_[j]) and levels[i] <= levels[j]]


@given(matches, st.sampled_from((1, 2, 256)))
@settings(deadline=None, max_examples=200)
def test_whatever_overlaps_a_later_flow_is_above_it(given_: list[Match], most: int) -> None:
    given_ = list(dict.fromkeys(given_))
    assert not broken(given_, levels_by_runs(given_))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(priorities, "MOST_MASKS", most)
        levels = levels_by_overlap(given_)
    assert not broken(given_, levels)
    if most == 256:  # no flow is higher than those that it overlaps make it
        for i, level in enumerate(levels):
            below = [levels[j] for j in range(i + 1, len(given_)) if overlap(given_[i], given_[j])]
            assert level == 1 + max(below, default=0)


def test_masks_that_alternate_share_priorities() -> None:
    """Two kinds of flows that exclude one another by a third field."""
    given_ = [(Masked("in_port", i % 2, 1), Masked(("ip_src", "ip_dst")[i % 2], i, 0xFF)) for i in range(200)]
    assert max(levels_by_runs(given_)) == 200
    assert set(levels_by_overlap(given_)) == {1}


@pytest.mark.long
def test_a_long_list_of_alternating_masks_is_lowered_and_proven(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = large_rules.generate(200, 3)
    (tmp_path / "x.p4").write_text(large_rules.PLAIN_PROGRAM)
    (tmp_path / "x.cli").write_text("\n".join(large_rules.command_lines(rules)))
    program = load_program(str(tmp_path / "x.p4"))
    installed = read_rules(str(tmp_path / "x.cli"), program)
    target = targets.find("openflow")
    monkeypatch.setattr(priorities, "MAX_PRIORITY", 30)  # by runs it takes some eighty
    bridge = target.lower(program, installed, {})
    assert max(flow.priority for flow in bridge.flows) <= 30
    large = Large(program, installed, target, bridge, machines_confirm=False, open_from=20)
    assert check_large(large, Engine.within(None), time.monotonic()).verdict is Verdict.ACCEPT


def test_more_flows_over_one_another_than_priorities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(priorities, "MAX_PRIORITY", 31)
    lines = [((Masked("ip_src", 0, (1 << 32) - (1 << i)),) if i < 32 else (), (), Draft((), {}, {})) for i in range(33)]
    with pytest.raises(CannotOffload, match="33 priorities are needed in one table"):
        list(priorities.with_priorities(lines, 0))
