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
from ..meaning.dispatch import ExternTable
from ..meaning.expressions import enum_member
from ..meaning.machine import Machine
from ..meaning.packet_in import PACKET_IN
from ..meaning.packet_out import PACKET_OUT
from ..meaning.parsing import Parsed, run_parser
from ..meaning.sizes import possible_values
from ..meaning.state import Piece, State
from ..meaning.values import Scalar, Struct, Value, uninitialised
from ..source import Span, Unsupported
from .assertions import GIVEN
from .base import NOT_CUT, Ended, Sent, main_arguments
from .bpf_externs import (
    TIME,
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
    **GIVEN,
    ("mark_to_drop", ""): mark(_DROPPED, b.TRUE),
    ("mark_to_pass", ""): mark(_DROPPED, b.FALSE),
    ("truncate", ""): _truncate,
    ("Register", "read"): register_read,
    ("Register", "write"): register_write,
    ("ubpf_time_get_ns", ""): arbitrary(TIME),
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
    ways = _ways_out(m, after[pipeline.params[2].name], pipeline.params[2]) if len(pipeline.params) > 2 else _PASSED
    sent = [
        Sent(b.and_(cut.when, b.TRUE if cut.short else kept, when), to, port, cut.pieces, parsed.cursor,
             deparser.span, cut=cut.length)
        for cut in _cuts(m, pieces, parsed.cursor, limit, deparser.span)
        for when, to, port in ways
    ]  # fmt: skip
    return Ended(parsed.path, tuple(s for s in sent if m.decide(s.when) is not b.FALSE), m.state)


_PASSED: Final[tuple[WayOut, ...]] = ((b.TRUE, "stack", b.bv(0, 32)),)


def _ways_out(m: Machine, standard: Value, param: ir.Param) -> tuple[WayOut, ...]:
    """Where a packet that is not dropped goes."""
    type_ = ir.bare(param.type)
    assert isinstance(type_, ir.StructType)
    assert isinstance(standard, Struct)
    if m.decide(m.read(standard.fields["clone"], param.span, "clone")) is not b.FALSE:
        raise Unsupported("a packet that is cloned", param.span)
    action = m.read(standard.fields["output_action"], param.span, "output_action")
    redirected = m.decide(b.eq(action, _action(type_, "REDIRECT", param.span)))
    passed = m.decide(b.eq(action, _action(type_, "PASS", param.span)))
    port = (
        m.read(standard.fields["output_port"], param.span, "output_port") if redirected is not b.FALSE else b.bv(0, 32)
    )
    return ((passed, "stack", b.bv(0, 32)), (redirected, "port", port))


@dataclass(frozen=True, slots=True)
class _Cut:
    """What truncation makes of a packet: when, what is written in front of the payload, the length in bytes."""

    when: Term
    pieces: tuple[Piece, ...]
    length: Term
    short: bool = False
    """Whether some header did not fit, which ends the program."""


def _cuts(m: Machine, pieces: tuple[Piece, ...], cursor: int, limit: Term, span: Span) -> list[_Cut]:
    """What ``truncate`` leaves, for each length that it may be given (see the module's text).

    Raises:
        Unsupported: that are too many, or it is not known which headers are there.
    """
    lengths = [n for n in possible_values(limit, span) if 0 < n < 1 << 31]
    most = sum(piece.bits.width for piece in pieces if m.decide(piece.when) is not b.FALSE)
    short = [n for n in lengths if 8 * n < most]
    cuts = [_short(m, pieces, cursor, n, span, b.eq(limit, b.bv(n, limit.width))) for n in short]
    others = NOT_CUT
    for n in lengths:
        if n not in short:
            others = b.ite(b.eq(limit, b.bv(n, limit.width)), b.bv(n, 32), others)
    return [*cuts, _Cut(b.and_(*(b.not_(cut.when) for cut in cuts)), pieces, others)]


def _short(m: Machine, pieces: tuple[Piece, ...], cursor: int, length: int, span: Span, when: Term) -> _Cut:
    """``length`` bytes: headers as far as they fit, then what lay there before."""
    headers = [piece for piece in pieces if m.decide(piece.when) is not b.FALSE]
    if any(m.decide(piece.when) is not b.TRUE or piece.length is not None for piece in headers):
        raise Unsupported("truncate to less than the headers, of which some may not be there", span)
    start = cursor // 8 - sum(piece.bits.width for piece in headers) // 8
    octets = [_before(m, start + i, span) for i in range(length)]
    at = 0
    for header in headers:
        count = header.bits.width // 8
        if at + count > length:
            break
        octets[at : at + count] = [b.extract(header.bits, 8 * i + 7, 8 * i) for i in reversed(range(count))]
        at += count
    # One byte more than is kept: so the packet is longer than its limit whatever the payload.
    whole = Piece(b.TRUE, b.concat(*octets, b.bv(0, 8)), None, span)
    return _Cut(when, (whole,), b.bv(length, 32), short=True)


def _before(m: Machine, position: int, span: Span) -> Term:
    """What lies where a header will be written: the input's byte, or in front of it whatever memory holds."""
    return m.input.byte(position) if position >= 0 else m.fresh(8, "room made for headers that grew", span)
