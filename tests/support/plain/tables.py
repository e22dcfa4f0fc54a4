"""Match-action tables (P4-16 spec, 14.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from p4verify.semantics import ir
from p4verify.semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, Ternary

from .core import Core, number
from .values import UNDEFINED, Skip, unsigned


def apply_table(core: Core, node: ir.TableApply) -> Any:
    """Evaluate the keys, find the entry that wins, run its action; then what the application says of it."""
    assert isinstance(core.block, ir.Control)
    table = next(t for t in core.block.tables if t.name == node.table)
    keys = [_key(core, key) for key in table.keys]
    rule = _winner(core.rules.of(table.control_name), keys) if keys else None
    action = _run(core, table, rule)
    match node.result:
        case "hit":
            return rule is not None
        case "miss":
            return rule is None
        case "action_run":
            return action
    return None


def _key(core: Core, key: ir.Key) -> tuple[int, int]:
    """A key's bits and their number."""
    value = core.eval(key.expr)
    if value is UNDEFINED:
        raise Skip("a key that is undefined")
    type_ = ir.bare(key.expr.type)
    match type_:
        case ir.BoolType():
            return int(value), 1
        case ir.BitsType(width) | ir.EnumType(underlying=ir.BitsType(width)):
            return unsigned(value, width), width
    raise Skip(f"a key of type {type(type_).__name__}")


def _winner(rules: Sequence[Rule], keys: list[tuple[int, int]]) -> Rule | None:
    for rule in rules:
        if all(_matches(m, v, w) for m, (v, w) in zip(rule.matches, keys, strict=True)):
            return rule
    return None


def _matches(match: Match, value: int, width: int) -> bool:
    match match:
        case Exact(wanted):
            return value == wanted
        case Ternary(wanted, mask):
            return value & mask == wanted & mask
        case Range(low, high):
            return low <= value <= high
        case Lpm(wanted, length):
            return format(value, f"0{width}b")[:length] == format(wanted, f"0{width}b")[:length]


def _run(core: Core, table: ir.Table, rule: Rule | None) -> str:
    """Run the entry's action, or the default one; its name."""
    answer = rule.action if rule is not None else core.rules.defaults.get(table.control_name)
    if table.const_default and rule is None:
        answer = None
    if answer is not None and not isinstance(answer, ActionCall):
        raise Skip("a group of an action selector")
    name = answer.action if answer is not None else table.default.action
    action = core.action(name)
    assert action is not None
    listed = next((r.args for r in table.actions if r.action == name), ())
    directed = [p for p in action.params if p.direction]
    bound = core.bind(directed, listed)
    rest = [p for p in action.params if not p.direction]
    data = (
        [number(v, p.type) for v, p in zip(answer.args, rest, strict=True)]
        if answer is not None
        else [core.eval(a) for a in table.default.args]
    )
    bound += [(p.name, value, None) for p, value in zip(rest, data, strict=True)]
    core.run_action(action, bound)
    return name
