"""What all architectures have around a program's blocks: the package's arguments, the ways into and out of a parser."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label, asm
from ..artifact.asm import R0
from . import calls, validity
from .deparse import Deparser
from .exits import Exit
from .frame import Leaf, Ref, parts
from .gen import Gen
from .parse import ParserGen
from .parse_points import ParsePoint


def given_blocks(program: ir.Program) -> dict[str, object]:
    """What the package was given, by parameter."""
    assert program.main is not None
    return dict(program.package(program.main).args)


def blocks(program: ir.Program, *names: str) -> list[str]:
    """The full names of the blocks given for the package's parameters."""
    assert program.main is not None
    package, given = program.package(program.main), given_blocks(program)
    found = [given.get(name) for name in names]
    if not all(isinstance(block, str) for block in found):
        raise CannotOffload(f"package {package.type_name} is not that of the architecture", package.span)
    return [block for block in found if isinstance(block, str)]


def entries(g: Gen, points: dict[bool, ParsePoint]) -> list[tuple[Label, ParsePoint]]:
    """Where the parser is entered, behind the code that tells the hook's variants apart."""
    labels = {variant: g.asm.label() for variant in g.hook.variants}
    if True in labels:
        g.hook.split(g, labels[True])
    return [(labels[variant], points[variant]) for variant in g.hook.variants]


def finish(g: Gen, accept: Label) -> None:
    """The ends of the program: where a packet passes, and where it is dropped."""
    g.asm.place(accept)
    g.asm.emit(asm.mov(R0, g.hook.pass_code), asm.exit_())
    g.asm.place(g.drop)
    g.asm.emit(asm.mov(R0, g.hook.drop_code), asm.exit_())


NO_ERROR = "NoError"
MOST_EXITS = 4096
"""Ways out of a parser, with sets of headers that are valid afterwards, that a deparser tells apart."""

Flow = Sequence[tuple[ir.Control, dict[str, Ref]]]
"""Controls that run one after the other, with what their parameters are."""


@dataclass
class Arrivals:
    """The ways on which packets leave a parser, told apart by a leaf that holds how much was parsed."""

    g: Gen
    parsed: Label
    """Where they all go."""
    cursor: Ref
    exits: list[Exit] = field(default_factory=list)
    grows: bool = False
    """Whether what was deparsed may be longer than what came."""
    header_bytes: int = 0
    """Bytes of headers that were deparsed, at most."""

    @classmethod
    def of(cls, g: Gen, name: str = "$cursor") -> Arrivals:
        """None yet; the leaf is declared here."""
        return cls(g, g.asm.label(), g.declare(name, ir.bits(16)))

    def accept(self, point: ParsePoint) -> None:
        """The code of an arrival."""
        sizes, starts = (tuple(sorted(each.items())) for each in (point.sizes, point.starts))
        self.exits.append(Exit(point.tagged, point.cursor, point.valid or frozenset(), sizes, starts))
        self.g.store_constant(Leaf(self.cursor.path, 16), point.cursor)
        self.g.asm.goto(self.parsed)

    def deparse(
        self,
        control: ir.Control,
        frame: dict[str, Ref],
        copy: Callable[[], None] | None = None,
        *,
        before: Sequence[Flow],
        discard: bool = False,
    ) -> int:
        """The new frame is written, or with ``copy`` a copy of it sent, or it is discarded; the code goes on. The bytes
        that it has at least. ``before``: what may have run since the parser."""
        g, written = self.g, self.g.asm.label()
        exits = self._behind(control, before)
        deparser = Deparser(g, control, self.cursor, written, copy, discard, known=exits is not None)
        with g.asm.at(control.span):
            calls.top_level(g, lambda: deparser.run(frame, self.exits if exits is None else exits))
        g.asm.place(written)
        self.grows = deparser.grows
        self.header_bytes = max(deparser.written, default=0)
        return min(deparser.shortest, default=g.shortest)

    def _behind(self, deparser: ir.Control, before: Sequence[Flow]) -> list[Exit] | None:
        """The ways out of the parser, each with the headers that can be valid at the deparser if the packet came on it;
        None if that is not known."""
        program = self.g.program
        if self.g.forgotten:
            return None
        if validity.changed_in(program, deparser) or any(validity.changed_in(program, p) for p in program.parsers):
            return None
        known: dict[frozenset[str], frozenset[frozenset[str]] | None] = {}
        found: list[Exit] = []
        for way in self.exits:
            if way.valid not in known:
                known[way.valid] = validity.behind(program, before, way.valid)
            states = known[way.valid]
            if states is None or len(found) + len(states) > MOST_EXITS:
                return None
            found += [replace(way, valid=state) for state in sorted(states, key=sorted)]
        return found


def member(ref: Ref, name: str, span: Span) -> Ref:
    """The field ``name`` of a struct that the architecture declares."""
    for part in parts(ref.type, ref):
        if part.path == f"{ref.path}.{name}":
            return part
    raise CannotOffload(f"a struct of the architecture without its {name}", span)


@dataclass
class Parsing:
    """A parser behind which packets go on in any case, with its error told; a packet's rest begins where it stood."""

    arrivals: Arrivals
    store_error: Callable[[str], None]
    rejected: Label | None = None
    """Where packets go that the program itself rejects, if they do not go on."""
    _stubs: dict[tuple[object, ...], tuple[Label, ParsePoint, str | None]] = field(default_factory=dict)

    def run(self, parser: ir.Parser, env: dict[str, Ref]) -> None:
        """The code of the parser, entered by the hook's frame; it goes on at ``arrivals.parsed``."""
        g = self.arrivals.g
        points = ParsePoint.of(g, self._rejected)
        calls.top_level(g, lambda: self._run(parser, env, points))
        g.asm.place(self.arrivals.parsed)

    def _run(self, parser: ir.Parser, env: dict[str, Ref], points: dict[bool, ParsePoint]) -> None:
        g = self.arrivals.g
        ParserGen(g, self.arrivals.accept, reject_ends=False).run(parser, env, entries(g, points))
        done = 0
        while done < len(self._stubs):
            label, point, error = list(self._stubs.values())[done]
            done += 1
            g.asm.place(label)
            if error is not None:
                self.store_error(error)
            self.arrivals.accept(point)

    def _rejected(self, point: ParsePoint, error: str | None) -> Label:
        if self.rejected is not None and error in (None, NO_ERROR):
            return self.rejected
        key = (error, point.known)
        if key not in self._stubs:
            self._stubs[key] = (self.arrivals.g.asm.label(), point.copy(), error)
        return self._stubs[key][0]
