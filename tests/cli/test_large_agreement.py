"""Software against hardware where a machine was accepted although some of its entries are not those of the rules."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Verdict
from p4verify.scale import Large, NotAccepted, Standing
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.read import read_rules
from p4verify.targets import find
from tests.support.large_programs import checked, of_ethernet

PROGRAM = of_ethernet(
    """
    action drop() { mark_to_drop(standard); }
    action forward(bit<9> port) { standard.egress_spec = port; }
    table stations {
        key = { hdr.eth.dst: exact; }
        actions = { forward; drop; }
        default_action = drop();
    }
    table banned {
        key = { hdr.eth.dst: exact; }
        actions = { drop; NoAction; }
        const default_action = NoAction();
        const entries = { 7: drop(); }
    }
    apply { stations.apply(); banned.apply(); }
"""
)
TARGET = find("openflow")


def rules(port: int) -> str:
    """A station behind each of 300 addresses; that of address 7, whose frames are dropped, behind ``port``."""
    return "\n".join(
        f"table_add I.stations I.forward 0x{n:012x} => {port if n == 7 else 2 + n % 3}" for n in range(300)
    )


def large(given: int, installed: int) -> Large:
    """The program under the rules with one port, and the flows that were made of those with another one."""
    program = load_text(PROGRAM, "banned.p4").program
    first, second = (read_rules(rules(port), "banned.cli", program) for port in (given, installed))
    return Large(program, first, TARGET, TARGET.lower(program, second, {}), machines_confirm=False)


def test_a_machine_whose_entries_differ_without_a_difference_is_compared_with_software() -> None:
    one = large(3, 4)
    checker = Checker(one.program, one.rules, machines_confirm=False)
    assert checker.check_lowered(find("ebpf"), {}).proof.verdict is Verdict.ACCEPT
    proof = checker.check_artifact(TARGET, one.artifact, "banned.flows").proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert "left open" in proof.reason
    assert [each.verdict for each in checker.check_agreement()] == [Verdict.ACCEPT]


def test_such_a_pair_cannot_be_watched_by_its_changes_alone() -> None:
    with pytest.raises(NotAccepted):
        Standing(large(3, 4), Engine.within(None))
    proof = checked(large(3, 4))
    assert proof.verdict is Verdict.ACCEPT, proof.reason
