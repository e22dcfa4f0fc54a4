"""The parts of p4verify's JSON rules that are no tables: action profiles, multicast groups, clone sessions, cells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..source import InputError, Span
from .build import Builder
from .cells import CellArray, cell_names, find_cells_of
from .json_text import Node
from .names import TableAction, check_value, find_profile, param_name, pick, profile_actions
from .numbers import number, signed_fit
from .profiles import Implementation
from .ruleset import ActionCall, Replica, Session
from .values import key_bits


def known(node: Node, what: str, names: set[str]) -> dict[str, Node]:
    """The members of an object. Raises InputError for one that is not known."""
    members = node.object(what)
    for name, value in members.items():
        if name not in names:
            raise InputError.at(value.span, f"{name!r} is not understood in {what}")
    return members


def json_number(node: Node, width: int | None = None) -> int:
    """A number, or a string that spells one. Raises InputError."""
    if isinstance(node.value, str):
        return number(node.value, node.span, width)
    if isinstance(node.value, int):
        return int(node.value)
    raise InputError.at(node.span, "expected a number")


def arguments(found: TableAction, node: Node | None, span: Span) -> tuple[int, ...]:
    """An action's arguments, by name or by position. Raises InputError."""
    given: dict[str, Node] = {}
    if node is not None and isinstance(node.value, list):
        if len(node.value) > len(found.params):
            raise InputError.at(node.span, f"{found.action.control_name} takes {len(found.params)} arguments")
        given = {param_name(p): value for p, value in zip(found.params, node.value, strict=False)}
    elif node is not None:
        given = node.object("args")
    for name, value in given.items():
        if all(param_name(param) != name for param in found.params):
            raise InputError.at(value.span, f"{found.action.control_name} has no parameter {name}")
    args = []
    for param in found.params:
        if param_name(param) not in given:
            raise InputError.at(span, f"{found.action.control_name} lacks its parameter {param_name(param)}")
        width = key_bits(param.type, param.span)
        value = given[param_name(param)]
        args.append(check_value(signed_fit(json_number(value, width), width), param, value.span))
    return tuple(args)


def _index(text: str, node: Node, what: str) -> int:
    """A member's name as a number. Raises InputError."""
    index = number(text, node.span)
    if index < 0:
        raise InputError.at(node.span, f"{what} is not negative")
    return index


def _profiles(builder: Builder, node: Node) -> None:
    for name, content in node.object("profiles").items():
        profile = find_profile(builder.profiles, name, content.span)
        parts = known(content, "an action profile", {"members", "groups"})
        for number_, member in (parts["members"].object("members") if "members" in parts else {}).items():
            call = _member(builder, profile, member)
            which = _index(number_, member, "a member")
            builder.profiles.set_member(profile.name, which, call, member.span, new=True)
        for number_, group in (parts["groups"].object("groups") if "groups" in parts else {}).items():
            members = [json_number(item) for item in group.array("a group")]
            which = _index(number_, group, "a group")
            builder.profiles.set_group(profile.name, which, members, group.span, new=True)


def _member(builder: Builder, profile: Implementation, node: Node) -> ActionCall:
    parts = known(node, "a member", {"action", "args"})
    if "action" not in parts:
        raise InputError.at(node.span, "an action is missing")
    listed = profile_actions(builder.program, profile)
    name, span = parts["action"].text("action"), parts["action"].span
    found = pick(listed, lambda a: a.action.control_name, name, f"action of {profile.name}", span)
    return ActionCall(found.ref.action, arguments(found, parts.get("args"), node.span))


def _multicast(builder: Builder, node: Node) -> None:
    for name, content in node.object("multicast").items():
        builder.replication.create_group(_index(name, content, "a group"), content.span, _replicas(content))


def _replicas(node: Node) -> tuple[Replica, ...]:
    found = []
    for item in node.array("replicas"):
        parts = known(item, "a replica", {"port", "instance"})
        if "port" not in parts:
            raise InputError.at(item.span, "port is missing")
        port = json_number(parts["port"])
        instance = json_number(parts["instance"]) if "instance" in parts else 0
        if not (0 <= port < 1 << 32 and 0 <= instance < 1 << 16):
            raise InputError.at(item.span, "ports have 32 bits, instances 16")
        found.append(Replica(port, instance))
    return tuple(found)


def _sessions(builder: Builder, node: Node) -> None:
    for name, content in node.object("sessions").items():
        parts = known(content, "a session", {"replicas", "truncate"})
        replicas = _replicas(parts["replicas"]) if "replicas" in parts else ()
        truncate = None
        if "truncate" in parts and parts["truncate"].value is not None:
            truncate = json_number(parts["truncate"])
            if truncate < 0:
                raise InputError.at(parts["truncate"].span, "a length is not negative")
        session = Session(replicas, truncate)
        builder.replication.set_session(_index(name, content, "a session"), session, content.span, new=True)


def _cells(builder: Builder, node: Node) -> None:
    arrays: dict[str, CellArray] = {}
    for kind in ("register", "counter"):
        for cells in find_cells_of(builder.program, kind):
            arrays |= dict.fromkeys(cell_names(cells), cells)
    for name, content in node.object("cells").items():
        found = pick(list(arrays), lambda known_name: known_name, name, "register or counter", content.span)
        array = arrays[found]
        for text, item in content.object("cells").items():
            index = array.check_index(_index(text, item, "an index"), item.span)
            value = array.check_value(json_number(item, array.width), item.span)
            builder.cells.setdefault(found, {})[index] = value


OBJECTS: Final[dict[str, Callable[[Builder, Node], None]]] = {
    "profiles": _profiles,
    "multicast": _multicast,
    "sessions": _sessions,
    "cells": _cells,
}
"""What reads each of them."""
