"""Rules as p4verify's own JSON.

::

    {"version": 1,
     "tables": {"ingress.acl": {
        "default": {"action": "drop"},
        "entries": [{"match": {"hdr.ipv4.srcAddr": {"value": "0x0a000000", "mask": "0xff000000"}},
                     "action": "forward", "args": {"port": 3}, "priority": 10}]}},
     "value_sets": {"prs.tpids": [["0x8100"], ["0x88a8"]]},
     "profiles": {"ingress.ecmp": {
        "members": {"0": {"action": "forward", "args": {"port": 1}}, "1": {"action": "forward", "args": [2]}},
        "groups": {"0": [0, 1, 1]}}},
     "multicast": {"7": [{"port": 1, "instance": 0}, {"port": 2}]},
     "sessions": {"5": {"replicas": [{"port": 4}], "truncate": 64}},
     "cells": {"ingress.reg": {"0": "0xff"}}}

An entry or default has an ``"action"`` with ``"args"``, or (tables with an action profile) a ``"member"`` or a
``"group"``; a group names a member as often as its weight is. Cells of a counter that counts both are
``NAME.packets`` and ``NAME.bytes``.

A match is a number (exact, and a full mask or prefix elsewhere), ``{"value", "mask"}``, ``{"value", "prefix_len"}`` or
``{"low", "high"}``; numbers may be strings such as ``"0x1f"`` or ``"10.0.0.1"``. Keys that are left out match anything
unless they are exact. Arguments go by name or by position. The highest priority wins.
"""

from __future__ import annotations

from .. import ir
from ..source import InputError, Span
from .build import SELECTOR, Builder, MemberRef, Target, check_match, needs_priority, stand_in
from .json_objects import OBJECTS, arguments, json_number, known
from .json_text import Node, parse_json
from .names import find_action, find_key, find_table, pick
from .numbers import signed_fit
from .profiles import implementation_name
from .ruleset import ActionCall, Exact, GroupRef, Lpm, Match, Range, Rule, RuleSet, Ternary
from .values import key_bits, value_set_widths


def read_json(text: str, name: str, program: ir.Program) -> RuleSet:
    """The rules in a JSON text. Raises InputError with file, line and column."""
    top = parse_json(text, name)
    members = known(top, "the rules", {"version", "tables", "value_sets", *OBJECTS})
    version = members.get("version")
    if version is None or version.value != 1:
        raise InputError.at((version or top).span, 'expected "version": 1')
    builder = Builder(program)
    for table_name, content in (members["tables"].object("tables") if "tables" in members else {}).items():
        table = find_table(program, table_name, content.span)
        parts = known(content, "a table", {"default", "entries"})
        if "default" in parts:
            call = _target(builder, table, parts["default"], {"action", "args", "member", "group"}, as_default=True)
            builder.set_default(table, call, parts["default"].span)
        for entry in parts["entries"].array("entries") if "entries" in parts else []:
            _entry(builder, table, entry)
    for set_name, content in (members["value_sets"].object("value_sets") if "value_sets" in members else {}).items():
        _value_set(builder, set_name, content)
    for name, read in OBJECTS.items():
        if name in members:
            read(builder, members[name])
    return builder.finish()


def _entry(builder: Builder, table: ir.Table, node: Node) -> None:
    names = {"match", "action", "args", "member", "group", "priority"}
    members = known(node, "an entry", names)
    target = _target(builder, table, node, names, as_default=False)
    found: dict[int, Match] = {}
    for key_name, value in (members["match"].object("match") if "match" in members else {}).items():
        position = find_key(table, key_name, value.span)
        key = table.keys[position]
        if key.match_kind == SELECTOR:
            raise InputError.at(value.span, f"key {key.name} only chooses among a group's members")
        if position in found:
            raise InputError.at(value.span, f"key {key.name} is given twice")
        found[position] = check_match(table, key, _match(key, value), value.span)
    matches = [
        found[i] if i in found else _missing(table, key, node.span)
        for i, key in enumerate(table.keys)
        if key.match_kind != SELECTOR
    ]
    priority = json_number(members["priority"]) if "priority" in members else None
    if needs_priority(table) and priority is None:
        raise InputError.at(node.span, f"an entry of table {table.control_name} needs a priority")
    if not needs_priority(table) and priority is not None:
        raise InputError.at(members["priority"].span, f"entries of table {table.control_name} have no priority")
    rule = Rule(table.control_name, tuple(matches), stand_in(target), priority, node.span)
    builder.add(table, rule, priority or 0, target)


