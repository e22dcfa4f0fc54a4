"""The ``psa`` architecture: ingress parser, ingress, ingress deparser, replication, and the same again for egress.

After the PSA specification 1.2 (p4lang/p4-spec, ``p4-16/psa/PSA.adoc``), its sections "Packet Path Details" above all,
and BMv2's ``targets/psa_switch``. Decisions:

* One pass of a packet goes from the ingress parser to the ports, with all copies that it makes. The kind of pass is the
  input ``in.packet_path`` (8 bits: the member's index in ``PSA_PacketPath_t``): NORMAL, RESUBMIT (if the program can
  resubmit) or RECIRCULATE, and then ``in.port`` is PSA_PORT_RECIRCULATE.
* What a resubmitted or recirculated packet carries is ``in.resubmit_meta.FIELD`` and ``in.recirculate_meta.FIELD``; the
  parameter is defined on its own path only.
* User metadata is undefined at the start of both parsers; the fields of the output metadata are as the specification's
  comments say: ``drop`` true in ingress, ``clone_session_id`` and ``egress_port`` undefined, the rest 0 or false.
* A packet that a parser rejects goes on to the control, with ``parser_error``; ``exit`` ends one control.
* After ingress: clones first, then drop, resubmit, multicast, unicast, in this order of precedence. Deparsers run for
  packets that are dropped too: they make the metadata of clones. Every port is valid, none is congested.
* The egress parser reads what the ingress deparser emitted, and behind it what the ingress parser did not take. Clones
  from ingress are the frame as it came; clones from egress are as the egress deparser left them.
* Clones are members of clone session ``clone_session_id``, and have the session's class of service: 0 with rules, the
  function ``session.class_of_service`` without. That a session truncates is known from rules only.
* Copies of copies of copies are followed as far as :mod:`.copies` says.
* The timestamps are inputs, ``in.ingress_timestamp`` and ``in.egress_timestamp``; that of a copy is its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import INPUT_PACKET, Assumption, Packet
from ..meaning.dispatch import ExternTable
from ..meaning.layouts import Layout, cut_to
from ..meaning.leaves import from_inputs, leaves
from ..meaning.machine import Machine
from ..meaning.packet_in import PACKET_IN
from ..meaning.packet_out import PACKET_OUT
from ..meaning.parsing import Parsed, run_parser
from ..meaning.values import Scalar, Value, uninitialised
from . import portable_checksums, portable_state
from .base import Ended, OtherPackage, Sent, main_arguments
from .copies import Copies, Run
from .extern_call import Call
from .stages import Clones, Way, apply_block, deparsed, joined, number, standard

PORT_RECIRCULATE: Final = 0xFFFFFFFA
"""``PSA_PORT_RECIRCULATE``."""

PATHS: Final = (
    "NORMAL", "NORMAL_UNICAST", "NORMAL_MULTICAST", "CLONE_I2E", "CLONE_E2E", "RESUBMIT", "RECIRCULATE",
)  # fmt: skip
"""``PSA_PacketPath_t``."""


def _path(name: str) -> Term:
    return b.bv(PATHS.index(name), 32)


@dataclass(frozen=True, slots=True)
class _Blocks:
    """The blocks of a ``PSA_Switch``."""

    ingress_parser: ir.Parser
    ingress: ir.Control
    ingress_deparser: ir.Control
    egress_parser: ir.Parser
    egress: ir.Control
    egress_deparser: ir.Control


def _blocks(program: ir.Program) -> _Blocks:
    names = main_arguments(program)
    if "ingress" not in names or "egress" not in names:
        raise OtherPackage("a main package that is no PSA_Switch")
    first, second = (dict(program.package(names[side]).args) for side in ("ingress", "egress"))
    parts = [str(x) for x in (first["ip"], first["ig"], first["id"], second["ep"], second["eg"], second["ed"])]
    controls = [program.control(name) for name in (parts[1], parts[2], parts[4], parts[5])]
    return _Blocks(
        program.parser(parts[0]), controls[0], controls[1], program.parser(parts[3]), controls[2], controls[3]
    )


# --- what deparsers ask ---------------------------------------------------------------------------------------------


def _asks(m: Machine, node: ir.ExternCall) -> Value:
    """``psa_clone_i2e``, ``psa_resubmit``, ``psa_normal``, ``psa_clone_e2e``, ``psa_recirculate``."""
    call = Call(m, node)

    def flag(name: str) -> Term:
        return number(m, call.value(0), name, node.span)

    match node.extern:
        case "psa_resubmit":
            answer = b.and_(b.not_(flag("drop")), flag("resubmit"))
        case "psa_normal":
            answer = b.and_(b.not_(flag("drop")), b.not_(flag("resubmit")))
        case "psa_recirculate":
            port = number(m, call.value(1), "egress_port", node.span)
            answer = b.and_(b.not_(flag("drop")), _recirculates(port))
        case _:
            answer = flag("clone")
    return Scalar(answer)


def _recirculates(port: Term) -> Term:
    return b.eq(port, b.bv(PORT_RECIRCULATE, port.width))


_QUESTIONS: Final = ("psa_clone_i2e", "psa_resubmit", "psa_normal", "psa_clone_e2e", "psa_recirculate")

EXTERNS: Final[ExternTable] = {
    **PACKET_IN,
    **PACKET_OUT,
    **portable_checksums.EXTERNS,
    **portable_state.EXTERNS,
    **{(name, ""): _asks for name in _QUESTIONS},
}


# --- the pipeline ---------------------------------------------------------------------------------------------------


class Psa:
    """See the module's text."""

    name = "psa"
    externs = EXTERNS

    def domain(self) -> Sequence[Assumption]:
        """Any packet on any port; which kinds of pass there are depends on the program."""
        return ()

    def run(self, m: Machine) -> list[Ended]:
        """Ingress and egress for one packet."""
        blocks = _blocks(m.program)
        m.on_hit.append(portable_state.table_hook)
        m.on_block.append(portable_checksums.begin_block)
        parser = blocks.ingress_parser
        path = m.input.metadata("packet_path", 8)
        wide = b.zext(path, 32)
        _, headers, meta, istd, resubmitted, recirculated = parser.params
        values = {
            headers.name: uninitialised(headers.type, headers.span),
            meta.name: uninitialised(meta.type, meta.span),
            istd.name: standard(istd, {"ingress_port": m.input.port, "packet_path": wide}),
            resubmitted.name: _carried(m, resubmitted, "resubmit_meta", b.eq(wide, _path("RESUBMIT"))),
            recirculated.name: _carried(m, recirculated, "recirculate_meta", b.eq(wide, _path("RECIRCULATE"))),
        }
        ended = [e for way in run_parser(m, parser, values) for e in _after_parser(m, blocks, wide, way)]
        _restrict(m, path, ended)
        return ended


