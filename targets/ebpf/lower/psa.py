"""PSA: ingress parser, ingress, ingress deparser, and the same again for egress, in one program.

Between the two the frame is written, and read again by the egress parser. Ports are interfaces; the port for
recirculation is one too, whose frames come back (:mod:`..artifact.ports`). Frames that are resubmitted come back by a
tail call (:mod:`.again`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from ....semantics import ir
from ....semantics.source import NOWHERE
from ...base import CannotOffload
from ..artifact import Label, asm, ports
from ..artifact.asm import R0, R1, R2
from ..carried import carried
from ..replicas import CLONES, MULTICAST, Groups
from ..times import CLOCK_BITS, asked
from . import again, calls, copies, effects, objects, stmts
from .effects import acts
from .frame import Ref, leaves
from .gen import Gen
from .hooks import KTIME, begin, redirect
from .package import Arrivals, Flow, Parsing, blocks, member

NORMAL, NORMAL_UNICAST, NORMAL_MULTICAST, CLONE_I2E, CLONE_E2E, RESUBMIT, RECIRCULATE = range(7)
"""Places in ``PSA_PacketPath_t``."""

_PREFIX: Final = {NORMAL_UNICAST: "$e", NORMAL_MULTICAST: "$m", CLONE_I2E: "$k", CLONE_E2E: "$c"}
"""How names begin of what egress works on, for each path: clones from egress are made within another one's."""


@dataclass(frozen=True)
class _Half:
    """Ingress or egress."""

    parser: ir.Parser
    control: ir.Control
    deparser: ir.Control

    @classmethod
    def of(cls, program: ir.Program, package: str, *names: str) -> _Half:
        """The blocks given for these parameters of a package."""
        given = dict(program.package(package).args)
        found = [given.get(name) for name in names]
        if not all(isinstance(block, str) for block in found):
            raise CannotOffload("a package that is not that of the architecture", program.package(package).span)
        parser, control, deparser = map(str, found)
        return cls(program.parser(parser), program.control(control), program.control(deparser))


@dataclass(frozen=True)
class _Job:
    """A packet on its way through egress."""

    port: Ref
    path: int
    """Its place in ``PSA_PacketPath_t``."""
    cos: Ref
    """Its class of service."""
    instance: Ref | None
    """None: 0."""
    metadata: Ref | None = None
    """What a clone brings with it."""


