"""The eBPF machine on a plain piece of memory, as user-space eBPF engines run programs: r1 its address, r2 its size."""

from __future__ import annotations

from collections.abc import Sequence

from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.targets.ebpf.artifact import BpfProgram, Insn
from p4verify.targets.ebpf.meaning.machine import Host, Machine, start_registers
from p4verify.targets.ebpf.meaning.state import Layout, State
from p4verify.targets.ebpf.meaning.values import Address


def run(insns: Sequence[Insn], memory: Sequence[Term]) -> tuple[Machine, list[State]]:
    """The machine after running ``insns`` on ``memory`` (8-bit terms), and the states in which they end."""
    program = BpfProgram("test", "test", tuple(insns), ())
    machine = Machine(program, (), Host((), {}))
    regs = start_registers()
    regs[1] = Address("buffer", 0, "memory")
    regs[2] = b.bv(len(memory), 64)
    start = State(b.TRUE, 0, regs, Layout(), memory={"memory": dict(enumerate(memory))})
    return machine, machine.run([start])
