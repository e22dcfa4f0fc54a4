"""A counterexample made smaller: fewer and simpler rules, fewer inputs, a shorter packet with zeros in it.

Every candidate is run on both sides and kept only if they still differ, so nothing here can turn agreement into a
difference. The time is bounded.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from .interpreted import USUAL_PORT
from .proofs.choices import IMPL
from .proofs.counterexample import Input, frame_candidates
from .proofs.engine import Model
from .semantics import ir
from .semantics.meaning.behaviour import CHOICE
from .semantics.rules.build import match_keys
from .semantics.rules.ruleset import ActionCall, Exact, Lpm, Match, Range, Rule, RuleSet, Ternary
from .semantics.rules.values import key_bits

SECONDS: Final = 5.0
"""How long a counterexample is made smaller, in this process's own time: what else the machine does changes nothing."""


MANY: Final = 32
"""Entries of a table from which on they are the first that is made less: with them each candidate takes long."""
OCCURRENCES: Final = 4
"""Places in the packet that are tried for a key's value."""


@dataclass(frozen=True)
class Setting:
    """A concrete case: inputs with the model that gives all else, and the rules (None: the model answers lookups)."""

    given: Input
    rules: RuleSet | None


Change = Callable[[Setting], Setting | None]
"""A smaller setting; None where there is nothing to make smaller."""


def smaller(
    first: Setting, differ: Callable[[Setting], bool], program: ir.Program, *, rules: bool, packet: bool,
    seconds: float = SECONDS,
) -> Setting:  # fmt: skip
    """The smallest setting found on which ``differ`` still holds.

    Args:
        first: where to begin; ``differ`` holds there.
        differ: runs both sides.
        program: whose rules they are.
        rules: whether the rules may be changed.
        packet: whether the sides read a packet at all.
        seconds: for everything.
    """
    until = time.process_time() + seconds
    best = first
    for change in _changes(first, program, rules, packet):
        if time.process_time() > until:
            break
        trial = change(best)
        if trial is not None and differ(trial):
            best = trial
    return best


def _changes(first: Setting, program: ir.Program, rules: bool, packet: bool) -> Iterator[Change]:
    names = list(first.given.model.values)
    undefined = [n for n in names if n.startswith((CHOICE, IMPL + CHOICE))]
    if rules and first.rules is not None and any(len(e) > MANY for e in first.rules.entries.values()):
        yield from _fewer(first.rules)
    yield _all_at(0, undefined)
    yield from (_all_at(0, [name]) for name in undefined)
    if rules and first.rules is not None:
        yield from _with_its_choice(first, undefined)
        yield from _fewer(first.rules)
        yield from _simpler(first.rules, program)
    yield from (_all_at(0, [n]) for n in names if n.startswith(("in.", "each.")) and not n.endswith(".port"))
    # no machine has a port 0
    yield from (_all_at(USUAL_PORT, [n]) for n in names if n.startswith("each.") and n.endswith(".port"))
    yield from (_empty(n) for n in first.given.model.functions if n.startswith("state."))
    if packet:
        yield from (_framed(change) for change in frame_candidates(first.given))
        if rules and first.rules is not None:
            yield from _with_its_field(first.rules, program)
    if rules and first.rules is not None:
        yield from _fewer(first.rules)


# --- inputs ---------------------------------------------------------------------------------------------------------


def _all_at(number: int, names: Sequence[str]) -> Change:
    """These inputs that are all the same number."""

    def change(setting: Setting) -> Setting | None:
        model = setting.given.model
        if all(model.values.get(name, 0) == number for name in names):
            return None
        return _with_model(setting, Model({**model.values, **dict.fromkeys(names, number)}, model.functions))

    return change


def _empty(name: str) -> Change:
    """Cells that all hold 0."""

    def change(setting: Setting) -> Setting | None:
        model = setting.given.model
        if not any(model.functions.get(name, {}).values()):
            return None
        return _with_model(setting, Model(model.values, {**model.functions, name: {None: 0}}))

    return change


def _with_model(setting: Setting, model: Model) -> Setting:
    return replace(setting, given=replace(setting.given, model=model))


def _framed(change: Callable[[Input], Input | None]) -> Change:
    def changed(setting: Setting) -> Setting | None:
        given = change(setting.given)
        return None if given is None else replace(setting, given=given)

    return changed


# --- rules ----------------------------------------------------------------------------------------------------------


def _without(places: range, known: tuple[Rule, ...]) -> tuple[Rule, ...]:
    return known[: places.start] + known[places.stop :]


