"""A program with rules of every kind, a strategy for them, and writers of all four formats."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from hypothesis import strategies as st

from p4verify.semantics import ir
from p4verify.semantics.rules.build import by_prefix, match_keys, needs_priority, prefix_sum
from p4verify.semantics.rules.names import table_actions
from p4verify.semantics.rules.profiles import implementation_name, implementations
from p4verify.semantics.rules.ruleset import (
    ActionCall,
    Exact,
    GroupRef,
    Lpm,
    Match,
    Profile,
    Range,
    Replica,
    Rule,
    RuleSet,
    Session,
    Ternary,
)

from .p4_text import v1model

_DECLARED = """
    action set(bit<8> x, int<4> y) { hdr.h.d = x; }
    action flag(bool f) { hdr.h.d = f ? 8w1 : 8w2; }
    action drop() { mark_to_drop(sm); }
    action_profile(16) ap;
    action_selector(HashAlgorithm.crc16, 16, 8) sel;
    table exact_t { key = { hdr.h.a : exact; hdr.w.y : exact @name("bee"); } actions = { set; flag; drop; } }
    table lpm_t { key = { hdr.w.x : lpm; hdr.h.a : exact; } actions = { set; drop; } default_action = drop(); }
    table tern_t { key = { hdr.h.a : ternary; hdr.w.x : range; hdr.h.c : optional; } actions = { set; flag; drop; } }
    table prof_t { key = { hdr.h.a : exact; } actions = { set; drop; } implementation = ap; }
    table sel_t { key = { hdr.h.a : ternary; hdr.h.b : selector; } actions = { set; drop; } implementation = sel; }
    counter(4, CounterType.packets_and_bytes) both;
    register<bit<8>>(4) reg;
