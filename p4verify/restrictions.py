"""What is true of every entry that a control plane may install: ``@entry_restriction``, ``@action_restriction``, and
``--assume 'table T: ...'`` or ``--assume 'action A: ...'``, all in the language of :mod:`.semantics.rules.constraints`.

Under unknown rules the entry that answers a key is unknown, so its masks, prefix lengths, bounds and priority are
unknown functions of that key (``entry.T.I.mask`` for key I, ...): the entry matches the key, is well formed, and
satisfies what its table says. That holds of the entry that answers under any such rule set, so no rule set is left out.
Rules that are given, or made for a counterexample, are checked one by one. Defaults and the source's own entries are
not restricted, so under unknown rules a table with such entries is not; nor are the arguments of an action profile's
members.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from .on_numbers import all_terms
from .semantics import bits as b
from .semantics import ir
from .semantics.bits import Term
from .semantics.meaning import lookup
from .semantics.meaning.action_data import action_leaves, control_params, param_leaves
from .semantics.meaning.behaviour import Assumption, Behaviour
from .semantics.p4info.names import param_name
from .semantics.rules.build import SELECTOR, match_keys, source_entries
from .semantics.rules.constraints import INT_BITS, Bits, Constraint, Entry, Match, Mistake, Value, Whole, exactly, parse
from .semantics.rules.names import find_table
from .semantics.rules.profiles import implementation_name
from .semantics.rules.ruleset import ActionCall, Exact, GroupRef, Lpm, Range, Rule, RuleSet, Ternary
from .semantics.rules.ruleset import Match as RuleMatch
from .semantics.rules.values import key_bits
from .semantics.source import InputError, Span, Unsupported

_GIVEN: Final = re.compile(r"\s*(table|action)\s+(\"[^\"]+\"|[^\s:]+)\s*:(.*)", re.DOTALL)
PRIORITY_BITS: Final = 31


@dataclass(frozen=True)
class Restriction:
    """One constraint on the entries of a table or the arguments of an action."""

    constraint: Constraint
    told: str
    """What verdicts and errors call it."""
    where: Span


@dataclass
class Restrictions:
    """All of a program's and the user's, by the table's and the action's control-plane name."""

    program: ir.Program
    tables: dict[str, list[Restriction]] = field(default_factory=dict)
    actions: dict[str, list[Restriction]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    """Annotations that are not understood, which restrict nothing; the source's entries that break others."""

    # --- every rule set ---------------------------------------------------------------------------------------------

    def restricted(self, side: Behaviour) -> Behaviour:
        """A behaviour under unknown rules, in the program's words, of which the restrictions are true."""
        axioms: dict[Term, None] = {}
        told: dict[str, None] = {}
        calls = b.applications(*all_terms(side))
        for control, table in self.program.tables():
            if table.entries:  # those of the source keep to nothing, and may be the ones that answer
                continue
            prefix = f"table.{table.control_name}."
            about = [call for call in calls if call.name.startswith(prefix) and call.args]
            whole = dict.fromkeys(c.args[0] for c in about if c.name[len(prefix) :].startswith(("action", "arg.")))
            found = [pair for call in about if call.name == f"{prefix}hit" for pair in self._of_entry(table, call)]
            found += [pair for key in whole for pair in self._of_arguments(control, table, key)]
            for axiom, text in found:
                axioms[axiom] = None
                told[text] = None
        domain = (*side.domain, *(Assumption(text, b.TRUE, "restriction") for text in told))
        return replace(side, axioms=tuple(dict.fromkeys((*side.axioms, *axioms))), domain=domain)

    def _of_entry(self, table: ir.Table, hit: Term) -> Iterator[tuple[Term, str]]:
        """That the entry which answers the key of ``hit`` is one that the table may have."""
        name = table.control_name
        if name not in self.tables:
            return
        key = hit.args[0]
        entry, formed = _any_entry(table, key)
        for restriction in self.tables[name]:
            yield b.implies(hit, b.and_(formed, restriction.constraint.holds(entry))), restriction.told

    def _of_arguments(self, control: ir.Control, table: ir.Table, key: Term) -> Iterator[tuple[Term, str]]:
        """That the action which the entry for ``key`` names has arguments that it may have."""
        name = table.control_name
        if implementation_name(self.program, table) is not None:  # members are made apart from entries
            return
        hit, which = lookup.hit(name, _match_part(table, key)), lookup.action(name, key)
        legal = [b.eq(which, b.bv(i, which.width)) for i, ref in enumerate(table.actions) if not ref.default_only]
        for number, ref in enumerate(table.actions):
            action = next((a for a in control.actions if a.name == ref.action), None)
            if action is None or action.control_name not in self.actions or ref.default_only:
                continue
            leaves = action_leaves(action)
            given = _parameters(action, [lookup.argument(name, ref.action, leaf, bits, key) for leaf, bits in leaves])
            runs = b.and_(hit, b.eq(which, b.bv(number, which.width)))
            for restriction in self.actions[action.control_name]:
                yield b.implies(hit, b.or_(*legal)), restriction.told
                yield b.implies(runs, restriction.constraint.holds(Entry(given))), restriction.told

    # --- rules that are known ---------------------------------------------------------------------------------------

    def violation(self, rules: RuleSet) -> tuple[Rule, Restriction] | None:
        """The first entry that is not allowed, and by what."""
        for control, table in self.program.tables():
            own = [(rule.matches, rule.action) for rule in source_entries(self.program, table)] if table.entries else []
            for rule in rules.of(table.control_name):
                if (rule.matches, rule.action) in own:
                    continue
                for restriction in self._broken(control, table, rule, rules):
                    return rule, restriction
        return None

    def own_entries(self) -> list[str]:
        """What to say of the source's entries that are none a control plane may install. They are there all the same:
        constraints are enforced on what P4Runtime is asked to write (p4-constraints, README)."""
        found = []
        for control, table in self.program.tables():
            restricted = table.control_name in self.tables or any(
                a.control_name in self.actions for a in control.actions
            )
            for rule in source_entries(self.program, table) if table.entries and restricted else ():
                for restriction in self._broken(control, table, rule, RuleSet({})):
                    what = f"{rule.span}: this entry of the program's own in table {table.control_name}"
                    found.append(f"{what} is none that it allows others to install: {restriction.told}")
        return found

    def refuse(self, rules: RuleSet) -> None:
        """Raises InputError for the first entry that is not allowed, at its place."""
        found = self.violation(rules)
        if found is not None:
            rule, restriction = found
            text = " ".join(restriction.constraint.text.split())
            shown = text if len(text) <= 200 else f"{text[:199]}…"
            message = f"this entry of table {rule.table} is not allowed: {restriction.told}: {shown}"
            raise InputError.at(rule.span, message)

    def _broken(self, control: ir.Control, table: ir.Table, rule: Rule, rules: RuleSet) -> Iterator[Restriction]:
        entry = _the_entry(table, rule)
        for restriction in self.tables.get(table.control_name, ()):
            if restriction.constraint.holds(entry) is not b.TRUE:
                yield restriction
        calls = rules.members(rule.action) if isinstance(rule.action, GroupRef) else (rule.action,)
        for call in calls:
            yield from self._bad_arguments(control, call)

    def _bad_arguments(self, control: ir.Control, call: ActionCall) -> Iterator[Restriction]:
        action = next((a for a in control.actions if a.name == call.action), None)
        if action is None or action.control_name not in self.actions:
            return
        leaves = zip(action_leaves(action), call.args, strict=True)
        given = _parameters(action, [b.bv(value, bits) for (_, bits), value in leaves])
        for restriction in self.actions[action.control_name]:
            if restriction.constraint.holds(Entry(given)) is not b.TRUE:
                yield restriction


