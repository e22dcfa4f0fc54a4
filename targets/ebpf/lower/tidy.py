"""Takes instructions out that nothing reaches, and jumps that go nowhere (the kernel refuses unreachable code)."""

from __future__ import annotations

from collections.abc import Sequence

from ..artifact import Assembler, Insn, slots
from ..artifact.insn import CALL_LOCAL, JMP, JMP32, JMP_OPS

_JA, _CALL, _EXIT = JMP_OPS["ja"], JMP_OPS["call"], JMP_OPS["exit"]


def tidy(insns: Sequence[Insn]) -> tuple[Insn, ...]:
    """The same program without dead code, jumps to jumps, and jumps to the next instruction.

    Raises:
        ValueError: the program calls local functions, or jumps into the middle of an instruction.
    """
    return _without_idle_jumps(_without_dead(list(insns)))


def _targets(insns: Sequence[Insn]) -> list[int | None]:
    """For each instruction the index of the one that it may jump to."""
    starts = slots(insns)
    index_of = {slot: index for index, slot in enumerate(starts)}
    out: list[int | None] = []
    for insn, slot in zip(insns, starts, strict=False):
        if insn.cls not in (JMP, JMP32) or insn.opcode & 0xF0 in (_CALL, _EXIT):
            if insn.cls == JMP and insn.opcode & 0xF0 == _CALL and insn.src == CALL_LOCAL:
                raise ValueError("local functions are not tidied")
            out.append(None)
            continue
        gap = insn.imm if insn.cls == JMP32 and insn.opcode & 0xF0 == _JA else insn.off
        if slot + 1 + gap not in index_of:
            raise ValueError(f"a jump into the middle of an instruction at {slot}")
        out.append(index_of[slot + 1 + gap])
    return out


def _is_ja(insn: Insn) -> bool:
    return insn.cls in (JMP, JMP32) and insn.opcode & 0xF0 == _JA


def _without_dead(insns: list[Insn]) -> list[tuple[Insn, int | None]]:
    """The reachable instructions, each with the position (in the result) that it jumps to; jumps to jumps are cut."""
    targets = _targets(insns)
    for index, target in enumerate(targets):
        seen = {index}
        while target is not None and _is_ja(insns[target]) and target not in seen:
            seen.add(target)
            target = targets[target]
        targets[index] = target
    reached: set[int] = set()
    todo = [0]
    while todo:
        index = todo.pop()
        if index in reached or index >= len(insns):
            continue
        reached.add(index)
        insn, target = insns[index], targets[index]
        if target is not None:
            todo.append(target)
        if not _is_ja(insn) and not (insn.cls == JMP and insn.opcode & 0xF0 == _EXIT):
            todo.append(index + 1)
    order = sorted(reached)
    place = {index: position for position, index in enumerate(order)}
    return [(insns[i], None if (t := targets[i]) is None else place[t]) for i in order]


def _without_idle_jumps(items: list[tuple[Insn, int | None]]) -> tuple[Insn, ...]:
    """Drop ``goto next`` until there is none, then put the distances in."""
    while True:
        idle = {i for i, (insn, target) in enumerate(items) if _is_ja(insn) and target == i + 1}
        if not idle:
            break
        place, kept = {}, 0
        for index in range(len(items) + 1):
            place[index] = kept
            kept += index not in idle
        items = [(insn, None if t is None else place[t]) for i, (insn, t) in enumerate(items) if i not in idle]
    code = Assembler()
    labels = {target: code.label() for _, target in items if target is not None}
    for index, (insn, target) in enumerate(items):
        if index in labels:
            code.place(labels[index])
        if target is None:
            code.emit(insn)
        else:
            code.branch(insn, labels[target])
    return code.finish()
