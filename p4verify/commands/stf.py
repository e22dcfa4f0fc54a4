"""``p4verify stf``: an STF test on the program's meaning, or on a target's real machine or meaning."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ..inputs import parse_target, read_bytes, read_program
from ..on_numbers import functions_of
from ..semantics import bits as b
from ..semantics import ir
from ..semantics.meaning.behaviour import Behaviour
from ..semantics.meaning.concrete import evaluate_behaviour
from ..semantics.meaning.passes import MAX_PASSES
from ..semantics.meaning.stf import Machine, Opaque, Sent, run_stf
from ..semantics.rules.ruleset import RuleSet
from ..semantics.source import InputError, Span, Unsupported
from ..targets.base import (
    CannotOffload,
    KeepsCells,
    KeepsState,
    Oracle,
    PadsFrames,
    Returns,
    StartsState,
    Target,
    TellsPortUse,
)
from .common import as_json, emit, source_options

FIRST_REAL_PORT: Final = 2
"""Linux has no interface 0, and 1 is the loopback device."""
SHIFT: Final = 1000
"""What is added to the number of a port below that, where the program does not look at the number."""


def run(arguments: argparse.Namespace) -> int:
    """0 if the test passes, 1 if it does not, 3 if something in it is not supported."""
    program = read_program(arguments.program, source_options(arguments))
    try:
        text = read_bytes(arguments.stf).decode()
    except UnicodeDecodeError as error:
        raise InputError.at(Span(arguments.stf, 0, 0), f"is not UTF-8 text (byte {error.start})") from None
    try:
        result = run_stf(program, text, arguments.stf, _machine(arguments, program))
    except (Unsupported, CannotOffload) as error:
        print(f"{error.span}: unsupported: {error.reason}", file=sys.stderr)
        return 3
    if arguments.format == "json":
        mismatches = [{"line": m.span.line, "column": m.span.column, "message": m.message} for m in result.mismatches]
        emit(as_json({"version": 1, "passed": result.passed, "packets": result.packets,
                      "checks": result.expectations, "unseen": result.unseen,
                      "mismatches": mismatches}), arguments.output)  # fmt: skip
    else:
        emit(str(result), arguments.output)
    return 0 if result.passed else 1


def _machine(arguments: argparse.Namespace, program: ir.Program) -> Machine | None:
    if arguments.on is None:
        return None
    target, options = parse_target(arguments.on)
    if arguments.by_meaning:
        return Meant(program, target, options)
    oracle = target.oracle()
    missing = "there is none" if oracle is None else oracle.available()
    if oracle is None or missing is not None:
        raise InputError.at(Span("", 0, 0), f"the real machine of {target.name} is not available: {missing}")
    return Real(program, target, options, oracle)


@dataclass
class Meant(Opaque):
    """A lowered program as its target's meaning says."""

    program: ir.Program
    target: Target
    options: dict[str, str]

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """See ``Machine``."""
        artifact = self.target.lower(self.program, rules, self.options)
        behaviour = self.target.meaning(artifact)
        packet, padding = _padded(packet, self.target, artifact)
        functions = functions_of(self.target.relate(self.program, artifact, rules), behaviour)
        try:
            sent = evaluate_behaviour(behaviour, packet, port, functions=functions, default=0).outputs
        except ValueError as error:  # outside of what the machine is asked about
            raise Unsupported(f"packet {packet.hex() or 'of no bytes'} on {self.target.name}: {error}") from None
        return _without_padding(sent, padding)


