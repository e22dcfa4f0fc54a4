"""A program run by the interpreter on a counterexample: what it does step by step.

The interpreter is asked for what the behaviours were found to do (undefined values and members of groups as in the
counterexample); only a run that comes to the same counts as confirmation and is shown.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from .proofs.counterexample import Input
from .proofs.verdict import Observed
from .semantics import ir
from .semantics.arch.assertions import OPEN
from .semantics.meaning.behaviour import CHOICE, Behaviour, Choice, of_a_copy
from .semantics.meaning.program import Run, run
from .semantics.rules.ruleset import Replica, RuleSet, Session
from .semantics.source import Unsupported

Cells = Mapping[str, Callable[..., int]]

USUAL_PORT: Final = 2
"""Where the members of groups are: no machine has a port 0."""

INSTANCES: Final = 1 << 16
"""Instances that copies of a group can have on one port."""


@dataclass
class Groups:
    """The groups that frames are copied to on a counterexample: each has the member that the model has.

    Where a machine sends not the same to each, the model says which place that one has among others.
    With ``twice`` it has another one, with the next instance on the same port: a frame that is copied to one member
    looks like one that is sent there.
    """

    values: Mapping[str, int]
    """The model's values, by name."""
    asked: dict[tuple[str, int], tuple[Replica, ...]] = field(default_factory=dict)
    only: frozenset[tuple[str, int]] | None = None
    """The groups that have members; None for all. Two sides that name other groups are told apart by it."""
    twice: bool = False

    def members(self, kind: str, group: int, depth: int) -> list[tuple[int, int]]:
        """As :data:`.semantics.meaning.concrete.Groups`; remembers who was asked for."""
        port = self.values.get(of_a_copy(depth, "port"), 0)
        instance = self.values.get(of_a_copy(depth, "instance"), 0)
        if self.only is not None and (kind, group) not in self.only:
            return []
        members = self._in_its_place(depth, (port, instance))
        if self.twice:
            members.append((port, (instance + 1) % INSTANCES))
        self.asked.setdefault((kind, group), tuple(Replica(*member) for member in members))
        return members

    def of_one_side(self, other: Groups) -> dict[tuple[str, int], tuple[Replica, ...]]:
        """Those that this side asks for and the ``other`` does not; if there are none, the other way round."""
        return self._without(other) or other._without(self)

    def _without(self, other: Groups) -> dict[tuple[str, int], tuple[Replica, ...]]:
        return {group: members for group, members in self.asked.items() if group not in other.asked}

    def _in_its_place(self, depth: int, member: tuple[int, int]) -> list[tuple[int, int]]:
        """The member among others, if the model says that there are some."""
        place = self.values.get(of_a_copy(depth, "place"), 0)
        last = self.values.get(of_a_copy(depth, "last"), place)
        members = [self._other(depth, number) for number in range(last + 1)]
        members[min(place, last)] = member
        return members

    def _other(self, depth: int, number: int) -> tuple[int, int]:
        """Another member of the group. Those of which the model says nothing have instances of their own."""
        name = of_a_copy(depth, f"other.{number}")
        own = INSTANCES - 1 - number
        return self.values.get(f"{name}.port", USUAL_PORT), self.values.get(f"{name}.instance", own)

    def into(self, rules: RuleSet) -> RuleSet:
        """The rules with these groups."""
        multicast = {group: members for (kind, group), members in self.asked.items() if kind == "multicast"}
        sessions = {group: Session(members) for (kind, group), members in self.asked.items() if kind == "clone"}
        return replace(rules, multicast={**rules.multicast, **multicast}, sessions={**rules.sessions, **sessions})


class Undefined:
    """Values of undefined reads by the place that reads them, in the order in which they are read."""

    def __init__(self, side: Behaviour, values: Mapping[str, int]) -> None:
        self._left: dict[tuple[str, str], list[int]] = {}
        for choice in side.choices:
            known = self._left.setdefault((str(choice.span), choice.reason), [])
            name = choice.variable.name
            in_assumptions = values.get(OPEN + name.removeprefix(CHOICE), 0)
            known.append(values.get(name) or in_assumptions)

    def __call__(self, choice: Choice) -> int:
        """The next value at a choice's place; 0 where none is known."""
        known = self._left.get((str(choice.span), choice.reason))
        return known.pop(0) if known else 0


def run_on(
    program: ir.Program,
    rules: RuleSet,
    given: Input,
    cells: Cells,
    undefined: Undefined,
    more: Mapping[str, int] | None = None,
    functions: Cells | None = None,
    *,
    meters_kept: bool = False,
) -> Run | None:
    """What the interpreter makes of a counterexample, with ``more`` inputs (``port``: instead of the counterexample's);
    None where it cannot be asked.

    ``functions``: what externs answer of which nobody says it, in the program's words; by default as the model has it.
    ``meters_kept``: as of :func:`.semantics.meaning.program.run`.
    """
    values = given.model.values
    metadata = {n.removeprefix("in."): v for n, v in values.items() if n.startswith("in.") and n != "in.port"}
    metadata |= more or {}
    port = metadata.pop("port", given.port)
    known = answered(given.model.callables()) if functions is None else functions
    try:
        return run(
            program, rules, given.packet, port, metadata=metadata, cells=cells, choice=undefined, functions=known,
            meters_kept=meters_kept,
        )  # fmt: skip
    except (Unsupported, ValueError):
        return None


def answered(functions: Cells) -> dict[str, Callable[..., int]]:
    """Of a model's functions, what externs answer; rules, picks of selectors, state and payload are known otherwise."""
    return {n: f for n, f in functions.items() if not n.startswith(("table.", "select.", "state.", "payload."))}


def same(ran: Run, seen: Observed) -> bool:
    """Whether a run sent, told and left behind what was seen before."""
    if seen.fault:
        return any(step["step"] == "assertion" and not step["holds"] for step in ran.trace.steps)
    if ran.outputs != seen.outputs or ran.events != seen.events:
        return False
    written = ((ran.state.get(name, {}).get(i), v) for name, cells in seen.state.items() for i, v in cells.items())
    return all(after is None or after == value for after, value in written)


def one_pass(seen: Observed) -> bool:
    """Whether no frame comes back for another pass."""
    return all(to in ("port", "stack") for to, _, _ in seen.outputs)
