"""The law that running a packet is the same as evaluating the behaviour on it: outputs, state, what is undefined.

What is undefined, what arbitrary state holds, and what comes in beside the packet are numbers that depend on nothing
but a salt and where they are read, so that both sides see the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.behaviour import Behaviour, Choice
from p4verify.semantics.meaning.concrete import Function, Groups, Plans
from p4verify.semantics.meaning.passes import Evaluated, evaluate_passes
from p4verify.semantics.meaning.program import Run, meaning, run
from p4verify.semantics.rules.ruleset import RuleSet


def number(*parts: object) -> int:
    """A number that looks random and depends on ``parts`` only."""
    return int.from_bytes(hashlib.blake2b(repr(parts).encode(), digest_size=32).digest(), "big")


KINDS_OF_PASS = ("in.instance_type", "in.packet_path", "in.pass", "in.loopedback", "in.forward_port")
"""What comes in with a packet that was here before; runs and evaluations both begin with one from a port."""


@dataclass(frozen=True)
class Packet:
    """A packet that comes in, and the salt of what is arbitrary."""

    data: bytes
    port: int
    salt: int

    def choice(self, choice: Choice) -> int:
        """What is read where nothing is defined."""
        span = choice.span
        return number(self.salt, "choice", span.file, span.line, span.column, choice.reason)

    def cells(self, name: str, width: int) -> Callable[..., int]:
        """What a register or counter held before."""
        return lambda *index: number(self.salt, "cell", name, index) & ((1 << width) - 1)

    def incoming(self, name: str, width: int) -> int:
        """``in.NAME``; the kind of pass is that of a packet from a port."""
        return 0 if name in KINDS_OF_PASS else number(self.salt, "in", name) & ((1 << width) - 1)


@dataclass(frozen=True)
class Reads:
    """What a behaviour asks for, found once for all packets."""

    cells: dict[str, int] = field(default_factory=dict)
    """State, and the bits of its cells."""
    incoming: dict[str, int] = field(default_factory=dict)
    """``in.NAME``, and its bits."""
    unknown: frozenset[str] = frozenset()
    """Functions of which nothing is said."""

    @classmethod
    def of(cls, behaviour: Behaviour) -> Reads:
        """See the class."""
        roots = [t for case in behaviour.cases for t in case.terms()]
        terms = b.postorder([*roots, *(a.condition for a in behaviour.domain)])
        asked = [t for t in terms if t.op == "apply"]
        named = [t for t in terms if t.op == "var"]
        cells = {n: t.width for case in behaviour.cases for n, t in case.state.items()}
        cells |= {t.name.removeprefix("state."): t.width for t in asked if t.name.startswith("state.")}
        return cls(
            cells,
            {t.name: max(1, t.width) for t in named if t.name.startswith("in.") and t.name != "in.port"},
            frozenset(t.name for t in asked if t.name.startswith(("hash.", "extern."))),
        )


@dataclass(frozen=True)
class Side:
    """A behaviour and what the rules make of its lookups (nothing, if they are in it)."""

    name: str
    behaviour: Behaviour
    reads: Reads
    functions: dict[str, Function]
    inputs: dict[str, int]
    groups: Groups
    plans: Plans
    untold: frozenset[str] = frozenset()
    """State that is indexed in another way than in a run: direct counters, by key instead of by entry."""


@dataclass(frozen=True)
class Every:
    """The behaviour under every rule set, made once for all of them."""

    program: ir.Program
    behaviour: Behaviour
    reads: Reads
    plans: Plans = field(default_factory=Plans)

    @classmethod
    def of(cls, program: ir.Program) -> Every:
        """See the class. Raises Unsupported."""
        behaviour = meaning(program)
        return cls(program, behaviour, Reads.of(behaviour))

    def sides(self, rules: RuleSet) -> list[Side]:
        """This behaviour, asked with some rules, and the behaviour under these rules alone."""
        given = answers(self.program, rules)
        direct = frozenset(p.value for _, t in self.program.tables() for p in t.properties if isinstance(p.value, str))
        alone = meaning(self.program, rules)
        more = (given.functions, dict(given.inputs), given.groups)
        return [
            Side("every rule set", self.behaviour, self.reads, *more, self.plans, direct),
            Side("these rules", alone, Reads.of(alone), *more, Plans()),
        ]


@dataclass(frozen=True)
class Checked:
    """A packet's run, and how many behaviours had it in their domain and did the same."""

    run: Run
    compared: int


def check(program: ir.Program, sides: Sequence[Side], rules: RuleSet, packet: Packet) -> Checked:
    """Run a packet; each behaviour that has it in its domain must do what the run does.

    Raises:
        AssertionError: one does not.
    """
    widths = {name: width for side in sides for name, width in side.reads.cells.items()}
    reads = {name: width for side in sides for name, width in side.reads.incoming.items()}
    incoming = {name: packet.incoming(name, width) for name, width in reads.items()}
    result = run(
        program, rules, packet.data, packet.port,
        metadata={n.removeprefix("in."): v for n, v in incoming.items()},
        cells={n: packet.cells(n, w) for n, w in widths.items()}, choice=packet.choice,
    )  # fmt: skip
    compared = 0
    for side in sides:
        outcome = _evaluated(side, result, packet, widths, incoming)
        if outcome is None:
            continue
        compared += 1
        where = f"{side.name}, packet {packet.data.hex()} port {packet.port} salt {packet.salt}"
        assert outcome.outputs == result.outputs, f"outputs: {where}: {outcome.outputs} != {result.outputs}"
        assert outcome.events == result.events, f"events: {where}: {outcome.events} != {result.events}"
        seen = _told(side, result)
        assert outcome.state == seen, f"state: {where}: {outcome.state} != {seen}"
    return Checked(result, compared)


def _evaluated(
    side: Side, result: Run, packet: Packet, widths: dict[str, int], incoming: dict[str, int]
) -> Evaluated | None:
    """The behaviour on the packet; None outside of its domain."""
    unknown = {name: (lambda *_: 0) for name in side.reads.unknown}
    functions = {**unknown, **side.functions, **{f"state.{n}": packet.cells(n, w) for n, w in widths.items()}}
    asked = _told(side, result)
    for name in asked:
        functions.setdefault(f"state.{name}", packet.cells(name, 256))
    try:
        return evaluate_passes(
            side.behaviour, packet.data, packet.port,
            functions=functions, inputs={**side.inputs, **incoming},
            choices={c.variable.name: packet.choice(c) for c in side.behaviour.choices},
            cells={name: list(cells) for name, cells in asked.items()},
            groups=side.groups, plans=side.plans,
        )  # fmt: skip
    except ValueError as problem:
        if "domain" not in str(problem):
            raise
        return None


def _told(side: Side, result: Run) -> dict[str, dict[int, int]]:
    """The cells of a run that the behaviour tells of by the same index."""
    return {n: c for n, c in result.state.items() if n not in side.untold and n.rsplit(".", 1)[0] not in side.untold}
