"""v1model: which blocks a packet passes, and what becomes of it at the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ....semantics import ir
from ....semantics.ir.traverse import mentioned
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label, asm
from ..artifact.asm import R0, R1
from ..carried import RECIRCULATED, RESUBMITTED, Carried, carried
from ..replicas import CLONES, MULTICAST
from ..times import AT_EGRESS, UNIT, asked
from . import again, calls, copies, effects, payload, truncation
from .externs import CLONE, DROP_PORT, RECIRCULATE, RESUBMIT, SESSION
from .frame import Leaf, Ref, leaves, parts
from .gen import Gen
from .hooks import KTIME, begin, redirect
from .package import Arrivals, Flow, Parsing, blocks

_RESUBMITS, _RECIRCULATES = "resubmit_preserving_field_list", "recirculate_preserving_field_list"
INGRESS_CLONE, EGRESS_CLONE, REPLICATED = 1, 2, 5
"""Values of ``instance_type`` (``PktInstanceType`` of BMv2's ``simple_switch.h``)."""


def unlisted(ref: Ref) -> Iterator[Ref]:
    """The parts of the user's metadata that no ``@field_list`` keeps in a clone: what is in some list goes with every
    clone, as the others' values are undefined."""
    bare = ir.bare(ref.type)
    if not isinstance(bare, ir.StructType):
        yield ref
        return
    for part, field in zip(parts(ref.type, ref), bare.fields, strict=True):
        if not any(annotation.name == "field_list" for annotation in field.annotations):
            yield from unlisted(part)


def _writes_instance_type(program: ir.Program) -> bool:
    """Whether anything but the architecture may write ``instance_type``."""
    for node in mentioned(program):
        match node:
            case ir.Assign(target=written):
                places: Sequence[object] = (written,)
            case ir.ExternCall() | ir.FunctionCall() | ir.BlockApply() | ir.BoundAction():
                places = [each for each in node.args if isinstance(each, ir.Member | ir.Slice)]
            case _:
                continue
        if any(isinstance(each, ir.Member) and each.name == "instance_type" for each in mentioned(tuple(places))):
            return True
        if isinstance(node, ir.Assign) and _has_instance_type(node.target.type):
            return True
    return False


def _has_instance_type(type_: ir.Type) -> bool:
    bare = ir.bare(type_)
    return isinstance(bare, ir.StructType) and any(field.name == "instance_type" for field in bare.fields)


class _V1Model:
    """v1model: parser, verify checksum, ingress, egress, compute checksum, deparser."""

    def __init__(self, g: Gen) -> None:
        self.g = g

    def run(self) -> None:
        """The whole program."""
        g = self.g
        names = blocks(g.program, "p", "vr", "ig", "eg", "ck", "dep")
        parser = g.program.parser(names[0])
        verify, ingress, egress, compute, deparser = (g.program.control(name) for name in names[1:])
        g.varbit_bytes_only = True
        begin(g)
        self.verify, self.ingress, self.egress = verify, ingress, egress
        self.compute, self.deparser = compute, deparser
        with g.scope(), ExitStack() as stack:
            self._declare(parser)
            self._begin_again()
            refs = (self.packet, self.hdr, self.meta, self.std)
            env = {p.name: ref for p, ref in zip(parser.params, refs, strict=True)}
            Parsing(self.arrivals, self._store_error).run(parser, env)
            self.cloned, self.cloned_out = (self._clones(control) for control in (ingress, egress))
            groups = any(isinstance(node, ir.Member) and node.name == "mcast_grp" for node in mentioned(g.program))
            payload.begin(g, copied=groups or self.cloned is not None or self.cloned_out is not None)
            keeps = effects.kept(g.program, egress, compute, deparser)
            if self.cloned is not None and self.cloned_out is not None and keeps is not None:
                raise CannotOffload("what egress does for each clone, which comes behind the frame itself", keeps)
            self.frame_first = self.cloned is not None and keeps is not None
            if self.frame_first and self.egress_returns is not None:
                raise CannotOffload("a packet comes back whose clones find what its egress leaves", self.egress_returns)
            self.writes_instance_type = _writes_instance_type(g.program)
            self._remember_for_clones(stack)
            self._control(verify, ("hdr", "meta"))
            with self._asking(RESUBMIT):
                self._control(ingress, ("hdr", "meta", "std"))
                self._read_clock()
                self._clone()
                self._come_back(RESUBMIT)
            self._multicast()
            self._between()
            with self._asking(RECIRCULATE):
                after = self._egress(g.drop, None)
                if self.egress_returns is not None:
                    grows = self.arrivals.grows
                    again.refuse_unless_as_long(g, self.egress_returns, shortest=after, grows=grows)
                self._come_back(RECIRCULATE)
            truncation.cut(g, self.arrivals.header_bytes)
            g.load_leaf(R1, self.port)
            redirect(g)
        g.asm.place(g.drop)
        g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())

    def _declare(self, parser: ir.Parser) -> None:
        """Everything that passes from block to block, as a packet finds it (v1model: 0, headers invalid)."""
        g = self.g
        packet, hdr, meta, std = parser.params
        self.packet = Ref("$packet", packet.type)
        self.hdr = g.declare("$hdr", hdr.type, hdr.span)
        self.meta = g.declare("$meta", meta.type, meta.span)
        self.std = g.declare("$std", std.type, std.span)
        self.arrivals = g.arrivals = Arrivals.of(g)
        self.port = g.declare("$port", ir.bits(9))
        g.standard = self.std
        truncation.begin(g)
        for ref in (self.hdr, self.meta, self.std):
            g.clear(ref)
        g.no_errors(self.std)
        if self._live("ingress_port"):
            g.hook.port(g)
            g.trim(R1, 9)
            g.store_leaf(self._field("ingress_port"), R1)
        if self._live("packet_length"):
            g.hook.length(g)
            g.store_leaf(self._field("packet_length"), R1)
        if "ingress_global_timestamp" in asked(g.program):
            self._time(self._field("ingress_global_timestamp"))

    def _field(self, name: str) -> Ref:
        struct = ir.bare(self.std.type)
        assert isinstance(struct, ir.StructType)
        return next(self.std.member(f.name, f.type) for f in struct.fields if f.name == name)

    def _live(self, name: str) -> bool:
        return self.g.is_live(f"{self.std.path}.{name}")

    # --- blocks ---

    def _store_error(self, error: str) -> None:
        g = self.g
        ref = self._field("parser_error")
        g.store_constant(next(leaves(g.program, ref)), g.program.errors.index(error))

    def _control(self, control: ir.Control, names: tuple[str, ...]) -> None:
        _, frame = self._bound(control, names)
        calls.top_level(self.g, lambda: calls.control(self.g, control, frame))

    def _egress(self, dropped: Label, copy: Callable[[], None] | None) -> int:
        """Egress, the checksums and the deparser; to ``dropped`` if egress drops. The bytes that the frame then has at
        least."""
        g = self.g
        out = self.cloned_out is not None and copy is None
        if out:
            self._may_be_cloned("E2E")
        self._control(self.egress, ("hdr", "meta", "std"))
        if out:
            self._clone_out()
        g.load_leaf(R1, self._field("egress_spec"))
        g.asm.jump("jeq", R1, DROP_PORT, dropped)
        self._control(self.compute, ("hdr", "meta"))
        frame = {p.name: r for p, r in zip(self.deparser.params, (self.packet, self.hdr), strict=True)}
        return self.arrivals.deparse(self.deparser, frame, copy, before=self._flows())

    def _flows(self) -> list[Flow]:
        """What runs between the parser and the deparser; clones from ingress begin at egress, with the headers as
        parsed, and clones from egress with what it has left."""
        egress = [self._bound(self.egress, ("hdr", "meta", "std")), self._bound(self.compute, ("hdr", "meta"))]
        ingress = [self._bound(self.verify, ("hdr", "meta")), self._bound(self.ingress, ("hdr", "meta", "std"))]
        twice = [*ingress, *egress, *egress]
        return [
            [*ingress, *egress],
            *([egress] if self.cloned is not None else []),
            *([twice] if self.cloned_out is not None else []),
        ]

    def _bound(self, control: ir.Control, names: tuple[str, ...]) -> tuple[ir.Control, dict[str, Ref]]:
        refs = [getattr(self, name) for name in names]
        return control, {p.name: ref for p, ref in zip(control.params, refs, strict=True)}

    # --- packets that come back ---

    def _begin_again(self) -> None:
        """What has come along, if this program makes packets come back."""
        g = self.g
        self.ingress_returns = effects.asks(g.program, self.ingress, _RESUBMITS)
        self.egress_returns = effects.asks(g.program, self.egress, _RECIRCULATES)
        self.carried: Carried | None = None
        if self.ingress_returns is None and self.egress_returns is None:
            idle = (
                effects.asks(g.program, self.egress, _RESUBMITS),
                effects.asks(g.program, self.ingress, _RECIRCULATES),
            )
            for span in idle:
                if span is not None:
                    raise CannotOffload("a packet is asked to come back where nobody looks at that", span)
            return
        self.carried = carried(g.program)
        places = again.inputs(self.meta, "meta", self.carried)
        again.begin(g, self.carried, places | {"instance_type": self._field("instance_type")})

    @contextmanager
    def _asking(self, name: str) -> Iterator[None]:
        """A control runs that may ask for the packet to come back in this way."""
        g = self.g
        asks = self.ingress_returns if name == RESUBMIT else self.egress_returns
        if asks is None:
            yield
            return
        g.objects[name] = g.declare(name, ir.bits(1))
        g.clear(g.objects[name])
        yield
        del g.objects[name]

    def _come_back(self, name: str) -> None:
        """The packet comes back, if the control has asked for that."""
        g, asked = self.g, self.g.objects.get(name)
        if asked is None or self.carried is None:
            return
        goes_on = g.asm.label()
        kind = RESUBMITTED if name == RESUBMIT else RECIRCULATED
        g.load_leaf(R1, asked)
        g.asm.jump("jeq", R1, 0, goes_on)
        again.back(g, self.carried, kind[g.program.arch], again.inputs(self.meta, "meta", self.carried))
        g.asm.place(goes_on)

    # --- copies ---

    def _check_copies(self, what: str, span: Span) -> None:
        copies.check(self.g, what, span, self.egress, self.compute, self.deparser)

    def _clones(self, control: ir.Control) -> Span | None:
        """Where a control, or what it calls, asks for clones."""
        found = [effects.asks(self.g.program, control, name) for name in effects.CLONES_OF]
        return next((span for span in found if span is not None), None)

    def _remember_for_clones(self, stack: ExitStack) -> None:
        """Clones from ingress begin egress with the headers that the parser found."""
        if self.cloned_out is not None:
            self._check_copies("cloned", self.cloned_out)
        if self.cloned is None:
            return
        self._check_copies("cloned", self.cloned)
        self.as_parsed = stack.enter_context(copies.saved(self.g, self.hdr))
        self._may_be_cloned("I2E")

    def _may_be_cloned(self, kind: str) -> None:
        """A control begins that may ask for clones of this type."""
        g = self.g
        for name, width in ((CLONE, 1), (SESSION, 32)):
            g.objects[name + kind] = g.declare(name + kind, ir.bits(width))
            g.clear(g.objects[name + kind])

    def _session(self, kind: str, none: Label) -> Ref:
        """The session that a control has asked for; to ``none`` if it did not ask for clones of this type."""
        g = self.g
        g.load_leaf(R1, g.objects.pop(f"{CLONE}{kind}"))
        g.asm.jump("jeq", R1, 0, none)
        return g.objects.pop(f"{SESSION}{kind}")

    def _clone(self) -> None:
        """A copy to each member of the session, if ``clone`` was called in ingress; before them the frame itself, if it
        matters who is first."""
        if self.cloned is None:
            return
        g, none = self.g, self.g.asm.label()
        session = self._session("I2E", none)
        with copies.saved(g, self.hdr, self.std) as back, copies.saved(g, self.meta) as meta_back:
            if self.frame_first:
                elsewhere = g.asm.label()
                self._goes_elsewhere(elsewhere)
                self._to_port(elsewhere)
                self._egress(elsewhere, copies.sender(g, self.port))  # it is as it was afterwards
                g.asm.place(elsewhere)
            self._to_session(session, INGRESS_CLONE, self.as_parsed, meta_back)
            back()
            meta_back()
        if self.frame_first:
            self._goes_elsewhere(none)
            g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())  # it was sent before its clones
        g.asm.place(none)

    def _clone_out(self) -> None:
        """A copy to each member of the session, if ``clone`` was called in egress: with headers and metadata as egress
        has left them, through egress again."""
        g, none = self.g, self.g.asm.label()
        session = self._session("E2E", none)
        with copies.saved(g, self.hdr, self.std, self.port) as back, copies.saved(g, self.meta) as meta_back:
            self._to_session(session, EGRESS_CLONE, back, meta_back)
            back()
            meta_back()
        g.asm.place(none)

    def _to_session(self, session: Ref, kind: int, headers: Callable[[], None], meta: Callable[[], None]) -> None:
        """A copy to each member, of which ``headers`` and ``meta`` bring back what it begins with."""
        g, lost = self.g, list(unlisted(self.meta))

        def each(to: copies.Member) -> None:
            headers()
            meta()
            for ref in (*lost, self.std):
                g.clear(ref)
            if self._live("packet_length"):
                g.hook.length(g)
                g.store_leaf(self._field("packet_length"), R1)
            self._send_copy(to, kind)

        copies.to_members(g, CLONES, session, each)

    def _goes_elsewhere(self, target: Label) -> None:
        """To ``target`` if the frame itself goes to no port: it comes back, or goes to a group."""
        g, group = self.g, self._field("mcast_grp")
        for other in (g.objects.get(RESUBMIT), group if group.path in g.usage.nonzero else None):
            if other is not None:
                g.load_leaf(R1, other)
                g.asm.jump("jne", R1, 0, target)

    def _multicast(self) -> None:
        """A copy to each member of a group, if there is one; the packet itself then goes nowhere."""
        g, group = self.g, self._field("mcast_grp")
        if group.path not in g.usage.nonzero:
            return
        self._check_copies("multicast", g.usage.nonzero[group.path])
        unicast = g.asm.label()
        g.load_leaf(R1, group)
        g.asm.jump("jeq", R1, 0, unicast)
        with copies.saved(g, self.hdr, self.meta, self.std) as back:

            def each(to: copies.Member) -> None:
                back()
                self._send_copy(to, REPLICATED)

            copies.to_members(g, MULTICAST, group, each)
        g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())
        g.asm.place(unicast)

    def _send_copy(self, to: copies.Member, kind: int) -> None:
        g = self.g
        g.load_leaf(R1, to.port)
        g.trim(R1, 9)
        g.store_leaf(self.port, R1)
        g.store_leaf(self._field("egress_port"), R1)
        g.store_constant(Leaf(f"{self.std.path}.egress_spec", 9), 0)
        g.store_constant(Leaf(f"{self.std.path}.instance_type", 32), kind)
        if self._live("egress_rid"):
            g.load_leaf(R1, to.instance)
            g.store_leaf(self._field("egress_rid"), R1)
        self._tell_time()
        path = f"{self.std.path}.instance_type"
        if not self.writes_instance_type:
            g.fixed[path] = kind
        g.of_copy = True
        self._egress(to.dropped, copies.sender(g, self.port))
        g.of_copy = False
        g.fixed.pop(path, None)

    def _between(self) -> None:
        """Ingress has chosen the port; egress may still drop (simple_switch's egress thread)."""
        self._to_port(self.g.drop)

    def _to_port(self, dropped: Label) -> None:
        """Egress begins for the frame itself; to ``dropped`` if ingress drops it."""
        g = self.g
        g.load_leaf(R1, self._field("egress_spec"))
        g.asm.jump("jeq", R1, DROP_PORT, dropped)
        g.store_leaf(self.port, R1)
        g.store_leaf(self._field("egress_port"), R1)
        g.store_constant(Leaf(f"{self.std.path}.egress_spec", 9), 0)
        if self.carried is not None or self.frame_first:
            g.store_constant(Leaf(f"{self.std.path}.instance_type", 32), 0)
        self._tell_time()

    def _read_clock(self) -> None:
        """When egress begins: the same for the frame and all its copies, as nothing waits."""
        self.begun = {name: self._clock(name) for name in AT_EGRESS if name in asked(self.g.program)}

    def _clock(self, name: str) -> Ref:
        g = self.g
        kept = g.declare(f"$begun {name}", self._field(name).type)
        self._time(kept)
        return kept

    def _tell_time(self) -> None:
        """The frame, or a copy, is told when its egress began."""
        for name, kept in self.begun.items():
            if self._live(name):
                self.g.load_leaf(R1, kept)
                self.g.store_leaf(self._field(name), R1)

    def _time(self, place: Ref) -> None:
        """What the kernel's clock says, in microseconds (:mod:`..times`)."""
        g = self.g
        g.asm.emit(asm.call(KTIME), asm.alu("div", R0, UNIT), asm.mov(R1, R0))
        g.trim(R1, g.width(place.type))
        g.store_leaf(place, R1)


def v1model(g: Gen) -> None:
    """See :class:`_V1Model`."""
    _V1Model(g).run()
