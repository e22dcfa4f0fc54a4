"""The architectures of BPF programs: ebpf_model (a filter), xdp_model, ubpf_model. Each parses a packet once."""

from __future__ import annotations

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact.asm import R1
from . import calls, truncation
from .frame import Ref, leaves
from .gen import Gen
from .hooks import begin, redirect
from .package import Arrivals, Flow, blocks, entries, finish, member
from .parse import ParserGen
from .parse_points import ParsePoint

DROPPED = "$dropped"
"""The name of the variable that ubpf_model's marks set."""


def ebpf_model(g: Gen) -> None:
    """``ebpfFilter(parser, filter)``: what the filter accepts goes on unchanged, everything else is dropped."""
    parser_name, filter_name = blocks(g.program, "prs", "filt")
    parser, control = g.program.parser(parser_name), g.program.control(filter_name)
    packet, hdr = parser.params
    accept, filtering = g.asm.label(), g.asm.label()
    begin(g)
    with g.scope():
        headers = g.declare(hdr.name, hdr.type, hdr.span)
        accepted = g.declare("$accept", ir.BOOL)
        g.clear(headers)
        g.clear(accepted)
        points = {v: ParsePoint(v, lambda point, error: g.drop, valid=None) for v in g.hook.variants}
        env = {packet.name: Ref("$packet", packet.type), hdr.name: headers}
        parsers = ParserGen(g, lambda point: g.asm.goto(filtering), reject_ends=True)
        calls.top_level(g, lambda: parsers.run(parser, env, entries(g, points)))
        g.asm.place(filtering)
        frame = {control.params[0].name: headers, control.params[1].name: accepted}
        calls.top_level(g, lambda: calls.control(g, control, frame))
        g.load_leaf(R1, accepted)
        g.asm.jump("jeq", R1, 0, g.drop)
    finish(g, accept)


def xdp_model(g: Gen) -> None:
    """``xdp(parser, switch, deparser)``: the switch says what becomes of the packet; a rejected one is dropped."""
    names = blocks(g.program, "p", "s", "d")
    parser, switch, deparser = g.program.parser(names[0]), *map(g.program.control, names[1:])
    packet, hdr = parser.params
    accept = g.asm.label()
    g.to_stack = True
    begin(g)
    with g.scope():
        arrivals = Arrivals.of(g)
        headers = g.declare("$hdr", hdr.type, hdr.span)
        given, told = (g.declare(f"${p.name}", p.type, p.span) for p in switch.params[1:])
        for ref in (headers, given, told):
            g.clear(ref)
        if g.is_live(member(given, "input_port", switch.span).path):
            g.hook.port(g)
            g.store_leaf(member(given, "input_port", switch.span), R1)
        points = ParsePoint.of(g, lambda point, error: g.drop)
        env = {packet.name: Ref("$packet", packet.type), hdr.name: headers}
        parsers = ParserGen(g, arrivals.accept, reject_ends=True)
        calls.top_level(g, lambda: parsers.run(parser, env, entries(g, points)))
        g.asm.place(arrivals.parsed)
        frame = {p.name: ref for p, ref in zip(switch.params, (headers, given, told), strict=True)}
        calls.top_level(g, lambda: calls.control(g, switch, frame))
        action = member(told, "output_action", switch.span)
        passed, back, redirected = (_number(action.type, m, switch.span) for m in ("PASS", "TX", "REDIRECT"))
        go_on = g.asm.label()
        g.load_leaf(R1, action)
        for number in (passed, back, redirected):
            g.asm.jump("jeq", R1, number, go_on)
        g.asm.goto(g.drop)
        g.asm.place(go_on)
        out = {deparser.params[0].name: headers, deparser.params[1].name: Ref("$packet", packet.type)}
        arrivals.deparse(deparser, out, before=[[(switch, frame)]])
        g.load_leaf(R1, action)
        g.asm.jump("jeq", R1, passed, accept)
        to_port = g.asm.label()
        g.asm.jump("jeq", R1, redirected, to_port)
        g.hook.port(g)
        redirect(g)
        g.asm.place(to_port)
        g.load_leaf(R1, member(told, "output_port", switch.span))
        redirect(g)
    finish(g, accept)


