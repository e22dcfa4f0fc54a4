"""The ``ubpf_model`` architecture: parser, pipeline and deparser in a user space BPF machine.

After p4c's ``backends/ubpf`` (``ubpf_model.p4``, the code that ``ubpfProgram.cpp`` and ``ubpfDeparser.cpp`` make, the
runtime's ``ubpf_test.h``) and P4rt-OVS, which runs it. Decisions:

* A packet that the parser rejects goes on unchanged: the program returns before anything is written, and its abort code
  is that of passing.
* Packets pass unless they are marked to be dropped; the last of ``mark_to_drop`` and ``mark_to_pass`` counts.
* ``output_action`` begins as PASS. REDIRECT sends the packet to ``output_port``; ABORT and DROP drop it. ``clone``
  begins as false; a packet that may be cloned is not modelled.
* The user's metadata, ``output_port`` and ``clone_port`` are undefined until they are set.
* A size that is no whole number of bytes is ``ParserInvalidArgument`` (the machine's code would round it down).
* ``truncate(n)`` cuts the outgoing packet to ``n`` bytes; n = 0 and n above 2^31 - 1 (negative as a C ``int``) do
  nothing. The packet is cut before headers are written, and the first header that does not fit ends the program, which
  then passes the packet: what was there before shows (the input, moved; anything, where headers grew).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import Assumption
from ..meaning.blocks import run_control
from ..meaning.expressions import enum_member
from ..meaning.machine import ExternTable, Machine
from ..meaning.packet_in import PACKET_IN
from ..meaning.packet_out import PACKET_OUT
from ..meaning.parsing import Parsed, run_parser
from ..meaning.state import Piece, State
from ..meaning.values import Scalar, Struct, Value, uninitialised
from ..source import Span, Unsupported
from .base import Ended, Sent, main_arguments
from .bpf_externs import (
    arbitrary,
    checksum_update,
    hash_lookup3,
    mark,
    register_read,
    register_write,
)
from .extern_call import Call

_DROPPED: Final = "$dropped"
_LIMIT: Final = "$truncated"
WayOut = tuple[Term, Literal["port", "stack"], Term]
"""Where a packet goes: when, ``to``, port."""


def _truncate(m: Machine, node: ir.ExternCall) -> None:
    m.remember(_LIMIT, Call(m, node).term(0))


EXTERNS: Final[ExternTable] = {
    **PACKET_IN,
    **PACKET_OUT,
    ("mark_to_drop", ""): mark(_DROPPED, b.TRUE),
    ("mark_to_pass", ""): mark(_DROPPED, b.FALSE),
    ("truncate", ""): _truncate,
    ("Register", "read"): register_read,
    ("Register", "write"): register_write,
    ("ubpf_time_get_ns", ""): arbitrary("the time"),
    ("hash", ""): hash_lookup3,
    ("csum_replace2", ""): checksum_update,
    ("csum_replace4", ""): checksum_update,
}


class UbpfModel:
    """See the module's text."""

    name = "ubpf_model"
    externs = EXTERNS

    def domain(self) -> Sequence[Assumption]:
        """Any packet at all."""
        return ()

    def run(self, m: Machine) -> list[Ended]:
        """The parser, then the pipeline and the deparser."""
        names = main_arguments(m.program)
        m.varbit_bytes_only = True
        parser = m.program.parser(names["prs"])
        pipeline, deparser = m.program.control(names["p"]), m.program.control(names["dprs"])
        values = {p.name: uninitialised(p.type, p.span) for p in parser.params[1:3]}
        for param in parser.params[3:]:
            values[param.name] = _standard_metadata(m, param)
        return [_after_parser(m, parser, pipeline, deparser, way) for way in run_parser(m, parser, values)]


def _standard_metadata(m: Machine, param: ir.Param) -> Value:
    start = uninitialised(param.type, param.span)
    type_ = ir.bare(param.type)
    if not isinstance(type_, ir.StructType) or not isinstance(start, Struct):
        raise Unsupported("a standard_metadata that is no struct", param.span)
    known = {
        "input_port": m.input.port,
        "packet_length": b.zext(m.input.length, 32),
        "output_action": _action(type_, "PASS", param.span),
        "clone": b.FALSE,
    }
    return Struct({name: Scalar(known[name]) if name in known else value for name, value in start.fields.items()})


def _action(type_: ir.StructType, member: str, span: Span) -> Term:
    """The number that stands for a member of ``ubpf_action``."""
    for part in type_.fields:
        enum = ir.bare(part.type)
        if part.name == "output_action" and isinstance(enum, ir.EnumType):
            return enum_member(enum, member)
    raise Unsupported("a standard_metadata without its output_action", span)


