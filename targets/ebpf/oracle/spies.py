"""Functions that take the place of helpers in a program that is observed.

A call of a helper is one instruction, as is a call of a function of the program's own, and both leave r6 to r9 alone:
the functions are put behind the program, and all else of it stays as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ..artifact import Insn, asm, slots
from ..artifact.insn import called_helper


@dataclass(frozen=True)
class Spy:
    """A function, and the helpers (``enum bpf_func_id``) whose place it takes."""

    name: str
    helpers: frozenset[int]
    code: tuple[Insn, ...]


def spied(insns: Sequence[Insn], spies: Iterable[Spy]) -> tuple[Insn, ...]:
    """The program with those of ``spies`` behind it that it calls."""
    behind = dict(placed(insns, spies))
    if not behind:
        return tuple(insns)
    at = {helper: slot for spy, slot in behind.items() for helper in spy.helpers}
    called = [
        asm.call_local(at[insn.imm] - slot - 1) if called_helper(insn) in at else insn
        for slot, insn in zip(slots(insns), insns, strict=False)
    ]
    return (*called, *(insn for spy in behind for insn in spy.code))


def placed(insns: Sequence[Insn], spies: Iterable[Spy]) -> Iterator[tuple[Spy, int]]:
    """The spies that a program calls, each with the slot at which it begins behind it."""
    called = {called_helper(insn) for insn in insns}
    slot = slots(insns)[-1]
    for spy in spies:
        if spy.helpers & called:
            yield spy, slot
            slot += slots(spy.code)[-1]
