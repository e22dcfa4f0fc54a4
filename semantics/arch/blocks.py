"""Any architecture, block by block: each parser and control of the package is a function of its own.

What a package does around its blocks is known for some architectures only; but two programs of one package whose
blocks do the same do the same, whatever that is. A block is a function

* from its ``in`` and ``inout`` parameters (``in.NAME``, one input for each leaf, arbitrary), the packet that a
  ``packet_in`` reads, what the control plane's rules answer, and the world of the externs (:mod:`.opaque`),
* to its ``out`` and ``inout`` parameters (``metadata`` of the same names; an ``out`` parameter begins undefined), what
  a ``packet_out`` was given, and that world. A parser also ends in accept or reject, with an error, somewhere in the
  packet.

What was emitted is told in one of two ways: as the sequence of headers, each one step of an uninterpreted function
(:data:`EMITTED`), or as a packet laid out in bytes, in front of any payload. The first is small and proves equality;
the second is what a difference is shown on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning import statements, tables
from ..meaning.behaviour import Behaviour, Case, Output
from ..meaning.blocks import run_control
from ..meaning.inputs import Concrete, Input, Symbolic
from ..meaning.layouts import layouts
from ..meaning.machine import Machine, deep_recursion
from ..meaning.parameters import Leaf, Names, arbitrary, flatten
from ..meaning.parsing import run_parser
from ..meaning.state import Piece
from ..meaning.trace import Trace
from ..meaning.values import Scalar, Text, Value, uninitialised
from ..rules.ruleset import RuleSet
from ..source import NOWHERE, Span, Unsupported
from .endless import EndlessLoops
from .opaque import PARAMETER, WORLD, OpaqueExterns, begin_world, has_called, table_hook, world

ACCEPTED: Final = "accepted"
ERROR: Final = "parser error"
POSITION: Final = "position in the packet"
EMITTED: Final = "emitted headers"
EMITTED_BITS: Final = 64

_SUBJECTS: Final = (statements, tables)
"""Modules that register the meaning of nodes when they are imported."""

Identity = Callable[[str], str]
Emission = Literal["sequence", "bytes"]


@dataclass(frozen=True)
class Interface:
    """The leaves that go into a block and those that come out, in order, by their names."""

    into: tuple[Leaf, ...]
    out: tuple[Leaf, ...]

    @property
    def widths(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """What two blocks must share so that one can stand for the other."""
        return tuple(w for _, w in self.into), tuple(w for _, w in self.out)


@dataclass(frozen=True)
class BlockMeaning:
    """What one block does."""

    behaviour: Behaviour
    interface: Interface
    turned: bool = False
    """Whether it would be another one if loops of parsers were followed as far as they are at all."""
    loops: tuple[str, ...] = ()
    """Loops of which nothing is known but one turn (:mod:`.endless`), by their digests: with another program's block
    that has the same ones, no other, this one may be compared, and a difference shows nothing."""
    loops_chosen: bool = False
    """Whether one of these reads undefined values."""
    at_any_time: tuple[str, ...] = ()
    """As of :class:`.opaque.OpaqueExterns`: whether they are called has to make no difference to a difference."""
    promising: bool = False
    """As of :class:`.opaque.OpaqueExterns`: a difference may be none if what is said of externs is kept."""


@dataclass(frozen=True)
class Slot:
    """An argument of the package ``main``, or of a package in it: ``path`` says which; a block's full name, or what
    else stands there as text (constants, extern instances with their arguments)."""

    path: str
    block: str | None
    other: str = ""


def slots(program: ir.Program) -> tuple[Slot, ...]:
    """The arguments of ``main``, those of packages among them in their place.

    Raises:
        Unsupported: the program has no ``main``.
    """
    if program.main is None:
        raise Unsupported("a program without a package main", Span(program.file, 1, 1))
    blocks = {*(parser.name for parser in program.parsers), *(control.name for control in program.controls)}
    packages = {package.name: package for package in program.packages}
    found: list[Slot] = []

    def add(package: ir.Package, prefix: str) -> None:
        for name, value in package.args:
            path = f"{prefix}{name}"
            if isinstance(value, str) and value in packages:
                add(packages[value], f"{path}.")
            elif isinstance(value, str) and value in blocks:
                found.append(Slot(path, value))
            else:
                found.append(Slot(path, None, ir.argument_text(program, value)))

    add(program.package(program.main), "")
    return tuple(found)


def block_meaning(
    program: ir.Program,
    block: str,
    rules: RuleSet | None = None,
    *,
    like: Interface | None = None,
    identity: Identity = lambda name: name,
    emission: Emission = "sequence",
    source: Input | None = None,
    trace: Trace | None = None,
    turns: int | None = None,
    loops_at_once: bool = False,
    as_said: bool = False,
    promised: bool = False,
) -> BlockMeaning:
    """What a block does, for every input.

    Args:
        program: the program.
        block: the full name of one of its parsers or controls.
        rules: what the control plane has installed; None for anything that it could install.
        like: the interface of a block whose names are to be used, leaf by leaf.
        identity: by what name extern instances are known (:class:`.opaque.OpaqueExterns`).
        emission: how emitted headers are told.
        source: the inputs; None for all.
        trace: told what happens, if the inputs are numbers.
        turns: how often a parser's loop is followed; None for as often as :mod:`..meaning.parsing` says.
        loops_at_once: turns of loops of which it is open how many they make are not followed (:mod:`.endless`).
        as_said, promised: as of :class:`.opaque.OpaqueExterns`.

    Raises:
        Unsupported: the block uses what is not modelled; with the place.
    """
    externs = OpaqueExterns(identity, as_said=as_said, promised=promised)
    m = Machine(program, rules, source or Symbolic(), externs, trace)
    m.opaque = True
    m.turns = turns
    m.on_hit.append(table_hook(identity))
    loops = EndlessLoops(WORLD, begin_world, loops_at_once)
    if source is None:
        m.endless = loops
    begin_world(m)
    into = Names([n for n, _ in like.into] if like else None)
    run = _Block(m, externs, Names(), [n for n, _ in like.out] if like else None, emission)
    with deep_recursion(), _placed(program):
        parser = next((p for p in program.parsers if p.name == block), None)
        cases = run.control(program.control(block), into) if parser is None else run.parser(parser, into)
    interface = Interface(tuple(into.taken), tuple(run.out.taken))
    behaviour, unsaid = _behaviour(m, cases), tuple(externs.at_any_time)
    return BlockMeaning(behaviour, interface, m.turned, tuple(loops.taken), loops.chosen, unsaid, externs.promising)


def preserved(program: ir.Program, block: str) -> tuple[tuple[int, tuple[str | int | bool, ...]], ...]:
    """Which leaves of a block's parameters an annotation ``@field_list`` puts into lists: an architecture reads them
    after the block, whatever the block says. (Number of the leaf, the lists.)"""
    found: list[tuple[int, tuple[str | int | bool, ...]]] = []
    count = 0

    def walk(type_: ir.Type, lists: tuple[str | int | bool, ...]) -> None:
        nonlocal count
        bare = ir.bare(type_)
        if isinstance(bare, ir.StructType | ir.HeaderType | ir.UnionType):
            for part in bare.fields:
                own = [v for a in part.annotations if a.name == "field_list" for v in a.values]
                walk(part.type, (*lists, *own))
        elif isinstance(bare, ir.TupleType):
            for element in bare.elements:
                walk(element, lists)
        elif isinstance(bare, ir.StackType):
            for _ in range(bare.size):
                walk(bare.element, lists)
        else:
            if lists:
                found.append((count, lists))
            count += 1

    parser = next((p for p in program.parsers if p.name == block), None)
    for param in (parser if parser is not None else program.control(block)).params:
        walk(param.type, ())
    return tuple(found)


def results_of(program: ir.Program, block: str) -> tuple[str, ...]:
    """The names of what a block leaves behind, extern calls apart.

    Raises:
        Unsupported: a parameter's type has no values at run time.
    """
    parser = next((p for p in program.parsers if p.name == block), None)
    params = parser.params if parser is not None else program.control(block).params
    names = [] if parser is None else [ACCEPTED, ERROR, POSITION]
    for param in params:
        if _is(param, "packet_out"):
            names.append(EMITTED)
        elif param.direction in ("out", "inout") and not isinstance(ir.bare(param.type), ir.ExternType):
            if not isinstance(ir.bare(param.type), ir.VoidType):
                value = uninitialised(param.type, param.span)
                leaves = flatten(value, param.type, param.name, lambda leaf, _: leaf.term, param.span)
                names += [name for name, _ in leaves]
    return tuple(names)


def run_block(
    program: ir.Program,
    block: str,
    rules: RuleSet,
    source: Concrete,
    trace: Trace,
    like: Interface | None = None,
    identity: Identity = lambda name: name,
    *,
    as_said: bool = False,
    promised: bool = False,
) -> tuple[dict[str, int], Interface]:
    """What a block does on numbers: its results by name (those of emitted bytes as one number), and its interface;
    ``as_said`` and ``promised`` as of :class:`.opaque.OpaqueExterns`.

    Raises:
        Unsupported: the block uses what is not modelled.
    """
    found = block_meaning(
        program, block, rules, like=like, identity=identity, emission="bytes", source=source, trace=trace,
        as_said=as_said, promised=promised,
    )  # fmt: skip
    case = next(case for case in found.behaviour.cases if case.guard is b.TRUE)
    results = {name: term.value for name, term in case.metadata.items()}
    for output in case.outputs:
        results[EMITTED] = int.from_bytes(bytes([1, *(t.value for t in output.packet.prefix)]), "big")
    return results, found.interface


class _placed:  # noqa: N801
    """What is unsupported without a better place is so in the program's file."""

    def __init__(self, program: ir.Program) -> None:
        self._file = program.file

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: object, problem: BaseException | None, trace: object) -> None:
        if isinstance(problem, Unsupported) and (problem.span is NOWHERE or not problem.span.file):
            raise Unsupported(problem.reason, Span(self._file, 1, 1)) from problem