"""
_BODY = (
    """exact_t.apply(); lpm_t.apply(); tern_t.apply(); prof_t.apply(); sel_t.apply(); both.count(0); reg.write(0, 1);"""
)
_PARSER = """value_set<bit<8>>(4) kinds; state start { pkt.extract(hdr.h); pkt.extract(hdr.w);
    transition select(hdr.h.a) { kinds: accept; default: accept; } }"""
SCALE = 10_000


def program() -> ir.Program:
    """Tables of every kind, an action profile, a selector, a value set, a counter and a register, in control ``I``."""
    return v1model(_BODY, locals=_DECLARED, parser=_PARSER)


# --- the strategy ---------------------------------------------------------------------------------------------------


@st.composite
def rule_sets(draw: st.DrawFn) -> RuleSet:
    """Any rules for :func:`program`, with the smallest numbers for members and groups; priorities differ."""
    profiles = {name: draw(_profile(name)) for name in implementations(program())}
    entries = {}
    defaults = {}
    for _, table in program().tables():
        rules = _ordered(table, draw(_rules(table, profiles)))
        if rules:
            entries[table.control_name] = rules
        if draw(st.booleans()) and implementation_name(program(), table) is None:
            defaults[table.control_name] = draw(_call(table))
    multicast = draw(st.dictionaries(st.integers(1, 65535), _replicas, max_size=2))
    ports = st.builds(lambda port: Session((Replica(port),)), st.integers(0, 511))
    sessions = draw(st.dictionaries(st.integers(0, 32767), ports, max_size=2))
    kinds = draw(st.lists(st.integers(0, 255).map(lambda n: (Exact(n),)), max_size=4, unique=True))
    cells = {"I.reg": draw(st.dictionaries(st.integers(0, 3), st.integers(0, 255), max_size=3))}
    counts = draw(st.dictionaries(st.integers(0, 3), st.tuples(_u32, _u32), max_size=2))
    cells["I.both.packets"] = {i: packets for i, (packets, _) in counts.items()}
    cells["I.both.bytes"] = {i: length for i, (_, length) in counts.items()}
    return RuleSet(
        entries,
        defaults,
        {"P.kinds": tuple(kinds)} if kinds else {},
        multicast,
        sessions,
        {name: profile for name, profile in profiles.items() if profile.members},
        {name: found for name, found in cells.items() if found},
    )


_u32 = st.integers(0, (1 << 32) - 1)
_replicas = st.lists(
    st.builds(Replica, st.integers(0, 511), st.integers(0, 65535)), max_size=3, unique=True
).map(tuple)  # fmt: skip


@lru_cache(maxsize=64)
def _table(name: str) -> ir.Table:
    return next(table for _, table in program().tables() if table.control_name == name)


@st.composite
def _call(draw: st.DrawFn, table: ir.Table) -> ActionCall:
    found = draw(st.sampled_from([a for a in table_actions(program(), table) if not a.ref.default_only]))
    args = tuple(draw(st.integers(0, (1 << _bits(p.type)) - 1)) for p in found.params)
    return ActionCall(found.ref.action, args)


def _bits(type_: ir.Type) -> int:
    return 1 if isinstance(type_, ir.BoolType) else ir.width_of(type_)


@st.composite
def _profile(draw: st.DrawFn, name: str) -> Profile:
    table = _table("I.sel_t" if name == "I.sel" else "I.prof_t")
    members = dict(enumerate(draw(st.lists(_call(table), max_size=3))))
    groups: dict[int, tuple[int, ...]] = {}
    if members and name == "I.sel":
        one = st.sets(st.sampled_from(sorted(members)), min_size=1).map(lambda s: tuple(sorted(s)))
        groups = dict(enumerate(draw(st.lists(one, max_size=2))))
    return Profile(members, groups)


@st.composite
def _rules(draw: st.DrawFn, table: ir.Table, profiles: Mapping[str, Profile]) -> list[Rule]:
    name = implementation_name(program(), table)
    if name is None:
        targets: st.SearchStrategy[Any] = _call(table)
    elif not profiles[name].members:
        return []
    else:
        whole = [*profiles[name].members.values(), *(GroupRef(name, group) for group in profiles[name].groups)]
        targets = st.sampled_from(whole)
    keys = st.tuples(*(_match(key) for key in match_keys(table)))
    ranked = needs_priority(table)
    found = draw(st.lists(st.tuples(keys, targets), max_size=4, unique_by=lambda pair: pair[0]))
    priorities = draw(st.permutations(range(1, len(found) + 1)))
    return [
        Rule(table.control_name, matches, target, priority if ranked else None)
        for (matches, target), priority in zip(found, priorities, strict=True)
    ]


def _match(key: ir.Key) -> st.SearchStrategy[Match]:
    width = ir.width_of(key.expr.type)
    full = (1 << width) - 1
    numbers = st.integers(0, full)
    match key.match_kind:
        case "lpm":
            prefix = st.integers(0, width)
            return st.builds(lambda v, n: Lpm(v & (full ^ ((1 << (width - n)) - 1)), n), numbers, prefix)
        case "ternary":
            return st.builds(lambda v, m: Ternary(v & m, m), numbers, numbers)
        case "optional":
            return st.one_of(st.just(Ternary(0, 0)), st.builds(lambda v: Ternary(v, full), numbers))
        case "range":
            return st.builds(lambda a, b: Range(min(a, b), max(a, b)), numbers, numbers)
    return st.builds(Exact, numbers)


def _ordered(table: ir.Table, rules: list[Rule]) -> tuple[Rule, ...]:
    if by_prefix(table):
        return tuple(sorted(rules, key=lambda rule: -prefix_sum(rule)))
    return tuple(sorted(rules, key=lambda rule: -(rule.priority or 0)))


def plain(rules: RuleSet) -> RuleSet:
    """Without the priorities, whose scale is a format's own; the order in which entries win stays."""
    entries = {t: tuple(replace(r, priority=None) for r in found) for t, found in rules.entries.items()}
    return replace(rules, entries=entries)