def _parameters(action: ir.Action, terms: Sequence[Term]) -> dict[str, Value]:
    """An action's parameters that are numbers, by the names that the control plane knows."""
    left = iter(terms)
    named: dict[str, Value] = {}
    for param in control_params(action):
        leaves = [next(left) for _ in param_leaves(param)]
        if [name for name, _ in param_leaves(param)] == [param.name]:
            named[param_name(param)] = Bits(leaves[0])
    return named


# --- entries --------------------------------------------------------------------------------------------------------


def mask_of(table: str, key: int) -> str:
    """The function that is the mask of key number ``key`` in the entry that answers."""
    return f"entry.{table}.{key}.mask"


def prefix_of(table: str, key: int) -> str:
    """... its prefix length."""
    return f"entry.{table}.{key}.prefix"


def low_of(table: str, key: int) -> str:
    """... its lower bound."""
    return f"entry.{table}.{key}.low"


def high_of(table: str, key: int) -> str:
    """... its upper bound."""
    return f"entry.{table}.{key}.high"


def priority_of(table: str) -> str:
    """The function that is the priority of the entry that answers."""
    return f"entry.{table}.priority"


def _any_entry(table: ir.Table, key: Term) -> tuple[Entry, Term]:
    """The entry that answers a key, and what holds of it because it does."""
    names: dict[str, Value] = {}
    formed = []
    keys = match_keys(table)
    for number, (part, value) in enumerate(zip(keys, _split(keys, key), strict=True)):
        match, holds = _any_match(table.control_name, number, part.match_kind, value, key)
        names[part.name] = match
        formed.append(holds)
    priority = b.zext(b.apply(priority_of(table.control_name), PRIORITY_BITS, key), INT_BITS)
    return Entry(names, {"priority": Whole(priority)}), b.and_(*formed)


