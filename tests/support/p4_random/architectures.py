"""Whole programs of the architectures: which blocks there are, and what their own metadata is called."""

from __future__ import annotations

from collections.abc import Callable as Function
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from .callables import function
from .chance import Chance
from .controls import Frame, control_body, deparser_body, inner_control
from .parsers import ParserText, parser, subparser, subparser_call
from .scope import Callable, Param, Place, Scope
from .statements import INDENT
from .types import BOOL, Bits, Types, is_scalar, random_types

SWITCH_METADATA: Final = (
    Place("sm.egress_spec", Bits(9)),
    Place("sm.ingress_port", Bits(9), writable=False),
    Place("sm.packet_length", Bits(32), writable=False),
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


@dataclass
class Whole:
    """A program while it is made."""

    g: Chance
    types: Types
    lines: list[str]
    functions: list[Callable]
    blocks: list[tuple[str, Callable]]
    subparsers: list[tuple[Callable, str, list[str]]]


def v1model(g: Chance) -> tuple[list[str], ParserText]:
    """Parser, two checksum controls (empty), ingress, egress, deparser."""
    frame = Frame((), externs={"register": "register", "counter": "counter"})
    whole = _begin(g, "v1model", frame)
    types = whole.types
    hdr, meta = Param("hdr", types.packet, "inout"), Param("m", types.meta, "inout")
    own = "inout standard_metadata_t sm"
    parsed = _parser(whole, [Place("hdr", types.packet), Place("m", types.meta)], f", inout meta_t m, {own}")
    whole.lines.append("control V(inout headers hdr, inout meta_t m) { apply { } }")
    for name, calls in (("I", INGRESS_CALLS), ("E", EGRESS_CALLS)):
        calls = tuple(g.some(calls, 3)) if g.settings.paths and g.often(0.4) else ("mark_to_drop(sm);",)
        places = list(SWITCH_METADATA) if name == "I" else list(SWITCH_METADATA[1:])
        inside = Frame((hdr, meta), places, whole.functions, whole.blocks, frame.externs if name == "I" else {}, calls)
        body = control_body(g, types, inside) if name == "I" or g.often(0.6) else [f"{INDENT}apply {{ }}"]
        if name == "I":
            body = _set_first(body, "sm.egress_spec = 1;", g)
        whole.lines += [f"control {name}({hdr}, {meta}, {own}) {{", *body, "}"]
    whole.lines.append("control C(inout headers hdr, inout meta_t m) { apply { } }")
    whole.lines += ["control D(packet_out pkt, in headers hdr) {", *deparser_body(g, types), "}"]
    whole.lines.append("V1Switch(P(), V(), I(), E(), C(), D()) main;")
    return whole.lines, parsed


def ebpf_model(g: Chance) -> tuple[list[str], ParserText]:
    """A parser and a filter."""
    frame = Frame((), externs={"counter": "CounterArray"}, kinds=BPF_KINDS)
    whole = _begin(g, "ebpf_model", frame)
    hdr, accept = Param("hdr", whole.types.packet, "inout"), Param("accept", BOOL, "out")
    parsed = _parser(whole, [Place("hdr", whole.types.packet)], "")
    inside = Frame((hdr, accept), [], whole.functions, whole.blocks, frame.externs, (), BPF_KINDS)
    body = _set_first(control_body(g, whole.types, inside), "accept = true;", g)
    whole.lines += [f"control F({hdr}, {accept}) {{", *body, "}"]
    whole.lines.append("ebpfFilter(P(), F()) main;")
    return whole.lines, parsed


def ubpf_model(g: Chance) -> tuple[list[str], ParserText]:
    """Parser, pipeline, deparser in user space."""
    frame = Frame((), externs={"register": "Register"}, kinds=BPF_KINDS)
    whole = _begin(g, "ubpf_model", frame)
    types = whole.types
    hdr, meta = Param("hdr", types.packet, "inout"), Param("m", types.meta, "inout")
    parsed = _parser(
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
    whole = _begin(g, "xdp_model", frame)
    hdr = Param("hdr", whole.types.packet, "inout")
    parsed = _parser(whole, [Place("hdr", whole.types.packet)], "")
    own = [Place("xout.output_port", Bits(32)), Place("xin.input_port", Bits(32), writable=False)]
    actions = ("XDP_PASS", "XDP_TX", "XDP_REDIRECT", "XDP_DROP")
    calls = tuple(f"xout.output_action = xdp_action.{a};" for a in actions)
    inside = Frame((hdr,), own, whole.functions, whole.blocks, frame.externs, calls, BPF_KINDS)
    body = _set_first(control_body(g, whole.types, inside), calls[0], g)
    whole.lines += [f"control S({hdr}, in xdp_input xin, out xdp_output xout) {{", *body, "}"]
    whole.lines += ["control D(in headers hdr, packet_out pkt) {", *deparser_body(g, whole.types), "}"]
    whole.lines.append("xdp(P(), S(), D()) main;")
    return whole.lines, parsed


ARCHITECTURES: Final[Mapping[str, Function[[Chance], tuple[list[str], ParserText]]]] = {
    "v1model": v1model,
    "ebpf_model": ebpf_model,
    "ubpf_model": ubpf_model,
    "xdp_model": xdp_model,
}
"""By ``Program.arch``. One that is added here is in every law."""


def _begin(g: Chance, include: str, frame: Frame) -> Whole:
    """Types, functions, and controls and parsers that the architecture's blocks apply."""
    types = random_types(g)
    if include == "v1model":
        types.kept = frozenset(n for n, t in types.meta.fields if is_scalar(t) and g.often(0.5))
    lines = ["#include <core.p4>", f"#include <{include}.p4>", *types.declarations()]
    whole = Whole(g, types, lines, [], [], [])
    for _ in range(g.number(0, g.settings.callables)):
        callee, text = function(g, types, whole.functions)
        whole.lines += text
        whole.functions.append(callee)
    if g.often(0.4):
        name, callee, text = inner_control(g, types, whole.functions, frame)
        whole.lines += text
        whole.blocks.append((name, callee))
    if g.often(0.3):
        whole.subparsers.append(subparser(g, types))
        whole.lines += whole.subparsers[0][2]
    return whole


def _parser(whole: Whole, places: list[Place], params: str) -> ParserText:
    """The parser ``P`` with what the architecture gives it beside the packet and the headers."""
    g, types = whole.g, whole.types
    scope = Scope("state", places, whole.functions)
    lines: list[str] = []
    for callee, _, _ in whole.subparsers:
        instance = g.name("sub")
        call = subparser_call(g, types, scope, instance)
        if call is not None:
            lines.append(f"{callee.name}() {instance};")
            scope.calls = (call,)
    text = parser(g, types, scope)
    head = f"parser P(packet_in pkt, out headers hdr{params}) {{"
    whole.lines += [head, *(INDENT + line for line in (*lines, *text.lines)), "}"]
    return text


def _set_first(body: list[str], line: str, g: Chance) -> list[str]:
    """``line`` at the beginning of a control's body, mostly, so that what it sets is defined."""
    if g.often(0.1) and g.settings.undefined:
        return body
    at = body.index(f"{INDENT}apply {{")
    return [*body[: at + 1], INDENT * 2 + line, *body[at + 1 :]]
