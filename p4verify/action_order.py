"""The second program's tables with their actions in the first one's order.

A table's list of actions is a set (P4-16 spec, "Table properties", "Actions"): only names are asked for. With one order
on both sides a lookup's answer has the same number, and what the two programs make of it is the same term, so that
chains of tables fold instead of going to a solver.
"""

from __future__ import annotations

from dataclasses import replace

from .pairing import Pairing
from .semantics import ir
from .table_pair import TablePair


def in_first_order(pairing: Pairing) -> ir.Program:
    """The second program of a pairing, equal to what it was, with the actions of paired tables in the first's order."""
    new = {id(pair.second): _ordered(pair) for pair in pairing.tables}
    controls = tuple(
        replace(control, tables=tuple(new.get(id(table), table) for table in control.tables))
        for control in pairing.second.controls
    )
    return replace(pairing.second, controls=controls)


def _ordered(pair: TablePair) -> ir.Table:
    """The table, if both list the same actions; one whose default action is outside of the list stays as it is."""
    mine, theirs = pair.first, pair.second
    if sorted(pair.actions.values()) != list(range(len(mine.actions))) or len(pair.actions) != len(theirs.actions):
        return theirs
    places = sorted(pair.actions, key=pair.actions.__getitem__)
    return replace(theirs, actions=tuple(theirs.actions[k] for k in places))
