"""Checksums of v1model by each algorithm that BMv2 knows, not the Internet's alone."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.program import run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

TEXT = """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<112> eth; bit<8> a; bit<8> b; bit<4> c; bit<12> d; bit<16> sum; bit<32> wide; }
struct headers { h_t h; }
struct meta_t { }
parser P(packet_in p, out headers hdr, inout meta_t m, inout standard_metadata_t std) {
    state start { p.extract(hdr.h); transition accept; } }
control V(inout headers hdr, inout meta_t m) { apply {
    verify_checksum(hdr.h.c == 1, { hdr.h.a, hdr.h.d }, hdr.h.SUM, HashAlgorithm.ALGORITHM); } }
control I(inout headers hdr, inout meta_t m, inout standard_metadata_t std) { apply {
    std.egress_spec = 1; if (std.checksum_error == 1) { hdr.h.a = 0xee; } } }
control E(inout headers hdr, inout meta_t m, inout standard_metadata_t std) { apply { } }
control C(inout headers hdr, inout meta_t m) { apply {
    update_checksum(hdr.h.b != 0, { hdr.h.a, hdr.h.b, hdr.h.d }, hdr.h.SUM, HashAlgorithm.ALGORITHM); } }
control D(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
CASES = [
    ("crc16", "sum"),
    ("crc32", "wide"),
    ("crc32", "sum"),
    ("xor16", "sum"),
    ("identity", "wide"),
    ("csum16", "wide"),
    ("csum16", "a"),
]
FRAMES = [
    bytes(14) + bytes.fromhex(text)
    for text in (
        "0102100300000000 0000ff",
        "0100100300000000 00000000",
        "0102100312345678 9abc00",
        "ff00 2fff 0000 0000ffff",
    )
]


def _program(algorithm: str, target: str) -> ir.Program:
    return load_text(TEXT.replace("ALGORITHM", algorithm).replace("SUM", target), "sum.p4").program


@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_proven(algorithm: str, target: str) -> None:
    program = _program(algorithm, target)
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "xdp"}).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)


def test_told_from_another() -> None:
    made = lower(_program("crc16", "sum"), None, {"hook": "xdp"})
    proof = (
        Checker(_program("xor16", "sum"), timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof
    )
    assert proof.verdict is Verdict.REJECT


@pytest.mark.oracle
@pytest.mark.parametrize(("algorithm", "target"), CASES)
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, algorithm: str, target: str) -> None:
    program = _program(algorithm, target)
    seen = kernel_oracle.run(lower(program, None, {"hook": "xdp"}), [(5, frame) for frame in FRAMES])
    for frame, each in zip(FRAMES, seen, strict=True):
        assert list(each.outputs) == list(run(program, RuleSet({}), frame, 5).outputs), frame.hex()


def test_over_the_payload_only_the_internet_checksum() -> None:
    text = TEXT.replace("update_checksum(", "update_checksum_with_payload(").replace("ALGORITHM", "crc16")
    with pytest.raises(CannotOffload, match="over the payload other than csum16"):
        lower(load_text(text.replace("SUM", "sum"), "sum.p4").program, None, {"hook": "xdp"})
