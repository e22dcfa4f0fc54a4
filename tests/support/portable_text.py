"""Small PSA and PNA programs around a piece of code, and what they do to a packet."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from p4verify.semantics import ir
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.behaviour import Behaviour
from p4verify.semantics.meaning.passes import evaluate_passes
from p4verify.semantics.meaning.program import Run, meaning, run
from p4verify.semantics.p4.frontend import load_text
from p4verify.semantics.rules.build import program_rules
from p4verify.semantics.rules.cells import initial_values
from p4verify.semantics.rules.ruleset import RuleSet

TYPES = """
header h_t { bit<8> a; bit<8> b; bit<8> c; bit<8> d; }
header x_t { bit<32> v; }
struct headers_t { h_t h; x_t x; h_t e; }
struct meta_t { bit<8> m; bit<32> n; bool f; }
struct params_t { bit<8> p; bit<16> q; }
struct carried_t { bit<8> m; x_t x; bool f; }
"""

_PSA = """#include <core.p4>
#include <{include}>
{types}
{top}
parser IP(packet_in pkt, out headers_t hdr, inout meta_t meta, in psa_ingress_parser_input_metadata_t istd,
          in carried_t resubmitted, in carried_t recirculated) {{
    {ip_locals}
    {ip}
}}
control IG(inout headers_t hdr, inout meta_t meta, in psa_ingress_input_metadata_t istd,
           inout psa_ingress_output_metadata_t ostd) {{
    {locals}
    apply {{ send_to_port(ostd, (PortId_t) 1); {body} }}
}}
control ID(packet_out pkt, out carried_t cloned, out carried_t resubmitted, out carried_t bridged,
           inout headers_t hdr, in meta_t meta, in psa_ingress_output_metadata_t istd) {{
    {id_locals}
    apply {{ {id} }}
}}
parser EP(packet_in pkt, out headers_t hdr, inout meta_t meta, in psa_egress_parser_input_metadata_t istd,
          in carried_t bridged, in carried_t cloned, in carried_t again) {{
    {ep}
}}
control EG(inout headers_t hdr, inout meta_t meta, in psa_egress_input_metadata_t istd,
           inout psa_egress_output_metadata_t ostd) {{
    {egress_locals}
    apply {{ {egress} }}
}}
control ED(packet_out pkt, out carried_t again, out carried_t recirculated, inout headers_t hdr, in meta_t meta,
           in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) {{
    apply {{ {ed} }}
}}
IngressPipeline(IP(), IG(), ID()) ip;
EgressPipeline(EP(), EG(), ED()) ep;
PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;
"""

_START = "state start { pkt.extract(hdr.h); transition accept; }"
_EMIT = "pkt.emit(hdr);"


@lru_cache(maxsize=512)
def psa(
    body: str = "", egress: str = "", *, locals: str = "", egress_locals: str = "", top: str = "", ip: str = _START,
    ip_locals: str = "", ep: str = _START, id: str = _EMIT, id_locals: str = "", ed: str = _EMIT,
    include: str = "bmv2/psa.p4", types: str = TYPES,
) -> ir.Program:  # fmt: skip
    """A PSA program: ``body`` in ingress, after ``send_to_port`` to port 1, and ``egress``; headers are ``hdr.h`` (a to
    d, bytes; extracted by both parsers), ``hdr.x`` and ``hdr.e``."""
    text = _PSA.format(
        types=types, body=body, egress=egress, locals=locals, egress_locals=egress_locals, top=top, ip=ip,
        ip_locals=ip_locals, ep=ep, id=id, id_locals=id_locals, ed=ed, include=include,
    )  # fmt: skip
    return load_text(text, "test.p4").program


_PNA = """#include <core.p4>
#include <{include}>
{types}
{top}
parser MP(packet_in pkt, out headers_t hdr, inout meta_t meta, in pna_main_parser_input_metadata_t istd) {{
    {parser}
}}
{pre}
control MC(inout headers_t hdr, inout meta_t meta, in pna_main_input_metadata_t istd,
           inout pna_main_output_metadata_t ostd) {{
    {locals}
    apply {{ {body} }}
}}
control MD(packet_out pkt, {direction} headers_t hdr, in meta_t meta, in pna_main_output_metadata_t ostd) {{
    {md_locals}
    apply {{ {deparser} }}
}}
PNA_NIC(MP(), {pre_argument} MC(), MD()) main;
"""

_PRE = """control PC(in headers_t hdr, inout meta_t meta, in pna_pre_input_metadata_t istd,
           inout pna_pre_output_metadata_t ostd) {{ apply {{ {0} }} }}"""


@lru_cache(maxsize=512)
def pna(
    body: str = "", *, locals: str = "", top: str = "", parser: str = _START, pre: str = "", deparser: str = _EMIT,
    md_locals: str = "", include: str = "pna.p4",
) -> ir.Program:  # fmt: skip
    """A PNA program with ``body`` in its main control; headers as for :func:`psa`."""
    tc = include.startswith("tc/")
    text = _PNA.format(
        types=TYPES, body=body, locals=locals, top=top, parser=parser, include=include, deparser=deparser,
        md_locals=md_locals, direction="inout" if tc else "in", pre="" if tc else _PRE.format(pre),
        pre_argument="" if tc else "PC(),",
    )  # fmt: skip
    return load_text(text, "test.p4").program


def tc(body: str = "", **more: str) -> ir.Program:
    """A P4TC program with ``body`` in its main control."""
    return pna(body, include="tc/pna.p4", **more)


def both(
    program: ir.Program,
    packet: str,
    port: int = 2,
    rules: RuleSet | None = None,
    metadata: dict[str, int] | None = None,
) -> Run:
    """What a run does to a frame in hexadecimal; the behaviour on all packets, with these rules and with any, must say
    the same."""
    frame = bytes.fromhex(packet)
    known = rules if rules is not None else program_rules(program)
    seen = run(program, known, frame, port, metadata=metadata)
    given = answers(program, known)
    cells = {name: list(values) for name, values in seen.state.items()}
    functions = {**given.functions, **{f"state.{n}": _always(v) for n, v in initial_values(program).items()}}
    inputs = {**given.inputs, **{f"in.{name}": value for name, value in (metadata or {}).items()}}
    for behaviour, told in zip(_behaviours(program, known), (cells, {}), strict=True):
        whole = evaluate_passes(
            behaviour, frame, port, functions=functions, inputs=inputs, groups=given.groups, default=0, cells=told
        )
        assert whole.outputs == seen.outputs
        assert whole.events == seen.events
        assert not told or whole.state == seen.state
    return seen


def _always(value: int) -> Callable[[int], int]:
    return lambda _: value


_KNOWN: dict[int, tuple[ir.Program, RuleSet, list[Behaviour]]] = {}


def _behaviours(program: ir.Program, rules: RuleSet) -> list[Behaviour]:
    """With these rules, and with any."""
    found = _KNOWN.get(id(program))
    if found is None or found[1] is not rules:
        found = _KNOWN[id(program)] = (program, rules, [meaning(program, rules), meaning(program)])
    return found[2]


def sent(program: ir.Program, packet: str = "01020304ee", port: int = 2, rules: RuleSet | None = None) -> list[str]:
    """``PORT:FRAME`` (or ``stack:FRAME``) for each frame that leaves."""
    return [
        f"{out if to == 'port' else to}:{frame.hex()}" for to, out, frame in both(program, packet, port, rules).outputs
    ]
