"""Where a path goes next, as far as literals in its registers say.

Compilers keep in a register which way was gone (``found = 1; goto out; ... out: if (found)``). Taken together there,
paths would hold values that choose between what either has; they part again at once, so they are not taken together.
"""

from __future__ import annotations

from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.insn import ALU, ALU64, JMP32, LD, LDX, ST, STX, Insn, X
from . import alu
from .graph import JA, JA32, Graph, is_jump, target, touches
from .state import State

MOST: Final = 24
"""Instructions that are looked at."""

Way = tuple[tuple[int, bool], ...]
"""Jumps, and whether they are taken."""


def way(graph: Graph, state: State) -> Way:
    """The conditional jumps ahead of a path that its literals decide, up to the first one that they do not."""
    known = {n: held for n, held in enumerate(state.regs) if isinstance(held, Term) and held.is_const}
    found: list[tuple[int, bool]] = []
    slot = state.slot
    for _ in range(MOST if known else 0):
        insn = graph.insns[slot]
        if is_jump(insn):
            taken = insn.opcode in (JA, JA32) or _taken(insn, known)
            if taken is None:
                break
            if insn.opcode not in (JA, JA32):
                found.append((slot, taken))
            slot = target(slot, insn) if taken else slot + insn.size
        elif insn.cls in (ALU, ALU64, LD, LDX, ST, STX):
            _follow(insn, known)
            slot += insn.size
        else:  # a call, or the end
            break
    return tuple(found)


def _operand(insn: Insn, known: dict[int, Term]) -> Term | None:
    return known.get(insn.src) if insn.opcode & X else b.bv(insn.imm, 64)


def _taken(insn: Insn, known: dict[int, Term]) -> bool | None:
    """Whether a jump is taken; None if the literals do not say."""
    name, left, right = alu.jump_name(insn), known.get(insn.dst), _operand(insn, known)
    if name is None or left is None or right is None:
        return None
    if insn.cls == JMP32:
        left, right = b.extract(left, 31, 0), b.extract(right, 31, 0)
    return alu.condition(name, left, right) is b.TRUE


def _follow(insn: Insn, known: dict[int, Term]) -> None:
    """What is known behind an instruction that is no jump."""
    name = alu.operation(insn) if insn.cls in (ALU, ALU64) else None
    left, right = known.get(insn.dst), _operand(insn, known)
    for written in touches(insn)[1]:
        known.pop(written, None)
    if name is None or right is None:
        return
    if name.startswith("mov"):
        left = right
    if left is not None:
        known[insn.dst] = alu.compute(insn, name, left, right)
