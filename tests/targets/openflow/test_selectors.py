"""Action selectors as groups that choose: an arbitrary choice is right where the program's choice is arbitrary, too."""

from __future__ import annotations

import random
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.realise import describe
from p4verify.semantics.ir import Program
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import ActionCall, Answer, GroupRef, RuleSet
from p4verify.targets import find
from p4verify.targets.base import CannotOffload
from p4verify.targets.openflow.artifact import Bridge, Bucket, Resubmit, Selection, SetField, read_text
from p4verify.targets.openflow.oracle import OpenVSwitch
from tests.support.lowered import judge, runs_of

TARGET = find("openflow")
PROGRAM = """
#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
struct headers_t { ethernet_t ethernet; }
struct metadata_t { bit<9> port; bit<9> first; }
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start { packet.extract(hdr.ethernet); transition accept; }
}
control V(inout headers_t hdr, inout metadata_t meta) { apply {} }
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    action to(bit<9> port) { meta.port = port; }
    action drop() { mark_to_drop(standard); }
    @SELECTOR@ ways;
    table t { key = { hdr.ethernet.dst: exact; @KEYS@ } actions = { to; drop; } implementation = ways;
              default_action = drop(); }
    table u { key = { hdr.ethernet.dst: exact; @KEYS@ } actions = { to; drop; } implementation = ways;
              default_action = drop(); }
    apply { meta.port = 9; @BODY@ standard.egress_spec = meta.port; }
}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) { apply {} }
control C(inout headers_t hdr, inout metadata_t meta) { apply {} }
control D(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.ethernet); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
MEMBERS = """act_prof_create_member ways to 1
act_prof_create_member ways to 2
act_prof_create_member ways to 3
act_prof_create_group ways
act_prof_add_member_to_group ways 0 0
act_prof_add_member_to_group ways 1 0
"""
BOTH = "t.apply(); meta.first = meta.port; u.apply(); if (meta.first != meta.port) { meta.port = 7; }"
DST = "02:00:00:00:00:01"


def program(tmp_path: Path, body: str, rules: str, *, selector: bool = True) -> tuple[Program, RuleSet]:
    """A program with two tables that share a selector (or a profile), and its rules."""
    text = PROGRAM.replace("@BODY@", body).replace("@KEYS@", "hdr.ethernet.src: selector;" if selector else "")
    kind = "action_selector(HashAlgorithm.crc16, 64, 14)" if selector else "action_profile(64)"
    path = tmp_path / "p.p4"
    path.write_text(text.replace("@SELECTOR@", kind))
    loaded = load_program(str(path))
    return loaded, read_rules(rules, "rules", loaded)


def verdict(loaded: tuple[Program, RuleSet], bridge: Bridge) -> Verdict:
    """What is said of flows for a program."""
    return Checker(*loaded, machines_confirm=False).check_artifact(TARGET, bridge, None).proof.verdict


def chosen(tmp_path: Path) -> tuple[tuple[Program, RuleSet], Bridge]:
    """A program with one choice, and its flows."""
    rules = f"{MEMBERS}table_indirect_add_with_group t {DST} => 0\ntable_indirect_add t 02:00:00:00:00:02 => 2"
    loaded = program(tmp_path, "t.apply();", rules)
    return loaded, TARGET.lower(*loaded, {})


def test_a_group_of_a_selector_is_a_group_that_chooses_by_its_key(tmp_path: Path) -> None:
    loaded, bridge = chosen(tmp_path)
    (group,) = bridge.groups
    assert (group.kind, group.selection) == ("select", Selection("hash", 0, ("eth_src",)))
    assert len(group.buckets) == 2
    assert all(isinstance(bucket.actions[-1], Resubmit) for bucket in group.buckets)
    result = Checker(*loaded, machines_confirm=False).check_artifact(TARGET, bridge, None)
    assert result.proof.verdict is Verdict.ACCEPT
    assert any("the switch's choice" in note for note in result.proof.warnings)


def test_a_bucket_that_does_what_no_member_does_is_rejected(tmp_path: Path) -> None:
    loaded, bridge = chosen(tmp_path)
    (group,) = bridge.groups
    first, second = group.buckets
    one, two = first.actions[0], second.actions[0]
    assert isinstance(one, SetField)
    assert isinstance(two, SetField)
    ports = one.value ^ two.value  # 1 and 2, somewhere in a register
    wrong = Bucket((replace(one, value=one.value ^ (ports & -ports) << 2), *first.actions[1:]))
    mutant = replace(bridge, groups=(replace(group, buckets=(first, wrong)),))
    assert verdict(loaded, mutant) is Verdict.REJECT


def test_weights_are_kept(tmp_path: Path) -> None:
    twice = MEMBERS + "act_prof_create_member ways to 1\nact_prof_add_member_to_group ways 3 0\n"
    loaded = program(tmp_path, "t.apply();", f"{twice}table_indirect_add_with_group t {DST} => 0")
    bridge = TARGET.lower(*loaded, {})
    (group,) = bridge.groups
    assert [bucket.weight for bucket in group.buckets] == [2, 1]
    assert verdict(loaded, bridge) is Verdict.ACCEPT


def test_a_pick_is_first_tried_as_what_the_group_made_for_it_chooses(tmp_path: Path) -> None:
    """So that it takes no longer to compare many routes than few."""
    routes = "".join(f"table_indirect_add_with_group t 02:00:00:00:01:{i:02x} => 0\n" for i in range(20))
    loaded = program(tmp_path, "t.apply();", MEMBERS + routes)
    bridge = TARGET.lower(*loaded, {})
    spec = TARGET.relate(loaded[0], bridge, loaded[1]).settled(meaning(*loaded))
    assert {c.likely for c in spec.choices} >= {c.variable for c in TARGET.meaning(bridge).choices}
    proof = Checker(*loaded, machines_confirm=False).check_artifact(TARGET, bridge, None).proof
    assert proof.verdict is Verdict.ACCEPT
    assert proof.tally.solved < 20


def test_members_of_a_profile_are_plain_actions(tmp_path: Path) -> None:
    members = "act_prof_create_member ways to 1\n" + f"table_indirect_add t {DST} => 0"
    loaded = program(tmp_path, "t.apply();", members, selector=False)
    bridge = TARGET.lower(*loaded, {})
    assert not bridge.groups
    assert verdict(loaded, bridge) is Verdict.ACCEPT


def test_a_group_that_is_asked_twice_answers_alike(tmp_path: Path) -> None:
    """One pick is one function of the key: flows that send where only two different picks would are rejected."""
    rules = MEMBERS + "".join(f"table_indirect_add_with_group {table} {DST} => 0\n" for table in "tu")
    loaded = program(tmp_path, BOTH, rules)
    with pytest.raises(CannotOffload, match="asked twice for one packet"):
        TARGET.lower(*loaded, {})
    flows = f"group_id=1,type=select,{{}}\ndl_dst={DST} actions=load:0->NXM_OF_IN_PORT[],group:1\n"
    flows += "priority=1 actions=load:0->NXM_OF_IN_PORT[],output:9"
    right = read_text(flows.format("bucket=output:1,bucket=output:2"))
    wrong = read_text(flows.format("bucket=output:1,bucket=output:2,bucket=output:7"))
    assert verdict(loaded, right) is Verdict.ACCEPT
    assert verdict(loaded, wrong) is Verdict.REJECT


def test_rules_with_groups_are_told_as_commands_that_make_them(tmp_path: Path) -> None:
    said = MEMBERS + f"table_indirect_add_with_group t {DST} => 0\ntable_indirect_add t 02:00:00:00:00:02 => 2\n"
    loaded, rules = program(tmp_path, "t.apply();", said + "table_indirect_set_default_with_group t 0")
    again = read_rules("\n".join(describe(rules, loaded)), "again", loaded)
    for table, entries in rules.entries.items():
        for before, after in zip(entries, again.entries[table], strict=True):
            assert before.matches == after.matches
            assert calls(rules, before.action) == calls(again, after.action)
    assert calls(rules, rules.defaults["I.t"]) == calls(again, again.defaults["I.t"])


def calls(rules: RuleSet, answer: Answer) -> tuple[ActionCall, ...]:
    """What an answer chooses among."""
    return rules.members(answer) if isinstance(answer, GroupRef) else (answer,)


@pytest.mark.oracle
def test_a_run_may_answer_by_any_member_and_by_nothing_else(tmp_path: Path, switch: OpenVSwitch) -> None:
    """What the campaigns take for a mismatch: what no pick of the program does, not what another pick does."""
    (loaded, rules), bridge = chosen(tmp_path)
    right = judge(TARGET, switch, loaded, rules, bridge, random.Random(1), 200)
    assert right.mismatches == []
    assert right.chosen > 10
    (group,) = bridge.groups
    wrong = replace(bridge, groups=(replace(group, buckets=(*group.buckets, Bucket(()))),))
    assert judge(TARGET, switch, loaded, rules, wrong, random.Random(1), 200).mismatches


def test_runs_pick_each_member_once_and_alike_for_one_key(tmp_path: Path) -> None:
    rules = MEMBERS + "".join(f"table_indirect_add_with_group {table} {DST} => 0\n" for table in "tu")
    frame = bytes.fromhex("020000000001 0200000000aa 88b5")
    same = [out[1] for one in runs_of(*program(tmp_path, BOTH, rules), frame, 5) for out in one.outputs]
    assert same == [1, 2]
    other = BOTH.replace("u.apply()", "hdr.ethernet.src = 7; u.apply()")
    apart = [out[1] for one in runs_of(*program(tmp_path, other, rules), frame, 5) for out in one.outputs]
    assert apart == [1, 7, 7, 2]


@pytest.mark.oracle
def test_the_switch_gives_one_key_one_member(tmp_path: Path, switch: OpenVSwitch) -> None:
    _, bridge = chosen(tmp_path)
    frames = [
        bytes.fromhex("0200000000010200000000") + bytes((i % 16,)) + b"\x88\xb5" + bytes((i,)) * 50 for i in range(64)
    ]
    ports = defaultdict(set)
    for frame, seen in zip(frames, switch.run(bridge, [(5, frame) for frame in frames]), strict=True):
        ((_, port, sent),) = seen.outputs
        assert sent == frame
        ports[frame[11]].add(port)
    assert {len(found) for found in ports.values()} == {1}
    assert set.union(*ports.values()) == {1, 2}
