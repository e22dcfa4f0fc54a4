"""Packets that come back to a program's beginning: how an object does that, which a proof and a loader have to know.

The kernel has no way back but a tail call (``bpf_tail_call``). So such an object has two programs: the one that is
attached puts zeros into the only element of a per-CPU array and calls the other through an array of programs; the other
does a whole pass, and where the packet comes back it writes what goes along into that element and calls itself. Nothing
else runs on the same CPU in between. The kernel follows :data:`MAX_TAIL_CALLS` such calls; the first is the attached
program's own.
"""

from __future__ import annotations

from typing import Final

from .program import BpfObject, BpfProgram, MapDef

ARRAY: Final = "p4verify_passes"
"""The array of programs, with one element."""
CARRIED: Final = "p4verify_carried"
"""The per-CPU array with one element that holds what goes along."""
PASS: Final = "p4_pass"
"""The program that does a pass."""
AGAIN: Final = "in.again"
"""What the meaning of such an object calls whether the packet has come back (1 bit)."""
CARRIED_IN: Final = "in.carried"
"""... and what the pass before has left in the element, the first byte highest."""
CARRIED_OUT: Final = "carried"
"""... and, with a packet that comes back, what this pass leaves there."""
KEY_BYTES: Final = 4
MAX_TAIL_CALLS: Final = 33
"""MAX_TAIL_CALL_CNT in the kernel's include/linux/bpf.h: one more goes on behind the call."""
MOST_RETURNS: Final = MAX_TAIL_CALLS - 1
"""How often a packet comes back at most; then it is dropped."""


def array() -> MapDef:
    """The array of programs."""
    return MapDef(ARRAY, "prog_array", KEY_BYTES, 4, 1, programs={0: PASS})


def carried(size: int) -> MapDef:
    """The map for ``size`` bytes that go along."""
    return MapDef(CARRIED, "percpu_array", KEY_BYTES, (size + 7) // 8 * 8, 1)


def carried_by(obj: BpfObject, program: BpfProgram) -> MapDef | None:
    """The map with what goes along, if ``program`` calls another that does the passes; None for other objects."""
    kinds = {item.name: (item.type, item.key_size, item.max_entries) for item in obj.maps}
    if kinds.get(ARRAY) != ("prog_array", KEY_BYTES, 1) or kinds.get(CARRIED) != ("percpu_array", KEY_BYTES, 1):
        return None
    held = obj.map(ARRAY).programs
    called = held is not None and list(held) == [0] and any(p.name == held[0] for p in obj.programs)
    return obj.map(CARRIED) if called and held is not None and held[0] != program.name else None


__all__ = [
    "AGAIN", "ARRAY", "CARRIED", "CARRIED_IN", "CARRIED_OUT", "KEY_BYTES", "MAX_TAIL_CALLS", "MOST_RETURNS", "PASS",
    "array", "carried", "carried_by",
]  # fmt: skip
