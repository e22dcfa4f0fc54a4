"""Rules that make tables answer as a solver's model says: what turns a counterexample over functions into entries.

A model fixes what each table answers to the finitely many keys that the run asks; entries with full masks (or full
prefixes) realise exactly that. They must fit the table: its size, and its actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from .proofs.engine import Model
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary

Argument = Callable[[str, str], int]


class CannotRealise(Exception):
    """No legal rule set makes the tables answer like this (more entries than ``size``)."""


def realise(program: ir.Program, terms: Iterable[Term], model: Model) -> RuleSet:
    """The rule set in which every table answers the keys asked in ``terms`` as ``model`` says.

    Raises:
        CannotRealise: a table would need more entries than its size.
    """
    asked = _asked_keys(terms, model)
    entries: dict[str, tuple[Rule, ...]] = {}
    defaults: dict[str, ActionCall] = {}
    for control, table in program.tables():
        name = table.control_name
        default = model.values.get(f"table.{name}.default.action")
        if not table.const_default and default is not None and default < len(table.actions):
            defaults[name] = _call(control, table, default, _default_argument(name, model))
        rules = tuple(rule for key in asked.get(name, ()) if (rule := _entry(control, table, key, model)) is not None)
        if table.size is not None and len(rules) > table.size:
            raise CannotRealise(f"table {name} has room for {table.size} entries, {len(rules)} are needed")
        if rules:
            entries[name] = rules
    return RuleSet(entries, defaults)


def _asked_keys(terms: Iterable[Term], model: Model) -> dict[str, tuple[int | None, ...]]:
    """Table → the keys (None: a table without keys) that are looked up under the model."""
    calls = [t for t in b.applications(*terms) if t.name.startswith("table.") and t.name.endswith(".hit")]
    found: dict[str, dict[int | None, None]] = {}
    arguments = [call.args[0] if call.args else None for call in calls]
    values = iter(b.evaluate([a for a in arguments if a is not None], model.values, model.callables(), default=0))
    for call, argument in zip(calls, arguments, strict=True):
        key = next(values) if argument is not None else None
        assert key is None or isinstance(key, int)
        found.setdefault(call.name[len("table.") : -len(".hit")], {})[key] = None
    return {name: tuple(keys) for name, keys in found.items()}


def _entry(control: ir.Control, table: ir.Table, key: int | None, model: Model) -> Rule | None:
    name, functions = table.control_name, model.callables()
    args = () if key is None else (key,)

    def answer(suffix: str) -> int:
        function = functions.get(f"table.{name}.{suffix}")
        return function(*args) if function else 0

    if not answer("hit"):
        return None
    call = _call(control, table, answer("action"), lambda action, param: answer(f"arg.{action}.{param}"))
    return Rule(name, tuple(_matches(table, key or 0)), call, priority=1)


def _call(control: ir.Control, table: ir.Table, index: int, argument: Argument) -> ActionCall:
    ref = table.actions[index if index < len(table.actions) else 0]
    action = next(a for a in control.actions if a.name == ref.action)
    values = tuple(argument(action.name, p.name) for p in action.params if p.direction == "")
    return ActionCall(action.name, values)


def _default_argument(table: str, model: Model) -> Argument:
    return lambda action, param: model.values.get(f"table.{table}.default.arg.{action}.{param}", 0)


def _matches(table: ir.Table, key: int) -> list[Match]:
    """The whole key, cut into the table's keys, each matched in full."""
    matches: list[Match] = []
    for part in reversed(table.keys):
        width = ir.width_of(part.expr.type)
        value, key = key & ((1 << width) - 1), key >> width
        match part.match_kind:
            case "exact":
                matches.append(Exact(value))
            case "lpm":
                matches.append(Lpm(value, width))
            case "range":
                matches.append(Range(value, value))
            case _:
                matches.append(Ternary(value, (1 << width) - 1))
    matches.reverse()
    return matches


def describe(rules: RuleSet, program: ir.Program) -> tuple[str, ...]:
    """The rules one by one, as BMv2's command line takes them."""
    names = _action_names(program)
    lines = []
    for table in rules.defaults:
        default = rules.default_call(table)
        assert default is not None
        lines.append(" ".join(["table_set_default", table, names.get(default.action, default.action),
                               *(hex(a) for a in default.args)]))  # fmt: skip
    for table, entries in rules.entries.items():
        for rule in entries:
            keys = " ".join(map(_show, rule.matches))
            args = " ".join(hex(a) for a in rule.call.args)
            action = names.get(rule.call.action, rule.call.action)
            lines.append(" ".join(f"table_add {table} {action} {keys} => {args}".split()))
    return tuple(lines)


def _action_names(program: ir.Program) -> Mapping[str, str]:
    return {action.name: action.control_name for control in program.controls for action in control.actions}


def _show(match: Match) -> str:
    match match:
        case Exact(value):
            return hex(value)
        case Lpm(value, prefix_len):
            return f"{value:#x}/{prefix_len}"
        case Ternary(value, mask):
            return f"{value:#x}&&&{mask:#x}"
        case Range(low, high):
            return f"{low:#x}->{high:#x}"
