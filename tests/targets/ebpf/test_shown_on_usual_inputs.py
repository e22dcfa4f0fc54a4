"""Differences of two objects that a solver finds where no machine can be asked are shown where the kernel confirms
them: on another port, with devices that there can be."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.machines import needs_clang

pytestmark = [needs_clang, pytest.mark.oracle]

TEXT = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#define MAP(name, kind, K, V, n) \\
  struct { __uint(type, BPF_MAP_TYPE_##kind); __uint(max_entries, n); \\
           __type(key, K); __type(value, V); } name SEC(".maps")
MAP(config, ARRAY, __u32, __u32, 1);
MAP(sent, DEVMAP, __u32, __u32, 8);
SEC("xdp") int program(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  __u32 zero = 0;
  if (data + 14 > end) return XDP_DROP;
  %s
}
char _license[] SEC("license") = "GPL";
"""
PORT = "__u32 *p = bpf_map_lookup_elem(&config, &zero); return p && ctx->ingress_ifindex == *p ? {} : XDP_DROP;"


def built(body: str) -> BpfObject:
    """The object that clang makes of a program of a body."""
    return bpf_suite.read_text(TEXT % body)


def test_the_kernel_confirms_the_difference(kernel_oracle: object) -> None:
    proof = (
        Checker(None)
        .check_two((TARGET, built(PORT.format("XDP_TX")), "a"), (TARGET, built(PORT.format("XDP_PASS")), "b"))
        .proof
    )
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by


def test_a_map_of_devices_holds_no_interface_zero() -> None:
    """Where it does, says the solver, these differ."""
    asks = "__u32 *held = bpf_map_lookup_elem(&sent, &zero); return held && !*held ? XDP_TX : XDP_PASS;"
    result = Checker(None).check_two((TARGET, built(asks), "a"), (TARGET, built("return XDP_PASS;"), "b"))
    assert result.verdict is Verdict.ACCEPT, result.proof.reason