def _carried(m: Machine, param: ir.Param, name: str, given: Term) -> Value:
    return from_inputs(m, param.type, name, given, param.span)


def _restrict(m: Machine, path: Term, ended: Sequence[Ended]) -> None:
    """Which passes there can be: those that the program itself causes, and packets from ports."""
    causes = {sent.to for e in ended for sent in e.sent}
    recirculation = _recirculates(m.input.port)
    kinds = {"NORMAL": b.not_(recirculation)}
    if "resubmit" in causes:
        kinds["RESUBMIT"] = b.TRUE
    if "recirculate" in causes:
        kinds["RECIRCULATE"] = recirculation
    possible = b.or_(*(b.and_(b.eq(path, b.bv(PATHS.index(n), 8)), when) for n, when in kinds.items()))
    if possible is not b.TRUE:
        m.assumptions.append(Assumption(f"the packet path is {' or '.join(kinds)}, its port accordingly", possible))


@dataclass(frozen=True, slots=True)
class _Fate:
    """What ingress decided."""

    clone: Term
    session: Term
    drop: Term
    resubmit: Term
    group: Term
    port: Term
    cos: Term


def _after_parser(m: Machine, blocks: _Blocks, path: Term, way: Parsed) -> list[Ended]:
    """Ingress, its deparser, and all that comes of them, for one way through the ingress parser."""
    parsed = way.state
    m.frame = INPUT_PACKET
    m.state, m.outer_paths = parsed.after({}), [parsed.path]
    headers, meta = (parsed.store[p.name] for p in blocks.ingress_parser.params[1:3])
    control = blocks.ingress
    known = {
        "ingress_port": m.input.port,
        "packet_path": path,
        "ingress_timestamp": m.input.metadata("ingress_timestamp", 64),
        "parser_error": m.no_error if way.accepted else parsed.error,
    }
    begin = {"class_of_service": b.bv(0, 8), "clone": b.FALSE, "drop": b.TRUE, "resubmit": b.FALSE}
    begin["multicast_group"] = b.bv(0, 32)
    values = [headers, meta, standard(control.params[2], known), standard(control.params[3], begin)]
    after = apply_block(m, control, values)
    fate = _fate(m, after[3], control)
    metas = [uninitialised(p.type, p.span) for p in blocks.ingress_deparser.params[1:4]]
    m.state.pieces = ()
    made = apply_block(m, blocks.ingress_deparser, [None, *metas, after[0], after[1], after[3]])
    return _replicated(m, blocks, fate, made, parsed.cursor, parsed.path)