def _fewer(rules: RuleSet) -> Iterator[Change]:
    """All entries of a table, ever smaller pieces of them, each default and each member of a value set left out."""
    for table, entries in rules.entries.items():
        size = len(entries)
        while size:
            for first in range((len(entries) - 1) // size * size, -1, -size):
                yield _entries(table, partial(_without, range(first, first + size)))
            size //= 2
    for table in rules.defaults:
        yield _without_default(table)
    for name, members in rules.value_sets.items():
        yield from (_without_member(name, member) for member in members)


def _without_member(name: str, member: tuple[Match, ...]) -> Change:
    def change(setting: Setting) -> Setting | None:
        assert setting.rules is not None
        sets = dict(setting.rules.value_sets)
        left = tuple(other for other in sets.pop(name, ()) if other != member)
        if left:
            sets[name] = left
        changed = replace(setting.rules, value_sets=sets)
        return replace(setting, rules=changed) if changed != setting.rules else None

    return change


def _entries(table: str, change: Callable[[tuple[Rule, ...]], tuple[Rule, ...]]) -> Change:
    def changed(setting: Setting) -> Setting | None:
        assert setting.rules is not None
        known = setting.rules.of(table)
        after = change(known)
        if after == known:
            return None
        entries = {t: e for t, e in {**setting.rules.entries, table: after}.items() if e}
        return replace(setting, rules=replace(setting.rules, entries=entries))

    return changed


def _without_default(table: str) -> Change:
    def change(setting: Setting) -> Setting | None:
        assert setting.rules is not None
        if table not in setting.rules.defaults:
            return None
        rest = {t: d for t, d in setting.rules.defaults.items() if t != table}
        return replace(setting, rules=replace(setting.rules, defaults=rest))

    return change


def _simpler(rules: RuleSet, program: ir.Program) -> Iterator[Change]:
    """Keys that match anything where their kind can, and arguments that are 0."""
    for table, keys in _keys(program).items():
        for number in range(len(rules.of(table))):
            for at, key in enumerate(keys):
                yield _entries(table, _rule_changed(number, _wild(at, key)))
            for at in range(16):
                yield _entries(table, _rule_changed(number, _zero_argument(at)))
    for table, answer in rules.defaults.items():
        if isinstance(answer, ActionCall):
            yield from (_default_argument(table, at) for at in range(len(answer.args)))


def _keys(program: ir.Program) -> Mapping[str, Sequence[ir.Key]]:
    return {table.control_name: match_keys(table) for _, table in program.tables()}


def _rule_changed(number: int, change: Callable[[Rule], Rule]) -> Callable[[tuple[Rule, ...]], tuple[Rule, ...]]:
    def changed(known: tuple[Rule, ...]) -> tuple[Rule, ...]:
        if number >= len(known):
            return known
        return (*known[:number], change(known[number]), *known[number + 1 :])

    return changed


def _wild(at: int, key: ir.Key) -> Callable[[Rule], Rule]:
    return lambda rule: _matching(rule, at, _anything(key, rule.matches[at]))


def _matching(rule: Rule, at: int, match: Match) -> Rule:
    return replace(rule, matches=(*rule.matches[:at], match, *rule.matches[at + 1 :]))


def _anything(key: ir.Key, match: Match) -> Match:
    """What matches every key, where the kind of match can."""
    match match:
        case Ternary():
            return Ternary(0, 0)
        case Lpm():
            return Lpm(0, 0)
        case Range():
            return Range(0, (1 << key_bits(key.expr.type)) - 1)
    return match


def _zero_argument(at: int) -> Callable[[Rule], Rule]:
    def change(rule: Rule) -> Rule:
        return replace(rule, action=_zeroed(rule.action, at)) if isinstance(rule.action, ActionCall) else rule

    return change


def _zeroed(call: ActionCall, at: int) -> ActionCall:
    return ActionCall(call.action, tuple(0 if k == at else value for k, value in enumerate(call.args)))


def _default_argument(table: str, at: int) -> Change:
    def change(setting: Setting) -> Setting | None:
        assert setting.rules is not None
        answer = setting.rules.defaults.get(table)
        if not isinstance(answer, ActionCall) or not answer.args[at]:
            return None
        defaults = {**setting.rules.defaults, table: _zeroed(answer, at)}
        return replace(setting, rules=replace(setting.rules, defaults=defaults))

    return change


def _with_its_choice(first: Setting, undefined: Sequence[str]) -> Iterator[Change]:
    """An undefined value that is 0, and with it the keys of entries that have the same value."""
    for name in undefined:
        value = first.given.model.values.get(name)
        if value:
            yield _both_zero(name, value)


def _both_zero(name: str, value: int) -> Change:
    def zero(match: Match) -> Match:
        return Exact(0) if match == Exact(value) else match

    def change(setting: Setting) -> Setting | None:
        assert setting.rules is not None
        entries = {
            table: tuple(replace(rule, matches=tuple(map(zero, rule.matches))) for rule in rules)
            for table, rules in setting.rules.entries.items()
        }
        changed = _all_at(0, [name])(setting)
        return None if changed is None else replace(changed, rules=replace(setting.rules, entries=entries))

    return change


# --- an entry together with the field that it matches ---------------------------------------------------------------


def _with_its_field(rules: RuleSet, program: ir.Program) -> Iterator[Change]:
    """A key that is 0 in the entries, and in the packet where its value stands."""
    for table, keys in _keys(program).items():
        values = {
            (at, match.value): key_bits(key.expr.type)
            for rule in rules.of(table)
            for at, (key, match) in enumerate(zip(keys, rule.matches, strict=True))
            if not isinstance(match, Range) and match.value
        }
        for (at, value), width in values.items():
            if width % 8 == 0:
                yield from (_zero_both(table, at, value.to_bytes(width // 8, "big"), n) for n in range(OCCURRENCES))


def _zero_both(table: str, at: int, value: bytes, occurrence: int) -> Change:
    number = int.from_bytes(value, "big")

    def to_zero(rule: Rule) -> Rule:
        match rule.matches[at]:
            case Exact(known) if known == number:
                return _matching(rule, at, Exact(0))
            case Lpm(known, length) if known == number:
                return _matching(rule, at, Lpm(0, length))
            case Ternary(known, mask) if known == number:
                return _matching(rule, at, Ternary(0, mask))
        return rule

    rules = _entries(table, lambda known: tuple(map(to_zero, known)))

    def change(setting: Setting) -> Setting | None:
        packet = setting.given.packet
        where = -1
        for _ in range(occurrence + 1):
            where = packet.find(value, where + 1)
            if where < 0:
                return None
        zeroed = packet[:where] + bytes(len(value)) + packet[where + len(value) :]
        return rules(replace(setting, given=replace(setting.given, packet=zeroed)))

    return change
