"""Perf buffers: what ``bpf_perf_event_output`` writes, read as user space would (perf_event_open(2)).

A record is padded to eight bytes, so how long it was asked to be is noted by a function in place of the helper.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from ..artifact import Assembler, Insn, MapDef, asm
from ..artifact.asm import R0, R1, R2, R3, R5, R6, R7, R8
from .kernel import KernelMap
from .spies import Spy

_SYSCALL: Final = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "s390x": 331, "ppc64le": 319}
_ATTRIBUTES: Final = struct.Struct("=IIQQQQQI84x")
"""``struct perf_event_attr`` up to ``wakeup_events``."""
_SOFTWARE, _BPF_OUTPUT, _SAMPLE_RAW = 1, 10, 1 << 10
_CLOSE_ON_EXEC: Final = 8
_PAGES: Final = 8
"""Pages of data of one buffer (a power of two)."""
_HEAD_AT: Final = 1024
"""Where ``data_head`` lies in ``struct perf_event_mmap_page``."""
_SAMPLE: Final = 9
_HELPER: Final = 25
_PACKET_AT, _PACKET_MASK = 32, 0xFFFFF
"""Where in the flags the number of the packet's bytes lies (BPF_F_CTXLEN_MASK)."""

MOST: Final = 16
"""Records that are noted (a power of two)."""
NOTED: Final = MapDef("p4verify_perf", "array", 4, 8 + 16 * MOST, 1)
"""How many records there were, then each one's flags and size."""

_libc = ctypes.CDLL(None, use_errno=True)


class PerfMap(KernelMap):
    """A perf event array with a buffer for each CPU. Raises OSError, also where nobody may have such buffers."""

    def __init__(self, item: MapDef) -> None:
        super().__init__(item)
        self._stack = ExitStack()
        try:
            self.noted = self._stack.enter_context(KernelMap(NOTED))
            self._buffers = [self._stack.enter_context(self._buffer(cpu)) for cpu in sorted(os.sched_getaffinity(0))]
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """See :meth:`KernelMap.close`."""
        if hasattr(self, "_stack"):
            self._stack.close()
        super().close()

    def _buffer(self, cpu: int) -> mmap.mmap:
        event = _opened(cpu)
        self._stack.callback(os.close, event)
        self[cpu.to_bytes(4, "little")] = event.to_bytes(4, "little")
        return mmap.mmap(event, (1 + _PAGES) * mmap.PAGESIZE)

    def written(self) -> list[tuple[int, bytes]]:
        """The records, oldest first: the lower half of the flags, and data with the bytes of the packet. None where
        more were written than are noted."""
        noted = self.noted[bytes(4)]
        count = int.from_bytes(noted[:8], "little")
        held = [record for buffer in self._buffers for record in _records(buffer)]
        if count > MOST or count != len(held):
            return []
        out = []
        for (flags, size), record in zip(struct.iter_unpack("=QQ", noted[8:]), held, strict=False):
            whole = size + (flags >> _PACKET_AT & _PACKET_MASK)
            out.append((flags & 0xFFFFFFFF, record[:whole]))
        return out


def watched(item: MapDef) -> PerfMap | None:
    """:class:`PerfMap`; None where this process may not have one."""
    try:
        return PerfMap(item)
    except OSError:
        return None


def _opened(cpu: int) -> int:
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"the number of perf_event_open(2) on {platform.machine()} is not known")
    attributes = _ATTRIBUTES.pack(_SOFTWARE, _ATTRIBUTES.size, _BPF_OUTPUT, 1, _SAMPLE_RAW, 0, 0, 1)
    held = ctypes.create_string_buffer(attributes, len(attributes))
    got = _libc.syscall(number, held, -1, cpu, -1, _CLOSE_ON_EXEC)
    if got < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"perf_event_open(2): {os.strerror(code)}")
    return int(got)


def _records(buffer: mmap.mmap) -> Iterator[bytes]:
    """The raw data of the samples in a buffer that nobody has read from, with what they are padded with."""
    head = int.from_bytes(buffer[_HEAD_AT : _HEAD_AT + 8], "little")
    data = buffer[mmap.PAGESIZE : mmap.PAGESIZE + min(head, _PAGES * mmap.PAGESIZE)]
    at = 0
    while at + 8 <= len(data):
        kind, _, size = struct.unpack_from("=IHH", data, at)
        if kind == _SAMPLE:
            (raw,) = struct.unpack_from("=I", data, at + 8)
            yield data[at + 12 : at + 12 + raw]
        at += max(8, size)


def spy() -> Spy:
    """A function in place of the helper, which notes flags and size of what it has written."""
    return Spy("perf_event_output", frozenset({_HELPER}), _noting())


def _noting() -> tuple[Insn, ...]:
    """``perf_event_output(ctx, map, flags, data, size)``."""
    out = Assembler()
    failed = out.label()
    out.emit(asm.mov(R6, R3), asm.mov(R7, R5), asm.call(_HELPER), asm.mov(R8, R0))
    out.jump("jne", R0, 0, failed)
    out.emit(
        asm.load_map_value(R1, NOTED.name, 0), asm.load(8, R2, R1), asm.mov(R3, R2), asm.alu("add", R3, 1),
        asm.store(8, R1, 0, R3), asm.alu("and", R2, MOST - 1), asm.alu("lsh", R2, 4), asm.alu("add", R1, R2),
        asm.store(8, R1, 8, R6), asm.store(8, R1, 16, R7),
    )  # fmt: skip
    out.place(failed)
    out.emit(asm.mov(R0, R8), asm.exit_())
    return out.finish()