def _split(keys: Sequence[ir.Key], key: Term) -> list[Term]:
    """The key of a lookup as the values of its keys, the first one highest."""
    parts, high = [], key.width
    for part in keys:
        width = _bits(part)
        parts.append(b.extract(key, high - 1, high - width) if width else b.bv(0, 1))
        high -= width
    return parts


def _bits(key: ir.Key) -> int:
    bare = ir.bare(key.expr.type)
    return 0 if isinstance(bare, ir.BitsType) and bare.width == 0 else key_bits(key.expr.type, key.span)


def _any_match(table: str, number: int, kind: str, value: Term, key: Term) -> tuple[Match, Term]:
    width = value.width
    ones = b.bv((1 << width) - 1, width)
    match kind:
        case "ternary" | "optional":
            mask = b.apply(mask_of(table, number), width, key)
            formed = b.or_(b.eq(mask, b.bv(0, width)), b.eq(mask, ones)) if kind == "optional" else b.TRUE
            return Match(kind, width, {"value": b.band(value, mask), "mask": mask}), formed
        case "lpm":
            length = b.apply(prefix_of(table, number), INT_BITS, key)
            wide = max(width, INT_BITS)
            left = b.sub(b.bv(width, wide), b.zext(length, wide))
            mask = b.resize(b.shl(b.zext(ones, wide), left), width)
            formed = b.ule(length, b.bv(width, INT_BITS))
            return Match(kind, width, {"value": b.band(value, mask), "prefix_length": length}), formed
        case "range":
            low, high = (b.apply(name(table, number), width, key) for name in (low_of, high_of))
            return Match(kind, width, {"low": low, "high": high}), b.and_(b.ule(low, value), b.ule(value, high))
    return exactly(kind, value), b.TRUE


def _the_entry(table: ir.Table, rule: Rule) -> Entry:
    pairs = zip(match_keys(table), rule.matches, strict=True)
    names: dict[str, Value] = {key.name: _known_match(key, match) for key, match in pairs}
    return Entry(names, {"priority": Whole(rule.priority or 0)})


def _known_match(key: ir.Key, match: RuleMatch) -> Match:
    width, kind = max(1, _bits(key)), key.match_kind
    match match:
        case Exact(value):
            return exactly(kind, b.bv(value, width))
        case Ternary(value, mask):
            return Match(kind, width, {"value": b.bv(value, width), "mask": b.bv(mask, width)})
        case Lpm(value, length):
            return Match(kind, width, {"value": b.bv(value, width), "prefix_length": b.bv(length, INT_BITS)})
        case Range(low, high):
            return Match(kind, width, {"low": b.bv(low, width), "high": b.bv(high, width)})


