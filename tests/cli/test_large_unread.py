"""`check` of large tables whose keys are undefined where nobody asks them."""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Change, Large, Standing, check_large
from p4verify.scale.unread import without_the_unread
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.opened import NotSuitable
from p4verify.semantics.rules.ruleset import ActionCall, Exact
from p4verify.targets.openflow.artifact import Bridge
from tests.support.large_programs import as_flows, of_ethernet

PROGRAM = of_ethernet(
    """
    bit<16> hop;
    action drop() { mark_to_drop(standard); }
    action near(bit<16> to) { hop = to; }
    action far(bit<16> to) { hop = to; }
    action lost() { }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { near; @defaultonly NoAction; }
        default_action = NoAction();
    }
    table gateways {
        key = { hdr.eth.dst: exact; }
        actions = { far; lost; drop; }
        default_action = drop();
    }
    action send(bit<9> port, bit<48> src) { standard.egress_spec = port; hdr.eth.src = src; }
    table hops {
        key = { hop: exact; }
        actions = { send; drop; }
        default_action = drop();
    }
    apply {
        bool known = false;
        if (hdr.eth.isValid()) {
            switch (stations.apply().action_run) {
                near: { known = true; }
                NoAction: {
                    switch (gateways.apply().action_run) { KNOWN { known = true; } }
                }
            }
        }
        if (ASKED) { hops.apply(); } else { drop(); }
    }
""",
    meta="bit<16> hop;",
)
COUNT = 24


def made(where: Path, asked: str = "known", known: str = "far:", lost: Collection[int] = ()) -> Large:
    """The program under rules of all tables, and its flows; ``asked``: when the last table is, ``known``: the actions
    of gateways that are known. The hop is not set for those that are ``lost``."""
    lines = []
    for i in range(COUNT):
        lines.append(f"table_add I.stations near {i * 7919 + 3} => {i * 977 % 4096}")
        gateway = i * 7919 + 4
        found = f"lost {gateway} =>" if i in lost else f"far {gateway} => {i * 977 % 4096}"
        lines.append(f"table_add I.gateways {found}")
        lines.append(f"table_add I.hops send {i * 977 % 4096} => {i % 5 + 1} {i * 104729 + 1}")
    return as_flows(where, PROGRAM.replace("ASKED", asked).replace("KNOWN", known), lines, 12)


def undefined_keys(large: Large, *, left_out: bool) -> list[Term]:
    """The keys that read undefined values."""
    side = large.sides[0].opened(12)
    if left_out:
        side = without_the_unread(side, Engine.within(None))
    return [one.key for one in side.lookups if any(v.name.startswith("any.") for v in b.variables(one.key))]


def test_a_key_that_is_defined_wherever_it_is_asked_is_compared_by_regions(tmp_path: Path) -> None:
    large = made(tmp_path)
    assert undefined_keys(large, left_out=False)
    proof = check_large(large, Engine.within(None), time.monotonic())
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "compared by regions" in proof.reason


def test_a_wrong_answer_behind_the_second_way_is_rejected_with_its_packet(tmp_path: Path) -> None:
    large = made(tmp_path)
    assert isinstance(large.artifact, Bridge)
    proof = check_large(replace(large, artifact=_with_another_gateway(large.artifact)), Engine.within(None),
                        time.monotonic())  # fmt: skip
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert int.from_bytes(proof.counterexample.packet[:6], "big") % 7919 == 4


@pytest.mark.parametrize(("asked", "read"), [("known", False), ("known || hdr.eth.type == 0x88b5", True)])
def test_an_undefined_value_is_left_out_of_a_key_only_where_it_is_never_read(
    tmp_path: Path, asked: str, read: bool
) -> None:
    assert bool(undefined_keys(made(tmp_path, asked), left_out=True)) is read


OR_LOST: Final = "far: lost:"


@pytest.mark.long
@pytest.mark.parametrize(("lost", "read"), [((), False), ((7,), True)])
def test_whether_an_undefined_value_is_read_may_hang_on_the_rules(
    tmp_path: Path, lost: Collection[int], read: bool
) -> None:
    """Only of gateways that are lost the hop's number is undefined when the hops are asked."""
    large = made(tmp_path, known=OR_LOST, lost=lost)
    assert bool(undefined_keys(large, left_out=True)) is read
    proof = check_large(large, Engine.within(None), time.monotonic())
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.long
def test_what_no_rule_does_is_rejected_where_an_artifact_does_it(tmp_path: Path) -> None:
    """The flows are those of rules by which a gateway is lost, and none is."""
    (tmp_path / "lost").mkdir()
    other = made(tmp_path / "lost", known=OR_LOST, lost=(7,)).artifact
    large = made(tmp_path, known=OR_LOST)
    for one in (replace(large, artifact=other), replace(large, artifact=_with_another_gateway(large.artifact))):
        proof = check_large(one, Engine.within(None), time.monotonic())
        assert proof.verdict is Verdict.REJECT, proof.reason


def test_a_rule_by_which_an_undefined_value_is_read_needs_the_whole_check(tmp_path: Path) -> None:
    large = made(tmp_path, known=OR_LOST)
    one = large.rules.entries["I.gateways"][0]
    lost = replace(one, matches=(Exact(5),), action=ActionCall("lost"))
    with pytest.raises(NotSuitable):
        Standing(large, Engine.within(None)).changed([Change(0, "I.gateways", lost)])


def _with_another_gateway(bridge: Bridge) -> Bridge:
    """One of the flows that say where a gateway's packets go, with another one's number."""
    tables = sorted({f.table for f in bridge.flows if sum(g.table == f.table for g in bridge.flows) >= COUNT})
    gateways = [n for n, flow in enumerate(bridge.flows) if flow.table == tables[1]]
    first, second = (bridge.flows[n] for n in gateways[:2])
    flows: list[Any] = list(bridge.flows)
    flows[gateways[0]] = replace(first, actions=second.actions)
    return replace(bridge, flows=tuple(flows))
