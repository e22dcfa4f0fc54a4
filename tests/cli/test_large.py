"""`check` with rule sets that are too large for terms."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from p4verify.checks import Checker
from p4verify.inputs import read_rules
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.scale import Large, LargePair, check_large
from p4verify.semantics.p4.frontend import load_program
from p4verify.targets import find
from p4verify.targets.tc.artifact.actions import DROP, PASS, Gact
from tests.support import large_rules

from .conftest import EXAMPLES, Command


@pytest.mark.long
def test_every_error_of_a_foreign_dump_is_found_and_nothing_else(p4verify: Command, tmp_path: Path) -> None:
    rules = large_rules.generate(540, 3)
    program, given, filters = tmp_path / "x.p4", tmp_path / "x.cli", tmp_path / "x.tc"
    program.write_text(large_rules.PLAIN_PROGRAM)
    given.write_text("\n".join(large_rules.command_lines(rules)))
    filters.write_text("\n".join(large_rules.foreign_filters(rules, 7, errors=3)))
    ended = p4verify("check", program, "--rules", given, "--against", filters, "--format", "json", "--no-machines")
    (result,) = ended.json()["results"]
    assert ended.code == 1, result["reason"]
    regions = result["regions"]
    assert len(regions) == 3
    told = sorted(" ".join(region["rules"]) for region in regions)
    assert "I.deny" in told[2]
    assert "I.forward" in told[0]
    assert "I.forward" in told[1]
    assert all(f"{given}:" in " ".join(region["rules"]) for region in regions)
    assert any(f"{filters}:" in " ".join(region["entries"]) for region in regions)
    assert result["counterexample"]["packet"] == regions[0]["packet"]


def verdict(tmp_path: Path, rules: large_rules.Rules, flows: list[str]) -> Proof:
    (tmp_path / "x.p4").write_text(large_rules.PROGRAM)
    (tmp_path / "x.cli").write_text("\n".join(large_rules.command_lines(rules)))
    program = load_program(str(tmp_path / "x.p4"))
    target = find("openflow")
    artifact: Any = target.read("\n".join(flows).encode(), "x.flows")
    given = read_rules(str(tmp_path / "x.cli"), program)
    large = Large(program, given, target, artifact, machines_confirm=False, open_from=8)
    return check_large(large, Engine.within(None), time.monotonic())


def test_an_equal_dump_that_is_written_otherwise_is_accepted(tmp_path: Path) -> None:
    rules = large_rules.generate(60, 5)
    proof = verdict(tmp_path, rules, large_rules.foreign_flows(rules, 9))
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert proof.tally.compared > 0


@pytest.mark.long
@pytest.mark.parametrize("errors", [0, 3])
def test_flower_filters_in_chains_are_compared_by_regions(tmp_path: Path, errors: int) -> None:
    rules = large_rules.generate(400, 3)
    (tmp_path / "x.p4").write_text(large_rules.PLAIN_PROGRAM)
    (tmp_path / "x.cli").write_text("\n".join(large_rules.command_lines(rules)))
    program, target = load_program(str(tmp_path / "x.p4")), find("flower")
    artifact = target.read("\n".join(large_rules.foreign_filters(rules, 7, errors)).encode(), "x.tc")
    large = Large(program, read_rules(str(tmp_path / "x.cli"), program), target, artifact, False, 8)
    proof = check_large(large, Engine.within(None), time.monotonic())
    assert proof.verdict is (Verdict.REJECT if errors else Verdict.ACCEPT), proof.reason
    assert len(proof.regions) == errors
    assert all("x.tc:" in " ".join(region.entries) for region in proof.regions)


ACCESS = """
#include <core.p4>
#include <ebpf_model.p4>
header eth_h { bit<96> addresses; bit<16> type; }
header ipv4_h { bit<64> before; bit<8> ttl; bit<8> proto; bit<16> sum; bit<32> src; bit<32> dst; }
struct headers { eth_h eth; ipv4_h ip; }
parser P(packet_in p, out headers hdr) {
    state start { p.extract(hdr.eth); transition select(hdr.eth.type) { 0x0800: ip; default: reject; } }
    state ip { p.extract(hdr.ip); transition accept; }
}
control F(inout headers hdr, out bool accept) {
    action permit() { accept = true; }
    action deny() { accept = false; }
    table access {
        key = { hdr.ip.src : ternary; hdr.ip.dst : ternary; hdr.ip.proto : ternary; }
        actions = { permit; deny; }
        const default_action = permit();
        implementation = hash_table(2000000);
    }
    apply { accept = true; access.apply(); }
}
ebpfFilter(P(), F()) main;
"""


def test_u32_filters_of_our_own_and_one_of_them_changed(tmp_path: Path) -> None:
    rules = large_rules.generate(120, 3)
    lines = [line for line in large_rules.command_lines(rules) if "I.acl" in line]
    (tmp_path / "x.p4").write_text(ACCESS)
    (tmp_path / "x.cli").write_text("\n".join(lines).replace("I.acl", "F.access").replace("I.", "F."))
    program, target = load_program(str(tmp_path / "x.p4")), find("u32")
    given = read_rules(str(tmp_path / "x.cli"), program)
    artifact: Any = target.lower(program, given, {})
    proof = check_large(Large(program, given, target, artifact, False, 8), Engine.within(None), time.monotonic())
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    last = max(
        i for i, one in enumerate(artifact.filters) if one.actions == (Gact(DROP),) and len(one.selector.keys) > 1
    )
    filters = [replace(one, actions=(Gact(PASS),)) if i == last else one for i, one in enumerate(artifact.filters)]
    wrong = replace(artifact, filters=tuple(filters))
    proof = check_large(Large(program, given, target, wrong, False, 8), Engine.within(None), time.monotonic())
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert len(proof.regions) == 1


@pytest.mark.long
def test_two_dumps_are_compared_without_a_program(p4verify: Command, tmp_path: Path) -> None:
    rules = large_rules.generate(540, 3)
    before, after = tmp_path / "before.tc", tmp_path / "after.tc"
    before.write_text("\n".join(large_rules.filters(rules)))
    after.write_text("\n".join(large_rules.foreign_filters(rules, 7, errors=1)))
    ended = p4verify("check", "--against", before, "--against", after, "--format", "json", "--no-machines")
    (result,) = ended.json()["results"]
    assert ended.code == 1, result["reason"]
    (region,) = result["regions"]
    assert f"{before}:" in " ".join(region["rules"])
    assert f"{after}:" in " ".join(region["entries"])


@pytest.mark.campaign
def test_two_equal_dumps_that_are_written_otherwise_are_accepted() -> None:
    rules = large_rules.generate(60, 5)
    target = find("openflow")
    texts = large_rules.flows(rules), large_rules.foreign_flows(rules, 9)
    first, second = ((target, target.read("\n".join(text).encode(), "x.flows")) for text in texts)
    proof = check_large(LargePair(first, second, False, 8), Engine.within(None), time.monotonic())
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert proof.tally.compared > 0


@pytest.mark.campaign
def test_software_and_hardware_that_are_accepted_with_many_rules_agree(p4verify: Command, tmp_path: Path) -> None:
    rules = large_rules.generate(540, 3)
    program, given, filters = tmp_path / "x.p4", tmp_path / "x.cli", tmp_path / "x.tc"
    program.write_text(large_rules.PLAIN_PROGRAM)
    given.write_text("\n".join(large_rules.command_lines(rules)))
    filters.write_text("\n".join(large_rules.filters(rules)))
    ended = p4verify(
        "check", program, "--rules", given, "--against", filters, "--target", "ebpf", "--format", "json"
    )  # fmt: skip
    verdicts = {result["target"]: result["verdict"] for result in ended.json()["results"]}
    assert verdicts == {"ebpf": "accept", "flower": "accept", "ebpf = flower": "accept"}


@pytest.mark.parametrize(("most", "verdict"), [(4096, Verdict.ACCEPT), (4, Verdict.UNDECIDED)])
def test_what_is_not_decided_by_regions_is_put_into_terms(
    monkeypatch: pytest.MonkeyPatch, most: int, verdict: Verdict
) -> None:
    monkeypatch.setattr("p4verify.checks.OPEN_FROM", 4)
    monkeypatch.setattr("p4verify.checks.IN_TERMS", most)
    monkeypatch.setattr("p4verify.checks.checked", lambda *_: (Proof(Verdict.UNDECIDED, "no end"), None))
    program = load_program(str(EXAMPLES / "acl.p4"))
    rules = read_rules(str(EXAMPLES / "acl.rules.cli"), program)
    proof = Checker(program, rules, machines_confirm=False).check_lowered(find("u32"), {}).proof
    assert proof.verdict is verdict, proof.reason
    assert any("no end" in text for text in proof.warnings) == (verdict is Verdict.ACCEPT)


def of_u32(tmp_path: Path, rules: large_rules.Rules, lines: list[str]) -> Proof:
    """The verdict on u32 filters, with all that is long left open."""
    (tmp_path / "x.p4").write_text(large_rules.PLAIN_PROGRAM)
    (tmp_path / "x.cli").write_text("\n".join(large_rules.command_lines(rules)))
    program, target = load_program(str(tmp_path / "x.p4")), find("u32")
    given = read_rules(str(tmp_path / "x.cli"), program)
    artifact: Any = target.read("\n".join(lines).encode(), "x.tc")
    large = Large(program, given, target, artifact, machines_confirm=False, open_from=8)
    return check_large(large, Engine.within(None), time.monotonic())


@pytest.mark.long
def test_differences_that_are_not_listed_are_not_taken_for_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = large_rules.generate(60, 5)
    wrong, right = (large_rules.foreign_u32(rules, 9, errors) for errors in (2, 0))
    monkeypatch.setattr("p4verify.scale.compared.LISTED", 0)
    proof = of_u32(tmp_path, rules, wrong)
    assert proof.verdict is Verdict.UNDECIDED
    assert "differ in more than" in proof.reason
    monkeypatch.setattr("p4verify.scale.compared.LISTED", 3)
    proof = of_u32(tmp_path, rules, right)
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.long
def test_a_table_that_is_two_chains_is_compared_with_both(tmp_path: Path) -> None:
    rules = large_rules.generate(30, 5)
    lines = large_rules.u32_filters(rules)
    tcp = next(line for line in lines if "pref 65000 chain 1" in line).replace("65000", "64000")
    tcp = tcp.replace("match u32 0 0 at 16", "match u32 0 0 at 16 match ip protocol 6 0xff").replace(
        "chain 2", "chain 3"
    )
    copies = [line.replace("chain 2 u32", "chain 3 u32") for line in lines if "chain 2 u32" in line]
    proof = of_u32(tmp_path, rules, [*lines, tcp, *copies])
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    routes = [line for line in copies if "mirred" in line]
    proof = of_u32(tmp_path, rules, [*lines, tcp, *(line for line in copies if line is not routes[3])])
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert len(proof.regions) == 1
