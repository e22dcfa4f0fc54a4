"""Keys of tables that are undefined, as their header is not there: our code looks up zeros, with which it is proven."""

from __future__ import annotations

from typing import Final

import pytest

from p4verify.checks import Checker
from p4verify.proofs.verdict import Verdict
from p4verify.semantics.p4.frontend import load_text
from p4verify.targets.ebpf.target import TARGET

from .programs import v1_program

TYPES: Final = """header eth_t { bit<112> all; } header h_t { bit<8> a; bit<8> b; bit<16> e; }
struct headers { eth_t eth; h_t h; }"""
PARSER: Final = "state start { p.extract(hdr.eth); p.extract(hdr.h); transition accept; }"
INGRESS: Final = """counter(64, CounterType.bytes) c; action count(bit<32> at) { c.count(at + 1); }
    table t { key = { hdr.h.e: range; hdr.h.a: exact; } actions = { count; NoAction; } default_action = NoAction; }
    apply { std.egress_spec = 2; t.apply(); c.count((bit<32>) hdr.h.a); }"""


@pytest.mark.long
def test_proven_where_what_a_table_answers_counts_twice() -> None:
    program = load_text(v1_program(TYPES, PARSER, INGRESS, "p.emit(hdr);"), "keys.p4").program
    checker = Checker(program, timeout=40, machines_confirm=False)
    proof = checker.check_lowered(TARGET, {"hook": "xdp"}).proof
    assert proof.verdict is Verdict.ACCEPT, proof.reason
