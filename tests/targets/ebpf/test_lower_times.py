"""v1model's timestamps and queue metadata: what the kernel's clock says in microseconds, and queues without packets."""

from __future__ import annotations

import time
from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET
from tests.targets.ebpf.programs import v1_program

_INGRESS: Final = "apply { std.egress_spec = 2; hdr.h.a = std.ingress_global_timestamp; }"
_EGRESS: Final = """apply {
    hdr.h.b = std.egress_global_timestamp; hdr.h.c = std.enq_timestamp;
    if (std.enq_qdepth != 0 || std.deq_qdepth != 0 || std.deq_timedelta != 0) { mark_to_drop(std); }
}"""


def program(ingress: str = _INGRESS, egress: str = _EGRESS) -> ir.Program:
    """A v1model program that writes times into its header."""
    types = "header h_t { bit<48> a; bit<48> b; bit<32> c; } struct headers { h_t h; }"
    states = "state start { p.extract(hdr.h); transition accept; }"
    return load_text(v1_program(types, states, ingress, "p.emit(hdr.h);", egress=egress), "t.p4").program


def proof(of: ir.Program, made: BpfObject) -> Proof:
    """For every packet and every time."""
    return Checker(of, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof


def test_proven_where_nothing_waits() -> None:
    found = proof(program(), lower(program(), None, {"hook": "xdp"}))
    assert found.verdict is Verdict.ACCEPT, found.reason
    assert sum("(enq_qdepth is 0)" in text or "(deq_" in text for text in found.assumptions) == 3


@pytest.mark.parametrize(
    "other",
    [
        program(_INGRESS.replace("std.ingress_global_timestamp", "std.ingress_global_timestamp + 1")),
        program(egress=_EGRESS.replace("hdr.h.c = std.enq_timestamp", "hdr.h.c = std.enq_timestamp + 1")),
        program(egress=_EGRESS.replace("enq_qdepth != 0", "enq_qdepth == 0")),
    ],
)
def test_other_times_are_rejected(other: ir.Program) -> None:
    assert proof(program(), lower(other, None, {"hook": "xdp"})).verdict is Verdict.REJECT


def test_the_kernel_tells_the_time(kernel_oracle: KernelOracle) -> None:
    began = time.monotonic_ns() // 1000
    [seen] = kernel_oracle.observe(lower(program(), None, {"hook": "xdp"}), [(2, bytes(60))])
    [(_, _, frame)] = seen.outputs
    first, second = (int.from_bytes(frame[at : at + 6], "big") for at in (0, 6))
    ended = time.monotonic_ns() // 1000
    assert began <= first <= second <= ended
    assert int.from_bytes(frame[12:16], "big") - second % (1 << 32) in range(1_000_000)


def test_copies_begin_egress_when_the_frame_does() -> None:
    multicast, unlike = "apply { std.mcast_grp = 1; }", _EGRESS.replace("c = std.enq", "c = 1 + std.enq")
    of = program(multicast)
    found = proof(of, lower(of, None, {"hook": "tc"}))
    assert found.verdict is Verdict.ACCEPT, found.reason
    assert any("copies begin egress when the frame itself does" in note for note in found.warnings)
    assert proof(of, lower(program(multicast, unlike), None, {"hook": "tc"})).verdict is not Verdict.ACCEPT
