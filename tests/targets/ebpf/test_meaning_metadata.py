"""Metadata in front of frames at XDP: what the meaning says of it, and beside it what this kernel does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, MapDef, asm
from p4verify.targets.ebpf.artifact.asm import R0, R1, R2, R3, R6, R7
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support.bpf_compare import difference, evaluated

FRAME = bytes(range(12)) + b"\x08\x00" + bytes(range(100, 160))
HEAD, META = 44, 54
DROP, PASS, TX = 1, 2, 3


def moved(helper: int, delta: int) -> list[Insn]:
    return [asm.mov(R1, R6), asm.mov(R2, delta), asm.call(helper)]


def filled(size: int, first: int) -> list[Insn]:
    """The first ``size`` bytes of metadata written, if there are as many (else the frame is dropped)."""
    words = [asm.store(4, R1, at, (first + at) * 0x01020304 & 0x7FFFFFFF) for at in range(0, size, 4)]
    test = [asm.load(4, R1, R6, 8), asm.load(4, R2, R6, 0), asm.mov(R3, R1), asm.alu("add", R3, size)]
    return [*test, asm.jump("jle", R3, R2, 2), asm.mov(R0, DROP), asm.exit_(), *words]


def program(*parts: list[Insn], result: int = PASS) -> BpfObject:
    code = (asm.mov(R6, R1), *(insn for part in parts for insn in part), asm.mov(R0, result), asm.exit_())
    return BpfObject((BpfProgram("test", "xdp", code),), (), name="test.o")


def told(delta: int) -> list[Insn]:
    """What the helper answers is written into the frame's first byte."""
    test = [asm.load(4, R1, R6, 0), asm.load(4, R2, R6, 4), asm.mov(R3, R1), asm.alu("add", R3, 14)]
    return [
        *moved(META, delta), asm.mov(R7, R0), *test, asm.jump("jle", R3, R2, 2), asm.mov(R0, DROP), asm.exit_(),
        asm.store(1, R1, 0, R7),
    ]  # fmt: skip


PROGRAMS = {
    "8 bytes": program(moved(META, -8), filled(8, 1)),
    "8 bytes, of which 4 stay": program(moved(META, -8), filled(8, 1), moved(META, 4)),
    "and 4 more": program(moved(META, -8), filled(8, 1), moved(META, -4), filled(4, 50)),
    "moved with a frame that is cut": program(moved(META, -8), filled(8, 1), moved(HEAD, 3)),
    "moved with a frame that grows": program(moved(META, -8), filled(8, 1), moved(HEAD, -3)),
    "moved there and back": program(moved(HEAD, 6), moved(META, -4), filled(4, 9), moved(HEAD, -6)),
    "sent back": program(moved(META, -12), filled(12, 7), result=TX),
    "dropped": program(moved(META, -12), filled(12, 7), result=DROP),
    "too few to write": program(moved(META, -8), filled(12, 1)),
    "no multiple of 4": program(told(-6)),
    "inside the frame": program(told(4)),
    "taken": program(told(-4), filled(4, 3)),
    "none": program(filled(0, 3)),
}  # fmt: skip


@pytest.mark.oracle
@pytest.mark.parametrize("name", PROGRAMS)
def test_metadata_is_as_on_the_kernel(name: str, kernel_oracle: KernelOracle) -> None:
    found = PROGRAMS[name]
    assert meaning(found).faults == ()
    (seen,) = kernel_oracle.observe(found, [(3, FRAME)], hook="xdp")
    assert difference(evaluated(meaning(found), found, {}, 3, FRAME), seen) is None


@pytest.mark.oracle
def test_metadata_of_a_program_that_took_over(kernel_oracle: KernelOracle) -> None:
    """Of the two only the one that is called moves it."""
    stages = MapDef("stages", "prog_array", 4, 4, 1, programs={0: "other"})
    hands_over = [asm.mov(R1, R6), asm.load_map(R2, "stages"), asm.mov(R3, 0), asm.call(12)]
    (first,), (other,) = program(hands_over).programs, program(moved(META, -8), filled(8, 1)).programs
    both = BpfObject((first, replace(other, name="other")), (stages,), name="test.o")
    (seen,) = kernel_oracle.observe(both, [(3, FRAME)], hook="xdp")
    assert seen.metadata["meta_len"] == 8
    assert difference(evaluated(meaning(both), both, {}, 3, FRAME), seen) is None


@pytest.mark.oracle
def test_paths_that_leave_different_metadata_meet(kernel_oracle: KernelOracle) -> None:
    """And it is what each has left there, also when what is told of it is one term."""
    tells = [
        asm.load(4, R1, R6, 0), asm.load(4, R2, R6, 4), asm.mov(R3, R1), asm.alu("add", R3, 14),
        asm.jump("jle", R3, R2, 2), asm.mov(R0, DROP), asm.exit_(), asm.load(1, R7, R1, 0),
        asm.load(4, R1, R6, 8), asm.load(4, R2, R6, 0), asm.mov(R3, R1), asm.alu("add", R3, 4),
        asm.jump("jle", R3, R2, 2), asm.mov(R0, DROP), asm.exit_(),
        asm.jump("jeq", R7, 9, 1), asm.store(1, R1, 2, 77),
    ]  # fmt: skip
    both = program(moved(META, -4), filled(4, 1), tells)
    behaviour = meaning(both)
    frames = [FRAME, b"\x09" + FRAME[1:]]
    for frame, seen in zip(frames, kernel_oracle.observe(both, [(3, f) for f in frames], hook="xdp"), strict=True):
        assert difference(evaluated(behaviour, both, {}, 3, frame), seen) is None
    outcomes = [evaluated(behaviour, both, {}, 3, frame).metadata["meta[2]"] for frame in frames]
    assert outcomes == [77, 2]
    assert len([case for case in behaviour.cases if case.outputs]) == 1


def test_what_lies_in_front_of_the_metadata_is_out_of_reach() -> None:
    reads = [asm.load(4, R1, R6, 8), asm.load(1, R2, R1, -1)]
    (fault,) = meaning(program(moved(META, -4), filled(4, 1), reads)).faults
    assert "1 bytes before the metadata" in fault.text


def test_metadata_that_not_every_kernel_or_driver_takes() -> None:
    with pytest.raises(Unsupported, match="not every kernel takes more than 32"):
        meaning(program(moved(META, -36)))
    refused = meaning(program(told(-4)))
    assert {choice.variable.name for choice in refused.choices} >= {"in.ebpf.without_metadata"}
