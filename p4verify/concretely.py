"""Two sides on numbers: what a program or a machine does to one input, as its meaning has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .interpreted import Groups
from .on_numbers import all_terms, functions_of, tables_of
from .proofs.choices import IMPL
from .proofs.counterexample import Input, Side, values_of
from .proofs.engine import Model
from .proofs.verdict import Observed
from .related import in_the_programs_cells
from .semantics import bits as b
from .semantics.meaning.behaviour import CHOICE, Behaviour
from .semantics.meaning.concrete import Faulted, Plans, evaluate_behaviour
from .semantics.meaning.concrete import Groups as Members
from .targets.base import Relation
from .told_names import ToldNames


def sides_of(spec: Behaviour, impl: Behaviour, relation: Relation, model: Model, *, told: bool) -> tuple[Side, Side]:
    """Both as functions on inputs of which both speak, ValueError being raised for others.

    Args:
        spec: the first.
        impl: the second, in its own words.
        relation: brings these into the first one's.
        model: answers what functions are asked.
        told: whether cells of the first that nobody writes are told as they were.
    """
    functions = Functions(relation, model)
    names = ToldNames.of(spec, impl)
    held = functions.cells() if told else {}
    mine = within((spec, impl), side_of(spec, functions.program(spec), "", names, held=held))
    theirs = in_the_programs_cells(impl, relation)
    return mine, side_of(theirs, functions.machine(impl), "impl.", names, held=held)


@dataclass(frozen=True)
class Functions:
    """Functions on numbers for both sides: tables' answers and cells of state before the packet."""

    relation: Relation
    model: Model

    def cells(self) -> dict[str, Callable[..., int]]:
        """What the program's cells hold before the packet, by the state's name."""
        functions = self.program()
        return {n.removeprefix("state."): f for n, f in functions.items() if n.startswith("state.")}

    def program(self, side: Behaviour | None = None) -> dict[str, Callable[..., int]]:
        """The model's functions, the program's cells as the machine holds them, and what ``side`` asks of the
        relation."""
        functions = self.model.callables()
        if side is not None and self.relation.tables:
            functions |= tables_of(self.relation, all_terms(side), self.model.values, functions)
        for state in self.relation.states:

            def cell(index: int, state: Any = state) -> int:
                term = state.value(
                    b.apply(f"state.{state.machine}", state.cell_bits, state.index(b.bv(index, state.index_bits)))
                )
                value = b.evaluate([term], self.model.values, self.model.callables(), default=0)[0]
                assert isinstance(value, int)
                return value

            functions[f"state.{state.program}"] = cell
        return functions

    def machine(self, side: Behaviour) -> dict[str, Callable[..., int]]:
        """The model's functions, and the relation's evaluated on numbers."""
        functions = self.model.callables()
        return functions | functions_of(self.relation, side, self.model.values, functions)


def side_of(
    behaviour: Behaviour,
    functions: dict[str, Callable[..., int]],
    prefix: str,
    told: ToldNames,
    members: Members | None = None,
    held: Mapping[str, Callable[..., int]] | None = None,
) -> Side:
    """The behaviour as a function from concrete inputs to what is observed.

    ``functions``: what uninterpreted functions answer. ``prefix``: what choices begin with where inputs name them.

    ``told``: the metadata that is told; where the behaviour says nothing of it, it is as it was.
    ``held``: what cells hold before the packet, by the state's name; where no case writes them (under given rules, or
    at all), they are as they were.
    """

    plans = Plans()

    def run(given: Input) -> Observed:
        values = given.model.values
        choices = _Defaulting({n.removeprefix(prefix): v for n, v in values.items() if n.startswith(prefix + CHOICE)})
        inputs = {n: v for n, v in values.items() if not n.startswith(("pkt", "in.port", CHOICE, IMPL))}
        fault = _fault(behaviour, given, inputs, functions)
        if fault is not None:
            return Observed((), fault=fault)
        try:
            seen = evaluate_behaviour(
                behaviour, given.packet, given.port, functions=functions, inputs=inputs, choices=choices, default=0,
                cells=_known_cells(behaviour, given.cells),
                groups=members or Groups(values).members, plans=plans,
            )  # fmt: skip
        except Faulted as happened:  # which hangs on bytes that lie so far from the packet's end, or on choices
            return Observed((), fault=happened.text)
        before = {name: inputs.get(f"in.{name}", 0) for name in told.metadata} if seen.outputs else {}
        metadata = before | dict(seen.metadata)
        untouched = {n: {i: held[n](i) for i in at} for n, at in given.cells.items() if held is not None and n in held}
        carried = told.carried(seen, inputs)
        return Observed(
            seen.outputs, metadata, untouched | seen.state, carried=carried, events=seen.events, kinds=seen.kinds
        )

    return run


def within(compared: Sequence[Behaviour], side: Side) -> Side:
    """``side``, which cannot be run (ValueError) on an input outside of what was compared."""

    plan = b.Plan([a.condition for one in compared for a in (*one.domain, *one.reaching)])

    def run(given: Input) -> Observed:
        if not all(plan(values_of(given), given.model.callables(), 0)):
            raise ValueError("the packet is none that gets to the machine")
        return side(given)

    return run


def _known_cells(behaviour: Behaviour, asked: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
    names = {name for case in behaviour.cases for name in case.state}
    return {name: indexes for name, indexes in asked.items() if name in names}


def _fault(
    behaviour: Behaviour, given: Input, inputs: Mapping[str, int], functions: Mapping[str, Callable[..., int]]
) -> str | None:
    """The fault that the machine runs into on this input, if any."""
    if not behaviour.faults:
        return None
    values = {**inputs, "pkt.len": len(given.packet), "in.port": given.port}
    values |= {f"pkt[{i}]": octet for i, octet in enumerate(given.packet)}
    guards = b.evaluate([f.guard for f in behaviour.faults], values, functions, default=0)
    for fault, guard in zip(behaviour.faults, guards, strict=True):
        if guard:
            return fault.text
    return None


class _Defaulting(dict[str, int]):
    """Choices by name; one that the model does not mention is 0."""

    def __missing__(self, _name: str) -> int:
        return 0
