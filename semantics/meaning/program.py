"""The meaning of a program: its behaviour on every packet, or what it does to one.

A definitional semantics after the P4-16 specification 1.2.5, with the architecture's part in
:mod:`p4verify.semantics.arch`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .. import bits as b
from .. import ir
from ..arch.base import Architecture, Ended, Sent
from ..arch.ebpf_model import EbpfModel
from ..arch.ubpf_model import UbpfModel
from ..arch.v1model import V1Model
from ..arch.xdp_model import XdpModel
from ..bits import Term
from ..rules.build import program_rules
from ..rules.ruleset import RuleSet
from ..source import NOWHERE, Span, Unsupported
from . import statements, tables
from .behaviour import Assumption, Behaviour, Case, Choice, Output, Packet
from .inputs import Concrete, Symbolic
from .machine import Machine, deep_recursion
from .packet_out import layouts
from .trace import Trace

ARCHITECTURES: Final[Mapping[str, Architecture]] = {
    a.name: a for a in (V1Model(), EbpfModel(), UbpfModel(), XdpModel())
}
"""By ``Program.arch``."""

_SUBJECTS: Final = (statements, tables)
"""Modules that register the meaning of nodes when they are imported."""


def meaning(program: ir.Program, rules: RuleSet | None = None) -> Behaviour:
    """What ``program`` does to any packet.

    Args:
        program: the program.
        rules: what the control plane has installed; None for anything that it could install.

    Raises:
        Unsupported: the program uses what is not modelled; with the place.
    """
    architecture = _architecture(program)
    m = Machine(program, rules, Symbolic(), architecture.externs)
    with deep_recursion(), _placed(program):
        cases = [case for ended in architecture.run(m) for case in _cases(m, ended, ended.state.cells)]
    terms = [t for case in cases for t in case.terms()]
    domain = (*architecture.domain(), *_distinct(m.assumptions))
    mentioned = {v.name for v in b.variables(*terms, *(a.condition for a in domain))}
    asked = set(b.applications(*terms)) | set(b.variables(*terms))
    axioms = tuple(axiom for axiom in m.axioms if _about(axiom, asked))
    choices = tuple(choice for name, choice in m.choices.items() if name in mentioned)
    states = sorted({name for case in cases for name in case.state})
    return Behaviour(tuple(cases), domain, axioms, choices, ("outputs", *states), tuple(m.notes))


def _architecture(program: ir.Program) -> Architecture:
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
            raise Unsupported(problem.reason, Span(program.file, 1, 1)) from problem
        raise


def _distinct(assumptions: list[Assumption]) -> list[Assumption]:
    return list({a.condition: a for a in assumptions}.values())


def _about(axiom: Term, asked: set[Term]) -> bool:
    """Whether an axiom speaks of anything that the cases ask."""
    named = [*b.applications(axiom), *(v for v in b.variables(axiom) if v.name.startswith("table."))]
    return axiom is not b.TRUE and any(term in asked for term in named)


_Part = tuple[Term, dict[Term, Term], list[Output]]
"""A guard, what was decided to get there, and the outputs so far."""


def _cases(m: Machine, ended: Ended, names: Iterable[str]) -> list[Case]:
    """One case for each layout of the frames that are sent once; ``names`` says which state it tells.

    The layouts of a copy that goes to each member of a group may depend on the member, so they are outputs of their
    own, under conditions that exclude each other.
    """
    if ended.guard is b.FALSE:
        return []
    m.state = ended.state
    state = {name: _cell_after(m, name) for name in names}
    parts: list[_Part] = [(ended.guard, {}, [])]
    for sent in ended.sent:
        split = _copies if sent.each else _split
        parts = [part for guard, known, outputs in parts for part in split(sent, guard, known, outputs)]
    cases = []
    for guard, known, outputs in parts:
        case = Case(guard, tuple(outputs), {}, state, ended.events)
        if known:
            terms = case.terms()
            new = dict(zip(terms, b.substitute(terms, known), strict=True))
            case = replace(case.mapped(new), guard=guard)
        kept = tuple(o for o in case.outputs if o.when is not b.FALSE or o.state)
        told = tuple(e for e in case.events if e.when is not b.FALSE)
        cases.append(replace(case, outputs=kept, events=told))
    return cases


def _split(sent: Sent, guard: Term, known: dict[Term, Term], outputs: list[Output]) -> list[_Part]:
    """The layouts of one frame that is sent, next to those before it."""
    return [
        (layout.when, {**known, **layout.known}, [*outputs, _output(sent, sent.when, layout.packet)])
        for layout in layouts(sent.pieces, sent.cursor, guard, sent.span)
    ]


def _copies(sent: Sent, guard: Term, known: dict[Term, Term], outputs: list[Output]) -> list[_Part]:
    """The layouts of a copy, each an output; the state that the copy writes is told with the last."""
    made = [
        replace(_output(sent, b.and_(sent.when, layout.when), layout.packet), state={})
        for layout in layouts(sent.pieces, sent.cursor, b.TRUE, sent.span)
    ]
    made[-1] = replace(made[-1], state=sent.state)
    return [(guard, known, [*outputs, *made])]


def _output(sent: Sent, when: Term, packet: Packet) -> Output:
    return Output(when, sent.to, sent.port, packet, sent.each, sent.metadata, sent.state)


def _cell_after(m: Machine, name: str) -> Term:
    """What cell ``at.NAME`` holds afterwards."""
    index_bits, width = m.cell_shapes[name]
    return m.read_cell(name, b.var(f"at.{name}", index_bits), width)


# --- one packet -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Run:
    """What a program did to one packet."""

    outputs: tuple[tuple[str, int, bytes], ...]
    """``(to, port, frame)``, in order."""
    state: dict[str, dict[int, int]]
    """Cells that were written: name → index → value afterwards."""
    trace: Trace = field(default_factory=Trace)

    @property
    def undefined(self) -> list[dict[str, Any]]:
        """Where values were read that the specification leaves open (they were taken to be 0)."""
        return [step for step in self.trace.steps if step["step"] == "undefined"]

    def to_json(self) -> dict[str, Any]:
        """The run as plain JSON data (frames in hexadecimal)."""
        return {
            "outputs": [{"to": to, "port": port, "packet": frame.hex()} for to, port, frame in self.outputs],
            "dropped": not self.outputs,
            "state": {name: {str(i): v for i, v in cells.items()} for name, cells in self.state.items()},
            "trace": self.trace.steps,
        }


def run(
    program: ir.Program,
    rules: RuleSet | None,
    packet: bytes,
    port: int,
    *,
    metadata: Mapping[str, int] | None = None,
    cells: Mapping[str, Callable[[int], int]] | None = None,
    choice: Callable[[Choice], int] | None = None,
) -> Run:
    """What ``program`` does to one packet.

    Args:
        program: the program.
        rules: what the control plane has installed; None for the entries of the source alone.
        packet: the frame on the wire.
        port: where it comes in.
        metadata: ``in.NAME`` → value; what is not given is 0.
        cells: state's name → what its cells hold before; what is not given is 0.
        choice: the value of an undefined read; 0 if not given.

    Raises:
        Unsupported: the program uses what is not modelled; with the place.
        ValueError: the packet is longer than 65535 bytes, or the port is none that the architecture has.
    """
    if len(packet) > 0xFFFF:
        raise ValueError(f"a frame of {len(packet)} bytes is longer than 65535")
    architecture = _architecture(program)
    for assumption in architecture.domain():
        if b.evaluate([assumption.condition], {"in.port": port, "pkt.len": len(packet)}) == [0]:
            raise ValueError(assumption.text)
    trace = Trace()
    source = Concrete(packet, port, metadata or {}, cells or {}, choice or (lambda _: 0))
    m = Machine(program, rules if rules is not None else program_rules(program), source, architecture.externs, trace)
    with deep_recursion(), _placed(program):
        ended = [e for e in architecture.run(m) if e.guard is not b.FALSE]
        cases = [case for e in ended for case in _cases(m, e, ())]
    assert len(cases) == 1, "one packet takes one way"
    outputs = tuple(
        (o.to, o.port.value, bytes(t.value for t in o.packet.prefix) + packet[o.packet.payload :])
        for o in cases[0].outputs
    )
    for to, out_port, frame in outputs:
        trace.steps.append({"step": "output", "to": to, "port": out_port, "packet": frame.hex()})
    return Run(outputs, _written(ended[0]), trace)


def _written(ended: Ended) -> dict[str, dict[int, int]]:
    """The cells written by a run on numbers."""
    state: dict[str, dict[int, int]] = {}
    for name, writes in ended.state.cells.items():
        for write in writes:
            if write.when is b.TRUE:
                state.setdefault(name, {})[write.index.value] = write.value.value
    return state
