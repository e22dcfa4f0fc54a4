"""Software against hardware under many rules: where a machine was accepted although some of its entries are not those
of the rules, and where it hangs on the rules whether the program leaves something open."""

from __future__ import annotations

import pytest

from p4verify import agreement
from p4verify.agreement import Followed
from p4verify.checks import Checker
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.scale import Large, NotAccepted, Standing
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import Behaviour, Case, Output, Packet, distinct_terms
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


@pytest.mark.long
def test_such_a_pair_cannot_be_watched_by_its_changes_alone() -> None:
    with pytest.raises(NotAccepted):
        Standing(large(3, 4), Engine.within(None))
    proof = checked(large(3, 4))
    assert proof.verdict is Verdict.ACCEPT, proof.reason


def of_zones(first: str) -> str:
    """A program in which stations are in zones; ``first``: what it does before that."""
    return of_ethernet(
        """
    action drop() { mark_to_drop(standard); }
    action admit(bit<8> zone) { meta.zone = zone; }
    action forward(bit<9> port) { standard.egress_spec = port; }
    table stations {
        key = { hdr.eth.src: exact; }
        actions = { admit; drop; }
        default_action = drop();
    }
    table zones {
        key = { meta.zone: exact; }
        actions = { forward; drop; }
        const default_action = drop();
        const entries = { 0: forward(1); 1: forward(2); 2: forward(3); 5: forward(4); }
    }
    apply {
        FIRST
        if (stations.apply().hit) { zones.apply(); } else { drop(); }
    }
""".replace("FIRST", first),
        "bit<8> zone;",
    )


def of_two_machines(target: str, first: str, without_zone: frozenset[int] = frozenset()) -> list[Proof]:
    """The program's eBPF, what is made for a target of the same program that does something ``first``, and both with
    each other; the stations ``without_zone`` are found in the table, and no zone is set for them."""
    program, other = (load_text(of_zones(one), "zones.p4").program for one in ("", first))
    lines = [
        f"table_add I.stations I.drop 0x{n:012x} =>"
        if n in without_zone
        else f"table_add I.stations I.admit 0x{n:012x} => {1 + n % 2}"
        for n in range(300)
    ]
    given, installed = (read_rules("\n".join(lines), "zones.cli", one) for one in (program, other))
    checker = Checker(program, given, machines_confirm=False)
    software = checker.check_lowered(find("ebpf"), {}).proof
    hardware = checker.check_artifact(find(target), find(target).lower(other, installed, {}), "zones.txt").proof
    (both,) = checker.check_agreement()
    return [software, hardware, both.proof]


@pytest.mark.parametrize("target", ["openflow", "flower"])
def test_what_is_undefined_only_under_other_rules_does_not_stand_between_two_machines(target: str) -> None:
    proofs = of_two_machines(target, "meta.zone = 5;")
    assert [one.verdict for one in proofs] == [Verdict.ACCEPT] * 3, proofs[-1].reason
    assert "leaves nothing open" in proofs[-1].reason


@pytest.mark.parametrize("target", ["openflow", "flower"])
@pytest.mark.parametrize("first", ["", "meta.zone = 5;"])
def test_machines_that_may_choose_by_one_rule_of_many_are_not_said_to_agree(target: str, first: str) -> None:
    """The zone of station 7 is undefined: a machine may take it for 0, and another one for 5."""
    *each, both = of_two_machines(target, first, frozenset({7}))
    assert [one.verdict for one in each] == [Verdict.ACCEPT] * 2
    assert both.verdict is Verdict.UNDECIDED
    assert "leaves something open, read at zones.p4:" in both.reason
    assert both.where.file == "zones.p4"


def test_the_smaller_meaning_of_the_program_is_asked_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time that a large one takes in vain would be all there is."""
    asked: list[int] = []

    def noted(program: Behaviour, *_: object) -> bool:
        asked.append(len(b.postorder(distinct_terms(program.cases))))
        return False

    monkeypatch.setattr(agreement, "_leaves_nothing_open", noted)
    x, y = b.var("x", 8), b.var("y", 8)
    small, large = (
        Behaviour((Case(b.TRUE, (Output(when, "port", b.bv(1, 32), Packet((), 0)),), {}, {}),))
        for when in (b.eq(x, y), b.eq(b.mul(x, y), b.add(x, y)))
    )
    sides = [Followed(program, program, 1, large=True) for program in (large, small)]
    assert agreement.through_program(*sides, "x", Engine.within(20), 0.0) is None
    assert asked == sorted(asked)
    assert len(set(asked)) == 2
