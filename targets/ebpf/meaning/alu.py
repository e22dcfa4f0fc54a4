"""What eBPF arithmetic and comparisons compute on 64-bit terms (RFC 9669, sections 4.1 to 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.insn import ALU, ALU64, ALU_OPS, JMP_OPS, Insn, X

_NAMES: Final = {code: name for name, code in ALU_OPS.items()}
_JUMPS: Final = {code: name for name, code in JMP_OPS.items()}

Binary = Callable[[Term, Term], Term]


def _divide(x: Term, y: Term) -> Term:
    return b.ite(b.eq(y, b.bv(0, y.width)), b.bv(0, x.width), b.udiv(x, y))


def _divide_signed(x: Term, y: Term) -> Term:
    return b.ite(b.eq(y, b.bv(0, y.width)), b.bv(0, x.width), b.sdiv(x, y))


def _shift(shift: Binary) -> Binary:
    """Shift amounts count modulo the width."""
    return lambda x, y: shift(x, b.band(y, b.bv(x.width - 1, y.width)))


def _xor(x: Term, y: Term) -> Term:
    """With a literal: the bits that it turns are complemented part by part, so that parts stay parts."""
    if x.is_const or not y.is_const or x.op != "concat":
        return b.bxor(x, y)
    parts, high = [], x.width
    while high:
        turned = y.value >> (high - 1) & 1
        low = high - 1
        while low and y.value >> (low - 1) & 1 == turned:
            low -= 1
        part = b.extract(x, high - 1, low)
        parts.append(b.bnot(part) if turned else part)
        high = low
    return b.concat(*parts) if len(parts) <= _MOST_PARTS else b.bxor(x, y)


_MOST_PARTS: Final = 4

_BINARY: Final[dict[str, Binary]] = {
    "add": b.add,
    "sub": b.sub,
    "mul": b.mul,
    "div": _divide,
    "or": b.bor,
    "and": b.band,
    "lsh": _shift(b.shl),
    "rsh": _shift(b.lshr),
    "mod": b.urem,  # by zero: the dividend stays, as SMT-LIB's bvurem has it
    "xor": _xor,
    "arsh": _shift(b.ashr),
}


def operation(insn: Insn) -> str | None:
    """The name of an arithmetic instruction's operation ("sdiv", "movsx16", "be32", "le16", "bswap64" among them).

    None for what RFC 9669 leaves undefined (and the kernel's verifier refuses: reserved fields must be zero).
    """
    name = _NAMES.get(insn.opcode & 0xF0)
    wide, register = insn.cls == ALU64, bool(insn.opcode & X)
    if name == "end":
        if insn.imm not in (16, 32, 64) or insn.off or insn.src or (wide and register):
            return None
        return f"{'bswap' if wide else 'be' if register else 'le'}{insn.imm}"
    if name is None or (register and insn.imm) or (not register and insn.src):
        return None
    if insn.off == 0:
        return None if name == "neg" and (register or insn.imm) else name
    if name in ("div", "mod") and insn.off == 1:
        return "s" + name
    if name == "mov" and register and insn.off in ((8, 16, 32) if wide else (8, 16)):
        return f"movsx{insn.off}"
    return None


def compute(insn: Insn, name: str, dst: Term, operand: Term) -> Term:
    """The new value of the destination.

    Args:
        insn: an arithmetic instruction.
        name: its :func:`operation`.
        dst: the destination's value before, 64 bits.
        operand: the source register's value, or the immediate sign-extended to 64 bits.
    """
    if name.startswith(("be", "le", "bswap")):
        return _byte_order(name, insn.imm, dst)
    width = 32 if insn.cls == ALU else 64
    x, y = b.extract(dst, width - 1, 0), b.extract(operand, width - 1, 0)
    if name == "neg":
        result = b.neg(x)
    elif name == "mov":
        result = y
    elif name.startswith("movsx"):
        result = b.sext(b.extract(operand, insn.off - 1, 0), width)
    elif name == "sdiv":
        result = _divide_signed(x, y)
    elif name == "smod":
        result = b.srem(x, y)
    else:
        result = _BINARY[name](x, y)
    return b.zext(result, 64)


def _byte_order(name: str, width: int, dst: Term) -> Term:
    low = b.extract(dst, width - 1, 0)
    return b.zext(low if name.startswith("le") else swap(low), 64)


def swap(x: Term) -> Term:
    """The bytes of ``x`` in reverse order."""
    return b.concat(*(b.extract(x, i + 7, i) for i in range(0, x.width, 8)))


_COMPARE: Final[dict[str, Binary]] = {
    "jeq": b.eq,
    "jne": b.ne,
    "jgt": b.ugt,
    "jge": b.uge,
    "jlt": b.ult,
    "jle": b.ule,
    "jsgt": lambda x, y: b.slt(y, x),
    "jsge": lambda x, y: b.sle(y, x),
    "jslt": b.slt,
    "jsle": b.sle,
    "jset": lambda x, y: b.to_bool(b.band(x, y)),
}


def jump_name(insn: Insn) -> str | None:
    """The name of a jump, call or exit; None for what is undefined."""
    return _JUMPS.get(insn.opcode & 0xF0)


def condition(name: str, x: Term, y: Term) -> Term:
    """Whether the conditional jump ``name`` is taken, on two terms of one width."""
    return _COMPARE[name](x, y)
