"""LD_ABS and LD_IND: loads from the packet in network order, which end the function if the packet is too short.

As ``bpf_gen_ld_abs`` and ``bpf_skb_load_helper_*`` (net/core/filter.c) do them: R6 holds the context, R0 gets the
number, and where the bytes are not there the function (not only the program) returns 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ..artifact.insn import MODE_ABS, MODE_IND, SIZE_BYTES, Insn
from . import execute, memory
from .graph import EXIT
from .ranges import interval
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Machine

_SIGN: Final = 1 << 31


def load(machine: Machine, state: State, insn: Insn) -> list[State]:
    """The state where the bytes are there, and the one behind the function where they are not."""
    mode, size = insn.opcode & 0xE0, SIZE_BYTES[insn.opcode & 0x18]
    reserved = insn.dst or insn.off or (mode == MODE_ABS and insn.src)
    if mode not in (MODE_ABS, MODE_IND) or size == 8 or reserved or not machine.host.legacy_loads:
        raise machine.unsupported(state, f"undefined load (opcode {insn.opcode:#04x})")
    context = machine.pointer(state, 6)
    if context.kind != "ctx" or context.offset:
        raise machine.unsupported(state, "a legacy packet load without the context in r6")
    offset = b.bv(insn.imm, 32)
    if mode == MODE_IND:
        offset = b.add(b.extract(machine.scalar(state, insn.src), 31, 0), offset)
    if interval(offset, state.ranges)[1] >= _SIGN:
        raise machine.unsupported(state, "a legacy packet load at an offset that may be negative")
    state.regs[1:6] = [None] * 5
    address = Address("packet", epoch=state.layout.epoch).at_distance(b.zext(offset, 64))
    there, missing = machine.fork(state, memory.in_packet(state, address, size))

    def found(state: State) -> list[State]:
        state.regs[0] = b.zext(b.concat(*memory.load_bytes(machine, state, address, size)), 64)
        state.slot += 1
        return [state]

    def ended(state: State) -> list[State]:
        state.regs[0] = b.bv(0, 64)
        return execute.leave(machine, state)

    return machine.on(there, found) + machine.on(missing, ended)


__all__ = ["EXIT", "load"]
