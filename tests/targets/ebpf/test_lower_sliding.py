"""Deparsers that can make very many layouts: proven, small, and run on the kernel beside the program."""

from __future__ import annotations

import random
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

PARTS: Final = "header e_t { bit<112> e; bit<16> f; } header o_t { bit<32> v; }"


def struct(count: int) -> str:
    return "struct headers { e_t e; " + " ".join(f"o_t o{i};" for i in range(count)) + " }"


def emits(count: int, order: list[int] | None = None) -> str:
    return "p.emit(hdr.e); " + " ".join(f"p.emit(hdr.o{i});" for i in order or range(count))


def made(count: int, order: list[int] | None = None) -> ir.Program:
    """Each header is put in by a bit of the packet."""
    states = "state start { p.extract(hdr.e); transition accept; }"
    body = " ".join(f"if (hdr.e.f[{i}:{i}] == 1) {{ hdr.o{i}.setValid(); hdr.o{i}.v = {i}; }}" for i in range(count))
    ingress = f"apply {{ std.egress_spec = 3; {body} }}"
    return load_text(v1_program(PARTS + struct(count), states, ingress, emits(count, order)), "o.p4").program


def parsed(count: int, body: str = "") -> ir.Program:
    """Each header comes along if a bit of the packet says so."""
    states = "state start { p.extract(hdr.e); transition s0; }" + " ".join(
        f"state s{i} {{ transition select(hdr.e.f[{i}:{i}]) {{ 1: p{i}; default: s{i + 1}; }} }}"
        f"state p{i} {{ p.extract(hdr.o{i}); transition s{i + 1}; }}"
        for i in range(count)
    )
    states += f" state s{count} {{ transition accept; }}"
    ingress = f"apply {{ std.egress_spec = 3; {body} }}"
    return load_text(v1_program(PARTS + struct(count), states, ingress, emits(count)), "o.p4").program


def verdict(given: ir.Program, code: ir.Program, hook: str) -> Verdict:
    artifact = lower(code, None, {"hook": hook})
    return Checker(given, timeout=100, machines_confirm=False).check_artifact(TARGET, artifact, None).proof.verdict


@pytest.mark.parametrize("hook", [pytest.param("tc", marks=pytest.mark.campaign), "xdp"])
def test_headers_that_are_put_in_are_proven(hook: str) -> None:
    assert verdict(made(8), made(8), hook) is Verdict.ACCEPT


@pytest.mark.long
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_headers_that_came_are_proven(hook: str) -> None:
    given = parsed(6, "if (hdr.o2.isValid()) { hdr.o2.setInvalid(); hdr.o4.setValid(); hdr.o4.v = 7; }")
    assert verdict(given, given, hook) is Verdict.ACCEPT


@pytest.mark.long
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_another_order_is_rejected(hook: str) -> None:
    assert verdict(made(7), made(7, [0, 1, 3, 2, 4, 5, 6]), hook) is Verdict.REJECT


@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_code_grows_with_the_headers_and_not_with_their_sets(hook: str) -> None:
    sizes = [len(lower(made(count), None, {"hook": hook}).program().insns) for count in (7, 14)]
    assert sizes[1] < 4 * sizes[0]


OPTIONS: Final = """
header e_t { bit<112> e; bit<16> f; bit<8> n; }
header v_t { bit<8> k; varbit<96> o; }
header a_t { bit<4> x; bit<12> y; bit<7> z; bool b; }
struct headers { e_t e; v_t v; a_t[3] a; v_t w; a_t end; }
"""
STATES: Final = """
state start { p.extract(hdr.e); transition select(hdr.e.f[0:0]) { 1: more; default: stack; } }
state more { p.extract(hdr.v, (bit<32>)(hdr.e.n & 3) << 5); transition stack; }
state stack { transition select(hdr.e.f[2:1]) { 0: accept; 1: one; 2: two; default: three; } }
state one { p.extract(hdr.a.next); transition accept; }
state two { p.extract(hdr.a.next); p.extract(hdr.a.next); transition accept; }
state three { p.extract(hdr.a.next); p.extract(hdr.a.next); p.extract(hdr.a.next); transition accept; }
"""
BODY: Final = """
action none() { } action gone() { hdr.a[1].setInvalid(); } action into() { hdr.w = hdr.v; hdr.v.setInvalid(); }
table t { key = { hdr.e.f[5:3]: exact; } actions = { none; gone; into; } default_action = none();
const entries = { 1: gone(); 2: into(); } }
apply { std.egress_spec = 3; t.apply(); if (hdr.e.f[6:6] == 1) { hdr.end.setValid(); hdr.end = {1, 2, 3, true}; }
if (hdr.e.f[7:7] == 1) { hdr.a.push_front(1); } if (hdr.e.f[8:8] == 1) { hdr.e.setInvalid(); }
hdr.a[2].y = hdr.a[2].y + 1; }
"""


def mixed() -> ir.Program:
    text = v1_program(
        OPTIONS, STATES, BODY, "p.emit(hdr.e); p.emit(hdr.v); p.emit(hdr.a); p.emit(hdr.w); p.emit(hdr.end);"
    )
    return load_text(text, "m.p4").program


VARBIT: Final = """
header e_t { bit<112> e; bit<8> n; } header v_t { varbit<64> o; } struct headers { e_t e; v_t v; }
"""


@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["tc", "xdp"])
def test_a_header_that_is_one_varbit_of_no_bits(kernel_oracle: KernelOracle, hook: str) -> None:
    """Nothing is read of the frame for it; the kernel refuses to read no bytes."""
    states = """state start { p.extract(hdr.e); p.extract(hdr.v, (bit<32>)(hdr.e.n & 3) << 4); transition accept; }"""
    body = "apply { std.egress_spec = 3; if (hdr.e.n == 4) { hdr.e.n = 1; hdr.v.setInvalid(); hdr.v.setValid(); } }"
    emitted = "p.emit(hdr.v); p.emit(hdr.e); p.emit(hdr.v);"
    given = load_text(v1_program(VARBIT, states, body, emitted), "v.p4").program
    artifact = lower(given, None, {"hook": hook})
    arrivals = [bytes(12) + b"\x08\x00" + bytes([n]) + bytes(range(20)) for n in (0, 1, 2, 3, 5)]
    seen = kernel_oracle.observe(artifact, [(5, frame) for frame in arrivals], {}, keep_maps=True)
    for frame, each in zip(arrivals, seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, 5).outputs), frame.hex()


def frames(seed: int, count: int) -> list[bytes]:
    """Some with a tag, which lies beside the data at tc."""
    dice = random.Random(seed)
    out = []
    for _ in range(count):
        kind = dice.choice((b"\x08\x00", b"\x81\x00", b"\x88\xa8"))
        rest = dice.randbytes(dice.choice((48, 60, 80)))
        out.append(dice.randbytes(12) + kind + rest)
    return out


@pytest.mark.long
@pytest.mark.oracle
@pytest.mark.parametrize("hook", ["tc", "xdp"])
@pytest.mark.parametrize("kind", ["made", "parsed", "mixed"])
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, hook: str, kind: str) -> None:
    given = {"made": lambda: made(10), "parsed": lambda: parsed(8, "hdr.o3.setInvalid();"), "mixed": mixed}[kind]()
    artifact = lower(given, None, {"hook": hook, "min_frame": "60"})
    arrivals = frames(len(kind), 150)
    tables = dict(TARGET.fill(given, artifact, RuleSet({})))
    seen = kernel_oracle.observe(artifact, [(5, frame) for frame in arrivals], tables, keep_maps=True)
    for frame, each in zip(arrivals, seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, 5).outputs), frame.hex()
