"""`check` of filters that have one list where the program has several tables, each asked for what the last answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Change, Large, Standing
from p4verify.semantics.meaning.opened import NotSuitable
from p4verify.targets.flower.artifact import FilterList, FlowerFilter
from p4verify.targets.tc.artifact.actions import Pedit
from tests.support.large_programs import checked, lowered, of_ethernet

PROGRAM = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action to(bit<16> hop) { meta.hop = hop; }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { to; drop; }
        default_action = drop();
    }
    action send(bit<9> port, bit<48> src) { standard.egress_spec = port; hdr.eth.src = src; }
    table hops {
        key = { meta.hop: exact; }
        actions = { send; drop; }
        default_action = drop();
    }
    apply {
        if (hdr.eth.isValid()) {
            switch (stations.apply().action_run) { to: { hops.apply(); } }
        }
    }
""",
    meta="bit<16> hop;",
)
STATIONS, HOPS = 48, 24


def rules(unknown: int | None = None) -> list[str]:
    """Stations, two to a hop, and the hops but for one that may be ``unknown``."""
    lines = [f"table_add I.stations to {i * 7919 + 3} => {i % HOPS * 977 % 4096}" for i in range(STATIONS)]
    hops = (i for i in range(HOPS) if i != unknown)
    return [*lines, *(f"table_add I.hops send {i * 977 % 4096} => {i % 5 + 1} {i * 104729 + 1}" for i in hops)]


def made(where: Path) -> tuple[Large, FilterList]:
    """The program under rules of both tables, and its filters."""
    large = lowered(where, PROGRAM, rules(), 12, "flower")
    assert isinstance(large.artifact, FilterList)
    assert sum(len(one.keys) == 1 for one in large.artifact.filters) == STATIONS
    return large, large.artifact


def test_one_list_for_two_tables_is_compared_by_regions(tmp_path: Path) -> None:
    large, _ = made(tmp_path)
    assert [len(side.opened(12).tables) for side in large.sides] == [2, 1]
    proof = checked(large)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "compared by regions" in proof.reason


def of_a_station(filters: FilterList) -> tuple[int, FlowerFilter]:
    """The number of a filter for a station, and the filter."""
    return next((i, one) for i, one in enumerate(filters.filters) if len(one.keys) == 1)


def test_a_filter_that_writes_another_address_is_rejected(tmp_path: Path) -> None:
    large, filters = made(tmp_path)
    at, one = of_a_station(filters)
    pedit = one.actions[0]
    assert isinstance(pedit, Pedit)
    wrong = replace(pedit, keys=(*pedit.keys[:-1], replace(pedit.keys[-1], value=pedit.keys[-1].value ^ 1 << 24)))
    changed = replace(one, actions=(wrong, *one.actions[1:]))
    some = (*filters.filters[:at], changed, *filters.filters[at + 1 :])
    proof = checked(replace(large, artifact=replace(filters, filters=some)))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert len(proof.regions) == 1
    assert "I.stations" in proof.regions[0].rules[0]
    assert "I.hops" in proof.regions[0].rules[1]


def test_filters_of_a_hop_that_no_rule_is_for_are_rejected(tmp_path: Path) -> None:
    """What the second table answers on a miss counts; two stations have the hop."""
    _, filters = made(tmp_path)
    proof = checked(replace(lowered(tmp_path, PROGRAM, rules(unknown=7), 12, "flower"), artifact=filters))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert len(proof.regions) == 2


def test_a_filter_that_goes_alone_is_a_difference_and_a_rule_needs_the_whole_check(tmp_path: Path) -> None:
    large, filters = made(tmp_path)
    standing = Standing(large, Engine.within(None))
    for table in ("I.stations", "I.hops"):
        with pytest.raises(NotSuitable, match="no large table"):
            standing.changed([Change(0, table, large.rules.of(table)[0], comes=False)])
    one = of_a_station(filters)[1]
    entry = next(e for e in standing.entries(1, "chain 0") if e.keys == one.keys)
    assert standing.changed([Change(1, "chain 0", entry, comes=False)])
