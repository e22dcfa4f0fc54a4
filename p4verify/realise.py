"""Rules that make tables answer as a solver's model says: what turns a counterexample over functions into entries.

A model fixes what each table answers to the finitely many keys that the run asks; entries with full masks (or full
prefixes) realise exactly that. They must fit the table: its size, and its actions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .on_numbers import all_terms, tables_of
from .proofs.engine import Model
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning.action_data import action_leaves
from .semantics.meaning.answers import split
from .semantics.meaning.behaviour import Behaviour
from .semantics.rules.build import SELECTOR, default_call, match_keys, needs_priority, selector_keys
from .semantics.rules.profiles import implementation_name
from .semantics.rules.ruleset import ActionCall, Exact, GroupRef, Lpm, Match, Range, Rule, RuleSet, Ternary
from .semantics.rules.values import key_bits, value_set_widths
from .targets.base import Relation

Argument = Callable[[str, str], int]


class CannotRealise(Exception):
    """No legal rule set makes the tables answer like this (more entries than ``size``)."""


def realise(program: ir.Program, terms: Iterable[Term], model: Model, relation: Relation | None = None) -> RuleSet:
    """The rule set in which every table and value set answers the keys asked in ``terms`` as ``model`` says; of tables
    that the ``relation`` gives by what a machine holds, a guess at one with which it holds that.

    Raises:
        CannotRealise: a table or value set would need more entries than its size.
    """
    asked = list(terms)
    return _realise(program, asked, asked, _completed(model, relation, asked), relation)


def realise_sides(
    program: ir.Program, sides: Sequence[Behaviour], model: Model, relation: Relation | None = None
) -> RuleSet:
    """As :func:`realise`, of all that the sides ask; of what a machine holds as far as what they do hangs on it.

    Raises:
        CannotRealise: a table or value set would need more entries than its size.
    """
    asked = [t for side in sides for t in all_terms(side)]
    model = _completed(model, relation, asked)
    return _realise(program, asked, [t for side in sides for t in _met(side, model)], model, relation)


def _completed(model: Model, relation: Relation | None, asked: Sequence[Term]) -> Model:
    """The model with the answers of tables that follow from what a machine holds."""
    if relation is None or not relation.tables:
        return model
    return replace(model, computed=tables_of(relation, asked, model.values, model.callables()))


def _met(side: Behaviour, model: Model) -> Iterator[Term]:
    """What decides which of a side's cases applies, and what is in that one."""
    guards = [case.guard for case in side.cases]
    holds = b.evaluate(guards, model.values, model.callables(), default=0)
    yield from (fault.guard for fault in side.faults)
    yield from guards
    for case, applies in zip(side.cases, holds, strict=True):
        yield from case.terms() if applies else ()


def _realise(
    program: ir.Program, asked: Sequence[Term], met: Sequence[Term], model: Model, relation: Relation | None
) -> RuleSet:
    """Rules for all that is ``asked``; of what a machine holds, as far as the values of ``met`` hang on it."""
    by_machine = relation.entries if relation is not None else {}
    calls = b.applications(*asked)
    keys = _asked_keys(calls, model, ".hit")
    needed = b.needed(met, model.values, model.callables(), default=0) if by_machine else []
    needed_keys = _asked_keys(needed, model, ".hit")
    entries: dict[str, tuple[Rule, ...]] = {}
    defaults: dict[str, ActionCall] = {}
    for control, table in program.tables():
        name = table.control_name
        default = _default(control, table, calls, model, grouped=name in by_machine)
        if default is not None and not _is_own(program, table, default, model):
            defaults[name] = default
        if name in by_machine:
            made_for = [key or 0 for key in needed_keys.get(name, ())]
            entries[name] = by_machine[name](made_for, model.callables(), _arguments(needed, model, f"table.{name}."))
            continue
        answers = _answers(table, calls, model)
        rules = tuple(
            rule for key in keys.get(name, ()) if (rule := _entry(control, table, key, answers, model)) is not None
        )
        if table.size is not None and len(rules) > table.size:
            raise CannotRealise(f"table {name} has room for {table.size} entries, {len(rules)} are needed")
        if rules:
            first = {rule.matches: rule for rule in reversed(rules)}
            entries[name] = tuple(sorted((r for r in rules if first[r.matches] is r), key=_generality))
    made = RuleSet(entries, defaults, value_sets=_value_sets(program, keys, model))
    return relation.completed(made, model.callables()) if relation is not None else made


