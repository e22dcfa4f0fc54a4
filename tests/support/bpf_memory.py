"""The eBPF machine on a plain piece of memory, as engines in user space run programs: r1 its address, r2 its size, the
kernel's helpers, which may be called by the number in a register."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.targets.ebpf.artifact import BpfProgram, Insn
from p4verify.targets.ebpf.meaning.hooks import HOOKS
from p4verify.targets.ebpf.meaning.machine import Host, Machine, start_registers
from p4verify.targets.ebpf.meaning.state import Layout, State
from p4verify.targets.ebpf.meaning.values import Address


def run(insns: Sequence[Insn], memory: Sequence[Term]) -> tuple[Machine, list[State]]:
    """The machine after running ``insns`` on ``memory`` (8-bit terms), and the states in which they end."""
    program = BpfProgram("test", "test", tuple(insns), ())
    machine = Machine(program, (), Host((), HOOKS["xdp"].helpers, register_calls=True))
    regs = start_registers()
    regs[1] = Address("buffer", 0, "memory")
    regs[2] = b.bv(len(memory), 64)
    start = State(b.TRUE, 0, regs, Layout(), memory={"memory": dict(enumerate(memory))})
    return machine, machine.run([start])


class NoResult(Exception):
    """What is read, followed or called is not there."""


def result(insns: Sequence[Insn], memory: Sequence[Term], values: Mapping[str, int]) -> int:
    """r0 behind ``insns`` for these values of the memory's variables; exactly one state applies. Raises NoResult and
    Unsupported."""
    machine, states = run(insns, memory)
    for fault in machine.faults:
        if b.evaluate([fault.guard], values) != [0]:
            raise NoResult(fault.text)
    (state,) = [s for s in states if b.evaluate([s.guard], values) == [1]]
    r0 = state.regs[0]
    assert isinstance(r0, Term)
    (value,) = b.evaluate([r0], values)
    assert isinstance(value, int)
    return value
