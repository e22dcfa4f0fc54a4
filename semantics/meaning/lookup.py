"""Table lookups under an unknown rule set: uninterpreted functions from the key to a legal answer.

For table ``T`` (control-plane name), with ``key`` the concatenation of its key values, first key highest (a table
without keys has none of the arguments; a key of width 0 counts nothing):

* ``table.T.hit(key)``: Bool.
* ``table.T.action(key)``: 16 bits, on a hit: the index of the action in ``Table.actions``.
* ``table.T.arg.A.P(key)``: on a hit with action ``A``: its argument for parameter ``P`` (action's local name).
* ``table.T.default.action``, ``table.T.default.arg.A.P``: variables: what a miss does, when the default action is not
  const.

This is exact: a counterexample asks finitely many keys, and entries with full masks or prefixes realise any answers
to them (``size`` permitting, which is checked when the entries are built).
"""

from __future__ import annotations

from .. import bits as b
from ..bits import Sort, Term

ACTION_BITS = 16


def hit(table: str, key: Term | None) -> Term:
    """Whether some entry matches."""
    return _ask(f"table.{table}.hit", b.BOOL, key)


def action(table: str, key: Term | None) -> Term:
    """The index of the entry's action in ``Table.actions``, given that there is a hit."""
    return _ask(f"table.{table}.action", b.bit_vector(ACTION_BITS), key)


def argument(table: str, action_name: str, param: str, width: int, key: Term | None) -> Term:
    """The entry's argument for ``param`` (Bool parameters: width 1), given a hit with that action."""
    return _ask(f"table.{table}.arg.{action_name}.{param}", b.bit_vector(width), key)


def default_action(table: str) -> Term:
    """The index of the default action that the control plane has set."""
    return b.var(f"table.{table}.default.action", ACTION_BITS)


def default_argument(table: str, action_name: str, param: str, width: int) -> Term:
    """The default action's argument for ``param`` (Bool parameters: width 1)."""
    return b.var(f"table.{table}.default.arg.{action_name}.{param}", width)


def _ask(name: str, sort: Sort, key: Term | None) -> Term:
    return b.apply(name, sort, *(() if key is None else (key,)))
