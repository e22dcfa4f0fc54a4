"""What is left of terms on one input, and the cells of state that an input was found for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .engine import Model
from .options import Instance, cells_in

Application = Callable[..., Term]

OWN_CELL: Final = "cell."
"""In front of the names of the cells that defeat one instance, after its number."""


def with_own_cells(violation: Term, number: int) -> Term:
    """``violation`` in cells of its own; of instance 0 as they are."""
    own: Instance = {v: b.var(f"{OWN_CELL}{number}.{v.name}", v.sort) for v in cells_in(violation)} if number else {}
    return b.substitute([violation], own)[0] if own else violation


def cells_of(model: Model, cells: Sequence[Term]) -> list[Instance]:
    """The cells that defeat the instances so far (an empty one if there are no cells)."""
    numbers = {int(name.split(".")[1]) for name in model.values if name.startswith(OWN_CELL)}
    found: dict[tuple[int, ...], None] = {tuple(model.values.get(c.name, 0) for c in cells): None}
    for number in sorted(numbers):
        names = [f"{OWN_CELL}{number}.{c.name}" for c in cells]
        found[tuple(model.values.get(name, 0) for name in names)] = None
    return [{c: b.literal(n, c) for c, n in zip(cells, at, strict=True)} for at in found]


def at_a_cell(violation: Term, model: Model, seen: list[Instance]) -> tuple[Model, tuple[Mapping[str, int], ...]]:
    """The model at a cell that shows the difference where all choices are 0, and all cells if it takes several."""
    places = [{c.name: number_of(index) for c, index in cell.items()} for cell in seen]
    models = [replace(model, values={**model.values, **place}) for place in places]
    shown = next((m for m in models if m.holds(violation)), models[0])
    return shown, tuple(places) if len(places) > 1 else ()


def fix(term: Term, model: Model, free: frozenset[Term]) -> Term:
    """``term`` with everything but ``free`` given its value in the model."""
    return all_fixed([term], model, free)[0]


def all_fixed(terms: list[Term], model: Model, free: frozenset[Term]) -> list[Term]:
    inputs: dict[Term, Term] = {
        v: b.literal(model.values.get(v.name, 0), v) for v in b.variables(*terms) if v not in free
    }
    tables = model.functions
    functions = {}
    for call in b.applications(*terms):
        table = tables.get(call.name, {})
        functions[call.name] = as_decision(call, table)
    return b.substitute(terms, inputs, functions)


def as_decision(call: Term, table: Mapping[tuple[int, ...] | None, int]) -> Application:
    def build(*args: Term) -> Term:
        value = b.literal(_otherwise(call.name, table), call)
        fixed = [(i, number_of(arg)) for i, arg in enumerate(args) if arg.is_const and not arg.sort.index]
        if len(fixed) == len(args):
            known = table.get(tuple(n for _, n in fixed))
            return value if known is None else b.literal(known, call)
        for key, result in table.items():
            if key is not None and all(key[i] == n for i, n in fixed):
                here = b.and_(*(b.eq(arg, b.literal(k, arg)) for arg, k in zip(args, key, strict=True)))
                value = b.ite(here, b.literal(result, call), value)
        return value

    return build


def _otherwise(name: str, table: Mapping[tuple[int, ...] | None, int]) -> int:
    """A value for arguments that the model does not list: of actions one that is legal, as the listed ones are."""
    if name.endswith(".action"):
        return next((v for k, v in table.items() if k is not None), 0)
    return table.get(None, 0)


def number_of(literal: Term) -> int:
    return number(b.evaluate([literal], {})[0])


def number(value: b.Value) -> int:
    assert isinstance(value, int)
    return value