# --- writers --------------------------------------------------------------------------------------------------------


def _member_of(rules: RuleSet, profile: str, call: ActionCall) -> int:
    return next(number for number, member in rules.profiles[profile].members.items() if member == call)


def to_cli(rules: RuleSet) -> str:
    """As commands of BMv2's CLI: the smallest priority wins."""
    lines = []
    for name, profile in rules.profiles.items():
        lines += [f"act_prof_create_member {name} {c.action} {_numbers(c)}" for c in profile.members.values()]
        for group, members in profile.groups.items():
            lines.append(f"act_prof_create_group {name}")
            lines += [f"act_prof_add_member_to_group {name} {member} {group}" for member in members]
    for table, found in rules.entries.items():
        lines += [_cli_entry(rules, table, rule) for rule in found]
    for table, default in rules.defaults.items():
        assert isinstance(default, ActionCall)
        lines.append(f"table_set_default {table} {default.action} {_numbers(default)}")
    return "\n".join([*lines, *_cli_objects(rules)])


def _numbers(call: ActionCall) -> str:
    return " ".join(map(str, call.args))


def _cli_entry(rules: RuleSet, table: str, rule: Rule) -> str:
    keys = " ".join(map(_cli_match, rule.matches))
    priority = "" if rule.priority is None else str(SCALE - rule.priority)
    profile = implementation_name(program(), _table(table))
    if isinstance(rule.action, GroupRef):
        return f"table_indirect_add_with_group {table} {keys} => {rule.action.group} {priority}"
    if profile is not None:
        return f"table_indirect_add {table} {keys} => {_member_of(rules, profile, rule.action)} {priority}"
    return f"table_add {table} {rule.action.action} {keys} => {_numbers(rule.action)} {priority}"


def _cli_match(match: Match) -> str:
    match match:
        case Lpm(value, length):
            return f"{value:#x}/{length}"
        case Ternary(value, mask):
            return f"{value:#x}&&&{mask:#x}"
        case Range(low, high):
            return f"{low}->{high}"
        case Exact(value):
            return str(value)


def _cli_objects(rules: RuleSet) -> list[str]:
    lines = []
    node = 0
    for group, replicas in rules.multicast.items():
        lines.append(f"mc_mgrp_create {group}")
        for replica in replicas:
            lines += [f"mc_node_create {replica.instance} {replica.port}", f"mc_node_associate {group} {node}"]
            node += 1
    lines += [f"mirroring_add {number} {s.replicas[0].port}" for number, s in rules.sessions.items()]
    for name, members in rules.value_sets.items():
        lines += [f"pvs_add {name} {part.value}" for (part,) in members if isinstance(part, Exact)]
    lines += [f"register_write I.reg {i} {v}" for i, v in rules.cells.get("I.reg", {}).items()]
    for i, packets in rules.cells.get("I.both.packets", {}).items():
        lines.append(f"counter_write I.both {i} {packets} {rules.cells['I.both.bytes'][i]}")
    return lines


def to_stf(rules: RuleSet) -> str:
    """As lines of an STF test, the largest priority wins; what has no line of its own is a command of the CLI."""
    cli = to_cli(replace(rules, entries={}, defaults={})).splitlines()
    lines = []
    for table, found in rules.entries.items():
        for rule in found:
            if implementation_name(program(), _table(table)) is None:
                lines.append(_stf_entry(table, rule))
            else:
                lines.append(_cli_entry(rules, table, rule))
    for table, default in rules.defaults.items():
        assert isinstance(default, ActionCall)
        lines.append(f"setdefault {table} {_stf_call(table, default)}")
    return "\n".join([*cli, *lines])


def _params(table: str, action: str) -> list[str]:
    found = next(a for a in table_actions(program(), _table(table)) if a.ref.action == action)
    return [param.name for param in found.params]


def _stf_call(table: str, call: ActionCall) -> str:
    names = _params(table, call.action)
    return f"{call.action}({', '.join(f'{n}:{v:#x}' for n, v in zip(names, call.args, strict=True))})"


