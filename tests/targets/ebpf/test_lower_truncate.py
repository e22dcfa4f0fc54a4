"""``truncate`` as eBPF: proven, run by the kernel as the program says, refused where no helper cuts."""

from __future__ import annotations

import re
from typing import Final

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

V1MODEL: Final = """
#include <core.p4>
#include <v1model.p4>
header h_t { bit<112> eth; bit<8> what; bit<8> more; }
header room_t { bit<64> room; }
struct headers { h_t h; room_t room; }
struct metadata { }
parser prs(packet_in p, out headers hdr, inout metadata m, inout standard_metadata_t std) {
    state start { p.extract(hdr.h); transition accept; }
}
control none(inout headers hdr, inout metadata m) { apply { } }
control ingress(inout headers hdr, inout metadata m, inout standard_metadata_t std) {
    apply {
        std.egress_spec = std.ingress_port;
        if (hdr.h.what < 3) { truncate(40); }
        if (hdr.h.what == 1) { truncate(20); }
        if (hdr.h.what == 2) { truncate(64); }
        if (hdr.h.more == 1) { hdr.room = {7}; }
    }
}
control egress(inout headers hdr, inout metadata m, inout standard_metadata_t std) {
    apply { if (hdr.h.what == 4) { truncate(14); } if (hdr.h.what == 5) { truncate(0xFFFFFFFF); } }
}
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.room); p.emit(hdr.h); } }
V1Switch(prs(), none(), ingress(), egress(), none(), dep()) main;
"""
UBPF: Final = """
#include <core.p4>
#include <ubpf_model.p4>
header h_t { bit<112> eth; bit<8> what; bit<8> more; }
struct headers { h_t h; }
struct metadata { }
parser prs(packet_in p, out headers hdr, inout metadata m, inout standard_metadata std) {
    state start { p.extract(hdr.h); transition accept; }
}
control pipe(inout headers hdr, inout metadata m, inout standard_metadata std) {
    apply {
        if (hdr.h.what < 3) { truncate(40); }
        if (hdr.h.what == 1) { truncate(64); }
        if (hdr.h.what == 2) { truncate(0); }
        if (hdr.h.what == 3) { truncate(16); }
        if (hdr.h.what == 4) { truncate(0x80000000); }
        if (hdr.h.more == 1) { std.output_action = ubpf_action.REDIRECT; std.output_port = 6; }
        hdr.h.eth = 5;
    }
}
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.h); } }
ubpf(prs(), pipe(), dep()) main;
"""
TEXTS: Final = {"v1model": V1MODEL, "ubpf_model": UBPF}
XDP: Final = {"hook": "xdp"}
models = pytest.mark.parametrize("model", TEXTS)


def program(text: str) -> ir.Program:
    return load_text(text, "cut.p4").program


def verdict(text: str, code: str) -> Verdict:
    """Of a program and the code that was made of another one."""
    checker = Checker(program(text), timeout=60, machines_confirm=False)
    return checker.check_artifact(TARGET, lower(program(code), None, XDP), "cut.o").proof.verdict


@models
def test_proven(model: str) -> None:
    proof = Checker(program(TEXTS[model]), timeout=60, machines_confirm=False).check_lowered(TARGET, XDP).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@pytest.mark.parametrize("others", [True, False])
@pytest.mark.parametrize("kind", ["void", "action"])
def test_a_call_outside_of_all_controls_cuts_too(kind: str, others: bool) -> None:
    text = V1MODEL if others else re.sub(r"if \(hdr\.h\.what[^{]*\{ truncate\(\w+\); \}", "", V1MODEL)
    text = text.replace("control none(", f"{kind} shorter() {{ truncate(30); }}\ncontrol none(", 1)
    text = text.replace("if (hdr.h.more == 1)", "if (hdr.h.more == 9) { shorter(); }\n        if (hdr.h.more == 1)")
    assert text.count("truncate(") == (6 if others else 1)
    assert verdict(text, text) is Verdict.ACCEPT
    assert verdict(text, text.replace("truncate(30)", "truncate(31)")) is Verdict.REJECT


@models
@pytest.mark.parametrize(
    ("line", "other"),
    [("truncate(40)", "truncate(41)"), ("truncate(64)", "truncate(63)"), ("{ truncate(40); }", "{ }")],
)
def test_another_length_is_seen(model: str, line: str, other: str) -> None:
    text = TEXTS[model]
    # Of two lengths v1model takes the least, so that 64 behind 40 is as good as 63.
    same = model == "v1model" and line == "truncate(64)"
    assert line in text
    assert verdict(text, text.replace(line, other)) is (Verdict.ACCEPT if same else Verdict.REJECT)


@pytest.mark.oracle
@models
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, model: str) -> None:
    frames = [
        bytes(14) + bytes([what, more]) + bytes(range(count))
        for what in range(7)
        for more in (0, 1)
        for count in (0, 4, 5, 15, 16, 17, 24, 47, 48, 49, 200)
    ]
    given = program(TEXTS[model])
    seen = kernel_oracle.run(lower(given, None, XDP), [(5, frame) for frame in frames])
    for frame, each in zip(frames, seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, 5).outputs), frame.hex()


@pytest.mark.parametrize(
    ("model", "call", "options", "part"),
    [
        ("v1model", "truncate(13)", XDP, "less than 14 bytes"),
        ("v1model", "truncate(std.packet_length)", XDP, "only the packet or rules say"),
        ("v1model", "truncate(40)", {"hook": "tc"}, "hook=xdp"),
        ("ubpf_model", "truncate(13)", XDP, "less than 14 bytes"),
        ("ubpf_model", "truncate(15)", XDP, "less than the headers"),
        ("ubpf_model", "truncate(40)", {"hook": "tc"}, "hook=xdp"),
    ],
)
def test_what_cannot_be_cut_is_refused_with_its_place(
    model: str, call: str, options: dict[str, str], part: str
) -> None:
    text = TEXTS[model].replace("truncate(40)", call)
    with pytest.raises(CannotOffload, match=part) as refusal:
        lower(program(text), None, options)
    assert refusal.value.span.line == next(i for i, each in enumerate(text.splitlines(), 1) if call in each)
