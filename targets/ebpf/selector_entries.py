"""Rules with groups for which the maps of a table with an action selector hold what a solver's model wants."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from ...semantics.meaning import lookup
from ...semantics.meaning.answers import split
from ...semantics.rules.ruleset import ActionCall, Answer, Exact, GroupRef, Lpm, Match, Profile, Rule, RuleSet
from ..base import Asked
from .layout import TableLayout
from .relate_selectors import DEFAULT, MEMBER, NOTHING, Selected
from .selectors import PLACE_BYTES

Functions = Mapping[str, Callable[..., int]]


def answer_at(selected: Selected, asked: str, key: int, functions: Functions) -> Answer:
    """What ``asked`` (the table's entries, slots or default) holds at a key: a call, or a group by its bytes."""
    grouped, group = functions.get(f"table.{asked}.grouped"), functions.get(f"table.{asked}.group")
    if grouped is not None and group is not None and grouped(key) and _count(selected, group(key), functions):
        return GroupRef(selected.selector.instance.name, group(key))
    return _call(selected, asked, key, functions)


def _count(selected: Selected, group: int, functions: Functions) -> int:
    count = functions.get(selected.count_name)
    found = count(group) if count is not None else 0
    return found if found <= selected.selector.room else 0


def _call(selected: Selected, asked: str, key: int, functions: Functions) -> ActionCall:
    def answer(name: str) -> int:
        return functions[name](key) if name in functions else 0

    layout = selected.layout
    number = answer(lookup.action_name(asked))
    listed = [i for i, ref in enumerate(layout.table.actions) if not ref.default_only] or [0]
    part = layout.actions[number if number in listed else listed[0]]
    args = (answer(lookup.argument_name(asked, part.action.name, arg.param)) for arg in part.args)
    return ActionCall(part.action.name, tuple(args))


def entries_for(selected: Selected, keys: Sequence[int], functions: Functions, _asked: Asked) -> tuple[Rule, ...]:
    """The entries of a table with exact keys, or but one lpm key: one for each key asked that is to be found."""
    table, name = selected.layout.table, selected.name
    hit = functions.get(lookup.hit_name(name))
    rules = []
    for key in dict.fromkeys(keys):
        if hit is not None and hit(key):
            parts = zip(split(key, [part.width for part in selected.layout.in_order()]), table.keys, strict=True)
            matches: list[Match] = [
                Lpm(value, width) if part.match_kind == "lpm" else Exact(value) for (value, width), part in parts
            ]
            rules.append(Rule(name, tuple(matches), answer_at(selected, selected.entry, key, functions)))
    return tuple(rules)


@dataclass
class _Groups:
    """The groups of one selector, numbered anew, as tables that share it have members of their own in a model."""

    profile: Profile = field(default_factory=Profile)
    numbers: dict[tuple[str, int], int] = field(default_factory=dict)

    def answer(self, selected: Selected, group: int, functions: Functions) -> Answer:
        """A table's group, made where there is none; what its first member does, if there is no room for it left."""
        name = selected.selector.instance.name
        known = self.numbers.get((selected.name, group))
        if known is not None:
            return GroupRef(name, known)
        calls = []
        for place in range(_count(selected, group, functions)):
            key = group << 8 * PLACE_BYTES | int.from_bytes(place.to_bytes(PLACE_BYTES, "little"), "big")
            calls.append(_call(selected, f"{selected.name}{MEMBER}", key, functions))
        first, number = len(self.profile.members), len(self.numbers)
        if first + len(calls) > selected.selector.room:
            return calls[0]
        self.numbers[selected.name, group] = number
        members = {**self.profile.members, **dict(enumerate(calls, first))}
        groups = {**self.profile.groups, number: tuple(range(first, len(members)))}
        self.profile = Profile(members, groups)
        return GroupRef(name, number)


def with_groups(tables: Sequence[tuple[TableLayout, Selected]], rules: RuleSet, functions: Functions) -> RuleSet:
    """``rules``, whose groups are named by their numbers' bytes, with these groups, their members and default actions
    as the model has them."""
    made: dict[str, _Groups] = {}
    entries, defaults = dict(rules.entries), dict(rules.defaults)
    for layout, selected in tables:
        groups = made.setdefault(selected.selector.instance.name, _Groups())

        def numbered(answer: Answer, selected: Selected = selected, groups: _Groups = groups) -> Answer:
            return groups.answer(selected, answer.group, functions) if isinstance(answer, GroupRef) else answer

        entries[selected.name] = tuple(
            replace(rule, action=numbered(rule.action)) for rule in entries.get(selected.name, ())
        )
        asked = selected.name + DEFAULT
        if layout.default is not None and any(name.startswith(f"table.{asked}.") for name in functions):
            defaults[selected.name] = numbered(answer_at(selected, asked, NOTHING.value, functions))
    profiles = {name: groups.profile for name, groups in made.items()}
    return replace(rules, entries=entries, defaults=defaults, profiles=profiles)