@dataclass
class Real(Opaque):
    """A lowered program on the real machine, with its tables filled from the rules."""

    program: ir.Program
    target: Target
    options: dict[str, str]
    oracle: Oracle
    _made: tuple[RuleSet, Any] | None = None
    _baked: bool = False
    """Whether rules have to be compiled in."""
    _judged: tuple[Any, bool] | None = None
    _rules: RuleSet = field(default_factory=lambda: RuleSet({}))
    _state: Any = None
    """What the packets so far have left in the machine."""

    def send(self, packet: bytes, port: int, rules: RuleSet) -> Sequence[Sent]:
        """See ``Machine``."""
        artifact = self._artifact(rules)
        tables: Any = self.target.fill(self.program, artifact, rules)
        packet, padding = _padded(packet, self.target, artifact)
        first = self.target.port0(artifact) if isinstance(self.target, TellsPortUse) else 0
        if port + first < FIRST_REAL_PORT:
            if self._looks_at_port(artifact):
                raise Unsupported(f"the program depends on the ingress port, and there is no interface {port}")
            port += SHIFT
        sent: list[Sent] = []
        waiting = [(port, packet)]
        for _ in range(MAX_PASSES):
            if not waiting:
                return _without_padding(sent, padding)
            for output in self._run(artifact, waiting.pop(0), tables, rules):
                to, where, frame = output
                if to == "port" and where in self._returning():
                    waiting.append((where, frame))
                else:
                    sent.append(output)
        raise Unsupported(f"more than {MAX_PASSES} passes of one packet")

    def installed(self, rules: RuleSet) -> None:
        """See ``Machine``."""
        self._rules = rules

    def cell(self, name: str, index: int) -> int | None:
        """See ``Machine``."""
        if not isinstance(self.target, KeepsCells) or not isinstance(self.oracle, KeepsState):
            return None
        artifact = self._artifact(self._rules)
        return self.target.cell(self.program, artifact, self._kept(artifact), name, index)

    def write(self, name: str, index: int, value: int) -> None:
        """See ``Machine``."""
        if not isinstance(self.target, KeepsCells) or not isinstance(self.oracle, KeepsState):
            super().write(name, index, value)
            return
        artifact = self._artifact(self._rules)
        self._state = self.target.with_cell(self.program, artifact, self._kept(artifact), name, index, value)

    def _kept(self, artifact: Any) -> Any:
        """What the machine's state is now."""
        if self._state is None and isinstance(self.target, StartsState):
            self._state = self.target.at_first(self.program, artifact)
        return self._state

    def _returning(self) -> tuple[int, ...]:
        """Ports of which what is sent there comes in again (:class:`..targets.base.Returns`)."""
        return self.target.returning(self.program) if isinstance(self.target, Returns) else ()

    def _run(self, artifact: Any, packet: tuple[int, bytes], tables: Any, rules: RuleSet) -> Sequence[Sent]:
        """One packet, once, on the state that those before it have left."""
        groups = (*rules.multicast.values(), *(session.replicas for session in rules.sessions.values()))
        ports = sorted({member.port for replicas in groups for member in replicas})
        try:
            if not isinstance(self.oracle, KeepsState):
                return self.oracle.run(artifact, [packet], tables)[0].outputs
            seen, self._state = self.oracle.run_on(artifact, packet, tables, self._kept(artifact), ports)
        except ValueError as error:  # a frame that the machine cannot be given
            text = f"packet {packet[1].hex() or 'of no bytes'} on {self.target.name}: {error}"
            raise Unsupported(text) from None
        return seen.outputs

    def _artifact(self, rules: RuleSet) -> Any:
        """The one for every rule set, where the machine holds tables that can take them all; else one for the rules."""
        if self.target.holds_tables and not self._baked:
            if self._made is not None:
                return self._made[1]
            try:
                self._made = rules, self.target.lower(self.program, None, self.options)
                return self._made[1]
            except CannotOffload:
                self._baked = True
        if self._made is None or self._made[0] is not rules:
            self._made = rules, self.target.lower(self.program, rules, self.options)
        return self._made[1]

    def _looks_at_port(self, artifact: Any) -> bool:
        if isinstance(self.target, TellsPortUse) and self.target.plainly_ignores_port(artifact):
            return False
        if self._judged is None or self._judged[0] is not artifact:
            self._judged = artifact, _looks_at_port(self.target.meaning(artifact))
        return self._judged[1]


def _padded(packet: bytes, target: Target, artifact: Any) -> tuple[bytes, bytes]:
    """The frame as the network carries it, where the artifact is made for a network that carries no shorter ones; and
    what was put behind it."""
    shortest = target.padded_to(artifact) if isinstance(target, PadsFrames) else None
    padding = bytes(max(0, (shortest or 0) - len(packet)))
    return packet + padding, padding


def _without_padding(sent: Sequence[Sent], padding: bytes) -> list[Sent]:
    """What comes out, without the padding where that is still behind it."""
    return [(to, port, frame.removesuffix(padding)) for to, port, frame in sent]


def _looks_at_port(behaviour: Behaviour) -> bool:
    return any(v.name == "in.port" for v in b.variables(*(t for c in behaviour.cases for t in c.terms())))
