"""What an object's type information is read for: fields whose place no kernel changes, of objects that were compiled
against a kernel's types (CO-RE), where others are refused with their names; and hooks that no section tells."""

from __future__ import annotations

import re

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.machines import needs_clang

pytestmark = needs_clang

TYPES = """
typedef unsigned char __u8; typedef unsigned short __u16; typedef unsigned int __u32;
#define SEC(name) __attribute__((section(name), used))
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct xdp_md { __u32 data, data_end, data_meta; };
struct ethhdr { __u8 h_dest[6], h_source[6]; __u16 h_proto; };
struct iphdr {
  __u8 ihl : 4, version : 4, tos; __u16 tot_len, id, frag_off; __u8 ttl, protocol; __u16 check;
  union { struct { __u32 saddr, daddr; }; struct { __u32 saddr, daddr; } addrs; };
};
struct in6_addr { union { __u8 u6_addr8[16]; __u16 u6_addr16[8]; __u32 u6_addr32[4]; } in6_u; };
struct ipv6hdr {
  __u8 priority : 4, version : 4, flow_lbl[3]; __u16 payload_len; __u8 nexthdr, hop_limit;
  union { struct { struct in6_addr saddr, daddr; }; };
};
struct tcphdr___mine { __u16 dest, source; };
struct udphdr { __u16 source; __u32 dest; } __attribute__((packed));
struct sk_buff { __u32 len; };
struct __sk_buff { __u32 len; };
struct bpf_sock { __u32 family; };
#pragma clang attribute pop
"""
BODY = """
SEC("xdp") int program(struct xdp_md *ctx) {
  void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  struct ethhdr *eth = data;
  struct iphdr *ip = data + 14;
  struct ipv6hdr *six = data + 14;
  if (data + 64 > end) return 1;
  %s
}
char _license[] SEC("license") = "GPL";
"""


def built(body: str, level: str = "-O2", cpu: str = "v3", types: str = TYPES) -> BpfObject:
    """The object that clang makes of a program of a body."""
    return bpf_suite.read_text(types + BODY % body, level, cpu)


BODIES = (
    "eth->h_source[5] = 1; return eth->h_proto == 8 ? 3 : 2;",
    "if (ip->ihl != 5 || ip->version != 4) return 1; ip->ttl--; return ip->daddr == 7 ? 3 : 2;",
    "return six->daddr.in6_u.u6_addr16[3] == 7 && six->flow_lbl[1] ? 3 : 2;",
)


@pytest.mark.parametrize("body", BODIES)
def test_fields_that_no_kernel_moves(body: str) -> None:
    first, second = built(body), built(body, "-O1", "v1")
    plain = built(body, types=re.sub(r"#pragma.*", "", TYPES))
    for other in (second, plain):
        assert Checker(None).check_two((TARGET, first, "a"), (TARGET, other, "b")).verdict is Verdict.ACCEPT
    wrong = built(body.replace("? 3 : 2", "? 2 : 3"))
    assert Checker(None).check_two((TARGET, first, "a"), (TARGET, wrong, "b")).verdict is Verdict.REJECT


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("return ((struct tcphdr___mine *)ip)->source;", r"tcphdr___mine\.source"),
        ("return ((struct udphdr *)ip)->dest;", r"udphdr\.dest"),
        ("return ((struct sk_buff *)ip)->len;", r"sk_buff\.len"),
        ("return ip->addrs.saddr;", r"iphdr\.addrs"),
        ("return (ip + 1)->ttl + ip[2].ttl;", r"iphdr\.ttl"),
        ("return __builtin_preserve_field_info(ip->ttl, 2);", r"iphdr \(kind 2\)"),
    ],
)
def test_what_kernels_may_move_is_refused(body: str, told: str) -> None:
    with pytest.raises(Unsupported, match=rf"program program, instruction \d+: .*{told}"):
        meaning(built(body))


@pytest.mark.parametrize(
    ("section", "context", "hook"),
    [
        ("prog_drop", "xdp_md", "xdp"), ("encap_all", "__sk_buff", "tc"), ("2/0", "__sk_buff", "tc"),
        ("cgroup_skb/egress", "__sk_buff", None), ("socket", "__sk_buff", None), ("lwt_in", "__sk_buff", None),
        ("mine", "bpf_sock", None), ("xdp.frags", "xdp_md", "xdp"), ("egress", "__sk_buff", "tc_egress"),
    ],
)  # fmt: skip
def test_a_section_whose_name_says_nothing_leaves_the_hook_to_the_parameter(
    section: str, context: str, hook: str | None
) -> None:
    found = bpf_suite.read_text(TYPES + f'SEC("{section}") int program(struct {context} *ctx) {{ return 2; }}')
    assert found.program().hook == hook
    if hook in ("xdp", "tc"):
        told = any("names no hook" in note for note in meaning(found).notes)
        assert told == (section not in ("xdp.frags",))


def test_a_hook_that_a_parameter_tells_is_where_the_machine_runs_it(kernel_oracle: KernelOracle) -> None:
    """Both run there: a difference is confirmed."""
    first, second = (
        bpf_suite.read_text(TYPES + f'SEC("mine") int program(struct xdp_md *ctx) {{ return {n}; }}') for n in (1, 2)
    )
    proof = Checker(None).check_two((TARGET, first, "a"), (TARGET, second, "b")).proof
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by


def test_what_a_kernel_or_a_loader_could_have_otherwise_is_noted() -> None:
    """Before Linux 6.13 ``bpf_csum_diff`` left sums unfolded, and loaders set ``const volatile`` variables."""
    head = TYPES + "static long (*diff)(void *, int, void *, int, int) = (void *)28; const volatile int limit = 3;"
    sums = bpf_suite.read_text(head + 'SEC("xdp") int program(void *c) { int v = 1; return diff(0, 0, &v, 4, 0); }')
    assert any("Linux 6.13" in note for note in meaning(sums).notes)
    constant = bpf_suite.read_text(head + 'SEC("xdp") int program(void *c) { return limit; }')
    assert any("a loader could set them" in note for note in meaning(constant).notes)
    assert not any("6.13" in note or "loader" in note for note in meaning(built("return 2;")).notes)