def _stf_entry(table: str, rule: Rule) -> str:
    assert isinstance(rule.action, ActionCall)
    keys = zip(match_keys(_table(table)), rule.matches, strict=True)
    words = [f"{key.name}:{_cli_match(match)}" for key, match in keys if match != Ternary(0, 0)]
    priority = [] if rule.priority is None else [str(rule.priority)]
    return " ".join(["add", table, *priority, *words, _stf_call(table, rule.action)])


def to_json(rules: RuleSet) -> str:
    """As p4verify's JSON."""
    tables: dict[str, Any] = {}
    for table, found in rules.entries.items():
        tables.setdefault(table, {})["entries"] = [_json_entry(rules, table, rule) for rule in found]
    for table, default in rules.defaults.items():
        assert isinstance(default, ActionCall)
        tables.setdefault(table, {})["default"] = {"action": default.action, "args": list(default.args)}
    profiles = {
        name: {
            "members": {str(i): {"action": c.action, "args": list(c.args)} for i, c in profile.members.items()},
            "groups": {str(i): list(members) for i, members in profile.groups.items()},
        }
        for name, profile in rules.profiles.items()
    }
    replicas = {
        str(group): [{"port": r.port, "instance": r.instance} for r in found]
        for group, found in rules.multicast.items()
    }
    sessions = {
        str(number): {"replicas": [{"port": r.port} for r in s.replicas], "truncate": s.truncate}
        for number, s in rules.sessions.items()
    }
    sets = {n: [[p.value for p in m if isinstance(p, Exact)] for m in found] for n, found in rules.value_sets.items()}
    cells = {name: {str(i): hex(v) for i, v in found.items()} for name, found in rules.cells.items()}
    whole = {"version": 1, "tables": tables, "profiles": profiles, "multicast": replicas, "sessions": sessions,
             "value_sets": sets, "cells": cells}  # fmt: skip
    return json.dumps(whole, indent=1)


def _json_entry(rules: RuleSet, table: str, rule: Rule) -> dict[str, Any]:
    entry: dict[str, Any] = {"match": {}}
    for key, match in zip(match_keys(_table(table)), rule.matches, strict=True):
        names = {"value": "value", "mask": "mask", "prefix_len": "prefix_len", "low": "low", "high": "high"}
        entry["match"][key.name] = {name: getattr(match, name) for name in names if hasattr(match, name)}
    if rule.priority is not None:
        entry["priority"] = rule.priority
    profile = implementation_name(program(), _table(table))
    if isinstance(rule.action, GroupRef):
        entry["group"] = rule.action.group
    elif profile is not None:
        entry["member"] = _member_of(rules, profile, rule.action)
    else:
        entry |= {"action": rule.action.action, "args": dict(zip(_params(table, rule.action.action), rule.action.args,
                                                                 strict=True))}  # fmt: skip
    return entry


def to_p4runtime(rules: RuleSet) -> str:
    """As a P4Runtime ``WriteRequest``, with names for ids."""
    out = []
    for name, profile in rules.profiles.items():
        for number, call in profile.members.items():
            body = f'action_profile_id: "{name}" member_id: {number} action {{ {_p4_call(call)} }}'
            out.append(f"action_profile_member {{ {body} }}")
        for number, members in profile.groups.items():
            body = " ".join(f"members {{ member_id: {m} weight: 1 }}" for m in members)
            out.append(f'action_profile_group {{ action_profile_id: "{name}" group_id: {number} {body} }}')
    for table, found in rules.entries.items():
        out += [_p4_entry(rules, table, rule) for rule in found]
    for table, default in rules.defaults.items():
        assert isinstance(default, ActionCall)
        action = f"action {{ action {{ {_p4_call(default)} }} }}"
        out.append(f'table_entry {{ table_id: "{table}" is_default_action: true {action} }}')
    return "\n".join(f"updates {{ type: {_verb(e)} entity {{ {e} }} }}" for e in [*out, *_p4_objects(rules)])


