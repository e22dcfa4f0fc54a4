"""Random runs of a program and an object that was made from another one: what they show is confirmed with its rules."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Final

import pytest

from p4verify import machine_in_runs, sides_in_runs
from p4verify.checks import Checker
from p4verify.confirm import Pair
from p4verify.machine_in_runs import MachineInRuns
from p4verify.proofs.counterexample import input_of
from p4verify.proofs.engine import Engine
from p4verify.proofs.execution import Execution
from p4verify.proofs.verdict import Verdict
from p4verify.reached import reached
from p4verify.semantics import ir
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.concrete import evaluate_behaviour
from p4verify.semantics.meaning.program import meaning
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET

EXAMPLES: Final = Path(__file__).resolve().parents[3] / "examples"
TEXT: Final = """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<8> a; bit<8> b; bit<8> c; bit<8> d; }
struct headers { h_t h; h_t g; }
struct meta { }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.h); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    action copy(bit<32> session) { clone(CloneType.I2E, session); }
    action put(bit<8> value) { hdr.h.b = value; }
    table watched { key = { KEY } actions = { ACTIONS } const default_action = NoAction(); size = SIZE; }
    apply { std.egress_spec = 5; APPLY }
}
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) { apply { } }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.h); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
"""
COPIES: Final = {"ACTIONS": "copy; NoAction;", "APPLY": "watched.apply();"}
PUTS: Final = {"ACTIONS": "put; NoAction;", "APPLY": "watched.apply();"}
EXACT: Final = {"KEY": "hdr.h.a: exact;"}
TERNARY: Final = {"KEY": "hdr.h.a: ternary; hdr.h.c: ternary;"}
UNDEFINED: Final = {"KEY": "hdr.h.a: ternary; hdr.g.a: ternary;"}
OTHER_THERE: Final = "if (hdr.h.d == 77) { hdr.h.c = 1; } watched.apply();"

ADD: Final = 0x07
AND: Final = 0x5F
JA: Final = 0x05
"""RFC 9669: ``dst += imm`` and ``dst &= src`` of 64 bits; a jump, here of no way."""

SECONDS: Final = 240
"""Of processor time at most for a difference that has to be found: which rules are drawn changes with any change of the
program's terms, and how many are enough is a matter of luck."""


@lru_cache
def _loaded(text: str) -> ir.Program:
    return load_text(text, "runs.p4").program


def _program(*parts: dict[str, str]) -> ir.Program:
    """The program with these parts, of which the first counts that says one."""
    text = TEXT
    for name in ("KEY", "ACTIONS", "APPLY", "SIZE"):
        text = text.replace(name, next(part[name] for part in (*parts, {"SIZE": "40"}) if name in part))
    return _loaded(text)


@lru_cache
def _object(program: ir.Program) -> BpfObject:
    return lower(program, None, {"hook": "tc"})


def _runs(program: ir.Program, artifact: BpfObject) -> MachineInRuns:
    relation = TARGET.relate(program, artifact, None)
    spec = relation.settled(meaning(program))
    pair = Pair(program, None, spec, TARGET.meaning(artifact), TARGET, artifact, relation, on_machines=True)
    return MachineInRuns(pair, Engine.within(300, lambda _line: None, Execution()))


def test_copies_that_the_machine_alone_makes_are_confirmed_by_the_kernel() -> None:
    """The program asks for no session, so that only the machine says which one has to be there."""
    first, second = _program(EXACT, COPIES), _program({"APPLY": ""}, EXACT, COPIES)
    proof = Checker(second, timeout=60).check_artifact(TARGET, _object(first), None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param((EXACT, PUTS), ({"KEY": "hdr.h.c: exact;"}, PUTS), id="tables' answers are drawn"),
        pytest.param((TERNARY, PUTS), ({"APPLY": OTHER_THERE}, TERNARY, PUTS), id="rules are filled in"),
        pytest.param((TERNARY, COPIES), ({"APPLY": ""}, TERNARY, COPIES), id="copies to a session"),
    ],
)
def test_a_difference_that_runs_show_is_confirmed(
    first: tuple[dict[str, str], ...], second: tuple[dict[str, str], ...]
) -> None:
    proof = _runs(_program(*second), _object(_program(*first))).reject(0.0, SECONDS)
    assert proof is not None
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert {"ebpf kernel", "interpreter"} <= set(proof.counterexample.confirmed_by)


def test_what_hits_are_counted_in_is_left_out_under_the_rules_of_a_run() -> None:
    """Its cells are numbered by the rules then, which may be fewer bits than the key has."""
    wide = {"KEY": 'hdr.h.a ++ hdr.h.c ++ 32w5: exact @name("wide");', "SIZE": "40; counters = hits"}
    text = TEXT.replace("table watched", "direct_counter(CounterType.packets) hits; table watched")
    programs = []
    for value in ("value", "value | 1"):
        made = text.replace("hdr.h.b = value", f"hdr.h.b = {value}")
        for name in ("KEY", "ACTIONS", "APPLY", "SIZE"):
            made = made.replace(name, (wide | PUTS)[name])
        programs.append(_loaded(made))
    proof = _runs(programs[1], _object(programs[0])).reject(0.0, SECONDS)
    assert proof is not None
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert {"ebpf kernel", "interpreter"} <= set(proof.counterexample.confirmed_by)


