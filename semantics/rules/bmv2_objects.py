"""Commands of BMv2's CLI for action profiles, multicast, mirroring, value sets, registers, counters and meters.

Members, groups and multicast nodes get the smallest handle that is free, as in behavioral-model's ``HandleMgr``.
Meters are set to rates that no meaning looks at, a meter's colour being arbitrary; only their names are checked.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from .. import ir
from ..source import InputError, Span, Unsupported
from .bmv2_session import Arguments, Cli, Command
from .bmv2_tables import action_call, the_table
from .cells import cell_names, find_cells, find_cells_of
from .names import TableAction, find_profile, pick, profile_actions
from .numbers import number
from .profiles import Implementation, implementation_name
from .ruleset import ActionCall, Exact, Match, Replica
from .values import value_set_widths

MIRROR_IDS: Final = 1 << 15
"""Mirror sessions that BMv2's targets have (``simple_switch.cpp``: ``max_sessions``)."""
PORTS: Final = 512
"""A port map of BMv2's replication engine has so many bits (``include/bm/bm_sim/simple_pre.h``: 256 x 2)."""


# --- action profiles ------------------------------------------------------------------------------------------------


def _profile(cli: Cli, args: Arguments, by_table: bool) -> Implementation:
    """The action profile that the next word names, itself or by a table that has it."""
    if by_table:
        name = implementation_name(cli.program, the_table(cli, args, indirect=True))
        assert name is not None
        return cli.builder.profiles.known[name]
    name, span = args.next("an action profile")
    return find_profile(cli.builder.profiles, name, span)


def _member_action(cli: Cli, profile: Implementation, args: Arguments) -> TableAction:
    name, span = args.next("an action")
    what = f"action of {profile.name}"
    return pick(profile_actions(cli.program, profile), lambda a: a.action.control_name, name, what, span)


def _member_call(cli: Cli, found: TableAction, args: Arguments) -> ActionCall:
    return action_call(found, [word for word in args.rest() if word[0] != "=>"], args.span)


def _create_member(cli: Cli, args: Arguments, *, by_table: bool) -> None:
    profile = _profile(cli, args, by_table)
    call = _member_call(cli, _member_action(cli, profile, args), args)
    profiles = cli.builder.profiles
    profiles.set_member(profile.name, profiles.free_member(profile.name), call, args.span, new=True)


def _modify_member(cli: Cli, args: Arguments, *, by_table: bool) -> None:
    profile = _profile(cli, args, by_table)
    found = _member_action(cli, profile, args)
    member = args.number("a member")
    cli.builder.profiles.set_member(profile.name, member, _member_call(cli, found, args), args.span, new=False)


def _delete_member(cli: Cli, args: Arguments, *, by_table: bool) -> None:
    profile = _profile(cli, args, by_table)
    member = args.number("a member")
    args.end()
    cli.builder.profiles.remove_member(profile.name, member, args.span)


def _create_group(cli: Cli, args: Arguments, *, by_table: bool) -> None:
    profile = _profile(cli, args, by_table)
    args.end()
    profiles = cli.builder.profiles
    profiles.set_group(profile.name, profiles.free_group(profile.name), (), args.span, new=True)


def _delete_group(cli: Cli, args: Arguments, *, by_table: bool) -> None:
    profile = _profile(cli, args, by_table)
    group = args.number("a group")
    args.end()
    cli.builder.profiles.remove_group(profile.name, group, args.span)


def _into_group(cli: Cli, args: Arguments, *, by_table: bool) -> None:
    """A group of BMv2 is a set, in the order of handles."""
    profile = _profile(cli, args, by_table)
    member, group = args.number("a member"), args.number("a group")
    args.end()
    members = cli.builder.profiles.members_of(profile.name, group, args.span)
    if member in members:
        raise InputError.at(args.span, f"member {member} of {profile.name} is in its group {group} already")
    cli.builder.profiles.member(profile.name, member, None, args.span)
    cli.builder.profiles.set_group(profile.name, group, sorted([*members, member]), args.span, new=False)


def _out_of_group(cli: Cli, args: Arguments, *, by_table: bool) -> None:
    profile = _profile(cli, args, by_table)
    member, group = args.number("a member"), args.number("a group")
    args.end()
    members = cli.builder.profiles.members_of(profile.name, group, args.span)
    if member not in members:
        raise InputError.at(args.span, f"member {member} of {profile.name} is not in its group {group}")
    members.remove(member)
    cli.builder.profiles.set_group(profile.name, group, members, args.span, new=False)


