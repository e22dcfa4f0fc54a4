"""Commands of BMv2's CLI for tables: entries, direct or by an action profile's members and groups, and defaults.

Keys stand in the table's order: ``value/length`` (lpm), ``value&&&mask`` (ternary and optional), ``low->high`` (range);
keys of kind ``selector`` are left out. The *smallest* priority wins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .. import ir
from ..source import InputError, Span
from .bmv2_session import Arguments, Cli, Command, Word
from .build import MemberRef, Target, check_match, match_keys, needs_priority, stand_in
from .names import TableAction, check_value, find_action, find_table
from .numbers import number, signed_fit
from .profiles import implementation_name
from .ruleset import ActionCall, Exact, GroupRef, Lpm, Match, Range, Rule, Ternary
from .values import key_bits


def the_table(cli: Cli, args: Arguments, *, indirect: bool | None) -> ir.Table:
    """The next word's table. Raises InputError if it is none, or of the other sort (None: of either)."""
    name, span = args.next("a table")
    table = find_table(cli.program, name, span)
    profile = implementation_name(cli.program, table)
    if indirect is not None and indirect != (profile is not None):
        what = f"has the action profile {profile}: use table_indirect_..." if profile else "has no action profile"
        raise InputError.at(span, f"table {table.control_name} {what}")
    return table


def _action(cli: Cli, table: ir.Table, args: Arguments, *, as_default: bool) -> TableAction:
    name, place = args.next("an action")
    return find_action(cli.program, table, name, place, as_default=as_default)


def _table_add(cli: Cli, args: Arguments) -> None:
    table = the_table(cli, args, indirect=False)
    found = _action(cli, table, args, as_default=False)
    matches = _matches(table, args)
    remaining = args.rest()
    count = len(found.params)
    call = action_call(found, remaining[:count], args.span)
    _install(cli, table, matches, call, _priority(table, remaining[count:], args.span), args.span)


def _indirect_add(cli: Cli, args: Arguments, *, group: bool) -> None:
    table = the_table(cli, args, indirect=True)
    matches = _matches(table, args)
    target = _reference(cli, table, args, group=group)
    _install(cli, table, matches, target, _priority(table, args.rest(), args.span), args.span)


def _reference(cli: Cli, table: ir.Table, args: Arguments, *, group: bool) -> Target:
    """The member or group that the next word names."""
    profile = implementation_name(cli.program, table)
    assert profile is not None
    span = args.words[0][1] if args.words else args.span
    handle = args.number("a group" if group else "a member")
    if group:
        cli.builder.profiles.group(profile, handle, table, span)
        return GroupRef(profile, handle)
    cli.builder.profiles.member(profile, handle, table, span)
    return MemberRef(profile, handle)


def _install(
    cli: Cli, table: ir.Table, matches: tuple[Match, ...], target: Target, priority: int | None, span: Span
) -> None:
    rule = Rule(table.control_name, matches, stand_in(target), priority, span)
    handles = cli.handles(table)
    handles.take(cli.builder.add(table, rule, -(priority or 0), target))


def _matches(table: ir.Table, args: Arguments) -> tuple[Match, ...]:
    """The matches up to ``=>``, which is taken too."""
    matches = []
    keys = match_keys(table)
    for key in keys:
        text, place = args.next(f"key {key.name}")
        if text == "=>":
            raise InputError.at(place, f"key {key.name} is missing")
        matches.append(check_match(table, key, _match(text, key, place), place))
    arrow, place = args.next("=>")
    if arrow != "=>":
        raise InputError.at(place, f"expected =>, found {arrow}: table {table.control_name} has {len(keys)} keys")
    return tuple(matches)


def _priority(table: ir.Table, left: Sequence[Word], span: Span) -> int | None:
    if len(left) > 1 or (left and not needs_priority(table)):
        text, place = left[-1]
        raise InputError.at(place, f"{text} is too much: entries of {table.control_name} take no priority")
    if not needs_priority(table):
        return None
    if not left:
        raise InputError.at(span, f"an entry of table {table.control_name} needs a priority")
    priority = number(*left[0])
    if priority < 0:
        raise InputError.at(left[0][1], "priorities are not negative")
    return priority


