"""A program with meters, for targets that drop what is above a rate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.ir import Program
from p4verify.semantics.p4.frontend import load_program
from p4verify.semantics.rules.read import read_rules
from p4verify.semantics.rules.ruleset import RuleSet
from p4verify.targets.base import Target

PROGRAM = """
#include <core.p4>
#include <v1model.p4>
header ethernet_t { bit<48> dst; bit<48> src; bit<16> type; }
struct headers_t { ethernet_t ethernet; }
struct metadata_t { bit<8> colour; }
parser P(packet_in packet, out headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    state start { packet.extract(hdr.ethernet); transition accept; }
}
control V(inout headers_t hdr, inout metadata_t meta) { apply {} }
control I(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) {
    meter(64, MeterType.packets) rates;
    action police(bit<8> cell) { rates.execute_meter((bit<32>)cell, meta.colour); }
    action free() { meta.colour = 0; }
    table t { key = { hdr.ethernet.src: exact; } actions = { police; free; } default_action = free(); }
    apply { meta.colour = 0; standard.egress_spec = 2; @BODY@ }
}
control E(inout headers_t hdr, inout metadata_t meta, inout standard_metadata_t standard) { apply {} }
control C(inout headers_t hdr, inout metadata_t meta) { apply {} }
control D(packet_out packet, in headers_t hdr) { apply { packet.emit(hdr.ethernet); } }
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
DROPPED = "t.apply(); if (meta.colour == 2) { mark_to_drop(standard); }"
RULES = "".join(f"table_add I.t police 02:00:00:00:00:{i:02x} => {i % 2}\n" for i in range(5))


def program(tmp_path: Path, body: str, *, kind: str = "packets") -> tuple[Program, RuleSet]:
    """A program with meters that count packets or bytes, and five rules for two of them."""
    path = tmp_path / "p.p4"
    path.write_text(PROGRAM.replace("@BODY@", body).replace("MeterType.packets", f"MeterType.{kind}"))
    loaded = load_program(str(path))
    return loaded, read_rules(RULES, "rules", loaded)


IMPOSSIBLE = [
    ("t.apply(); if (meta.colour == 2) { standard.egress_spec = 3; }", "is not dropped"),
    ("t.apply(); if (meta.colour == 1) { mark_to_drop(standard); }", "is not dropped"),
    ("clone(CloneType.I2E, 7); t.apply(); if (meta.colour == 2) { mark_to_drop(standard); }", None),
    ("t.apply(); rates.execute_meter(5, meta.colour); if (meta.colour == 2) { mark_to_drop(standard); }",
     "a second meter"),
    (("rates.execute_meter((bit<32>)hdr.ethernet.type, meta.colour); if (meta.colour == 2) "
     "{ mark_to_drop(standard); }"), "taken from the frame"),
    ("rates.execute_meter(64, meta.colour); if (meta.colour == 2) { mark_to_drop(standard); }", "may not have"),
]  # fmt: skip
"""What becomes of packets, and why it cannot be done (None: it can)."""


def verdict(loaded: tuple[Program, RuleSet], target: Target, artifact: Any) -> Verdict:
    """What is said of an artifact for a program."""
    return Checker(*loaded, machines_confirm=False).check_artifact(target, artifact, None).proof.verdict
