"""Maps of CPUs in the kernel (kernel/bpf/cpumap.c): each CPU in one runs a program of ours that notes what gets there.

A frame that is sent to a CPU goes on there to the stack of the device that it came in by, as one does that was passed.
An entry of such a map may hold a program, which the CPU runs on the frames that it gets; ours notes which entry it is
of and sends the frame to a tap.
"""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import replace
from typing import Final

from ..artifact import MapDef
from .kernel import XDP_CPUMAP, KernelMap, KernelProgram
from .wrap import CPU, NOTES, taking_over

TYPE: Final = "cpumap"
_ENTRY: Final = struct.Struct("=Ii")
"""``struct bpf_cpumap_val``: how many frames may wait, and the descriptor of a program."""
_WAITING: Final = 64
"""Frames that may wait; of how many may no single frame tells anything."""


def load_cpus(
    item: MapDef, elements: Iterable[tuple[bytes, bytes]], notes: KernelMap, port: int, license: str, stack: ExitStack
) -> KernelMap:
    """A map of CPUs in the kernel with what is in it by ``elements``; closed with ``stack``.

    No program can read what an entry holds, so it may be larger than the object says, and hold other values.

    Args:
        item: the map.
        elements: (CPU's number, anything).
        notes: where the CPUs' programs write down which they are.
        port: where they send frames.
        license: the object's.
        stack: what closes everything.

    Raises:
        OSError: there is no such CPU.
        Refused: the kernel takes no such programs.
    """
    made = stack.enter_context(KernelMap(replace(item, value_size=_ENTRY.size)))
    for key, _ in elements:
        code = taking_over("xdp", port, CPU, int.from_bytes(key, sys.byteorder))
        program = KernelProgram("xdp", code, {NOTES: notes}, license, attach_type=XDP_CPUMAP)
        made[key] = _ENTRY.pack(_WAITING, stack.enter_context(program).fd)
    return made
