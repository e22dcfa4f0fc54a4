"""What maps of counters and registers hold, said by the program's cells: copies of a frame change both, one after the
other, and it has to be said of each copy what it makes of the program's cells.

An element holds cells side by side, and bits that no cell has (a register of 8 bits lies in 64). Whatever an element
holds is what its cells hold, and the rest; which is a function of its own that nothing may hang on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from .. import telling
from ..base import Obligation, StateRelation
from .cells import Cell, CellMap
from .fillup import host_order

REST: Final = "rest of "
"""How the names begin of functions for bits that no cell has, and for elements that no index has."""
STATE: Final = "state."
"""How the names begin of functions for what there was before the packet."""
Functions = Mapping[str, Callable[..., Term]]


@dataclass(frozen=True)
class Cells:
    """The program's cells that lie in maps."""

    shapes: Mapping[str, tuple[int, int]]
    """State's name → bits of its index, and of its cells."""
    elements: Functions
    """What the machine is told when it looks into a map before the packet → the same by the program's cells."""
    initial: Functions
    """What the program's cells hold before the packet → the same by what the machine's maps hold."""
    laws: tuple[Obligation, ...]
    """Of :attr:`elements`: read by its cells an element is what it is."""
    maps: tuple[CellMap, ...] = ()
    relations: tuple[StateRelation, ...] = ()

    def at(self, named: Iterable[str]) -> Cells:
        """With what maps held at places in an object's code that have names (:class:`.meaning.NamedStores`), too."""
        held = {item.map.name: item for item in self.maps}
        elements, initial = dict(self.elements), dict(self.initial)
        for held_there in named:
            prefix, _, name = held_there.partition("map.")
            if name in held:
                elements[held_there] = partial(_element, held[name], prefix)
                for cell in held[name].cells:
                    [relation] = [each for each in self.relations if each.program == cell.state]
                    initial[f"{prefix}{cell.state}"] = telling.initial(relation, prefix)
        return replace(self, elements=elements, initial=initial)


def cells_in(maps: Iterable[CellMap], relations: Iterable[StateRelation]) -> Cells:
    """Those of these maps, of arrays with an element for each index; ``relations`` of all their cells."""
    maps, relations = tuple(maps), tuple(relations)
    of = {relation.program: relation for relation in relations}
    shapes: dict[str, tuple[int, int]] = {}
    elements: dict[str, Callable[..., Term]] = {}
    initial: dict[str, Callable[..., Term]] = {}
    laws: list[Obligation] = []
    for cells in maps:
        said = partial(_element, cells, STATE)
        elements |= {f"state.map.{cells.map.name}": said, f"map.{cells.map.name}.value": said}
        for cell in cells.cells:
            shapes[cell.state] = cells.index_bits, cell.width
            initial[f"state.{cell.state}"] = telling.initial(of[cell.state])
            laws.append(_law(cells, cell, of[cell.state]))
    return Cells(shapes, elements, initial, tuple(laws), maps, relations)


def _index(cells: CellMap, key: Term) -> tuple[Term, Term]:
    """The index of the element at a key, and whether there is one."""
    number, bits = host_order(key), cells.index_bits
    if bits > number.width:
        return b.zext(number, bits), b.ult(number, b.bv(cells.map.max_entries, number.width))
    index = b.extract(number, bits - 1, 0)
    return index, b.eq(b.zext(index, number.width), number)


def _element(cells: CellMap, prefix: str, key: Term) -> Term:
    """What the element at a key holds."""
    index, inside = _index(cells, key)
    size = 8 * cells.map.value_size
    parts = [host_order(_whole(cell, prefix, index, key)) for cell in sorted(cells.cells, key=lambda cell: cell.offset)]
    return b.ite(inside, b.concat(*parts), b.apply(f"{REST}{prefix}{cells.map.name}", b.bit_vector(size), key))


def _whole(cell: Cell, prefix: str, index: Term, key: Term) -> Term:
    """The bytes of a cell as a number."""
    held = b.apply(f"{prefix}{cell.state}", b.bit_vector(cell.width), index)
    more = 8 * cell.size - cell.width
    return b.concat(b.apply(f"{REST}{prefix}{cell.state}", b.bit_vector(more), key), held) if more else held


def _law(cells: CellMap, cell: Cell, relation: StateRelation) -> Obligation:
    """An index's element has that index, and is read as what the cell holds."""
    at = b.var(f"at.{cell.state}", relation.index_bits)
    key = relation.index(at)
    index, inside = _index(cells, key)
    held = b.apply(f"state.{cell.state}", b.bit_vector(cell.width), at)
    read = b.eq(relation.value(_element(cells, STATE, key)), held)
    return Obligation(f"the element of a cell of {cell.state}", b.implies(inside, b.and_(b.eq(index, at), read)))


__all__ = ["REST", "Cells", "Functions", "cells_in"]
