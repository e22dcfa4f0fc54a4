"""The second program's tables with their actions, and some with their keys, in the first one's order.

A table's list of actions is a set (P4-16 spec, "Table properties", "Actions"): only names are asked for. With one order
on both sides a lookup's answer has the same number, and what the two programs make of it is the same term, so that
chains of tables fold instead of going to a solver.

Keys are ordered only where counters or meters hang on the table, whose cells have the whole key as their index.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace

from .pairing import Pairing
from .semantics import ir
from .table_pair import TablePair


def in_first_order(pairing: Pairing) -> ir.Program:
    """The second program of a pairing, equal to what it was, with its tables in the first's order."""
    new = {id(pair.second): _with_keys(pair, _with_actions(pair)) for pair in pairing.tables}
    controls = tuple(
        replace(control, tables=tuple(new.get(id(table), table) for table in control.tables))
        for control in pairing.second.controls
    )
    return replace(pairing.second, controls=controls)


def _with_actions(pair: TablePair) -> ir.Table:
    """The second's table with its actions in order, if both list the same; one whose default action is outside of the
    list stays as it is."""
    mine, theirs = pair.first, pair.second
    if sorted(pair.actions.values()) != list(range(len(mine.actions))) or len(pair.actions) != len(theirs.actions):
        return theirs
    places = sorted(pair.actions, key=pair.actions.__getitem__)
    return replace(theirs, actions=tuple(theirs.actions[k] for k in places))


def _with_keys(pair: TablePair, table: ir.Table) -> ir.Table:
    """``table``, the second's, with its keys in order, if anything hangs on it and looking at a key changes nothing."""
    count = len(table.keys)
    counted = any(isinstance(item.value, str) for item in table.properties)
    if not counted or any(len(entry.sets) != count for entry in table.entries) or any(map(_calls, table.keys)):
        return table
    if sorted(pair.keys) != list(range(count)):
        return table
    places = sorted(range(count), key=pair.keys.__getitem__)
    entries = tuple(replace(entry, sets=tuple(entry.sets[k] for k in places)) for entry in table.entries)
    return replace(table, keys=tuple(table.keys[k] for k in places), entries=entries)


def _calls(key: ir.Key) -> bool:
    """Whether a key calls anything."""
    todo: list[object] = [key.expr]
    while todo:
        node = todo.pop()
        if isinstance(node, ir.FunctionCall | ir.ExternCall | ir.TableApply):
            return True
        if isinstance(node, tuple):
            todo += node
        elif is_dataclass(node):
            todo += [getattr(node, item.name) for item in fields(node) if item.name not in ("type", "span")]
    return False
