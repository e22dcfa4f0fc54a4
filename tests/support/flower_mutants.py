"""Mutants of flower filters: what a wrong agent, or a wrong lowering, could have made of them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace

from p4verify.targets.flower.artifact import ETH_IP, ETH_IP6, FIELDS, FilterList, FlowerFilter, Key, Match, Range
from p4verify.targets.tc.artifact.actions import (
    DROP,
    PASS,
    Action,
    Csum,
    Gact,
    Mirred,
    Mpls,
    Pedit,
    Vlan,
    goto_chain,
)

from .mutants import Mutant

_BITS = (0, 2, 9, 20)
_TYPES = {ETH_IP: ETH_IP6, ETH_IP6: ETH_IP, 0x8100: 0x88A8, 0x88A8: 0x8100}


def flower_mutants(original: FilterList) -> Iterator[Mutant]:
    """Keys, masks, protocols, ports, priorities, chains, actions, and what is left out."""
    filters = original.filters
    for i, item in enumerate(filters):
        where = f"filter {i} of chain {item.chain}"
        for what, changed in _filter_mutants(item):
            yield Mutant(what, where, replace(original, filters=(*filters[:i], changed, *filters[i + 1 :])))
        yield Mutant("filter left out", where, replace(original, filters=(*filters[:i], *filters[i + 1 :])))
    for i, (first, second) in enumerate(itertools.pairwise(filters)):
        if first.chain == second.chain and first.pref != second.pref:
            swapped = (replace(second, pref=first.pref), replace(first, pref=second.pref))
            changed_list = (*filters[:i], *swapped, *filters[i + 2 :])
            yield Mutant("priority", f"filters {i} and {i + 1}", replace(original, filters=changed_list))


def _filter_mutants(item: FlowerFilter) -> Iterator[tuple[str, FlowerFilter]]:
    yield from _legal(item, [(what, {"keys": keys}) for what, keys in _key_mutants(item.keys)])
    yield from _legal(item, [("protocol", {"protocol": _TYPES.get(item.protocol, ETH_IP)})])
    for what, actions in _action_mutants(item.actions):
        yield what, replace(item, actions=actions)
    if item.indev is not None:
        yield "ingress port", replace(item, indev=item.indev + 1)
        yield "ingress port", replace(item, indev=None)
    if item.chain:
        yield "chain", replace(item, chain=item.chain + 1)


def _legal(item: FlowerFilter, changes: list[tuple[str, dict[str, object]]]) -> Iterator[tuple[str, FlowerFilter]]:
    """Those that are filters at all: a key may need another one."""
    for what, changed in changes:
        try:
            yield what, replace(item, **changed)  # type: ignore[arg-type]
        except ValueError:
            continue


def _key_mutants(keys: tuple[Key, ...]) -> Iterator[tuple[str, tuple[Key, ...]]]:
    for i, key in enumerate(keys):
        before, after = keys[:i], keys[i + 1 :]
        yield "key left out", (*before, *after)
        if isinstance(key, Range):
            yield "range", (*before, replace(key, high=key.high - 1), *after)
            continue
        for bit in _BITS:
            if key.mask >> bit & 1:
                yield "value", (*before, replace(key, value=key.value ^ 1 << bit), *after)
        if FIELDS[key.field].masked:
            shorter = key.mask & (key.mask - 1)
            yield "mask", (*before, Match(key.field, key.value & shorter, shorter), *after)


def _action_mutants(actions: tuple[Action, ...]) -> Iterator[tuple[str, tuple[Action, ...]]]:
    for i, action in enumerate(actions):
        before, after = actions[:i], actions[i + 1 :]
        yield f"{action.kind} left out", (*before, *after)
        for changed in _changed(action):
            yield f"another {action.kind}", (*before, changed, *after)
    for i, (first, second) in enumerate(itertools.pairwise(actions)):
        if first != second and i + 2 < len(actions):
            yield "order of actions", (*actions[:i], second, first, *actions[i + 2 :])


def _changed(action: Action) -> Iterator[Action]:
    match action:
        case Gact(control) if control.kind == "goto chain":
            yield Gact(goto_chain(control.argument + 1))
            yield Gact(DROP)
        case Gact(control):
            yield Gact(PASS if control == DROP else DROP)
        case Mirred(port, redirect):
            yield replace(action, port=port % 5 + 1)
            if not redirect:
                yield replace(action, redirect=True)
        case Vlan("push", vid, priority, protocol):
            yield replace(action, vid=vid ^ 1)
            yield replace(action, priority=(priority or 0) ^ 4)
            yield replace(action, protocol=_TYPES[protocol])
        case Vlan("modify", vid):
            yield replace(action, vid=vid ^ 2)
        case Mpls("push" | "modify", _, label) if label is not None:
            yield replace(action, label=label ^ 1)
        case Mpls("pop"):
            yield replace(action, protocol=ETH_IP6)
        case Mpls("dec_ttl"):
            yield Mpls("modify", ttl=63)
        case Pedit():
            yield from _rewritten(action)
        case Csum():
            yield replace(action, parts=("icmp",))


def _rewritten(action: Pedit) -> Iterator[Action]:
    for i, key in enumerate(action.keys):
        others = (action.keys[:i], action.keys[i + 1 :])
        for bit in _BITS:
            if not key.mask >> bit & 1:
                yield replace(action, keys=(*others[0], replace(key, value=key.value ^ 1 << bit), *others[1]))
                break
        if key.header == "network":
            yield replace(action, keys=(*others[0], replace(key, offset=key.offset + 4), *others[1]))
        if key.add:
            yield replace(action, keys=(*others[0], replace(key, add=False), *others[1]))
