"""Programs that look up, and write, headers which are not there in every packet: most programs for BMv2 do."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.proofs.with_choices import WithChoices
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.artifact import BpfObject
from p4verify.targets.ebpf.lower import lower
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TEXT: Final = """
#include <core.p4>
#include <v1model.p4>
header eth_t { bit<48> dst; bit<48> src; bit<16> kind; }
header ip_t { bit<8> ttl; bit<8> pad; bit<16> sum; bit<32> dst; }
struct headers { eth_t eth; ip_t ip; }
struct meta { }
parser prs(packet_in p, out headers hdr, inout meta m, inout standard_metadata_t std) {
    state start { p.extract(hdr.eth); transition select(hdr.eth.kind) { 0x800: ip; default: accept; } }
    state ip { p.extract(hdr.ip); transition accept; }
}
control none(inout headers hdr, inout meta m) { apply { } }
control ing(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    action drop() { mark_to_drop(std); }
    action hop(bit<32> next, bit<9> port) { hdr.ip.dst = next; std.egress_spec = port; }
    action dmac(bit<48> mac) { hdr.eth.dst = mac; }
    table routes { key = { hdr.ip.dst: lpm; } actions = { hop; drop; NoAction; } default_action = NoAction(); }
    table forward { key = { hdr.ip.dst: exact; } actions = { dmac; drop; NoAction; } default_action = NoAction(); }
    apply { routes.apply(); forward.apply(); }
}
control eg(inout headers hdr, inout meta m, inout standard_metadata_t std) {
    action smac(bit<48> mac) { hdr.eth.src = mac; hdr.ip.ttl = hdr.ip.ttl - 1; }
    table send { key = { std.egress_port: exact; } actions = { smac; NoAction; } default_action = NoAction(); }
    apply { send.apply(); }
}
control dep(packet_out p, in headers hdr) { apply { p.emit(hdr.eth); p.emit(hdr.ip); } }
V1Switch(prs(), none(), ing(), eg(), none(), dep()) main;
"""
FEW: Final = 20
"""Obligations with choices, of the six that there are and of parts of them."""


@lru_cache
def _loaded(text: str) -> ir.Program:
    return load_text(text, "undefined.p4").program


@lru_cache
def _object() -> BpfObject:
    return lower(_loaded(TEXT), None, {"hook": "xdp"})


@pytest.mark.long
def test_tables_with_undefined_keys_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one table is asked for decides what the next one is; values that fit one input, whichever a solver happens
    to take, mostly fit no other, and all ways through the tables would be gone one by one."""
    settled: list[str] = []
    settle = WithChoices.settle

    def counted(self: WithChoices, obligation: Any) -> Any:
        settled.append(obligation.name)
        return settle(self, obligation)

    monkeypatch.setattr(WithChoices, "settle", counted)
    proof = Checker(_loaded(TEXT), timeout=120).check_artifact(TARGET, _object(), None).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert len(settled) <= FEW


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        ("hdr.ip.ttl = hdr.ip.ttl - 1;", ""),
        ("hdr.eth.dst = mac;", "hdr.eth.dst = mac; hdr.eth.src = mac;"),
        ("0x800: ip; default: accept;", "0x800: ip; 0x801: ip; default: accept;"),
        ("key = { std.egress_port: exact; }", "key = { std.ingress_port: exact; }"),
    ],
)
def test_what_is_undefined_hides_no_mistake(said: str, instead: str) -> None:
    assert said in TEXT
    proof = Checker(_loaded(TEXT.replace(said, instead)), timeout=120).check_artifact(TARGET, _object(), None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason


TWO: Final = """apply {
    bit<1> some; bit<9> any;
    if (hdr.h.a == 7) { std.egress_spec = some == 1 ? 9w3 : 9w4; } else { std.egress_spec = any; }
}"""


def test_a_counterexample_is_one_whatever_is_undefined() -> None:
    """Where ``a`` is not 7 any port is right, and a packet that was made smaller must not get there."""
    types = "header h_t { bit<112> eth; bit<8> a; } struct headers { h_t h; }"
    other = TWO.replace("some == 1 ? 9w3 : 9w4", "9w5").replace("= any;", "= 9;")
    given, another = (
        load_text(
            v1_program(types, "state start { p.extract(hdr.h); transition accept; }", body, "p.emit(hdr.h);"), "u.p4"
        ).program
        for body in (TWO, other)
    )
    made = lower(another, None, {"hook": "xdp"})
    proof = Checker(given, timeout=60, machines_confirm=False).check_artifact(TARGET, made, None).proof
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    assert proof.counterexample.packet[14] == 7