def _missing(table: ir.Table, key: ir.Key, span: Span) -> Match:
    match key.match_kind:
        case "ternary" | "optional":
            return Ternary(0, 0)
        case "lpm":
            return Lpm(0, 0)
        case "range":
            return Range(0, (1 << key_bits(key.expr.type, key.span)) - 1)
    raise InputError.at(span, f"key {key.name} of table {table.control_name} is missing")


def _match(key: ir.Key, node: Node) -> Match:
    width = key_bits(key.expr.type, key.span)
    if not isinstance(node.value, dict):
        return _single(key, signed_fit(json_number(node, width), width), width)
    parts = known(node, "a match", {"value", "mask", "prefix_len", "low", "high"})
    numbers = {name: json_number(part, width) for name, part in parts.items()}
    match sorted(parts):
        case ["value"]:
            return _single(key, numbers["value"], width)
        case ["mask", "value"]:
            return Ternary(numbers["value"], numbers["mask"])
        case ["prefix_len", "value"]:
            return Lpm(numbers["value"], numbers["prefix_len"])
        case ["high", "low"]:
            return Range(numbers["low"], numbers["high"])
    raise InputError.at(node.span, "a match is a number, value and mask, value and prefix_len, or low and high")


def _single(key: ir.Key, value: int, width: int) -> Match:
    match key.match_kind:
        case "ternary":
            return Ternary(value, (1 << width) - 1)
        case "lpm":
            return Lpm(value, width)
        case "range":
            return Range(value, value)
    return Exact(value)


def _target(builder: Builder, table: ir.Table, node: Node, names: set[str], *, as_default: bool) -> Target:
    members = known(node, "an entry", names)
    given = [name for name in ("action", "member", "group") if name in members]
    if len(given) != 1:
        several = "an entry does one of action, member and group"
        raise InputError.at(node.span, several if given else "an action is missing")
    if given == ["action"]:
        name = members["action"]
        found = find_action(builder.program, table, name.text("action"), name.span, as_default=as_default)
        return ActionCall(found.ref.action, arguments(found, members.get("args"), node.span))
    profile = implementation_name(builder.program, table)
    if profile is None:
        raise InputError.at(members[given[0]].span, f"table {table.control_name} has no action profile")
    which = json_number(members[given[0]])
    return MemberRef(profile, which) if given == ["member"] else GroupRef(profile, which)


def _value_set(builder: Builder, name: str, node: Node) -> None:
    sets = [s for parser in builder.program.parsers for s in parser.value_sets]
    found = pick(sets, lambda s: s.control_name, name, "value set", node.span)
    widths = value_set_widths(found.type, node.span)
    for member in node.array("a value set"):
        parts = member.array("a member") if isinstance(member.value, list) else [member]
        if len(parts) != len(widths):
            raise InputError.at(member.span, f"a member of {found.control_name} has {len(widths)} parts")
        matches: list[Match] = []
        for part, width in zip(parts, widths, strict=True):
            value = json_number(part, width)
            if not 0 <= value < 1 << width:
                raise InputError.at(part.span, f"{value:#x} does not fit {width} bits")
            matches.append(Exact(value))
        builder.value_sets.setdefault(found.control_name, []).append(tuple(matches))
