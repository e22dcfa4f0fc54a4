"""Entities of P4Runtime that are no table entries: action profiles, replication, value sets, state."""

from __future__ import annotations

from typing import Final

from ..p4info.ids import Kind
from ..source import InputError
from .cells import CellArray, cell_names
from .names import profile_actions
from .p4runtime_base import Session, Verb, action_call, bytes_of, counter_data, named, number_of
from .p4runtime_tables import MAX_WEIGHT
from .profiles import Implementation
from .protobuf_text import Message
from .replication import ReplicationTable
from .ruleset import Exact, Match, Replica
from .ruleset import Session as CloneSession
from .values import value_set_widths

MAX_SESSION: Final = 1 << 32


# --- action profiles ------------------------------------------------------------------------------------------------


def _profile(session: Session, entry: Message) -> Implementation:
    return named(entry, "action_profile_id", "action profile", session.ids.profiles, lambda p: p.name)


def profile_member(session: Session, entry: Message, verb: Verb) -> None:
    """A member of an action profile (specification 1.4, "ActionProfileMember"). Raises InputError."""
    entry.only(frozenset({"action_profile_id", "member_id", "action"}))
    profile = _profile(session, entry)
    member = number_of(entry, "member_id")
    if verb == "DELETE":
        session.builder.profiles.remove_member(profile.name, member, entry.span)
        return
    action = entry.message("action")
    if action is None:
        raise InputError.at(entry.span, "a member without an action")
    listed = profile_actions(session.builder.program, profile)
    call = action_call(session, action, listed, profile.name)
    session.builder.profiles.set_member(profile.name, member, call, entry.span, new=verb == "INSERT")


def profile_group(session: Session, entry: Message, verb: Verb) -> None:
    """A group of an action selector; ports that it watches are up. Raises InputError."""
    entry.only(frozenset({"action_profile_id", "group_id", "members", "max_size"}))
    profile = _profile(session, entry)
    group = number_of(entry, "group_id")
    if verb == "DELETE":
        session.builder.profiles.remove_group(profile.name, group, entry.span)
        return
    members: list[int] = []
    for item in entry.messages("members"):
        item.only(frozenset({"member_id", "weight", "watch", "watch_port"}))
        member, weight = number_of(item, "member_id"), number_of(item, "weight", 1)
        if not 0 < weight <= MAX_WEIGHT:
            raise InputError.at(item.span, f"weights are from 1 to {MAX_WEIGHT}")
        if member in members:
            raise InputError.at(item.span, f"member {member} is in the group already")
        members += [member] * weight
    session.builder.profiles.set_group(profile.name, group, members, entry.span, new=verb == "INSERT")


# --- replication ----------------------------------------------------------------------------------------------------


def replication_entry(session: Session, entry: Message, verb: Verb) -> None:
    """``PacketReplicationEngineEntry``: a multicast group or a clone session. Raises InputError."""
    kinds = {"multicast_group_entry": multicast_group, "clone_session_entry": clone_session}
    entry.only(frozenset(kinds))
    if len(entry.fields) != 1:
        raise InputError.at(entry.span, f"one of {', '.join(kinds)} is missing")
    name = entry.fields[0][0]
    content = entry.message(name)
    assert content is not None
    kinds[name](session, content, verb)


def multicast_group(session: Session, entry: Message, verb: Verb) -> None:
    """A multicast group (specification 1.4, "MulticastGroupEntry"); 0 is none. Raises InputError."""
    entry.only(frozenset({"multicast_group_id", "replicas", "metadata"}))
    group = number_of(entry, "multicast_group_id")
    if group == 0:
        raise InputError.at(entry.span, "multicast group 0 stands for no group")
    replication: ReplicationTable = session.builder.replication
    if verb == "DELETE":
        replication.remove_group(group, entry.span)
    elif verb == "INSERT":
        replication.create_group(group, entry.span, _replicas(entry))
    else:
        replication.change_group(group, entry.span, _replicas(entry))


