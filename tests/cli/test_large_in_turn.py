"""`check` of large tables that are asked for what other large tables answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from p4verify.proofs.verdict import Verdict
from p4verify.scale import Large
from p4verify.targets.openflow.artifact import Bridge, Flow, Goto, Masked
from tests.support.large_programs import as_flows, checked, of_ethernet

PROGRAM = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action near(bit<16> hop) { meta.hop = hop; }
    action far(bit<16> hop, bit<8> zone) { meta.hop = hop; meta.zone = zone; }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { near; far; drop; }
        default_action = drop();
    }
    action send(bit<9> port, bit<48> src) { standard.egress_spec = port; hdr.eth.src = src; }
    table hops {
        key = { meta.zone: exact; meta.hop: exact; }
        actions = { send; drop; }
        default_action = drop();
    }
    apply {
        meta.zone = 0;
        if (hdr.eth.isValid()) {
            switch (stations.apply().action_run) {
                near: { hops.apply(); }
                far: { hops.apply(); }
            }
        }
    }
""",
    meta="bit<16> hop; bit<8> zone;",
)
COUNT = 40


def made(tmp_path: Any) -> tuple[Large, Bridge]:
    """The program under rules of both tables, and its flows."""
    lines = []
    for i in range(COUNT):
        hop, zone = i * 977 % 4096, (0, 5, 9)[i % 3]
        action = f"far {hop} {zone}" if zone else f"near {hop}"
        lines.append(f"table_add I.stations {action.split()[0]} {i * 7919 + 3} => {' '.join(action.split()[1:])}")
        lines.append(f"table_add I.hops send {zone} {hop} => {i % 5 + 1} {i * 104729 + 1}")
    large = as_flows(tmp_path, PROGRAM, lines, 12)
    assert isinstance(large.artifact, Bridge)
    return large, large.artifact


def of_hops(bridge: Bridge, zone: int) -> list[int]:
    """The numbers of the flows for rules of the second table with this zone: each of them in every table that stands
    for it. ``far`` asks one that has all zones, ``near`` one that has zone 0 alone."""
    return [
        number
        for number, flow in enumerate(bridge.flows)
        for term in flow.match
        if isinstance(term, Masked) and term.field == "reg0" and term.mask == 0xFFFFFF and term.value >> 16 == zone
    ]


def of_near(bridge: Bridge) -> list[int]:
    """The numbers of the flows that ``near`` leads to."""
    return [n for n, f in enumerate(bridge.flows) for m in f.match if isinstance(m, Masked) and m.mask == 0xFFFF]


def test_tables_that_are_asked_for_what_others_answer_are_compared_by_regions(tmp_path: Any) -> None:
    large, _ = made(tmp_path)
    proof = checked(large)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "compared by regions" in proof.reason


@pytest.mark.parametrize(("by", "answer"), [("near", "0x6e6"), ("far", "0xab7 0x5")])
def test_a_wrong_answer_of_the_second_table_is_rejected_with_a_packet_that_leads_there(
    tmp_path: Any, by: str, answer: str
) -> None:
    large, bridge = made(tmp_path)
    at = (of_near(bridge) if by == "near" else of_hops(bridge, 5))[2]
    proof = checked(replace(large, artifact=_with(bridge, at, _other_number(bridge.flows[at]))))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    station = int.from_bytes(proof.counterexample.packet[:6], "big")
    assert f" {station:#x} => {answer}" in " ".join(proof.regions[0].rules)


@pytest.mark.long
def test_a_table_that_is_asked_in_two_ways_is_compared_for_each(tmp_path: Any) -> None:
    large, bridge = made(tmp_path)
    behind = bridge.flows[of_hops(bridge, 5)[0]].table  # all zones are there, and `near` may ask it, too
    own = bridge.flows[of_near(bridge)[0]].table
    flows = tuple(
        replace(f, actions=tuple(Goto(behind) if a == Goto(own) else a for a in f.actions))
        for f in bridge.flows
        if f.table < own
    )
    one = replace(bridge, flows=flows)
    proof = checked(replace(large, artifact=one))
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    at = of_hops(one, 0)[2]
    assert checked(replace(large, artifact=_with(one, at, _other_number(flows[at]))), 6).verdict is not Verdict.ACCEPT


def test_one_that_no_packet_gets_to_may_be_wrong(tmp_path: Any) -> None:
    large, bridge = made(tmp_path)
    at = of_hops(bridge, 0)[2]  # `far` has no such zone
    assert (
        checked(replace(large, artifact=_with(bridge, at, _other_number(bridge.flows[at])))).verdict is Verdict.ACCEPT
    )


@pytest.mark.long
def test_one_answer_of_the_first_table_that_leads_elsewhere_is_rejected_with_its_packet(tmp_path: Any) -> None:
    large, bridge = made(tmp_path)
    tables = [flow.table for flow in bridge.flows]
    first = next(i for i, flow in enumerate(bridge.flows) if tables.count(flow.table) >= COUNT)
    other = next(
        f for f in bridge.flows[first + 1 :] if f.table == tables[first] and _shape(f) == _shape(bridge.flows[first])
    )
    wrong = replace(bridge.flows[first], actions=other.actions)
    proof = checked(replace(large, artifact=_with(bridge, first, wrong)))
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert proof.counterexample.packet.startswith((3).to_bytes(6, "big"))


def _with(bridge: Bridge, at: int, flow: Flow) -> Bridge:
    return replace(bridge, flows=(*bridge.flows[:at], flow, *bridge.flows[at + 1 :]))


def _shape(flow: Flow) -> list[object]:
    return [(type(a), getattr(a, "field", None), getattr(a, "mask", None)) for a in flow.actions]


def _other_number(flow: Flow) -> Flow:
    """One bit of a whole register written otherwise."""
    at = next(i for i, a in enumerate(flow.actions) if getattr(a, "mask", 0) == 0xFFFFFFFF)
    action: Any = flow.actions[at]
    changed = replace(action, value=action.value ^ 0x1000)
    return replace(flow, actions=(*flow.actions[:at], changed, *flow.actions[at + 1 :]))
