"""The meaning of a program: its behaviour on every packet, or what it does to one.

A definitional semantics after the P4-16 specification 1.2.5, with the architecture's part in
:mod:`p4verify.semantics.arch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .. import bits as b
from .. import ir
from ..arch.base import Architecture, Ended, Sent
from ..arch.ebpf_model import EbpfModel
from ..arch.pna import Pna
from ..arch.psa import Psa
from ..arch.ubpf_model import UbpfModel
from ..arch.v1model import V1Model
from ..arch.xdp_model import XdpModel
from ..bits import Term
from ..rules.build import program_rules
from ..rules.cells import initial_values
from ..rules.ruleset import RuleSet
from ..source import NOWHERE, Span, Unsupported
from . import statements, tables
from .behaviour import CHOICE, Assumption, Behaviour, Case, Choice, Output, Packet, distinct_terms
from .bounds import UNBOUNDED, Bounds
from .concrete import Told
from .inputs import Concrete, OneFrame, Symbolic
from .layouts import Layout, cut_to, layouts
from .machine import Machine, deep_recursion
from .opened import Lookup
from .passes import Arrival, Passed, all_passes
from .selectors import selections
from .state import Piece
from .trace import Trace, failed_assertion
from .unknown_externs import call_unknown

ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    a.name: a for a in (V1Model(), EbpfModel(), UbpfModel(), XdpModel(), Psa(), Pna())
}
"""By ``Program.arch``."""

_SUBJECTS: Final = (statements, tables)
"""Modules that register the meaning of nodes when they are imported."""


def meaning(
    program: ir.Program,
    rules: RuleSet | None = None,
    turns: int | None = None,
    *,
    meters_kept: bool = False,
    frame: bytes | None = None,
    bounds: Bounds = UNBOUNDED,
) -> Behaviour:
    """What ``program`` does to any packet.

    Args:
        program: the program.
        rules: what the control plane has installed; None for anything that it could install.
        turns: how often loops are followed; None for as often as :mod:`.parsing` and :mod:`.statements` say.
        meters_kept: whether colours of meters depend on what these hold (:mod:`..arch.meters`); else they are choices.
        frame: what the packet is, of which alone the behaviour speaks then; None for any.
        bounds: how far to go.

    Raises:
        Unsupported: the program uses what is not modelled, or the bounds are too narrow; with the place.
        OutOfTime: the bounds say so.
    """
    none = frozenset[str]()
    return with_open_tables(program, rules, none, turns, meters_kept=meters_kept, frame=frame, bounds=bounds)[0]


def with_open_tables(
    program: ir.Program,
    rules: RuleSet | None,
    tables: frozenset[str],
    turns: int | None = None,
    *,
    meters_kept: bool = False,
    frame: bytes | None = None,
    bounds: Bounds = UNBOUNDED,
) -> tuple[Behaviour, list[Lookup]]:
    """The same with some tables (control-plane names) left open although their rules are known, and where each of these
    is asked.

    Raises:
        Unsupported, OutOfTime: see :func:`meaning`.
    """
    architecture = _architecture(program)
    m = Machine(program, rules, Symbolic() if frame is None else OneFrame(frame), architecture.externs)
    m.unknown_extern = call_unknown
    m.turns = turns
    m.meters_kept = meters_kept
    m.open_tables = tables
    m.bounds = bounds
    cases: list[Case] = []
    with deep_recursion(), _placed(program):
        outputs = 0
        for ended in architecture.run(m):
            made = _cases(m, ended, ended.state.cells, outputs)
            outputs += sum(len(case.outputs) for case in made)
            cases += made
    domain = (*architecture.domain(), *_distinct(m.assumptions))
    cases = _only_read(cases, domain)
    leaves = [t for t in b.postorder(distinct_terms(cases)) if t.op in ("var", "apply")]
    mentioned = {v.name for v in (*leaves, *b.variables(*(a.condition for a in domain))) if v.op == "var"}
    mentioned |= {f"{CHOICE}{name.removeprefix('open.')}" for name in mentioned if name.startswith("open.")}
    axioms = tuple(_about(m.axioms, set(leaves)))
    choices = tuple(choice for name, choice in m.choices.items() if name in mentioned)
    found = Behaviour(tuple(cases), domain, axioms, choices, _observables(cases), tuple(m.notes), held=tuple(m.held))
    return found, m.looked_up


def _observables(cases: Sequence[Case]) -> tuple[str, ...]:
    """What is compared: outputs, what the control plane is told, metadata that leaves, and states by name."""
    states = {name for case in cases for name in (*case.state, *(n for o in case.outputs for n in o.state))}
    events = ("events",) if any(case.events for case in cases) else ()
    metadata = {name for case in cases for name in case.metadata}
    return ("outputs", *events, *sorted(metadata), *sorted(states))


def _architecture(program: ir.Program) -> Architecture:
    for item in program.instances:
        if item.size is not None or item.made_by:
            what = f"the result of {item.made_by}" if item.made_by else "an array of objects"
            raise Unsupported(f"extern {item.extern} as {what}", item.span)
    architecture = ARCHITECTURES.get(program.arch)
    if architecture is None:
        raise Unsupported(f"architecture {program.arch or 'that is not known'}", Span(program.file, 1, 1))
    return architecture


@contextmanager
def _placed(program: ir.Program) -> Iterator[None]:
    """What is unsupported without a better place is so in the program's file."""
    try:
        yield
    except Unsupported as problem:
        if problem.span is NOWHERE or not problem.span.file:
            raise replace(problem, span=Span(program.file, 1, 1)) from problem
        raise