def _fate(m: Machine, ostd: Value | None, control: ir.Control) -> _Fate:
    def flag(name: str) -> Term:
        return m.decide(number(m, ostd, name, control.span))

    def used(name: str, width: int, unless: bool) -> Term:
        """What is undefined is not read where nothing comes of it."""
        return b.bv(0, width) if unless else number(m, ostd, name, control.span)

    clone, drop, resubmit = flag("clone"), flag("drop"), flag("resubmit")
    return _Fate(
        clone,
        used("clone_session_id", 16, clone is b.FALSE),
        drop,
        resubmit,
        used("multicast_group", 32, drop is b.TRUE),
        used("egress_port", 32, drop is b.TRUE),
        used("class_of_service", 8, drop is b.TRUE),
    )


def _replicated(
    m: Machine, blocks: _Blocks, fate: _Fate, made: Sequence[Value | None], cursor: int, guard: Term
) -> list[Ended]:
    """The packet replication engine, and egress for each copy."""
    cloned, resubmitted, bridged = made[1], made[2], made[3]
    normal = b.and_(b.not_(fate.drop), b.not_(fate.resubmit))
    single = b.eq(fate.group, b.bv(0, fate.group.width))
    resubmit = _resubmit(m, blocks, b.and_(b.not_(fate.drop), fate.resubmit), resubmitted)
    clones = _clones_for_all(m, blocks, fate, cloned, guard)
    ended = []
    for layout in deparsed(m, INPUT_PACKET, cursor, guard, blocks.ingress_deparser.span):
        here = b.and_(guard, layout.when)
        m.state, m.outer_paths = layout.state, [here]
        unicast = m.decide(b.and_(normal, single))
        job = _Job(layout.packet, "NORMAL_UNICAST", fate.cos, fate.port, normal=bridged)
        replicas = _Replicas(m, blocks, fate, job, cloned, clones)
        for condition, end in ((b.not_(unicast), replicas.not_sent_on), (unicast, replicas.sent_on)):
            m.state = layout.state.copy()
            m.assume(condition)
            m.outer_paths = [b.and_(here, condition)]
            if m.outer_paths[0] is not b.FALSE:
                m.state.path = b.TRUE
                ended += end(resubmit, b.and_(normal, b.not_(single)))
    return ended


def _clones_for_all(m: Machine, blocks: _Blocks, fate: _Fate, cloned: Value | None, guard: Term) -> Ended | None:
    """Clones of the frame as it came, if the packet is not known: they do not depend on what becomes of the packet, so
    once is enough. (If it is known they find the state that the packet's own egress leaves.)"""
    if m.input.concrete:
        return None
    begin, m.outer_paths = m.state, [guard]
    copies = Copies(m, cuts=True)
    job = _Job(INPUT_PACKET, "NORMAL_UNICAST", fate.cos)
    _Replicas(m, blocks, fate, job, cloned, None).clone(copies)
    made = copies.finish(Ended(guard, (), begin.copy()))
    m.state = begin
    return made


def _resubmit(m: Machine, blocks: _Blocks, when: Term, carried: Value | None) -> list[Sent]:
    """The frame as it came, back to the ingress parser."""
    if m.decide(when) is b.FALSE or carried is None:
        return []
    metadata = {"packet_path": b.bv(PATHS.index("RESUBMIT"), 8), **_named(m, "resubmit_meta", carried, blocks)}
    return [Sent(when, "resubmit", m.input.port, (), 0, blocks.ingress_deparser.span, (), metadata)]


def _named(m: Machine, name: str, value: Value, blocks: _Blocks) -> dict[str, Term]:
    found = leaves(m, value, blocks.egress_deparser.span)
    return {f"{name}.{path}" if path else name: term for path, term in found.items()}