@pytest.mark.long
@pytest.mark.parametrize(
    ("example", "said", "instead"),
    [
        pytest.param(
            "firewall",
            "= hdr.ports.dst;",
            "= (bit<16>)(bit<15>)hdr.ports.dst;",
            id="five keys",
            marks=pytest.mark.campaign,
        ),
        pytest.param("balancer", "= service;", "= (bit<16>)(bit<15>)service;", id="three tables in a chain"),
    ],
)
def test_inputs_run_again_under_rules_made_of_what_they_asked(
    monkeypatch: pytest.MonkeyPatch, example: str, said: str, instead: str
) -> None:
    """One of several keys, all of which rules have to match, lacks its highest bit: nothing else would meet all; keys
    that hang on what other tables answer are met as most rules stay."""
    monkeypatch.setattr(sides_in_runs, "MOST", 100_000)
    text = (EXAMPLES / f"{example}.p4").read_text()
    assert said in text
    artifact = lower(_loaded(text), None, {"hook": "xdp", "port0": "2"})
    proof = _runs(_loaded(text.replace(said, instead)), artifact).reject(0.0, SECONDS)
    assert proof is not None
    assert proof.verdict is Verdict.REJECT


def _without_one_and(artifact: BpfObject) -> BpfObject:
    """The object that does not ask one byte of the keys of rules in the last slots, whose vectors have the highest
    numbers."""
    program = artifact.program()
    behind = max((i for i, insn in enumerate(program.insns) if insn.opcode == ADD), key=lambda i: program.insns[i].imm)
    last = next(i for i, insn in enumerate(program.insns[behind:], behind) if insn.opcode == AND)
    insns = list(program.insns)
    insns[last] = replace(insns[last], opcode=JA, dst=0, src=0, off=0, imm=0)
    changed = replace(program, insns=tuple(insns))
    return replace(artifact, programs=tuple(changed if p == program else p for p in artifact.programs))


@pytest.mark.long
def test_rules_behind_many_others_are_met() -> None:
    """Only rules that hundreds of others come before are told wrongly, and only for keys beside theirs."""
    program = _program({"SIZE": "1000"}, TERNARY, PUTS)
    proof = _runs(program, _without_one_and(_object(program))).reject(0.0, SECONDS)
    assert proof is not None
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert len(proof.counterexample.rules) > 512


def test_rules_that_lead_down_a_chain_of_tables_are_told() -> None:
    program = _loaded((EXAMPLES / "balancer.p4").read_text())
    meant = meaning(program)
    engine = Engine.within(60, lambda _line: None, Execution())
    found = list(reached(program, meant, meant, engine, random.Random(1)))
    assert found
    for rules, model in found:
        given, known = input_of(model), answers(program, rules)
        values = {"functions": known.functions, "inputs": known.inputs}
        assert evaluate_behaviour(meant, given.packet, given.port, **values, default=0).outputs
    assert any(all(rules.entries.get(t.control_name) for _, t in program.tables()) for rules, _ in found)


@pytest.mark.parametrize(
    "parts",
    [
        pytest.param((TERNARY, COPIES), id="copies"),
        pytest.param((UNDEFINED, PUTS), id="an undefined key"),
        pytest.param(({"APPLY": "hdr.h.c = hdr.g.a; watched.apply();"}, EXACT, PUTS), id="an undefined value"),
    ],
)
def test_runs_show_no_difference_where_there_is_none(
    parts: tuple[dict[str, str], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sides_in_runs, "MOST", 600)
    program = _program(*parts)
    assert _runs(program, _object(program)).reject(0.0) is None


def test_another_choice_of_what_is_undefined_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """The object asks the table with what the program may have for an undefined key, whatever the rules are."""
    monkeypatch.setattr(sides_in_runs, "MOST", 600)
    program = _program(UNDEFINED, PUTS)
    fixed = _program({"KEY": 'hdr.h.a: ternary; hdr.h.d: ternary @name("hdr.g.a");'}, PUTS)
    assert _runs(program, _object(fixed)).reject(0.0) is None


@pytest.mark.long
def test_programs_that_verify_a_checksum_are_run_on_right_ones() -> None:
    """With a selector, too, whose groups and members lie in maps of their own."""
    text = (EXAMPLES / "ecmp.p4").read_text()
    changed = _loaded(text.replace(" && hdr.ipv4.ttl > 1", ""))
    proof = _runs(changed, _object(_loaded(text))).reject(0.0, SECONDS)
    assert proof is not None
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by


@pytest.mark.long
def test_members_of_groups_are_picked_in_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing but another hash tells the object from its program, which shows in rules with groups alone."""
    monkeypatch.setattr(sides_in_runs, "MOST", 1000)
    text = (EXAMPLES / "ecmp.p4").read_text()
    artifact = lower(_loaded(text), None, {"hook": "tc", "port0": "2"})
    assert _runs(_loaded(text), artifact).reject(0.0) is None
    monkeypatch.setattr(sides_in_runs, "MOST", 100_000)
    proof = _runs(_loaded(text.replace("protocol: selector", "dscp_ecn: selector")), artifact).reject(0.0, SECONDS)
    assert proof is not None
    assert proof.counterexample is not None
    assert {"ebpf kernel", "interpreter"} <= set(proof.counterexample.confirmed_by)


def test_rules_that_no_machine_holds_are_not_drawn_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise CannotOffload("no map holds them")

    monkeypatch.setattr(machine_in_runs, "FilledIn", none)
    program = _program(TERNARY, PUTS)
    assert _runs(program, _object(program)).reject(0.0) is None
