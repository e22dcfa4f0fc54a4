"""Checksums over the payload as eBPF: proven for frames of any length, and run by the kernel as the program says."""

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
from p4verify.semantics.source import Unsupported
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject, Insn
from p4verify.targets.ebpf.artifact.insn import ALU64, ALU_OPS, JMP, JMP_OPS, K
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.lower.payload import CHUNK
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

TEXT: Final = """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<112> eth; bit<8> what; bit<8> more; bit<16> sum; }
header odd_t { bit<8> one; }
header even_t { bit<16> two; }
struct headers { h_t h; odd_t odd; even_t even; }
struct metadata { }
parser prs(packet_in p, out headers hdr, inout metadata m, inout standard_metadata_t std) {
    state start { p.extract(hdr.h); transition select(hdr.h.what) { 1: more; 2: most; default: accept; } }
    state more { p.extract(hdr.odd); transition accept; }
    state most { p.extract(hdr.even); transition accept; }
}
control vrf(inout headers hdr, inout metadata m) { apply {
    verify_checksum_with_payload(hdr.h.more == 1, { hdr.h.what, hdr.h.more }, hdr.h.sum, HashAlgorithm.csum16);
} }
control ingress(inout headers hdr, inout metadata m, inout standard_metadata_t std) {
    apply { std.egress_spec = std.ingress_port; if (std.checksum_error == 1) { mark_to_drop(std); } hdr.h.eth = 7; }
}
control egress(inout headers hdr, inout metadata m, inout standard_metadata_t std) { apply { } }
control compute(inout headers hdr, inout metadata m) { apply {
    update_checksum_with_payload(hdr.h.more == 0, { hdr.h.what, hdr.h.more, hdr.h.what }, hdr.h.sum,
        HashAlgorithm.csum16);
} }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(prs(), vrf(), ingress(), egress(), compute(), dep()) main;
"""
VERIFIED: Final = """
    verify_checksum_with_payload(hdr.h.more == 1, { hdr.h.what, hdr.h.more }, hdr.h.sum, HashAlgorithm.csum16);
"""
SMALL: Final = TEXT.replace("1: more; 2: most; ", "").replace(VERIFIED, "")
"""One sum only, which is made where it is asked for, from one place on."""
VARYING: Final = TEXT.replace("header odd_t { bit<8> one; }", "header odd_t { varbit<24> one; }").replace(
    "p.extract(hdr.odd)", "p.extract(hdr.odd, (bit<32>) (hdr.h.more & 3) << 3)"
).replace("hdr.h.more, hdr.h.what }", "hdr.h.more, hdr.h.what, hdr.odd.one }")  # fmt: skip
BEHIND_A_TAG: Final = """
#include <core.p4>
#include <v1model.p4>
header e_t { bit<48> dst; bit<32> src; bit<16> sum; bit<16> type; }
header n_t { bit<8> more; bit<8> x; }
header o_t { bit<32> y; }
struct headers { e_t e; n_t n; o_t o; }
struct metadata { }
parser prs(packet_in p, out headers hdr, inout metadata m, inout standard_metadata_t std) {
    state start { p.extract(hdr.e); transition select(hdr.e.type) { 0x800: n; default: accept; } }
    state n { p.extract(hdr.n); transition select(hdr.n.more) { 1: o; default: accept; } }
    state o { p.extract(hdr.o); transition accept; }
}
control vrf(inout headers hdr, inout metadata m) { apply { } }
control ingress(inout headers hdr, inout metadata m, inout standard_metadata_t std) { apply { std.egress_spec = 2; } }
control egress(inout headers hdr, inout metadata m, inout standard_metadata_t std) { apply { } }
control compute(inout headers hdr, inout metadata m) { apply {
    update_checksum_with_payload(true, { hdr.e.type }, hdr.e.sum, HashAlgorithm.csum16);
} }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(prs(), vrf(), ingress(), egress(), compute(), dep()) main;
"""
SLOW: Final = pytest.mark.campaign
XDP: Final = {"hook": "xdp"}
HOOKS: Final = ({"hook": "xdp"}, {"hook": "tc", "untagged": "1"})
hooks = pytest.mark.parametrize("options", HOOKS, ids=("xdp", "tc"))


def program(text: str) -> ir.Program:
    return load_text(text, "payload.p4").program


def verdict(text: str, code: BpfObject) -> Verdict:
    """Of a program and an artifact; what cannot be told is unsupported."""
    checker = Checker(program(text), timeout=60, machines_confirm=False)
    try:
        return checker.check_artifact(TARGET, code, "payload.o").proof.verdict
    except Unsupported:
        return Verdict.UNSUPPORTED


def made(text: str, options: dict[str, str] | None = None) -> BpfObject:
    return lower(program(text), None, options or XDP)


@hooks
def test_proven_for_frames_of_any_length(options: dict[str, str]) -> None:
    proof = Checker(program(SMALL), timeout=60, machines_confirm=False).check_lowered(TARGET, options).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.campaign
@pytest.mark.parametrize(
    ("text", "options"),
    [
        *((text, options) for text in (TEXT, VARYING) for options in (*HOOKS, {"hook": "tc"})),
    ],
)
def test_proven_wherever_the_parser_stops(text: str, options: dict[str, str]) -> None:
    proof = Checker(program(text), timeout=300, machines_confirm=False).check_lowered(TARGET, options).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.long