def _value_sets(
    program: ir.Program, asked: Mapping[str, Sequence[int | None]], model: Model
) -> dict[str, tuple[tuple[Match, ...], ...]]:
    """The members that value sets need: of the keys that they are asked, those that are said to be in them."""
    found: dict[str, tuple[tuple[Match, ...], ...]] = {}
    functions = model.callables()
    for declared in (v for parser in program.parsers for v in parser.value_sets):
        name = declared.control_name
        hit = functions.get(f"table.{name}.hit")
        keys = [key for key in asked.get(name, ()) if key is not None and hit is not None and hit(key)]
        if len(keys) > declared.size:
            raise CannotRealise(f"value set {name} has room for {declared.size} members, {len(keys)} are needed")
        widths = value_set_widths(declared.type, declared.span)
        members = [tuple(Exact(value) for value, _ in split(key, widths)) for key in keys]
        if members:
            found[name] = tuple(members)
    return found


def _generality(rule: Rule) -> int:
    """Less for entries that match fewer keys: they have to win."""
    return -sum(m.prefix_len if isinstance(m, Lpm) else m.mask.bit_count() if isinstance(m, Ternary) else 0
                for m in rule.matches)  # fmt: skip


def _answers(table: ir.Table, calls: Sequence[Term], model: Model) -> Mapping[int | None, int | None]:
    """The key that entries match on → the whole key that it was looked up with, where the table has a selector.

    Raises:
        CannotRealise: one entry is asked with several selector keys, and which member answers is the selector's to say.
    """
    if not selector_keys(table):
        return {}
    found: dict[int | None, int | None] = {}
    hit = model.callables().get(f"table.{table.control_name}.hit")
    for key in _asked_keys(calls, model, ".action").get(table.control_name, ()):
        match = _match_part(table, key)
        if hit is None or not hit(*(() if match is None else (match,))):
            continue
        if found.setdefault(match, key) != key:
            raise CannotRealise(f"table {table.control_name}: one entry answers several keys of its selector")
    return found


def _match_part(table: ir.Table, key: int | None) -> int | None:
    """The keys that entries match on, out of a key of all."""
    if key is None or not match_keys(table):
        return None
    match, at = 0, 0
    for part in reversed(table.keys):
        width = key_bits(part.expr.type, part.span)
        if part.match_kind != SELECTOR:
            match |= (key & ((1 << width) - 1)) << at
            at += width
        key >>= width
    return match


def _default(
    control: ir.Control, table: ir.Table, calls: Sequence[Term], model: Model, *, grouped: bool
) -> ActionCall | None:
    """The default action that the model has set, if it says so; ``grouped``: one that is a group is made later."""
    name = table.control_name
    if table.const_default:
        return None
    if not selector_keys(table):
        default = model.values.get(f"table.{name}.default.action", _only_default(table, model))
        if default is None or default >= len(table.actions):
            return None
        return _call(control, table, default, _default_argument(name, model))
    asked = _asked_keys(calls, model, ".default.action").get(name, ())
    functions = model.callables()

    def answer(suffix: str, key: int | None) -> int:
        function = functions.get(f"table.{name}.default.{suffix}")
        return function(*(() if key is None else (key,))) if function else 0

    made = {
        _call(control, table, answer("action", key), lambda a, p, key=key: answer(f"arg.{a}.{p}", key))  # type: ignore[misc]
        for key in asked
        if answer("action", key) < len(table.actions)
    }
    if len(made) > 1:
        if grouped:
            return None
        raise CannotRealise(f"table {name}: the default action differs between keys of its selector")
    return next(iter(made), None)


def _is_own(program: ir.Program, table: ir.Table, default: ActionCall, model: Model) -> bool:
    """Whether the model wants the source's default action to be left as it is."""
    wanted = model.values.get(f"table.{table.control_name}.default.own", 0)
    return bool(wanted) and default == default_call(program, table)


def _only_default(table: ir.Table, model: Model) -> int | None:
    """The default action, where only one is legal (so that nobody asks which), if its arguments are asked for."""
    legal = [i for i, ref in enumerate(table.actions) if not ref.table_only]
    asked = any(name.startswith(f"table.{table.control_name}.default.arg.") for name in model.values)
    listed = any(ref.action == table.default.action for ref in table.actions)
    return legal[0] if asked and listed and len(legal) == 1 else None