def _after_parser(m: Machine, parser: ir.Parser, pipeline: ir.Control, deparser: ir.Control, way: Parsed) -> Ended:
    parsed = way.state
    m.state = State({}, facts=parsed.facts, cells=parsed.cells, cursor=parsed.cursor)
    m.outer_paths = [parsed.path]
    if not way.accepted:
        return Ended(parsed.path, (Sent(b.TRUE, "stack", b.bv(0, 32), (), 0, parser.span),), m.state)
    m.remember(_DROPPED, b.FALSE)
    m.remember(_LIMIT, b.bv(0, 32))
    before = {p.name: parsed.store[q.name] for p, q in zip(pipeline.params, parser.params[1:], strict=True)}
    after = run_control(m, pipeline, before)
    kept = b.not_(m.recall(_DROPPED, pipeline.span))
    limit = m.recall(_LIMIT, pipeline.span)
    run_control(m, deparser, {deparser.params[1].name: after[pipeline.params[0].name]})
    pieces, m.state.pieces = m.state.pieces, ()
    cut = _cut(m, pieces, parsed.cursor, limit, deparser.span)
    if not cut.complete:
        kept = b.TRUE
    ways = _ways_out(m, after[pipeline.params[2].name], pipeline.params[2]) if len(pipeline.params) > 2 else _PASSED
    sent = [Sent(b.and_(kept, when), to, port, cut.pieces, cut.cursor, deparser.span) for when, to, port in ways]
    return Ended(parsed.path, tuple(s for s in sent if m.decide(s.when) is not b.FALSE), m.state)


_PASSED: Final[tuple[WayOut, ...]] = ((b.TRUE, "stack", b.bv(0, 32)),)


def _ways_out(m: Machine, standard: Value, param: ir.Param) -> tuple[WayOut, ...]:
    """Where a packet that is not dropped goes."""
    type_ = ir.bare(param.type)
    assert isinstance(type_, ir.StructType)
    assert isinstance(standard, Struct)
    if m.decide(m.read(standard.fields["clone"], param.span)) is not b.FALSE:
        raise Unsupported("a packet that is cloned", param.span)
    action = m.read(standard.fields["output_action"], param.span)
    redirected = m.decide(b.eq(action, _action(type_, "REDIRECT", param.span)))
    passed = m.decide(b.eq(action, _action(type_, "PASS", param.span)))
    port = m.read(standard.fields["output_port"], param.span) if redirected is not b.FALSE else b.bv(0, 32)
    return ((passed, "stack", b.bv(0, 32)), (redirected, "port", port))


@dataclass(frozen=True, slots=True)
class _Cut:
    """A packet after truncation: its pieces, the input from bit ``cursor`` on, and whether all headers fitted."""

    pieces: tuple[Piece, ...]
    cursor: int
    complete: bool = True


def _cut(m: Machine, pieces: tuple[Piece, ...], cursor: int, limit: Term, span: Span) -> _Cut:
    """What ``truncate`` leaves (see the module's text)."""
    effective = b.and_(b.ne(limit, b.bv(0, 32)), b.ult(limit, b.bv(1 << 31, 32)))
    if m.decide(effective) is b.FALSE:
        return _Cut(pieces, cursor)
    if not (limit.is_const and m.input.length.is_const):
        raise Unsupported("truncate of a packet of any length", span)
    headers = [piece.bits for piece in pieces if m.decide(piece.when) is b.TRUE]
    start, length = cursor // 8, m.input.length.value
    emitted = sum(header.width for header in headers) // 8
    size = emitted + length - start
    if limit.value >= size:
        return _Cut(pieces, cursor)
    octets = [_before(m, start - emitted + i, span) for i in range(size)][: limit.value]
    at = 0
    for header in headers:
        count = header.width // 8
        if at + count > len(octets):
            break
        octets[at : at + count] = [b.extract(header, 8 * i + 7, 8 * i) for i in reversed(range(count))]
        at += count
    else:
        return _Cut(_whole(octets, span), 8 * length)
    return _Cut(_whole(octets, span), 8 * length, complete=False)


def _before(m: Machine, position: int, span: Span) -> Term:
    """What lies where a header will be written: the input's byte, or in front of it whatever memory holds."""
    return m.input.byte(position) if position >= 0 else m.fresh(8, "room made for headers that grew", span)


def _whole(octets: Sequence[Term], span: Span) -> tuple[Piece, ...]:
    return (Piece(b.TRUE, b.concat(*octets), None, span),)
