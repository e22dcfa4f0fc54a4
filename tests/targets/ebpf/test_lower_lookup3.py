"""ubpf_model's hash: proven, rejected where it differs, and computed by the kernel as by its meaning."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

TEXT: Final = """
#include <core.p4>
#include <ubpf_model.p4>
header h_t { bit<112> eth; bit<8> a; bit<16> b; bit<32> c; bit<64> d; bit<12> e; bit<4> f; bit<72> g; bit<32> sum; }
struct headers { h_t h; }
struct metadata { }
parser prs(packet_in p, out headers hdr, inout metadata m, inout standard_metadata std) {
    state start { p.extract(hdr.h); transition accept; }
}
control pipe(inout headers hdr, inout metadata m, inout standard_metadata std) {
    apply { hash(hdr.h.sum, HashAlgorithm.lookup3, DATA); }
}
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.h); } }
ubpf(prs(), pipe(), dep()) main;
"""
DATA: Final = {
    "one byte": "{ hdr.h.a }",
    "a word": "{ hdr.h.c }",
    "odd sizes": "{ hdr.h.b, hdr.h.a, hdr.h.f, hdr.h.e }",
    "twelve bytes": "{ hdr.h.c, hdr.h.c + 1, 7 ^ hdr.h.c }",
    "more than a block": "{ hdr.h.d, hdr.h.d, hdr.h.c, hdr.h.b, hdr.h.b }",
    "a bare number": "hdr.h.c",
}


def program(data: str) -> ir.Program:
    return load_text(TEXT.replace("DATA", data), "h.p4").program


def verdict(given: ir.Program, made: BpfObject) -> Verdict:
    return Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof.verdict


@pytest.mark.parametrize("name", DATA)
def test_proven(name: str) -> None:
    given = program(DATA[name])
    assert verdict(given, lower(given, None, {"hook": "tc"})) is Verdict.ACCEPT


def test_another_rotation_is_rejected() -> None:
    given = program(DATA["a word"])
    made = lower(given, None, {"hook": "xdp"})
    insns = made.program().insns
    at = next(i for i, insn in enumerate(insns) if insn.opcode == 0x64 and insn.imm == 11)  # w3 <<= 11
    wrong = (*insns[:at], replace(insns[at], imm=12), *insns[at + 1 :])
    assert verdict(given, replace(made, programs=(replace(made.program(), insns=wrong),))) is Verdict.REJECT


@pytest.mark.oracle
@pytest.mark.parametrize("name", DATA)
def test_the_kernel_computes_it(kernel_oracle: KernelOracle, name: str) -> None:
    given, numbers = program(DATA[name]), random.Random(3)
    frames = [(5, numbers.randbytes(64)) for _ in range(20)]
    seen = kernel_oracle.run(lower(given, None, {"hook": "xdp"}), frames)
    for (port, frame), each in zip(frames, seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, port).outputs), frame.hex()


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("{ hdr.h.b, hdr.h.c }", "aligns"),
        ("{ hdr.h.c, hdr.h.b }", "pads at its end"),
        ("{ hdr.h.g }", "more than 64 bits"),
    ],
)
def test_what_a_compiler_pads_is_refused(data: str, text: str) -> None:
    with pytest.raises(CannotOffload, match=text) as caught:
        lower(program(data), None, {"hook": "xdp"})
    assert caught.value.span.line
