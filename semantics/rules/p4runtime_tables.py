"""Table entries of P4Runtime (specification 1.4, "TableEntry").

Keys that are left out match anything (ternary, lpm, range, optional). The highest priority wins, and a priority must
be given exactly where a key is ternary, range or optional. Tables with an action profile hold its members, its groups,
or one-shot action sets. Idle timeouts and meters' rates are read and have no meaning.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from .. import ir
from ..source import InputError, Span, Unsupported
from .build import SELECTOR, Identity, MemberRef, Target, check_match, default_call, identity, needs_priority, stand_in
from .entry_cells import direct_counters
from .names import TableAction, check_use, pick, profile_actions, table_actions
from .p4ids import numbered
from .p4runtime_base import Session, Verb, action_call, bytes_of, counter_data, named, number_of, text_of
from .profiles import implementation_name
from .protobuf_text import Message
from .ruleset import ActionCall, Exact, GroupRef, Lpm, Match, Range, Rule, Ternary
from .values import key_bits

_ENTRY: Final = frozenset(
    {
        "table_id", "match", "action", "priority", "is_default_action", "is_const", "metadata", "controller_metadata",
        "idle_timeout_ns", "time_since_last_hit", "meter_config", "counter_data", "meter_counter_data",
    }
)  # fmt: skip
_MATCHES: Final = ("exact", "ternary", "lpm", "range", "optional")
MAX_WEIGHT: Final = 1 << 16
_ACTIONS: Final = ("action", "action_profile_member_id", "action_profile_group_id", "action_profile_action_set")


def table_entry(session: Session, entry: Message, verb: Verb) -> None:
    """Install, change or remove an entry, or change a default action. Raises InputError."""
    entry.only(_ENTRY)
    table = named(entry, "table_id", "table", session.ids.tables, lambda t: t.control_name)
    if _is_default(entry):
        _default(session, entry, table, verb)
        return
    matches = tuple(_matches(entry, table))
    priority, span = _priority(entry, table)
    target = _target(session, entry, table, as_default=False) if verb != "DELETE" else MemberRef("", 0)
    rule = Rule(table.control_name, matches, stand_in(target), priority or None, entry.span)
    if verb == "INSERT" and session.builder.is_in_source(table, rule):
        _counts(session, table, identity(table, rule, priority), entry.message("counter_data"))
        return
    if not table.largest_priority_wins and table.entries:
        raise Unsupported("P4Runtime's priorities (largest wins) next to the source's (smallest wins)", span)
    which = identity(table, rule, priority)
    if verb == "INSERT":
        session.builder.add(table, rule, priority, target)
    elif verb == "MODIFY":
        session.builder.modify(table, which, target, entry.span)
    else:
        session.builder.remove(table, which, entry.span)
    if verb != "DELETE":
        _counts(session, table, which, entry.message("counter_data"))


def direct_entry(session: Session, entry: Message, verb: Verb) -> None:
    """What an entry's direct counter holds; a direct meter's rates have no meaning.

    Raises:
        InputError: there is no such entry, or its table has no direct counter.
    """
    entry.only(frozenset({"table_entry", "data", "config", "counter_data"}))
    data = entry.message("data")
    if data is None:
        return
    owner = entry.message("table_entry")
    if owner is None:
        raise InputError.at(entry.span, "table_entry is missing")
    table = named(owner, "table_id", "table", session.ids.tables, lambda t: t.control_name)
    if _is_default(owner):
        _no_counts(data)
        return
    priority, _ = _priority(owner, table)
    rule = Rule(table.control_name, tuple(_matches(owner, table)), ActionCall(""), priority or None, owner.span)
    which = identity(table, rule, priority)
    if which not in session.builder.installed(table):
        raise InputError.at(owner.span, f"table {table.control_name} has no such entry")
    _counts(session, table, which, data)


def _counts(session: Session, table: ir.Table, which: Identity, data: Message | None) -> None:
    """The direct counter of an entry holds ``data`` (P4Runtime's ``CounterData``), if that is given."""
    if data is None:
        return
    counts = counter_data(data)
    states = direct_counters(session.builder.program, table)
    if not states and any(counts.values()):
        raise InputError.at(data.span, f"table {table.control_name} has no direct counter")
    cells = {name: counts[unit] for name, unit in states.items()}
    session.builder.entry_cells.setdefault(table.control_name, {})[which] = cells


def _is_default(entry: Message) -> bool:
    default = entry.scalar("is_default_action")
    return default is not None and default.value in ("true", 1)


def _no_counts(data: Message | None) -> None:
    """What a default action counts is 0 at first."""
    if data is not None and any(counter_data(data).values()):
        raise Unsupported("a default action's direct counter that does not start with 0", data.span)


def _default(session: Session, entry: Message, table: ir.Table, verb: Verb) -> None:
    """The default action is there always, so it is modified; without an action it is the source's again."""
    _no_counts(entry.message("counter_data"))
    if verb == "DELETE":
        raise InputError.at(entry.span, "a default action can be modified, not deleted")
    if entry.messages("match"):
        raise InputError.at(entry.span, "a default action has no match")
    if entry.message("action") is None:
        session.builder.reset_default(table)
        return
    target = _target(session, entry, table, as_default=True)
    if table.const_default and target == default_call(session.builder.program, table):
        return
    session.builder.set_default(table, target, entry.span)


def _priority(entry: Message, table: ir.Table) -> tuple[int, Span]:
    given = entry.scalar("priority")
    priority = number_of(entry, "priority", 0)
    span = given.span if given is not None else entry.span
    if needs_priority(table) and priority <= 0:
        raise InputError.at(span, f"an entry of table {table.control_name} needs a priority above 0")
    if not needs_priority(table) and priority:
        raise InputError.at(span, f"entries of table {table.control_name} have no priority")
    return priority, span


# --- what an entry does ---------------------------------------------------------------------------------------------


def _target(session: Session, entry: Message, table: ir.Table, *, as_default: bool) -> Target:
    outer = entry.message("action")
    if outer is None:
        raise InputError.at(entry.span, "an entry without an action")
    outer.only(frozenset(_ACTIONS))
    if len(outer.fields) != 1:
        raise InputError.at(outer.span, f"an action is one of {', '.join(_ACTIONS)}")
    kind = outer.fields[0][0]
    profile = implementation_name(session.builder.program, table)
    if kind == "action":
        if profile is not None and not as_default:
            raise InputError.at(outer.span, f"table {table.control_name} has the action profile {profile}: "
                                "its entries name members, groups or action sets")  # fmt: skip
        action = outer.message("action")
        assert action is not None
        listed = table_actions(session.builder.program, table)
        check = partial(_check, table, action.span, as_default)
        return action_call(session, action, listed, f"table {table.control_name}", check)
    if profile is None:
        raise InputError.at(outer.span, f"table {table.control_name} has no action profile")
    match kind:
        case "action_profile_member_id":
            return MemberRef(profile, number_of(outer, kind))
        case "action_profile_group_id":
            return GroupRef(profile, number_of(outer, kind))
    actions = outer.message(kind)
    assert actions is not None
    return _one_shot(session, actions, table, profile)


def _check(table: ir.Table, span: Span, as_default: bool, found: TableAction) -> None:
    check_use(table, found, span, as_default=as_default)


def _one_shot(session: Session, actions: Message, table: ir.Table, profile: str) -> Target:
    """A one-shot action set: members and a group that only this entry has. Of one action it is just that action."""
    actions.only(frozenset({"action_profile_actions", "action_selection_mode", "size_semantics"}))
    implementation = session.builder.profiles.known[profile]
    listed = profile_actions(session.builder.program, implementation)
    weighted = []
    for item in actions.messages("action_profile_actions"):
        item.only(frozenset({"action", "weight", "watch", "watch_port"}))
        action = item.message("action")
        if action is None:
            raise InputError.at(item.span, "an action of a set without its action")
        call = action_call(session, action, listed, profile, partial(_check, table, action.span, False))
        weight = number_of(item, "weight")
        if not 0 < weight <= MAX_WEIGHT:
            raise InputError.at(item.span, f"weights are from 1 to {MAX_WEIGHT}")
        weighted.append((call, weight))
    if not weighted:
        raise InputError.at(actions.span, "an empty action set")
    if len(weighted) == 1:
        return weighted[0][0]
    return session.builder.profiles.one_shot(profile, weighted, actions.span)


def _matches(entry: Message, table: ir.Table) -> list[Match]:
    found: dict[int, Match] = {}
    positions = {number: at for number, at in numbered(table.keys).items() if table.keys[at].match_kind != SELECTOR}
    for match in entry.messages("match"):
        match.only(frozenset({"field_id", "field_name"}) | frozenset(_MATCHES))
        position = _field(match, table, positions)
        if position in found:
            raise InputError.at(match.span, f"key {table.keys[position].name} is given twice")
        found[position] = _match(match, table, table.keys[position])
    result = []
    for position, key in enumerate(table.keys):
        if key.match_kind == SELECTOR:
            continue
        if position not in found:
            found[position] = _anything(entry, table, key)
        result.append(found[position])
    return result


def _field(match: Message, table: ir.Table, positions: dict[int, int]) -> int:
    wanted = match.scalar("field_id") or match.scalar("field_name")
    if wanted is None:
        raise InputError.at(match.span, "a match without a field_id")
    if isinstance(wanted.value, int):
        if wanted.value not in positions:
            raise InputError.at(wanted.span, f"table {table.control_name} has no key with the id {wanted.value}")
        return positions[wanted.value]
    return pick(list(positions.values()), lambda i: table.keys[i].name, text_of(wanted), "key", wanted.span)


def _match(match: Message, table: ir.Table, key: ir.Key) -> Match:
    kinds = [kind for kind in _MATCHES if match.message(kind) is not None]
    if len(kinds) != 1:
        raise InputError.at(match.span, f"a match needs one of {', '.join(_MATCHES)}")
    body = match.message(kinds[0])
    assert body is not None
    if kinds[0] == "range":
        (low, span), (high, _) = bytes_of(body, "low"), bytes_of(body, "high")
        return check_match(table, key, Range(low, high), span)
    value, span = bytes_of(body, "value")
    match kinds[0]:
        case "exact":
            return check_match(table, key, Exact(value), span)
        case "ternary":
            return check_match(table, key, Ternary(value, bytes_of(body, "mask")[0]), span)
        case "lpm":
            return check_match(table, key, Lpm(value, number_of(body, "prefix_len")), span)
    if key.match_kind != "optional":
        raise InputError.at(span, f"key {key.name} of table {table.control_name} is {key.match_kind}, not optional")
    return check_match(table, key, Exact(value), span)


def _anything(entry: Message, table: ir.Table, key: ir.Key) -> Match:
    width = key_bits(key.expr.type, key.span)
    match key.match_kind:
        case "ternary" | "optional":
            return Ternary(0, 0)
        case "lpm":
            return Lpm(0, 0)
        case "range":
            return Range(0, (1 << width) - 1)
    raise InputError.at(entry.span, f"key {key.name} of table {table.control_name} is missing")