def test_sums_from_places_of_their_own_hang_together() -> None:
    """Behind a tag that is beside the frame the object begins to add somewhere else than the program."""
    proof = (
        Checker(program(BEHIND_A_TAG), timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "tc"}).proof
    )
    assert proof.verdict is Verdict.ACCEPT, proof.reason


# --- on the kernel --------------------------------------------------------------------------------------------------


TAGS: Final = ((12, b"\x81\x00\x00\x05"), (14, b"\x81\x00"))
"""VLAN tags that are put into frames from some byte on, or in front of what comes there."""


def frames() -> list[bytes]:
    """Of all lengths around turns and words, with zeros, ones and anything."""
    rng = random.Random(1)
    sizes = [
        *range(14, 24),
        *range(18 + CHUNK - 3, 18 + CHUNK + 5),
        *range(18 + 2 * CHUNK - 3, 18 + 2 * CHUNK + 6),
        1514,
    ]
    out = []
    for size in sizes:
        for what, more in ((0, 0), (1, 0), (2, 0), (0, 1), (1, 3), (1, 2)):
            rest = rng.choice([bytes(size), b"\xff" * size, rng.randbytes(size), rng.randbytes(size)])
            out.append((bytes(12) + b"\x08\x06" + bytes((what, more)) + rest)[:size])
    return out


@pytest.mark.oracle
@pytest.mark.parametrize("options", [*HOOKS, {"hook": "tc"}], ids=("xdp", "tc", "tagged"))
@pytest.mark.parametrize("text", [TEXT, VARYING], ids=("places", "varying"))
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, options: dict[str, str], text: str) -> None:
    given, hook = program(text), options["hook"]
    sent = [frame for frame in frames() if hook == "xdp" or len(frame) >= 60]
    if options == {"hook": "tc"}:
        sent = [frame[:12] + tag + frame[at:] for at, tag in TAGS for frame in sent[::2]]
    seen = kernel_oracle.run(lower(given, None, options), [(5, frame) for frame in sent])
    for frame, each in zip(sent, seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, 5).outputs), frame.hex()


OTHERS: Final = {
    "data in another order": ("hdr.h.what, hdr.h.more, hdr.h.what }", "hdr.h.more, hdr.h.what, hdr.h.what }"),
    "an even number of bytes in front": ("hdr.h.more, hdr.h.what }", "hdr.h.more, hdr.h.what, 8w0 }"),
    "no payload": ("update_checksum_with_payload", "update_checksum"),
    "a later place": ("bit<16> sum; }", "bit<16> sum; bit<16> after; }"),
}


@pytest.mark.oracle
@pytest.mark.parametrize("name", OTHERS)
def test_a_difference_is_confirmed_by_the_kernel(kernel_oracle: KernelOracle, name: str) -> None:
    text = SMALL.replace(*OTHERS[name])
    assert text != SMALL
    proof = Checker(program(SMALL), timeout=60).check_artifact(TARGET, made(text), "payload.o").proof
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert "ebpf kernel" in proof.counterexample.confirmed_by


# --- mistakes -------------------------------------------------------------------------------------------------------


def changed(obj: BpfObject, index: int, insn: Insn) -> BpfObject:
    """With another instruction in one place."""
    [code] = obj.programs
    insns = (*code.insns[:index], replace(insn, source=code.insns[index].source), *code.insns[index + 1 :])
    return replace(obj, programs=(replace(code, insns=insns),))


def places(obj: BpfObject, opcode: int, **fields: int) -> list[int]:
    """Where instructions of this kind stand."""
    return [
        index
        for index, insn in enumerate(obj.programs[0].insns)
        if insn.opcode == opcode and all(getattr(insn, name) == value for name, value in fields.items())
    ]


ADD, AND, MOV = (ALU_OPS[name] | ALU64 | K for name in ("add", "and", "mov"))


@pytest.mark.parametrize(
    ("opcode", "fields", "changes"),
    [
        pytest.param(ADD, {"imm": CHUNK}, {"imm": CHUNK + 2}, id="a word left out", marks=SLOW),
        pytest.param(ADD, {"imm": 2}, {"imm": 4}, id="every other word is left out"),
        pytest.param(JMP | K | JMP_OPS["jslt"], {"imm": 1}, {"imm": 2}, id="no last byte"),
        pytest.param(AND, {"imm": 0xFFFF}, {"imm": 0xFFFE}, id="an odd start", marks=SLOW),
        pytest.param(JMP | K | JMP_OPS["jlt"], {"imm": 1 << 16}, {"imm": 1 << 10}, id="long ones dropped", marks=SLOW),
        pytest.param(JMP | K | JMP_OPS["jlt"], {"imm": CHUNK}, {"imm": CHUNK - 4}, id="some are dropped"),
    ],
)
def test_mistakes_are_never_accepted(opcode: int, fields: dict[str, int], changes: dict[str, int]) -> None:
    right = made(SMALL)
    found = places(right, opcode, **fields)
    assert found
    for index in found[:2]:
        wrong = changed(right, index, replace(right.programs[0].insns[index], **changes))
        assert verdict(SMALL, wrong) is not Verdict.ACCEPT, index


def test_a_payload_that_begins_within_a_byte_is_refused_with_its_place() -> None:
    text = SMALL.replace("header h_t { bit<112> eth;", "header h_t { bit<116> eth;")
    with pytest.raises(CannotOffload, match="does not begin at a byte") as refusal:
        made(text)
    assert "_checksum_with_payload" in text.splitlines()[refusal.value.span.line - 1]
