"""Machines that were accepted for one program which leaves something open."""

from __future__ import annotations

from pathlib import Path

from p4verify import targets
from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from tests.support.metered import DROPPED, PROGRAM, RULES

UNDEFINED = "bit<1> junk; if (junk == 1) { mark_to_drop(standard); }"


def agreement(tmp_path: Path, body: str) -> Proof:
    """What eBPF, which has all packets green, is said to be against filters that drop what is above a rate."""
    (tmp_path / "m.p4").write_text(PROGRAM.replace("@BODY@", body))
    program = load_program(str(tmp_path / "m.p4"))
    rules = read_rules(RULES, "m.cli", program)
    checker = Checker(program, rules, None, machines_confirm=False)
    for name in ("ebpf", "flower"):
        target = targets.find(name)
        proof = checker.check_artifact(target, target.lower(program, rules, {}), None, name).proof
        assert proof.verdict is Verdict.ACCEPT, proof.reason
    (result,) = checker.check_agreement()
    return result.proof


def test_each_has_meters_of_its_own(tmp_path: Path) -> None:
    proof = agreement(tmp_path, DROPPED)
    assert proof.verdict is Verdict.ACCEPT
    assert "each does what the program allows" in proof.reason
    assert proof.reason.endswith("leaves open to every machine: the colour of a meter")
    assert proof.tally.compared


def test_undefined_values_are_not_a_matter_of_each_machine(tmp_path: Path) -> None:
    proof = agreement(tmp_path, UNDEFINED + DROPPED)
    assert proof.verdict is Verdict.REJECT
    assert "a value that the program leaves undefined" in proof.reason
