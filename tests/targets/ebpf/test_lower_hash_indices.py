"""Hashes of packets that are indices of registers, computed on two ways that meet again: filters of flows."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET

TEXT: Final = """
#include <core.p4>
#include <v1model.p4>
header eth_t { bit<48> dst; bit<48> src; bit<16> kind; }
header ends_t { bit<32> src; bit<32> dst; bit<16> from; bit<16> to; }
struct headers { eth_t eth; ends_t ends; }
struct meta { }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.eth); transition select(hdr.eth.kind) { 0x900: ends; default: accept; } }
    state ends { p.extract(hdr.ends); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    register<bit<1>>(4096) seen;
    bit<32> place;
    bit<1> back;
    bit<1> known;
    action drop() { mark_to_drop(std); }
    action hop(bit<9> port) { std.egress_spec = port; }
    action place_of(bit<32> a, bit<32> b, bit<16> c, bit<16> d) {
        hash(place, HashAlgorithm.crc32, (bit<32>)0, { a, b, c, d }, (bit<32>)4096);
    }
    action side(bit<1> b) { back = b; }
    table routes { key = { hdr.ends.dst: exact; } actions = { hop; drop; } default_action = drop(); }
    table sides {
        key = { std.ingress_port: exact; std.egress_spec: exact; }
        actions = { side; NoAction; }
        default_action = NoAction();
    }
    apply {
        if (hdr.ends.isValid()) {
            routes.apply();
            back = 0;
            if (sides.apply().hit) {
                if (back == 0) place_of(hdr.ends.src, hdr.ends.dst, hdr.ends.from, hdr.ends.to);
                else place_of(hdr.ends.dst, hdr.ends.src, hdr.ends.to, hdr.ends.from);
                if (back == 0) { seen.write(place, 1); }
                else { seen.read(known, place); if (known != 1) drop(); }
            }
        }
    }
}
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) { apply { } }
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
"""


@pytest.mark.long
@pytest.mark.parametrize(
    ("said", "instead", "verdict"),
    [
        ("", "", Verdict.ACCEPT),
        ("hdr.ends.src, hdr.ends.to, hdr.ends.from);", "hdr.ends.src, hdr.ends.from, hdr.ends.to);", Verdict.REJECT),
    ],
)
def test_what_is_written_on_one_way_is_read_on_the_other(said: str, instead: str, verdict: Verdict) -> None:
    artifact = lower(load_text(TEXT, "seen.p4").program, None, {"hook": "xdp"})
    assert said in TEXT
    program = load_text(TEXT.replace(said, instead) if said else TEXT, "seen.p4").program
    proof = Checker(program, timeout=120).check_artifact(TARGET, artifact, None).proof
    assert proof.verdict is verdict, proof.reason
