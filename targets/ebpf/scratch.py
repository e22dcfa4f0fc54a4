"""Scratch memory of our objects: the element of a per-CPU array, for variables that do not fit the stack.

What it holds when the program starts is anything, as the last run on the same CPU left it; what is left there is
nobody's business. So it is told as input, other ones for each of two objects, and not as state. One run does not
interrupt another on the same CPU: both hooks run with bottom halves disabled.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from ...semantics.meaning.behaviour import Behaviour
from .artifact import MapDef

NAME: Final = "p4verify_scratch"
MOST_BYTES: Final = 32768
"""The largest element of a per-CPU array (PCPU_MIN_UNIT_SIZE, ``array_map_alloc_check``)."""
KEY_BYTES: Final = 4
ALONE: Final = "no run interrupts another one on the same CPU, which has the same scratch memory"
"""What verdicts say."""


def scratch_map(size: int) -> MapDef:
    """The map with room for ``size`` bytes."""
    return MapDef(NAME, "percpu_array", KEY_BYTES, (size + 7) // 8 * 8, 1)


def is_scratch(item: MapDef, name: str = NAME) -> bool:
    """Whether a map is what :func:`scratch_map` makes, whatever is said of its value's type; ``name``: its own, where
    two objects are side by side."""
    return (item.name, item.type, item.key_size, item.max_entries) == (name, "percpu_array", KEY_BYTES, 1)


def forgotten(machine: Behaviour, maps: Iterable[MapDef], name: str = NAME) -> Behaviour:
    """The behaviour of an object with these maps without what is left in scratch memory."""
    if not any(is_scratch(item, name) for item in maps):
        return machine
    state = f"map.{name}"
    cases = tuple(
        replace(case, state={kept: term for kept, term in case.state.items() if kept != state})
        for case in machine.cases
    )
    seen = tuple(observed for observed in machine.observables if observed != state)
    return replace(machine, cases=cases, observables=seen, notes=(*machine.notes, ALONE))


__all__ = ["ALONE", "KEY_BYTES", "MOST_BYTES", "NAME", "forgotten", "is_scratch", "scratch_map"]
