"""Calls inside expressions of more than 64 bits are made once, in the order in which P4 evaluates."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES: Final = "header h_t { bit<96> eth; bit<8> a; bit<8> b; bit<128> x; bit<128> y; } struct headers { h_t h; }"
METADATA: Final = "bit<8> n; bit<128> w;"
PARSE: Final = "state start { p.extract(hdr.h); transition accept; }"
FUNCTIONS: Final = """
bit<128> twice(inout bit<8> n, in bit<128> v) { n = n + 1; return v + v; }
int<100> low(inout bit<8> n) { n = n * 3 + 1; return (int<100>)(bit<100>)n - 50; }
bit<8> more(inout bit<8> n) { n = n + 7; return n; }
bool odd(inout bit<8> n) { n = n + 5; return n[0:0] == 1; }
"""
BODIES: Final = {
    "sum": "hdr.h.y = hdr.h.x + twice(hdr.h.a, hdr.h.y) + (bit<128>)more(hdr.h.a);",
    "read before": "meta.w = 7; hdr.h.y = (bit<128>)hdr.h.a ^ twice(hdr.h.a, hdr.h.x) ^ ((bit<128>)hdr.h.a << 64);",
    "comparison": "if (twice(hdr.h.a, hdr.h.x) == hdr.h.y) { hdr.h.b = 1; }",
    "comparison of more": "if (low(hdr.h.a) < (int<100>)(int<9>)(int<8>)more(hdr.h.a)) { hdr.h.b = 1; }",
    "slice": "hdr.h.b = (twice(hdr.h.a, hdr.h.x) ^ hdr.h.y)[101:94];",
    "cast": "hdr.h.y = (bit<128>)more(hdr.h.a) << 100; hdr.h.x[99:0] = (bit<100>)low(hdr.h.b);",
    "one side": "hdr.h.y = odd(hdr.h.b) ? twice(hdr.h.a, hdr.h.x) : ~hdr.h.x + (bit<128>)more(hdr.h.b);",
    "product": "hdr.h.y = twice(hdr.h.a, hdr.h.x) * ((bit<128>)more(hdr.h.a) |+| hdr.h.x);",
    "signed": "if ((int<100>)(int<8>)more(hdr.h.a) < low(hdr.h.b)) { hdr.h.y = 3; }",
    "select": "",
    "key": "",
}
KEY: Final = """action note() { hdr.h.b = hdr.h.b + 9; }
table t { key = { twice(hdr.h.a, hdr.h.x) ^ hdr.h.y: MATCH @name("k"); }
actions = { note; @defaultonly NoAction; } }"""


def program(name: str, match: str = "exact") -> ir.Program:
    states, locals_, body = PARSE, "", BODIES[name]
    if name == "select":
        states = """state start { p.extract(hdr.h);
        transition select(twice(hdr.h.a, hdr.h.x) ^ 4) { 4: one; 6 .. 10: one; default: accept; } }
        state one { hdr.h.b = 77; transition accept; }"""
    if name == "key":
        locals_, body = KEY.replace("MATCH", match), "t.apply();"
    ingress = f"{locals_} apply {{ std.egress_spec = 3; {body} }}"
    text = v1_program(TYPES + FUNCTIONS, states, ingress, "p.emit(hdr.h);", metadata=METADATA)
    return load_text(text, "w.p4").program


def verdict(given: ir.Program, code: ir.Program, hook: str) -> Verdict:
    made = lower(code, None, {"hook": hook})
    return Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof.verdict


@pytest.mark.long
@pytest.mark.parametrize("name", [name for name in BODIES if name != "product"])
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_proven(name: str, hook: str) -> None:
    given = program(name)
    assert verdict(given, given, hook) is Verdict.ACCEPT


@pytest.mark.parametrize("match", ["lpm", pytest.param("ternary", marks=pytest.mark.campaign)])
def test_keys_of_other_kinds_are_proven(match: str) -> None:
    given = program("key", match)
    assert verdict(given, given, "xdp") is Verdict.ACCEPT


def test_another_order_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    given = program("read before")
    later = "bit<128> v = twice(hdr.h.a, hdr.h.x); hdr.h.y = (bit<128>)hdr.h.a ^ v ^ ((bit<128>)hdr.h.a << 64);"
    monkeypatch.setitem(BODIES, "read before", later)
    assert verdict(given, program("read before"), "xdp") is Verdict.REJECT


RANGES: Final = {
    "unsigned": "transition select(hdr.h.x) { 128w5 << 64 .. 128w7 << 64 | 3: one; 9 .. 17: one; default: accept; }",
    "signed": """transition select((int<100>)hdr.h.x[99:0]) { -3 .. 3: one; 100s1 << 70 .. 100s3 << 80: one;
    default: accept; }""",
}


def selecting(name: str) -> ir.Program:
    states = f"state start {{ p.extract(hdr.h); {RANGES[name]} }} state one {{ hdr.h.b = 77; transition accept; }}"
    ingress = "apply { std.egress_spec = 3; }"
    return load_text(v1_program(TYPES, states, ingress, "p.emit(hdr.h);"), "s.p4").program


@pytest.mark.parametrize("name", RANGES)
def test_ranges_of_more_than_64_bits_are_proven(name: str) -> None:
    assert verdict(selecting(name), selecting(name), "xdp") is Verdict.ACCEPT


@pytest.mark.parametrize(
    "words", [("7 << 64 | 3", "7 << 64 | 4"), ("128w5 << 64", "128w5 << 64 | 1"), ("9 ..", "10 ..")]
)
def test_other_bounds_are_rejected(words: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    given = selecting("unsigned")
    monkeypatch.setitem(RANGES, "unsigned", RANGES["unsigned"].replace(*words))
    assert verdict(given, selecting("unsigned"), "xdp") is Verdict.REJECT


def test_entries_with_wide_ranges_are_proven() -> None:
    ingress = """action note() { hdr.h.b = hdr.h.b + 9; } action other() { hdr.h.b = 1; }
    table t { key = { hdr.h.x: range; } actions = { note; other; @defaultonly NoAction; }
    const entries = { 128w5 << 64 .. 128w6 << 64 : note(); 0 .. 128w9 << 64 | 8: other(); 5: note(); } }
    apply { std.egress_spec = 3; t.apply(); }"""
    given = load_text(v1_program(TYPES, PARSE, ingress, "p.emit(hdr.h);"), "s.p4").program
    assert verdict(given, given, "xdp") is Verdict.ACCEPT


@pytest.mark.oracle
@pytest.mark.parametrize("name", [name for name in BODIES if name != "key"])
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, name: str) -> None:
    given = program(name)
    frames = [
        bytes(12) + bytes([a, b]) + x.to_bytes(16, "big") + y.to_bytes(16, "big")
        for a, b, x, y in (
            (1, 2, 5, 10), (7, 255, 1 << 127 | 3, 6), (200, 3, (1 << 128) - 1, 1 << 90), (42, 8, 0, 0), (0, 1, 4, 8),
        )
    ]  # fmt: skip
    seen = kernel_oracle.run(lower(given, None, {"hook": "xdp"}), [(5, frame) for frame in frames])
    for frame, each in zip(frames, seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, 5).outputs), frame.hex()
