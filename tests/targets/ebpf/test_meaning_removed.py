"""Elements that were taken out of a map while the program still holds a pointer to them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.oracle import KernelMap, KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.bpf_compare import KEYS, contents, difference, difference_in_maps, evaluated, functions
from tests.support.machines import needs_clang

pytestmark = needs_clang

HEAD = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
struct { __uint(type, BPF_MAP_TYPE_%s); __uint(max_entries, 64); __uint(map_flags, %s);
         __type(key, __u32); __type(value, __u64); } held SEC(".maps");
char _license[] SEC("license") = "GPL";
static __always_inline long forget(__u32 key) { return bpf_map_delete_elem(&held, &key); }
static __always_inline long put(__u32 key, __u64 value, int flags) {
  return bpf_map_update_elem(&held, &key, &value, flags);
}
static __always_inline volatile __u64 *find(__u32 key) { return bpf_map_lookup_elem(&held, &key); }
SEC("tc") int program(struct __sk_buff *skb) {
  volatile __u64 *first = find(1), *second, *third;
  %s
  return 0;
}
"""
KINDS = ["HASH 0", "HASH BPF_F_NO_PREALLOC", "PERCPU_HASH 0", "PERCPU_HASH BPF_F_NO_PREALLOC", "LRU_HASH 0",
         "LRU_PERCPU_HASH 0"]  # fmt: skip
FRAME = bytes(range(64))


def program(body: str, kind: str = "HASH 0", level: str = "-O2") -> BpfObject:
    return bpf_suite.read_text(HEAD % (*kind.split(), body), level)


def same(left: str, right: str, kind: str = "HASH 0") -> Proof:
    sides = [(TARGET, program(body, kind), f"{n}.o") for n, body in enumerate((left, right))]
    return Checker(None, timeout=30).check_two(sides[0], sides[1]).proof


USES = {
    "read": "if (first) { long a = forget(1), b = forget(1); skb->mark = *first + a; skb->priority = b; }",
    "written": "if (first) { forget(1); *first += 7; skb->mark = *first; skb->priority = !find(1); }",
    "added": "if (first) { forget(1); __sync_fetch_and_add(first, 9); skb->mark = *first; }",
    "shared": "second = find(1); if (first && second) { forget(1); *second = 5; skb->mark = *first; }",
    "another": "if (first) { forget(2); *first += 3; second = find(1); if (second) skb->mark = *second; }",
    "one of two": "if (first) { forget(skb->len & 1); *first += 3; skb->mark = *first; skb->priority = !find(1); }",
    "both": "second = find(2); if (first && second) { forget(1); forget(2); *first += *second; skb->mark = *first; }",
    "on one path": "if (first) { if (skb->len & 1) forget(1); *first += 2; skb->mark = *first + !!find(1); }",
    "on either path": "if (first) { if (skb->len & 1) { put(2, 1, 0); } else { forget(2); second = find(3); }"
                      "*first += 2; }",
    "found later": "second = find(3); if (skb->len & 1) { forget(1); second = find(2); }"
                   "if (second) { *second += 2; skb->mark = *second; }",
    "put back": "if (first) { skb->mark = *first; forget(1); skb->mark += *first; put(1, 77, 0); second = find(1);"
                "if (second) skb->priority = *second; }",
    "beside new": "if (first) { put(9, 4, 0); *first += 1; skb->mark = *first; forget(9); *first += 1; }",
}  # fmt: skip
REPLACED = {
    "replaced": "if (first) { put(1, 99, BPF_EXIST); *first += 1; skb->mark = *first; second = find(1);"
                "if (second) skb->priority = *second; }",
    "replaced and gone": "if (first) { put(1, 99, 0); second = find(1); forget(1); *first += 1; skb->mark = *first;"
                         "if (second) skb->priority = *second; }",
    "refused": "if (first) { forget(2); skb->mark = put(1, 8, BPF_NOEXIST);"
               "skb->priority = *first + put(2, 3, BPF_EXIST); }",
    "new on one path": "if (first) { if (skb->len & 1) { put(1, 50, BPF_EXIST); second = find(1); }"
                       "else second = first; if (second) { *second += 1; skb->mark = *second; } }",
    "old on one path": "if (first) { if (skb->len & 1) { second = first; put(1, 50, BPF_EXIST); }"
                       "else { forget(2); second = find(1); } if (second) { *second += 1; skb->mark = *second; } }",
    "by itself": "if (first) { put(1, *first, 0); *first += 1; skb->mark = *first; }",
}  # fmt: skip
"""With updates, after which any element of an LRU map may be gone."""
AT = [(use, kind) for kind in KINDS for use in (*USES, *REPLACED) if use in USES or not kind.startswith("LRU")]
AT = [(use, kind) for use, kind in AT if not (kind.startswith("LRU") and "put" in (USES | REPLACED)[use])]


