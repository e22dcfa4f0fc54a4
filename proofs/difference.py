"""A difference between two behaviours, as a search found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .answers import Model
from .compare import Obligation


@dataclass(frozen=True)
class Difference:
    """A model of the inputs (and of the implementation's choices) on which an obligation fails."""

    obligation: str
    parts: tuple[str, ...]
    model: Model
    cells: tuple[Mapping[str, int], ...] = ()
    """Cells of the state (``at.NAME``) of which whatever the specification chooses leaves one other than it may be; the
    model has one of them. None if one cell is enough."""


def difference_in(obligation: Obligation, model: Model, cells: tuple[Mapping[str, int], ...] = ()) -> Difference:
    """That an obligation fails on a model, in those of its parts that differ there. (A frame's bytes are many parts of
    one name.)"""
    failing = dict.fromkeys(p.name for p in obligation.parts if model.holds(p.differ))
    return Difference(obligation.name, tuple(failing), model, cells)
