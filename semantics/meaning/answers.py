"""What a rule set makes of the uninterpreted lookups of :mod:`.lookup`: the functions on numbers.

With them :func:`p4verify.semantics.meaning.concrete.evaluate_behaviour` runs a behaviour that holds for every rule set
under one of them, whoever's behaviour it is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .. import ir
from ..rules.build import constant, key_bits, program_rules
from ..rules.decide import first, matches, members
from ..rules.ruleset import ActionCall, Match, Rule, RuleSet
from .concrete import Function, Groups


@dataclass(frozen=True)
class Answers:
    """Values for ``functions``, ``inputs`` and ``groups`` of :func:`evaluate_behaviour`."""

    functions: dict[str, Function]
    inputs: dict[str, int]
    groups: Groups


def answers(program: ir.Program, rules: RuleSet | None = None) -> Answers:
    """The lookups of every table and value set of ``program`` under ``rules`` (None: the source's entries alone)."""
    rules = rules if rules is not None else program_rules(program)
    functions: dict[str, Function] = {}
    inputs: dict[str, int] = {}
    for control, table in program.tables():
        actions = {action.name: action for action in (*program.actions, *control.actions)}
        _table(program, table, actions, rules, functions, inputs)
    for parser in program.parsers:
        for declaration in parser.value_sets:
            name = declaration.control_name
            functions[f"table.{name}.hit"] = _member_of(rules.value_sets.get(name, ()), _set_widths(declaration.type))
    return Answers(functions, inputs, lambda kind, number, _depth: members(rules, kind, number))


def number_of(table: ir.Table, action: str) -> int:
    """The index that stands for an action: in the table's list, or behind it for a default action not listed."""
    names = [ref.action for ref in table.actions]
    return names.index(action) if action in names else len(names)


def _table(
    program: ir.Program,
    table: ir.Table,
    actions: dict[str, ir.Action],
    rules: RuleSet,
    functions: dict[str, Function],
    inputs: dict[str, int],
) -> None:
    name = table.control_name
    widths = [key_bits(key.expr.type, key.span) for key in table.keys]
    entries = rules.of(name)

    def found(key: Sequence[int]) -> Rule | None:
        at = first(entries, split(key[0] if key else 0, widths))
        return entries[at] if at is not None else None

    def hit(*key: int) -> int:
        return int(found(key) is not None)

    def which(*key: int) -> int:
        rule = found(key)
        return number_of(table, rule.call.action) if rule is not None else 0

    functions[f"table.{name}.hit"] = hit
    functions[f"table.{name}.action"] = which
    default = rules.default_call(name) if not table.const_default else None
    if default is None:
        default = ActionCall(table.default.action, tuple(constant(program, arg) for arg in table.default.args))
    inputs[f"table.{name}.default.action"] = number_of(table, default.action)
    for action_name in {*(ref.action for ref in table.actions), table.default.action}:
        for position, param in enumerate(p for p in actions[action_name].params if not p.direction):
            argument = f"arg.{action_name}.{param.name}"
            functions[f"table.{name}.{argument}"] = _argument(found, action_name, position)
            is_default = default.action == action_name
            inputs[f"table.{name}.default.{argument}"] = default.args[position] if is_default else 0


def _argument(found: Callable[[Sequence[int]], Rule | None], action: str, position: int) -> Function:
    def argument(*key: int) -> int:
        rule = found(key)
        return rule.call.args[position] if rule is not None and rule.call.action == action else 0

    return argument


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


def _set_widths(type_: ir.Type) -> list[int]:
    bare = ir.bare(type_)
    if isinstance(bare, ir.StructType):
        return [width for part in bare.fields for width in _set_widths(part.type)]
    if isinstance(bare, ir.TupleType):
        return [width for part in bare.elements for width in _set_widths(part)]
    return [key_bits(bare)]
