"""Meters: any colour is right, and the one taken is what a map holds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from p4verify import targets
from p4verify.checks import Checker
from p4verify.proofs.verdict import Proof
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.base import CannotOffload
from p4verify.targets.ebpf.artifact import BpfObject, asm
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.oracle import KernelOracle
from tests.targets.ebpf.programs import v1_program

TARGET = targets.find("ebpf")
METERED = """
    meter(4, MeterType.bytes) police;
    apply {
        bit<8> colour;
        police.execute_meter((bit<32>)hdr.h.a[1:0], colour);
        hdr.h.b = colour;
        if (colour == 2) mark_to_drop(std); else std.egress_spec = 2;
    }
"""
POLICED = """
    meter(256, MeterType.bytes) police;
    apply {
        bit<8> colour;
        police.execute_meter((bit<32>)hdr.h.a[7:0], colour);
        if (colour == 2) mark_to_drop(std); else std.egress_spec = 2;
        if (colour == 1) hdr.h.b = hdr.h.b & 3;
    }
"""
PSA = """
#include <core.p4>
#include <psa.p4>
header h_t { bit<8> a; bit<8> b; }
struct headers { h_t h; }
struct empty { }
parser IP(packet_in p, out headers hdr, inout empty m, in psa_ingress_parser_input_metadata_t i, in empty r,
          in empty c) {
    state start { p.extract(hdr.h); transition accept; }
}
control I(inout headers hdr, inout empty m, in psa_ingress_input_metadata_t i, inout psa_ingress_output_metadata_t o) {
    Meter<bit<8>>(4, PSA_MeterType_t.BYTES) police;
    apply {
        PSA_MeterColor_t before = PSA_MeterColor_t.GREEN;
        if (hdr.h.b == 1) before = PSA_MeterColor_t.YELLOW;
        if (hdr.h.b == 2) before = PSA_MeterColor_t.RED;
        PSA_MeterColor_t after = police.execute(hdr.h.a, before);
        if (after == PSA_MeterColor_t.RED) ingress_drop(o);
        else send_to_port(o, (PortId_t)(PortIdUint_t)2);
        if (after == PSA_MeterColor_t.YELLOW) hdr.h.b = 1;
    }
}
control ID(packet_out p, out empty c, out empty r, out empty n, inout headers hdr, in empty m,
           in psa_ingress_output_metadata_t o) { apply { p.emit(hdr.h); } }
parser EP(packet_in p, out headers hdr, inout empty m, in psa_egress_parser_input_metadata_t i, in empty n, in empty c,
          in empty d) { state start { p.extract(hdr.h); transition accept; } }
control E(inout headers hdr, inout empty m, in psa_egress_input_metadata_t i, inout psa_egress_output_metadata_t o) {
    apply { }
}
control ED(packet_out p, out empty c, out empty r, inout headers hdr, in empty m, in psa_egress_output_metadata_t o,
           in psa_egress_deparser_input_metadata_t d) { apply { p.emit(hdr.h); } }
IngressPipeline(IP(), I(), ID()) ip;
EgressPipeline(EP(), E(), ED()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
"""


def v1(body: str = METERED) -> ir.Program:
    """A v1model program with this ingress."""
    text = v1_program(
        "header h_t { bit<8> a; bit<8> b; } struct headers { h_t h; }",
        "state start { p.extract(hdr.h); transition accept; }", body, "p.emit(hdr.h);",
    )  # fmt: skip
    return load_text(text, "t.p4").program


def proof(program: ir.Program, made: BpfObject) -> Proof:
    """For every packet, whatever the meters say."""
    return Checker(program, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof


@pytest.mark.parametrize("program", [v1(), load_text(PSA, "psa.p4").program], ids=["v1model", "psa"])
def test_any_colour_is_right(program: ir.Program) -> None:
    found = proof(program, lower(program, None, {"hook": "xdp"}))
    assert found.verdict.value == "accept"
    assert any("_colours" in note for note in found.warnings)


@pytest.mark.campaign
def test_a_colour_on_which_a_checksum_hangs() -> None:
    """The program's colour has to follow the map's, through arithmetic in which it cannot be seen any more."""
    text = v1_program(
        "header h_t { bit<16> a; bit<16> b; bit<16> c; bit<16> d; bit<16> sum; } struct headers { h_t h; }",
        "state start { p.extract(hdr.h); transition accept; }", POLICED, "p.emit(hdr.h);",
        update="apply { update_checksum(true, { hdr.h.a, hdr.h.b, hdr.h.c, hdr.h.d }, hdr.h.sum, "
               "HashAlgorithm.csum16); }",
    )  # fmt: skip
    program = load_text(text, "t.p4").program
    assert proof(program, lower(program, None, {"hook": "xdp"})).verdict.value == "accept"


def test_a_number_that_is_no_colour_is_not_handed_on() -> None:
    made = lower(v1(), None, {"hook": "xdp"})
    insns = list(made.program().insns)
    at = next(i for i, insn in enumerate(insns) if insn == asm.mov(asm.R1, 2) and insns[i - 1].imm == 2)
    insns[at] = asm.mov(asm.R1, asm.R1)
    wrong = replace(made, programs=(replace(made.program(), insns=tuple(insns), lines=()),))
    assert proof(v1(), wrong).verdict.value == "reject"


def test_a_colour_needs_two_bits() -> None:
    with pytest.raises(CannotOffload, match="fewer than 2 bits"):
        lower(v1(METERED.replace("bit<8> colour", "bit<1> colour").replace("hdr.h.b = colour;", "")
                 .replace("colour == 2", "colour == 1")), None, {})  # fmt: skip


def test_the_kernel_heeds_the_map(kernel_oracle: KernelOracle) -> None:
    made = lower(v1(), None, {"hook": "xdp"})
    name = next(item.name for item in made.maps if item.name.endswith("_colours"))
    colours = [(i.to_bytes(4, "little"), number.to_bytes(4, "little")) for i, number in enumerate([0, 1, 2, 77])]
    frames = [(2, bytes([index, 9, *bytes(60)])) for index in range(4)]
    seen = kernel_oracle.observe(made, frames, {name: colours})
    assert [[frame[1] for _, _, frame in each.outputs] for each in seen] == [[0], [1], [], []]


@pytest.mark.oracle
def test_a_difference_behind_a_colour_is_shown_by_the_kernel(kernel_oracle: KernelOracle) -> None:
    """Its maps hold the colours that the difference hangs on, which no rule puts there."""
    assert kernel_oracle.available() is None
    made = lower(v1(POLICED), None, {"hook": "xdp"})
    other = v1(POLICED.replace("if (colour == 2) mark_to_drop(std); else std", "std"))
    found = Checker(other, timeout=60).check_artifact(TARGET, made, None).proof
    assert found.verdict.value == "reject"
    assert found.counterexample is not None
    assert "ebpf kernel" in found.counterexample.confirmed_by
