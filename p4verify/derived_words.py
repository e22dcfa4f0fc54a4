"""What a derived table answers, over what its sources answer (:mod:`.derived`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .derived import Derived, Source, Way
from .pairing_words import Function, Words, key_parts
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning import lookup
from .semantics.meaning.action_data import action_leaves
from .semantics.meaning.tables import table_actions
from .semantics.rules.build import default_call
from .semantics.rules.values import key_bits

Argument = Callable[[Source, int, int], Term]
"""What a source's action of some number is given as its k-th number."""


def derived_words(derived: Derived, first: ir.Program) -> Words:
    """The functions and variables of a derived table over those of its sources.

    Raises:
        Unsupported: a source's const default action is given what is not constant.
    """
    made = _Made(derived, first)
    name = derived.second.control_name
    functions: dict[str, Function] = {f"table.{name}.hit": made.hit, f"table.{name}.action": made.action}
    default = lookup.default_action(name)
    variables = {default: made.default_action()}
    for number, ref in enumerate(table_actions(derived.second)):
        action = derived.actions[ref.action]
        for position, (leaf, width) in enumerate(action_leaves(action)):

            def argument(*key: Term, n: int = number, k: int = position, w: int = width) -> Term:
                return made.argument(n, k, w, key)

            functions[f"table.{name}.arg.{action.name}.{leaf}"] = argument
            there = lookup.default_argument(name, action.name, leaf, width)
            variables[there] = made.default_argument(number, position, width)
    return functions, variables


@dataclass(frozen=True)
class _Asked:
    """A source asked with its part of a key: whether an entry matches, and what it does by it or by default."""

    source: Source
    hit: Term
    number: Term
    argument: Argument


class _Made:
    def __init__(self, derived: Derived, first: ir.Program) -> None:
        self.derived, self.first = derived, first
        self.widths = [key_bits(key.expr.type, key.span) for key in derived.second.keys]

    # --- entries ---

    def hit(self, *key: Term) -> Term:
        """Whether the table has an entry for a key."""
        asked = self._asked(key)
        there = [one.hit for one in asked]
        hit = b.and_(*there) if self.derived.entries == "all" else b.or_(*there)
        left_out = [way for way in self.derived.ways.values() if way.number is None]
        return b.and_(hit, *(b.not_(_does(asked, way)) for way in left_out))

    def action(self, *key: Term) -> Term:
        """The number of the entry's action."""
        return self._number(self._asked(key))

    def argument(self, number: int, position: int, width: int, key: Sequence[Term]) -> Term:
        """What the entry's action, of this number, is given."""
        return self._argument(self._asked(key), number, position, width)

    def _asked(self, key: Sequence[Term]) -> list[_Asked]:
        parts = key_parts(key[0], self.widths) if key else []
        found = []
        for source in self.derived.sources:
            mine = [part for k in source.keys if (part := parts[k]) is not None]
            found.append(self._ask(source, b.concat(*mine) if mine else None))
        return found

    def _ask(self, source: Source, key: Term | None) -> _Asked:
        name = source.table.control_name
        if not source.table.keys:
            return _Asked(source, b.FALSE, self._default_number(source), self._default_argument)

        def argument(source: Source, number: int, position: int) -> Term:
            action = source.action(number)
            leaf, width = action_leaves(action)[position]
            given = lookup.argument(name, action.name, leaf, width, key)
            return b.ite(hit, given, self._default_argument(source, number, position)) if both else given

        hit, number, both = lookup.hit(name, key), lookup.action(name, key), self.derived.defaults_count
        number = b.ite(hit, number, self._default_number(source)) if both else number
        return _Asked(source, hit, number, argument)

    # --- the default action ---

    def default_action(self) -> Term:
        """The number of the table's default action."""
        return self._number(self._defaults())

    def default_argument(self, number: int, position: int, width: int) -> Term:
        """What the default action, of this number, is given."""
        return self._argument(self._defaults(), number, position, width)

    def _defaults(self) -> list[_Asked]:
        return [
            _Asked(source, b.FALSE, self._default_number(source), self._default_argument)
            for source in self.derived.sources
        ]

    def _default_number(self, source: Source) -> Term:
        if source.table.const_default:
            return b.bv(source.on_miss[0], lookup.ACTION_BITS)
        return lookup.default_action(source.table.control_name)

    def _default_argument(self, source: Source, number: int, position: int) -> Term:
        action = source.action(number)
        leaf, width = action_leaves(action)[position]
        if not source.table.const_default:
            return lookup.default_argument(source.table.control_name, action.name, leaf, width)
        const = action.name == source.table.default.action
        return b.bv(default_call(self.first, source.table).args[position] if const else 0, width)

    # --- both ---

    def _number(self, asked: Sequence[_Asked]) -> Term:
        ways = self.derived.ways.values()
        if len(asked) == 1 and all(way.sources == (way.number,) for way in ways):
            return asked[0].number
        result = b.bv(0xFFFF, lookup.ACTION_BITS)
        for way in ways:
            if way.number is not None:
                result = b.ite(_does(asked, way), b.bv(way.number, lookup.ACTION_BITS), result)
        return result

    def _argument(self, asked: Sequence[_Asked], number: int, position: int, width: int) -> Term:
        result = None
        for way in self.derived.ways.values():
            if way.number == number:
                at, leaf = way.leaves[position]
                given = asked[at].argument(asked[at].source, way.sources[at], leaf)
                result = given if result is None else b.ite(_does(asked, way), given, result)
        return b.bv(0, width) if result is None else result


def _does(asked: Sequence[_Asked], way: Way) -> Term:
    """Where the sources do what a way is for."""
    return b.and_(*(b.eq(one.number, b.bv(n, lookup.ACTION_BITS)) for one, n in zip(asked, way.sources, strict=True)))
