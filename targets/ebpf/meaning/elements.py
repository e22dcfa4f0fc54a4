"""Arrays of one element that programs write: memory, of which every pointer that is not null points to the same bytes.

So it is kept byte by byte, like the stack, and bytes that do not change cost nothing where paths join.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ..artifact.program import F_RDONLY_PROG, INNER, MapDef
from .state import State
from .values import Byte, Lane, Partial

SINGLES: Final = ("array", "percpu_array")


def is_single(item: MapDef) -> bool:
    """Whether a map is an array of one element, which programs may write (and not all the maps in a map of maps)."""
    alone = item.max_entries == 1 and not item.name.endswith(INNER)
    return alone and item.type in SINGLES and not item.flags & F_RDONLY_PROG


def element(name: str) -> str:
    """What the memory is called that is the only element of map ``name``."""
    return f"element {name}"


def initial_memory(maps: Mapping[str, MapDef], written: frozenset[str]) -> dict[str, dict[int, Byte]]:
    """What the elements of written arrays of one element hold before the program runs."""
    return {
        element(name): dict(enumerate(_bytes(before(item))))
        for name, item in maps.items()
        if name in written and is_single(item)
    }


def before(item: MapDef) -> Term:
    """The only element of an array before the program runs, its first byte highest."""
    return b.apply(f"state.map.{item.name}", 8 * item.value_size, b.bv(0, 8 * item.key_size))


def after(item: MapDef, state: State) -> Term:
    """The only element of an array as the paths have left it, its first byte highest."""
    held = state.memory[element(item.name)]
    terms = [found.term if isinstance(found, Lane | Partial) else found for _, found in sorted(held.items())]
    assert all(isinstance(term, Term) for term in terms)  # all were written, and no pointer may be kept in a map
    return b.concat(*(term for term in terms if isinstance(term, Term)))


def overwrite(state: State, item: MapDef, value: Term) -> None:
    """The only element of an array becomes ``value``, its first byte highest."""
    state.memory[element(item.name)] = dict(enumerate(_bytes(value)))


def _bytes(whole: Term) -> list[Term]:
    return [b.extract(whole, low + 7, low) for low in range(whole.width - 8, -1, -8)]
