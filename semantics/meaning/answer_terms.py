"""What a rule set makes of the uninterpreted lookups of :mod:`.lookup`: the functions on terms.

:mod:`.answers` says it on numbers. Where a key is not known, because it follows from what another table answers, the
entries are a decision about it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import bits as b
from .. import ir
from ..bits import Term
from ..rules.build import SELECTOR
from ..rules.ruleset import ActionCall, Match, Rule, RuleSet
from ..source import Unsupported
from . import lookup
from .action_data import action_leaves
from .answers import answers, number_of, set_widths, widths_of
from .keysets import matches

TermFunction = Callable[..., Term]


@dataclass(frozen=True)
class AnswerTerms:
    """Functions on terms, and values for variables, that stand for every lookup."""

    functions: dict[str, TermFunction]
    inputs: dict[str, int]


def answer_terms(program: ir.Program, rules: RuleSet) -> AnswerTerms:
    """The lookups of every table and value set of ``program`` under ``rules``.

    Raises:
        Unsupported: a table chooses among members of a group.
    """
    functions: dict[str, TermFunction] = {}
    for control, table in program.tables():
        if any(key.match_kind == SELECTOR for key in table.keys):
            raise Unsupported(f"table {table.control_name}, which has an action selector", table.span)
        name, entries = table.control_name, rules.of(table.control_name)
        widths = widths_of(table.keys)
        functions[lookup.hit_name(name)] = _hit([entry.matches for entry in entries], widths)
        places = list(range(len(entries)))
        functions[lookup.entry_name(name)] = _first(entries, widths, places, lookup.ENTRY_BITS)
        numbers = [number_of(table, entry.call.action) for entry in entries]
        functions[lookup.action_name(name)] = _first(entries, widths, numbers, lookup.ACTION_BITS)
        actions = {action.name: action for action in (*program.actions, *control.actions)}
        for action in {*(ref.action for ref in table.actions), table.default.action}:
            for position, (leaf, width) in enumerate(action_leaves(actions[action])):
                given = [_argument(entry.call, action, position) for entry in entries]
                functions[lookup.argument_name(name, action, leaf)] = _first(entries, widths, given, width)
    for declared in (v for parser in program.parsers for v in parser.value_sets):
        name = declared.control_name
        functions[lookup.hit_name(name)] = _hit(rules.value_sets.get(name, ()), set_widths(declared.type))
    return AnswerTerms(functions, answers(program, rules).inputs)


def _argument(call: ActionCall, action: str, position: int) -> int:
    return call.args[position] if call.action == action else 0


def _hit(members: Sequence[Sequence[Match]], widths: Sequence[int]) -> TermFunction:
    def hit(*key: Term) -> Term:
        return b.or_(*(_match(member, key, widths) for member in members))

    return hit


def _first(entries: Sequence[Rule], widths: Sequence[int], values: Sequence[int], width: int) -> TermFunction:
    """What the first entry that matches says; 0 where none does."""

    def first(*key: Term) -> Term:
        found = b.bv(0, width)
        for entry, value in reversed(list(zip(entries, values, strict=True))):
            found = b.ite(_match(entry.matches, key, widths), b.bv(value, width), found)
        return found

    return first


def _match(member: Sequence[Match], key: Sequence[Term], widths: Sequence[int]) -> Term:
    """Whether a key, all of its parts in one term, is matched."""
    parts, low = [], sum(widths)
    for width in widths:
        low -= width
        parts.append(b.extract(key[0], low + width - 1, low) if width else b.bv(0, 1))
    return b.and_(*(matches(part, match) for part, match in zip(parts, member, strict=True)))
