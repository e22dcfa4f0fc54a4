"""The ``xdp_model`` architecture: parser, switch and deparser in an XDP program.

After ``xdp_model.p4`` of p4c's eBPF back end and the kernel's XDP actions. A packet that the parser rejects is aborted,
which is to be dropped. XDP_PASS hands the packet on to the stack, XDP_TX sends it out of the port that it came in by,
XDP_REDIRECT out of ``output_port``; everything else drops it. ``output_action`` and ``output_port`` are undefined until
they are set. A program with ``ebpfFilter`` as its package is one of ``ebpf_model``, whatever it includes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import Assumption
from ..meaning.blocks import run_control
from ..meaning.checksums import internet_checksum
from ..meaning.dispatch import ExternTable
from ..meaning.expressions import enum_member
from ..meaning.machine import Machine
from ..meaning.packet_out import PACKET_OUT
from ..meaning.parsing import Parsed, run_parser
from ..meaning.state import State
from ..meaning.values import Scalar, Struct, Value, uninitialised
from ..source import Span, Unsupported
from .base import Ended, Sent, main_arguments
from .bpf_externs import TIME, arbitrary, checksum_update
from .ebpf_model import EXTERNS as EBPF_EXTERNS
from .ebpf_model import check_table
from .extern_call import Call, refused


def _ipv4_checksum(m: Machine, node: ir.ExternCall) -> Value:
    """``ebpf_ipv4_checksum``: of a header without options, its own checksum taken as 0."""
    call = Call(m, node)
    return Scalar(internet_checksum(b.concat(*(call.term(i) for i in range(len(node.params))))))


EXTERNS: Final[ExternTable] = {
    **EBPF_EXTERNS,
    **PACKET_OUT,
    ("ebpf_ipv4_checksum", ""): _ipv4_checksum,
    ("csum_replace2", ""): checksum_update,
    ("csum_replace4", ""): checksum_update,
    ("BPF_KTIME_GET_NS", ""): arbitrary(TIME),
    ("BPF_PERF_EVENT_OUTPUT", ""): refused,
}


class XdpModel:
    """See the module's text."""

    name = "xdp_model"
    externs = EXTERNS

    def domain(self) -> Sequence[Assumption]:
        """Any packet at all."""
        return ()

    def run(self, m: Machine) -> list[Ended]:
        """The parser, then the switch and the deparser."""
        names = main_arguments(m.program)
        m.on_hit.append(check_table)
        parser = m.program.parser(names["p"])
        switch, deparser = m.program.control(names["s"]), m.program.control(names["d"])
        headers = parser.params[1]
        values = {headers.name: uninitialised(headers.type, headers.span)}
        ended = []
        for way in run_parser(m, parser, values):
            m.state = State({}, facts=way.state.facts, cells=way.state.cells, cursor=way.state.cursor)
            m.outer_paths = [way.state.path]
            sent = _switched(m, switch, deparser, way.state.store[headers.name], way) if way.accepted else ()
            ended.append(Ended(way.state.path, sent, m.state))
        return ended


def _switched(m: Machine, switch: ir.Control, deparser: ir.Control, headers: Value, way: Parsed) -> tuple[Sent, ...]:
    inout, given, out = switch.params
    before = {
        inout.name: headers,
        given.name: Struct({"input_port": Scalar(m.input.port)}),
        out.name: uninitialised(out.type, out.span),
    }
    after = run_control(m, switch, before)
    result = after[out.name]
    assert isinstance(result, Struct)
    run_control(m, deparser, {deparser.params[0].name: after[inout.name]})
    pieces, m.state.pieces = m.state.pieces, ()
    action = m.read(result.fields["output_action"], out.span, "output_action")
    passed, back, redirected = (
        m.decide(b.eq(action, _action(out.type, member, out.span))) for member in ("XDP_PASS", "XDP_TX", "XDP_REDIRECT")
    )
    port = m.input.port
    if redirected is not b.FALSE:
        port = b.ite(redirected, m.read(result.fields["output_port"], out.span, "output_port"), port)
    sent = (
        Sent(passed, "stack", b.bv(0, 32), pieces, way.state.cursor, deparser.span),
        Sent(b.or_(back, redirected), "port", port, pieces, way.state.cursor, deparser.span),
    )
    return tuple(s for s in sent if s.when is not b.FALSE)


def _action(type_: ir.Type, member: str, span: Span) -> Term:
    """The number that stands for a member of ``xdp_action``."""
    bare = ir.bare(type_)
    if isinstance(bare, ir.StructType):
        for part in bare.fields:
            enum = ir.bare(part.type)
            if part.name == "output_action" and isinstance(enum, ir.EnumType):
                return enum_member(enum, member)
    raise Unsupported("an xdp_output without its output_action", span)
