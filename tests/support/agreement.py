"""The law that running a packet is the same as evaluating the behaviour on it: outputs, state, what is undefined.

What is undefined, what arbitrary state holds, and what comes in beside the packet are numbers that depend on nothing
but a salt and where they are read, so that both sides see the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from p4verify.semantics import bits as b
from p4verify.semantics import ir
from p4verify.semantics.meaning.answers import answers
from p4verify.semantics.meaning.behaviour import Behaviour, Choice
from p4verify.semantics.meaning.concrete import Function, Groups
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
class Side:
    """A behaviour and what the rules make of its lookups (nothing, if they are in it)."""

    name: str
    behaviour: Behaviour
    functions: dict[str, Function]
    inputs: dict[str, int]
    groups: Groups
    untold: frozenset[str] = frozenset()
    """State that is indexed in another way than in a run: direct counters, by key instead of by entry."""


def sides(program: ir.Program, every: Behaviour, rules: RuleSet) -> list[Side]:
    """The behaviour under every rule set, asked with these rules, and the behaviour under these rules alone."""
    given = answers(program, rules)
    direct = frozenset(p.value for _, t in program.tables() for p in t.properties if isinstance(p.value, str))
    return [
        Side("every rule set", every, given.functions, dict(given.inputs), given.groups, direct),
        Side("these rules", meaning(program, rules), given.functions, dict(given.inputs), given.groups),
    ]


def check(program: ir.Program, all_sides: Iterable[Side], rules: RuleSet, packet: Packet) -> int:
    """How many behaviours have this packet in their domain; each must do what the run does.

    Raises:
        AssertionError: one does not.
    """
    compared = 0
    for side in all_sides:
        widths = _widths(side.behaviour)
        incoming = {n: packet.incoming(n, w) for n, w in _incoming(side.behaviour).items()}
        result = run(
            program, rules, packet.data, packet.port,
            metadata={n.removeprefix("in."): v for n, v in incoming.items()},
            cells={n: packet.cells(n, w) for n, w in widths.items()}, choice=packet.choice,
        )  # fmt: skip
        outcome = _evaluated(side, result, packet, widths, incoming)
        if outcome is None:
            continue
        compared += 1
        where = f"{side.name}, packet {packet.data.hex()} port {packet.port} salt {packet.salt}"
        assert outcome.outputs == result.outputs, f"outputs: {where}: {outcome.outputs} != {result.outputs}"
        assert outcome.events == result.events, f"events: {where}: {outcome.events} != {result.events}"
        seen = _told(side, result)
        assert outcome.state == seen, f"state: {where}: {outcome.state} != {seen}"
    return compared


def _evaluated(
    side: Side, result: Run, packet: Packet, widths: dict[str, int], incoming: dict[str, int]
) -> Evaluated | None:
    """The behaviour on the packet; None outside of its domain."""
    unknown = {name: (lambda *_: 0) for name in _functions(side.behaviour) if name.startswith(("hash.", "extern."))}
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
            groups=side.groups,
        )  # fmt: skip
    except ValueError as problem:
        if "domain" not in str(problem):
            raise
        return None


def _told(side: Side, result: Run) -> dict[str, dict[int, int]]:
    """The cells of a run that the behaviour tells of by the same index."""
    return {n: c for n, c in result.state.items() if n not in side.untold and n.rsplit(".", 1)[0] not in side.untold}


def _widths(behaviour: Behaviour) -> dict[str, int]:
    """The state that a behaviour names, and the bits of its cells."""
    terms = [t for case in behaviour.cases for t in case.terms()]
    asked = b.applications(*terms, *(a.condition for a in behaviour.domain))
    found = {call.name.removeprefix("state."): call.width for call in asked if call.name.startswith("state.")}
    return {**{n: t.width for case in behaviour.cases for n, t in case.state.items()}, **found}


def _functions(behaviour: Behaviour) -> set[str]:
    """The functions that a behaviour asks."""
    return {call.name for call in b.applications(*(t for case in behaviour.cases for t in case.terms()))}


def _incoming(behaviour: Behaviour) -> dict[str, int]:
    """Metadata that a behaviour reads, and its bits."""
    terms = [t for case in behaviour.cases for t in case.terms()]
    named = b.variables(*terms, *(a.condition for a in behaviour.domain))
    return {v.name: max(1, v.width) for v in named if v.name.startswith("in.") and v.name != "in.port"}
