"""Systematic mutants of lowered artifacts: each differs from the original in one small way that a real bug could have.

A mutant need not behave differently; whether it does is for the machine to say. ``what`` names the mutation, so that
tables of results can be broken down by it.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Insn
from p4verify.targets.ebpf.artifact.insn import ALU, ALU64, JMP, JMP32, LDX, ST, STX
from p4verify.targets.u32.artifact import DROP, PASS, FilterList, Gact, Key, Mirred, U32Filter


@dataclass(frozen=True)
class Mutant:
    """A changed artifact, what kind of change it is, and where."""

    what: str
    where: str
    artifact: Any


def drawn(mutants: Iterable[Mutant], rng: random.Random) -> Iterator[Mutant]:
    """All of ``mutants``, no artifact twice, in a random order in which every kind has its turn."""
    kinds: dict[str, dict[Any, Mutant]] = {}
    for mutant in mutants:
        kinds.setdefault(mutant.what, {}).setdefault(_content(mutant.artifact), mutant)
    queues = []
    for _, alike in sorted(kinds.items()):
        queue = list(alike.values())
        rng.shuffle(queue)
        queues.append(queue)
    rng.shuffle(queues)
    for turn in itertools.zip_longest(*queues):
        yield from (mutant for mutant in turn if mutant is not None)


def _content(artifact: Any) -> object:
    """What tells mutants apart, hashable."""
    return tuple(p.insns for p in artifact.programs) if isinstance(artifact, BpfObject) else artifact


# --- u32 ----------------------------------------------------------------------------------------------------------


def u32_mutants(original: FilterList) -> Iterator[Mutant]:
    """Offsets, masks, values, byte order, actions, priorities, order, protocols, and what is left out."""
    filters = original.filters
    for i, item in enumerate(filters):
        for what, changed in _filter_mutants(item):
            yield Mutant(what, f"filter {i}", replace(original, filters=(*filters[:i], changed, *filters[i + 1 :])))
        yield Mutant("filter left out", f"filter {i}", replace(original, filters=(*filters[:i], *filters[i + 1 :])))
    for i, (first, second) in enumerate(itertools.pairwise(filters)):
        if first.pref != second.pref:
            swapped = (replace(second, pref=first.pref), replace(first, pref=second.pref))
            pair = replace(original, filters=(*filters[:i], *swapped, *filters[i + 2 :]))
            yield Mutant("priority", f"filters {i} and {i + 1}", pair)
        else:
            pair = replace(original, filters=(*filters[:i], second, first, *filters[i + 2 :]))
            yield Mutant("order", f"filters {i} and {i + 1}", pair)


def _filter_mutants(item: U32Filter) -> Iterator[tuple[str, U32Filter]]:
    if item.selector is None:
        return
    keys = item.selector.keys
    for k, key in enumerate(keys):
        for what, changed in _key_mutants(key):
            selector = replace(item.selector, keys=(*keys[:k], changed, *keys[k + 1 :]))
            yield what, replace(item, selector=selector)
        yield "key left out", replace(item, selector=replace(item.selector, keys=(*keys[:k], *keys[k + 1 :])))
    for what, actions in _action_mutants(item):
        yield what, replace(item, actions=actions)
    if item.protocol in (0x0800, 0x86DD):
        yield "protocol", replace(item, protocol=0x0800 ^ 0x86DD ^ item.protocol)


def _key_mutants(key: Key) -> Iterator[tuple[str, Key]]:
    for bit in (0, 7, 15, 24):
        if key.mask >> bit & 1:
            yield "value", replace(key, value=key.value ^ (1 << bit))
        yield "mask", _masked(replace(key, mask=key.mask ^ (1 << bit)))
    for step in (-4, 4, 1):
        yield "offset", replace(key, offset=key.offset + step)
    swapped = int.from_bytes(key.value.to_bytes(4, "big"), "little")
    mask = int.from_bytes(key.mask.to_bytes(4, "big"), "little")
    if (swapped, mask) != (key.value, key.mask):
        yield "byte order", replace(key, value=swapped, mask=mask)


def _masked(key: Key) -> Key:
    return replace(key, value=key.value & key.mask)


def _action_mutants(item: U32Filter) -> Iterator[tuple[str, tuple[Any, ...]]]:
    for a, action in enumerate(item.actions):
        before, after = item.actions[:a], item.actions[a + 1 :]
        if isinstance(action, Gact):
            yield "action", (*before, Gact(DROP if action.control == PASS else PASS), *after)
        elif isinstance(action, Mirred):
            yield "action", (*before, replace(action, port=action.port + 1), *after)
            yield "action", (*before, Gact(DROP), *after)


# --- eBPF ---------------------------------------------------------------------------------------------------------

_OTHER_JUMP = {0x10: 0x50, 0x50: 0x10, 0x20: 0x30, 0x30: 0x20, 0xA0: 0xB0, 0xB0: 0xA0, 0x60: 0x70, 0x70: 0x60,
               0xC0: 0xD0, 0xD0: 0xC0, 0x40: 0x50}  # fmt: skip
_OTHER_ALU = {0x00: 0x10, 0x10: 0x00, 0x40: 0x50, 0x50: 0x40, 0x60: 0x70, 0x70: 0x60, 0xA0: 0x40}
_CALL, _EXIT, _JA, _END, _MOV, _NEG = 0x80, 0x90, 0x00, 0xD0, 0xB0, 0x80
_LOOKUP, _FRAME = 1, 10
_REGISTER_SOURCE = 0x08


def ebpf_mutants(original: BpfObject) -> Iterator[Mutant]:
    """Of each program: jumps, constants, offsets, sizes, byte order, operators, map references, what is left out."""
    maps = [m.name for m in original.maps]
    for p, program in enumerate(original.programs):
        of = f"program {program.name}, " if len(original.programs) > 1 else ""
        key_stores = _key_stores(original, program)
        for i, insn in enumerate(program.insns):
            for what, changed in _insn_mutants(insn, maps):
                if i in key_stores:
                    what = f"map key: {what}"
                mutated = replace(program, insns=(*program.insns[:i], changed, *program.insns[i + 1 :]))
                programs = (*original.programs[:p], mutated, *original.programs[p + 1 :])
                yield Mutant(what, f"{of}instruction {i}", replace(original, programs=programs))


def _key_stores(original: BpfObject, program: BpfProgram) -> set[int]:
    """The places of stores to the stack into bytes that the next look-up takes for its key.

    Looks for ``r1 = map; r2 = r10; r2 += at; call bpf_map_lookup_elem``, as our lowering writes it.
    """
    insns = program.insns
    found: set[int] = set()
    for i in range(3, len(insns)):
        of_map, _, at, call = insns[i - 3 : i + 1]
        if (call.opcode, call.src, call.imm) != (JMP | _CALL, 0, _LOOKUP) or of_map.map is None:
            continue
        begin, end = at.imm, at.imm + original.map(of_map.map).key_size
        for j in range(i - 4, -1, -1):
            insn = insns[j]
            if insn.opcode == JMP | _CALL:
                break
            if insn.cls in (ST, STX) and insn.dst == _FRAME and begin <= insn.off < end:
                found.add(j)
    return found


def _insn_mutants(insn: Insn, maps: Sequence[str]) -> Iterator[tuple[str, Insn]]:
    if insn.wide:
        if insn.map is not None:
            yield from (("map", replace(insn, map=name)) for name in maps if name != insn.map)
        else:
            yield "constant", replace(insn, imm=insn.imm ^ 1)
    elif insn.cls in (JMP, JMP32):
        yield from _jump_mutants(insn)
    elif insn.cls in (ALU, ALU64):
        yield from _alu_mutants(insn)
    elif insn.cls in (LDX, ST, STX):
        yield from _memory_mutants(insn)


def _jump_mutants(insn: Insn) -> Iterator[tuple[str, Insn]]:
    op = insn.opcode & 0xF0
    if op in (_CALL, _EXIT):
        return
    for step in (-1, 1):
        if insn.off + step != -1:  # no endless loop
            yield "jump", replace(insn, off=insn.off + step)
    if op in _OTHER_JUMP:
        yield "condition", replace(insn, opcode=insn.opcode & 0x0F | _OTHER_JUMP[op])
        if not insn.opcode & _REGISTER_SOURCE:
            yield "constant", replace(insn, imm=insn.imm ^ 1)
        else:
            yield from _other_registers(insn)


def _alu_mutants(insn: Insn) -> Iterator[tuple[str, Insn]]:
    op = insn.opcode & 0xF0
    if op == _END:
        yield "byte order", replace(insn, opcode=insn.opcode ^ 0x08)
        yield "byte order", replace(insn, imm={16: 32, 32: 16, 64: 32}[insn.imm])
        return
    if op in _OTHER_ALU:
        yield "operator", replace(insn, opcode=insn.opcode & 0x0F | _OTHER_ALU[op])
    if insn.opcode & _REGISTER_SOURCE:
        yield from _other_registers(insn)
    elif op == _MOV and insn.dst == 0:
        for bit in (1, 2):
            yield "action", replace(insn, imm=insn.imm ^ bit)
    elif op != _NEG:
        for bit in (1, 8):
            yield "constant", replace(insn, imm=insn.imm ^ bit)
    if insn.dst != 0:
        yield "left out", Insn(JMP | _JA)


def _other_registers(insn: Insn) -> Iterator[tuple[str, Insn]]:
    for src in (insn.src - 1, insn.src + 1):
        if 0 <= src < _FRAME:
            yield "register", replace(insn, src=src)


def _memory_mutants(insn: Insn) -> Iterator[tuple[str, Insn]]:
    for step in (-1, 1):
        yield "offset", replace(insn, off=insn.off + step)
    other = {0x00: 0x08, 0x08: 0x10, 0x10: 0x08, 0x18: 0x00}[insn.opcode & 0x18]
    yield "size", replace(insn, opcode=insn.opcode & ~0x18 | other)
    if insn.cls == ST:
        yield "constant", replace(insn, imm=insn.imm ^ 1)
    if insn.cls == STX:
        yield from _other_registers(insn)
    if insn.cls in (ST, STX):
        yield "left out", Insn(JMP | _JA)
