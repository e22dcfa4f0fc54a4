"""The program's own functions: what they return, and that they may return nothing."""

from __future__ import annotations

import pytest

from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Function, Insn, asm
from p4verify.targets.ebpf.artifact.asm import R0, R1, R2
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.support import bpf_suite
from tests.support.bpf_compare import difference, evaluated
from tests.support.machines import needs_clang

COUNTED = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
char _license[] SEC("license") = "GPL";
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 64); __type(key, __u32); __type(value, __u64); }
  counts SEC(".maps");
static __attribute__((noinline)) void count(__u32 key, struct __sk_buff *skb) {
  __u64 *found = bpf_map_lookup_elem(&counts, &key);
  if (found && key != 3) *found += skb->len;
  else if (key == 2) skb->mark = 5;
}
SEC("tc") int program(struct __sk_buff *skb) {
  count(1, skb); count(2, skb); count(3, skb);
  return skb->mark ? 2 : 0;
}
"""


@needs_clang
@pytest.mark.oracle
@pytest.mark.parametrize("level", ["-O1", "-O2", "-Os"])
def test_a_function_may_return_nothing(level: str, kernel_oracle: KernelOracle) -> None:
    """What it leaves in R0 is a pointer, a number or nothing, by the way that it goes."""
    made = bpf_suite.read_text(COUNTED, level)
    behaviour = meaning(made)
    assert behaviour.faults == ()
    assert len(behaviour.cases) == 3  # with a tag, without one, and with half of one
    for keys in ((), (1, 2), (1,), (3,)):
        tables = {"counts": [(n.to_bytes(4, "little"), bytes(8)) for n in keys]}
        (seen,) = kernel_oracle.observe(made, [(3, bytes(range(64)))], tables)
        assert difference(evaluated(behaviour, made, tables, 3, bytes(range(64))), seen) is None


def calling(*function: Insn, then: tuple[Insn, ...]) -> BpfObject:
    """A program that calls a function behind it, and goes on like ``then``."""
    head = (asm.call_local(len(then)), *then)
    return BpfObject((BpfProgram("test", "tc", (*head, *function), (Function("of", len(head)),)),), ())


NOTHING = (asm.exit_(),)
SOMETIMES = (asm.load(4, R1, R1, 0), asm.jump("jgt", R1, 100, 1), asm.exit_(), asm.mov(R0, 0), asm.exit_())


def test_what_a_function_does_not_return_may_not_be_read() -> None:
    assert meaning(calling(*NOTHING, then=(asm.mov(R0, 0), asm.exit_()))).faults == ()
    faults = meaning(calling(*NOTHING, then=(asm.exit_(),))).faults
    assert {fault.text for fault in faults} == {"program test, instruction 1: reads r0, which holds nothing"}


def test_what_a_function_returns_sometimes_is_a_fault_the_other_times() -> None:
    behaviour = meaning(calling(*SOMETIMES, then=(asm.mov(R2, R0), asm.mov(R0, R2), asm.exit_())))
    assert {fault.text for fault in behaviour.faults} == {"program test, instruction 1: reads r0, which holds nothing"}
    assert {case.outputs[0].to for case in behaviour.cases if case.outputs} == {"stack"}  # of frames that are longer
    assert meaning(calling(*SOMETIMES, then=(asm.mov(R0, 0), asm.exit_()))).faults == ()


def test_what_a_function_returns_is_asked_through_another() -> None:
    """The inner one's result is the outer one's."""
    inner = (asm.load(4, R0, R1, 0), asm.exit_())
    made = calling(asm.call_local(1), asm.exit_(), *inner, then=(asm.alu("and", R0, 1), asm.exit_()))
    behaviour = meaning(made)
    assert behaviour.faults == ()
    outputs = {evaluated(behaviour, made, {}, 3, bytes(count)).outputs for count in (60, 61)}
    assert len(outputs) == 2
