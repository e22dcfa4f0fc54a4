"""What cells of state held before a packet, where only what they hold afterwards is told."""

from __future__ import annotations

from dataclasses import replace

from .. import bits as b
from ..bits import Term
from .behaviour import Behaviour


def with_all_cells(*sides: Behaviour) -> list[Behaviour]:
    """The sides, each telling of every state that some case of one of them writes what a cell holds afterwards. Where
    only numbers are left of a case that does not tell, it is not known any more which cell is looked at."""
    before = cells_before(*sides)
    return [
        replace(side, cases=tuple(replace(case, state={**before, **case.state}) for case in side.cases))
        for side in sides
    ]


def cells_before(*sides: Behaviour) -> dict[str, Term]:
    """For every name in some case's state: what an arbitrary cell held before (a single cell: no index)."""
    names: dict[str, Term] = {}
    for case in (c for side in sides for c in side.cases):
        for name, after in case.state.items():
            if name not in names:
                names[name] = cell_before(name, after)
    return names


def cell_before(name: str, after: Term, prefix: str = "state") -> Term:
    """What the cell of a state held, of which a case says what it holds ``after`` it: the one that is looked at."""
    index = [v for v in b.variables(after) if v.name == f"at.{name}"]
    return b.apply(f"{prefix}.{name}", after.sort, *index[:1])
