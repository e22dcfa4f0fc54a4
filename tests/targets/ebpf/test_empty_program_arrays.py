"""Arrays of programs that are declared with ``values`` and hold none: libbpf puts nothing there, others do later."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.machines import needs_clang

pytestmark = needs_clang

TEXT = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_PROG_ARRAY); __uint(max_entries, 4); __type(key, __u32);
         __array(values, int(void *)); } later SEC(".maps");
SEC("xdp") int program(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 14 > end) return XDP_DROP;
  *(char *)data = 1;
  bpf_tail_call(ctx, &later, %d);
  return XDP_DROP;
}
char _license[] SEC("license") = "GPL";
"""


def leading_to(number: int, level: str = "-O2", cpu: str = "v3") -> BpfObject:
    """The object that clang makes of a program that goes on with one of the array's."""
    return bpf_suite.read_text(TEXT % number, level, cpu)


@pytest.mark.oracle
def test_what_a_tail_call_leads_to_is_told(kernel_oracle: object) -> None:
    """Objects that lead to other programs were accepted, as if the array stayed empty."""
    proof = Checker(None).check_two((TARGET, leading_to(1), "a"), (TARGET, leading_to(2), "b")).proof
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by
    same = Checker(None).check_two((TARGET, leading_to(1), "a"), (TARGET, leading_to(1, "-O1", "v1"), "b"))
    assert same.verdict is Verdict.ACCEPT
