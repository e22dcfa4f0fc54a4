"""Packets for the programs of others: they follow ways through the parser as the source has it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from p4verify.semantics import ir
from tests.support.p4_random.packets import packet
from tests.support.p4_random.parsers import Key, StateInfo


class Packets:
    """Makes packets for one program."""

    def __init__(self, program: ir.Program) -> None:
        self.pool = constants(program)
        self.states = _states(program)

    def packet(self, rng: random.Random) -> bytes:
        """A packet that follows a way through the first parser, or just an Ethernet-like one."""
        if not self.states or rng.random() < 0.1:
            return rng.randbytes(12) + rng.choice([b"\x08\x00", b"\x81\x00", b"\x86\xdd"]) + rng.randbytes(60)
        return packet(rng, self.states, self.pool)


def walk(root: object) -> Iterator[Any]:
    """Every node in a value, spans and types apart."""
    todo = [root]
    while todo:
        item = todo.pop()
        if isinstance(item, tuple):
            todo.extend(item)
        elif is_dataclass(item):
            yield item
            todo.extend(getattr(item, f.name) for f in fields(item) if f.name not in ("span", "type", "annotations"))


def constants(program: ir.Program) -> list[int]:
    """Numbers that a program mentions."""
    found = {node.value for node in walk(program) if isinstance(node, ir.Const) and type(node.value) is int}
    return sorted(value for value in found if 0 <= value < 1 << 64)


def _states(program: ir.Program) -> dict[str, StateInfo]:
    """What is known of the states of the first parser of ``main``."""
    if program.main is None:
        return {}
    names = {p.name: p for p in program.parsers}
    found = [names[v] for _, v in program.package(program.main).args if isinstance(v, str) and v in names]
    parser = found[0] if found else next(iter(program.parsers), None)
    return {s.name: _state(s) for s in parser.states} if parser is not None else {}


def _state(state: ir.State) -> StateInfo:
    info = StateInfo(state.name)
    places: dict[ir.Expr, Key] = {}
    for call in _extracts(state):
        type_ = ir.bare(call.params[0].type)
        target = call.args[0]
        if not isinstance(type_, ir.HeaderType) or target is None:
            continue
        for part in type_.fields:
            width = ir.width_of(part.type)
            named = target
            if isinstance(target, ir.Member) and target.name == "next":
                named = ir.Member(target.base, "last", target.type)
            places[ir.Member(named, part.name, part.type)] = Key(info.bits, width)
            info.bits += width
    info.keys = [places.get(key) for key in state.transition.keys]
    for case in state.transition.cases:
        values = [_value(s) for s in case.sets] if len(case.sets) == len(info.keys) else [None] * len(info.keys)
        info.cases.append((values, case.state))
    return info


def _extracts(state: ir.State) -> Iterator[ir.ExternCall]:
    for node in walk(state.body):
        if isinstance(node, ir.ExternCall) and node.method == "extract":
            yield node


def _value(keyset: ir.KeySet) -> int | None:
    """A number in a set."""
    match keyset:
        case ir.ValueSet(ir.Const(value=int(value))) | ir.MaskSet(value=ir.Const(value=int(value))):
            return value
        case ir.RangeSet(high=ir.Const(value=int(value))):
            return value
    return None