def _asked_keys(calls: Iterable[Term], model: Model, suffix: str) -> dict[str, tuple[int | None, ...]]:
    """Table → the keys (None: a table without keys) that ``table.T`` + ``suffix`` is asked under the model."""
    found = _arguments(calls, model, "table.", suffix)
    return {
        name[len("table.") : -len(suffix)]: tuple(args[0] if args else None for args in asked)
        for name, asked in found.items()
    }


def _arguments(calls: Iterable[Term], model: Model, prefix: str, suffix: str = "") -> dict[str, list[tuple[int, ...]]]:
    """What the functions whose names begin and end like this are asked for under the model, each once."""
    calls = [t for t in calls if t.name.startswith(prefix) and t.name.endswith(suffix)]
    values = iter(b.evaluate([arg for call in calls for arg in call.args], model.values, model.callables(), default=0))
    found: dict[str, dict[tuple[int, ...], None]] = {}
    for call in calls:
        arguments = tuple(number for _ in call.args if isinstance(number := next(values), int))
        found.setdefault(call.name, {})[arguments] = None
    return {name: list(each) for name, each in found.items()}


def _entry(
    control: ir.Control, table: ir.Table, key: int | None, answers: Mapping[int | None, int | None], model: Model
) -> Rule | None:
    name, functions = table.control_name, model.callables()
    whole = answers.get(key, key)

    def answer(suffix: str) -> int:
        function = functions.get(f"table.{name}.{suffix}")
        asked = key if suffix == "hit" else whole
        return function(*(() if asked is None else (asked,))) if function else 0

    if not answer("hit"):
        return None
    asked = () if key is None else (key,)
    parts = {n: f(*asked) for n, f in functions.items() if n.startswith(f"entry.{name}.")}
    call = _call(control, table, answer("action"), lambda action, param: answer(f"arg.{action}.{param}"))
    return Rule(name, tuple(_matches(table, key or 0, parts)), call, priority=parts.get(f"entry.{name}.priority", 1))


def _call(control: ir.Control, table: ir.Table, index: int, argument: Argument) -> ActionCall:
    ref = table.actions[index if index < len(table.actions) else 0]
    action = next(a for a in control.actions if a.name == ref.action)
    values = tuple(argument(action.name, leaf) for leaf, _ in action_leaves(action))
    return ActionCall(action.name, values)


def _default_argument(table: str, model: Model) -> Argument:
    return lambda action, param: model.values.get(f"table.{table}.default.arg.{action}.{param}", 0)


def _matches(table: ir.Table, key: int, parts: Mapping[str, int]) -> list[Match]:
    """The whole key, cut into the keys that entries match on, each matched in full unless ``parts`` says otherwise
    (what :mod:`.restrictions` calls the entry's masks, prefix lengths and bounds)."""
    matches: list[Match] = []
    for number, part in reversed(list(enumerate(match_keys(table)))):
        width = key_bits(part.expr.type, part.span)
        own = f"entry.{table.control_name}.{number}"
        value, key = key & ((1 << width) - 1), key >> width
        match part.match_kind:
            case "exact":
                matches.append(Exact(value))
            case "lpm":
                length = min(width, parts.get(f"{own}.prefix", width))
                matches.append(Lpm(value >> (width - length) << (width - length), length))
            case "range":
                matches.append(Range(parts.get(f"{own}.low", value), parts.get(f"{own}.high", value)))
            case _:
                mask = parts.get(f"{own}.mask", (1 << width) - 1)
                matches.append(Ternary(value & mask, mask))
    matches.reverse()
    return matches


