"""PSA: ingress parser, ingress, ingress deparser, and the same again for egress, in one program.

Between the two the frame is written, and read again by the egress parser. Ports are interfaces; the port for
recirculation is one too, whose frames come back (:mod:`..artifact.ports`). A program that resubmits is refused: the
kernel has no way back to a program's beginning that carries metadata.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ....semantics import ir
from ....semantics.ir.printer.scope import mentioned
from ....semantics.source import NOWHERE
from ...base import CannotOffload
from ..artifact import asm, ports
from ..artifact.asm import R0, R1, R2, R6
from ..times import asked
from . import calls, objects
from .frame import Ref, leaves
from .gen import Gen
from .hooks import KTIME, redirect
from .package import Arrivals, Parsing, blocks, member

NORMAL, NORMAL_UNICAST, RECIRCULATE = 0, 1, 6
"""Places in ``PSA_PacketPath_t``."""
_HARMLESS: Final = (
    "packet_out", "InternetChecksum", "Checksum", "Hash", "psa_clone_i2e", "psa_resubmit", "psa_normal",
    "psa_clone_e2e", "psa_recirculate",
)  # fmt: skip
"""Externs whose effects nobody sees where a packet is dropped."""


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


class _Psa:
    """One program being generated."""

    def __init__(self, g: Gen) -> None:
        self.g = g
        program = g.program
        names = blocks(program, "ingress", "egress")
        self.ingress = _Half.of(program, names[0], "ip", "ig", "id")
        self.egress = _Half.of(program, names[1], "ep", "eg", "ed")

    def run(self) -> None:
        """The whole program."""
        g = self.g
        g.varbit_bytes_only = True
        g.asm.emit(asm.mov(R6, R1))
        with g.scope():
            objects.declare(g)
            fate = self.ingress.control.params[3]
            self.fate = g.declare("$fate", fate.type, fate.span)
            bridged = self.ingress.deparser.params[3]
            self.bridged = g.declare("$bridged", bridged.type, bridged.span)
            with g.scope():
                self._ingress()
            with g.scope():
                self._egress()
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
        for ref in (given, told):
            self._arrival(ref)
        self._time(told, "ingress_timestamp")
        arrivals = Arrivals.of(g, "$icursor")
        env = {p.name: r for p, r in zip(half.parser.params, (Ref("$packet", packet.type), headers, user, given,
                                                                 *brought), strict=True)}  # fmt: skip
        Parsing(arrivals, lambda error: self._set(told, "parser_error", g.program.errors.index(error))).run(
            half.parser, env
        )
        self._control(half.control, (headers, user, told, self.fate))
        self._refuse_copies()
        early = not _acts(g.program, half.deparser)
        if early:
            self._drop_if(self.fate)
        carried = half.deparser.params[1:3]
        others = [g.declare(f"$i{p.name}", p.type, p.span) for p in carried]
        for ref in (*others, self.bridged):
            g.clear(ref)
        self._deparse(half.deparser, arrivals, (Ref("$packet", packet.type), *others, self.bridged, headers, user,
                                                self.fate))  # fmt: skip
        if not early:
            self._drop_if(self.fate)

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

    def _refuse_copies(self) -> None:
        """Raises CannotOffload for what ingress may decide beside dropping a packet or sending it to one port."""
        nonzero = self.g.usage.nonzero
        for name, text in (("resubmit", "a packet is resubmitted"), ("multicast_group", "a packet is multicast"),
                           ("clone", "a packet is cloned")):  # fmt: skip
            place = nonzero.get(f"{self.fate.path}.{name}")
            if place is not None:
                raise CannotOffload(f"{text} ({name} is written)", place)

    # --- egress ---

    def _egress(self) -> None:
        g, half = self.g, self.egress
        packet, hdr, meta, istd, normal, *clones = half.parser.params
        headers, user = (g.declare(f"$e{p.name}", p.type, p.span) for p in (hdr, meta))
        given = g.declare("$eparser", istd.type, istd.span)
        brought = [g.declare(f"$e{p.name}", p.type, p.span) for p in clones]
        known, ends = half.control.params[2:4]
        told, end = g.declare("$eknown", known.type, known.span), g.declare("$end", ends.type, ends.span)
        for ref in (headers, user, given, told, end, *brought):
            g.clear(ref)
        span = half.control.span
        port = member(self.fate, "egress_port", span)
        for ref in (given, told):
            self._copy(port, member(ref, "egress_port", span))
            self._set(ref, "packet_path", NORMAL_UNICAST)
        self._copy(member(self.fate, "class_of_service", span), member(told, "class_of_service", span))
        self._time(told, "egress_timestamp")
        if ir.bare(normal.type) != ir.bare(self.bridged.type):
            raise CannotOffload("normal metadata of ingress and egress have different types", normal.span)
        arrivals = Arrivals.of(g, "$ecursor")
        refs = (Ref("$packet", packet.type), headers, user, given, self.bridged, *brought)
        env = {p.name: r for p, r in zip(half.parser.params, refs, strict=True)}
        Parsing(arrivals, lambda error: self._set(told, "parser_error", g.program.errors.index(error))).run(
            half.parser, env
        )
        self._control(half.control, (headers, user, told, end))
        place = g.usage.nonzero.get(f"{end.path}.clone")
        if place is not None:
            raise CannotOffload("a packet is cloned (clone is written)", place)
        early = not _acts(g.program, half.deparser)
        if early:
            self._drop_if(end)
        carried, last = half.deparser.params[1:3], half.deparser.params[6]
        others = [g.declare(f"$e{p.name}", p.type, p.span) for p in carried]
        at = g.declare("$edeparser", last.type, last.span)
        for ref in (*others, at):
            g.clear(ref)
        self._copy(port, member(at, "egress_port", span))
        self._refuse_recirculation()
        self._deparse(half.deparser, arrivals, (Ref("$packet", packet.type), *others, headers, user, end, at))
        if not early:
            self._drop_if(end)
        g.load_leaf(R1, port)
        redirect(g)

    def _refuse_recirculation(self) -> None:
        """Metadata that goes with recirculated packets has nothing to travel in."""
        param = self.ingress.parser.params[5]
        read = [path for path in self.g.usage.loads if path.startswith(f"$i{param.name}#")]
        if read:
            raise CannotOffload("metadata that goes with a recirculated packet", self.g.usage.loads[read[0]])

    # --- both ---

    def _control(self, control: ir.Control, refs: tuple[Ref, ...]) -> None:
        frame = {p.name: ref for p, ref in zip(control.params, refs, strict=True)}
        calls.top_level(self.g, lambda: calls.control(self.g, control, frame))

    def _deparse(self, control: ir.Control, arrivals: Arrivals, refs: tuple[Ref, ...]) -> None:
        frame = {p.name: ref for p, ref in zip(control.params, refs, strict=True)}
        self.g.shortest = arrivals.deparse(control, frame)

    def _drop_if(self, ref: Ref) -> None:
        self.g.load_leaf(R1, member(ref, "drop", self.ingress.control.span))
        self.g.asm.jump("jne", R1, 0, self.g.drop)

    def _set(self, ref: Ref, name: str, value: int) -> None:
        self.g.store_constant(next(leaves(self.g.program, member(ref, name, NOWHERE))), value)

    def _copy(self, source: Ref, target: Ref) -> None:
        if self.g.is_live(target.path):
            self.g.load_leaf(R1, source)
            self.g.store_leaf(target, R1)

    def _time(self, ref: Ref, name: str) -> None:
        """The kernel's clock, where the program reads this time (:mod:`..times`)."""
        if name in asked(self.g.program):
            self.g.asm.emit(asm.call(KTIME))
            self.g.store_leaf(member(ref, name, NOWHERE), R0)


def _acts(program: ir.Program, deparser: ir.Control) -> bool:
    """Whether a deparser does anything that outlives a packet that is dropped."""
    for node in mentioned(deparser):
        match node:
            case ir.ExternCall(extern=extern) if extern not in _HARMLESS:
                return True
            case ir.BlockApply(block=name) if _acts(program, program.control(name)):
                return True
            case ir.TableApply():
                return True
    return False


def psa(g: Gen) -> None:
    """See :class:`_Psa`."""
    _Psa(g).run()
