"""Tail calls (``bpf_tail_call``, kernel/bpf/core.c): through program arrays whose contents the object gives, or, where
two objects are compared, to programs that somebody else puts there."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ....semantics import bits as b
from ....semantics.bits import Term
from ....semantics.meaning.behaviour import Event, Output
from ..artifact.insn import slots
from ..artifact.passes import MAX_TAIL_CALLS
from ..artifact.program import BpfObject, BpfProgram
from .alu import swap
from .graph import EXIT, JA, JA32, target
from .helpers_maps import entries
from .state import State
from .values import Address

if TYPE_CHECKING:
    from .machine import Machine

_COUNT: Final = "tail calls"
HANDED_OVER: Final = ("mark", "priority", "tc_index", "tc_classid", "cb")
"""Fields of the context that a program leaves to the next one, as it finds them: those of the event."""


def call(machine: Machine, state: State) -> list[State]:
    """One state in each program that the index can name, and one behind the call where it names none, or where the
    kernel follows no more of them. Functions may make them too: the program takes the place of the function alone, and
    its result is what the function's caller gets (``tail_call_reachable`` in arch/x86/net/bpf_jit_comp.c); the count is
    one for the whole chain."""
    context, array = machine.pointer(state, 1), machine.pointer(state, 2)
    if context.kind != "ctx" or context.offset or context.moved is not None:
        raise machine.unsupported(state, "r1 is not the context")
    if array.kind != "map" or array.key is not None or machine.maps[array.name].type != "prog_array":
        raise machine.unsupported(state, "r2 is no array of programs")
    item = machine.maps[array.name]
    if item.programs is None and not machine.open_ended:
        raise machine.unsupported(state, f"a tail call into map {item.name}, whose programs the object does not name")
    if item.programs and not item.max_entries:
        raise machine.unsupported(state, f"map {item.name} holds programs, and its loader says how many")
    index = b.extract(machine.scalar(state, 3), 31, 0)
    out: list[State] = []
    rest: State | None = state
    if state.counts.get(_COUNT, 0) >= MAX_TAIL_CALLS:
        pass
    elif item.programs is None:
        key = swap(index)
        there = b.and_(b.ult(index, entries(machine, item)), b.apply(f"map.{item.name}.found", b.BOOL, key))
        taken, rest = machine.fork(state, there)
        if taken is not None:
            out.append(_handed_over(machine, taken, item.name, key))
    else:
        for number, name in sorted(item.programs.items()):
            if rest is None or number >= item.max_entries:
                break
            taken, rest = machine.fork(rest, b.eq(index, b.bv(number, 32)))
            if taken is not None:
                out.append(_entered(machine, taken, name))
    if rest is not None:
        rest.regs[0:6] = [None] * 6
        rest.slot += 1
        out.append(rest)
    return out


def _entered(machine: Machine, state: State, name: str) -> State:
    """At the start of the program, in place of the function that called; or at the end of a pass."""
    if name not in machine.entries:
        raise machine.unsupported(state, f"a tail call to {name}, which is no program of this kind in the object")
    if machine.passes is not None and machine.passes.comes_back(machine, state, name):
        return machine.passes.ended(state)
    depth = len(state.frames)
    state.counts[_COUNT] = state.counts.get(_COUNT, 0) + 1
    state.memory.pop(f"stack {depth}", None)
    state.regs = [None, Address("ctx"), *[None] * 8, Address("stack", 0, f"stack {depth}")]
    state.slot = machine.entries[name]
    return state


def _handed_over(machine: Machine, state: State, name: str, key: Term) -> State:
    """At the end, where a program that nobody knows goes on: it finds the packet, what the kernel keeps beside it (the
    event ``program.MAP`` has :data:`HANDED_OVER`, ``program.MAP.beside`` the rest), and the maps as they are now.

    From within functions only where nothing is left to be done but to return: what the program returns is then what
    the hook gets, as from a tail call of the program at the hook itself.
    """
    if state.layout.front or not _only_returns(machine, state):
        front = bool(state.layout.front)
        what = (
            "with bytes in front of the packet that were cut off" if front else "from a function that is come back from"
        )
        raise machine.unsupported(state, f"a tail call to a program that is not known, {what}")
    program = b.apply(f"map.{name}.value", b.bit_vector(32), key)
    tag = state.vlan
    left = tuple(state.fields[field] for field in HANDED_OVER if field in state.fields)
    beside = [term for field, term in sorted(state.fields.items()) if field not in HANDED_OVER]
    beside += [b.bv(0, 33)] if tag is None else [b.bv(1, 1), tag.protocol, tag.tci]
    state.sent = (*state.sent, Output(b.TRUE, "program", program, state.layout.packet))
    told = (Event(b.TRUE, f"program.{name}", left), Event(b.TRUE, f"program.{name}.beside", (b.concat(*beside),)))
    state.events = (*state.events, *told)
    for depth in range(len(state.frames) + 1):
        state.memory.pop(f"stack {depth}", None)
    state.frames = ()
    nothing_sent = 2 if machine.host.legacy_loads else 1  # TC_ACT_SHOT, XDP_DROP
    state.regs = [b.bv(nothing_sent, 64), *[None] * 10]
    state.slot = -1
    return state


def _only_returns(machine: Machine, state: State) -> bool:
    """Whether all functions on the way return as soon as they are come back to, with the result that they got."""
    for frame in state.frames:
        slot, seen = frame.slot, set[int]()
        while slot not in seen and machine.graph.insns[slot].opcode in (JA, JA32):
            seen.add(slot)
            slot = target(slot, machine.graph.insns[slot])
        if machine.graph.insns[slot].opcode != EXIT:
            return False
    return True


def with_tail_calls(obj: BpfObject, program: BpfProgram) -> tuple[BpfProgram, dict[str, int]]:
    """``program`` with the code of every program behind it that tail calls can lead to, and where each starts."""
    arrays = {item.name: item.programs for item in obj.maps if item.programs}
    entries: dict[str, int] = {}
    waiting = [program]
    linked = program
    while waiting:
        part = waiting.pop()
        for name in sorted({n for insn in part.insns if insn.map in arrays for n in arrays[insn.map].values()}):
            found = [p for p in obj.programs if p.name == name and p.hook == program.hook]
            if name not in entries and found:
                entries[name] = slots(linked.insns)[-1]
                linked = _behind(linked, found[0], entries[name])
                waiting.append(found[0])
    return linked, entries


def _behind(program: BpfProgram, other: BpfProgram, at: int) -> BpfProgram:
    functions = tuple(replace(f, slot=f.slot + at) for f in other.functions)
    lines = tuple(replace(line, slot=line.slot + at) for line in other.lines)
    return replace(
        program,
        insns=program.insns + other.insns,
        functions=program.functions + functions,
        lines=program.lines + lines,
    )
