"""What maps of counters and registers hold, said by the program's cells: copies of a frame change both, one after the
other, and it has to be said of each copy what it makes of the program's cells.

An element holds cells side by side, and bits that no cell has (a register of 8 bits lies in 64). Whatever an element
holds is what its cells hold, and the rest; which is a function of its own that nothing may hang on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from ...semantics import bits as b
from ...semantics.bits import Term
from ..base import Obligation, StateRelation
from .cells import Cell, CellMap
from .fillup import host_order

REST: Final = "rest of "
"""How the names begin of functions for bits that no cell has, and for elements that no index has."""
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


def cells_in(maps: Iterable[CellMap], relations: Iterable[StateRelation]) -> Cells:
    """Those of these maps, of arrays with an element for each index; ``relations`` of all their cells."""
    of = {relation.program: relation for relation in relations}
    shapes: dict[str, tuple[int, int]] = {}
    elements: dict[str, Callable[..., Term]] = {}
    initial: dict[str, Callable[..., Term]] = {}
    laws: list[Obligation] = []
    for cells in maps:
        said = partial(_element, cells)
        elements |= {f"state.map.{cells.map.name}": said, f"map.{cells.map.name}.value": said}
        for cell in cells.cells:
            shapes[cell.state] = cells.index_bits, cell.width
            initial[f"state.{cell.state}"] = partial(_initial, of[cell.state])
            laws.append(_law(cells, cell, of[cell.state]))
    return Cells(shapes, elements, initial, tuple(laws))


def _initial(relation: StateRelation, index: Term) -> Term:
    return relation.value(b.apply(f"state.{relation.machine}", relation.cell_bits, relation.index(index)))


def _index(cells: CellMap, key: Term) -> tuple[Term, Term]:
    """The index of the element at a key, and whether there is one."""
    number, bits = host_order(key), cells.index_bits
    if bits > number.width:
        return b.zext(number, bits), b.ult(number, b.bv(cells.map.max_entries, number.width))
    index = b.extract(number, bits - 1, 0)
    return index, b.eq(b.zext(index, number.width), number)


def _element(cells: CellMap, key: Term) -> Term:
    """What the element at a key holds."""
    index, inside = _index(cells, key)
    size = 8 * cells.map.value_size
    parts = [host_order(_whole(cell, index, key)) for cell in sorted(cells.cells, key=lambda cell: cell.offset)]
    return b.ite(inside, b.concat(*parts), b.apply(f"{REST}{cells.map.name}", b.bit_vector(size), key))


def _whole(cell: Cell, index: Term, key: Term) -> Term:
    """The bytes of a cell as a number."""
    held = b.apply(f"state.{cell.state}", b.bit_vector(cell.width), index)
    more = 8 * cell.size - cell.width
    return b.concat(b.apply(f"{REST}{cell.state}", b.bit_vector(more), key), held) if more else held


def _law(cells: CellMap, cell: Cell, relation: StateRelation) -> Obligation:
    """An index's element has that index, and is read as what the cell holds."""
    at = b.var(f"at.{cell.state}", relation.index_bits)
    key = relation.index(at)
    index, inside = _index(cells, key)
    held = b.apply(f"state.{cell.state}", b.bit_vector(cell.width), at)
    read = b.eq(relation.value(_element(cells, key)), held)
    return Obligation(f"the element of a cell of {cell.state}", b.implies(inside, b.and_(b.eq(index, at), read)))


__all__ = ["REST", "Cells", "Functions", "cells_in"]
