"""Mutants of flows and groups: what a wrong agent, or a wrong lowering, could have made of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.openflow.artifact import (
    FIELDS,
    Action,
    Bridge,
    DecMplsTtl,
    DecTtl,
    Flow,
    Goto,
    Group,
    Masked,
    Move,
    Output,
    OutputBits,
    PopMpls,
    PopVlan,
    PushMpls,
    PushVlan,
    SetField,
    ToGroup,
    print_flow,
    read_text,
)

from .mutants import Mutant

_ONE_BIT = (0, 3, 9, 20)


def openflow_mutants(original: Bridge) -> Iterator[Mutant]:
    """Matches, priorities, tables, actions, groups, and what is left out."""
    flows = original.flows
    for i, flow in enumerate(flows):
        where = f"flow {i} of table {flow.table}"
        for what, changed in _flow_mutants(flow):
            if not _is_one(changed):
                continue
            yield Mutant(what, where, replace(original, flows=(*flows[:i], changed, *flows[i + 1 :])))
        yield Mutant("flow left out", where, replace(original, flows=(*flows[:i], *flows[i + 1 :])))
    for i, (first, second) in enumerate(itertools.pairwise(flows)):
        if first.table == second.table and first.priority != second.priority:
            pair = (replace(first, priority=second.priority), replace(second, priority=first.priority))
            changed_flows = (*flows[:i], *pair, *flows[i + 2 :])
            yield Mutant("priority", f"flows {i} and {i + 1}", replace(original, flows=changed_flows))
    for i, group in enumerate(original.groups):
        for what, changed_group in _group_mutants(group):
            groups = (*original.groups[:i], changed_group, *original.groups[i + 1 :])
            yield Mutant(what, f"group {group.number}", replace(original, groups=groups))


def _is_one(flow: Flow) -> bool:
    """Whether it can be written: one that asks for a field without what that needs of the packet is an error, and the
    tools leave the field out."""
    try:
        return read_text(print_flow(flow)).flows[0].match == flow.match
    except (InputError, Unsupported, ValueError):
        return False


def _flow_mutants(flow: Flow) -> Iterator[tuple[str, Flow]]:
    for i, match in enumerate(flow.match):
        before, after = flow.match[:i], flow.match[i + 1 :]
        for changed in _values(match):
            yield "value", replace(flow, match=(*before, changed, *after))
        if FIELDS[match.field].maskable:
            for bit in _ONE_BIT:
                if match.mask >> bit & 1:
                    mask = match.mask ^ 1 << bit
                    yield "mask", replace(flow, match=(*before, Masked(match.field, match.value & mask, mask), *after))
        yield "field left out", replace(flow, match=(*before, *after))
    for what, actions in _action_mutants(flow.actions):
        yield what, replace(flow, actions=actions)


def _values(match: Masked) -> Iterator[Masked]:
    for bit in _ONE_BIT:
        if match.mask >> bit & 1 and not (match.field == "vlan_tci" and bit == 12):
            yield replace(match, value=match.value ^ 1 << bit)


def _action_mutants(actions: tuple[Action, ...]) -> Iterator[tuple[str, tuple[Action, ...]]]:
    for i, action in enumerate(actions):
        before, after = actions[:i], actions[i + 1 :]
        kind = type(action).__name__
        yield f"{kind} left out", (*before, *after)
        for changed in _changed(action):
            yield f"another {kind}", (*before, changed, *after)
    for i, (first, second) in enumerate(itertools.pairwise(actions)):
        if not isinstance(second, Goto) and first != second:
            yield "order of actions", (*actions[:i], second, first, *actions[i + 2 :])


def _changed(action: Action) -> Iterator[Action]:
    match action:
        case Output(port):
            yield Output(port % 5 + 1)
        case OutputBits(bits) if bits.low:
            yield OutputBits(replace(bits, low=bits.low - 1))
        case SetField(_, value, mask):
            for bit in _ONE_BIT:
                if mask >> bit & 1:
                    yield replace(action, value=value ^ 1 << bit)
        case Move(source, target) if source.width > 1:
            yield Move(replace(source, width=source.width - 1), replace(target, width=target.width - 1))
        case PushVlan(tpid):
            yield PushVlan(0x8100 ^ 0x88A8 ^ tpid)
        case PushMpls(kind):
            yield PushMpls(0x8847 ^ 0x8848 ^ kind)
        case PopMpls(_):
            yield PopMpls(0x86DD)
        case Goto(table):
            yield Goto(table + 1)
        case DecTtl():
            yield SetField("nw_ttl", 63, 0xFF)
        case DecMplsTtl() | PopVlan():
            yield DecTtl()
        case ToGroup(number):
            yield ToGroup(number + 1)


def _group_mutants(group: Group) -> Iterator[tuple[str, Group]]:
    for i, bucket in enumerate(group.buckets):
        before, after = group.buckets[:i], group.buckets[i + 1 :]
        yield "bucket left out", replace(group, buckets=(*before, *after))
        yield "bucket twice", replace(group, buckets=(*before, bucket, bucket, *after))
        for what, actions in _action_mutants(bucket.actions):
            yield f"bucket: {what}", replace(group, buckets=(*before, replace(bucket, actions=actions), *after))