def _distinct(assumptions: list[Assumption]) -> list[Assumption]:
    return list({(a.text, a.condition): a for a in assumptions}.values())


def _only_read(cases: list[Case], domain: Sequence[Assumption]) -> list[Case]:
    """The cases without the metadata that goes with frames that come back and that no pass reads."""
    carried = {name for case in cases for o in case.outputs for name in o.metadata}
    if not carried:
        return cases
    bare = [replace(case, outputs=tuple(replace(o, metadata={}) for o in case.outputs)) for case in cases]
    terms = [*distinct_terms(bare), *(a.condition for a in domain)]
    read = {v.name for v in b.variables(*terms)}
    while True:
        more = [t for case in cases for o in case.outputs for n, t in o.metadata.items() if f"in.{n}" in read]
        now = read | {v.name for v in b.variables(*more)}
        if now == read:
            break
        read = now

    def pruned(output: Output) -> Output:
        return replace(output, metadata={n: t for n, t in output.metadata.items() if f"in.{n}" in read})

    return [replace(case, outputs=tuple(pruned(o) for o in case.outputs)) for case in cases]


def _about(axioms: Iterable[Term], asked: set[Term]) -> Iterator[Term]:
    """The axioms that speak of anything that the cases ask: of what functions answer, or of a table without a key."""
    known: dict[Term, bool] = {}
    for axiom in axioms:
        for term in b.postorder([axiom], known):
            if term not in known:
                answer = term.op == "apply" or (term.op == "var" and term.name.startswith("table."))
                known[term] = (answer and term in asked) or any(known[arg] for arg in term.args)
        if axiom is not b.TRUE and known[axiom]:
            yield axiom


_Part = tuple[Term, dict[Term, Term], list[Output]]
"""A guard, what was decided to get there, and the outputs so far."""


def _cases(m: Machine, ended: Ended, names: Iterable[str], before: int = 0) -> list[Case]:
    """One case for each layout of the frames that are sent once; ``names`` says which state it tells, ``before`` how
    many outputs there are already.

    The layouts of a copy that goes to each member of a group may depend on the member, so they are outputs of their
    own, under conditions that exclude each other.
    """
    if ended.guard is b.FALSE:
        return []
    m.state = ended.state
    state = {name: m.cell_after(name) for name in names}
    parts: list[_Part] = [(ended.guard, {}, [])]
    for sent in ended.sent:
        if sent.each:
            made = _copies(m, sent, ended.guard)
            parts = [(guard, known, [*outputs, *made]) for guard, known, outputs in parts]
        else:
            parts = [part for guard, known, outputs in parts for part in _split(m, sent, guard, known, outputs)]
        m.bounds.check_outputs(before + sum(len(outputs) for _, _, outputs in parts), sent.span)
        m.bounds.check_time()
    return [_case(ended, state, *part) for part in parts]


def _case(
    ended: Ended, state: Mapping[str, Term], guard: Term, known: Mapping[Term, Term], outputs: Sequence[Output]
) -> Case:
    """The case of one layout. Copies are not simplified by what was decided: all cases share them."""
    once = tuple(o for o in outputs if not o.each)
    case = Case(guard, once, ended.metadata, state, ended.events)
    if known:
        terms = case.terms()
        new = dict(zip(terms, b.substitute(terms, known), strict=True))
        case = replace(case.mapped(new), guard=guard)
    simplified = iter(case.outputs)
    every = [o if o.each else next(simplified) for o in outputs]
    kept = tuple(o for o in every if o.when is not b.FALSE or o.state)
    told = tuple(e for e in case.events if e.when is not b.FALSE)
    return replace(case, outputs=kept, events=told)


