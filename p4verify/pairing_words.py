"""What the second program's functions and variables of a table are, over those of the first one's table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from .own_defaults import own_default
from .semantics import bits as b
from .semantics.bits import Term
from .semantics.meaning import lookup
from .semantics.meaning.action_data import control_params, param_leaves
from .semantics.meaning.tables import table_actions
from .semantics.rules.values import key_bits
from .table_pair import TablePair, actions_of_table

if TYPE_CHECKING:
    from .pairing import Pairing

Function = Callable[..., Term]
Words = tuple[dict[str, Function], dict[Term, Term]]
"""Functions by name, and variables, of the second program over those of the first."""


def translation(pairing: Pairing, pair: TablePair) -> tuple[dict[str, Function], dict[Term, Term]]:
    """What the second's functions and variables of a table are, over the first's."""
    first, second = pair.first.control_name, pair.second.control_name
    widths = [key_bits(k.expr.type, k.span) for k in pair.second.keys]
    place, fits = _key_order(pair, widths), _key_fits(pair, widths)
    left = actions_of_table(pairing.first, pair.first)
    right = actions_of_table(pairing.second, pair.second)
    functions: dict[str, Function] = {
        f"table.{second}.hit": lambda *key: b.and_(fits(key), lookup.hit(first, place(key))),
        lookup.entry_name(second): lambda *key: lookup.entry(first, place(key)),
        f"table.{second}.action": lambda *key: _number(pair, lookup.action(first, place(key))),
    }
    default, own = lookup.default_action(second), own_default(pairing, pair)

    def default_number(selector: Term | None) -> Term:
        return own.number(selector, _number(pair, lookup.default_action(first, selector)))

    variables: dict[Term, Term] = {default: default_number(None)}
    functions[default.name] = default_number
    for number, other in pair.actions.items():
        mine = left[table_actions(pair.first)[other].action]
        theirs = right[table_actions(pair.second)[number].action]
        params = control_params(mine)
        leaves = [
            (*leaf, *ours)
            for param, position in zip(control_params(theirs), pair.params[number], strict=True)
            for leaf, ours in zip(param_leaves(param), param_leaves(params[position]), strict=True)
        ]
        for leaf, bits, ours, width in leaves:

            def argument(*key: Term, a: str = mine.name, p: str = ours, w: int = width, to: int = bits) -> Term:
                return b.resize(lookup.argument(first, a, p, w, place(key)), to)

            def default_argument(
                selector: Term | None,
                a: str = mine.name,
                p: str = ours,
                w: int = width,
                to: int = bits,
                at: tuple[str, str] = (theirs.name, leaf),
            ) -> Term:
                return own.argument(at, selector, b.resize(lookup.default_argument(first, a, p, w, selector), to))

            functions[f"table.{second}.arg.{theirs.name}.{leaf}"] = argument
            there = lookup.default_argument(second, theirs.name, leaf, bits)
            variables[there] = default_argument(None)
            functions[there.name] = default_argument
    return functions, variables


def key_parts(key: Term, widths: Sequence[int]) -> list[Term | None]:
    """A key taken apart; None for a part of width 0."""
    parts: list[Term | None] = []
    low = sum(widths)
    for width in widths:
        low -= width
        parts.append(b.extract(key, low + width - 1, low) if width else None)
    return parts


def _key_order(pair: TablePair, widths: Sequence[int]) -> Callable[[Sequence[Term]], Term | None]:
    ours = [key_bits(pair.first.keys[k].expr.type, pair.first.span) for k in pair.keys]

    def place(key: Sequence[Term]) -> Term | None:
        if not key or (pair.keys == tuple(range(len(pair.keys))) and ours == list(widths)):
            return key[0] if key else None
        found = zip(pair.keys, key_parts(key[0], widths), ours, strict=True)
        parts = {position: b.resize(part, width) for position, part, width in found if part is not None}
        return b.concat(*(parts[k] for k in sorted(parts)))

    return place


def _key_fits(pair: TablePair, widths: Sequence[int]) -> Callable[[Sequence[Term]], Term]:
    """Whether a key of the second is one that the first's narrower entries can match."""
    ours = [key_bits(pair.first.keys[k].expr.type, pair.first.span) for k in pair.keys]

    def fits(key: Sequence[Term]) -> Term:
        if not key or all(x >= y for x, y in zip(ours, widths, strict=True)):
            return b.TRUE
        found = zip(key_parts(key[0], widths), ours, strict=True)
        return b.and_(
            *(b.eq(b.resize(b.resize(part, width), part.width), part) for part, width in found if part is not None)
        )

    return fits


def _number(pair: TablePair, first: Term) -> Term:
    """The number of the second's action, given that of the first's."""
    if all(i == j for i, j in pair.actions.items()):
        return first
    result = b.bv(0xFFFF, lookup.ACTION_BITS)
    for second, mine in pair.actions.items():
        result = b.ite(b.eq(first, b.bv(mine, lookup.ACTION_BITS)), b.bv(second, lookup.ACTION_BITS), result)
    return result
