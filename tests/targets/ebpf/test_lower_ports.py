"""Ports that are interfaces with other numbers: proven, run by the kernel, and said by the object itself."""

from __future__ import annotations

import pytest

from p4verify.checks import Checker
from p4verify.commands.stf import Meant, Real
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import ir
from p4verify.semantics.meaning.stf import Machine, run_stf
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.ebpf.artifact import BpfObject, read_elf, write_elf
from p4verify.targets.ebpf.artifact.ports import SECTION
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program
from .test_lower_models import ACTIONS, XDP, program

WAYS = [{"hook": hook, "port0": "1000"} for hook in ("tc", "xdp")]
ways = pytest.mark.parametrize("options", WAYS, ids=lambda way: way["hook"])


def forwarding() -> ir.Program:
    """Out of the next port; the port is in the frame too."""
    types = "header h_t { bit<112> eth; bit<16> port; } struct headers { h_t h; }"
    parse = "state start { p.extract(hdr.h); transition accept; }"
    ingress = "apply { hdr.h.port = (bit<16>)std.ingress_port; std.egress_spec = std.ingress_port + 1; }"
    return load_text(v1_program(types, parse, ingress, "p.emit(hdr.h);"), "next.p4").program


def proof(given: ir.Program, made: BpfObject) -> Proof:
    return Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof


@ways
def test_proven_in_the_programs_numbers(options: dict[str, str]) -> None:
    for given in (forwarding(), program(XDP, ACTIONS)):
        found = proof(given, lower(given, None, options))
        assert found.verdict is Verdict.ACCEPT, found.reason
        assert any("p + 1000" in text for text in found.warnings)


def test_the_object_says_it_and_another_number_is_wrong() -> None:
    made = lower(forwarding(), None, WAYS[1])
    assert made.sections == {SECTION: b"1000"}
    assert read_elf(write_elf(made), "next.o") == made
    for sections in ({}, {SECTION: b"999"}):
        found = proof(forwarding(), BpfObject(made.programs, made.maps, made.license, sections))
        assert found.verdict is Verdict.REJECT


@pytest.mark.parametrize("text", [b"", b"-1", b"2147483648", b"eth0", b"9" * 5000])
def test_what_is_no_interface(text: bytes) -> None:
    made = lower(forwarding(), None, WAYS[1])
    with pytest.raises(Unsupported, match="port0"):
        TARGET.meaning(BpfObject(made.programs, made.maps, made.license, {SECTION: text}))
    with pytest.raises(InputError, match="port0"):
        lower(forwarding(), None, {"port0": text.decode()})


def _tested(machine: Machine) -> None:
    frame = "00" * 14
    test = f"packet 0 {frame}ffff\nexpect 1 {frame}0000$\npacket 7 {frame}ffff55\nexpect 8 {frame}000755$\n"
    result = run_stf(forwarding(), test, "next.stf", machine)
    assert result.passed, str(result)


@ways
def test_by_meaning(options: dict[str, str]) -> None:
    _tested(Meant(forwarding(), TARGET, options))


@pytest.mark.oracle
@ways
def test_on_the_kernel(kernel_oracle: KernelOracle, options: dict[str, str]) -> None:
    _tested(Real(forwarding(), TARGET, options, kernel_oracle))