@dataclass
class _Block:
    """One block being run."""

    m: Machine
    externs: OpaqueExterns
    out: Names
    given: Sequence[str] | None
    emission: Emission

    def parser(self, parser: ir.Parser, into: Names) -> list[Case]:
        """A case for each way through a parser."""
        m = self.m
        cases = []
        for way in run_parser(m, parser, self._arguments(parser.params, into), m.state):
            m.state = way.state
            m.outer_paths = []
            error = b.bv(0, 32) if way.accepted else way.state.error
            metadata = {
                **self._results(parser.params, way.state.store),
                ACCEPTED: b.from_bool(b.boolean(way.accepted)),
                ERROR: error,
                POSITION: b.bv(way.state.cursor, 32),
                **self._world(),
                **self.externs.seen_later(m),
            }
            cases.append(Case(way.state.path, (), metadata))
        return cases

    def control(self, control: ir.Control, into: Names) -> list[Case]:
        """A control has one case, or one for each layout of what it emits."""
        m = self.m
        later: dict[str, Term] = {}
        after = run_control(
            m, control, self._arguments(control.params, into), lambda: later.update(self.externs.seen_later(m))
        )
        metadata = {**self._results(control.params, after), **self._world(), **later}
        emits = any(_is(p, "packet_out") for p in control.params)
        if not emits:
            return [Case(b.TRUE, (), metadata)]
        pieces = m.state.pieces
        if self.emission == "sequence":
            return [Case(b.TRUE, (), {**metadata, EMITTED: _sequence(m, pieces)})]
        return list(_laid_out(pieces, metadata, control.span))

    def _world(self) -> dict[str, Term]:
        """The externs' world afterwards, if it may be another one."""
        return {WORLD: world(self.m)} if has_called(self.m) else {}

    def _arguments(self, params: Sequence[ir.Param], into: Names) -> dict[str, Value]:
        values: dict[str, Value] = {}
        for position, param in enumerate(params):
            if isinstance(ir.bare(param.type), ir.ExternType):
                if not (_is(param, "packet_in") or _is(param, "packet_out")):
                    values[param.name] = Text(f"{PARAMETER}{position}")
                continue
            if param.direction == "out":
                values[param.name] = uninitialised(param.type, param.span)
            else:
                values[param.name] = arbitrary(self.m, param.type, param.name, into, param.span)
        return values

    def _results(self, params: Sequence[ir.Param], store: dict[str, Value]) -> dict[str, Term]:
        """The leaves of what comes out, by name."""
        m = self.m
        self.out = Names(self.given)
        found: dict[str, Term] = {}
        for param in params:
            if param.direction not in ("out", "inout") or isinstance(ir.bare(param.type), ir.ExternType):
                continue
            span = param.span

            def read(leaf: Scalar, path: str, span: Span = span) -> Term:
                defined = m.decide(leaf.defined)
                if defined is b.TRUE:
                    return leaf.term
                other = m.fresh(leaf.term.width, f"{path} is not defined at the end of its block", span)
                return b.ite(defined, leaf.term, other)

            for path, term in flatten(store[param.name], param.type, param.name, read, span):
                found[self.out.take(path, term.width)] = term
        return found


