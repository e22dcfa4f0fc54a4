"""A sample of the mutation campaign: small changes to lowered artifacts, judged by the checker and by this kernel."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.inputs import SourceOptions, read_program, read_rules
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.read import read_rules as parse_rules
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.openflow.artifact import print_flow, read_text
from p4verify.targets.u32.oracle import KernelU32
from tests.support.lowered import runs_of
from tests.support.machines import require
from tests.support.mutants import ebpf_mutants, u32_mutants
from tests.support.mutation import EbpfMachine, Judged, Subject, U32Machine, judge, judge_again, subject
from tests.support.openflow_mutants import openflow_mutants

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PACKETS = 1000

pytestmark = pytest.mark.oracle


LONG = pytest.param("ebpf router tc", marks=pytest.mark.campaign)


@pytest.fixture(scope="module", params=["ebpf acl tc", "ebpf vlan_filter xdp", LONG, "u32 acl"])
def made(request: pytest.FixtureRequest) -> Iterator[Subject]:
    """A lowered example on this kernel; skipped where there is none, a failure where one is required."""
    name, example, *hook = request.param.split()
    program = read_program(str(EXAMPLES / f"{example}.p4"), SourceOptions())
    rules = read_rules(str(EXAMPLES / f"{example}.rules.cli"), program)
    with KernelOracle() if name == "ebpf" else KernelU32() as oracle:
        require(oracle)
        machine = EbpfMachine(oracle) if isinstance(oracle, KernelOracle) else U32Machine(oracle)
        options = {"hook": hook[0]} if hook else {}
        rng = random.Random(request.param)
        yield subject(request.param, program, rules, targets.find(name), options, machine, rng, PACKETS, 20)


def _judged(made: Subject, count: int) -> list[Judged]:
    """``count`` mutants that the machine takes."""
    judged: list[Judged] = []
    for mutant in made.mutants(random.Random(3)):
        one = judge(made, mutant)
        if one.loads:
            judged.append(one)
        if len(judged) == count:
            break
    return [judge_again(made, one) for one in judged]


@pytest.mark.long
def test_what_differs_is_rejected_and_what_is_accepted_does_not_differ(made: Subject) -> None:
    judged = _judged(made, 9)
    assert [str(one) for one in judged if one.wrong] == []
    assert sum(one.verdict == "reject" and one.differs is not None for one in judged) >= 2
    assert len({one.mutant.what for one in judged}) >= 6


def test_the_lowered_artifact_itself_is_accepted_and_does_not_differ(made: Subject) -> None:
    mutant = next(made.mutants(random.Random(1)))
    one = judge(made, replace(mutant, artifact=made.artifact))
    assert (one.verdict, one.loads, one.differs, one.wrong) == ("accept", True, None, None)


def test_what_the_original_is_seen_to_do_once_only_is_no_difference(made: Subject) -> None:
    """As where the machine was too busy to send a frame in time."""
    late = [
        replace(trial, expected=replace(trial.expected, packets=((),) * len(trial.packets))) for trial in made.trials
    ]
    mutant = next(made.mutants(random.Random(1)))
    one = judge(replace(made, trials=late), replace(mutant, artifact=made.artifact))
    assert (one.verdict, one.loads, one.differs, one.wrong) == ("accept", True, None, None)


class _Gullible(Checker):
    """A checker that says the same of everything."""

    says = Verdict.ACCEPT

    def check_artifact(self, *_: Any, **__: Any) -> Any:
        return SimpleNamespace(proof=Proof(self.says, "it looks good"))


@pytest.mark.parametrize(
    ("says", "expected"),
    [(Verdict.ACCEPT, "WRONG ACCEPT"), (Verdict.UNSUPPORTED, "missed"), (Verdict.UNDECIDED, "missed")],
)
def test_a_checker_that_takes_everything_is_found_out(made: Subject, says: Verdict, expected: str) -> None:
    gullible = _Gullible(made.program)
    gullible.says = says
    judged = _judged(replace(made, checker=gullible), 14)
    assert sum(one.wrong == expected for one in judged) >= 4


def test_mutants_are_of_every_kind(made: Subject) -> None:
    is_ebpf = made.target.name == "ebpf"
    kinds = {m.what for m in (ebpf_mutants if is_ebpf else u32_mutants)(made.artifact)}  # type: ignore[operator]
    wanted = {"offset", "constant", "jump", "condition", "byte order", "action", "map", "map key: offset", "size"}
    if not is_ebpf:
        wanted = {"offset", "mask", "value", "byte order", "action", "priority", "order", "filter left out"}
    assert wanted <= kinds


@pytest.mark.parametrize("example", ["bridge", "firewall", "qinq"])
def test_mutants_of_flows_can_be_written(example: str) -> None:
    program = read_program(str(EXAMPLES / f"{example}.p4"), SourceOptions())
    rules = read_rules(str(EXAMPLES / f"{example}.rules.cli"), program)
    mutants = list(openflow_mutants(targets.find("openflow").lower(program, rules, {})))
    assert {"value", "priority", "flow left out"} <= {mutant.what for mutant in mutants}
    for flow in {flow for mutant in mutants for flow in mutant.artifact.flows}:
        assert read_text(print_flow(flow)).flows[0].match == flow.match


_UNDEFINED = """
#include <core.p4>
#include <v1model.p4>
header h_t { FIELDS }
struct headers { h_t h; }
struct meta { }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.h); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) { apply { } }
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) { apply { BODY } }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.h); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
""".replace("FIELDS", " ".join(f"bit<8> f{i};" for i in range(12))).replace(
    "BODY", " ".join(f"bit<8> any{i}; hdr.h.f{i} = any{i};" for i in range(12))
)
_POLICED = """table_add PolicerIngress.wires forward 1 => 2
table_add PolicerIngress.wires forward 3 => 4
table_add PolicerIngress.subscribers police 1 10.1.0.3 => 0
table_add PolicerIngress.subscribers drop 3 10.3.9.1 =>"""
_FRAMES = [
    (port, bytes(12) + bytes.fromhex("0800 4500002400070000 40060000") + bytes(source) + bytes(18))
    for port, source in [(1, (10, 1, 0, 3)), (3, (10, 3, 9, 1))]
]


@pytest.mark.long
def test_another_colour_than_the_original_gets_is_not_a_difference() -> None:
    """The program leaves it to whoever polices: a mutant that asks another map for it does what the program may do."""
    program = read_program(str(EXAMPLES / "policer.p4"), SourceOptions())
    rules = parse_rules(_POLICED, "policed", program)
    lowering, rng = {"hook": "xdp", "port0": "2"}, random.Random(1)
    with KernelOracle() as oracle:
        require(oracle)
        machine = EbpfMachine(oracle)
        made = subject("policer", program, rules, targets.find("ebpf"), lowering, machine, rng, 0, 20)
        [trial] = made.trials = [made.trial(rules, _FRAMES)]
        insns = made.artifact.programs[0].insns
        judged: dict[bool, list[str | None]] = {True: [], False: []}
        differ = False
        for mutant in ebpf_mutants(made.artifact):
            if mutant.what == "map":
                asked = insns[int(mutant.where.rpartition(" ")[2])].map == "PolicerIngress_rates_colours"
                judged[asked].append(judge(replace(made, checker=_Gullible(program)), mutant).wrong)
                differ |= asked and machine.run(mutant.artifact, trial.packets, trial.tables) != trial.expected
    assert differ
    assert set(judged[True]) == {None}
    assert "WRONG ACCEPT" in judged[False]


@pytest.mark.long
def test_another_member_than_bmv2_picks_is_a_difference() -> None:
    """An object is proven to pick as BMv2 does, so a mutant that picks otherwise is not excused by the program."""
    program = read_program(str(EXAMPLES / "ecmp.p4"), SourceOptions())
    rules = read_rules(str(EXAMPLES / "ecmp.rules.cli"), program)
    lowering, rng = {"hook": "xdp", "port0": "2"}, random.Random(1)
    others = 0
    with KernelOracle() as oracle:
        require(oracle)
        made = subject("ecmp", program, rules, targets.find("ebpf"), lowering, EbpfMachine(oracle), rng, 60, 20)
        for (port, frame), seen in zip(made.trials[0].packets, made.trials[0].expected.packets, strict=True):
            assert made.allows(made.trials[0], port, frame, seen)
            [picked] = (tuple(sorted(r.outputs)) for r in runs_of(program, rules, frame, port, any_member=False))
            for other in {tuple(sorted(run.outputs)) for run in runs_of(program, rules, frame, port)} - {picked}:
                others += 1
                assert not made.allows(made.trials[0], port, frame, (other, {}))
    assert others


def test_a_port_that_nothing_defines_may_be_another_one() -> None:
    """Frames from ports without a VLAN leave ``bridge`` by a port that the program never says: 0, or none."""
    program = read_program(str(EXAMPLES / "bridge.p4"), SourceOptions())
    rules = parse_rules("table_set_default BridgeIngress.port_vlans BridgeIngress.classify 5", "open", program)
    lowering, rng = {"hook": "tc", "port0": "2"}, random.Random(1)
    frame = bytes(12) + b"\x08\x00" + bytes(50)
    with KernelOracle() as oracle:
        require(oracle)
        made = subject("bridge", program, rules, targets.find("ebpf"), lowering, EbpfMachine(oracle), rng, 0, 20)
        trial = made.trial(rules, [(1, frame)])
        [seen] = trial.expected.packets
    assert seen[0] == (("port", 0, frame),)
    assert made.allows(trial, 1, frame, ((), {}))
    assert made.allows(trial, 1, frame, ((("port", 3, frame),), {}))
    assert not made.allows(trial, 1, frame, ((("port", 3, frame[1:]),), {}))
    assert not made.allows(trial, 1, frame, ((), {"mark": 1}))


@pytest.mark.long
def test_a_port_that_nothing_defines_may_be_none_behind_many_other_values() -> None:
    """It is asked for first, and not all ways to choose the twelve bytes behind are tried."""
    program = load_text(_UNDEFINED, "undefined.p4").program
    frame = bytes(60)
    with KernelOracle() as oracle:
        require(oracle)
        made = subject("undefined", program, RuleSet({}), targets.find("ebpf"), {"hook": "tc", "port0": "2"},
                       EbpfMachine(oracle), random.Random(1), 0, 20)  # fmt: skip
        trial = made.trial(RuleSet({}), [(1, frame)])
    assert made.allows(trial, 1, frame, ((), {}))
    assert not made.allows(trial, 1, frame, ((("port", 0, bytes(12) + b"\x01" * 48),), {}))
