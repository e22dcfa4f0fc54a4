"""Programs of xdp_model and ubpf_model: proven, and run by the kernel as their meaning says."""

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
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

XDP = """
#include <core.p4>
#include <xdp_model.p4>
header h_t { bit<112> eth; bit<8> what; bit<32> port; bit<16> sum; bit<16> x; bit<32> y; }
struct headers { h_t h; }
parser prs(packet_in p, out headers hdr) { state start { p.extract(hdr.h); transition accept; } }
control sw(inout headers hdr, in xdp_input i, out xdp_output o) { apply { BODY } }
control dep(in headers hdr, packet_out p) { apply { p.emit(hdr.h); } }
xdp(prs(), sw(), dep()) main;
"""
ACTIONS: Final = """
o.output_port = hdr.h.port;
if (hdr.h.what == 0) { o.output_action = xdp_action.XDP_PASS; }
else if (hdr.h.what == 1) { o.output_action = xdp_action.XDP_TX; }
else if (hdr.h.what == 2) { o.output_action = xdp_action.XDP_REDIRECT; }
else { o.output_action = xdp_action.XDP_DROP; }
hdr.h.port = i.input_port;
"""
SUMS: Final = """
o.output_action = xdp_action.XDP_PASS;
if (hdr.h.what == 0) { hdr.h.sum = csum_replace2(hdr.h.sum, hdr.h.x, 0xFFFE); }
else if (hdr.h.what == 1) { hdr.h.sum = csum_replace4(hdr.h.sum, hdr.h.y, hdr.h.port); }
else { hdr.h.sum = ebpf_ipv4_checksum(4, 5, 0, hdr.h.x, 1, 2, 3, hdr.h.what, 6, hdr.h.y, hdr.h.port); }
"""
XDP_TIME: Final = """
o.output_action = xdp_action.XDP_PASS;
bit<32> begun = BPF_KTIME_GET_NS();
hdr.h.x = (bit<16>)(BPF_KTIME_GET_NS() - begun);
if (hdr.h.what == 0) { hdr.h.port = BPF_KTIME_GET_NS(); }
BPF_KTIME_GET_NS();
"""
UBPF = """
#include <core.p4>
#include <ubpf_model.p4>
header h_t { bit<112> eth; bit<8> what; bit<32> n; }
struct headers { h_t h; }
struct metadata { }
parser prs(packet_in p, out headers hdr, inout metadata m, inout standard_metadata std) {
    state start { p.extract(hdr.h); transition select(hdr.h.what) { 9: reject; default: accept; } }
}
control pipe(inout headers hdr, inout metadata m, inout standard_metadata std) {
    Register<bit<32>, bit<32>>(4) seen;
    apply {
        if (hdr.h.what == 1) { mark_to_drop(); }
        if (hdr.h.what == 2) { mark_to_drop(); mark_to_pass(); }
        if (hdr.h.what == 3) { std.output_action = ubpf_action.REDIRECT; std.output_port = hdr.h.n; }
        if (hdr.h.what == 4) { std.output_action = ubpf_action.ABORT; }
        bit<32> before = seen.read(hdr.h.n);
        if (hdr.h.n < 4) { hdr.h.n = before + std.packet_length; } else { hdr.h.n = std.input_port; }
        seen.write(2, before + 1);
    }
}
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.h); } }
ubpf(prs(), pipe(), dep()) main;
"""


UBPF_TIME = UBPF.replace("(4) seen;", "(4) seen; Register<bit<48>, bit<32>>(4) when;").replace(
    "seen.write(2, before + 1);",
    "when.write(1, ubpf_time_get_ns()); if (hdr.h.what == 5) { hdr.h.n = ubpf_time_get_ns()[31:0]; }",
)


def program(text: str, body: str = "") -> ir.Program:
    return load_text(text.replace("BODY", body), "model.p4").program


PROGRAMS: Final = {"actions": program(XDP, ACTIONS), "sums": program(XDP, SUMS), "ubpf": program(UBPF)}
TIMED: Final = {"xdp": program(XDP, XDP_TIME), "ubpf": program(UBPF_TIME)}
"""Those that read a clock."""
hooks = pytest.mark.parametrize("hook", ["tc", "xdp"])


@hooks
@pytest.mark.parametrize("name", ["actions", "ubpf"])
def test_proven(name: str, hook: str) -> None:
    checker = Checker(PROGRAMS[name], timeout=60, machines_confirm=False)
    proof = checker.check_lowered(TARGET, {"hook": hook}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


@hooks
@pytest.mark.parametrize("name", TIMED)
def test_the_time_is_what_the_clock_says(name: str, hook: str) -> None:
    checker = Checker(TIMED[name], timeout=60, machines_confirm=False)
    proof = checker.check_lowered(TARGET, {"hook": hook}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason


def test_a_second_time_may_be_another_one() -> None:
    """The object asks twice, where the program says that no time passes in between."""
    once = XDP_TIME.replace("(bit<16>)(BPF_KTIME_GET_NS() - begun)", "0")
    checker = Checker(program(XDP, once), timeout=60, machines_confirm=False)
    proof = checker.check_artifact(TARGET, lower(TIMED["xdp"], None, {}), None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason


@pytest.mark.oracle
@hooks
@pytest.mark.parametrize("name", TIMED)
def test_the_kernel_loads_what_reads_its_clock(kernel_oracle: KernelOracle, name: str, hook: str) -> None:
    (seen,) = kernel_oracle.run(lower(TIMED[name], None, {"hook": hook}), [(5, bytes(40))])
    assert len(seen.outputs) == 1


def frames() -> list[bytes]:
    """Of each kind, short ones too, with numbers at which sums carry."""
    numbers = random.Random(5)
    out = [bytes(14), bytes(20)]
    for what in range(10):
        for n in (0, 1, 3, 4, 5, 0xFFFFFFFF, 0xFFFF0000, 0x0000FFFF):
            rest = numbers.choice([bytes(8), b"\xff" * 8, b"\xff\xff\0\0\xff\xff\0\1", numbers.randbytes(8)])
            out.append(bytes(14) + bytes([what]) + n.to_bytes(4, "big") + rest + b"payload")
    return out


@pytest.mark.oracle
@hooks
@pytest.mark.parametrize("name", PROGRAMS)
def test_the_kernel_does_what_the_program_says(kernel_oracle: KernelOracle, name: str, hook: str) -> None:
    """Registers are 0 for each frame."""
    given = PROGRAMS[name]
    seen = kernel_oracle.run(lower(given, None, {"hook": hook}), [(5, frame) for frame in frames()])
    for frame, each in zip(frames(), seen, strict=True):
        assert list(each.outputs) == list(run(given, RuleSet({}), frame, 5).outputs), frame.hex()


def test_what_is_not_there_is_refused_with_its_place() -> None:
    for line in ("truncate(20);", "std.clone = true;"):
        text = UBPF.replace("bit<32> before", f"{line} bit<32> before")
        with pytest.raises(CannotOffload) as refusal:
            lower(program(text), None, {})
        assert refusal.value.span.line == next(i for i, each in enumerate(text.splitlines(), 1) if line in each)
