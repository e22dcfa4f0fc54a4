"""``bpf_loop(turns, function, context, flags)`` (kernel/bpf/bpf_iter.c) as instructions: a function behind the program,
which calls are led to. The kernel's verifier does the same (``inline_bpf_loop``)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact import asm
from ..artifact.asm import R0, R1, R2, R3, R4, R6, R7, R8, R9, Assembler
from ..artifact.insn import CALL_LOCAL, Insn, called_helper, slots
from ..artifact.program import BpfProgram, Function, Line
from .graph import CALL_REGISTER
from .helpers_maps import E2BIG, EINVAL

if TYPE_CHECKING:
    from .machine import Machine

LOOP: Final = 181
MOST_TURNS: Final = 1 << 23
"""BPF_MAX_LOOPS."""
CALL_FUNCTION: Final = Insn(CALL_REGISTER, R9, CALL_LOCAL)
"""Calls the function whose address r9 holds; no program that the kernel takes has this instruction."""
TOO_MANY: Final = Insn(CALL_REGISTER, R1, CALL_LOCAL)
"""Gives what the helper gives for too many turns, see :func:`too_many`; as for the programs that have it."""


def with_loop(program: BpfProgram) -> tuple[BpfProgram, int | None]:
    """``program`` with the function behind it if it calls the helper, and its first slot."""
    if not any(called_helper(insn) == LOOP for insn in program.insns):
        return program, None
    at = slots(program.insns)[-1]
    lines = (*program.lines, Line(at, "bpf_loop", 0, 0)) if program.lines else ()
    functions = (*program.functions, Function("bpf_loop", at))
    return replace(program, insns=program.insns + _loop(), functions=functions, lines=lines), at


def too_many(machine: Machine) -> Term:
    """-E2BIG in the low half of R0. In the upper one ones, as the helper gives them, or zeros, as the verifier's own
    instructions do, which take its place wherever it sees the flags and one function (and thus in most programs)."""
    upper = machine.choose("loop", 1, "whether the kernel calls bpf_loop, or has put instructions in its place")
    return b.concat(b.sext(upper, 32), b.bv(-E2BIG, 32))


def _loop() -> tuple[Insn, ...]:
    out = Assembler()
    known, bounded, turn, end = (out.label() for _ in range(4))
    out.jump("jeq", R4, 0, known)
    out.emit(asm.mov(R0, -EINVAL), asm.exit_())
    out.place(known)
    out.jump("jle", R1, MOST_TURNS, bounded)
    out.emit(TOO_MANY, asm.exit_())
    out.place(bounded)
    out.emit(asm.mov(R6, R1), asm.mov(R7, 0), asm.mov(R8, R3), asm.mov(R9, R2))
    out.place(turn)
    out.jump("jge", R7, R6, end)
    out.emit(asm.mov(R1, R7), asm.mov(R2, R8), CALL_FUNCTION, asm.alu("add", R7, 1))
    out.jump("jeq", R0, 0, turn)
    out.place(end)
    out.emit(asm.mov(R0, R7), asm.exit_())
    return out.finish()