@dataclass(frozen=True, slots=True)
class _Replicas:
    """What the packet replication engine makes of a packet whose ingress has ended in the machine's state."""

    m: Machine
    blocks: _Blocks
    fate: _Fate
    job: _Job
    cloned: Value | None
    """The metadata of its clones."""
    clones: Ended | None
    """The clones of the frame as it came, if they are made already."""

    def not_sent_on(self, resubmit: Sequence[Sent], several: Term) -> list[Ended]:
        """Where the packet itself goes to no port: dropped, resubmitted, or to a multicast group."""
        m, copies = self.m, Copies(self.m, cuts=True)
        begin = m.state
        self.clone(copies)
        job = replace(self.job, path="NORMAL_MULTICAST")
        run = _through_egress(m, self.blocks, copies, [(b.TRUE, job)])
        copies.ask("multicast", self.fate.group, several, run, self.blocks.ingress_deparser.span)
        sent = [s for s in resubmit if m.decide(s.when) is not b.FALSE]
        return [self._with_clones(copies.finish(Ended(m.outer_paths[0], tuple(sent), begin, begin.events)))]

    def sent_on(self, resubmit: Sequence[Sent], several: Term) -> list[Ended]:
        """Where the packet itself goes on to one port."""
        m, guard = self.m, self.m.outer_paths[0]
        begin = m.state
        ended = []
        for way in _egress(m, self.blocks, self.job):
            copies = Copies(m, cuts=True)
            m.outer_paths = [b.and_(guard, way.when)]
            if m.outer_paths[0] is b.FALSE:
                continue
            m.state = begin
            self.clone(copies)
            m.state = way.state
            m.state.path = b.TRUE
            _ask_clones(m, self.blocks, copies, way)
            done = copies.finish(Ended(m.outer_paths[0], way.outs, way.state, way.state.events))
            ended.append(self._with_clones(done))
        return ended

    def _with_clones(self, ended: Ended) -> Ended:
        """In the order in which :class:`Copies` would have made them all: copies of copies last."""
        made = self.clones
        if made is None:
            return ended
        frame = [s for s in ended.sent if not s.each]
        copied = sorted((*made.sent, *(s for s in ended.sent if s.each)), key=lambda s: len(s.each))
        return replace(ended, sent=(*frame, *copied), events=(*ended.events, *made.events))

    def clone(self, copies: Copies) -> None:
        """Ask for clones of the frame as it came, if they are not made already."""
        m, fate = self.m, self.fate
        if self.clones is not None or m.decide(fate.clone) is b.FALSE:
            return
        job = _Job(INPUT_PACKET, "CLONE_I2E", _session_cos(m, fate.session, self.blocks), cloned_i2e=self.cloned)
        jobs = _cut_by_session(m, fate.session, job, self.blocks)
        span = self.blocks.ingress_deparser.span
        copies.ask("clone", fate.session, fate.clone, _through_egress(m, self.blocks, copies, jobs), span)


# --- egress ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Job:
    """A frame on its way to egress; of its metadata, what its path does not define is None."""

    frame: Packet
    path: str
    cos: Term
    port: Term = field(default_factory=lambda: b.bv(0, 32))
    instance: Term = field(default_factory=lambda: b.bv(0, 16))
    normal: Value | None = None
    cloned_i2e: Value | None = None
    cloned_e2e: Value | None = None


def _through_egress(m: Machine, blocks: _Blocks, copies: Copies, jobs: Sequence[tuple[Term, _Job]]) -> Run:
    """Egress for a copy of a frame, which may be of several forms, each where its condition holds."""

    def run(port: Term, instance: Term) -> list[Sent]:
        ways, begin = [], m.state
        for condition, job in jobs:
            m.state = begin.copy()
            m.assume(condition)
            if not m.state.dead:
                found = _egress(m, blocks, replace(job, port=port, instance=instance))
                ways += [replace(way, when=b.and_(condition, way.when)) for way in found]
        for way in ways:
            m.state = replace(way.state, path=way.when)
            _ask_clones(m, blocks, copies, way)
        m.state = joined(m, ways)
        return [replace(out, when=b.and_(way.when, out.when)) for way in ways for out in way.outs]

    return run


def _ask_clones(m: Machine, blocks: _Blocks, copies: Copies, way: Way) -> None:
    """Clones of a frame as the egress deparser left it, through egress again."""
    asked = way.clones
    if asked is None:
        return
    job = _Job(asked.packet, "CLONE_E2E", _session_cos(m, asked.session, blocks), cloned_e2e=asked.carried)
    run = _through_egress(m, blocks, copies, _cut_by_session(m, asked.session, job, blocks))
    copies.ask("clone", asked.session, asked.when, run, blocks.egress_deparser.span)


def _egress(m: Machine, blocks: _Blocks, job: _Job) -> list[Way]:
    """Every way through egress for a frame, from the machine's present state; conditions are relative to it."""
    m.frame = job.frame
    parser = blocks.egress_parser
    _, headers, meta, istd, *metas = parser.params
    given = (job.normal, job.cloned_i2e, job.cloned_e2e)
    values = {
        headers.name: uninitialised(headers.type, headers.span),
        meta.name: uninitialised(meta.type, meta.span),
        istd.name: standard(istd, {"egress_port": job.port, "packet_path": _path(job.path)}),
        **{
            p.name: value if value is not None else uninitialised(p.type, p.span)
            for p, value in zip(metas, given, strict=True)
        },
    }
    outer = list(m.outer_paths)
    ways = []
    for way in run_parser(m, parser, values, m.state):
        m.outer_paths = [*outer, way.state.path]
        ways += _egress_control(m, blocks, job, way)
    m.outer_paths = outer
    return ways


