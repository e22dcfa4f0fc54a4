"""Global variables of two objects that clang has made: related by name where they lie elsewhere, and all compared."""

from __future__ import annotations

import random

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.support import bpf_suite
from tests.support.machines import needs_clang

pytestmark = needs_clang

HEAD = """
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
typedef unsigned long long u64;
typedef unsigned int u32;
char _license[] SEC("license") = "GPL";
"""
BOTH_KERNELS = ("ebpf kernel", "ebpf kernel")
BY_NAME = "variables of .bss are related by name"
COUNT = "if (n > 100) a ^= n; else b |= 2;"
COUNT_OTHERWISE = "if (n <= 100) b |= 2; else a ^= n;"


def text(variables: str, code: str) -> str:
    """A program at XDP over global variables; ``n`` is the frame's length. (Variables with an initial value stand in
    their section as they are written.)"""
    body = f"u32 n = ctx->data_end - ctx->data; {code} return XDP_PASS;"
    return f'{HEAD}{variables}\nSEC("xdp") int p(struct xdp_md *ctx) {{ {body} }}\n'


def compared(first: tuple[str, str], second: tuple[str, str]) -> Proof:
    """The verdict on two programs, each of variables and code."""
    left, right = (bpf_suite.read_text(text(*each)) for each in (first, second))
    return Checker(None, timeout=60).check_two((TARGET, left, "left.o"), (TARGET, right, "right.o")).proof


def seen_by(proof: Proof) -> tuple[str, ...]:
    """Who has seen the difference."""
    assert proof.counterexample is not None
    return tuple(proof.counterexample.confirmed_by)


AB, BA = "u64 a = 0; u64 b = 0;", "u64 b = 0; u64 a = 0;"


def test_an_object_says_where_its_variables_lie() -> None:
    variables = "u32 t[3] = {}; static char c; static u64 v; const volatile u64 k = 7; u64 d = 5;"
    obj = bpf_suite.read_text(text(variables, "static u32 v2; t[n & 1] += k; c++; v++; v2++; d++;"))
    told = {item.name: {(v.name, v.size) for v in item.variables} for item in obj.maps}
    assert told == {
        ".bss": {("t", 12), ("c", 1), ("v", 8), ("p.v2", 4)},
        ".rodata": {("k", 8)},
        ".data": {("d", 8)},
    }


def test_variables_in_another_order() -> None:
    proof = compared((AB, COUNT), (BA, COUNT_OTHERWISE))
    assert proof.verdict is Verdict.ACCEPT
    assert BY_NAME in proof.warnings


def test_the_same_order_is_told_as_it_lies() -> None:
    proof = compared((AB, COUNT), (AB, COUNT_OTHERWISE))
    assert proof.verdict is Verdict.ACCEPT
    assert not any("variables" in note for note in proof.warnings)


@pytest.mark.parametrize(
    "code",
    [
        "if (n <= 100) b |= 3; else a ^= n;",
        "if (n <= 101) b |= 2; else a ^= n;",
        "if (n <= 100) a |= 2; else b ^= n;",
        "if (n > 100) a ^= n;",
    ],
)
def test_a_mistake_is_found_in_another_order(code: str, kernel_oracle: KernelOracle) -> None:
    proof = compared((AB, COUNT), (BA, code))
    assert proof.verdict is Verdict.REJECT
    assert "state map..bss" in proof.reason
    assert seen_by(proof)[-2:] == BOTH_KERNELS


def test_what_is_only_read_lies_elsewhere(kernel_oracle: KernelOracle) -> None:
    first = (AB, "if (a > b) return XDP_DROP;")
    assert compared(first, (BA, "if (b < a) return XDP_DROP;")).verdict is Verdict.ACCEPT
    proof = compared(first, (BA, "if (b <= a) return XDP_DROP;"))
    assert proof.verdict is Verdict.REJECT
    assert seen_by(proof)[-2:] == BOTH_KERNELS


MORE = "u64 a = 0; u64 b = 0; u64 more = 0;"


