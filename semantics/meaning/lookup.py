"""Table lookups under an unknown rule set: uninterpreted functions from the key to a legal answer.

For table ``T`` (control-plane name), with ``key`` the concatenation of its key values, first key highest (a table
without keys has none of the arguments; a key of width 0 counts nothing):

* ``table.T.hit(key)``: Bool.
* ``table.T.action(key)``: 16 bits, on a hit: the index of the action in ``Table.actions``.
* ``table.T.arg.A.P(key)``: on a hit with action ``A``: its argument for parameter ``P`` (action's local name).
* ``table.T.entry(key)``: 32 bits, on a hit: the number of the entry. Asked only where each entry has a cell (a direct
  counter) and the key does not say which entry it meets.
* ``table.T.default.action``, ``table.T.default.arg.A.P``: variables: what a miss does, when the default action is not
  const.
* ``table.T.default.own``: Bool, a variable: the control plane has not set it, so it is the source's. Asked only where
  the sources of two programs have different ones.

Of a table with an action selector, what an entry or the default does is a function of the selector's key too: the
``key`` of ``action`` and ``arg`` holds all keys of the table, in their order, that of ``hit`` only those which entries
match on, and ``default.action`` and ``default.arg`` are functions of the selector's keys.

This is exact: a counterexample asks finitely many keys, and entries with full masks or prefixes realise any answers
to them (``size`` permitting, which is checked when the entries are built).

Of a machine that keeps the entries of ``T`` in numbered slots, what the entry in slot ``n`` does is what the table
``T.slot`` answers to the key ``n`` (:data:`SLOT`).
"""

from __future__ import annotations

from .. import bits as b
from ..bits import Sort, Term

ACTION_BITS = 16
ENTRY_BITS = 32
SLOT = ".slot"


def hit_name(table: str) -> str:
    """The function :func:`hit`."""
    return f"table.{table}.hit"


def action_name(table: str) -> str:
    """The function :func:`action`."""
    return f"table.{table}.action"


def argument_name(table: str, action: str, param: str) -> str:
    """The function :func:`argument`."""
    return f"table.{table}.arg.{action}.{param}"


def entry_name(table: str) -> str:
    """The function :func:`entry`."""
    return f"table.{table}.entry"


def hit(table: str, key: Term | None) -> Term:
    """Whether some entry matches."""
    return _ask(hit_name(table), b.BOOL, key)


def action(table: str, key: Term | None) -> Term:
    """The index of the entry's action in ``Table.actions``, given that there is a hit."""
    return _ask(action_name(table), b.bit_vector(ACTION_BITS), key)


def entry(table: str, key: Term | None) -> Term:
    """The number of the entry, given that there is a hit."""
    return _ask(entry_name(table), b.bit_vector(ENTRY_BITS), key)


def argument(table: str, action: str, param: str, width: int, key: Term | None) -> Term:
    """The entry's argument for ``param`` (Bool parameters: width 1), given a hit with that action."""
    return _ask(argument_name(table, action, param), b.bit_vector(width), key)


def default_action(table: str, selector: Term | None = None) -> Term:
    """The index of the default action that the control plane has set."""
    return _default(f"table.{table}.default.action", ACTION_BITS, selector)


def default_argument(table: str, action_name: str, param: str, width: int, selector: Term | None = None) -> Term:
    """The default action's argument for ``param`` (Bool parameters: width 1)."""
    return _default(f"table.{table}.default.arg.{action_name}.{param}", width, selector)


def default_is_own(table: str) -> Term:
    """Whether the default action is the source's, as the control plane has set none."""
    return b.var(f"table.{table}.default.own", b.BOOL)


def _default(name: str, width: int, selector: Term | None) -> Term:
    return b.var(name, width) if selector is None else b.apply(name, b.bit_vector(width), selector)


def _ask(name: str, sort: Sort, key: Term | None) -> Term:
    return b.apply(name, sort, *(() if key is None else (key,)))
