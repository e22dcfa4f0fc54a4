"""Pointers that become numbers: a byte of them overwritten on the stack, or written where none can be kept. The kernel
lets privileged programs do that; what they read then hangs on the address in part."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import bits as b
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R6, R7
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle, KernelProgram
from p4verify.targets.ebpf.target import TARGET
from tests.support.bpf_compare import evaluated

CELL = MapDef("cell", "array", 4, 8, 1)
FRAME = bytes(range(64))
XDP_PASS, XDP_DROP = 2, 1


def one_byte_lost(place: int, byte: int = 0) -> tuple[Insn, ...]:
    """A pointer to the context (in r6) on the stack, with a 7 in one of its bytes."""
    return asm.store(8, FP, place, R6), asm.store(1, FP, place + byte, 7)


def in_packet(*insns: Insn) -> tuple[Insn, ...]:
    """``insns``, r7 being where 14 bytes of the packet begin."""
    return (
        asm.load(4, R7, R6, 0), asm.load(4, R3, R6, 4), asm.mov(R2, R7), asm.alu("add", R2, 14),
        asm.jump("jle", R2, R3, 2), asm.mov(R0, XDP_DROP), asm.exit_(), *insns,
    )  # fmt: skip


SURE: dict[str, tuple[tuple[Insn, ...], int]] = {
    "the new byte": ((*one_byte_lost(-8), asm.load(1, R0, FP, -8)), 7),
    "the old bytes of two copies": (
        (*one_byte_lost(-8), *one_byte_lost(-16), asm.load(8, R0, FP, -8), asm.load(8, R1, FP, -16),
         asm.alu("sub", R0, R1)), 0,
    ),
    "the bit that all addresses of the kernel have": (
        (*one_byte_lost(-8), asm.load(8, R0, FP, -8), asm.alu("rsh", R0, 63)), 1,
    ),
    "that bit overwritten": ((*one_byte_lost(-8, 7), asm.load(8, R0, FP, -8), asm.alu("rsh", R0, 56)), 7),
    "a byte of an address in the packet": (
        in_packet(asm.store(8, R7, 0, R6), asm.load(1, R0, R7, 7), asm.alu("rsh", R0, 7)), 1,
    ),
    "the lower half of one": (
        in_packet(asm.store(8, R7, 0, R6), asm.store(4, R7, 8, R6), asm.load(4, R0, R7, 0), asm.load(4, R1, R7, 8),
                  asm.alu("sub", R0, R1)), 0,
    ),
    "one in a map's value": (
        (asm.store(4, FP, -4, 0), asm.load_map(R1, "cell"), asm.mov(R2, FP), asm.alu("add", R2, -4), asm.call(1),
         asm.jump("jne", R0, 0, 2), asm.mov(R0, XDP_DROP), asm.exit_(), asm.store(8, R0, 0, R6),
         asm.load(8, R0, R0, 0), asm.alu("rsh", R0, 63)), 1,
    ),
}  # fmt: skip
ANY: dict[str, tuple[Insn, ...]] = {
    "an old byte": (*one_byte_lost(-8), asm.load(1, R0, FP, -7)),
    "a byte of an address in the packet": in_packet(asm.store(8, R7, 0, R6), asm.load(1, R0, R7, 1)),
}


def passing(code: tuple[Insn, ...], result: int, name: str = "p.o") -> BpfObject:
    """A program that lets a frame pass where ``code`` leaves ``result`` in r0."""
    end = (asm.mov(R1, R0), asm.mov(R0, XDP_PASS), asm.jump("jeq", R1, result, 1), asm.mov(R0, XDP_DROP), asm.exit_())
    return BpfObject((BpfProgram("p", "xdp", (asm.mov(R6, R1), *code, *end)),), (CELL,), name=name)


@pytest.mark.parametrize("name", SURE)
def test_what_does_not_hang_on_the_address(name: str) -> None:
    program = passing(*SURE[name])
    does = meaning(program)
    assert does.faults == ()
    assert [sent for sent, _, _ in evaluated(does, program, {}, 3, FRAME).outputs] == ["stack"]
    decided = [t for case in does.cases for t in (case.guard, *(output.when for output in case.outputs))]
    assert not [v for v in b.variables(*decided) if v.name.startswith("any.")]


@pytest.mark.parametrize("name", ANY)
def test_what_hangs_on_the_address_is_a_choice_of_the_machine(name: str) -> None:
    program = passing(ANY[name], 9)
    assert [c.reason for c in meaning(program).choices] == ["the address of a piece of the kernel's memory"]
    checker = Checker(None, timeout=60, machines_confirm=False)
    dropped = BpfObject((BpfProgram("q", "xdp", (asm.mov(R0, XDP_DROP), asm.exit_())),), name="q.o")
    assert checker.check_two((TARGET, dropped, "q.o"), (TARGET, program, "p.o")).verdict is Verdict.REJECT


@pytest.mark.oracle
@pytest.mark.parametrize("name", SURE)
def test_the_kernel_says_the_same(kernel_oracle: KernelOracle, name: str) -> None:
    program = passing(*SURE[name])
    with KernelMap(CELL) as item, KernelProgram("xdp", program.programs[0].insns, {CELL.name: item}) as loaded:
        assert loaded.test_run(FRAME).result == XDP_PASS


@pytest.mark.oracle
@pytest.mark.parametrize("name", ANY)
def test_the_kernel_takes_what_hangs_on_the_address(kernel_oracle: KernelOracle, name: str) -> None:
    with KernelProgram("xdp", passing(ANY[name], 9).programs[0].insns):
        pass
