"""`check` of an eBPF that has the rules of some tables in its code, the others in maps, under many rules."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from p4verify.checks import PACKETS, Checker
from p4verify.inputs import read_rules
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.ruleset import Rule, RuleSet
from p4verify.targets import find
from tests.support import large_rules

OVERLAPPING = (
    "table_add I.acl I.permit 0x0a000000&&&0xff000000 0x0&&&0x0 0x06&&&0xff => 1",
    "table_add I.acl I.deny 0x0a010000&&&0xffff0000 0x0&&&0x0 0x0&&&0x0 => 2",
    "table_add I.acl I.permit 0x0&&&0x0 0x0a020000&&&0xffff0000 0x0&&&0x0 => 3",
    "table_add I.acl I.deny 0x0&&&0x0 0x0a000000&&&0xff000000 0x11&&&0xff => 4",
    "table_add I.routes I.forward 10.0.0.0/8 => 0x020000000001 1",
    "table_add I.routes I.forward 10.2.0.0/16 => 0x020000000002 2",
    "table_add I.routes I.forward 10.2.3.0/24 => 0x020000000003 3",
    "table_add I.routes I.unroutable 10.3.0.0/16 =>",
)


@pytest.fixture
def program_and_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ir.Program, RuleSet]:
    """A router behind an access list, and rules that count as many."""
    monkeypatch.setattr("p4verify.checks.OPEN_FROM", 4)
    (tmp_path / "x.p4").write_text(large_rules.PLAIN_PROGRAM.replace("size = 2000000", "size = 1024"))
    (tmp_path / "x.cli").write_text("\n".join(OVERLAPPING))
    program = load_program(str(tmp_path / "x.p4"))
    return program, read_rules(str(tmp_path / "x.cli"), program)


def test_what_lies_in_maps_is_proven_for_every_rule_set(program_and_rules: tuple[ir.Program, RuleSet]) -> None:
    program, rules = program_and_rules
    target = find("ebpf")
    proof = Checker(program, rules).check_artifact(target, target.lower(program, rules, {}), None).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert proof.quantified_over == PACKETS
    assert "every rule set" not in proof.reason
    assert "it holds of every rule set with these rules in I.acl, so of the rules given" in proof.warnings


def _without_the_second(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return rules[:1] + rules[2:]


def _swapped(rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return rules[1], rules[0], *rules[2:]


@pytest.mark.long
@pytest.mark.parametrize("wrong", [_without_the_second, _swapped])
def test_other_rules_in_the_code_are_rejected(
    program_and_rules: tuple[ir.Program, RuleSet], wrong: Callable[[tuple[Rule, ...]], tuple[Rule, ...]]
) -> None:
    program, rules = program_and_rules
    target = find("ebpf")
    other = replace(rules, entries={**rules.entries, "I.acl": wrong(rules.of("I.acl"))})
    artifact = target.lower(program, other, {})
    proof = Checker(program, rules, machines_confirm=False).check_artifact(target, artifact, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason


@pytest.mark.long
def test_many_rules_lie_in_maps_and_hold_for_every_rule_set(
    program_and_rules: tuple[ir.Program, RuleSet], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("p4verify.targets.ebpf.layout.MOST_COMPILED_IN", 3)
    program, rules = program_and_rules
    target = find("ebpf")
    artifact = target.lower(program, rules, {})
    proof = Checker(program, rules).check_artifact(target, artifact, None).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "it holds of every rule set, so of the rules given" in proof.warnings
    other = target.lower(program, replace(rules, entries={**rules.entries, "I.acl": rules.of("I.acl")[:3]}), {})
    proof = Checker(program, rules, machines_confirm=False).check_artifact(target, other, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
