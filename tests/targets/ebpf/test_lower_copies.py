"""Multicast and clones of v1model programs at tc: proven for any member, and seen to leave the kernel."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.machine_in_runs import MachineInRuns
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import Replica, RuleSet, Session
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

TEXT: Final = """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; bit<8> b; bit<8> c; bit<8> d; }
struct headers { h_t h; }
struct kept_t { bit<8> x; }
struct meta { bit<8> m; @field_list(1) bit<8> n; @field_list(2) kept_t k; }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.h); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    apply { m.m = hdr.h.c; m.n = hdr.h.a; m.k.x = hdr.h.d; std.egress_spec = 5; INGRESS }
}
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) { LOCALS apply { EGRESS } }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.h); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
"""
MULTICAST: Final = "hdr.h.d = 7; if (hdr.h.a != 1) { std.mcast_grp = (bit<16>) hdr.h.b; }"
CLONE: Final = """if (hdr.h.a == 1) { clone(CloneType.I2E, (bit<32>) hdr.h.b); } hdr.h.d = 7;
if (hdr.h.c == 2) { mark_to_drop(std); }"""
COPIES: Final = """
if (std.instance_type == 5) { hdr.h.a = m.m; if (std.egress_rid == 3) { mark_to_drop(std); } }
else if (std.instance_type == 1) { hdr.h.a = (bit<8>) std.egress_port; }
"""
PRESERVING: Final = """if (hdr.h.a == 1) { clone_preserving_field_list(CloneType.I2E, (bit<32>) hdr.h.b, 1); }
else if (hdr.h.a == 2) { clone_preserving_field_list(CloneType.I2E, 6, 2); } m.n = m.n + 4;"""
KEPT: Final = """if (std.instance_type == 1) { if (m.n == 5) { hdr.h.d = m.n; } else { hdr.h.c = hdr.h.b + m.k.x; } }
else { m.n = 0; m.k.x = 0; }"""


AS_OUT: Final = """if (std.instance_type == 2) {
    hdr.h.a = m.n; hdr.h.b = (bit<8>) std.egress_rid; hdr.h.c = (bit<8>) std.egress_port;
} else if (std.instance_type == 0) {
    if (hdr.h.a == 1) { clone_preserving_field_list(CloneType.E2E, (bit<32>) hdr.h.b, 1); }
    hdr.h.d = hdr.h.d + 9; m.n = m.n + 1;
    if (hdr.h.c == 2) { mark_to_drop(std); }
}"""


@lru_cache
def program(ingress: str, egress: str = COPIES, locals: str = "") -> ir.Program:
    text = TEXT.replace("INGRESS", ingress).replace("EGRESS", egress).replace("LOCALS", locals)
    return load_text(text, "copies.p4").program


PROGRAMS: Final = {
    "multicast": (program(MULTICAST), program(MULTICAST, COPIES.replace("== 3", "== 4"))),
    "clones": (program(CLONE), program(CLONE.replace("a == 1", "a == 2"))),
    "clones with metadata": (program(PRESERVING, KEPT), program(PRESERVING.replace("m.n + 4", "m.n + 3"), KEPT)),
    "clones from egress": (program("", AS_OUT), program("", AS_OUT.replace("d + 9", "d + 8"))),
    "clones from both": (
        program(CLONE.replace("a == 1", "d == 1"), AS_OUT),
        program(CLONE.replace("a == 1", "d == 1"), AS_OUT.replace("m.n + 1", "m.n + 2")),
    ),
    "both": (program(MULTICAST + CLONE), program(CLONE + MULTICAST.replace("= 7", "= 8"))),
}


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in PROGRAMS if name != "both"])
def test_proven_for_any_member(name: str) -> None:
    first, second = PROGRAMS[name]
    checker = Checker(first, timeout=60, machines_confirm=False)
    proof = checker.check_lowered(TARGET, {"hook": "tc"}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    proof = checker.check_artifact(TARGET, lower(second, None, {"hook": "tc"}), None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason


TABLE: Final = """
action copy(bit<32> session) { clone(CloneType.I2E, session); }
action no() { }
table t { key = { hdr.h.a: exact; hdr.h.b: ternary; } actions = { copy; no; } default_action = no(); }
"""


FLOODS: Final = """
action flood(bit<16> group) { std.mcast_grp = GROUP; }
action no() { mark_to_drop(std); }
table floods { key = { hdr.h.a: exact; } actions = { flood; no; } default_action = no(); }
"""


@pytest.mark.long
def test_copies_to_another_session_are_told_apart_by_its_members(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rule is found, and the session that it says is read wrongly: with the same members it would be one."""
    monkeypatch.setattr(MachineInRuns, "reject", lambda *_: None)
    text = TEXT.replace("apply { m.m", TABLE + "apply { m.m")
    first, second = (
        load_text(
            each.replace("INGRESS", "t.apply(); mark_to_drop(std);").replace("EGRESS", "").replace("LOCALS", ""), "a.p4"
        ).program
        for each in (text, text.replace("I2E, session", "I2E, session ^ 4"))
    )
    made = lower(second, None, {"hook": "tc"})
    proof = Checker(first, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert len(proof.counterexample.rules) == 2, "an entry and a session, of the thousand that a model may have"


@pytest.mark.oracle
def test_groups_are_told_apart_by_what_is_sent_to_their_members() -> None:
    """A copy that egress drops, for it would go back to where the frame came from, tells nothing apart."""
    back = "if (std.egress_port == std.ingress_port) { mark_to_drop(std); }"
    text = TEXT.replace("apply { m.m", FLOODS + "apply { m.m").replace("EGRESS", back).replace("LOCALS", "")
    own, other = (
        load_text(text.replace("INGRESS", "floods.apply();").replace("GROUP", group), "a.p4").program
        for group in ("group", "(bit<16>)(bit<15>)group")
    )
    made = lower(own, None, {"hook": "tc", "port0": "2"})
    proof = Checker(other, timeout=60).check_artifact(TARGET, made, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert {"ebpf kernel", "interpreter"} <= set(proof.counterexample.confirmed_by)


def test_copies_leave_the_kernel(kernel_oracle: KernelOracle) -> None:
    first, _ = PROGRAMS["both"]
    groups = {4: (Replica(6, 1), Replica(7, 3), Replica(8, 2))}
    rules = RuleSet({}, multicast=groups, sessions={4: Session((Replica(6, 1), Replica(8, 2)))})
    artifact = lower(first, None, {"hook": "tc"})
    tables = TARGET.fill(first, artifact, rules)
    counts = []
    for head in (bytes((0, 4, 9, 1)), bytes((1, 4, 9, 1)), bytes((1, 4, 2, 1)), bytes((1, 5, 9, 1))):
        frame = head + bytes(range(1, 20))
        seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (6, 7, 8))
        expected = run(first, rules, frame, 5).outputs
        counts.append(len(expected))
        assert sorted(seen.outputs) == sorted(expected)
    assert counts == [2, 3, 2, 1]


@pytest.mark.oracle
def test_clones_keep_their_metadata_on_the_kernel(kernel_oracle: KernelOracle) -> None:
    first = program(PRESERVING, "if (std.instance_type == 1) { hdr.h.d = m.n; hdr.h.c = m.n + hdr.h.a; }")
    rules = RuleSet({}, sessions={4: Session((Replica(6, 1), Replica(8, 2)))})
    artifact = lower(first, None, {"hook": "tc"})
    tables = TARGET.fill(first, artifact, rules)
    frame = bytes((1, 4, 9, 1, *range(1, 20)))
    seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (6, 8))
    expected = run(first, rules, frame, 5).outputs
    assert sorted(seen.outputs) == sorted(expected)
    assert sorted(out[2][:4] for out in expected) == [bytes((1, 4, 6, 5))] * 2 + [frame[:4]]


