"""The ``pna`` architecture: main parser, pre control, main control, main deparser; P4TC's has no pre control.

After the PNA specification 0.5 (p4lang/pna, ``PNA.mdk`` and ``pna.p4``), a draft that leaves much open; where it does,
after the machines that run it: DPDK's pipeline (p4c's ``dpdk/pna.p4``), and for P4TC the eBPF that p4c's
``backends/tc`` makes. Decisions:

* One pass goes from the main parser to the ports, with all mirror copies. What a pass begins with are inputs:
  ``in.direction`` (0: NET_TO_HOST), ``in.pass``, ``in.loopedback``, ``in.class_of_service``, ``in.timestamp``.
* A packet that the parser rejects goes on to the controls with ``parser_error``. P4TC: one that the program itself
  sends to ``reject`` is dropped (``EBPFPnaParser::emitRejectState``).
* The parser runs once: the pre control sees its headers, and the main control goes on with the user metadata that the
  pre control has left, if their types agree. ``decrypt`` is false until it is set; where it may be true, the frame
  that decryption makes is not known and the program is unsupported.
* A packet for which no forwarding function is called is dropped; if it is looped back, it goes to the port for which it
  was looped back (``in.forward_port``). P4TC: it goes on to the kernel's stack, deparsed
  (``TCIngressPipelinePNA::emitTrafficManager``).
* ``send_to_port`` is an output to that port, also where the packet is looped back on its way there. Port 0 is a port
  like any other (P4TC takes 0, no interface's index, for none).
* Mirror copies are the deparsed packet (POST_MODIFY) for each member of the mirror session, all sampled. They are made
  of dropped packets too, but not of one that P4TC drops in its parser.
* A recirculated packet comes back as it was deparsed, from the same port in the same direction, ``pass`` one higher.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import Assumption
from ..meaning.machine import Machine
from ..meaning.parsing import Parsed, run_parser
from ..meaning.state import Piece, State
from ..meaning.values import Value, uninitialised
from ..source import Unsupported
from . import pna_externs, portable_checksums, portable_state, tc_metadata
from .base import NOT_CUT, Ended, OtherPackage, Sent, main_arguments
from .copies import Copies, Run
from .stages import apply_block, number, standard

PASS_BITS: Final = 3
"""Width of ``PassNumber_t``."""


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The blocks of a ``PNA_NIC``; P4TC's has no pre control."""

    parser: ir.Parser
    pre: ir.Control | None
    control: ir.Control
    deparser: ir.Control

    @property
    def tc(self) -> bool:
        """Whether this is P4TC's architecture."""
        return self.pre is None


def _blocks(program: ir.Program) -> _Blocks:
    names = main_arguments(program)
    if any(name not in names for name in ("main_parser", "main_control", "main_deparser")):
        raise OtherPackage("a main package that is no PNA_NIC")
    pre = program.control(names["pre_control"]) if "pre_control" in names else None
    control, deparser = (program.control(names[name]) for name in ("main_control", "main_deparser"))
    return _Blocks(program.parser(names["main_parser"]), pre, control, deparser)


@dataclass(frozen=True, slots=True)
class _Pass:
    """What a pass begins with."""

    direction: Term
    number: Term
    loopedback: Term
    cos: Term

    @classmethod
    def of(cls, m: Machine) -> _Pass:
        """From the inputs."""
        return cls(
            m.input.metadata("direction", 1),
            m.input.metadata("pass", PASS_BITS),
            b.to_bool(m.input.metadata("loopedback", 1)),
            m.input.metadata("class_of_service", 8),
        )

    def fields(self, m: Machine, error: Term) -> dict[str, Term]:
        """The fields of the input metadata of all blocks."""
        return {
            "direction": self.direction,
            "pass": self.number,
            "loopedback": self.loopedback,
            "recirculated": b.FALSE,
            "input_port": m.input.port,
            "timestamp": m.input.metadata("timestamp", 64),
            "parser_error": error,
            "class_of_service": self.cos,
        }


class Pna:
    """See the module's text."""

    name = "pna"
    externs = pna_externs.EXTERNS

    def domain(self) -> Sequence[Assumption]:
        """Any packet on any port."""
        return ()

    def run(self, m: Machine) -> list[Ended]:
        """One pass of one packet."""
        blocks = _blocks(m.program)
        m.on_hit.append(portable_state.table_hook)
        m.on_block.append(portable_checksums.begin_block)
        begins = _Pass.of(m)
        _start(m, blocks, begins)
        _, headers, meta, istd, *_ = blocks.parser.params
        values = {
            headers.name: uninitialised(headers.type, headers.span),
            meta.name: uninitialised(meta.type, meta.span),
            istd.name: standard(istd, begins.fields(m, b.bv(0, 32))),
        }
        ways = run_parser(m, blocks.parser, values, m.state)
        ended = [e for way in ways for e in _after_parser(m, blocks, begins, way)]
        if not blocks.tc and all(sent.to != "recirculate" for e in ended for sent in e.sent):
            first = b.eq(begins.number, b.bv(0, PASS_BITS))
            if first is not b.TRUE:
                m.assumptions.append(Assumption("the packet has not been recirculated: pass is 0", first))
        return ended


