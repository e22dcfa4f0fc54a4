"""A program made observable: it becomes a function of a wrapper that writes down what it decided.

The wrapper calls the program, notes its result and the packet's metadata in a map, and sends what would have gone to
the host's stack to a tap instead, where it can be read. Calls of ``bpf_redirect`` go through a function that notes the
interface asked for and redirects to a tap that is there, so any port number can be observed. The program's own
instructions are otherwise untouched.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ..artifact import Assembler, BpfProgram, Function, Insn, MapDef, asm, slots
from ..artifact.asm import R0, R1, R2, R3, R6, R7, R8, R9

NOTES: Final = "p4verify_notes"
"""The map with one value of :data:`_LAYOUT`."""
_LAYOUT: Final = struct.Struct("=8I")
NOTES_MAP: Final = MapDef(NOTES, "array", 4, _LAYOUT.size, 1)
_RESULT, _TARGET, _REDIRECTED, _MARK, _PRIORITY, _CLASSID, _RAN, _TC_INDEX = range(0, 32, 4)

_REDIRECT: Final = 23
_SKB_FIELDS: Final = ((8, _MARK), (32, _PRIORITY), (72, _CLASSID), (44, _TC_INDEX))
"""Where a field lies in ``struct __sk_buff``, and where it is noted."""
_CALL_HELPER: Final = 0x85
TAKEN: Final = {"tc": (2, 4, 7, 8), "tcx": (2, 7), "xdp": ()}
"""Results that do not lead to the stack (checked against the stack itself by a test); XDP: all but XDP_PASS."""
_XDP_PASS: Final = 2
REDIRECTS: Final = {"tc": 7, "tcx": 7, "xdp": 4}


@dataclass(frozen=True)
class Notes:
    """What the wrapper wrote down."""

    ran: bool
    result: int
    redirected: bool
    target: int
    mark: int
    priority: int
    classid: int
    tc_index: int

    @classmethod
    def of(cls, value: bytes) -> Notes:
        """From the map's value."""
        result, target, redirected, mark, priority, classid, ran, tc_index = _LAYOUT.unpack(value)
        return cls(bool(ran), result, bool(redirected), target, mark, priority, classid, tc_index)


EMPTY: Final = bytes(_LAYOUT.size)


def wrapped(program: BpfProgram, hook: str, stack_port: int, redirect_port: int) -> tuple[Insn, ...]:
    """The observable program.

    Args:
        program: the program.
        hook: "tc", "tcx" or "xdp".
        stack_port: where to send what passes.
        redirect_port: where to send what is redirected.
    """
    out = Assembler()
    start = out.label("program")
    out.emit(asm.mov(R6, R1))
    out.call(start)
    out.emit(
        asm.mov(R7, R0), asm.load_map_value(R8, NOTES, 0), asm.store(4, R8, _RESULT, R7), asm.store(4, R8, _RAN, 1)
    )
    # Read back, so that what the verifier believes of the result cannot decide the comparisons below: a kernel was met
    # (6.18) that believed a constant to be another number than the one computed.
    out.emit(asm.load(4, R7, R8, _RESULT))
    if hook != "xdp":
        for place, field in _SKB_FIELDS:
            out.emit(asm.load(4, R9, R6, place), asm.store(4, R8, field, R9))
    leave, passes = out.label(), out.label()
    if hook == "xdp":
        out.jump("jne", R7, _XDP_PASS, leave, 32)
    else:
        for code in TAKEN[hook]:
            out.jump("jeq", R7, code, leave, 32)
    out.place(passes)
    out.emit(asm.mov(R1, stack_port), asm.mov(R2, 0), asm.call(_REDIRECT), asm.exit_())
    out.place(leave)
    out.emit(asm.mov(R0, R7), asm.exit_())
    out.place(start)
    out.emit(*spied(program, hook, redirect_port))
    return out.finish()


def with_functions(program: BpfProgram, code: tuple[Insn, ...]) -> BpfProgram:
    """``code``, which :func:`wrapped` made of ``program``, with its functions named: the kernel asks for that where one
    of them makes tail calls."""
    size = slots(program.insns)[-1]
    spy = _redirects(program)
    start = slots(code)[-1] - size - (_SPY_SLOTS if spy else 0)
    functions = [Function("p4verify_program", start)]
    functions += [Function(f.name, f.slot + start) for f in program.functions]
    functions += [Function("p4verify_redirect", start + size)] if spy else []
    return BpfProgram(program.name, program.section, code, tuple(functions))


def spied(program: BpfProgram, hook: str, redirect_port: int) -> tuple[Insn, ...]:
    """The program with its calls of ``bpf_redirect`` observed, but not wrapped: one that tail calls lead to."""
    if not _redirects(program):
        return program.insns
    out = Assembler()
    out.emit(*_with_spies(program.insns))
    _spy(out, hook, redirect_port)
    return out.finish()


def _is_redirect(insn: Insn) -> bool:
    return insn.opcode == _CALL_HELPER and insn.src == 0 and insn.imm == _REDIRECT


def _redirects(program: BpfProgram) -> bool:
    return any(_is_redirect(insn) for insn in program.insns)


def _with_spies(insns: Sequence[Insn]) -> list[Insn]:
    """The program with calls of the function right behind it in place of ``bpf_redirect``."""
    places = slots(insns)
    end = places[-1]
    return [
        asm.call_local(end - slot - 1) if _is_redirect(insn) else insn
        for slot, insn in zip(places, insns, strict=False)
    ]


_SPY_SLOTS: Final = 9
"""How long the following function is."""


def _spy(out: Assembler, hook: str, port: int) -> None:
    """``redirect(ifindex, flags)``: note and redirect; R6 to R9 are the function's own."""
    refused = out.label()
    out.emit(asm.mov(R6, R1), asm.mov(R1, port), asm.call(_REDIRECT))
    out.jump("jne", R0, REDIRECTS[hook], refused)
    out.emit(asm.load_map_value(R3, NOTES, 0), asm.store(4, R3, _TARGET, R6), asm.store(4, R3, _REDIRECTED, 1))
    out.place(refused)
    out.emit(asm.exit_())
