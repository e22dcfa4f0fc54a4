"""v1model: which blocks a packet passes, and what becomes of it at the end."""

from __future__ import annotations

from ....semantics import ir
from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R0, R1, R6
from . import calls
from .externs import DROP_PORT
from .frame import Leaf, Ref, leaves
from .gen import Gen
from .hooks import redirect
from .package import Arrivals, Parsing, blocks

UNAVAILABLE = frozenset(
    {
        "enq_timestamp", "enq_qdepth", "deq_timedelta", "deq_qdepth", "ingress_global_timestamp",
        "egress_global_timestamp",
    }
)  # fmt: skip
"""Fields of v1model's standard metadata that the kernel cannot say."""


class _V1Model:
    """v1model, single pass: parser, verify checksum, ingress, egress, compute checksum, deparser."""

    def __init__(self, g: Gen) -> None:
        self.g = g

    def run(self) -> None:
        """The whole program."""
        g = self.g
        names = blocks(g.program, "p", "vr", "ig", "eg", "ck", "dep")
        parser = g.program.parser(names[0])
        verify, ingress, egress, compute, deparser = (g.program.control(name) for name in names[1:])
        g.varbit_bytes_only = True
        g.asm.emit(asm.mov(R6, R1))
        with g.scope():
            self._declare(parser)
            refs = (self.packet, self.hdr, self.meta, self.std)
            env = {p.name: ref for p, ref in zip(parser.params, refs, strict=True)}
            Parsing(self.arrivals, self._store_error).run(parser, env)
            self._control(verify, ("hdr", "meta"))
            self._control(ingress, ("hdr", "meta", "std"))
            self._between()
            self._control(egress, ("hdr", "meta", "std"))
            self._drop_if_marked()
            self._control(compute, ("hdr", "meta"))
            frame = {p.name: r for p, r in zip(deparser.params, (self.packet, self.hdr), strict=True)}
            self.arrivals.deparse(deparser, frame)
            g.load_leaf(R1, self.port)
            redirect(g)
        g.asm.place(g.drop)
        g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())
        self._check()

    def _declare(self, parser: ir.Parser) -> None:
        """Everything that passes from block to block, as a packet finds it (v1model: 0, headers invalid)."""
        g = self.g
        packet, hdr, meta, std = parser.params
        self.packet = Ref("$packet", packet.type)
        self.hdr = g.declare("$hdr", hdr.type, hdr.span)
        self.meta = g.declare("$meta", meta.type, meta.span)
        self.std = g.declare("$std", std.type, std.span)
        self.arrivals = Arrivals.of(g)
        self.port = g.declare("$port", ir.bits(9))
        g.standard = self.std
        for ref in (self.hdr, self.meta, self.std):
            g.clear(ref)
        if self._live("ingress_port"):
            g.hook.port(g)
            g.trim(R1, 9)
            g.store_leaf(self._field("ingress_port"), R1)
        if self._live("packet_length"):
            g.hook.length(g)
            g.store_leaf(self._field("packet_length"), R1)

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
        refs = [getattr(self, name) for name in names]
        frame = {p.name: ref for p, ref in zip(control.params, refs, strict=True)}
        calls.top_level(self.g, lambda: calls.control(self.g, control, frame))

    def _drop_if_marked(self) -> None:
        g = self.g
        g.load_leaf(R1, self._field("egress_spec"))
        g.asm.jump("jeq", R1, DROP_PORT, g.drop)

    def _between(self) -> None:
        """Ingress has chosen the port; egress may still drop (simple_switch's egress thread)."""
        g = self.g
        self._drop_if_marked()
        g.store_leaf(self.port, R1)
        g.store_leaf(self._field("egress_port"), R1)
        g.store_constant(Leaf(f"{self.std.path}.egress_spec", 9), 0)

    def _check(self) -> None:
        """Raises CannotOffload for metadata that is read but cannot be had, or written but does not act."""
        loads, stores = self.g.usage.loads, self.g.usage.stores
        for name in sorted(UNAVAILABLE):
            if f"{self.std.path}.{name}" in loads:
                raise CannotOffload(f"standard_metadata.{name} cannot be had", self._span(loads, name))
        if f"{self.std.path}.mcast_grp" in stores:
            raise CannotOffload("multicast (mcast_grp is written)", self._span(stores, "mcast_grp"))

    def _span(self, places: dict[str, Span], name: str) -> Span:
        return places.get(f"{self.std.path}.{name}", NOWHERE)


def v1model(g: Gen) -> None:
    """See :class:`_V1Model`."""
    _V1Model(g).run()