# --- multicast and mirroring ----------------------------------------------------------------------------------------


def _create_multicast(cli: Cli, args: Arguments) -> None:
    group = args.number("a multicast group")
    args.end()
    cli.builder.replication.create_group(group, args.span)


def _destroy_multicast(cli: Cli, args: Arguments) -> None:
    group = args.number("a multicast group")
    args.end()
    cli.builder.replication.remove_group(group, args.span)


def _ports(args: Arguments) -> list[int]:
    """The ports up to ``|``, each once, in order: BMv2 keeps them as a map of bits."""
    ports = []
    while args.words and args.words[0][0] != "|":
        span = args.words[0][1]
        port = args.number("a port")
        if port >= PORTS:
            raise InputError.at(span, f"port {port} is beyond the {PORTS} of a port map")
        ports.append(port)
    if args.words:
        span = args.words[0][1]
        if len(args.words) > 1:
            raise Unsupported("link aggregation groups in a multicast node", span)
        args.rest()
    return sorted(set(ports))


def _create_node(cli: Cli, args: Arguments) -> None:
    span = args.words[0][1] if args.words else args.span
    instance = args.number("an rid")
    if instance >= 1 << 16:
        raise InputError.at(span, f"{instance} is no rid of 16 bits")
    cli.builder.replication.create_node([Replica(port, instance) for port in _ports(args)])


def _update_node(cli: Cli, args: Arguments) -> None:
    node = args.number("a node")
    cli.builder.replication.change_node(node, _ports(args), args.span)


def _destroy_node(cli: Cli, args: Arguments) -> None:
    node = args.number("a node")
    args.end()
    cli.builder.replication.remove_node(node, args.span)


def _associate(cli: Cli, args: Arguments, *, there: bool) -> None:
    group, node = args.number("a multicast group"), args.number("a node")
    args.end()
    replication = cli.builder.replication
    (replication.associate if there else replication.dissociate)(group, node, args.span)


def _mirror(cli: Cli, args: Arguments, *, to_group: bool) -> None:
    span = args.words[0][1] if args.words else args.span
    session = args.number("a mirror session")
    if session >= MIRROR_IDS:
        raise InputError.at(span, f"mirror sessions are below {MIRROR_IDS}")
    where = args.number("a multicast group" if to_group else "a port")
    args.end()
    replication = cli.builder.replication
    (replication.mirror_to_group if to_group else replication.mirror_to_port)(session, where)


def _mirror_delete(cli: Cli, args: Arguments) -> None:
    session = args.number("a mirror session")
    args.end()
    cli.builder.replication.remove_session(session, args.span)


# --- value sets -----------------------------------------------------------------------------------------------------


def _value_set(cli: Cli, args: Arguments) -> tuple[str, ir.Type, Span]:
    sets = [s for parser in cli.program.parsers for s in parser.value_sets]
    name, place = args.next("a value set")
    found = pick(sets, lambda s: s.control_name, name, "value set", place)
    return found.control_name, found.type, place


def _set_member(name: str, type_: ir.Type, args: Arguments, place: Span) -> tuple[Match, ...]:
    """One member, its fields side by side in one number."""
    widths = value_set_widths(type_, place)
    text, place = args.next("a value")
    args.end()
    value, total = number(text, place, sum(widths)), sum(widths)
    if not 0 <= value < 1 << total:
        raise InputError.at(place, f"{text} does not fit the {total} bits of value set {name}")
    member: list[Match] = []
    for width in widths:
        total -= width
        member.append(Exact(value >> total & ((1 << width) - 1)))
    return tuple(member)


def _pvs_add(cli: Cli, args: Arguments) -> None:
    name, type_, place = _value_set(cli, args)
    members = cli.builder.value_sets.setdefault(name, [])
    member = _set_member(name, type_, args, place)
    if member not in members:
        members.append(member)


def _pvs_remove(cli: Cli, args: Arguments) -> None:
    name, type_, place = _value_set(cli, args)
    member = _set_member(name, type_, args, place)
    if member not in cli.builder.value_sets.get(name, []):
        raise InputError.at(args.span, f"value set {name} has no such member")
    cli.builder.value_sets[name].remove(member)


