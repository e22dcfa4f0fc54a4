"""Control flow of a program: who follows whom, in which order to run so that paths meet, and which registers matter.

Works on slots. Calls of the program's own functions go on behind the call; the machine enters the function itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import networkx as nx

from ....semantics.source import Unsupported
from ..artifact.insn import (
    ALU,
    ALU64,
    CALL_LOCAL,
    JMP,
    JMP32,
    JMP_OPS,
    LD,
    LDX,
    LOAD_ACQUIRE,
    MODE_ATOMIC,
    PSEUDO_FUNC,
    ST,
    STX,
    Insn,
    X,
)
from ..artifact.program import BpfProgram

EXIT: Final = JMP_OPS["exit"] | JMP
CALL: Final = JMP_OPS["call"] | JMP
CALL_REGISTER: Final = JMP_OPS["call"] | JMP | X
"""Calls the helper whose number a register holds; clang writes it at -O0."""
JA: Final = JMP_OPS["ja"] | JMP
JA32: Final = JMP_OPS["ja"] | JMP32

TAIL_CALL: Final = 12

HELPER_ARGUMENTS: Final = {
    1: 2, 2: 4, 3: 2, 5: 0, 6: 5, 7: 0, 8: 0, 9: 5, 10: 5, 11: 5, 12: 3, 13: 3, 17: 1, 18: 3, 19: 1, 20: 4, 23: 2,
    24: 1, 25: 5, 26: 4, 28: 5, 31: 3, 32: 2, 34: 1, 39: 2, 40: 2, 41: 1, 42: 0, 43: 3, 44: 2, 46: 1, 47: 1, 48: 2,
    50: 4, 51: 3, 54: 2, 68: 5, 69: 4, 86: 1, 87: 3, 88: 2, 89: 2, 95: 1, 96: 1, 97: 1, 98: 1, 118: 0, 124: 3, 125: 0,
    130: 4, 131: 3, 132: 2, 133: 2, 134: 2, 135: 2, 160: 0, 181: 4, 188: 1, 189: 4, 190: 4, 204: 3, 205: 3, 206: 2,
    207: 2, 208: 0,
}  # fmt: skip
"""Helper's number → how many registers it reads; those left out read all five."""


def is_jump(insn: Insn) -> bool:
    """Whether this is a conditional or unconditional jump (no call, no exit)."""
    return insn.cls in (JMP, JMP32) and insn.opcode not in (EXIT, CALL, CALL_REGISTER)


def target(slot: int, insn: Insn) -> int:
    """The slot that a jump goes to."""
    return slot + 1 + (insn.imm if insn.opcode == JA32 else insn.off)


@dataclass(frozen=True, slots=True)
class Graph:
    """A program by slots."""

    insns: dict[int, Insn]
    order: dict[int, int]
    """Slot → rank: running the lowest rank first lets every path arrive before a place is run (loops apart)."""
    joins: frozenset[int]
    """Slots that more than one instruction leads to."""
    live: dict[int, frozenset[int]]
    """Slot → registers that some path from it reads before it writes them."""
    loops: dict[int, frozenset[int]]
    """Slot at which a loop is entered → the slots of the loop, those of functions that it calls left out."""


def analyse(program: BpfProgram, entries: tuple[int, ...] = (), *, self_calls: bool = True) -> Graph:
    """The graph of ``program``; tail calls lead to ``entries``; without ``self_calls`` to those behind them only.

    Raises Unsupported for a jump that leaves it or falls off its end.
    """
    insns = dict(zip(program.slots(), program.insns, strict=False))
    follows = {slot: list(_followers(program, insns, slot)) for slot in insns}
    for slot, insn in insns.items():
        if insn.opcode == CALL and insn.src == 0 and insn.imm == TAIL_CALL:
            follows[slot] += [entry for entry in entries if self_calls or entry > slot]
    for slot, after in follows.items():
        for other in after:
            if other not in insns:
                raise Unsupported(f"instruction {slot} leads to {other}, where there is none", program.place(slot))
    incoming: dict[int, int] = {}
    for after in follows.values():
        for other in after:
            incoming[other] = incoming.get(other, 0) + 1
    joins = frozenset(slot for slot, count in incoming.items() if count > 1)
    return Graph(insns, _ranks(follows), joins, _live(insns, follows, entries), _loops(follows))


def _loops(follows: dict[int, list[int]]) -> dict[int, frozenset[int]]:
    graph: nx.DiGraph = nx.DiGraph((a, c) for a, after in follows.items() for c in after)
    out: dict[int, frozenset[int]] = {}
    for component in nx.strongly_connected_components(graph):
        if len(component) == 1 and not any(graph.has_edge(slot, slot) for slot in component):
            continue
        members = frozenset(component)
        out |= {slot: members for slot in members if any(p not in members for p in graph.predecessors(slot))}
    return out


def _followers(program: BpfProgram, insns: dict[int, Insn], slot: int) -> Iterator[int]:
    insn = insns[slot]
    if insn.opcode == EXIT:
        return
    if is_jump(insn):
        yield target(slot, insn)
        if insn.opcode in (JA, JA32):
            return
    yield slot + insn.size