def _split(m: Machine, sent: Sent, guard: Term, known: dict[Term, Term], outputs: list[Output]) -> list[_Part]:
    """The layouts of one frame that is sent, next to those before it."""
    return [
        (layout.when, {**known, **layout.known}, [*outputs, _output(sent, sent.when, layout.packet)])
        for layout in _layouts(m, sent, guard)
    ]


def _copies(m: Machine, sent: Sent, guard: Term) -> list[Output]:
    """The layouts of a copy, each an output; the state that the copy writes is told with the last."""
    made = [
        replace(_output(sent, b.and_(sent.when, layout.condition), layout.packet), state={})
        for layout in _layouts(m, sent, guard)
    ]
    made[-1] = replace(made[-1], state=sent.state)
    return made


def _layouts(m: Machine, sent: Sent, guard: Term) -> list[Layout]:
    """The layouts of a frame; what is left of a byte of which the parser took a part comes before the other bytes."""
    pieces, cursor, taken, frame = sent.pieces, sent.cursor, sent.cursor % 8, sent.frame
    if taken:
        at = cursor // 8
        octet = frame.prefix[at] if at < len(frame.prefix) else m.input.byte(at - frame.delta)
        pieces = (*pieces, Piece(b.TRUE, b.extract(octet, 7 - taken, 0), None, sent.span))
        cursor += 8 - taken
    return cut_to(layouts(pieces, cursor, guard, sent.span, frame), sent.cut, m.input.length)


def _output(sent: Sent, when: Term, packet: Packet) -> Output:
    return Output(when, sent.to, sent.port, packet, sent.each, sent.metadata, sent.state)


# --- one packet -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a program did to one packet, in all its passes."""

    outputs: tuple[tuple[str, int, bytes], ...]
    """``(to, port, frame)``: what left in the end, in order."""
    state: dict[str, dict[int, int]]
    """Cells that were written: name → index → value afterwards."""
    trace: Trace = field(default_factory=Trace)
    events: tuple[Told, ...] = ()
    """What the control plane was told: name and fields."""
    passes: int = 1
    metadata: dict[str, int] = field(default_factory=dict)
    """Metadata that left with the last pass; a name that is absent is unchanged."""

    @property
    def failed(self) -> dict[str, Any] | None:
        """The step of the first ``assert`` or ``assume`` that was false. There the machine stops, after the comments of
        p4c's ``v1model.p4``: nothing comes out any more, and nothing that the pass has done stays."""
        return failed_assertion(self.trace)

    @property
    def undefined(self) -> list[dict[str, Any]]:
        """Where values were read that the specification leaves open (they were taken to be 0)."""
        return [step for step in self.trace.steps if step["step"] == "undefined"]

    def to_json(self) -> dict[str, Any]:
        """The run as plain JSON data (frames in hexadecimal)."""
        return {
            "outputs": [{"to": to, "port": port, "packet": frame.hex()} for to, port, frame in self.outputs],
            "dropped": not self.outputs and self.failed is None,
            "events": [{"name": name, "fields": list(fields)} for name, fields in self.events],
            "state": {name: {str(i): v for i, v in cells.items()} for name, cells in self.state.items()},
            **({"metadata": self.metadata} if self.metadata else {}),
            **({"stopped": self.failed} if self.failed is not None else {}),
            "trace": self._path(),
        }

    def _path(self) -> list[dict[str, Any]]:
        """The steps, up to where the machine stops."""
        steps = self.trace.steps
        return steps if self.failed is None else steps[: 1 + next(i for i, s in enumerate(steps) if s is self.failed)]


