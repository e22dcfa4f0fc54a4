"""Whole programs of PSA and PNA: both pipelines of the one, the main block of the other."""

from __future__ import annotations

from typing import Final

from .chance import Chance
from .controls import Frame, control_body, deparser_body
from .parsers import ParserText
from .scope import Param, Place
from .statements import INDENT
from .types import BOOL
from .whole import begin, parser_block, set_first

REGISTERS: Final = {"register": "Register"}
PSA_CALLS: Final = (
    "ostd.drop = true;",
    "ostd.multicast_group = (MulticastGroup_t) 1;",
    "ostd.clone = true; ostd.clone_session_id = (CloneSessionId_t) 5;",
    "multicast(ostd, (MulticastGroup_t) 1);",
    "ingress_drop(ostd);",
    "send_to_port(ostd, (PortId_t) 7);",
)
PNA_CALLS: Final = ("drop_packet();", "send_to_port((PortId_t) 2);", "send_to_port((PortId_t) 3);")


def psa(g: Chance) -> tuple[list[str], ParserText]:
    """Ingress and egress; what egress parses is what ingress emitted, and it does little with it."""
    whole = begin(g, "psa", Frame((), externs=REGISTERS))
    types = whole.types
    whole.lines.append("struct empty_t { }")
    hdr, meta = Param("hdr", types.packet, "inout"), Param("m", types.meta, "inout")
    places = [Place("hdr", types.packet), Place("m", types.meta)]
    given = "in psa_ingress_parser_input_metadata_t istd, in empty_t resubmitted, in empty_t recirculated"
    parsed = parser_block(whole, places, f", inout meta_t m, {given}")
    calls = tuple(g.some(PSA_CALLS, 3)) if g.often(0.5) else ()
    inside = Frame((hdr, meta), [Place("ostd.drop", BOOL)], whole.functions, whole.blocks, REGISTERS, calls)
    first = "ostd.drop = false; ostd.egress_port = (PortId_t) 2;"
    body = set_first(control_body(g, types, inside), first, g)
    own = "in psa_ingress_input_metadata_t istd, inout psa_ingress_output_metadata_t ostd"
    whole.lines += [f"control I({hdr}, {meta}, {own}) {{", *body, "}"]
    out = "packet_out pkt, out empty_t clone, out empty_t resubmitted, out empty_t normal"
    whole.lines += [
        f"control ID({out}, {hdr}, in meta_t m, in psa_ingress_output_metadata_t istd) {{",
        *deparser_body(g, types),
        "}",
    ]
    whole.lines += _psa_egress(g, hdr, meta)
    whole.lines.append("IngressPipeline(P(), I(), ID()) ip;")
    whole.lines.append("EgressPipeline(EP(), E(), ED()) ep;")
    whole.lines.append("PSA_Switch(ip, PacketReplicationEngine(), ep, BufferingQueueingEngine()) main;")
    return whole.lines, parsed


def _psa_egress(g: Chance, hdr: Param, meta: Param) -> list[str]:
    """An egress that may look at the first header."""
    given = "in empty_t normal, in empty_t clone_i, in empty_t clone_e"
    taken = "pkt.extract(hdr.a); " if g.often(0.5) else ""
    done = g.pick(["", "ostd.drop = hdr.a.isValid();", "hdr.a.setInvalid();", "hdr = hdr;"])
    return [
        "parser EP(packet_in pkt, out headers hdr, inout meta_t m, in psa_egress_parser_input_metadata_t istd,",
        f"{INDENT}{given}) {{",
        f"{INDENT}state start {{ {taken}transition accept; }}",
        "}",
        f"control E({hdr}, {meta}, in psa_egress_input_metadata_t istd, inout psa_egress_output_metadata_t ostd) {{",
        f"{INDENT}apply {{ {done} }}",
        "}",
        f"control ED(packet_out pkt, out empty_t clone, out empty_t recirculated, {hdr}, in meta_t m,",
        f"{INDENT}in psa_egress_output_metadata_t istd, in psa_egress_deparser_input_metadata_t edstd) {{",
        f"{INDENT}apply {{ pkt.emit(hdr.a); }}",
        "}",
    ]


def pna(g: Chance) -> tuple[list[str], ParserText]:
    """The main parser, control and deparser; the pre-control does nothing."""
    whole = begin(g, "pna", Frame((), externs=REGISTERS))
    types = whole.types
    hdr, meta = Param("hdr", types.packet, "inout"), Param("m", types.meta, "inout")
    places = [Place("hdr", types.packet), Place("m", types.meta)]
    parsed = parser_block(whole, places, ", inout meta_t m, in pna_main_parser_input_metadata_t istd")
    whole.lines.append(
        f"control Pre(in headers hdr, {meta}, in pna_pre_input_metadata_t istd, inout pna_pre_output_metadata_t ostd)"
        " { apply { } }"
    )
    inside = Frame((hdr, meta), [], whole.functions, whole.blocks, REGISTERS, PNA_CALLS)
    body = set_first(control_body(g, types, inside), PNA_CALLS[1], g)
    own = "in pna_main_input_metadata_t istd, inout pna_main_output_metadata_t ostd"
    whole.lines += [f"control I({hdr}, {meta}, {own}) {{", *body, "}"]
    whole.lines += [
        "control D(packet_out pkt, in headers hdr, in meta_t m, in pna_main_output_metadata_t ostd) {",
        *deparser_body(g, types),
        "}",
    ]
    whole.lines.append("PNA_NIC(P(), Pre(), I(), D()) main;")
    return whole.lines, parsed
