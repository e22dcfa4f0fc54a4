"""Pairs that are told apart by whole pipelines on inputs drawn at random, while a block of them takes long."""

from __future__ import annotations

import time

import pytest

from p4verify import pairs
from p4verify.proofs import deciding, sampling
from p4verify.proofs.engine import Engine
from p4verify.proofs.verdict import Proof, Verdict
from p4verify.semantics.p4.frontend import load_text

NUMBER = 0x1234567
SQUARE = NUMBER * NUMBER % (1 << 32)
TEXT = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; }}
struct headers_t {{ h_t h; }}
struct meta_t {{ bit<32> big; bit<32> rest; }}
parser p(packet_in pk, out headers_t h, inout meta_t m, inout standard_metadata_t s) {{
    state start {{ m.big = {number}; pk.extract(h.h); transition accept; }}
}}
control v(inout headers_t h, inout meta_t m) {{ apply {{ }} }}
control i(inout headers_t h, inout meta_t m, inout standard_metadata_t s) {{
    apply {{
        bit<32> unset;
        if (m.big * m.big == {square}) {{ s.egress_spec = {port}; }} else {{ s.egress_spec = 2; }}
        m.rest = {rest};
    }}
}}
control e(inout headers_t h, inout meta_t m, inout standard_metadata_t s) {{ apply {{ }} }}
control c(inout headers_t h, inout meta_t m) {{ apply {{ }} }}
control d(packet_out pk, in headers_t h) {{ apply {{ pk.emit(h.h); }} }}
V1Switch(p(), v(), i(), e(), c(), d()) main;
"""


def judged(port: int, *, number: int = NUMBER) -> Proof:
    """A program that sends to port 1 where a square is reached, which only its parser knows how to, against one that
    sends to ``port``; what the block chooses has to be searched for."""
    first, second = (
        load_text(TEXT.format(number=number, square=SQUARE, port=to, rest=rest), "test.p4").program
        for to, rest in ((1, "unset"), (port, "m.big ^ (bit<32>) h.h.a"))
    )
    return pairs.check_pair(pairs.ProgramPair(first, second), Engine(timeout=20), time.monotonic())


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything takes long, and is large enough for inputs to be drawn."""
    monkeypatch.setattr(deciding, "LONG_SECONDS", -1.0)
    monkeypatch.setattr(sampling, "LARGE", 0)


def test_a_difference_of_whole_pipelines_that_is_drawn_settles_the_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    def proven(*_: object) -> Proof:
        raise AssertionError("no whole pipeline had to be proven")

    monkeypatch.setattr(pairs, "compare_whole", proven)
    proof = judged(3)
    assert proof.verdict is Verdict.REJECT, proof.reason
    assert proof.counterexample is not None
    shown = proof.counterexample
    assert [seen.outputs[0][1] for seen in (shown.expected, shown.actual)] == [1, 3]


@pytest.mark.long
def test_what_is_drawn_and_the_same_is_no_proof() -> None:
    """Where the parser's number is another one, no packet shows the difference between the blocks."""
    proof = judged(3, number=NUMBER + 1)
    assert proof.verdict is Verdict.ACCEPT, proof.reason
