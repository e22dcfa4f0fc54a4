"""What objects put into memory when they are loaded, and where one memory is reached in two ways."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.machines import needs_clang

pytestmark = needs_clang

TEXT: Final = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
typedef unsigned int u32;
%s
SEC("xdp") int program(struct xdp_md *ctx) {
  unsigned char *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
  if (data + 20 > end) return XDP_DROP;
  %s
}
char _license[] SEC("license") = "GPL";
"""
INNER: Final = """
struct inner { __uint(type, BPF_MAP_TYPE_ARRAY); __uint(max_entries, 4); __type(key, u32); __type(value, u32); };
struct inner one SEC(".maps"), two SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS); __uint(max_entries, 4); __type(key, u32);
         __array(values, struct inner); } outer SEC(".maps") %s;
"""
LOOK: Final = """u32 k = data[14] & 3, z = 0;
  void *inner = bpf_map_lookup_elem(&outer, &k);
  if (!inner) return XDP_DROP;
  u32 *v = bpf_map_lookup_elem(inner, &z); return v && *v ? XDP_TX : XDP_PASS;"""
DIRECT: Final = f"u32 n = 0, *own = bpf_map_lookup_elem(&one, &n); if (own) (*own)++; {LOOK}"


def compared(first: tuple[str, str], second: tuple[str, str]) -> Proof:
    """The verdict on two programs, each of what is declared and code."""
    left, right = (bpf_suite.read_text(TEXT % each) for each in (first, second))
    return Checker(None, timeout=60).check_two((TARGET, left, "a.o"), (TARGET, right, "b.o")).proof


def test_another_value_at_first_is_not_accepted() -> None:
    """A threshold that is another one when the program is loaded: both do the same for any that somebody writes."""
    code = "return data[14] > most ? XDP_TX : XDP_PASS;"
    otherwise = f"if (data[14] <= most) return XDP_PASS; {code}"
    assert compared(("u32 most = 1;", code), ("u32 most = 1;", otherwise)).verdict is Verdict.ACCEPT
    proof = compared(("u32 most = 1;", code), ("u32 most = 2;", otherwise))
    assert proof.verdict is Verdict.UNSUPPORTED
    assert proof.reason.endswith("variable most of .data is 01000000 at first in one object, 02000000 in the other")


def test_variables_that_moved_are_looked_at_by_name() -> None:
    code = "least++; return data[14] > most ? XDP_TX : XDP_PASS;"
    first = "u32 most = 1; u32 least = 3;", code
    assert compared(first, ("u32 least = 3; u32 most = 1;", code)).verdict is Verdict.ACCEPT
    proof = compared(first, ("u32 least = 3; u32 most = 2;", code))
    assert proof.verdict is Verdict.UNSUPPORTED
    assert "variable most of .data is 01000000 at first" in proof.reason


def test_a_difference_is_shown_all_the_same() -> None:
    first, second = (f"return data[14] > most ? {end} : XDP_PASS;" for end in ("XDP_TX", "XDP_DROP"))
    assert compared(("u32 most = 1;", first), ("u32 most = 2;", second)).verdict is Verdict.REJECT


def test_other_maps_in_a_map_are_not_accepted() -> None:
    in_order, turned = (INNER % f"= {{ .values = {{ {each} }} }}" for each in ("&one, &two", "&two, &one"))
    proof = compared((in_order, LOOK), (turned, LOOK))
    assert proof.verdict is Verdict.UNSUPPORTED
    assert proof.reason.endswith("element 0 of map outer is map one at first in one object, map two in the other")
    proof = compared((in_order, LOOK), (INNER % "", LOOK))
    assert proof.reason.endswith("element 0 of map outer is map one at first in one object, empty in the other")
    assert compared((in_order, LOOK), (in_order, LOOK)).verdict is Verdict.ACCEPT


def test_a_map_that_two_ways_lead_to_is_not_supported() -> None:
    held = INNER % "= { .values = { &one } }"
    proof = compared((held, DIRECT), (held, DIRECT))
    assert proof.verdict is Verdict.UNSUPPORTED
    assert "map one is used by itself and is in map outer, which is used, too" in proof.reason


@pytest.mark.parametrize("other", ["boot", "coarse", "tai"])
def test_a_clock_is_no_other(other: str) -> None:
    """Where the machine sleeps, or no tick has come, they say different times."""
    code = "return bpf_ktime_get_{}ns() & 1 ? XDP_TX : XDP_PASS;"
    first, second = ("", code.format("")), ("", code.format(f"{other}_"))
    assert compared(first, second).verdict is Verdict.REJECT
    assert compared(second, second).verdict is Verdict.ACCEPT