def _egress_control(m: Machine, blocks: _Blocks, job: _Job, way: Parsed) -> list[Way]:
    parsed = way.state
    m.state = parsed.after({})
    headers, meta = (parsed.store[p.name] for p in blocks.egress_parser.params[1:3])
    control, deparser = blocks.egress, blocks.egress_deparser
    known = {
        "class_of_service": job.cos,
        "egress_port": job.port,
        "packet_path": _path(job.path),
        "instance": job.instance,
        "egress_timestamp": m.arriving("egress_timestamp", 64),
        "parser_error": m.no_error if way.accepted else parsed.error,
    }
    begin = standard(control.params[3], {"clone": b.FALSE, "drop": b.FALSE})
    after = apply_block(m, control, [headers, meta, standard(control.params[2], known), begin])
    clone, drop = (m.decide(number(m, after[3], name, control.span)) for name in ("clone", "drop"))
    session = b.bv(0, 16) if clone is b.FALSE else number(m, after[3], "clone_session_id", control.span)
    metas = [uninitialised(p.type, p.span) for p in deparser.params[1:3]]
    egress_port = standard(deparser.params[6], {"egress_port": job.port})
    m.state.pieces = ()
    made = apply_block(m, deparser, [None, *metas, after[0], after[1], after[3], egress_port])
    ways = []
    for layout in deparsed(m, job.frame, parsed.cursor, b.and_(*m.outer_paths), deparser.span):
        m.state = layout.state
        outs = _outs(m, blocks, b.not_(drop), job.port, layout.packet, made[2])
        here = m.decide(clone)
        clones = Clones(here, session, layout.packet, made[1]) if here is not b.FALSE else None
        ways.append(Way(b.and_(parsed.path, layout.when), outs, layout.state, clones))
    return ways


def _outs(
    m: Machine, blocks: _Blocks, kept: Term, port: Term, packet: Packet, carried: Value | None
) -> tuple[Sent, ...]:
    """To the port, or back to the ingress parser."""
    span = blocks.egress_deparser.span
    back = m.decide(_recirculates(port))
    metadata: dict[str, Term] = {}
    if b.and_(kept, back) is not b.FALSE and carried is not None:
        again = b.bv(PATHS.index("RECIRCULATE"), 8)
        metadata = {"packet_path": again, **_named(m, "recirculate_meta", carried, blocks)}
    outs = (
        Sent(b.and_(kept, b.not_(back)), "port", port, (), 0, span, frame=packet),
        Sent(b.and_(kept, back), "recirculate", b.bv(PORT_RECIRCULATE, 32), (), 0, span, (), metadata, frame=packet),
    )
    return tuple(out for out in outs if out.when is not b.FALSE)


# --- clone sessions -------------------------------------------------------------------------------------------------


def _session_cos(m: Machine, session: Term, blocks: _Blocks) -> Term:
    """The class of service that the control plane gave to a session."""
    if m.rules is not None:
        return b.bv(0, 8)
    reason = "the class of service of a clone session"
    number_ = (b.resize(session, 32),)
    return m.input.function("session.class_of_service", 8, number_, reason, blocks.egress.span, m.trace)


def _cut_by_session(m: Machine, session: Term, job: _Job, blocks: _Blocks) -> list[tuple[Term, _Job]]:
    """The frame cut to what the session lets through, each form where its condition holds."""
    if m.rules is None:
        m.note("clone sessions do not truncate")
        return [(b.TRUE, job)]
    made: list[tuple[Term, _Job]] = []
    whole = b.TRUE
    for number_, known in sorted(m.rules.sessions.items()):
        here = m.decide(b.eq(b.resize(session, 32), b.bv(number_, 32)))
        if known.truncate is None or here is b.FALSE:
            continue
        form = Layout(here, here, job.frame, {})
        forms = cut_to([form], b.bv(known.truncate, 32), m.input.length)
        made += [(cut.when, replace(job, frame=cut.packet)) for cut in forms]
        whole = b.and_(whole, b.not_(here))
    return [(when, cut_job) for when, cut_job in [*made, (whole, job)] if when is not b.FALSE]
