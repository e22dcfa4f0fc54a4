"""A machine's cells of state, told as the program's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..semantics import bits as b
from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Case
from .base import StateRelation


def initial(state: StateRelation, prefix: str = "state.") -> Callable[..., Term]:
    """The program's cell before the packet, as the machine's cell holds it; with another ``prefix`` at another time."""

    def cell(index: Term) -> Term:
        return state.value(b.apply(f"{prefix}{state.machine}", state.cell_bits, state.index(index)))

    return cell


def arbitrary(state: StateRelation) -> Term:
    """The index of the program's cell that is looked at."""
    return b.var(f"at.{state.program}", state.index_bits)


def renamed(case: Case, states: Sequence[StateRelation]) -> Case:
    """The machine's cells as the program's: at the index where the program's cell lies, read as the program reads."""
    cells = dict(case.state)
    for state in states:
        ours = arbitrary(state)
        at = state.index(ours)
        after = case.state.get(state.machine)  # which may hold several of the program's cells
        if after is None:
            cells[state.program] = initial(state)(ours)
        else:
            theirs = b.var(f"at.{state.machine}", at.width)
            cells[state.program] = state.value(b.substitute([after], {theirs: at})[0])
    for name in {state.machine for state in states} - {state.program for state in states}:
        cells.pop(name, None)
    return replace(case, state=cells)