def describe(rules: RuleSet, program: ir.Program) -> tuple[str, ...]:
    """The rules one by one, as BMv2's command line takes them; entries of the source are there already."""
    names = _action_names(program)
    profiles: dict[str, str | None] = {t.control_name: implementation_name(program, t) for _, t in program.tables()}
    tables = {table.control_name: table for _, table in program.tables()}
    indirect = _Indirect(rules)
    lines = indirect.lines

    for table, answer in rules.defaults.items():
        called = names.get(table, {})
        if isinstance(answer, GroupRef):
            number = str(indirect.group(answer, called))
            lines.append(_line("table_indirect_set_default_with_group", table, number))
        else:
            lines.append(_line("table_set_default", table, _text(called, answer)))
    for table, entries in rules.entries.items():
        written = {entry.span for entry in tables[table].entries} if table in tables else set()
        ranked = table in tables and needs_priority(tables[table])
        called = names.get(table, {})
        for rank, rule in enumerate(entries, 1):
            if rule.span.file and rule.span in written:
                continue
            keys = " ".join(map(_show, rule.matches))
            priority = str(rank) if ranked else ""
            profile = profiles.get(table)
            if isinstance(rule.action, GroupRef):
                number = str(indirect.group(rule.action, called))
                lines.append(_line("table_indirect_add_with_group", table, keys, "=>", number, priority))
                continue
            if profile is not None:
                number = str(indirect.member(profile, rule.call, called))
                lines.append(_line("table_indirect_add", table, keys, "=>", number, priority))
                continue
            args = " ".join(hex(a) for a in rule.call.args)
            action = called.get(rule.call.action, rule.call.action)
            lines.append(_line("table_add", table, action, keys, "=>", args, priority))
    return (*lines, *_members(rules, program), *_groups(rules))


Names = Mapping[str, str]


@dataclass
class _Indirect:
    """Members and groups of action profiles and selectors, as they are made; numbered from 0 on, as BMv2 does.

    ``names`` are those of the actions where the table is that asks for a member or a group.
    """

    rules: RuleSet
    lines: list[str] = field(default_factory=list)
    made: dict[str, list[ActionCall]] = field(default_factory=dict)
    groups: dict[str, list[int]] = field(default_factory=dict)

    def member(self, profile: str, call: ActionCall, names: Names, others: Sequence[int] = ()) -> int:
        """The number of a member that is none of ``others``."""
        made = self.made.setdefault(profile, [])
        for number, known in enumerate(made):
            if known == call and number not in others:
                return number
        made.append(call)
        self.lines.append(_line("act_prof_create_member", profile, _text(names, call)))
        return len(made) - 1

    def group(self, ref: GroupRef, names: Names) -> int:
        """The number of a group."""
        known = self.groups.setdefault(ref.profile, [])
        if ref.group in known:
            return known.index(ref.group)
        number = len(known)
        known.append(ref.group)
        self.lines.append(_line("act_prof_create_group", ref.profile))
        held: list[int] = []
        for call in self.rules.members(ref):
            held.append(self.member(ref.profile, call, names, held))
            self.lines.append(_line("act_prof_add_member_to_group", ref.profile, str(held[-1]), str(number)))
        return number


def _members(rules: RuleSet, program: ir.Program) -> Iterator[str]:
    """The members of value sets: the parts of each side by side in one number, where each is a number."""
    declared = {v.control_name: v for parser in program.parsers for v in parser.value_sets}
    for name, members in rules.value_sets.items():
        widths = value_set_widths(declared[name].type, declared[name].span)
        for member in members:
            if all(isinstance(part, Exact) for part in member):
                value = 0
                for part, width in zip(member, widths, strict=True):
                    value = value << width | (part.value if isinstance(part, Exact) else 0)
                yield _line("pvs_add", name, hex(value))
            else:
                yield _line("# value set", name, *map(_show, member))


def _groups(rules: RuleSet) -> Iterator[str]:
    """Multicast groups and clone sessions, a node for each member."""
    node = 0
    for group, replicas in rules.multicast.items():
        yield f"mc_mgrp_create {group}"
        for replica in replicas:
            yield f"mc_node_create {replica.instance} {replica.port}"
            yield f"mc_node_associate {group} {node}"
            node += 1
    for number, session in rules.sessions.items():
        yield from (f"mirroring_add {number} {replica.port}" for replica in session.replicas)


def _line(*parts: str) -> str:
    return " ".join(" ".join(parts).split())


def _text(names: Names, call: ActionCall) -> str:
    return " ".join([names.get(call.action, call.action), *(hex(a) for a in call.args)])


def _action_names(program: ir.Program) -> Mapping[str, Names]:
    """For each table how the control plane calls the actions of its control, by their names in the program."""
    return {
        table.control_name: {action.name: action.control_name for action in control.actions}
        for control, table in program.tables()
    }


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
