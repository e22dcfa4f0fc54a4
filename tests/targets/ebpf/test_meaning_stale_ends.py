"""How long a packet was, by pointers to it that were read before it changed: compilers put the subtraction behind the
change, in 32 bits (v3) or 64 (v1). The kernel's verifier takes such pointers for numbers."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.machines import needs_clang

pytestmark = needs_clang

TEXT = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("xdp") int program(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 14 > end) return XDP_DROP;
  if (bpf_xdp_adjust_head(ctx, -20)) return XDP_ABORTED;
  void *now = (void *)(long)ctx->data, *past = (void *)(long)ctx->data_end;
  if (now + 34 > past) return XDP_ABORTED;
  __builtin_memset(now, 0, 20);
  %s
  return XDP_TX;
}
char _license[] SEC("license") = "GPL";
"""
BEFORE = "*(__u32 *)now = end - data;"
AFTER = "*(__u32 *)now = past - now - 20;"
LONGER = "*(__u32 *)now = past - now;"


def built(body: str, cpu: str) -> BpfObject:
    """The object that clang makes of a program that puts something in front of the packet."""
    return bpf_suite.read_text(TEXT % body, "-O2", cpu)


@pytest.mark.oracle
@pytest.mark.parametrize("cpu", ["v1", "v3"])
def test_the_length_is_that_of_the_packet_before(kernel_oracle: KernelOracle, cpu: str) -> None:
    before = built(BEFORE, cpu)
    assert not kernel_oracle.refuses(before)
    for body, verdict in ((AFTER, Verdict.ACCEPT), (LONGER, Verdict.REJECT)):
        result = Checker(None).check_two((TARGET, before, "a"), (TARGET, built(body, "v3"), "b"))
        assert result.verdict is verdict, result.proof.reason
        if result.proof.counterexample is not None:
            assert "ebpf kernel" in result.proof.counterexample.confirmed_by


def test_the_pointers_are_compared_as_they_were() -> None:
    late = "*(__u32 *)now = data + 100 > end;"
    early = "*(__u32 *)now = now + 120 > past;"
    wrong = "*(__u32 *)now = now + 100 > past;"
    for cpu in ("v1", "v3"):
        for body, verdict in ((early, Verdict.ACCEPT), (wrong, Verdict.REJECT)):
            result = Checker(None).check_two((TARGET, built(late, cpu), "a"), (TARGET, built(body, cpu), "b"))
            assert result.verdict is verdict, result.proof.reason