def _match_part(table: ir.Table, key: Term) -> Term | None:
    """The keys that entries match on, out of a key of all."""
    if all(part.match_kind != SELECTOR for part in table.keys):
        return key
    values = zip(table.keys, _split(table.keys, key), strict=True)
    kept = [value for part, value in values if part.match_kind != SELECTOR and _bits(part)]
    return b.concat(*kept) if kept else None


# --- reading --------------------------------------------------------------------------------------------------------


def is_restriction(text: str) -> bool:
    """Whether ``--assume`` was given a restriction of entries (no P4 expression begins like one)."""
    return _GIVEN.fullmatch(text) is not None


def read_restrictions(program: ir.Program, given: Sequence[str] = ()) -> Restrictions | None:
    """The restrictions of a program and those that a user gives; None if there are none.

    Raises:
        InputError: one that the user gives is none, or names no table or action.
    """
    found = Restrictions(program)
    for control, table in program.tables():
        _annotated(found, found.tables, _Owner("table", table.control_name, table.annotations, table.span), table)
        for action in control.actions:
            if action.control_name not in found.actions:
                owner = _Owner("action", action.control_name, action.annotations, action.span)
                _annotated(found, found.actions, owner, action)
    for text in given:
        _given(found, text)
    found.notes += found.own_entries()
    return found if found.tables or found.actions or found.notes else None


@dataclass(frozen=True)
class _Owner:
    """Whose annotations are read."""

    kind: str
    name: str
    annotations: Sequence[ir.Annotation]
    span: Span


def _annotated(
    found: Restrictions, into: dict[str, list[Restriction]], owner: _Owner, node: ir.Table | ir.Action
) -> None:
    name = "entry_restriction" if owner.kind == "table" else "action_restriction"
    for annotation in owner.annotations:
        if annotation.name != name:
            continue
        text = "".join(value for value in annotation.values if isinstance(value, str)) or annotation.body or ""
        try:
            constraint = _tried(text, node)
        except Mistake as mistake:
            what = f"{owner.span}: @{name} of {owner.kind} {owner.name} is not understood and restricts nothing"
            found.notes.append(f"{what}: {mistake.message} (at its character {mistake.at + 1})")
            continue
        told = f"{'entries' if owner.kind == 'table' else 'arguments'} of {owner.kind} {owner.name} keep to its @{name}"
        into.setdefault(owner.name, []).append(Restriction(constraint, f"{told} ({owner.span})", owner.span))


def _tried(text: str, node: ir.Table | ir.Action) -> Constraint:
    """The constraint, which has been evaluated once on variables. Raises Mistake."""
    constraint = parse(text)
    try:
        if isinstance(node, ir.Action):
            given = _parameters(node, [b.var(f"try.{leaf}", bits) for leaf, bits in action_leaves(node)])
            constraint.holds(Entry(given))
        else:
            keys = match_keys(node)
            constraint.holds(_any_entry(node, b.var("try.key", max(1, sum(_bits(key) for key in keys))))[0])
    except Unsupported as problem:
        raise Mistake(problem.reason, 0) from None
    return constraint


def _given(found: Restrictions, text: str) -> None:
    parts = _GIVEN.fullmatch(text)
    assert parts is not None
    kind, name, rest = parts[1], parts[2].strip('"'), parts[3]
    where = Span(f"--assume '{text}'", 1, parts.start(2) + 1)
    node: ir.Table | ir.Action
    node = find_table(found.program, name, where) if kind == "table" else _action(found.program, name, where)
    try:
        constraint = _tried(rest, node)
    except Mistake as mistake:
        raise InputError.at(replace(where, column=parts.start(3) + mistake.at + 1), mistake.message) from None
    into = found.tables if kind == "table" else found.actions
    told = f"{kind} {node.control_name}: {rest.strip()} (--assume)"
    into.setdefault(node.control_name, []).append(Restriction(constraint, told, where))


def _action(program: ir.Program, name: str, where: Span) -> ir.Action:
    actions = [action for control in program.controls for action in control.actions]
    names = {a.control_name for a in actions if a.control_name == name or a.control_name.endswith(f".{name}")}
    if len(names) != 1:
        what = f"there is no action {name}" if not names else f"{name} may be {', '.join(sorted(names))}"
        raise InputError.at(where, what)
    return next(a for a in actions if a.control_name in names)