def ubpf_model(g: Gen) -> None:
    """``ubpf(parser, pipeline, deparser)``: packets pass, also rejected ones, unless they are dropped or redirected."""
    names = blocks(g.program, "prs", "p", "dprs")
    parser, pipeline, deparser = g.program.parser(names[0]), *map(g.program.control, names[1:])
    accept = g.asm.label()
    g.varbit_bytes_only = True
    g.to_stack = True
    begin(g)
    with g.scope():
        arrivals = Arrivals.of(g)
        refs = [g.declare(f"${p.name}", p.type, p.span) for p in parser.params[1:]]
        dropped = g.declare(DROPPED, ir.BOOL)
        for ref in (*refs, dropped):
            g.clear(ref)
        g.marked = dropped
        truncation.begin(g)
        std = refs[2] if len(refs) > 2 else None
        if std is not None:
            _standard(g, std, pipeline.span)
        points = ParsePoint.of(g, lambda point, error: accept)
        packet = Ref("$packet", parser.params[0].type)
        env = {p.name: ref for p, ref in zip(parser.params, (packet, *refs), strict=True)}
        parsers = ParserGen(g, arrivals.accept, reject_ends=True)
        calls.top_level(g, lambda: parsers.run(parser, env, entries(g, points)))
        g.asm.place(arrivals.parsed)
        frame = {p.name: ref for p, ref in zip(pipeline.params, refs, strict=True)}
        calls.top_level(g, lambda: calls.control(g, pipeline, frame))
        g.load_leaf(R1, dropped)
        g.asm.jump("jne", R1, 0, g.drop)
        out = {p.name: ref for p, ref in zip(deparser.params, (packet, refs[0]), strict=True)}
        if std is None:
            arrivals.deparse(deparser, out, before=[[(pipeline, frame)]])
            truncation.cut(g, arrivals.header_bytes)
        else:
            _by_action(g, std, arrivals, deparser, out, [(pipeline, frame)])
        g.asm.goto(accept)
    finish(g, accept)


def _standard(g: Gen, std: Ref, span: Span) -> None:
    """What a packet begins with."""
    for name, load in (("input_port", g.hook.port), ("packet_length", g.hook.length)):
        if g.is_live(member(std, name, span).path):
            load(g)
            g.store_leaf(member(std, name, span), R1)
    action = member(std, "output_action", span)
    g.store_constant(next(leaves(g.program, action)), _number(action.type, "PASS", span))


def _by_action(g: Gen, std: Ref, arrivals: Arrivals, deparser: ir.Control, out: dict[str, Ref], before: Flow) -> None:
    """Write and redirect, or write and go on, or drop, as ``output_action`` says."""
    clone = member(std, "clone", deparser.span)
    if clone.path in g.usage.stores:
        raise CannotOffload("a packet that is cloned", g.usage.stores[clone.path])
    action = member(std, "output_action", deparser.span)
    passed, redirected = (_number(action.type, name, deparser.span) for name in ("PASS", "REDIRECT"))
    go_on, send = g.asm.label(), g.asm.label()
    g.load_leaf(R1, action)
    for number in (passed, redirected):
        g.asm.jump("jeq", R1, number, go_on)
    g.asm.goto(g.drop)
    g.asm.place(go_on)
    arrivals.deparse(deparser, out, before=[before])
    truncation.cut(g, arrivals.header_bytes)
    g.load_leaf(R1, action)
    g.asm.jump("jeq", R1, passed, send)
    g.load_leaf(R1, member(std, "output_port", deparser.span))
    redirect(g)
    g.asm.place(send)


def _number(type_: ir.Type, name: str, span: Span) -> int:
    """How the member of an enum is kept whose name ends in ``name``."""
    enum = ir.bare(type_)
    if isinstance(enum, ir.EnumType):
        for index, each in enumerate(enum.members):
            if each in (name, f"XDP_{name}"):
                return enum.values[index] if enum.values else index
    raise CannotOffload(f"an action type without {name}", span)


__all__ = ["DROPPED", "ebpf_model", "ubpf_model", "xdp_model"]