def clone_session(session: Session, entry: Message, verb: Verb) -> None:
    """A clone session; 0 bytes as the packets' length means all of them. Raises InputError."""
    entry.only(frozenset({"session_id", "replicas", "class_of_service", "packet_length_bytes"}))
    number = number_of(entry, "session_id")
    replication: ReplicationTable = session.builder.replication
    if verb == "DELETE":
        replication.remove_session(number, entry.span)
        return
    made = CloneSession(_replicas(entry), number_of(entry, "packet_length_bytes", 0) or None)
    replication.set_session(number, made, entry.span, new=verb == "INSERT")


def _replicas(entry: Message) -> tuple[Replica, ...]:
    found: list[Replica] = []
    for item in entry.messages("replicas"):
        item.only(frozenset({"egress_port", "port", "instance", "backup_replicas"}))
        port = bytes_of(item, "port")[0] if item.scalar("port") is not None else _port(item)
        instance = number_of(item, "instance", 0)
        if port >= 1 << 32 or instance >= 1 << 16:
            raise InputError.at(item.span, "ports have 32 bits, instances 16")
        if Replica(port, instance) in found:
            raise InputError.at(item.span, f"port {port} with instance {instance} is there twice")
        found.append(Replica(port, instance))
    return tuple(found)


def _port(item: Message) -> int:
    """``egress_port``: a number, or (since 1.4) a byte string."""
    scalar = item.scalar("egress_port")
    if scalar is not None and isinstance(scalar.value, bytes):
        return int.from_bytes(scalar.value, "big")
    return number_of(item, "egress_port")


# --- value sets -----------------------------------------------------------------------------------------------------


def value_set(session: Session, entry: Message, verb: Verb) -> None:
    """All members of a value set at once (specification 1.4, "ValueSetEntry"). Raises InputError."""
    entry.only(frozenset({"value_set_id", "members"}))
    found = named(entry, "value_set_id", "value set", session.ids.value_sets, lambda s: s.control_name)
    if verb == "DELETE":
        raise InputError.at(entry.span, "a value set is modified, not deleted")
    widths = value_set_widths(found.type, entry.span)
    members = [_set_member(item, widths) for item in entry.messages("members")]
    if found.size is not None and len(members) > found.size:
        raise InputError.at(entry.span, f"value set {found.control_name} has room for {found.size} members")
    session.builder.value_sets[found.control_name] = members


def _set_member(member: Message, widths: list[int]) -> tuple[Match, ...]:
    member.only(frozenset({"match"}))
    parts: dict[int, Match] = {}
    for item in member.messages("match"):
        item.only(frozenset({"field_id", "exact"}))
        at = number_of(item, "field_id") - 1
        exact = item.message("exact")
        if exact is None or not 0 <= at < len(widths) or at in parts:
            raise InputError.at(item.span, f"a member has {len(widths)} fields, each with one exact value")
        value, span = bytes_of(exact, "value")
        if value >> widths[at]:
            raise InputError.at(span, f"{value:#x} does not fit {widths[at]} bits")
        parts[at] = Exact(value)
    if len(parts) != len(widths):
        raise InputError.at(member.span, f"a member has {len(widths)} fields, each with one exact value")
    return tuple(parts[i] for i in range(len(widths)))


# --- state ----------------------------------------------------------------------------------------------------------


def cell_entry(session: Session, entry: Message, verb: Verb, *, field: str) -> None:
    """A cell of a counter or register; a meter's rates have no meaning, its colour being arbitrary.

    ``field`` is the one that names it. Raises InputError if there is no such cell, or the value does not fit.
    """
    entry.only(frozenset({field, "index", "data", "config", "counter_data"}))
    cells = named(entry, field, field.removesuffix("_id"), session.ids.cells, lambda c: c.name)
    if cells.kind is Kind.METER:
        return
    index = entry.message("index")
    indexes = range(cells.size or 0) if index is None else [cells.check_index(number_of(index, "index", 0), index.span)]
    for name, value in _data(cells, entry).items():
        for at in indexes:
            session.builder.cells.setdefault(name, {})[at] = value


def _data(cells: CellArray, entry: Message) -> dict[str, int]:
    data = entry.message("data")
    if data is None:
        raise InputError.at(entry.span, "data is missing")
    if cells.kind is Kind.REGISTER:
        value, span = bytes_of(data, "bitstring")
        return {cells.name: cells.check_value(value, span)}
    counts = counter_data(data)
    return {name: counts[unit] for name, unit in cell_names(cells).items()}
