"""What a rule set makes of the uninterpreted lookups of :mod:`.lookup`: the functions on numbers.

With them :func:`p4verify.semantics.meaning.concrete.evaluate_behaviour` runs a behaviour that holds for every rule set
under one of them, whoever's behaviour it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .. import ir
from ..rules.build import SELECTOR, default_call, match_keys, program_rules, selector_keys
from ..rules.decide import first, matches, members
from ..rules.ruleset import ActionCall, Answer, Match, RuleSet
from ..rules.values import key_bits
from . import lookup
from .action_data import action_leaves
from .concrete import Function, Groups
from .selectors import pick_name, selections


@dataclass(frozen=True)
class Answers:
    """Values for ``functions``, ``inputs`` and ``groups`` of :func:`evaluate_behaviour`."""

    functions: dict[str, Function]
    inputs: dict[str, int]
    groups: Groups


def answers(program: ir.Program, rules: RuleSet | None = None) -> Answers:
    """The lookups of every table and value set of ``program`` under ``rules`` (None: the source's entries alone)."""
    rules = rules if rules is not None else program_rules(program)
    functions = selections(program, rules)
    inputs: dict[str, int] = {}
    for control, table in program.tables():
        actions = {action.name: action for action in (*program.actions, *control.actions)}
        _table(_Table(program, table, rules, functions), actions, functions, inputs)
    for parser in program.parsers:
        for declaration in parser.value_sets:
            name = declaration.control_name
            functions[f"table.{name}.hit"] = _member_of(rules.value_sets.get(name, ()), set_widths(declaration.type))
    return Answers(functions, inputs, lambda kind, number, _depth: members(rules, kind, number))


def number_of(table: ir.Table, action: str) -> int:
    """The index that stands for an action: in the table's list, or behind it for a default action not listed."""
    names = [ref.action for ref in table.actions]
    return names.index(action) if action in names else len(names)


@dataclass(frozen=True)
class _Table:
    """The answers of one table; keys come as one number, the first key highest."""

    program: ir.Program
    table: ir.Table
    rules: RuleSet
    picks: Mapping[str, Function]

    def hit(self, *key: int) -> int:
        """Whether an entry matches; asked with the keys that entries match on."""
        values = split(key[0] if key else 0, widths_of(match_keys(self.table)))
        return int(first(self.rules.of(self.table.control_name), _at_least_one_bit(values)) is not None)

    def number(self, *key: int) -> int:
        """The number of the entry that matches, 0 if none does; asked with the keys that entries match on."""
        values = split(key[0] if key else 0, widths_of(match_keys(self.table)))
        return first(self.rules.of(self.table.control_name), _at_least_one_bit(values)) or 0

    def entry(self, *key: int) -> ActionCall | None:
        """What the entry that matches does; asked with all keys."""
        pairs = list(zip(self.table.keys, split(key[0] if key else 0, widths_of(self.table.keys)), strict=True))
        match = [value for part, value in pairs if part.match_kind != SELECTOR]
        entries = self.rules.of(self.table.control_name)
        at = first(entries, _at_least_one_bit(match))
        if at is None:
            return None
        return self._one(entries[at].action, [value for part, value in pairs if part.match_kind == SELECTOR])

    def default(self, *selector: int) -> ActionCall:
        """What a miss does; asked with the selector's key, if the table has one."""
        name = self.table.control_name
        answer = self.rules.defaults.get(name) if not self.table.const_default else None
        if answer is None:
            return default_call(self.program, self.table)
        return self._one(answer, split(selector[0] if selector else 0, widths_of(selector_keys(self.table))))

    def _one(self, answer: Answer, selector: Sequence[tuple[int, int]]) -> ActionCall:
        if isinstance(answer, ActionCall):
            return answer
        members = self.rules.members(answer)
        width, value = 0, 0
        for part, bits in selector:
            width, value = width + bits, value << bits | part
        known = len(set(members)) == 1
        return members[0 if known else self.picks[pick_name(answer, width)](*((value,) if width else ()))]


def _table(
    answer: _Table, actions: Mapping[str, ir.Action], functions: dict[str, Function], inputs: dict[str, int]
) -> None:
    table = answer.table
    name = table.control_name
    functions[f"table.{name}.hit"] = answer.hit
    functions[lookup.entry_name(name)] = answer.number
    functions[f"table.{name}.action"] = _number(table, answer.entry)
    defaults: dict[str, Function] = {"default.action": _number(table, answer.default)}
    for action_name in {*(ref.action for ref in table.actions), table.default.action}:
        for position, (leaf, _) in enumerate(action_leaves(actions[action_name])):
            argument = f"arg.{action_name}.{leaf}"
            functions[f"table.{name}.{argument}"] = _argument(answer.entry, action_name, position)
            defaults[f"default.{argument}"] = _argument(answer.default, action_name, position)
    inputs[f"table.{name}.default.own"] = int(name not in answer.rules.defaults)
    for suffix, function in defaults.items():
        if selector_keys(table):
            functions[f"table.{name}.{suffix}"] = function
        else:
            inputs[f"table.{name}.{suffix}"] = function()


_Call = Callable[..., ActionCall | None]


def _number(table: ir.Table, call_of: _Call) -> Function:
    def which(*key: int) -> int:
        call = call_of(*key)
        return number_of(table, call.action) if call is not None else 0

    return which


def _argument(call_of: _Call, action: str, position: int) -> Function:
    def argument(*key: int) -> int:
        call = call_of(*key)
        return call.args[position] if call is not None and call.action == action else 0

    return argument


def widths_of(keys: Sequence[ir.Key]) -> list[int]:
    """Bits of each key in a lookup's key; those of no bits count nothing."""
    bare = [ir.bare(key.expr.type) for key in keys]
    empty = [isinstance(type_, ir.BitsType) and type_.width == 0 for type_ in bare]
    return [0 if nothing else key_bits(key.expr.type, key.span) for key, nothing in zip(keys, empty, strict=True)]


def _at_least_one_bit(values: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    return [(value, max(1, width)) for value, width in values]


def split(key: int, widths: Sequence[int]) -> list[tuple[int, int]]:
    """The key values that a concatenation holds, first highest, with their widths."""
    values = []
    for width in reversed(widths):
        values.append((key & ((1 << width) - 1), width))
        key >>= width
    return values[::-1]


def _member_of(members: Sequence[Sequence[Match]], widths: Sequence[int]) -> Function:
    def member(*key: int) -> int:
        values = split(key[0] if key else 0, widths)
        return int(any(all(matches(x, v, w) for x, (v, w) in zip(m, values, strict=True)) for m in members))

    return member


def set_widths(type_: ir.Type) -> list[int]:
    bare = ir.bare(type_)
    if isinstance(bare, ir.StructType):
        return [width for part in bare.fields for width in set_widths(part.type)]
    if isinstance(bare, ir.TupleType):
        return [width for part in bare.elements for width in set_widths(part)]
    return [key_bits(bare)]
