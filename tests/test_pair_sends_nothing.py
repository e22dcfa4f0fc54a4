"""Pairs of programs that drop every packet: their blocks are compared but for results that no packet shows."""

from __future__ import annotations

import time

from p4verify.pairs import ProgramPair, check_pair
from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import NOTHING_COMPARED
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics import ir
from p4verify.semantics.p4.frontend import load_text
from tests.support.portable_text import psa

DROP = "ostd.drop = true;"
REGISTER = "Register<bit<8>, bit<32>>(4) r;"


def judged(first: ir.Program, second: ir.Program) -> Proof:
    return check_pair(ProgramPair(first, second), Engine(), time.monotonic())


def test_a_result_that_no_packet_shows_is_told_and_the_others_are_compared() -> None:
    proof = judged(psa("meta.m = 1;" + DROP), psa("meta.m = 2;" + DROP))
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert proof.tally.compared > 30
    (note,) = (w for w in proof.warnings if "no packet shows" in w)
    assert "block ingress.ig differs in meta.m," in note


def test_a_read_of_a_register_that_is_not_used_may_be_left_out() -> None:
    proof = judged(psa("bit<8> v = r.read(0);" + DROP, locals=REGISTER), psa(DROP, locals=REGISTER))
    assert proof.verdict is Verdict.ACCEPT, proof.reason
    assert any("differs in extern calls" in warning for warning in proof.warnings)


def test_what_the_second_program_sends_or_writes_is_seen() -> None:
    first = psa("meta.m = 1;" + DROP, locals=REGISTER)
    for body in ("meta.m = 2; ostd.drop = hdr.h.a != 7;", "meta.m = 2; r.write(0, 1);" + DROP):
        proof = judged(first, psa(body, locals=REGISTER))
        assert proof.verdict is Verdict.REJECT, (body, proof.reason)


V1MODEL = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; }}
struct hs {{ h_t h; }}
struct m_t {{ }}
parser p(packet_in pk, out hs s, inout m_t m, inout standard_metadata_t d) {{ state start {{ transition accept; }} }}
control v(inout hs s, inout m_t m) {{ apply {{ }} }}
control i(inout hs s, inout m_t m, inout standard_metadata_t d) {{ apply {{ mark_to_drop(d); }} }}
control e(inout hs s, inout m_t m, inout standard_metadata_t d) {{ apply {{ }} }}
control c(inout hs s, inout m_t m) {{ apply {{ s.h.setValid(); s.h.a = {value}; {then} }} }}
control o(packet_out pk, in hs s) {{ apply {{ }} }}
V1Switch(p(), v(), i(), e(), c(), o()) main;
"""


def test_nothing_is_accepted_where_every_result_of_a_block_differs() -> None:
    """Whether the header is valid, and its field: the block ``c`` has no other results."""
    texts = [V1MODEL.format(value=1, then=then) for then in ("", "s.h.a = 2;", "s.h.setInvalid();")]
    first, other_field, neither = (load_text(text, "test.p4").program for text in texts)
    assert judged(first, other_field).verdict is Verdict.ACCEPT
    proof = judged(first, neither)
    assert (proof.verdict, proof.reason) == (Verdict.UNSUPPORTED, NOTHING_COMPARED)
