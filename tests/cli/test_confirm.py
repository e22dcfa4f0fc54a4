"""Differences that only show with particular rules: the rules that both sides ask for are made real."""

from __future__ import annotations

from pathlib import Path

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.inputs import SourceOptions, read_program
from p4verify.proofs.verdict import Verdict
from tests.support.mutants import Mutant, ebpf_mutants

ACL = Path(__file__).resolve().parents[2] / "examples" / "acl.p4"


def _key_mutants() -> list[Mutant]:
    artifact = targets.find("ebpf").lower(read_program(str(ACL), SourceOptions()), None, {"hook": "xdp"})
    return [m for m in ebpf_mutants(artifact) if m.what == "map key: left out"]


@pytest.mark.parametrize("mutant", _key_mutants(), ids=lambda mutant: str(mutant.where))
def test_a_wrong_byte_of_a_map_key_is_shown_with_the_rules_of_both_sides(mutant: Mutant) -> None:
    """The program asks its table for one key, the mutant for another: both keys' answers have to be made real."""
    checker = Checker(read_program(str(ACL), SourceOptions()), None, machines_confirm=False)
    result = checker.check_artifact(targets.find("ebpf"), mutant.artifact, None)
    assert result.verdict is Verdict.REJECT, result.proof.reason


VLAN = ACL.with_name("vlan_filter.p4")


@pytest.mark.long
def test_a_hash_map_holds_no_key_with_bits_in_its_padding() -> None:
    """The VLAN's number is not cut to 12 bits for the key: what is looked up then is in no map that rules fill."""
    program = read_program(str(VLAN), SourceOptions())
    target = targets.find("ebpf")
    artifact = target.lower(program, None, {})
    checker = Checker(program, None, machines_confirm=False)
    verdicts = {
        (m.what, m.where): checker.check_artifact(target, m.artifact, None).proof
        for m in ebpf_mutants(artifact)
        if m.what in ("map key: left out", "map key: register")
    }
    assert len(verdicts) > 4
    assert not {where: p.reason for where, p in verdicts.items() if p.verdict is Verdict.UNDECIDED}


@pytest.mark.long
@pytest.mark.parametrize(
    ("example", "hook", "where"),
    [
        ("acl", "xdp", "instruction 53"),
        pytest.param("vlan_filter", "xdp", "instruction 49", marks=pytest.mark.campaign),
    ],
)
def test_what_depends_on_an_address_is_rejected(example: str, hook: str, where: str) -> None:
    """A register that was not overwritten holds a pointer, which is compared with a number, or turned around."""
    program = read_program(str(ACL.with_name(f"{example}.p4")), SourceOptions())
    target = targets.find("ebpf")
    made = ebpf_mutants(target.lower(program, None, {"hook": hook}))
    chosen = [m for m in made if m.where == where and m.what in ("register", "left out")]
    checker = Checker(program, None, machines_confirm=False)
    verdicts = [checker.check_artifact(target, m.artifact, None).proof for m in chosen]
    assert chosen
    assert {p.verdict for p in verdicts} <= {Verdict.REJECT, Verdict.ACCEPT}, [p.reason for p in verdicts]
    assert Verdict.REJECT in {p.verdict for p in verdicts}


@pytest.mark.long
def test_a_shrunk_packet_is_still_one_that_gets_to_the_machine() -> None:
    """tc drops a frame whose tag is cut short before any program sees it: no difference may be shown on one."""
    program = read_program(str(VLAN), SourceOptions())
    target = targets.find("ebpf")
    checker = Checker(program, None, machines_confirm=False)
    found = [
        checker.check_artifact(target, m.artifact, None).proof.counterexample
        for m in ebpf_mutants(target.lower(program, None, {}))
        if m.what == "map"
    ]
    packets = [example.packet for example in found if example is not None]
    assert len(packets) > 2
    assert all(len(p) >= 20 for p in packets if p[12:14] in (b"\x81\x00", b"\x88\xa8")), [p.hex() for p in packets]