@pytest.mark.parametrize("turned", [False, True])
def test_a_variable_of_one_object(turned: bool, kernel_oracle: KernelOracle) -> None:
    """It is nothing to the verdict where nobody asks, and a difference where it is written or counts."""

    def verdict(code: str) -> Proof:
        sides = [(MORE, code), (BA, COUNT)]
        return compared(*(reversed(sides) if turned else sides))

    unused = verdict(COUNT)
    assert unused.verdict is Verdict.ACCEPT
    assert f"{BY_NAME}; only one object has more" in unused.warnings
    written = verdict(f"{COUNT} more++;")
    assert written.verdict is Verdict.REJECT
    assert f"state map..bss ({'second' if turned else 'first'} only)" in written.reason
    assert seen_by(written)[-2:] == BOTH_KERNELS
    assert verdict("if (n > 100 + (more & 1)) a ^= n; else b |= 2;").verdict is Verdict.REJECT
    assert verdict(f"{COUNT} more = more;").verdict is Verdict.ACCEPT


def test_variables_that_each_object_has_alone_do_not_stand_for_each_other() -> None:
    proof = compared(("u64 a = 0; u64 x = 0;", "a++; x++;"), ("u64 y = 0; u64 a = 0;", "a++; y++;"))
    assert proof.verdict is Verdict.REJECT
    assert "state map..bss (first only), state map..bss (second only)" in proof.reason


def test_where_no_variable_has_moved_others_are_related_by_place() -> None:
    proof = compared(("u64 a = 0; u64 x = 0;", "a++; x += 2;"), ("u64 a = 0; u64 y = 0;", "a++; y += 2;"))
    assert proof.verdict is Verdict.ACCEPT
    assert "variables of .bss that only one object has are related by place: x, y" in proof.warnings


def test_a_variable_of_two_sizes_is_not_compared() -> None:
    proof = compared((AB, "a++; b++;"), ("u32 b = 0; u64 a = 0;", "a++; b++;"))
    assert proof.verdict is Verdict.UNSUPPORTED
    assert proof.reason.endswith("variable b of .bss has 8 bytes in one object, 4 in the other")


ONE_OF_DATA = ("u64 a = 1; u64 b = 2;", "if (b > 7) a ^= n; b ^= n;")


@pytest.mark.parametrize(
    ("second", "verdict"),
    [("u64 b = 2; u64 a = 1;", Verdict.ACCEPT), ("u64 b = 9; u64 a = 1;", Verdict.UNSUPPORTED)],
)
def test_variables_with_initial_values(second: str, verdict: Verdict, kernel_oracle: KernelOracle) -> None:
    """What they hold before a frame is anything, and the same on both sides, in any order; that they begin with other
    values is said."""
    assert compared(ONE_OF_DATA, (second, "u64 c = b; b = c ^ n; if (c > 7) a ^= n;")).verdict is verdict
    proof = compared(ONE_OF_DATA, (second, "u64 c = b; b = c ^ n; if (c > 8) a ^= n;"))
    assert proof.verdict is Verdict.REJECT
    assert seen_by(proof)[-2:] == BOTH_KERNELS


def test_constants_are_what_each_object_has(kernel_oracle: KernelOracle) -> None:
    first = (f"const volatile u64 j = 1; const volatile u64 k = 2; {AB}", "a += j; b += k;")
    same = f"const volatile u64 k = 2; const volatile u64 j = 1; {BA}"
    other = f"const volatile u64 k = 1; const volatile u64 j = 2; {BA}"
    assert compared(first, (same, "b += k; a += j;")).verdict is Verdict.ACCEPT
    proof = compared(first, (other, "b += k; a += j;"))
    assert proof.verdict is Verdict.REJECT
    assert seen_by(proof)[-2:] == BOTH_KERNELS


