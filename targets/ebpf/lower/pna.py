"""PNA, also P4TC's: main parser, pre control, main control, main deparser. What comes in comes from the network, or is
recirculated by a tail call (:mod:`.again`).

A packet of which no forwarding function says anything is dropped; P4TC's goes on to the stack. P4TC drops what the
program itself sends to ``reject``; every other packet that a parser gives up goes on to the controls.
"""

from __future__ import annotations

from typing import Final

from ....semantics import ir
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R0, R1
from ..carried import carried
from ..times import asked
from . import again, calls, effects, mirrors, objects
from .effects import acts
from .forwarding import AGAIN, DROPPED, NOWHERE_YET, PORT, TO, TO_PORT
from .frame import Leaf, Ref, leaves, parts
from .gen import Gen
from .hooks import KTIME, begin, redirect
from .package import Arrivals, Parsing, blocks, given_blocks, member

_TO_BITS: Final = 2
_PASS_BITS: Final = 3
"""Of ``PassNumber_t``."""


class _Pna:
    """One program being generated."""

    def __init__(self, g: Gen) -> None:
        self.g = g
        program = g.program
        parser, control, deparser = blocks(program, "main_parser", "main_control", "main_deparser")
        pre = given_blocks(program).get("pre_control")
        self.parser, self.control = program.parser(parser), program.control(control)
        self.deparser = program.control(deparser)
        self.pre = program.control(pre) if isinstance(pre, str) else None
        g.to_stack = self.pre is None
        controls = [c for c in (self.pre, self.control, self.deparser) if c is not None]
        found = [effects.asks(program, each, "recirculate") for each in controls]
        self.recirculates = next((span for span in found if span is not None), None)
        """A place that asks for that."""

    def run(self) -> None:
        """The whole program."""
        g = self.g
        g.varbit_bytes_only = True
        begin(g)
        passed = g.asm.label()
        with g.scope():
            objects.declare(g)
            self._declare()
            packet = Ref("$packet", self.parser.params[0].type)
            arrivals = Arrivals.of(g)
            refs = (packet, self.headers, self.meta, self.given)
            env = {p.name: r for p, r in zip(self.parser.params, refs, strict=True)}
            rejected = g.drop if self.pre is None else None
            Parsing(arrivals, self._store_error, rejected).run(self.parser, env)
            self._pre_control()
            given = (self.headers, self.meta, self.known, self.leaving)
            self._block(self.control, given)
            before = (self.control, {p.name: ref for p, ref in zip(self.control.params, given, strict=True)})
            mirrored = bool(mirrors.slots(g))
            early = self.recirculates is None and not mirrored and not acts(g.program, self.deparser)
            if early:
                self._drop()
            frame = (packet, self.headers, self.meta, self.leaving)
            names = [p.name for p in self.deparser.params]
            shortest = arrivals.deparse(self.deparser, dict(zip(names, frame, strict=True)), before=[[before]])
            mirrors.send(g)
            self._recirculate(shortest, grows=arrivals.grows)
            if not early:
                self._drop()
            g.load_leaf(R1, self.to)
            g.asm.jump("jne", R1, TO_PORT, passed)
            g.load_leaf(R1, self.port)
            redirect(g)
        g.asm.place(passed)
        g.asm.emit(asm.mov(R0, g.hook.pass_code), asm.exit_())
        g.asm.place(g.drop)
        g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())

    def _declare(self) -> None:
        """Everything that passes from block to block, as a packet from the network finds it."""
        g = self.g
        hdr, meta, istd = self.parser.params[1:]
        known, leaving = self.control.params[2:4]
        self.headers, self.meta = (g.declare(f"${p.name}", p.type, p.span) for p in (hdr, meta))
        self.given = g.declare("$given", istd.type, istd.span)
        self.known = g.declare("$known", known.type, known.span)
        self.leaving = g.declare("$leaving", leaving.type, leaving.span)
        self.to, self.port = g.declare(TO, ir.bits(_TO_BITS)), g.declare(PORT, ir.bits(32))
        self.again, self.number = g.declare(AGAIN, ir.bits(1)), g.declare("$pass", ir.bits(_PASS_BITS))
        g.objects |= {TO: self.to, PORT: self.port, AGAIN: self.again}
        for ref in (self.headers, self.meta, self.given, self.known, self.leaving, self.to, self.port, self.again):
            g.clear(ref)
        g.no_errors(self.known)
        mirrors.declare(g)
        if self.recirculates is not None:
            again.begin(g, carried(g.program), {"pass": self.number})
        g.store_constant(Leaf(self.to.path, _TO_BITS), NOWHERE_YET if self.pre is None else DROPPED)
        for ref in (self.given, self.known):
            self._arrival(ref)
        if asked(g.program):
            g.asm.emit(asm.call(KTIME))
            for ref in (self.given, self.known):
                for place in self._fields(ref, "timestamp"):
                    g.store_leaf(place, R0)

    def _fields(self, ref: Ref, name: str) -> list[Ref]:
        """The field of this name, if the struct has it."""
        return [part for part in parts(ref.type, ref) if part.path == f"{ref.path}.{name}"]

    def _arrival(self, ref: Ref) -> None:
        for place in self._fields(ref, "input_port"):
            if self.g.is_live(place.path):
                self.g.hook.port(self.g)
                self.g.store_leaf(place, R1)
        for place in self._fields(ref, "pass") if self.recirculates is not None else ():
            if self.g.is_live(place.path):
                self.g.load_leaf(R1, self.number)
                self.g.store_leaf(place, R1)

    def _store_error(self, error: str) -> None:
        place = member(self.known, "parser_error", self.control.span)
        self.g.store_constant(next(leaves(self.g.program, place)), self.g.program.errors.index(error))

    def _block(self, control: ir.Control, refs: tuple[Ref, ...]) -> None:
        frame = {p.name: ref for p, ref in zip(control.params, refs, strict=True)}
        calls.top_level(self.g, lambda: calls.control(self.g, control, frame))

    def _pre_control(self) -> None:
        """The pre control sees the parser's headers; its metadata go on if their types agree."""
        g, pre = self.g, self.pre
        if pre is None:
            return
        with g.scope():
            seen = []
            for ref, param in zip((self.headers, self.meta), pre.params[:2], strict=True):
                same = ir.bare(ref.type) == ir.bare(param.type)
                seen.append(ref if same else g.declare(f"$pre {param.name}", param.type, param.span))
                if not same:
                    g.clear(seen[-1])
            known, decision = (g.declare(f"$pre {p.name}", p.type, p.span) for p in pre.params[2:4])
            g.clear(known)
            g.clear(decision)
            self._arrival(known)
            for name in ("parser_error", "timestamp"):
                for source, place in zip(self._fields(self.known, name), self._fields(known, name), strict=False):
                    if g.is_live(place.path):
                        g.load_leaf(R1, source)
                        g.store_leaf(place, R1)
            self._block(pre, (*seen, known, decision))
            where = g.usage.nonzero.get(f"{decision.path}.decrypt")
        if where is not None:
            raise CannotOffload("a packet is decrypted (decrypt is written)", where)

    def _recirculate(self, shortest: int, *, grows: bool) -> None:
        """The packet comes back, with the number of the next pass, if that was asked for; whatever else was."""
        g = self.g
        if self.recirculates is None:
            return
        again.refuse_unless_as_long(g, self.recirculates, shortest=shortest, grows=grows)
        goes_on = g.asm.label()
        g.load_leaf(R1, self.again)
        g.asm.jump("jeq", R1, 0, goes_on)
        g.load_leaf(R1, self.number)
        g.asm.emit(asm.alu("add", R1, 1))
        g.trim(R1, _PASS_BITS)
        g.store_leaf(self.number, R1)
        again.back(g, carried(g.program), self.number, {})
        g.asm.place(goes_on)

    def _drop(self) -> None:
        self.g.load_leaf(R1, self.to)
        self.g.asm.jump("jeq", R1, DROPPED, self.g.drop)


def pna(g: Gen) -> None:
    """See :class:`_Pna`."""
    _Pna(g).run()
