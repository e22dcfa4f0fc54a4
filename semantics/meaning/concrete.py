"""A behaviour on one packet: terms evaluated on numbers, whoever's behaviour it is.

This is how counterexamples are replayed. It shares nothing with how the behaviour was made: the guards are evaluated
one after the other, and exactly one of them must hold.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from .. import bits as b
from ..bits import Term
from .behaviour import (
    CHOICE,
    CHOICE_OF_A_COPY,
    DESTINATIONS,
    Assumption,
    Behaviour,
    Case,
    Event,
    Output,
    Replication,
    is_choice,
    state_of_a_copy,
)
from .payload import PayloadFunctions, of_any_length

Function = Callable[..., int]
"""An uninterpreted function (``table.*``, ``map.*``, ``state.*``) on unsigned numbers; Bool is 0 or 1."""


class BadBehaviour(AssertionError):
    """A behaviour that breaks its own rules on some input: a mistake in p4verify, never in its input."""


class Faulted(Exception):
    """The machine does on this input what it must never do; it has no outcome. ``text``: what, without its place."""

    def __init__(self, message: str, text: str = "") -> None:
        super().__init__(message)
        self.text = text or message


Told = tuple[str, tuple[int, ...]]
"""An event: its name and fields."""

Groups = Callable[[str, int, int], Sequence[tuple[int, int]]]
"""Kind (``multicast`` or ``clone``), number and depth of a replication → the members as (port, instance)."""

Kind = tuple[int, tuple[str, ...], tuple[int, ...], tuple[tuple[int, int], ...]]
"""Where a frame goes (an index of ``DESTINATIONS``), the kinds of the groups that replicate it, ``Output.apart``, and
the member of each group."""


@dataclass(frozen=True)
class Outcome:
    """What a behaviour did to one packet."""

    case: int
    """The index of the case whose guard held."""
    outputs: tuple[tuple[str, int, bytes], ...]
    """``(to, port, frame)`` for each output whose condition held, copies for each member, in order."""
    metadata: dict[str, int]
    """Metadata that leaves; a name that is absent is unchanged."""
    state: dict[str, dict[int, int]] = field(default_factory=dict)
    """State after the packet and its copies: name → index → value, for the cells that were asked for."""
    choices: dict[str, int] = field(default_factory=dict)
    """The choices (``any.*``) on which the outputs, the metadata or the guard depend in form, with their values."""
    events: tuple[Told, ...] = ()
    carried: tuple[dict[str, int], ...] = ()
    """For each of ``outputs``: the metadata that goes with it."""
    kinds: tuple[Kind, ...] = ()
    """For each of ``outputs``: of which kind it is. Between kinds there is no order."""
    cells: dict[str, Function] = field(default_factory=dict)
    """State after the packet and its copies as functions of the index, for the names that were written."""

    def to_json(self) -> dict[str, Any]:
        """The outcome as plain JSON data (frames in hexadecimal)."""
        return {
            "case": self.case,
            "outputs": [
                {"to": to, "port": port, "packet": frame.hex(), **({"metadata": more} if more else {})}
                for (to, port, frame), more in zip(self.outputs, self.carried, strict=True)
            ],
            "events": [{"name": name, "fields": list(fields)} for name, fields in self.events],
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
        total = of_any_length(name, self._packet)
        if total is not None:
            return total
        if name.startswith(CHOICE):
            return self._choice(name)
        if name.startswith("open."):  # what an assumption reads that is undefined: as the choices are by default
            return 0
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


class Plans:
    """What evaluating one behaviour on many inputs needs once only: pass the same one with each input."""

    def __init__(self) -> None:
        self._plans: dict[tuple[Term, ...], b.Plan] = {}
        self._names: dict[tuple[Term, ...], tuple[Term, ...]] = {}

    def of(self, terms: tuple[Term, ...]) -> b.Plan:
        """How these terms are evaluated together."""
        if terms not in self._plans:
            self._plans[terms] = b.Plan(terms)
        return self._plans[terms]

    def variables(self, *terms: Term) -> tuple[Term, ...]:
        """The variables in these terms."""
        if terms not in self._names:
            self._names[terms] = tuple(b.variables(*terms))
        return self._names[terms]


@dataclass(frozen=True)
class _Evaluation:
    """Evaluates terms for one input."""

    inputs: Mapping[str, b.Value]
    functions: Mapping[str, Function]
    default: int | None
    plans: Plans | None = None

    def __call__(self, *terms: Term) -> list[int]:
        if self.plans is not None:
            results = self.plans.of(terms)(self.inputs, self.functions, self.default)
        else:
            results = b.evaluate(terms, self.inputs, self.functions, self.default)
        return [result for result in results if isinstance(result, int)]

    def within(self, values: Mapping[str, b.Value], functions: Mapping[str, Function]) -> _Evaluation:
        """With values for more variables and functions."""
        variables, known = ChainMap(dict(values), self.inputs), ChainMap(dict(functions), self.functions)  # type: ignore[arg-type]
        return _Evaluation(variables, known, self.default, self.plans)

    def cell(self, name: str, term: Term) -> Function:
        """``term``, which speaks of cell ``at.NAME``, as a function of that index."""
        return lambda index: self.within({f"at.{name}": index}, {})(term)[0]

    def initial(self, name: str) -> Function:
        """What the cells held before."""
        return lambda index: self(b.apply(f"state.{name}", 64, b.bv(index, 64)))[0]


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
    groups: Groups | None = None,
    plans: Plans | None = None,
) -> Outcome:
    """What ``behaviour`` does to the frame ``packet`` that comes in at ``port``, in one pass.

    Args:
        behaviour: of a program or of any machine.
        packet: the frame on the wire, at most 65535 bytes.
        port: ``in.port``.
        functions: full name (``table.T.hit``) → callable on unsigned numbers.
        inputs: full name of any other free variable (``in.mark``, ``table.T.default.action``) → its value.
        choices: the value of every choice (cut to its width), or a value for each by its variable's name.
        cells: state's name → the indexes whose contents after the packet are asked for.
        default: the value of any variable or function not given; without it a missing one is an error.
        groups: the members of multicast groups and clone sessions.
        plans: of the same behaviour on other inputs, which makes this one quicker.

    Raises:
        KeyError: a variable, function or group that is needed has no value.
        ValueError: the input lies outside of the behaviour's domain.
        Faulted: one of the behaviour's faults happens.
        BadBehaviour: not exactly one case applies, or a packet is cut beyond the input's end.
    """
    if len(packet) > 0xFFFF:
        raise ValueError(f"a frame of {len(packet)} bytes is longer than 65535")
    given = {"pkt.len": len(packet), "in.port": port, **(inputs or {})}
    known = ChainMap(dict(functions or {}), PayloadFunctions(packet))  # type: ignore[arg-type]
    value_of = _Evaluation(_Inputs(behaviour, packet, given, choices), known, default, plans)
    _check_domain(behaviour, value_of, frozenset())
    happening = value_of(*(fault.guard for fault in behaviour.faults))
    for fault, happens in zip(behaviour.faults, happening, strict=True):
        if happens:
            raise Faulted(f"{fault.where}: {fault.text}" if fault.where.file else fault.text, fault.text)
    number = _the_case(behaviour, value_of)
    case = behaviour.cases[number]
    run = _Pass(behaviour, case, packet, value_of, groups)
    run.outputs_and_events()
    metadata = {name: value_of(term)[0] for name, term in case.metadata.items()}
    state = {
        name: {i: (run.cells.get(name) or value_of.initial(name))(i) for i in indexes}
        for name, indexes in (cells or {}).items()
    }
    return Outcome(
        number, tuple(run.outputs), metadata, state, _choices_in(case, value_of),
        tuple(run.events), tuple(run.carried), tuple(run.kinds), run.cells,
    )  # fmt: skip


def _check_domain(behaviour: Behaviour, value_of: _Evaluation, members: frozenset[str]) -> None:
    """What must hold of the input; with ``members``: of a copy to these."""
    asked = []
    for assumption in behaviour.domain:
        variables = (value_of.plans or b).variables(assumption.condition)
        named = {v.name for v in variables if v.name.startswith("each.")}
        if named <= members and (named or not members):
            asked.append(assumption)
    for assumption, holds in zip(asked, _hold(asked, value_of), strict=False):
        if not holds:
            raise ValueError(f"outside of the domain: {assumption.text}")


def _hold(assumptions: Sequence[Assumption], value_of: _Evaluation) -> Iterator[int]:
    """Whether each holds; together, as they have much in common, unless one asks for a value that is not given: then
    those before it may say that the input is none."""
    try:
        yield from value_of(*(a.condition for a in assumptions))
    except KeyError:
        for assumption in assumptions:
            yield from value_of(assumption.condition)


def _the_case(behaviour: Behaviour, value_of: _Evaluation) -> int:
    guards = value_of(*(case.guard for case in behaviour.cases))
    holding = [i for i, value in enumerate(guards) if value]
    if len(holding) != 1:
        raise BadBehaviour(f"{len(holding)} cases apply to one input: {holding[:5]}")
    return holding[0]


Copy = tuple[tuple[Replication, ...], tuple[tuple[int, int], ...]]
"""Which copy: the replications that made it, and the member of each."""


@dataclass
class _Pass:
    """One pass of one packet: its outputs, then copies in the order of :attr:`Case.outputs`, each with the state that
    the frames before it have left."""

    behaviour: Behaviour
    case: Case
    packet: bytes
    value_of: _Evaluation
    groups: Groups | None
    outputs: list[tuple[str, int, bytes]] = field(default_factory=list)
    carried: list[dict[str, int]] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    events: list[Told] = field(default_factory=list)
    cells: dict[str, Function] = field(default_factory=dict)
    _before: dict[Copy, dict[str, Function]] = field(default_factory=dict)
    """What the cells held before a copy went through its egress, for those that wrote."""

    def outputs_and_events(self) -> None:
        """Everything that the case does."""
        self.cells = {name: self.value_of.cell(name, term) for name, term in self.case.state.items()}
        told = [event for event in self.case.events if not event.each]
        self._tell(told, self.value_of)
        for part in _copies(self.case.outputs):
            if part[0].each and not part[-1].state and self._sends_nothing(part):
                continue
            for member in self._members(part[0].each, ()):
                value_of = self._inside(part[0].each, member)
                holding = value_of(*(output.when for output in part))
                for output in (o for o, holds in zip(part, holding, strict=True) if holds):
                    self._send(output, value_of, member)
                for name, term in part[-1].state.items():
                    self.cells[name] = value_of.cell(name, term)
        for event in (event for event in self.case.events if event.each):
            for member in self._members(event.each, ()):
                self._tell([event], self._inside(event.each, member))

    def _sends_nothing(self, part: Sequence[Output]) -> bool:
        """Whether that is plain without knowing the members, so that nobody need be in the group."""
        when = [output.when for output in part]
        named = (self.value_of.plans or b).variables(*when)
        of_a_member = any(v.name.startswith(("each.", "in.each.", CHOICE_OF_A_COPY)) for v in named)
        return not of_a_member and not any(self.value_of(*when))

    def _members(
        self, each: tuple[Replication, ...], outer: tuple[tuple[int, int], ...]
    ) -> Iterator[tuple[tuple[int, int], ...]]:
        """The members of each of the replications, outermost first."""
        if len(outer) == len(each):
            yield outer
            return
        here = each[len(outer)]
        number = self._inside(each[: len(outer)], outer, record=False)(here.group)[0]
        if self.groups is None:
            raise KeyError(f"{here.kind} group {number}")
        for member in self.groups(here.kind, number, len(outer)):
            yield from self._members(each, (*outer, member))

    def _inside(
        self, each: tuple[Replication, ...], members: tuple[tuple[int, int], ...], record: bool = True
    ) -> _Evaluation:
        """The evaluation of what a copy does."""
        if not each:
            return self.value_of
        values: dict[str, b.Value] = {}
        functions: dict[str, Function] = {}
        for depth, (port, instance) in enumerate(members):
            values |= {each[depth].port.name: port, each[depth].instance.name: instance}
            copy = (each[: depth + 1], members[: depth + 1])
            if record and depth == len(each) - 1:
                self._before[copy] = dict(self.cells)
            before = self._before.get(copy, self.cells)
            for name in self._asked(depth):
                if state_of_a_copy(depth, name) not in self.value_of.functions:
                    functions[state_of_a_copy(depth, name)] = before.get(name) or self.value_of.initial(name)
        value_of = self.value_of.within(values, functions)
        _check_domain(self.behaviour, value_of, frozenset(values))
        return value_of

    def _asked(self, depth: int) -> set[str]:
        """The states that a copy at this depth asks for."""
        prefix = state_of_a_copy(depth, "")
        return {name.removeprefix(prefix) for name in self._functions if name.startswith(prefix)}

    @cached_property
    def _functions(self) -> set[str]:
        """The functions that the case asks."""
        return {call.name for call in b.applications(*self.case.terms())}

    def _tell(self, events: Sequence[Event], value_of: _Evaluation) -> None:
        for event in events:
            if value_of(event.when) == [1]:
                self.events.append((event.name, tuple(value_of(*event.fields))))

    def _send(self, output: Output, value_of: _Evaluation, members: tuple[tuple[int, int], ...]) -> None:
        try:
            frame = output.packet.sent(self.packet, value_of)
        except ValueError as problem:
            raise BadBehaviour(str(problem)) from None
        self.outputs.append((output.to, value_of(output.port)[0], frame))
        self.carried.append({name: value_of(term)[0] for name, term in output.metadata.items()})
        groups = tuple(each.kind for each in output.each)
        self.kinds.append((DESTINATIONS.index(output.to), groups, output.apart, members))


def _copies(outputs: Sequence[Output]) -> list[list[Output]]:
    """Outputs in order, those of one copy together: what a copy writes is told with the last of its outputs."""
    parts: list[list[Output]] = []
    for output in outputs:
        if parts and parts[-1][0].each == output.each and not parts[-1][-1].state:
            parts[-1].append(output)
        else:
            parts.append([output])
    return parts


def _choices_in(case: Case, value_of: _Evaluation) -> dict[str, int]:
    named = [t for t in (value_of.plans or b).variables(*case.terms()) if is_choice(t)]
    return {t.name: value for t, value in zip(named, value_of(*named), strict=True)}
