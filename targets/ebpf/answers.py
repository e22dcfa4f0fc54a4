"""What the maps of a table hold, as terms over the table's answers: keys taken apart, and values made."""

from __future__ import annotations

from collections.abc import Callable

from ...semantics import bits as b
from ...semantics.bits import Term
from ...semantics.meaning import lookup
from .decisions import (
    trie_prefix,
)
from .fillup import value_bytes
from .layout import ACTION_BYTES, PREFIX_BYTES, KeyPart, TableLayout


def _name(layout: TableLayout) -> str:
    return layout.table.control_name


# --- keys -----------------------------------------------------------------------------------------------------------


def part_value(part: KeyPart, key: Term) -> Term:
    """The P4 key in the map key's bytes."""
    low = key.width - 8 * (part.offset + part.size) + (8 * part.size - part.width if part.lpm else 0)
    return b.extract(key, low + part.width - 1, low)


def padding(part: KeyPart, key: Term) -> Term | None:
    """The bits of the map key that pad the P4 key; None if there are none."""
    count = 8 * part.size - part.width
    if not count:
        return None
    low = key.width - 8 * (part.offset + part.size) + (0 if part.lpm else part.width)
    return b.extract(key, low + count - 1, low)


def table_key(layout: TableLayout, key: Term) -> Term:
    """The P4 keys in the map key's bytes side by side, as :mod:`...semantics.meaning.lookup` takes them."""
    return b.concat(*(part_value(part, key) for part in layout.in_order() if part.width))


def asks_all(layout: TableLayout, key: Term) -> Term:
    """Whether a trie is asked for its whole key."""
    return b.eq(trie_prefix(key), b.bv(key.width - 8 * PREFIX_BYTES, 32))


def well_formed(layout: TableLayout, key: Term) -> Term:
    """Whether the bytes are what a lookup of some key asks."""
    pads = [pad for part in layout.keys if (pad := padding(part, key)) is not None]
    clean = b.and_(*(b.eq(pad, b.bv(0, pad.width)) for pad in pads))
    return b.and_(clean, asks_all(layout, key)) if layout.trie else clean


# --- values ---------------------------------------------------------------------------------------------------------


def answer(layout: TableLayout, key: Term | None, name: str = "", profile: Term | None = None) -> Term:
    """The value at a key under an unknown rule set; ``name``: of the table that is asked, if it is another;
    ``profile``: of the entry, if the table's have one."""
    name = name or _name(layout)
    action = lookup.action(name, key)
    return _encoded(layout, action, lambda act, param, width: lookup.argument(name, act, param, width, key), profile)


def default_answer(layout: TableLayout) -> Term:
    """The value of the default action under an unknown rule set."""
    name = _name(layout)
    action = lookup.default_action(name)
    return _encoded(layout, action, lambda act, param, width: lookup.default_argument(name, act, param, width))


def _encoded(
    layout: TableLayout, action: Term, argument: Callable[[str, str, int], Term], profile: Term | None = None
) -> Term:
    """The value for an action's place and its arguments; the arguments of other actions are 0.

    The number is told action by action, as the program asks: where code compares a byte of it, what is left is the
    program's own condition. Any other place is told as that behind the last one, where the default action stands that
    a table has without naming it (:func:`...semantics.meaning.tables.table_actions`): rules answer no further ones.
    """
    args = {}
    for part in layout.actions:
        for place, arg in enumerate(part.args):
            if arg.width:
                given = argument(part.action.name, arg.param, arg.width)
                chosen = b.eq(action, b.bv(part.index, lookup.ACTION_BITS))
                args[part.index, place] = b.ite(chosen, given, b.bv(0, arg.width))
    return value_bytes(layout, action_number(layout, action), args, profile)


def action_number(layout: TableLayout, action: Term) -> Term:
    """The number in map values of the action at a place."""
    number = b.bv(len(layout.actions) + 1, 8 * ACTION_BYTES)
    for part in reversed(layout.actions):
        chosen = b.eq(action, b.bv(part.index, lookup.ACTION_BITS))
        number = b.ite(chosen, b.bv(part.number, 8 * ACTION_BYTES), number)
    return number
