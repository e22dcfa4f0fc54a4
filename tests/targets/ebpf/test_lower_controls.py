"""Loops, hashes, divisions and arguments with run-time indexes in controls, on the kernel as the meaning says."""

from __future__ import annotations

import random
import zlib
from dataclasses import replace

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import asm
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES = """
header h_t { bit<96> macs; bit<8> n; bit<8> m; bit<32> a; bit<32> b; bit<16> c; bit<64> d; }
header e_t { bit<8> i; bit<8> x; }
struct headers { h_t h; e_t[3] e; }
"""
PARSE = """state start {
    p.extract(hdr.h); p.extract(hdr.e.next); p.extract(hdr.e.next); p.extract(hdr.e.next); transition accept;
}"""
BODIES = {
    "for": """apply { std.egress_spec = 3;
        for (bit<8> i = 0; i < (hdr.h.n & 7); i = i + 1) {
            if (i == 5) { break; }
            if (i == 1) { continue; }
            hdr.h.a = hdr.h.a + (bit<32>)i;
        } }""",
    "for in a range": """apply { std.egress_spec = 3;
        for (bit<8> i in (hdr.h.n & 3) .. (hdr.h.m & 5)) { hdr.h.a = hdr.h.a + (bit<32>)i; } }""",
    "for in": """apply { std.egress_spec = 3;
        for (bit<4> i in 13 .. 15) { hdr.h.b = hdr.h.b + (bit<32>)i; }
        for (e_t e in hdr.e) { hdr.h.c = hdr.h.c + (bit<16>)e.x; } }""",
    "division": """apply { std.egress_spec = 3;
        if (hdr.h.b != 0) { hdr.h.d = (bit<64>)(hdr.h.a / hdr.h.b) | (bit<64>)(hdr.h.a % hdr.h.b); }
        if (hdr.h.n != 0) { hdr.h.m = hdr.h.m / hdr.h.n; } }""",
    "indexes": """
        action change(inout bit<8> x, inout bit<8> i) { i = i + 1; x = x + 0x10; }
        apply { std.egress_spec = 3;
            if (hdr.e[0].i < 3) { change(hdr.e[hdr.e[0].i].x, hdr.e[0].i); } }""",
    "hash": """apply { std.egress_spec = 3; bit<16> r; bit<32> s;
        hash(r, HashAlgorithm.crc16, 16w1, { hdr.h.a, hdr.h.c, hdr.h.n }, 32w1000); hdr.h.c = r;
        hash(s, HashAlgorithm.crc32, 32w0, { hdr.h.macs, hdr.h.n[4:0], hdr.h.d }, 33w0x100000000); hdr.h.b = s;
        hash(hdr.h.a, HashAlgorithm.csum16, 32w0, { hdr.h.macs, hdr.h.m }, 32w0x10000);
        hash(hdr.h.n, HashAlgorithm.xor16, 8w0, { hdr.h.d, hdr.h.m }, (bit<8>)hdr.h.m);
        hash(hdr.h.d, HashAlgorithm.identity, 64w5, { hdr.h.d, hdr.h.m }, 64w0xFFFFFFFFFFFFFFFF); }""",
}


OPEN = {
    "a range": "random(hdr.h.n, 3, 9);",
    "perhaps none": "random(hdr.h.n, hdr.h.m, 9);",
    "all": "random(hdr.h.d, 64w0, 64w0xFFFFFFFFFFFFFFFF);",
    "half": "random(hdr.h.d, 64w5, 64w0xFFFFFFFFFF);",
    "a message": 'log_msg("n is {}", {hdr.h.n});',
}
PROFILE = """
    action_profile(16) members; action to(bit<9> p) { std.egress_spec = p; } action no() { mark_to_drop(std); }
    table t {
        key = { hdr.h.n: exact; hdr.h.a: lpm; } actions = { to; no; } implementation = members; default_action = no();
    }
    apply { t.apply(); }"""


def program(body: str) -> ir.Program:
    emits = "p.emit(hdr.h); p.emit(hdr.e);"
    return load_text(v1_program(TYPES, PARSE, body, emits), "controls.p4").program