@pytest.mark.oracle
@pytest.mark.parametrize("name", ["clones from egress", "clones from both"])
def test_clones_from_egress_leave_the_kernel(kernel_oracle: KernelOracle, name: str) -> None:
    first, _ = PROGRAMS[name]
    rules = RuleSet({}, sessions={4: Session((Replica(6, 1), Replica(8, 2)))})
    artifact = lower(first, None, {"hook": "tc"})
    tables = TARGET.fill(first, artifact, rules)
    lengths = set()
    for head in ((1, 4, 9, 1), (1, 4, 2, 1), (1, 5, 9, 1), (2, 4, 9, 1), (2, 4, 2, 2), (1, 4, 9, 2)):
        frame = bytes((*head, *range(1, 20)))
        seen, _ = kernel_oracle.run_on(artifact, (5, frame), tables, None, (6, 8))
        expected = run(first, rules, frame, 5).outputs
        lengths.add(len(expected))
        assert sorted(seen.outputs) == sorted(expected)
    assert len(lengths) > 2


WRITTEN: Final = "std.instance_type[7:0] = 0; "
COUNTED: Final = "hits.count((bit<32>) hdr.h.c);"


def test_instance_type_that_a_whole_assignment_writes_is_not_taken_for_the_packets() -> None:
    """Copies of packets took the branch for their own kind, whatever stood in ``std`` by then."""
    egress = """if (hdr.h.c == 3) { std = { instance_type = 0, ... }; }
    if (std.instance_type == 5) { hdr.h.a = 9; }"""
    of = program(MULTICAST, egress)
    made = lower(of, None, {"hook": "tc", "untagged": "1"})
    proof = Checker(of, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


REFUSED: Final = {
    "only at tc": (program(MULTICAST), "xdp"),
    "clone E2E of a copy": (program("", "clone(CloneType.E2E, 32w1);"), "tc"),
    "clone_preserving_field_list E2E of a copy": (program(WRITTEN, AS_OUT), "tc"),
    "clone I2E of a copy, or elsewhere": (program("", "clone(CloneType.I2E, 32w1);"), "tc"),
    "clone E2E of a copy, or elsewhere": (program("clone(CloneType.E2E, 32w1);", ""), "tc"),
    "what egress does for each clone": (
        program(CLONE, AS_OUT + COUNTED, "counter(256, CounterType.packets) hits;"),
        "tc",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_with_its_place(what: str) -> None:
    given, hook = REFUSED[what]
    with pytest.raises(CannotOffload, match=what) as refusal:
        lower(given, None, {"hook": hook})
    assert refusal.value.span.line > 0
