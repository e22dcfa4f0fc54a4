"""Helpers on queues and stacks in maps (kernel/bpf/queue_stack_maps.c).

What such a map holds is not followed. Each of a program's operations on it is told in its order, with what it puts in,
so that two programs which do the same leave the same behind; and since both then find the same, what the k-th operation
finds is ``in.ebpf.queue.MAP.k``. A program that takes out what it has just put in is not known to get that back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Event
from ..artifact.program import MapDef
from . import memory
from .helpers_maps import E2BIG, EINVAL, ENOENT, EXIST, map_argument, result
from .state import State

if TYPE_CHECKING:
    from .machine import Helper, Machine

QUEUES: Final = ("queue", "stack")
PUSH, PUSH_OUT, POP, PEEK = range(4)
"""What an event says: an element put in where there is room, or in any case; taken out; read."""


def _asked(machine: Machine, state: State, item: MapDef, operation: int, value: list[Term]) -> Term:
    """Tells of an operation; whether it finds what it needs."""
    told = b.concat(b.bv(operation, 8), *value)
    state.events = (*state.events, Event(b.TRUE, f"queue.{item.name}", (told,)))
    return machine.asked(state, f"queue.{item.name}", 0, f"what queue {item.name} holds")


def push(machine: Machine, state: State) -> list[State]:
    """``bpf_map_push_elem(map, value, flags)``: 0, or -E2BIG; with BPF_EXIST the oldest element makes room."""
    item = map_argument(machine, state, 1, *QUEUES).item
    flags = machine.number(state, machine.scalar(state, 3))
    value = memory.load_bytes(machine, state, machine.pointer(state, 2), item.value_size)
    if flags & ~EXIST:
        return result(state, -EINVAL)
    room = _asked(machine, state, item, PUSH_OUT if flags else PUSH, value)
    return result(state, 0 if flags else b.ite(room, b.bv(0, 64), b.bv(-E2BIG, 64)))


def _taking(operation: int) -> Helper:
    def helper(machine: Machine, state: State) -> list[State]:
        item = map_argument(machine, state, 1, *QUEUES).item
        to = machine.pointer(state, 2)
        number = state.counts.get(f"queue.{item.name}", 0)
        there = _asked(machine, state, item, operation, [b.bv(0, 8)] * item.value_size)
        held = [
            machine.given(f"queue.{item.name}.{number}[{i}]", 8, f"what queue {item.name} holds")
            for i in range(item.value_size)
        ]
        memory.store_bytes(machine, state, to, [b.ite(there, octet, b.bv(0, 8)) for octet in held])
        return result(state, b.ite(there, b.bv(0, 64), b.bv(-ENOENT, 64)))

    return helper


pop: Final = _taking(POP)
"""``bpf_map_pop_elem(map, value)``: 0, or -ENOENT and zeros."""
peek: Final = _taking(PEEK)
"""``bpf_map_peek_elem(map, value)``: the same, and the element stays."""

QUEUED: Final[dict[int, Helper]] = {87: push, 88: pop, 89: peek}
"""Helper's number (``enum bpf_func_id``) → what it does."""