def _set_default(cli: Cli, args: Arguments) -> None:
    table = the_table(cli, args, indirect=None)
    found = _action(cli, table, args, as_default=True)
    given = [word for word in args.rest() if word[0] != "=>"]
    cli.builder.set_default(table, action_call(found, given, args.span), args.span)


def _indirect_set_default(cli: Cli, args: Arguments, *, group: bool) -> None:
    table = the_table(cli, args, indirect=True)
    target = _reference(cli, table, args, group=group)
    args.end()
    cli.builder.set_default(table, target, args.span)


def _reset_default(cli: Cli, args: Arguments) -> None:
    table = the_table(cli, args, indirect=None)
    args.end()
    cli.builder.reset_default(table)


def _modify(cli: Cli, args: Arguments) -> None:
    table = the_table(cli, args, indirect=False)
    found = _action(cli, table, args, as_default=False)
    which = cli.entry(table, args.next("a handle"))
    given = [word for word in args.rest() if word[0] != "=>"]
    cli.builder.modify(table, which, action_call(found, given, args.span), args.span)


def _delete(cli: Cli, args: Arguments, *, indirect: bool) -> None:
    table = the_table(cli, args, indirect=indirect)
    which = cli.entry(table, args.next("a handle"))
    args.end()
    cli.builder.remove(table, which, args.span)
    cli.handles(table).free(which)


def _clear(cli: Cli, args: Arguments) -> None:
    table = the_table(cli, args, indirect=None)
    args.end()
    cli.forget(table)
    cli.builder.clear(table, args.span)


def action_call(found: TableAction, words_: Sequence[Word], span: Span) -> ActionCall:
    """An action with its arguments in order. Raises InputError if they do not fit."""
    if len(words_) != len(found.params):
        wanted = f"{found.action.control_name} takes {len(found.params)} arguments"
        raise InputError.at(words_[-1][1] if words_ else span, f"{wanted}, not {len(words_)}")
    args = []
    for (text, place), param in zip(words_, found.params, strict=True):
        width = key_bits(param.type, param.span)
        args.append(check_value(signed_fit(number(text, place, width), width), param, place))
    return ActionCall(found.ref.action, tuple(args))


def _match(text: str, key: ir.Key, span: Span) -> Match:
    width = key_bits(key.expr.type, key.span)

    def value(part: str) -> int:
        return signed_fit(number(part, span, width), width)

    if key.match_kind == "lpm":
        prefix, slash, length = text.rpartition("/")
        if not slash or not length.isdecimal() or len(length) > 9:
            raise InputError.at(span, f"key {key.name} is lpm: write value/length")
        return Lpm(value(prefix), int(length))
    if key.match_kind in ("ternary", "optional"):
        bits, marks, mask = text.partition("&&&")
        if not marks:
            raise InputError.at(span, f"key {key.name} is {key.match_kind}: write value&&&mask")
        return Ternary(value(bits), value(mask))
    if key.match_kind == "range":
        low, arrow, high = text.partition("->")
        if not arrow:
            raise InputError.at(span, f"key {key.name} is a range: write low->high")
        return Range(value(low), value(high))
    return Exact(value(text))


COMMANDS: Final[dict[str, Command]] = {
    "table_add": _table_add,
    "table_set_default": _set_default,
    "table_reset_default": _reset_default,
    "table_modify": _modify,
    "table_delete": lambda cli, args: _delete(cli, args, indirect=False),
    "table_clear": _clear,
    "table_indirect_add": lambda cli, args: _indirect_add(cli, args, group=False),
    "table_indirect_add_with_group": lambda cli, args: _indirect_add(cli, args, group=True),
    "table_indirect_delete": lambda cli, args: _delete(cli, args, indirect=True),
    "table_indirect_set_default": lambda cli, args: _indirect_set_default(cli, args, group=False),
    "table_indirect_set_default_with_group": lambda cli, args: _indirect_set_default(cli, args, group=True),
    "table_indirect_reset_default": _reset_default,
}
