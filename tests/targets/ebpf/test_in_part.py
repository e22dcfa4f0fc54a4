"""Objects whose meaning does not tell all: what it tells is compared all the same, and where it ends the kernel is
asked. Nothing is accepted for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import pytest

from p4verify.certain import certainly_told
from p4verify.checks import Checker
from p4verify.proofs.counterexample import Input
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import LENGTH, Behaviour, Case, Choice, Fault, Output, Packet, byte
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import Unsupported
from p4verify.targets.base import Observation
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, asm
from p4verify.targets.ebpf.artifact.asm import R0, R1, R2, R3, R6
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

TEXT: Final = """
#include <core.p4>
#include <ebpf_model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
struct headers_t { ethernet_t eth; }
parser prs(packet_in packet, out headers_t hdr) { state start { packet.extract(hdr.eth); transition accept; } }
control filt(inout headers_t hdr, out bool pass) { apply { pass = PASSES; } }
ebpfFilter(prs(), filt()) main;
"""
PASS, DROP = 0, 2
"""TC_ACT_OK, TC_ACT_SHOT."""
CURRENT_TASK: Final = 35
"""bpf_get_current_task, which no meaning tells."""
IPV6: Final = 0xDD86
"""The EtherType as a load of two bytes gives it on a machine that stores the lowest byte first."""

UNTOLD: Final = (asm.call(CURRENT_TASK),)


def program(passes: str = "true") -> ir.Program:
    return load_text(TEXT.replace("PASSES", passes), "filter.p4").program


def of_ipv6(*insns: Insn) -> tuple[Insn, ...]:
    """``insns`` for frames of IPv6 only."""
    return (
        asm.load(4, R2, R1, 76), asm.load(4, R3, R1, 80), asm.mov(R0, R2), asm.alu("add", R0, 14),
        asm.jump("jgt", R0, R3, 2 + len(insns)), asm.load(2, R0, R2, 12), asm.jump("jne", R0, IPV6, len(insns)), *insns,
    )  # fmt: skip


def returning(result: int, *insns: Insn) -> BpfObject:
    """An object that runs ``insns`` (its context in r6 as well) before it returns ``result``."""
    code = (asm.mov(R6, R1), *insns, asm.mov(R0, result), asm.exit_())
    return BpfObject((BpfProgram("p", "tc", code),), (), name="p.o")


def checked(artifact: BpfObject, first: ir.Program | None = None, *, machines: bool = True) -> Proof:
    return (
        Checker(first or program(), timeout=60, machines_confirm=machines).check_artifact(TARGET, artifact, None).proof
    )


def test_what_is_not_told_is_a_fault_of_the_frames_that_come_to_it() -> None:
    artifact = returning(PASS, *of_ipv6(*UNTOLD))
    with pytest.raises(Unsupported, match="get_current_task"):
        meaning(artifact)
    told = meaning(artifact, in_part=True)
    assert {(fault.unsaid, fault.text) for fault in told.faults} == {
        (True, "program p, instruction 8: calls helper 35 (get_current_task)")
    }
    comes_there = b.or_(*(fault.guard for fault in told.faults))
    frame: dict[str, Any] = {f"pkt[{i}]": 0 for i in range(12)} | {LENGTH.name: 60, "pkt[12]": 0x86, "pkt[13]": 0xDD}
    assert b.evaluate([comes_there], frame, {}, default=0) == [1]
    assert b.evaluate([comes_there], {**frame, "pkt[13]": 0xDC}, {}, default=0) == [0]


@pytest.mark.oracle
def test_what_the_kernel_does_there_is_compared(kernel_oracle: KernelOracle) -> None:
    proof = checked(returning(DROP, *UNTOLD))
    assert proof.verdict is Verdict.REJECT
    assert "get_current_task" in proof.reason
    found = proof.counterexample
    assert found is not None
    assert {"reference", "ebpf kernel", "interpreter"} <= set(found.confirmed_by)
    assert [to for to, _, _ in found.expected.outputs] == ["stack"]
    assert found.actual.outputs == ()
    assert len(found.packet) == 14
    seen = kernel_oracle.run(returning(DROP, *UNTOLD), [(found.port, found.packet)])
    assert seen[0].outputs == ()


@pytest.mark.oracle
@pytest.mark.usefixtures("kernel_oracle")
def test_the_frames_that_come_there_are_found() -> None:
    insns = (*UNTOLD, asm.mov(R0, DROP), asm.exit_())
    proof = checked(returning(PASS, *of_ipv6(*insns)))
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert proof.counterexample.packet[12:14] == b"\x86\xdd"


@pytest.mark.long
@pytest.mark.parametrize("machines", [pytest.param(True, marks=pytest.mark.oracle), False])
def test_what_does_the_same_there_is_not_accepted(*, machines: bool) -> None:
    for insns in (UNTOLD, of_ipv6(*UNTOLD)):
        proof = checked(returning(PASS, *insns), machines=machines)
        assert proof.verdict is Verdict.UNSUPPORTED
        assert "get_current_task" in proof.reason


def test_without_a_machine_what_happens_there_stays_open() -> None:
    assert checked(returning(DROP, *UNTOLD), machines=False).verdict is Verdict.UNSUPPORTED


def test_what_is_told_is_compared_without_a_machine() -> None:
    proof = checked(returning(DROP, *of_ipv6(*UNTOLD)), machines=False)
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert proof.counterexample.packet[12:14] != b"\x86\xdd"
    assert "ebpf kernel" not in proof.counterexample.confirmed_by


@pytest.mark.oracle
@pytest.mark.usefixtures("kernel_oracle")
def test_a_machine_that_is_not_what_its_meaning_tells_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that loses all frames is found out by those of which the meaning tells, near those of which it does not."""
    artifact = returning(PASS, *of_ipv6(*UNTOLD))
    run_each = KernelOracle.run_each

    def losing(
        oracle: KernelOracle, obj: Any, packets: Sequence[tuple[int, bytes]], tables: Any, ports: Sequence[int]
    ) -> list[Observation]:
        return [replace(seen, outputs=()) for seen in run_each(oracle, obj, packets, tables, ports)]

    monkeypatch.setattr(KernelOracle, "run_each", losing)
    assert checked(artifact).verdict is Verdict.UNSUPPORTED


