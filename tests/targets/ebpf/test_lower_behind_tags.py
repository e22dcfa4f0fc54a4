"""The type behind an outer VLAN tag at tc, which the kernel keeps where it changes that tag: the frame has it, not what
the kernel took the packet for before the program wrote another one."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET

PNA: Final = """
#include <core.p4>
#include <pna.p4>
header h_t { bit<112> eth; bit<8> a; bit<8> b; }
struct headers { h_t h; }
struct meta_t { }
control Pre(in headers hdr, inout meta_t m, in pna_pre_input_metadata_t istd, inout pna_pre_output_metadata_t ostd) {
    apply { } }
parser P(packet_in p, out headers hdr, inout meta_t m, in pna_main_parser_input_metadata_t istd) {
    state start { p.extract(hdr.h); transition accept; } }
control M(inout headers hdr, inout meta_t m, in pna_main_input_metadata_t istd, inout pna_main_output_metadata_t ostd) {
    apply { send_to_port((PortId_t) 2);
        if (hdr.h.a != 0) { hdr.h.a = hdr.h.a - (hdr.h.b == 7 ? 8wSTEP : 1); recirculate(); }
    } }
control D(packet_out p, in headers hdr, in meta_t m, in pna_main_output_metadata_t ostd) { apply { p.emit(hdr); } }
PNA_NIC(P(), Pre(), M(), D()) main;
"""
PSA: Final = """
#include <core.p4>
#include <psa.p4>
header h_t { bit<112> eth; bit<8> a; bit<8> b; bit<16> type; }
struct empty_t { }
struct headers { h_t h; }
parser IP(packet_in p, out headers hdr, inout empty_t m, in psa_ingress_parser_input_metadata_t istd, in empty_t rs,
          in empty_t rc) { state start { p.extract(hdr.h); transition accept; } }
control I(inout headers hdr, inout empty_t m, in psa_ingress_input_metadata_t istd,
          inout psa_ingress_output_metadata_t ostd) { apply { send_to_port(ostd, (PortId_t) 2); hdr.h.type = 0x800; } }
control ID(packet_out p, out empty_t ci, out empty_t rs, out empty_t nm, inout headers hdr, in empty_t m,
           in psa_ingress_output_metadata_t istd) { apply { p.emit(hdr); } }
parser EP(packet_in p, out headers hdr, inout empty_t m, in psa_egress_parser_input_metadata_t istd, in empty_t nm,
          in empty_t ci, in empty_t ce) { state start { p.extract(hdr.h); transition accept; } }
control E(inout headers hdr, inout empty_t m, in psa_egress_input_metadata_t istd,
          inout psa_egress_output_metadata_t ostd) { apply { hdr.h.a = hdr.h.a - 1; } }
control ED(packet_out p, out empty_t ce, out empty_t rc, inout headers hdr, in empty_t m,
           in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) { apply {
    p.emit(hdr); } }
PSA_Switch(IngressPipeline(IP(), I(), ID()), PacketReplicationEngine(), EgressPipeline(EP(), E(), ED()),
           BufferingQueueingEngine()) main;
"""


def _pna(step: int) -> ir.Program:
    return load_text(PNA.replace("STEP", str(step)), "again.p4").program


@pytest.mark.parametrize("text", [PNA.replace("STEP", "2"), PSA], ids=["PNA, in another pass", "PSA, in ingress"])
def test_another_type_stays_where_the_tag_before_it_changes(text: str) -> None:
    program = load_text(text, "tags.p4").program
    proof = Checker(program, timeout=60, machines_confirm=False).check_lowered(TARGET, {"hook": "tc"}).proof
    assert proof.verdict is Verdict.ACCEPT, (proof.reason, proof.counterexample)


def test_what_no_pass_reads_of_what_goes_along_is_no_difference() -> None:
    """PNA's number of the pass goes along, which the program does not look at: frames show the mistake."""
    made = lower(_pna(2), None, {"hook": "xdp"})
    proof = Checker(_pna(1), timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof
    assert proof.verdict is Verdict.REJECT
    assert proof.counterexample is not None
    assert proof.counterexample.expected.outputs != proof.counterexample.actual.outputs