def _is(param: ir.Param, extern: str) -> bool:
    type_ = ir.bare(param.type)
    return isinstance(type_, ir.ExternType) and type_.name == extern


def _sequence(m: Machine, pieces: Sequence[Piece]) -> Term:
    """What was emitted as one step after the other."""
    emitted = b.bv(0, EMITTED_BITS)
    for piece in pieces:
        given = (emitted, piece.bits) if piece.length is None else (emitted, piece.bits, piece.length)
        kind = "bits" if piece.length is None else "varbit"
        name = f"emit.{kind}.{piece.bits.width}"
        after = m.input.function(name, EMITTED_BITS, given, "a header is emitted", piece.span, m.trace)
        emitted = b.ite(piece.when, after, emitted)
    return emitted


def _laid_out(pieces: Sequence[Piece], metadata: dict[str, Term], span: Span) -> Iterator[Case]:
    for layout in layouts(pieces, 0, b.TRUE, span):
        known = dict(zip(metadata, b.substitute(metadata.values(), layout.known), strict=True))
        output = Output(b.TRUE, "stack", b.bv(0, 32), layout.packet)
        yield Case(layout.when, (output,), known)


def _behaviour(m: Machine, cases: list[Case]) -> Behaviour:
    terms = [t for case in cases for t in (case.guard, *case.metadata.values())]
    terms += [t for case in cases for o in case.outputs for t in o.packet.prefix]
    variables = b.variables(*terms)
    asked = {*b.applications(*terms), *variables}
    assumptions = {a.condition: a for a in m.assumptions if any(v in asked for v in b.variables(a.condition))}
    axioms = tuple(axiom for axiom in m.axioms if _about(axiom, asked))
    mentioned = {v.name for v in (*variables, *b.variables(*assumptions))}
    choices = tuple(choice for name, choice in m.choices.items() if name in mentioned)
    observables = dict.fromkeys(name for case in cases for name in case.metadata)
    outputs = ("outputs",) if any(case.outputs for case in cases) else ()
    return Behaviour(
        tuple(cases), tuple(assumptions.values()), axioms, choices, (*outputs, *observables), tuple(m.notes),
        held=tuple(m.held),
    )  # fmt: skip


def _about(axiom: Term, asked: set[Term]) -> bool:
    """Whether an axiom speaks of anything that the cases ask."""
    named = [*b.applications(axiom), *(v for v in b.variables(axiom) if v.name.startswith("table."))]
    return axiom is not b.TRUE and any(term in asked for term in named)
