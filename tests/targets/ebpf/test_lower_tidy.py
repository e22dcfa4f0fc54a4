"""Taking out dead code and idle jumps leaves the program what it was."""

from __future__ import annotations

import random

import pytest

from p4verify.targets.ebpf.artifact import Assembler, Insn, asm
from p4verify.targets.ebpf.artifact.asm import R0, R1
from p4verify.targets.ebpf.artifact.insn import JMP, JMP_OPS
from p4verify.targets.ebpf.lower.tidy import tidy


def run(insns: tuple[Insn, ...], start: int) -> list[int]:
    """The trace of a program of moves into r0, additions to r1, and jumps on r1 (which starts as given)."""
    starts, at = [], 0
    for insn in insns:
        starts.append(at)
        at += insn.size
    trace, r1, place = [], start, 0
    for _ in range(200):
        insn = insns[starts.index(place)]
        place += insn.size
        if insn.opcode == JMP_OPS["exit"] | JMP:
            return trace
        if insn.cls == JMP:
            taken = insn.opcode & 0xF0 == JMP_OPS["ja"] or r1 == insn.imm
            place += insn.off if taken else 0
        elif insn.dst == R0:
            trace.append(insn.imm)
        else:
            r1 += insn.imm
    return [*trace, -1]


def test_dead_code_goes_and_distances_are_right() -> None:
    code = Assembler()
    end, dead = code.label(), code.label()
    code.jump("jeq", R1, 5, end)
    code.emit(asm.mov(R0, 1))
    code.goto(end)
    code.place(dead)
    code.emit(asm.load_imm64(R0, 7))
    code.place(end)
    code.emit(asm.exit_())
    assert tidy(code.finish()) == (asm.jump("jeq", R1, 5, 1), asm.mov(R0, 1), asm.exit_())


def test_jumps_to_jumps_are_cut_short() -> None:
    code = Assembler()
    one, two, end = code.label(), code.label(), code.label()
    code.jump("jeq", R1, 5, one)
    code.emit(asm.mov(R0, 1), asm.exit_())
    code.place(one)
    code.goto(two)
    code.place(two)
    code.goto(end)
    code.place(end)
    code.emit(asm.mov(R0, 2), asm.exit_())
    assert len(tidy(code.finish())) == 5


def test_an_endless_loop_of_jumps_stays_one() -> None:
    code = Assembler()
    here = code.label()
    code.place(here)
    code.goto(here)
    assert tidy(code.finish()) == (asm.ja(-1),)


def test_jumps_into_instructions_and_local_calls_are_refused() -> None:
    with pytest.raises(ValueError, match="middle"):
        tidy((asm.ja(1), asm.load_imm64(R0, 1), asm.exit_()))
    with pytest.raises(ValueError, match="local functions"):
        tidy((asm.call_local(0), asm.exit_()))


@pytest.mark.parametrize("seed", range(200))
def test_random_programs_do_the_same(seed: int) -> None:
    rng = random.Random(seed)
    code = Assembler()
    labels = [code.label() for _ in range(8)]
    for label in labels:
        code.place(label)
        for _ in range(rng.randrange(4)):
            kind = rng.randrange(5)
            if kind == 0:
                code.goto(rng.choice(labels))
            elif kind == 1:
                code.jump("jeq", R1, rng.randrange(4), rng.choice(labels))
            elif kind == 2:
                code.emit(asm.load_imm64(R0, rng.randrange(100)))
            elif kind == 3:
                code.emit(asm.mov(R0, rng.randrange(100)))
            else:
                code.emit(asm.alu("add", R1, 1))
    code.emit(asm.exit_())
    before = code.finish()
    after = tidy(before)
    assert len(after) <= len(before)
    for start in range(4):
        one, two = run(before, start), run(after, start)
        length = min(len(one), len(two)) - 1 if -1 in (one + two)[-1:] else None
        assert one[:length] == two[:length]


def test_a_conditional_jump_that_has_to_go_far_still_does() -> None:
    """It was turned around over an unconditional one; cutting that out again must not make it too long."""
    code = Assembler()
    end = code.label()
    code.jump("jeq", R1, 5, end)
    code.emit(*(asm.mov(R0, 1) for _ in range(40_000)))
    code.place(end)
    code.emit(asm.mov(R0, 7), asm.exit_())
    assert tidy(code.finish()) == code.finish()
