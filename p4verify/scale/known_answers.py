"""What is known of the answers of tables that are left open, by their rows alone.

A table answers to every key what some row of it answers, whatever key it is asked for. So this is true of the side's
meaning, for all that it may choose, and needs no comparison with another side.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from ..semantics.bits import Term
from ..semantics.meaning.behaviour import Behaviour
from ..semantics.meaning.opened import Opened
from .constants import laws_of_constants


def said_of_numbers(side: Opened) -> Iterator[Term]:
    """That tables answer only what some row does, as far as few words say it (:meth:`.OpenTable.said_of_numbers`)."""
    for one in side.lookups:
        yield from side.tables[one.table].said_of_numbers(one.key)


def with_known_answers(side: Opened) -> Behaviour:
    """The side's meaning with these rows, as far as that is known: its tables are functions that answer what some row
    does, and where fields of a key are constant, what some row for these does."""
    known = dict.fromkeys(said_of_numbers(side))
    for one in side.lookups:
        table = side.tables[one.table]
        known.update(dict.fromkeys(law.says(table, one.key) for law in laws_of_constants(table, one.key)))
    return replace(side.behaviour, axioms=(*side.behaviour.axioms, *known))