def test_sections_of_other_names() -> None:
    first = 'SEC(".data.x") u64 a = 1; SEC(".data.x") u64 b = 2; u64 d = 3; u64 e = 4;'
    second = 'SEC(".data.x") u64 b = 2; SEC(".data.x") u64 a = 1; u64 e = 4; u64 d = 3;'
    code = "a++; b += n; d += b; e ^= a;"
    proof = compared((first, code), (second, code))
    assert proof.verdict is Verdict.ACCEPT
    assert {f"variables of {name} are related by name" for name in (".data", ".data.x")} <= set(proof.warnings)
    assert compared((first, code), (second, "a++; b += n; d += a; e ^= a;")).verdict is Verdict.REJECT


ARRAYS = ("u32 t[8] = {}; u64 a = 0;", "t[n & 7]++; a += t[1];")
MOVED = "char pad = 0; u64 a = 0; u32 t[8] = {};"


@pytest.mark.long
def test_arrays_that_are_indexed(kernel_oracle: KernelOracle) -> None:
    assert compared(ARRAYS, (MOVED, "u32 *e = &t[n & 7]; *e += 1; a += t[1];")).verdict is Verdict.ACCEPT
    for code in ("t[n & 3]++; a += t[1];", "t[n & 7]++; a += t[2];"):
        proof = compared(ARRAYS, (MOVED, code))
        assert proof.verdict is Verdict.REJECT
        assert seen_by(proof)[-2:] == BOTH_KERNELS


def test_static_variables_of_functions() -> None:
    """Two are called alike in the text, and not in the object."""
    first = "if (n & 1) { static u64 v; v++; } else { static u64 v; v += 2; } a++; b++;"
    named = ["static u64 a = 0; static u64 b = 0;", "static u64 b = 0; static u64 a = 0;"]
    assert compared((named[0], first), (named[1], first)).verdict is Verdict.ACCEPT
    other = "if (n & 1) { static u64 v; v += 2; } else { static u64 v; v++; } a++; b++;"
    assert compared((named[0], first), (named[1], other)).verdict is Verdict.REJECT


def test_a_section_that_only_one_program_refers_to(kernel_oracle: KernelOracle) -> None:
    """The other object has no such section, or one of another size: both ended in a traceback."""
    for others in ("", "u64 x = 0; u64 y = 0; u64 z = 0;"):
        for sides in (((AB, COUNT), (others, "")), ((others, ""), (AB, COUNT))):
            proof = compared(*sides)
            assert proof.verdict is Verdict.REJECT
            assert "state map..bss" in proof.reason
            assert seen_by(proof)[-2:] == BOTH_KERNELS
    assert compared((AB, "if (a == a) return XDP_PASS;"), ("u64 x = 0;", "")).verdict is Verdict.ACCEPT


SIZES = {"char": 1, "short": 2, "u32": 4, "u64": 8}


def shuffled(seed: int) -> tuple[list[str], list[str], random.Random]:
    """Some variables' definitions in an order, and statements over them."""
    rng = random.Random(seed)
    kinds = [rng.choice(list(SIZES)) for _ in range(rng.randint(2, 7))]
    definitions = [f"{kind} v{i} = 0;" for i, kind in enumerate(kinds)]
    names = [f"v{i}" for i in range(len(kinds))]
    code = [
        f"if (n & {1 << rng.randrange(3)}) {rng.choice(names)} {rng.choice(('+=', '^=', '='))} {rng.choice(names)} + "
        f"{rng.randint(1, 9)};"
        for _ in range(rng.randint(2, 5))
    ]
    return definitions, code, rng


@pytest.mark.parametrize("seed", range(6))
def test_random_orders(seed: int, kernel_oracle: KernelOracle) -> None:
    """The same code over the same variables does the same in any order; one statement more is seen by the kernel."""
    definitions, code, rng = shuffled(seed)
    others = rng.sample(definitions, len(definitions))
    first = (" ".join(definitions), " ".join(code))
    assert compared(first, (" ".join(others), " ".join(code))).verdict is Verdict.ACCEPT
    proof = compared(first, (" ".join(others), " ".join([*code, "v0 += 1;"])))
    assert proof.verdict is Verdict.REJECT
    assert seen_by(proof)[-2:] == BOTH_KERNELS