def _pvs_clear(cli: Cli, args: Arguments) -> None:
    name, _, _ = _value_set(cli, args)
    args.end()
    cli.builder.value_sets.pop(name, None)


# --- state ----------------------------------------------------------------------------------------------------------


def _register_write(cli: Cli, args: Arguments) -> None:
    assert cli.cells is not None
    found = find_cells(cli.program, "register", *args.next("a register"))
    span = args.words[0][1] if args.words else args.span
    index = found.check_index(args.number("an index"), span)
    text, span = args.next("a value")
    args.end()
    cli.cells.write(found.name, index, found.check_value(number(text, span, found.width), span))


def _reset(cli: Cli, args: Arguments, *, kind: str) -> None:
    assert cli.cells is not None
    found = find_cells(cli.program, kind, *args.next(f"a {kind}"))
    args.end()
    for name in cell_names(found):
        cli.cells.reset(name)


def _counter_write(cli: Cli, args: Arguments) -> None:
    """``counter_write NAME INDEX PACKETS BYTES``."""
    assert cli.cells is not None
    found = find_cells(cli.program, "counter", *args.next("a counter"))
    span = args.words[0][1] if args.words else args.span
    index = found.check_index(args.number("an index"), span)
    counts = {"packets": args.number("packets"), "bytes": args.number("bytes")}
    args.end()
    for name, unit in cell_names(found).items():
        cli.cells.write(name, index, counts[unit])


def _meter_rates(cli: Cli, args: Arguments) -> None:
    find_cells(cli.program, "meter", *args.next("a meter"))
    for text, span in args.rest():
        rate, colon, burst = text.partition(":")
        if colon:
            for part in (rate, burst):
                try:
                    float(part)
                except ValueError:
                    raise InputError.at(span, f"{text!r} is no rate:burst") from None
        else:
            number(text, span)


def _reset_state(cli: Cli, args: Arguments) -> None:
    """Everything as it was when the program was loaded."""
    args.end()
    for _, table in cli.program.tables():
        if not table.const_entries and not any(entry.const for entry in table.entries):
            cli.forget(table)
            cli.builder.clear(table, args.span)
    cli.builder.defaults.clear()
    cli.builder.value_sets.clear()
    cli.builder.replication.reset()
    cli.builder.profiles.reset()
    assert cli.cells is not None
    for kind in ("register", "counter"):
        for found in find_cells_of(cli.program, kind):
            for name in cell_names(found):
                cli.cells.reset(name)


COMMANDS: Final[dict[str, Command]] = {
    "mc_mgrp_create": _create_multicast,
    "mc_mgrp_destroy": _destroy_multicast,
    "mc_node_create": _create_node,
    "mc_node_update": _update_node,
    "mc_node_destroy": _destroy_node,
    "mc_node_associate": lambda cli, args: _associate(cli, args, there=True),
    "mc_node_dissociate": lambda cli, args: _associate(cli, args, there=False),
    "mirroring_add": lambda cli, args: _mirror(cli, args, to_group=False),
    "mirroring_add_mc": lambda cli, args: _mirror(cli, args, to_group=True),
    "mirroring_delete": _mirror_delete,
    "pvs_add": _pvs_add,
    "pvs_remove": _pvs_remove,
    "pvs_clear": _pvs_clear,
    "register_write": _register_write,
    "register_reset": lambda cli, args: _reset(cli, args, kind="register"),
    "counter_write": _counter_write,
    "counter_reset": lambda cli, args: _reset(cli, args, kind="counter"),
    "meter_set_rates": _meter_rates,
    "meter_array_set_rates": _meter_rates,
    "reset_state": _reset_state,
}


# by the profile's name and, deprecated in BMv2, by that of a table which has it
for _suffix, _work in {
    "create_member": _create_member,
    "modify_member": _modify_member,
    "delete_member": _delete_member,
    "create_group": _create_group,
    "delete_group": _delete_group,
    "add_member_to_group": _into_group,
    "remove_member_from_group": _out_of_group,
}.items():
    COMMANDS[f"act_prof_{_suffix}"] = partial(_work, by_table=False)
    COMMANDS[f"table_indirect_{_suffix}"] = partial(_work, by_table=True)
