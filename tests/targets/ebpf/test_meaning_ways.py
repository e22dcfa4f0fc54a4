"""Paths that literals in registers part again: they stay apart, whatever a compiler made of the ways."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn, asm
from p4verify.targets.ebpf.artifact.asm import R0, R1, R2, R3, R4, R6, R7
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.bpf_compare import evaluated
from tests.support.machines import needs_clang
from tests.targets.ebpf.test_meaning_spilled import in_packet

XDP_PASS, XDP_DROP = 2, 1


def program(*insns: Insn) -> BpfObject:
    """Of a frame of 14 bytes or more, whose beginning r7 holds: it passes where ``insns`` leave 9 in r3."""
    end = (asm.mov(R0, XDP_PASS), asm.jump("jeq", R3, 9, 1), asm.mov(R0, XDP_DROP), asm.exit_())
    return BpfObject((BpfProgram("p", "xdp", (asm.mov(R6, R1), *in_packet(*insns), *end)),), (), name="p.o")


def flagged(*noted: Insn, asked: tuple[str, int] = ("jeq", 0)) -> BpfObject:
    """Byte 2 where byte 0 is 5, else byte 1 and seven; which one it is is in r2 (0 or 1) when the ways have met, and
    ``noted`` comes before it is ``asked`` for."""
    return program(
        asm.load(1, R1, R7, 0), asm.jump("jeq", R1, 5, 3),
        asm.mov(R2, 1), asm.load(1, R3, R7, 1), asm.ja(2),
        asm.mov(R2, 0), asm.load(1, R3, R7, 2),
        *noted, asm.jump(asked[0], R2, asked[1], 1),
        asm.alu("add", R3, 7),
    )  # fmt: skip


def direct() -> BpfObject:
    """The same without a flag."""
    return program(
        asm.load(1, R1, R7, 0), asm.jump("jeq", R1, 5, 3),
        asm.load(1, R3, R7, 1), asm.alu("add", R3, 7), asm.ja(1),
        asm.load(1, R3, R7, 2),
    )  # fmt: skip


FLAGGED = {
    "asked at once": flagged(),
    "asked otherwise": flagged(asked=("jne", 1)),
    "moved, and cut to a word": flagged(asm.mov(R4, R2, 32), asm.mov(R2, R4)),
    "counted on": flagged(asm.alu("add", R2, 3), asked=("jle", 3)),
    "behind a load": flagged(asm.load(1, R4, R7, 3)),
}


@pytest.mark.parametrize("name", FLAGGED)
def test_a_flag_that_says_which_way_was_gone_chooses_nothing(name: str) -> None:
    made, plain = (meaning(found) for found in (FLAGGED[name], direct()))
    assert [case.guard for case in made.cases] == [case.guard for case in plain.cases]
    assert [case.outputs for case in made.cases] == [case.outputs for case in plain.cases]


def test_a_flag_that_was_written_again_is_none() -> None:
    """What the path holds there is not what it held where the ways met."""
    read = flagged(asm.load(1, R2, R7, 3))
    for first, second, fourth in ((5, 9, 0), (5, 2, 1), (4, 2, 0), (4, 2, 1), (4, 9, 0)):
        frame = bytes((first, second, 2 if first == 5 else 0, fourth, *range(10)))
        value = (frame[2] if first == 5 else frame[1]) + (7 if fourth else 0)
        sent = [to for to, _, _ in evaluated(meaning(read), read, {}, 1, frame).outputs]
        assert sent == (["stack"] if value == 9 else [])


# Six extension headers of IPv6. At -O1 clang keeps in registers why the loop was left; at -O2 it goes elsewhere.
CHAIN = """
SEC("xdp") int walk(struct xdp_md *ctx) {
  void *data = DATA(ctx), *end = END(ctx);
  struct ethhdr *eth = data;
  struct ipv6hdr *ip = (void *)(eth + 1);
  if ((void *)(ip + 1) > end || eth->h_proto != bpf_htons(ETH_P_IPV6)) return XDP_PASS;
  __u8 kind = ip->nexthdr;
  __u32 at = sizeof(*eth) + sizeof(*ip);
  for (int i = 0; i < 6; i++) {
    __u8 *ext = data + at;
    if (kind != IPPROTO_HOPOPTS && kind != IPPROTO_DSTOPTS && kind != IPPROTO_ROUTING && kind != IPPROTO_FRAGMENT)
      break;
    if ((void *)(ext + 8) > end) return XDP_DROP;
    at += kind == IPPROTO_FRAGMENT ? 8 : (ext[1] & 31) * 8 + STEP;
    kind = ext[0];
  }
  if (kind != IPPROTO_UDP) return XDP_PASS;
  struct udphdr *udp = data + at;
  if ((void *)(udp + 1) > end) return XDP_DROP;
  return udp->dest == bpf_htons(547) ? XDP_DROP : XDP_PASS;
}
"""


@pytest.mark.long
@needs_clang
@pytest.mark.parametrize(("step", "verdict"), [(8, Verdict.ACCEPT), (16, Verdict.REJECT)])
def test_a_chain_of_headers_in_two_ways_to_compile(step: int, verdict: Verdict) -> None:
    shared = (bpf_suite.FOLDER / "suite.h").read_text().replace("#pragma once", "")
    left, right = (
        bpf_suite.read_text(shared + CHAIN.replace("STEP", str(number)), level)
        for number, level in ((8, "-O1"), (step, "-O2"))
    )
    checker = Checker(None, timeout=120)
    assert checker.check_two((TARGET, left, "left.o"), (TARGET, right, "right.o")).proof.verdict is verdict
