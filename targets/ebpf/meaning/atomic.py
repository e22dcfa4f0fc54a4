"""Atomic operations (RFC 9669, section 5.3): one packet runs at a time, so each is a load and a store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.insn import ALU_OPS, ATOMIC_CMPXCHG, ATOMIC_FETCH, ATOMIC_XCHG, LOAD_ACQUIRE, STORE_RELEASE, Insn
from . import memory
from .state import State

if TYPE_CHECKING:
    from .machine import Machine

_OPERATIONS: Final = {ALU_OPS["add"]: b.add, ALU_OPS["or"]: b.bor, ALU_OPS["and"]: b.band, ALU_OPS["xor"]: b.bxor}


def execute(machine: Machine, state: State, insn: Insn, size: int) -> None:
    """Run ``insn``, an atomic operation on ``size`` bytes."""
    if insn.imm in (LOAD_ACQUIRE, STORE_RELEASE):
        _transfer(machine, state, insn, size)
        return
    known = insn.imm in (ATOMIC_XCHG, ATOMIC_CMPXCHG) or insn.imm & ~ATOMIC_FETCH in _OPERATIONS
    if size not in (4, 8) or not known:
        raise machine.unsupported(state, f"undefined atomic operation {insn.imm:#x} on {size} bytes")
    address = machine.pointer(state, insn.dst, insn.off)
    if address.kind not in ("stack", "buffer", "value"):
        raise machine.unsupported(state, f"an atomic operation on memory of kind {address.kind}")
    old = memory.load(machine, state, address, size)
    if not isinstance(old, Term):
        raise machine.unsupported(state, "an atomic operation on a pointer")
    operand = b.extract(machine.scalar(state, insn.src), 8 * size - 1, 0)
    new = _new_value(machine, state, insn, old, operand)
    memory.store(machine, state, address, b.zext(new, 64), size)
    if insn.imm == ATOMIC_CMPXCHG:
        state.regs[0] = b.zext(old, 64)
    elif insn.imm & ATOMIC_FETCH:
        if insn.src > 9:
            raise machine.unsupported(state, f"writes r{insn.src}")
        state.regs[insn.src] = b.zext(old, 64)


def _transfer(machine: Machine, state: State, insn: Insn, size: int) -> None:
    """A load or a store whose order among others matters to other CPUs only."""
    loads = insn.imm == LOAD_ACQUIRE
    address = machine.pointer(state, insn.src if loads else insn.dst, insn.off)
    if address.kind not in ("stack", "buffer", "value"):
        raise machine.unsupported(state, f"an atomic operation on memory of kind {address.kind}")
    if not loads:
        memory.store(machine, state, address, machine.register(state, insn.src), size)
        return
    value = memory.load(machine, state, address, size)
    machine.set(state, insn.dst, b.zext(value, 64) if isinstance(value, Term) else value)


def _new_value(machine: Machine, state: State, insn: Insn, old: Term, operand: Term) -> Term:
    if insn.imm == ATOMIC_XCHG:
        return operand
    if insn.imm == ATOMIC_CMPXCHG:
        expected = b.extract(machine.scalar(state, 0), old.width - 1, 0)
        return b.ite(b.eq(old, expected), operand, old)
    return _OPERATIONS[insn.imm & ~ATOMIC_FETCH](old, operand)