@pytest.mark.parametrize("name", ["for", "for in", "indexes", "division"])
def test_proven(name: str) -> None:
    proof = Checker(program(BODIES[name]), timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"})
    assert proof.proof.verdict is Verdict.ACCEPT, proof.proof.reason


@pytest.mark.parametrize("name", [*OPEN, "a profile"])
def test_what_is_left_open_is_proven(name: str) -> None:
    body = PROFILE if name == "a profile" else f"apply {{ std.egress_spec = 3; {OPEN[name]} }}"
    proof = Checker(program(body), timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"})
    assert proof.proof.verdict is Verdict.ACCEPT, proof.proof.reason


@pytest.mark.oracle
def test_random_numbers_lie_in_their_range(kernel_oracle: KernelOracle) -> None:
    body = f"apply {{ std.egress_spec = 3; {OPEN['a range']} }}"
    seen = kernel_oracle.run(lower(program(body), None, {"hook": "xdp"}), [(5, bytes(40))] * 60)
    assert {each.outputs[0][2][12] for each in seen} == set(range(3, 10))


@pytest.mark.oracle
@pytest.mark.parametrize("name", BODIES)
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, name: str) -> None:
    given, numbers = program(BODIES[name]), random.Random(7)
    frames = [bytes([0]) * 40, bytes([255]) * 40]
    for _ in range(40):
        frame = bytearray(numbers.randbytes(40))
        frame[32] = numbers.randrange(4)  # the first index
        frames.append(bytes(frame))
    seen = kernel_oracle.run(lower(given, None, {"hook": "xdp"}), [(5, frame) for frame in frames])
    for frame, each in zip(frames, seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, 5).outputs), frame.hex()


@pytest.mark.oracle
def test_a_crc_is_the_one_that_everybody_has(kernel_oracle: KernelOracle) -> None:
    body = """apply { std.egress_spec = 3;
        hash(hdr.h.b, HashAlgorithm.crc32, 32w0, { hdr.h.macs, hdr.h.n, hdr.h.m, hdr.h.a }, 33w0x100000000); }"""
    frame = random.Random(3).randbytes(40)
    [seen] = kernel_oracle.run(lower(program(body), None, {"hook": "xdp"}), [(5, frame)])
    assert seen.outputs[0][2][18:22] == zlib.crc32(frame[:18]).to_bytes(4, "big")


def test_a_hash_that_is_used_further_is_proven() -> None:
    """The remainder of a CRC decides; with one bit of one literal changed it is another hash."""
    body = """apply { bit<16> r; std.egress_spec = 3;
        hash(r, HashAlgorithm.crc16, 16w6, { hdr.h.a, hdr.h.c, hdr.h.macs, hdr.h.n }, 32w1000);
        if (r < 100) { hdr.h.c = r; } else { hdr.h.b = (bit<32>)r; } }"""
    given = program(body)
    checker = Checker(given, timeout=30, machines_confirm=False)
    made = TARGET.lower(given, None, {"hook": "xdp"})
    proof = checker.check_artifact(TARGET, made, None).proof
    assert proof.verdict.value == "accept", proof.reason
    [main] = made.programs
    at = next(i for i, insn in enumerate(main.insns) if insn.opcode == asm.alu("mul", asm.R3, 1).opcode)
    changed = list(main.insns)
    changed[at] = replace(changed[at], imm=changed[at].imm ^ 2)
    wrong = replace(made, programs=(replace(main, insns=tuple(changed)),))
    assert checker.check_artifact(TARGET, wrong, None).proof.verdict.value == "reject"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("for (bit<16> i = 0; i < hdr.h.c; i = i + 1) { hdr.h.a = 1; }", "number of turns"),
        ("for (bit<8> i = 0; i < 4; i = i + 1) { if (hdr.h.a == 1) { i = i - 1; } }", "changed inside"),
        ("for (bit<8> i = 0; i <= 255; i = i + 1) { hdr.h.a = 1; }", "cannot be told"),
        ("for (bit<8> i in 0 .. 200) { for (bit<8> j in 0 .. 200) { hdr.h.a = 1; } }", "more than 512"),
        ("hash(hdr.h.a, HashAlgorithm.random, 32w0, { hdr.h.m }, 32w10);", "hash random"),
    ],
)
def test_what_is_refused_has_a_place(body: str, reason: str) -> None:
    with pytest.raises(CannotOffload, match=reason) as refusal:
        lower(program(f"apply {{\n{body} }}"), None, {"hook": "xdp"})
    assert refusal.value.span.line