def _start(m: Machine, blocks: _Blocks, begins: _Pass) -> None:
    """Where the packet goes if nothing is said."""
    if blocks.tc:
        pna_externs.start(m, b.bv(pna_externs.NOWHERE_YET, 2), b.bv(0, 32))
        tc_metadata.start(m)
        return
    back = begins.loopedback
    to = b.ite(back, b.bv(pna_externs.TO_PORT, 2), b.bv(pna_externs.DROPPED, 2))
    pna_externs.start(m, to, m.input.metadata("forward_port", 32))


def _after_parser(m: Machine, blocks: _Blocks, begins: _Pass, way: Parsed) -> list[Ended]:
    """What comes of a packet after the parser, for one way through it."""
    parsed = way.state
    error = m.no_error if way.accepted else parsed.error
    m.state, m.outer_paths = parsed.after({}), [parsed.path]
    if way.accepted or not blocks.tc:
        return [_controls(m, blocks, begins, parsed, error, parsed.path)]
    by_the_program = m.decide(b.eq(error, b.bv(0, 32)))
    dropped = b.and_(parsed.path, by_the_program)
    ended = [Ended(dropped, (), m.state.copy(), parsed.events)] if dropped is not b.FALSE else []
    goes_on = b.and_(parsed.path, b.not_(by_the_program))
    if goes_on is not b.FALSE:
        m.assume(b.not_(by_the_program))
        m.state.path, m.outer_paths = b.TRUE, [goes_on]
        ended.append(_controls(m, blocks, begins, parsed, error, goes_on))
    return ended


def _controls(m: Machine, blocks: _Blocks, begins: _Pass, parsed: State, error: Term, guard: Term) -> Ended:
    """The controls, the deparser, and where the packet goes."""
    headers, meta = (parsed.store[p.name] for p in blocks.parser.params[1:3])
    fields = begins.fields(m, error)
    meta = _pre(m, blocks, fields, headers, meta)
    control = blocks.control
    ostd = standard(control.params[3], {"class_of_service": b.bv(0, 8)})
    after = apply_block(m, control, [headers, meta, standard(control.params[2], fields), ostd])
    m.state.pieces = ()
    apply_block(m, blocks.deparser, [None, after[0], after[1], after[3]])
    pna_externs.tell_accelerator(m, control.span)
    return _sent(m, blocks, begins, parsed.cursor, guard)


def _pre(m: Machine, blocks: _Blocks, fields: dict[str, Term], headers: Value, meta: Value) -> Value:
    """The pre control; the user metadata that it leaves."""
    pre, parser = blocks.pre, blocks.parser
    if pre is None:
        return meta
    same_headers = ir.bare(pre.params[0].type) == ir.bare(parser.params[1].type)
    same_meta = ir.bare(pre.params[1].type) == ir.bare(parser.params[2].type)
    given = headers if same_headers else uninitialised(pre.params[0].type, pre.span)
    own = meta if same_meta else uninitialised(pre.params[1].type, pre.span)
    decision = standard(pre.params[3], {"decrypt": b.FALSE})
    after = apply_block(m, pre, [given, own, standard(pre.params[2], fields), decision])
    if m.decide(number(m, after[3], "decrypt", pre.span)) is not b.FALSE:
        raise Unsupported("a packet that is decrypted between the pre control and the main control", pre.span)
    left = after[1]
    return left if same_meta and left is not None else meta


def _sent(m: Machine, blocks: _Blocks, begins: _Pass, cursor: int, guard: Term) -> Ended:
    """What leaves: the packet itself, and its mirror copies."""
    span = blocks.deparser.span
    pieces, m.state.pieces = m.state.pieces, ()
    to, port = m.recall(pna_externs.TO, span), m.recall(pna_externs.PORT, span)
    again = m.decide(b.eq(m.recall(pna_externs.RECIRCULATES, span), b.bv(1, 1)))

    def goes(where: int) -> Term:
        return b.and_(b.not_(again), m.decide(b.eq(to, b.bv(where, 2))))

    carried = {
        "pass": b.add(begins.number, b.bv(1, PASS_BITS)),
        "direction": begins.direction,
        "class_of_service": begins.cos,
    }
    sent = [
        Sent(goes(pna_externs.TO_PORT), "port", port, pieces, cursor, span),
        Sent(goes(pna_externs.NOWHERE_YET), "stack", b.bv(0, 32), pieces, cursor, span),
        Sent(again, "recirculate", m.input.port, pieces, cursor, span, (), carried),
    ]
    copies = Copies(m, cuts=True)
    for when, session in pna_externs.mirrors(m):
        copies.ask("clone", session, when, _mirrored(m, session, pieces, cursor, blocks), span)
    told = m.state.events
    left = tc_metadata.leaving(m, b.or_(*(s.when for s in sent))) if blocks.tc else {}
    return copies.finish(Ended(guard, tuple(s for s in sent if s.when is not b.FALSE), m.state, told, left))


def _mirrored(m: Machine, session: Term, pieces: tuple[Piece, ...], cursor: int, blocks: _Blocks) -> Run:
    """A mirror copy goes straight to its port, cut as its session says."""
    cut = NOT_CUT
    if m.rules is None:
        m.note("mirror sessions do not truncate")
    else:
        for number_, known in m.rules.sessions.items():
            if known.truncate is not None:
                here = b.eq(b.zext(session, 32), b.bv(number_, 32))
                cut = b.ite(here, b.bv(known.truncate, 32), cut)

    def run(port: Term, instance: Term) -> list[Sent]:
        return [Sent(b.TRUE, "port", port, pieces, cursor, blocks.deparser.span, cut=cut)]

    return run
