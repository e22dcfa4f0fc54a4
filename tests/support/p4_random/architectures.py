"""Whole programs of the architectures: which blocks there are, and what their own metadata is called."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Mapping
from typing import Final

from .chance import Chance
from .controls import Frame, control_body, deparser_body
from .expressions import expression
from .parsers import ParserText
from .portable import pna, psa
from .scope import Param, Place, Scope
from .statements import INDENT
from .types import BOOL, Bits, Types
from .whole import begin, parser_block, set_first

SWITCH_METADATA: Final = (
    Place("sm.egress_spec", Bits(9)),
    Place("sm.ingress_port", Bits(9), writable=False),
    Place("sm.packet_length", Bits(32), writable=False),
    Place("sm.checksum_error", Bits(1), writable=False),
)
INGRESS_CALLS: Final = (
    "mark_to_drop(sm);",
    "sm.mcast_grp = 16w1;",
    "clone(CloneType.I2E, 32w5);",
    "clone_preserving_field_list(CloneType.I2E, 32w5, 1);",
    "if (sm.instance_type == 0) { resubmit_preserving_field_list(1); }",
    "digest(1, m);",
    "truncate(32w7);",
)
EGRESS_CALLS: Final = (
    "mark_to_drop(sm);",
    "if (sm.instance_type == 0) { clone_preserving_field_list(CloneType.E2E, 32w1, 1); }",
    "if (sm.instance_type == 0) { recirculate_preserving_field_list(1); }",
    "truncate(32w9);",
)
BPF_KINDS: Final = {"exact": 4.0, "lpm": 1.5, "ternary": 1.0}


def v1model(g: Chance) -> tuple[list[str], ParserText]:
    """Parser, two checksum controls, ingress, egress, deparser."""
    frame = Frame((), externs={"register": "register", "counter": "counter"})
    whole = begin(g, "v1model", frame)
    types = whole.types
    hdr, meta = Param("hdr", types.packet, "inout"), Param("m", types.meta, "inout")
    own = "inout standard_metadata_t sm"
    parsed = parser_block(whole, [Place("hdr", types.packet), Place("m", types.meta)], f", inout meta_t m, {own}")
    whole.lines += _checksums(g, types, "V", "verify_checksum")
    for name, calls in (("I", INGRESS_CALLS), ("E", EGRESS_CALLS)):
        calls = tuple(g.some(calls, 3)) if g.settings.paths and g.often(0.4) else ("mark_to_drop(sm);",)
        places = list(SWITCH_METADATA) if name == "I" else list(SWITCH_METADATA[1:])
        inside = Frame((hdr, meta), places, whole.functions, whole.blocks, frame.externs if name == "I" else {}, calls)
        body = control_body(g, types, inside) if name == "I" or g.often(0.6) else [f"{INDENT}apply {{ }}"]
        if name == "I":
            body = set_first(body, "sm.egress_spec = 1;", g)
        whole.lines += [f"control {name}({hdr}, {meta}, {own}) {{", *body, "}"]
    whole.lines += _checksums(g, types, "C", "update_checksum")
    whole.lines += ["control D(packet_out pkt, in headers hdr) {", *deparser_body(g, types), "}"]
    whole.lines.append("V1Switch(P(), V(), I(), E(), C(), D()) main;")
    return whole.lines, parsed


def _checksums(g: Chance, types: Types, name: str, call: str) -> list[str]:
    """A control that verifies or updates a checksum now and then, of whatever numbers, in a field of 16 bits."""
    scope = Scope("apply", [Place("hdr", types.packet), Place("m", types.meta)], fixed=True)
    lines = [f"control {name}(inout headers hdr, inout meta_t m) {{", f"{INDENT}apply {{", f"{INDENT}}}", "}"]
    places = [p.text for p in scope.of(Bits(16)) if p.text.startswith("hdr")]
    if places and g.often(0.4):
        data = ", ".join(p.text for p in g.some(scope.bits(), 4)) or "8w1"
        algorithm = g.pick(["csum16", "crc16", "xor16"])
        condition = expression(g, scope, BOOL, 1)
        lines.insert(2, f"{INDENT * 2}{call}({condition}, {{ {data} }}, {g.pick(places)}, HashAlgorithm.{algorithm});")
    return lines


def ebpf_model(g: Chance) -> tuple[list[str], ParserText]:
    """A parser and a filter."""
    frame = Frame((), externs={"counter": "CounterArray"}, kinds=BPF_KINDS)
    whole = begin(g, "ebpf_model", frame)
    hdr, accept = Param("hdr", whole.types.packet, "inout"), Param("accept", BOOL, "out")
    parsed = parser_block(whole, [Place("hdr", whole.types.packet)], "")
    inside = Frame((hdr, accept), [], whole.functions, whole.blocks, frame.externs, (), BPF_KINDS)
    body = set_first(control_body(g, whole.types, inside), "accept = true;", g)
    whole.lines += [f"control F({hdr}, {accept}) {{", *body, "}"]
    whole.lines.append("ebpfFilter(P(), F()) main;")
    return whole.lines, parsed


def ubpf_model(g: Chance) -> tuple[list[str], ParserText]:
    """Parser, pipeline, deparser in user space."""
    frame = Frame((), externs={"register": "Register"}, kinds=BPF_KINDS)
    whole = begin(g, "ubpf_model", frame)
    types = whole.types
    hdr, meta = Param("hdr", types.packet, "inout"), Param("m", types.meta, "inout")
    parsed = parser_block(
        whole, [Place("hdr", types.packet), Place("m", types.meta)], ", inout meta_t m, inout standard_metadata std"
    )
    own = [Place("std.output_port", Bits(32)), Place("std.input_port", Bits(32), writable=False)]
    calls = ("mark_to_drop();", "mark_to_pass();", "std.output_action = ubpf_action.REDIRECT;")
    inside = Frame((hdr, meta), own, whole.functions, whole.blocks, frame.externs, calls, BPF_KINDS)
    whole.lines += [f"control U({hdr}, {meta}, inout standard_metadata std) {{", *control_body(g, types, inside), "}"]
    whole.lines += ["control D(packet_out pkt, in headers hdr) {", *deparser_body(g, types), "}"]
    whole.lines.append("ubpf(P(), U(), D()) main;")
    return whole.lines, parsed


def xdp_model(g: Chance) -> tuple[list[str], ParserText]:
    """Parser, switch, deparser in the kernel."""
    frame = Frame((), externs={"counter": "CounterArray"}, kinds=BPF_KINDS)
    whole = begin(g, "xdp_model", frame)
    hdr = Param("hdr", whole.types.packet, "inout")
    parsed = parser_block(whole, [Place("hdr", whole.types.packet)], "")
    own = [Place("xout.output_port", Bits(32)), Place("xin.input_port", Bits(32), writable=False)]
    actions = ("XDP_PASS", "XDP_TX", "XDP_REDIRECT", "XDP_DROP")
    calls = tuple(f"xout.output_action = xdp_action.{a};" for a in actions)
    inside = Frame((hdr,), own, whole.functions, whole.blocks, frame.externs, calls, BPF_KINDS)
    body = set_first(control_body(g, whole.types, inside), calls[0], g)
    whole.lines += [f"control S({hdr}, in xdp_input xin, out xdp_output xout) {{", *body, "}"]
    whole.lines += ["control D(in headers hdr, packet_out pkt) {", *deparser_body(g, whole.types), "}"]
    whole.lines.append("xdp(P(), S(), D()) main;")
    return whole.lines, parsed


ARCHITECTURES: Final[Mapping[str, Function[[Chance], tuple[list[str], ParserText]]]] = {
    "v1model": v1model,
    "ebpf_model": ebpf_model,
    "ubpf_model": ubpf_model,
    "xdp_model": xdp_model,
    "psa": psa,
    "pna": pna,
}
"""By ``Program.arch``. One that is added here is in every law."""
