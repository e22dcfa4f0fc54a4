"""Small P4 programs around a piece of code, and what they do to a packet."""

from __future__ import annotations

from functools import lru_cache

from p4verify.semantics import ir
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.passes import evaluate_passes
from p4verify.semantics.meaning.program import Run, meaning, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.build import program_rules

_V1MODEL = """#include <core.p4>
#include <v1model.p4>
header h_t {{ bit<8> a; bit<8> b; bit<8> c; bit<8> d; }}
header w_t {{ bit<16> x; int<16> y; }}
struct headers {{ h_t h; w_t w; h_t[3] s; h_t e; }}
struct meta_t {{ bit<8> m; h_t hm; bit<16> n; }}
{top}
parser P(packet_in pkt, out headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    {parser_locals}
    {parser}
}}
control V(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control I(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{
    {locals}
    apply {{
        sm.egress_spec = 1;
        {body}
    }}
}}
control E(inout headers hdr, inout meta_t meta, inout standard_metadata_t sm) {{ apply {{ {egress} }} }}
control C(inout headers hdr, inout meta_t meta) {{ apply {{ }} }}
control D(packet_out pkt, in headers hdr) {{ apply {{ {deparser} }} }}
V1Switch(P(), V(), I(), E(), C(), D()) main;
"""
_PARSER = "state start { pkt.extract(hdr.h); transition accept; }"
_DEPARSER = "pkt.emit(hdr.h); pkt.emit(hdr.w); pkt.emit(hdr.s); pkt.emit(hdr.e);"

_EBPF = """#include <core.p4>
#include <ebpf_model.p4>
header h_t {{ bit<8> a; bit<8> b; bit<16> c; }}
struct headers {{ h_t h; }}
parser P(packet_in pkt, out headers hdr) {{ {parser} }}
control F(inout headers hdr, out bool accept) {{
    {locals}
    apply {{ {body} }}
}}
ebpfFilter(P(), F()) main;
"""


@lru_cache(maxsize=512)
def v1model(
    body: str,
    *,
    locals: str = "",
    top: str = "",
    parser: str = _PARSER,
    parser_locals: str = "",
    egress: str = "",
    deparser: str = _DEPARSER,
) -> ir.Program:
    """A v1model program with this ingress: ``hdr.h`` (a, b, c, d: 8 bits each) is extracted and all headers emitted;
    packets leave by port 1 unless the code says otherwise."""
    text = _V1MODEL.format(
        body=body, locals=locals, top=top, parser=parser, parser_locals=parser_locals, egress=egress, deparser=deparser
    )
    return load_text(text, "test.p4").program


def v1model_text(body: str, *, locals: str = "", top: str = "") -> str:
    """The text of :func:`v1model`'s program."""
    return _V1MODEL.format(
        body=body, locals=locals, top=top, parser=_PARSER, parser_locals="", egress="", deparser=_DEPARSER
    )


@lru_cache(maxsize=512)
def ebpf(body: str, *, locals: str = "", parser: str = _PARSER) -> ir.Program:
    """An ebpf_model program with this filter; ``hdr.h`` has a, b (8 bits) and c (16 bits)."""
    return load_text(_EBPF.format(body=body, locals=locals, parser=parser), "test.p4").program


@lru_cache(maxsize=512)
def behaviour(program_text: str, **parts: str) -> Behaviour:
    """The behaviour of :func:`v1model`'s program, without rules."""
    return meaning(v1model(program_text, **parts))


def does(program: ir.Program, packet: str, port: int = 0) -> tuple[tuple[str, int, str], ...]:
    """What comes out for a frame in hexadecimal; the behaviour on all packets must say the same."""
    frame = bytes.fromhex(packet)
    result = run(program, None, frame, port)
    groups = answers(program).groups
    whole = evaluate_passes(meaning_with_source_rules(program), frame, port, default=0, groups=groups)
    assert whole.outputs == result.outputs
    return tuple((to, out, data.hex()) for to, out, data in result.outputs)


def meaning_with_source_rules(program: ir.Program) -> Behaviour:
    """The behaviour with just the entries of the source."""
    return meaning(program, program_rules(program))


def out(program: ir.Program, packet: str, port: int = 0) -> str:
    """The one frame that comes out, in hexadecimal; "" if none does."""
    sent = does(program, packet, port)
    assert len(sent) < 2
    return sent[0][2] if sent else ""


__all__ = ["Run", "behaviour", "does", "ebpf", "meaning_with_source_rules", "out", "v1model", "v1model_text"]