def run(
    program: ir.Program,
    rules: RuleSet | None,
    packet: bytes,
    port: int,
    *,
    metadata: Mapping[str, int] | None = None,
    cells: Mapping[str, Callable[[int], int]] | None = None,
    choice: Callable[[Choice], int] | None = None,
    functions: Mapping[str, Callable[..., int]] | None = None,
    leftovers: bool = False,
    meters_kept: bool = False,
) -> Run:
    """What ``program`` does to one packet.

    Args:
        program: the program.
        rules: what the control plane has installed; None for the entries of the source alone.
        packet: the frame on the wire.
        port: where it comes in.
        metadata: ``in.NAME`` → value in the first pass; what is not given is 0.
        cells: state's name → what its cells hold before; what is not given is what the rules say, else the
            register's initial value, else 0.
        choice: the value of an undefined read; 0 if not given.
        functions: what nobody says of externs (what one that the program declares answers, an unknown hash): name →
            function; of others 0. Which member of a group an action selector picks, too: else BMv2's.
        leftovers: what is undefined is what was there last (a field of a header that was removed), as in most machines.
        meters_kept: as of :func:`meaning`; what is held, and what comes of it, are among ``cells`` and ``functions``.

    Raises:
        Unsupported: the program uses what is not modelled; with the place.
        ValueError: the packet is longer than 65535 bytes, or the port is none that the architecture has.
    """
    runner = _Runner(
        program,
        rules if rules is not None else program_rules(program),
        _architecture(program),
        cells or {},
        choice or (lambda _: 0),
        functions or {},
        leftovers,
        meters_kept,
    )
    with deep_recursion(), _placed(program):
        whole = all_passes(Arrival(packet, port, metadata or {}), runner.once)
    return Run(whole.outputs, runner.state, runner.trace, whole.events, whole.passes, runner.metadata)


@dataclass
class _Runner:
    """The passes of one packet, with the state that they leave."""

    program: ir.Program
    rules: RuleSet
    architecture: Architecture
    before: Mapping[str, Callable[[int], int]]
    choice: Callable[[Choice], int]
    functions: Mapping[str, Callable[..., int]]
    leftovers: bool
    meters_kept: bool
    trace: Trace = field(default_factory=Trace)
    state: dict[str, dict[int, int]] = field(default_factory=dict)
    initial: Mapping[str, int] = field(init=False)
    metadata: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.initial = initial_values(self.program)
        self.known = {**selections(self.program, self.rules), **self.functions}

    def once(self, arrival: Arrival) -> Passed:
        """One pass."""
        packet, port = arrival.packet, arrival.port
        if failed_assertion(self.trace) is not None:
            return Passed((), ())
        if len(packet) > 0xFFFF:
            raise ValueError(f"a frame of {len(packet)} bytes is longer than 65535")
        for assumption in self.architecture.domain():
            if b.evaluate([assumption.condition], {"in.port": port, "pkt.len": len(packet)}) == [0]:
                raise ValueError(assumption.text)
        if arrival.by != "port":
            self.trace.steps.append({"step": "pass", "by": arrival.by, "port": port, "packet": packet.hex()})
        source = Concrete(packet, port, arrival.metadata, self._cells(), self.choice, self.known, self.leftovers)
        m = Machine(self.program, self.rules, source, self.architecture.externs, self.trace)
        m.unknown_extern = call_unknown
        m.meters_kept = self.meters_kept
        ended = [e for e in self.architecture.run(m) if e.guard is not b.FALSE]
        if failed_assertion(self.trace) is not None:
            return Passed((), ())
        cases = [case for e in ended for case in _cases(m, e, ())]
        assert len(cases) == 1, "one packet takes one way"
        self._write(ended[0])
        self.metadata = {name: term.value for name, term in cases[0].metadata.items()}
        sent = [o for o in cases[0].outputs if o.when is b.TRUE]
        outputs = tuple((o.to, o.port.value, _frame(o.packet, packet)) for o in sent)
        for to, out_port, frame in outputs:
            self.trace.steps.append({"step": "output", "to": to, "port": out_port, "packet": frame.hex()})
        carried = tuple({name: term.value for name, term in o.metadata.items()} for o in sent)
        events = tuple((e.name, tuple(t.value for t in e.fields)) for e in cases[0].events)
        return Passed(outputs, carried, events)

    def _cells(self) -> Mapping[str, Callable[[int], int]]:
        """What the cells hold now."""
        names = {*self.before, *self.state, *self.rules.cells, *self.initial}
        return {name: self._reader(name) for name in names}

    def _reader(self, name: str) -> Callable[[int], int]:
        written, before = dict(self.state.get(name, {})), self.before.get(name)
        preset, initial = self.rules.cells.get(name, {}), self.initial.get(name, 0)

        def read(index: int) -> int:
            if index in written:
                return written[index]
            return before(index) if before is not None else preset.get(index, initial)

        return read

    def _write(self, ended: Ended) -> None:
        """Keep the cells that a pass has written."""
        for name, writes in ended.state.cells.items():
            for write in writes:
                if write.when is b.TRUE:
                    self.state.setdefault(name, {})[write.index.value] = write.value.value


def _frame(made: Packet, packet: bytes) -> bytes:
    """The bytes of a packet whose terms are numbers."""
    return made.sent(packet, lambda *terms: [t.value for t in terms])
