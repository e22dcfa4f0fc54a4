"""A behaviour on one packet: terms evaluated on numbers, whoever's behaviour it is.

This is how counterexamples are replayed. It shares nothing with how the behaviour was made: the guards are evaluated
one after the other, and exactly one of them must hold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .. import bits as b
from ..bits import Term
from .behaviour import Behaviour, Case, Output

Function = Callable[..., int]
"""An uninterpreted function (``table.*``, ``map.*``, ``state.*``) on unsigned numbers; Bool is 0 or 1."""


class BadBehaviour(AssertionError):
    """A behaviour that breaks its own rules on some input: a mistake in p4verify, never in its input."""


class Faulted(Exception):
    """The machine does on this input what it must never do; it has no outcome."""


@dataclass(frozen=True)
class Outcome:
    """What a behaviour did to one packet."""

    case: int
    """The index of the case whose guard held."""
    outputs: tuple[tuple[str, int, bytes], ...]
    """``(to, port, frame)`` for each output whose condition held, in order."""
    metadata: dict[str, int]
    """Metadata that leaves; a name that is absent is unchanged."""
    state: dict[str, dict[int, int]] = field(default_factory=dict)
    """State after the packet: name → index → value, for the cells that were asked for."""
    choices: dict[str, int] = field(default_factory=dict)
    """The choices (``any.*``) on which the outputs, the metadata or the guard depend in form, with their values."""

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain JSON data (frames in hexadecimal)."""
        return {
            "case": self.case,
            "outputs": [{"to": to, "port": port, "packet": frame.hex()} for to, port, frame in self.outputs],
            "metadata": dict(self.metadata),
            "state": {name: {str(i): v for i, v in cells.items()} for name, cells in self.state.items()},
            "choices": dict(self.choices),
        }


class _Inputs(Mapping[str, b.Value]):
    """The values of the free variables: the frame's bytes (0 past its end), the choices, and the mapping given."""

    def __init__(self, behaviour: Behaviour, packet: bytes, given: Mapping[str, b.Value], choices: _Choices) -> None:
        self._packet = packet
        self._choices = choices
        self._widths = {c.variable.name: max(1, c.variable.width) for c in behaviour.choices}
        self.given = dict(given)

    def __getitem__(self, name: str) -> b.Value:
        if name in self.given:
            return self.given[name]
        if name.startswith("pkt[") and name.endswith("]"):
            index = int(name[4:-1])
            return self._packet[index] if index < len(self._packet) else 0
        if name.startswith("any."):
            return self._choice(name)
        raise KeyError(name)

    def _choice(self, name: str) -> int:
        if name not in self._widths:
            raise BadBehaviour(f"the choice {name} is not among the behaviour's choices")
        value = self._choices if isinstance(self._choices, int) else self._choices[name]
        return value & ((1 << self._widths[name]) - 1)

    def __iter__(self) -> Iterator[str]:
        return iter(self.given)

    def __len__(self) -> int:
        return len(self.given)


_Choices = int | Mapping[str, int]


@dataclass(frozen=True)
class _Evaluation:
    """Evaluates terms for one input."""

    inputs: _Inputs
    functions: Mapping[str, Function]
    default: int | None

    def __call__(self, *terms: Term) -> list[int]:
        results = b.evaluate(terms, self.inputs, self.functions, self.default)
        return [result for result in results if isinstance(result, int)]

    def cell(self, term: Term | None, name: str, index: int) -> int:
        """What cell ``index`` of ``name`` holds afterwards; without a term it is as it was."""
        if term is None:
            term = b.apply(f"state.{name}", 64, b.bv(index, 64))
        self.inputs.given[f"at.{name}"] = index
        return self(term)[0]


def evaluate_behaviour(
    behaviour: Behaviour,
    packet: bytes,
    port: int,
    *,
    functions: Mapping[str, Function] | None = None,
    inputs: Mapping[str, b.Value] | None = None,
    choices: int | Mapping[str, int] = 0,
    cells: Mapping[str, Sequence[int]] | None = None,
    default: int | None = None,
) -> Outcome:
    """What ``behaviour`` does to the frame ``packet`` that comes in at ``port``.

    Args:
        behaviour: of a program or of any machine.
        packet: the frame on the wire, at most 65535 bytes.
        port: ``in.port``.
        functions: full name (``table.T.hit``) → callable on unsigned numbers.
        inputs: full name of any other free variable (``in.mark``, ``table.T.default.action``) → its value.
        choices: the value of every choice (cut to its width), or a value for each by its variable's name.
        cells: state's name → the indexes whose contents after the packet are asked for.
        default: the value of any variable or function not given; without it a missing one is an error.

    Raises:
        KeyError: a variable or function that is needed has no value.
        ValueError: the input lies outside of the behaviour's domain.
        Faulted: one of the behaviour's faults happens.
        BadBehaviour: not exactly one case applies, or a packet is cut beyond the input's end.
    """
    if len(packet) > 0xFFFF:
        raise ValueError(f"a frame of {len(packet)} bytes is longer than 65535")
    given = {"pkt.len": len(packet), "in.port": port, **(inputs or {})}
    value_of = _Evaluation(_Inputs(behaviour, packet, given, choices), functions or {}, default)
    for assumption in behaviour.domain:
        if value_of(assumption.condition) == [0]:
            raise ValueError(f"outside of the domain: {assumption.text}")
    for fault in behaviour.faults:
        if value_of(fault.guard) == [1]:
            raise Faulted(f"{fault.where}: {fault.text}" if fault.where.file else fault.text)
    number = _the_case(behaviour, value_of)
    case = behaviour.cases[number]
    outputs = tuple(_output(o, packet, value_of) for o in case.outputs if value_of(o.when) == [1])
    metadata = {name: value_of(term)[0] for name, term in case.metadata.items()}
    state = {
        name: {i: value_of.cell(case.state.get(name), name, i) for i in indexes}
        for name, indexes in (cells or {}).items()
    }
    return Outcome(number, outputs, metadata, state, _choices_in(case, value_of))


def _the_case(behaviour: Behaviour, value_of: _Evaluation) -> int:
    guards = value_of(*(case.guard for case in behaviour.cases))
    holding = [i for i, value in enumerate(guards) if value]
    if len(holding) != 1:
        raise BadBehaviour(f"{len(holding)} cases apply to one input: {holding[:5]}")
    return holding[0]


def _output(output: Output, packet: bytes, value_of: _Evaluation) -> tuple[str, int, bytes]:
    if output.packet.payload > len(packet):
        raise BadBehaviour(f"a packet without the first {output.packet.payload} bytes of {len(packet)}")
    prefix = bytes(value_of(*output.packet.prefix))
    return output.to, value_of(output.port)[0], prefix + packet[output.packet.payload :]


def _choices_in(case: Case, value_of: _Evaluation) -> dict[str, int]:
    mentioned = [case.guard, *case.metadata.values(), *case.state.values()]
    mentioned += [t for o in case.outputs for t in (o.when, o.port, *o.packet.prefix)]
    return {t.name: value_of(t)[0] for t in b.variables(*mentioned) if t.name.startswith("any.")}