@pytest.mark.oracle
@pytest.mark.usefixtures("kernel_oracle")
def test_a_machine_that_does_something_else_the_next_time_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run_each, runs = KernelOracle.run_each, list[int]()

    def losing(
        oracle: KernelOracle, obj: Any, packets: Sequence[tuple[int, bytes]], tables: Any, ports: Sequence[int]
    ) -> list[Observation]:
        runs.append(len(packets))
        seen = run_each(oracle, obj, packets, tables, ports)
        return [replace(one, outputs=()) for one in seen] if len(runs) < 3 else seen

    monkeypatch.setattr(KernelOracle, "run_each", losing)
    assert checked(returning(PASS, *UNTOLD)).verdict is Verdict.UNSUPPORTED
    assert len(runs) > 2


@pytest.mark.oracle
@pytest.mark.usefixtures("kernel_oracle")
@pytest.mark.parametrize("result", [PASS, DROP])
def test_a_value_that_the_program_leaves_undefined_is_not_held_against_the_machine(result: int) -> None:
    text = TEXT.replace("pass = PASSES;", "bool some; pass = some;")
    undefined = load_text(text, "filter.p4").program
    assert checked(returning(result, *UNTOLD), undefined).verdict is Verdict.UNSUPPORTED


CHOICE_BYTE: Final = b.var("any.byte", 8)
CHOICES: Final = (Choice(CHOICE_BYTE, "undefined"),)
GIVEN: Final = Input(bytes(20), 2)


def sent(*prefix: Term, **metadata: Term) -> Behaviour:
    """Behaviour that puts bytes in front of every frame and sends it to port 1."""
    output = Output(b.TRUE, "port", b.bv(1, 32), Packet(prefix, 0))
    return Behaviour((Case(b.TRUE, (output,), metadata),), choices=CHOICES)


@pytest.mark.parametrize(
    ("side", "told"),
    [
        (sent(b.bv(7, 8)), frozenset()),
        (sent(byte(3)), frozenset()),
        (sent(CHOICE_BYTE), None),
        (sent(b.band(CHOICE_BYTE, byte(3))), frozenset()),
        (sent(b.var("in.mark", 8)), None),
        (sent(b.extract(b.var("in.port", 32), 7, 0)), frozenset()),
        (sent(b.apply("extern.f", b.bit_vector(8), byte(0))), None),
        (sent(b.apply("known.f", b.bit_vector(8), byte(0))), frozenset()),
        (sent(b.apply("state.f", b.bit_vector(8), byte(0))), frozenset()),
        (sent(sure=byte(2), mark=b.var("in.mark", 32), some=CHOICE_BYTE), {"sure"}),
        (
            replace(sent(), cases=(Case(b.eq(CHOICE_BYTE, b.bv(0, 8)), ()), Case(b.ne(CHOICE_BYTE, b.bv(0, 8)), ()))),
            None,
        ),
        (replace(sent(), faults=(Fault(b.eq(CHOICE_BYTE, b.bv(9, 8)), "a mistake"),)), None),
        (replace(sent(), faults=(Fault(b.eq(byte(1), b.bv(9, 8)), "a mistake"),)), frozenset()),
    ],
)
def test_what_is_certain_of_an_input(side: Behaviour, told: set[str] | None) -> None:
    assert certainly_told(side, GIVEN, {"known.f": lambda _: 3}) == told
