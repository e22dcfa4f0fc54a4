"""What leaves: bits that are no whole bytes; headers that are there or not, in more ways than can be told apart."""

from __future__ import annotations

import random

import pytest

from p4verify.semantics import ir
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.passes import evaluate_passes
from p4verify.semantics.meaning.program import meaning, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.source import Unsupported

TEXT = """#include <core.p4>
#include <v1model.p4>
header odd_t {{ bit<3> x; }}
header k_t {{ bit<16> v; }}
header l_t {{ bit<8> n; varbit<32> v; }}
struct headers {{ k_t k; odd_t o; k_t[10] s; l_t l; }}
struct meta_t {{ }}
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{ {parser} }}
control V(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    apply {{ sm.egress_spec = 1; {body} }} }}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{ apply {{ }} }}
control C(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ pkt.emit(hdr); }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""


def program(body: str, parser: str) -> ir.Program:
    return load_text(TEXT.format(body=body, parser=parser), "test.p4").program


KNOWN: dict[int, tuple[ir.Program, Behaviour]] = {}


def both(p: ir.Program, frame: bytes) -> str:
    """The one frame that leaves, on numbers and by the behaviour."""
    ((_, _, seen),) = run(p, None, frame, 0).outputs
    if id(p) not in KNOWN:
        KNOWN[id(p)] = (p, meaning(p))
    assert evaluate_passes(KNOWN[id(p)][1], frame, 0, default=0).outputs == (("port", 1, seen),)
    return seen.hex()


def test_the_rest_of_a_byte_is_payload() -> None:
    p = program("if (hdr.o.isValid()) { hdr.o.x = 5; }", "state start { pkt.extract(hdr.o); transition accept; }")
    assert both(p, bytes.fromhex("1f22")) == "bf22"
    assert both(p, bytes.fromhex("ff")) == "bf"
    assert both(p, b"") == ""


def test_more_layouts_than_can_be_told_apart_are_told_by_length() -> None:
    """2^10 layouts have 11 lengths."""
    body = "".join(
        f"if (hdr.k.v[{i}:{i}] == 1) {{ hdr.s[{i}].setValid(); hdr.s[{i}].v = {i} + hdr.k.v; }}" for i in range(10)
    )
    p = program(body, "state start { pkt.extract(hdr.k); transition accept; }")
    assert len(meaning(p).cases) == 2 * 11  # of a packet that is too short, too, whose header is undefined
    rng = random.Random(1)
    for _ in range(20):
        number = rng.choice([0, 0x3FF, rng.getrandbits(16)])
        chosen = [i for i in range(10) if number >> i & 1]
        wanted = number.to_bytes(2, "big") + b"".join((number + i & 0xFFFF).to_bytes(2, "big") for i in chosen)
        assert both(p, number.to_bytes(2, "big") + b"\xee") == wanted.hex() + "ee"


def test_lengths_of_varbits_count_too() -> None:
    body = "".join(f"if (hdr.l.n[{i}:{i}] == 1) {{ hdr.s[{i}].setValid(); hdr.s[{i}].v = {i}; }}" for i in range(8))
    parser = "state start { pkt.extract(hdr.l, ((bit<32>) pkt.lookahead<bit<8>>()[1:0]) << 3); transition accept; }"
    p = program(body, parser)
    for frame in ("00", "01aa", "02aabb", "ffaabbccdd", "80"):
        both(p, bytes.fromhex(frame))


def test_what_goes_out_is_whole_bytes() -> None:
    p = program("hdr.o.setValid(); hdr.o.x = 1;", "state start { transition accept; }")
    with pytest.raises(Unsupported, match="no whole bytes"):
        meaning(p)
