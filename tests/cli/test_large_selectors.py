"""`check` of large tables whose rules lead to groups of an action selector."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.scale import Large, check_large
from p4verify.targets.openflow.artifact import Bridge, Flow, SetField, ToGroup
from tests.support.large_programs import as_flows, of_ethernet

PROGRAM = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action via(bit<9> port, bit<48> src) { standard.egress_spec = port; hdr.eth.src = src; }
    action_selector(HashAlgorithm.crc32, 16, 16) ways;
    table routes {
        key = { hdr.eth.dst: exact; hdr.eth.src: selector; }
        actions = { via; drop; }
        implementation = ways;
    }
    apply { if (routes.apply().miss) { drop(); } }
"""
)
MEMBERS = """
act_prof_create_member I.ways via 1 11
act_prof_create_member I.ways via 2 22
act_prof_create_member I.ways via 3 33
act_prof_create_member I.ways drop
act_prof_create_group I.ways
act_prof_add_member_to_group I.ways 0 0
act_prof_add_member_to_group I.ways 1 0
act_prof_create_group I.ways
act_prof_add_member_to_group I.ways 0 1
act_prof_add_member_to_group I.ways 2 1
"""


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Large:
    """Routes over one way, over some of a group, and over none."""
    where = tmp_path_factory.mktemp("routes")
    lines = [MEMBERS]
    for i in range(48):
        command = "table_indirect_add_with_group" if i % 4 < 2 else "table_indirect_add"
        lines.append(f"{command} I.routes {i * 7919 + 3} => {i % 4}")
    return as_flows(where, PROGRAM, lines, 40)


def checked(routes: Large, **changes: Any) -> Proof:
    assert isinstance(routes.artifact, Bridge)
    return check_large(replace(routes, artifact=replace(routes.artifact, **changes)), Engine.within(None),
                       time.monotonic())  # fmt: skip


def groups_led_to(flow: Flow) -> list[int]:
    return [a.group for a in flow.actions if isinstance(a, ToGroup)]


def test_rules_that_lead_to_groups_are_compared_by_regions(routes: Large) -> None:
    proof = checked(routes)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "left open" in proof.reason
    assert any("the switch's choice" in note for note in proof.warnings)


def test_a_flow_that_leads_to_another_group_is_found(routes: Large) -> None:
    flows = list(routes.artifact.flows)
    first, second = (next(i for i, f in enumerate(flows) if groups_led_to(f) == [n]) for n in (1, 2))
    flows[first] = replace(flows[first], actions=flows[second].actions)
    proof = checked(routes, flows=tuple(flows))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert [len(region.rules) for region in proof.regions] == [1]


@pytest.mark.long
def test_a_member_that_does_something_else_is_found(routes: Large) -> None:
    group, *others = routes.artifact.groups
    bucket, *rest = group.buckets
    number = next(i for i, a in enumerate(bucket.actions) if isinstance(a, SetField))
    written = bucket.actions[number]
    changed = replace(written, value=written.value ^ (written.mask & -written.mask))
    actions = (*bucket.actions[:number], changed, *bucket.actions[number + 1 :])
    wrong = replace(group, buckets=(replace(bucket, actions=actions), *rest))
    proof = checked(routes, groups=(wrong, *others))
    assert proof.verdict is Verdict.REJECT, proof.reason