def _verb(entity: str) -> str:
    return (
        "MODIFY" if "is_default_action" in entity or entity.startswith(("register", "counter", "value")) else "INSERT"
    )


def _bytes(value: int) -> str:
    data = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return '"' + "".join(f"\\x{byte:02x}" for byte in data) + '"'


def _p4_call(call: ActionCall) -> str:
    params = " ".join(f"params {{ param_id: {i} value: {_bytes(v)} }}" for i, v in enumerate(call.args, 1))
    return f'action_id: "{call.action}" {params}'


def _p4_entry(rules: RuleSet, table: str, rule: Rule) -> str:
    parts = [f'table_id: "{table}"']
    ids = [i for i, key in enumerate(_table(table).keys, 1) if key.match_kind != "selector"]
    for number, key, match in zip(ids, match_keys(_table(table)), rule.matches, strict=True):
        body = _p4_match(key, match)
        if body:
            parts.append(f"match {{ field_id: {number} {body} }}")
    if rule.priority is not None:
        parts.append(f"priority: {rule.priority}")
    profile = implementation_name(program(), _table(table))
    if isinstance(rule.action, GroupRef):
        parts.append(f"action {{ action_profile_group_id: {rule.action.group} }}")
    elif profile is not None:
        parts.append(f"action {{ action_profile_member_id: {_member_of(rules, profile, rule.action)} }}")
    else:
        parts.append(f"action {{ action {{ {_p4_call(rule.action)} }} }}")
    return f"table_entry {{ {' '.join(parts)} }}"


def _p4_match(key: ir.Key, match: Match) -> str:
    match match:
        case Exact(value):
            return f"exact {{ value: {_bytes(value)} }}"
        case Lpm(value, length):
            return f"lpm {{ value: {_bytes(value)} prefix_len: {length} }}"
        case Range(low, high):
            return f"range {{ low: {_bytes(low)} high: {_bytes(high)} }}"
        case Ternary(_, 0):
            return ""
        case Ternary(value, _) if key.match_kind == "optional":
            return f"optional {{ value: {_bytes(value)} }}"
        case Ternary(value, mask):
            return f"ternary {{ value: {_bytes(value)} mask: {_bytes(mask)} }}"


def _p4_objects(rules: RuleSet) -> list[str]:
    out = []
    for group, replicas in rules.multicast.items():
        body = " ".join(f"replicas {{ egress_port: {r.port} instance: {r.instance} }}" for r in replicas)
        entry = f"multicast_group_entry {{ multicast_group_id: {group} {body} }}"
        out.append(f"packet_replication_engine_entry {{ {entry} }}")
    for number, session in rules.sessions.items():
        body = " ".join(f"replicas {{ port: {_bytes(r.port)} }}" for r in session.replicas)
        entry = f"clone_session_entry {{ session_id: {number} {body} }}"
        out.append(f"packet_replication_engine_entry {{ {entry} }}")
    for name, members in rules.value_sets.items():
        body = " ".join(
            f"members {{ match {{ field_id: 1 exact {{ value: {_bytes(part.value)} }} }} }}"
            for (part,) in members
            if isinstance(part, Exact)
        )
        out.append(f'value_set_entry {{ value_set_id: "{name}" {body} }}')
    for i, value in rules.cells.get("I.reg", {}).items():
        out.append(
            f'register_entry {{ register_id: "reg" index {{ index: {i} }} data {{ bitstring: {_bytes(value)} }} }}'
        )
    for i, packets in rules.cells.get("I.both.packets", {}).items():
        data = f"data {{ packet_count: {packets} byte_count: {rules.cells['I.both.bytes'][i]} }}"
        out.append(f'counter_entry {{ counter_id: "both" index {{ index: {i} }} {data} }}')
    return out
