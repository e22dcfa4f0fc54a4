"""Programs where frames do not come in by an interface, two objects against each other: at tc egress, and behind a
redirect through a map."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.machines import needs_clang

pytestmark = needs_clang

SECTIONS = ("tc/egress", "tcx/egress", "classifier/egress")
TEXT = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>
SEC("%s") int program(struct __sk_buff *skb) {
  unsigned char *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
  if (data + 18 > end) return 0;
  %s
}
"""


def made(body: str, section: str = "tc/egress", level: str = "-O2", cpu: str = "v3") -> BpfObject:
    return bpf_suite.read_text(TEXT % (section, body), level, cpu)


def compared(first: BpfObject, second: BpfObject) -> Proof:
    return Checker(None).check_two((TARGET, first, "a"), (TARGET, second, "b")).proof


TYPED = "return skb->protocol == bpf_htons(0x0800) ? 0 : 2;"
BY_BYTES = "return *(unsigned short *)(data + 12) == bpf_htons(0x0800) ? 0 : 2;"
TAGGED = "return *(unsigned short *)(data + 12) == bpf_htons(0x8100) ? 2 : 0;"
QUEUED = "skb->priority = skb->mark; if (data[0] & 1) skb->tstamp = bpf_ktime_get_ns(); return 0;"


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("body", [TYPED, BY_BYTES, TAGGED, QUEUED])
def test_an_object_does_what_its_other_compilation_does(section: str, body: str) -> None:
    first, second = made(body, section), made(body, section, "-O1", "v1")
    assert compared(first, second).verdict is Verdict.ACCEPT
    for old, new in (("? 0 : 2", "? 2 : 0"), ("? 2 : 0", "? 0 : 2"), ("0] & 1", "0] & 3")):
        if old in body:
            assert compared(first, made(body.replace(old, new), section)).verdict is Verdict.REJECT


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (TYPED, BY_BYTES),  # what the stack takes a packet for is not told by its bytes
        (TAGGED, "return 0;"),  # a tag may lie in the packet
        ("return skb->vlan_present ? 2 : 0;", "return 0;"),  # and beside it
        ("return skb->vlan_present ? 2 : 0;", TAGGED),
        ("return skb->ifindex == skb->ingress_ifindex ? 0 : 2;", "return 0;"),
        ("return skb->tc_classid ? 2 : 0;", "return 0;"),
        ("skb->mark = 1; return 0;", "return 0;"),
    ],
)
def test_what_comes_in_alike_may_go_out_otherwise(first: str, second: str) -> None:
    proof = compared(made(first), made(second))
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert "ebpf kernel" not in proof.counterexample.confirmed_by  # it runs programs where frames come in


def test_headers_behind_a_tag_in_the_packet() -> None:
    """Bytes that are counted from the network header lie at one of two places."""
    body = "unsigned v = 0; bpf_skb_load_bytes_relative(skb, 0, &v, 1, BPF_HDR_START_NET); return v == 0x45 ? 0 : 2;"
    assert compared(made(body), made(body, level="-O1", cpu="v1")).verdict is Verdict.ACCEPT
    assert compared(made(body), made("return data[14] == 0x45 ? 0 : 2;")).verdict is Verdict.REJECT
    assert any("network header" in note for note in meaning(made(body), open_ended=True).notes)


def test_what_goes_out_is_compared_with_what_goes_out_only() -> None:
    proof = compared(made(TYPED), made(TYPED, "tc"))
    assert proof.verdict is Verdict.UNSUPPORTED
    assert "what goes out is not what comes in" in proof.reason
    with pytest.raises(Unsupported, match="section tc/egress: a hook that is not modelled"):
        meaning(made(TYPED))


def test_codes_at_the_two_kinds_of_hooks() -> None:
    """TC_ACT_STOLEN ends a packet for ``cls_bpf``; ``tcx`` takes it for the next program."""
    for section, verdict in (("tc/egress", Verdict.ACCEPT), ("tcx/egress", Verdict.REJECT)):
        body = "if (data[0] == 1) return %d; return 0;"
        assert compared(made(body % 4, section), made(body % 2, section)).verdict is verdict


XDP = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
SEC("%s") int program(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data;
  if (data + 18 > (unsigned char *)(long)ctx->data_end) return 2;
  %s
}
"""


def behind(kind: str, body: str, level: str = "-O2", cpu: str = "v3") -> BpfObject:
    return bpf_suite.read_text(XDP % (kind, body), level, cpu)


@pytest.mark.parametrize("section", ["xdp/devmap", "xdp.frags/devmap"])
def test_a_program_of_a_map_of_devices(section: str) -> None:
    """Frames go on to the device, or nowhere: XDP_TX and redirects do not count."""
    body = "data[0] = ctx->egress_ifindex; return data[1] == 1 ? %s : 2;"
    dropped = behind(section, body % "1")
    assert compared(dropped, behind(section, body % "1", "-O1", "v1")).verdict is Verdict.ACCEPT
    for nowhere in ("3", "bpf_redirect(4, 0)"):
        assert compared(dropped, behind(section, body % nowhere)).verdict is Verdict.ACCEPT
    assert compared(dropped, behind(section, body % "2")).verdict is Verdict.REJECT
    assert compared(dropped, behind(section, body.replace("egress_if", "rx_queue_") % "1")).verdict is Verdict.REJECT


def test_a_program_of_a_map_of_cpus() -> None:
    """Frames go on to the stack or are redirected; XDP_TX does not count."""
    body = "return data[1] == 1 ? %s : 2;"
    dropped = behind("xdp/cpumap", body % "1")
    assert compared(dropped, behind("xdp/cpumap", body % "3")).verdict is Verdict.ACCEPT
    assert compared(dropped, behind("xdp/cpumap", body % "bpf_redirect(4, 0)")).verdict is Verdict.REJECT


def test_programs_of_maps_are_compared_with_their_like_only() -> None:
    first = behind("xdp/devmap", "return data[1] == 1 ? 1 : 2;")
    for other in ("xdp", "xdp/cpumap"):
        proof = compared(first, behind(other, "return data[1] == 1 ? 1 : 2;"))
        assert (proof.verdict, proof.reason[:34]) == (Verdict.UNSUPPORTED, "a program of a map of devices agai")
    with pytest.raises(Unsupported, match="section xdp/devmap: a hook that is not modelled"):
        meaning(first)
    with pytest.raises(Unsupported, match="reads 4 bytes of the context at 20"):
        meaning(behind("xdp", "return ctx->egress_ifindex == 1 ? 1 : 2;"))