def _ranks(follows: dict[int, list[int]]) -> dict[int, int]:
    """Topological order of the strongly connected components; inside one, reverse postorder from its first slot."""
    graph: nx.DiGraph = nx.DiGraph()
    graph.add_nodes_from(follows)
    graph.add_edges_from((a, c) for a, after in follows.items() for c in after)
    condensed = nx.condensation(graph)
    ranks: dict[int, int] = {}
    for component in nx.lexicographical_topological_sort(condensed, key=lambda n: min(condensed.nodes[n]["members"])):
        members = condensed.nodes[component]["members"]
        inside = graph.subgraph(members)
        for slot in reversed(list(nx.dfs_postorder_nodes(inside, min(members)))):
            ranks[slot] = len(ranks)
    return ranks


def _live(insns: dict[int, Insn], follows: dict[int, list[int]], entries: tuple[int, ...]) -> dict[int, frozenset[int]]:
    """The registers that matter. What a function leaves in R0 does if a caller reads it: others return nothing."""
    calls = {slot: slot + 1 + insn.imm for slot, insn in insns.items() if is_local_call(insn)}
    callbacks = {slot + 1 + insn.imm for slot, insn in insns.items() if insn.wide and insn.src == PSEUDO_FUNC}
    ends = {entry: _ends(insns, follows, entry) for entry in {0, *entries, *callbacks, *calls.values()} & insns.keys()}
    silent = set(calls.values()) - {0, *entries} - callbacks
    while True:
        speaking = frozenset().union(*(found for entry, found in ends.items() if entry not in silent))
        nothing = frozenset().union(*(ends.get(entry, frozenset()) for entry in silent)) - speaking
        live = _liveness(insns, follows, nothing)
        asked = {entry for slot, entry in calls.items() if any(0 in live[after] for after in follows[slot])}
        if not silent & asked:
            return live
        silent -= asked


def _ends(insns: dict[int, Insn], follows: dict[int, list[int]], entry: int) -> frozenset[int]:
    """The exits that are reached from ``entry``, without those of functions that are called."""
    seen, pending = {entry}, [entry]
    while pending:
        fresh = [slot for slot in follows[pending.pop()] if slot not in seen]
        seen.update(fresh)
        pending += fresh
    return frozenset(slot for slot in seen if insns[slot].opcode == EXIT)


def _liveness(
    insns: dict[int, Insn], follows: dict[int, list[int]], nothing: frozenset[int]
) -> dict[int, frozenset[int]]:
    """Backward data flow to its least fixed point; the exits in ``nothing`` leave nothing in R0."""
    live: dict[int, frozenset[int]] = dict.fromkeys(insns, frozenset())
    leads: dict[int, list[int]] = {slot: [] for slot in insns}
    for slot, after in follows.items():
        for other in after:
            leads[other].append(slot)
    effects = {slot: (frozenset(r), frozenset(w)) for slot, insn in insns.items() for r, w in (touches(insn),)}
    effects |= dict.fromkeys(nothing, (frozenset(), frozenset()))
    pending = sorted(insns)
    queued = set(pending)
    while pending:
        slot = pending.pop()
        queued.discard(slot)
        behind: frozenset[int] = frozenset().union(*(live[o] for o in follows[slot]))
        reads, writes = effects[slot]
        now = reads | (behind - writes)
        if now != live[slot]:
            live[slot] = now
            fresh = [o for o in leads[slot] if o not in queued]
            pending += fresh
            queued.update(fresh)
    return live


def touches(insn: Insn) -> tuple[set[int], set[int]]:
    """Registers that an instruction reads, and that it overwrites whatever happens."""
    cls, register = insn.cls, bool(insn.opcode & X)
    if cls in (ALU, ALU64):
        name = insn.opcode & 0xF0
        reads = {insn.dst} if name != 0xB0 else set()
        if register and name != 0xD0:
            reads.add(insn.src)
        return reads, {insn.dst}
    if cls == LD:
        return (set(), {insn.dst}) if insn.wide else ({6, insn.src}, {0})
    if cls == LDX:
        return {insn.src}, {insn.dst}
    if cls == ST:
        return {insn.dst}, set()
    if cls == STX:
        atomic = insn.opcode & 0xE0 == MODE_ATOMIC
        if atomic and insn.imm == LOAD_ACQUIRE:
            return {insn.src}, {insn.dst}
        return {insn.dst, insn.src} | ({0} if atomic and insn.imm == 0xF1 else set()), set()
    if insn.opcode == EXIT:
        return {0}, set()
    if insn.opcode == CALL:
        count = HELPER_ARGUMENTS.get(insn.imm, 5) if insn.src == 0 else 5
        return set(range(1, count + 1)), {0, 1, 2, 3, 4, 5}
    if insn.opcode == CALL_REGISTER:
        return {insn.dst, 1, 2, 3, 4, 5}, {0, 1, 2, 3, 4, 5}
    if insn.opcode in (JA, JA32):
        return set(), set()
    return {insn.dst} | ({insn.src} if register else set()), set()


def is_local_call(insn: Insn) -> bool:
    """Whether this calls one of the program's own functions."""
    return insn.opcode == CALL and insn.src == CALL_LOCAL
