"""Tables whose rules are known, written as tables of a program that has them in its source and takes no others.

So a program can be looked at under every rule set that has just these rules in some tables.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Final

from .. import ir
from ..source import Unsupported
from .build import match_keys, source_entries
from .ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary
from .values import key_bits


def with_rules_of(program: ir.Program, rules: RuleSet, tables: Collection[str]) -> ir.Program:
    """The program with the rules of some tables (control-plane names) as constant entries of its source.

    Raises:
        Unsupported: they cannot be written in the source so that they are read as they were (groups of a selector, keys
            that are members of an enumeration); names the table's place.
    """
    actions = {action.name: action for control in program.controls for action in control.actions}
    actions |= {action.name: action for action in program.actions}
    put = {
        id(table): _with_entries(program, table, rules.of(table.control_name), actions)
        for _, table in program.tables()
        if table.control_name in tables
    }
    controls = tuple(replace(c, tables=tuple(put.get(id(t), t) for t in c.tables)) for c in program.controls)
    changed = replace(program, controls=controls)
    for _, table in changed.tables():
        if table.control_name in tables:
            _check(changed, table, rules)
    return changed


def _with_entries(
    program: ir.Program, table: ir.Table, rules: tuple[Rule, ...], actions: Mapping[str, ir.Action]
) -> ir.Table:
    if match_keys(table) != table.keys:
        raise Unsupported("rules of a table with a selector as entries of the source", table.span)
    entries = []
    for rule in rules:
        sets = tuple(_keyset(match, key) for match, key in zip(rule.matches, table.keys, strict=True))
        entries.append(ir.Entry(sets, _bound(rule.call, actions), const=True, span=rule.span))
    return replace(table, entries=tuple(entries), const_entries=True)


def _keyset(match: Match, key: ir.Key) -> ir.KeySet:
    type_, width = key.expr.type, key_bits(key.expr.type, key.span)
    match match:
        case Exact(value):
            return ir.ValueSet(_const(value, type_, key))
        case Lpm(value, length):
            mask = (1 << width) - (1 << (width - length))
            return ir.MaskSet(_const(value, type_, key), _const(mask, type_, key))
        case Ternary(_, 0):
            return ir.AnySet()
        case Ternary(value, mask):
            return ir.MaskSet(_const(value, type_, key), _const(mask, type_, key))
        case Range(low, high):
            return ir.RangeSet(_const(low, type_, key), _const(high, type_, key))


def _bound(call: ActionCall, actions: Mapping[str, ir.Action]) -> ir.BoundAction:
    action = actions[call.action]
    given = [param for param in action.params if not param.direction]
    if len(given) != len(call.args):
        raise Unsupported("structures as arguments of entries", action.span)
    args = zip(given, call.args, strict=True)
    return ir.BoundAction(call.action, tuple(_const(value, param.type, param) for param, value in args))


_NUMBERS: Final = (ir.BitsType, ir.BoolType)


def _const(value: int, type_: ir.Type, where: ir.Key | ir.Param) -> ir.Const:
    bare = ir.bare(type_)
    if not isinstance(bare, _NUMBERS):
        raise Unsupported(f"a value of type {type(bare).__name__} in an entry", where.span)
    return ir.Const(bool(value) if isinstance(bare, ir.BoolType) else value, type_)


def _check(program: ir.Program, table: ir.Table, rules: RuleSet) -> None:
    """That the entries are read as the rules that they were made from, in the order in which these win."""
    wanted = [(rule.matches, rule.action) for rule in rules.of(table.control_name)]
    if [(rule.matches, rule.action) for rule in source_entries(program, table)] != wanted:
        raise Unsupported("rules that cannot be written as entries of the source", table.span)
