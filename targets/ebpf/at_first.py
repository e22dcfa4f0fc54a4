"""What two objects put into maps that they share before anybody else does: global variables, and maps in maps of maps.

Two objects are compared on the same contents of their maps, whatever these are, so that what both do is the same for
all that programs and control planes may leave there. That they begin alike is not part of this.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from .artifact import BpfObject, MapDef
from .artifact.program import Field
from .pairing import paired, used
from .variables import by_name, related

LONGEST: Final = 64
"""Digits of a variable that are shown."""


def unlike_at_first(first: BpfObject, second: BpfObject) -> str | None:
    """In what the maps that programs of both refer to differ when the objects are loaded; None for nothing.

    Raises:
        Unsupported: as :func:`.pairing.behaviours` does.
    """
    told = related(first, second)
    ours, theirs = used(told.first), used(paired(told.first, told.second)[0])
    for name in sorted(ours.keys() & theirs.keys()):
        for what, here, there in _compared(ours[name], theirs[name]):
            if here != there:
                return f"{what} is {_shown(here)} at first in one object, {_shown(there)} in the other"
    return None


def _compared(ours: MapDef, theirs: MapDef) -> Iterator[tuple[str, str, str]]:
    """What is there at first, in words, on both sides."""
    if ours.data is not None and theirs.data is not None:
        yield from _variables(ours, theirs)
    held = [item.held or {} for item in (ours, theirs)]
    for index in sorted(held[0].keys() | held[1].keys()):
        yield f"element {index} of map {ours.name}", _held(held[0], index), _held(held[1], index)


def _held(held: Mapping[int, str], index: int) -> str:
    return f"map {held[index]}" if index in held else "empty"


def _variables(ours: MapDef, theirs: MapDef) -> Iterator[tuple[str, str, str]]:
    """By name where that is how they are related (:mod:`.variables`), else as they lie."""
    by_place = [(variable, variable) for variable in ours.variables]
    for variable, other in by_name(ours, theirs) if ours.parts else by_place:
        yield f"variable {variable.name} of {ours.name}", _bytes(ours, variable), _bytes(theirs, other)
    if not ours.variables:
        whole = Field("", 0, ours.value_size)
        yield f"section {ours.name}", _bytes(ours, whole), _bytes(theirs, whole)


def _bytes(item: MapDef, variable: Field) -> str:
    assert item.data is not None
    return item.data[variable.offset : variable.offset + variable.size].hex()


def _shown(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
