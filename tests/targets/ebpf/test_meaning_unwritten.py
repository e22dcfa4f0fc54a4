"""Bytes of the stack that are read though nothing was written there: this kernel lets privileged programs do that, so
it is a finding only where something depends on them."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import bits as b
from p4verify.semantics.meaning.behaviour import LENGTH
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle, KernelProgram
from p4verify.targets.ebpf.target import TARGET

READ = asm.load(1, R1, FP, -8)
BYTE = "byte -8 of the stack, which was not written"
MAP = MapDef("keys", "hash", 4, 4, 8)
LOOK_UP = (asm.load_map(R1, "keys"), asm.mov(R2, FP), asm.alu("add", R2, -8), asm.call(1))

WITHOUT_EFFECT: dict[str, tuple[Insn, ...]] = {
    "masked": (READ, asm.alu("and", R1, 0xF0), asm.alu("rsh", R1, 8), asm.mov(R0, R1), asm.exit_()),
    "the same each time": (READ, asm.load(1, R0, FP, -8), asm.alu("xor", R0, R1), asm.exit_()),
    "both ways alike": (READ, asm.mov(R0, 0), asm.jump("jeq", R1, 3, 1), asm.mov(R0, 0), asm.exit_()),
    "bits of a field kept and then written": (
        READ, asm.alu("and", R1, 0xF0), asm.alu("or", R1, 5), asm.store(1, FP, -8, R1), asm.load(1, R0, FP, -8),
        asm.alu("and", R0, 0xF), asm.exit_(),
    ),
    "a key whose answer nobody asks for": (asm.store(2, FP, -8, 1), *LOOK_UP, asm.mov(R0, 0), asm.exit_()),
}  # fmt: skip
WITH_EFFECT: dict[str, tuple[Insn, ...]] = {
    "the result": (asm.load(1, R0, FP, -8), asm.exit_()),
    "a decision": (READ, asm.mov(R0, 0), asm.jump("jeq", R1, 3, 1), asm.mov(R0, 2), asm.exit_()),
    "metadata": (asm.mov(R3, R1), READ, asm.store(4, R3, 8, R1), asm.mov(R0, 0), asm.exit_()),
    "half a key": (
        asm.store(2, FP, -6, 1), *LOOK_UP, asm.mov(R1, R0), asm.mov(R0, 0), asm.jump("jeq", R1, 0, 1), asm.mov(R0, 2),
        asm.exit_(),
    ),
    "one of two places": (
        asm.store(1, FP, -7, 9), asm.load(4, R2, R1, 0), asm.alu("and", R2, 1), asm.mov(R3, FP), asm.alu("add", R3, R2),
        asm.load(1, R0, R3, -8), asm.exit_(),
    ),
}  # fmt: skip


def object_of(code: tuple[Insn, ...], name: str = "p.o") -> BpfObject:
    return BpfObject((BpfProgram("p", "tc", code),), (MAP,), name=name)


@pytest.mark.parametrize("name", WITHOUT_EFFECT)
def test_what_nothing_depends_on_is_no_finding(name: str) -> None:
    assert meaning(object_of(WITHOUT_EFFECT[name])).faults == ()


@pytest.mark.parametrize("name", WITH_EFFECT)
def test_what_something_depends_on_is_a_finding(name: str) -> None:
    found = meaning(object_of(WITH_EFFECT[name]))
    assert any(BYTE in fault.text for fault in found.faults)
    assert {choice.reason for choice in found.choices} >= {"what the kernel's stack holds where nothing was written"}


def test_only_the_place_that_was_not_written_counts() -> None:
    """Of two places one was written: the fault has the condition that it is the other."""
    even = b.eq(b.band(LENGTH, b.bv(1, LENGTH.width)), b.bv(0, LENGTH.width))
    faults = [f for f in meaning(object_of(WITH_EFFECT["one of two places"])).faults if BYTE in f.text]
    for length, there in ((64, True), (65, False)):
        values = {"pkt.len": length, **{f"pkt[{i}]": 0 for i in range(20)}}
        assert b.evaluate([even], values) == [int(there)]
        assert any(b.evaluate([f.guard], values) == [1] for f in faults) == there


@pytest.mark.oracle
@pytest.mark.parametrize("code", [*WITHOUT_EFFECT.values(), *WITH_EFFECT.values()])
def test_the_kernel_takes_them_all(kernel_oracle: KernelOracle, code: tuple[Insn, ...]) -> None:
    with KernelMap(MAP) as item, KernelProgram("tc", code, {MAP.name: item}):
        pass


def test_a_program_that_throws_it_away_is_equal_to_one_that_does_not_read_it() -> None:
    first, second = object_of((asm.mov(R0, 0), asm.exit_())), object_of(WITHOUT_EFFECT["masked"], "q.o")
    checker = Checker(None, timeout=60, machines_confirm=False)
    assert checker.check_two((TARGET, first, "p.o"), (TARGET, second, "q.o")).verdict is Verdict.ACCEPT