@pytest.mark.oracle
@pytest.mark.parametrize(("use", "kind"), AT)
@pytest.mark.parametrize("there", [{1, 2, 3}, {1}, {2, 3}])
def test_the_kernel_agrees(use: str, kind: str, there: set[int], kernel_oracle: KernelOracle) -> None:
    made = program((USES | REPLACED)[use], kind)
    tables = {"held": [(KEYS[n], (1000 + n).to_bytes(8, "little")) for n in sorted(there)]}
    behaviour = meaning(made)
    assert behaviour.faults == ()
    after = []

    def look(maps: Mapping[str, KernelMap]) -> None:
        after.append(contents(maps, tables))

    frames = [(3, FRAME), (3, FRAME + b"x")]
    seen = kernel_oracle.observe(made, frames, tables, inspect=look, refill=True)
    for (port, frame), each, maps in zip(frames, seen, after, strict=True):
        said = evaluated(behaviour, made, tables, port, frame)
        assert difference(said, each) is None
        assert difference_in_maps(said, maps, made, functions(made, tables)) is None


@pytest.mark.parametrize("kind", KINDS)
def test_it_makes_no_difference_when_an_element_is_read(kind: str) -> None:
    early = "if (first) { skb->mark = *first; forget(1); }"
    late = "if (first) { forget(1); skb->mark = *first; }"
    assert same(early, late, kind).verdict is Verdict.ACCEPT
    assert same(early, late.replace("*first", "*first + 1"), kind).verdict is Verdict.REJECT
    assert same(early, late.replace("forget(1)", "forget(2)"), kind).verdict is Verdict.REJECT


def test_what_is_written_is_nobodys() -> None:
    body = "if (first) { forget(1); *first = 5; }"
    assert same(body, body.replace("*first = 5;", "")).verdict is Verdict.ACCEPT
    assert same(body, body.replace("forget(1)", "forget(2)")).verdict is Verdict.REJECT
    assert same(body, "if (first) { *first = 5; forget(1); }").verdict is Verdict.ACCEPT
    unknown = "if (first) { forget(skb->len & 1); *first = 5; }"
    assert same(unknown, unknown.replace("*first = 5;", "")).verdict is Verdict.REJECT


def test_a_pointer_that_was_kept_is_no_new_one() -> None:
    """The element is put back: what the old pointer leads to may be that one, or not."""
    body = "if (first) { forget(1); put(1, 7, 0); second = find(1); if (second) *second = 3; }"
    assert same(body, body.replace("*second = 3", "*second = 4")).verdict is Verdict.REJECT


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ("if (first) { forget(1); put(1, 7, 0); skb->mark = *first; }", "HASH 0"),
        ("if (first) { forget(1); put(2, 7, 0); *first = 1; }", "HASH BPF_F_NO_PREALLOC"),
        ("if (first) { put(1, 7, 0); put(2, 7, 0); skb->mark = *first; }", "HASH 0"),
        ("if (first) { put(1, 7, 0); put(1, 8, 0); skb->mark = *first; }", "HASH 0"),
        ("if (first) { forget(1); if (skb->len & 1) put(2, 7, 0); skb->mark = *first; }", "PERCPU_HASH 0"),
        ("if (first) { put(2, 7, 0); skb->mark = *first; }", "LRU_HASH 0"),
        ("second = find(2); if (first && !second) { put(2, 7, BPF_EXIST); skb->mark = *first; }", "LRU_HASH 0"),
    ],
)
def test_memory_that_may_be_anothers_is_refused(body: str, kind: str) -> None:
    with pytest.raises(Unsupported, match="taken out of map held, after an update") as error:
        meaning(program(body, kind))
    assert error.value.span.line


def test_another_elements_memory_is_its_own() -> None:
    body = "second = find(2); if (first && second) { forget(1); put(3, 7, 0); skb->mark = *second; }"
    assert meaning(program(body)).faults == ()