class _Psa:
    """One program being generated."""

    def __init__(self, g: Gen) -> None:
        self.g = g
        program = g.program
        names = blocks(program, "ingress", "egress")
        self.ingress = _Half.of(program, names[0], "ip", "ig", "id")
        self.egress = _Half.of(program, names[1], "ep", "eg", "ed")
        self.cloned = False
        """Whether ingress asks for clones."""

    def run(self) -> None:
        """The whole program."""
        g = self.g
        g.varbit_bytes_only = True
        begin(g)
        with g.scope():
            objects.declare(g)
            fate = self.ingress.control.params[3]
            self.fate = g.declare("$fate", fate.type, fate.span)
            self.begun = g.declare("$begun", ir.bits(CLOCK_BITS)) if "egress_timestamp" in asked(g.program) else None
            bridged = self.ingress.deparser.params[3]
            self.bridged = g.declare("$bridged", bridged.type, bridged.span)
            with g.scope():
                self._ingress()
            span = self.ingress.control.span
            group = member(self.fate, "multicast_group", span)
            if group.path in g.usage.nonzero:
                self._multicast(group)
            with g.scope():
                cos = member(self.fate, "class_of_service", span)
                self._egress(_Job(member(self.fate, "egress_port", span), NORMAL_UNICAST, cos, None), g.drop, None)
        g.asm.place(g.drop)
        g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())

    # --- ingress ---

    def _ingress(self) -> None:
        g, half = self.g, self.ingress
        packet, hdr, meta, istd, *again = half.parser.params
        headers, user = (g.declare(f"$i{p.name}", p.type, p.span) for p in (hdr, meta))
        given = g.declare("$iparser", istd.type, istd.span)
        brought = [g.declare(f"$i{p.name}", p.type, p.span) for p in again]
        known = half.control.params[2]
        told = g.declare("$iknown", known.type, known.span)
        for ref in (headers, user, given, told, self.fate, self.bridged, *brought):
            g.clear(ref)
        self._set(self.fate, "drop", 1)
        self._begin_again(brought[0], (given, told))
        if "ingress_timestamp" in asked(g.program):
            self._time(member(told, "ingress_timestamp", half.control.span))
        g.no_errors(told)
        arrivals = Arrivals.of(g, "$icursor")
        env = {p.name: r for p, r in zip(half.parser.params, (Ref("$packet", packet.type), headers, user, given,
                                                                 *brought), strict=True)}  # fmt: skip
        Parsing(arrivals, lambda error: self._set(told, "parser_error", g.program.errors.index(error))).run(
            half.parser, env
        )
        ran = self._control(half.control, (headers, user, told, self.fate))
        self._read_clock()
        self.cloned = f"{self.fate.path}.clone" in g.usage.nonzero
        others = [g.declare(f"$i!{p.name}", p.type, p.span) for p in half.deparser.params[1:3]]
        outs = (*others, self.bridged)
        refs = (Ref("$packet", packet.type), *outs, headers, user, self.fate)
        if self.cloned:
            self._clone(self.fate, CLONE_I2E, others[0], lambda: self._ahead(arrivals, refs, ran))
        early = not acts(g.program, half.deparser)
        if early:
            self._drop_if(self.fate)
        for ref in outs:
            g.clear(ref)
        self._resubmit(arrivals, refs, ran)
        self._deparse(half.deparser, arrivals, refs, ran)
        if not early:
            self._drop_if(self.fate)

    def _ahead(self, arrivals: Arrivals, refs: tuple[Ref, ...], ran: Flow) -> None:
        """What the ingress deparser says that goes with clones: these are made of the frame as it came, so before the
        deparser writes it. It runs twice then, and may do nothing the first time that is seen the second time."""
        g, deparser = self.g, self.ingress.deparser
        if not effects.speaks_of(deparser, deparser.params[1]):
            return
        again = effects.more_than_outputs(g.program, deparser)
        if again is not None:
            raise CannotOffload("metadata that goes with a cloned packet, of a deparser that does other things", again)
        for ref in refs[1:4]:
            g.clear(ref)
        frame = {p.name: ref for p, ref in zip(deparser.params, refs, strict=True)}
        arrivals.deparse(deparser, frame, before=[ran], discard=True)

    def _arrival(self, ref: Ref) -> None:
        """``ingress_port`` and ``packet_path``."""
        g, span = self.g, self.ingress.parser.span
        port, path = member(ref, "ingress_port", span), member(ref, "packet_path", span)
        if g.is_live(port.path):
            g.hook.port(g)
            g.store_leaf(port, R1)
        if g.is_live(path.path):
            g.hook.port(g)
            g.constant(R2, ports.PSA_RECIRCULATE)
            g.trim(R1, 32)
            normal = g.asm.label()
            g.store_constant(next(leaves(g.program, path)), NORMAL)
            g.asm.jump("jne", R1, R2, normal)
            g.store_constant(next(leaves(g.program, path)), RECIRCULATE)
            g.asm.place(normal)

    # --- resubmission ---

    def _begin_again(self, brought: Ref, refs: tuple[Ref, ...]) -> None:
        """How the packet came, and what it brought if it was resubmitted."""
        g = self.g
        kind = g.declare("$kind", ir.bits(8))
        if g.comes_back:
            known = carried(g.program)
            again.begin(g, known, again.inputs(brought, "resubmit_meta", known) | {known.kind.name: kind})
        for ref in refs:
            self._arrival(ref)
            path = member(ref, "packet_path", self.ingress.parser.span)
            if g.comes_back and g.is_live(path.path):
                came = g.asm.label()
                g.load_leaf(R1, kind)
                g.asm.jump("jne", R1, RESUBMIT, came)
                g.store_constant(next(leaves(g.program, path)), RESUBMIT)
                g.asm.place(came)

    def _resubmit(self, arrivals: Arrivals, refs: tuple[Ref, ...], ran: Flow) -> None:
        """The frame as it came, back to ingress, if ingress asks for that and does not drop it."""
        g, span = self.g, self.ingress.control.span
        asked = member(self.fate, "resubmit", span)
        if asked.path not in g.usage.nonzero:
            return
        goes_on = g.asm.label()
        g.load_leaf(R1, asked)
        g.asm.jump("jeq", R1, 0, goes_on)
        g.load_leaf(R1, member(self.fate, "drop", span))
        g.asm.jump("jne", R1, 0, goes_on)
        known, deparser = carried(g.program), self.ingress.deparser
        if known.parts or acts(g.program, deparser):
            frame = {p.name: ref for p, ref in zip(deparser.params, refs, strict=True)}
            arrivals.deparse(deparser, frame, before=[ran], discard=True)
        again.back(g, known, RESUBMIT, again.inputs(refs[2], "resubmit_meta", known))
        g.asm.place(goes_on)

    # --- egress ---

    def _clone(self, asked: Ref, path: int, metadata: Ref, ahead: Callable[[], None]) -> None:
        """Copies of the frame as it now is to the members of a clone session, if what ingress or egress has ``asked``
        for says so, with ``metadata`` that the code of ``ahead`` makes."""
        g, span, egress = self.g, self.ingress.control.span, self.egress
        clone = member(asked, "clone", span)
        self._can_copy(clone, "cloned")
        kept = effects.kept(g.program, egress.parser, egress.control, egress.deparser)
        if kept is not None and path == CLONE_I2E:
            raise CannotOffload("what egress does for each clone, which comes behind the frame itself", kept)
        none = g.asm.label()
        g.load_leaf(R1, clone)
        g.asm.jump("jeq", R1, 0, none)
        ahead()
        self._copies(CLONES, member(asked, "clone_session_id", span), path, metadata)
        g.asm.place(none)

    def _multicast(self, group: Ref) -> None:
        """A copy to each member, if the packet goes to a group; it then goes nowhere itself."""
        g = self.g
        self._can_copy(group, "multicast")
        unicast = g.asm.label()
        g.load_leaf(R1, group)
        g.asm.jump("jeq", R1, 0, unicast)
        self._copies(MULTICAST, group, NORMAL_MULTICAST)
        g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())
        g.asm.place(unicast)

    def _can_copy(self, ref: Ref, what: str) -> None:
        """Raises CannotOffload where no copies can be made."""
        span = self.g.usage.nonzero[ref.path]
        copies.check(self.g, what, span, self.egress.parser, self.egress.control, self.egress.deparser)

    def _copies(self, groups: Groups, group: Ref, path: int, metadata: Ref | None = None) -> None:
        """A copy to each member of a group, through egress, with ``metadata`` if they are clones."""
        own = member(self.fate, "class_of_service", self.ingress.control.span)

        def each(to: copies.Member) -> None:
            cos = own if path == NORMAL_MULTICAST else to.class_of_service
            self._egress(_Job(to.port, path, cos, to.instance, metadata), to.dropped, copies.sender(self.g, to.port))

        copies.to_members(self.g, groups, group, each)

    def _egress(self, job: _Job, dropped: Label, copy: Callable[[], None] | None) -> None:
        """Egress for a packet, which leaves by its port, or of which a ``copy`` leaves and the code goes on; to
        ``dropped`` if it is dropped."""
        g, half, own = self.g, self.egress, _PREFIX[job.path]
        packet, hdr, meta, istd, normal, *clones = half.parser.params
        headers, user = (g.declare(f"{own}{p.name}", p.type, p.span) for p in (hdr, meta))
        given = g.declare(f"{own}parser", istd.type, istd.span)
        brought = [g.declare(f"{own}{p.name}", p.type, p.span) for p in clones]
        known, ends = half.control.params[2:4]
        told, end = g.declare(f"{own}known", known.type, known.span), g.declare(f"{own}end", ends.type, ends.span)
        for ref in (headers, user, given, told, end, *brought):
            g.clear(ref)
        span, port = half.control.span, job.port
        if job.metadata is not None:
            stmts.copy(g, brought[0 if job.path == CLONE_I2E else 1], job.metadata, span)
        for ref in (given, told):
            self._copy(port, member(ref, "egress_port", span))
            self._set(ref, "packet_path", job.path)
            g.fixed[member(ref, "packet_path", span).path] = job.path
        if job.instance is not None:
            self._copy(job.instance, member(told, "instance", span))
        self._copy(job.cos, member(told, "class_of_service", span))
        if self.begun is not None:
            self._copy(self.begun, member(told, "egress_timestamp", span))
        g.no_errors(told)
        arrivals = Arrivals.of(g, f"{own}cursor")
        bridged = self._bridged(normal, job)
        refs = (Ref("$packet", packet.type), headers, user, given, bridged, *brought)
        env = {p.name: r for p, r in zip(half.parser.params, refs, strict=True)}
        Parsing(arrivals, lambda error: self._set(told, "parser_error", g.program.errors.index(error))).run(
            half.parser, env
        )
        ran = self._control(half.control, (headers, user, told, end))
        cloned = g.usage.nonzero.get(f"{end.path}.clone")
        if cloned is not None and job.path != NORMAL_UNICAST:
            raise CannotOffload("a copy of a packet is cloned (clone is written)", cloned)
        early = cloned is None and not acts(g.program, half.deparser)
        if early:
            self._drop_if(end, dropped)
        carried, last = half.deparser.params[1:3], half.deparser.params[6]
        others = [g.declare(f"{own}{p.name}", p.type, p.span) for p in carried]
        at = g.declare(f"{own}deparser", last.type, last.span)
        for ref in (*others, at):
            g.clear(ref)
        self._copy(port, member(at, "egress_port", span))
        self._refuse_recirculation()
        before = g.shortest
        refs = (Ref("$packet", packet.type), *others, headers, user, end, at)
        self._deparse(half.deparser, arrivals, refs, ran, copy)
        if cloned is not None:
            self._clone(end, CLONE_E2E, others[0], lambda: None)
        if not early:
            self._drop_if(end, dropped)
        if copy is None:
            g.load_leaf(R1, port)
            redirect(g)
        else:
            g.shortest = before

    def _bridged(self, normal: ir.Param, job: _Job) -> Ref:
        """What ingress hands over, of which egress may make what it likes: nothing to clones."""
        if ir.bare(normal.type) != ir.bare(self.bridged.type):
            raise CannotOffload("normal metadata of ingress and egress have different types", normal.span)
        bridged = self.g.declare(f"{_PREFIX[job.path]}bridged", normal.type, normal.span)
        self.g.clear(bridged)
        if job.path in (NORMAL_UNICAST, NORMAL_MULTICAST):
            stmts.copy(self.g, bridged, self.bridged, normal.span)
        return bridged

    def _refuse_recirculation(self) -> None:
        """Metadata that goes with recirculated packets has nothing to travel in."""
        param = self.ingress.parser.params[5]
        read = [path for path in self.g.usage.loads if path.startswith(f"$i{param.name}#")]
        if read:
            raise CannotOffload("metadata that goes with a recirculated packet", self.g.usage.loads[read[0]])

    # --- both ---

    def _control(self, control: ir.Control, refs: tuple[Ref, ...]) -> Flow:
        """What has run then."""
        frame = {p.name: ref for p, ref in zip(control.params, refs, strict=True)}
        calls.top_level(self.g, lambda: calls.control(self.g, control, frame))
        return [(control, frame)]

    def _deparse(
        self,
        control: ir.Control,
        arrivals: Arrivals,
        refs: tuple[Ref, ...],
        ran: Flow,
        copy: Callable[[], None] | None = None,
    ) -> None:
        frame = {p.name: ref for p, ref in zip(control.params, refs, strict=True)}
        self.g.shortest = arrivals.deparse(control, frame, copy, before=[ran])

    def _drop_if(self, ref: Ref, dropped: Label | None = None) -> None:
        self.g.load_leaf(R1, member(ref, "drop", self.ingress.control.span))
        self.g.asm.jump("jne", R1, 0, dropped or self.g.drop)

    def _set(self, ref: Ref, name: str, value: int) -> None:
        self.g.store_constant(next(leaves(self.g.program, member(ref, name, NOWHERE))), value)

    def _copy(self, source: Ref, target: Ref) -> None:
        if self.g.is_live(target.path):
            self.g.load_leaf(R1, source)
            self.g.store_leaf(target, R1)

    def _read_clock(self) -> None:
        """When egress begins: the same for the frame and all its copies, as nothing waits."""
        if self.begun is not None:
            self._time(self.begun)

    def _time(self, place: Ref) -> None:
        """What the kernel's clock says (:mod:`..times`)."""
        self.g.asm.emit(asm.call(KTIME))
        self.g.store_leaf(place, R0)


def psa(g: Gen) -> None:
    """See :class:`_Psa`."""
    _Psa(g).run()
