"""bpf(2) by ctypes: maps, programs with the verifier's log, and BPF_PROG_TEST_RUN.

Attribute layouts are those of ``union bpf_attr`` in the kernel's uapi bpf.h.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import platform
import struct
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ...base import Closing
from ..artifact import MAP_TYPES, Insn, MapDef, encode
from ..artifact.loading import FUNCTION_RECORD, LINE_RECORD, Described

_MAP_DELETE, _MAP_NEXT_KEY = 3, 4
_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _PROG_LOAD, _PROG_TEST_RUN, _MAP_FREEZE, _LINK_CREATE = 0, 1, 2, 5, 10, 22, 28
_OBJ_PIN, _PROG_BY_ID, _OBJECT_INFO, _BTF_LOAD = 6, 13, 15, 18
_INFO_SIZE, _NAME_AT = 80, 64  # struct bpf_prog_info up to the name
_SYSCALL: Final = {"x86_64": 321, "aarch64": 280, "riscv64": 280, "s390x": 351, "ppc64le": 361}
PROGRAM_TYPES: Final = {"tc": 3, "xdp": 6}
"""Hook → BPF_PROG_TYPE_*."""
TCX_INGRESS: Final = 46
XDP_CPUMAP: Final = 35
"""BPF_XDP_CPUMAP: of programs that CPUs in a map run."""
_LOG_SIZE: Final = 1 << 20
_ROOM: Final = 512
"""Bytes that a program may add to the packet."""
_ARRAYS: Final = ("array", "percpu_array")
_PER_CPU: Final = ("percpu_array", "percpu_hash", "lru_percpu_hash")
_WITHOUT_KEYS: Final = ("ringbuf", "perf_event_array")
_RING_BUSY: Final = 1 << 31
_RING_DISCARDED: Final = 1 << 30
_RING_HEAD: Final = 8

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """The kernel's verifier does not take a program; the text ends with what its log ends with."""

    def __init__(self, code: int, log: str) -> None:
        super().__init__(f"{errno.errorcode.get(code, code)}: {log.strip()[-2000:]}")
        self.code, self.log = code, log


def bpf(command: int, attributes: bytes) -> tuple[int, bytes]:
    """The system call: ``(its result, the attributes as the kernel left them)``. Raises OSError."""
    number = _SYSCALL.get(platform.machine())
    if number is None:
        raise OSError(errno.ENOSYS, f"the number of bpf(2) on {platform.machine()} is not known")
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    got = _libc.syscall(number, command, buffer, len(attributes))
    if got < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"bpf({command}): {os.strerror(code)}")
    return got, buffer.raw


def _buffer(content: bytes | int) -> ctypes.Array[ctypes.c_char]:
    if isinstance(content, int):
        return ctypes.create_string_buffer(max(1, content))
    return ctypes.create_string_buffer(content, max(1, len(content)))


class Descriptor(Closing):
    """A file descriptor that is closed with its owner."""

    fd: int = -1

    def __init__(self, fd: int) -> None:
        self.fd = fd

    def close(self) -> None:
        """Give it back (again: nothing)."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1


class KernelTypes(Descriptor):
    """BTF that the kernel has taken, and what it describes. Raises OSError."""

    def __init__(self, described: Described) -> None:
        self.described = described
        held = _buffer(described.types)
        size = len(described.types)
        super().__init__(bpf(_BTF_LOAD, struct.pack("=QQIII4x", ctypes.addressof(held), 0, size, 0, 0))[0])


class KernelMap(Descriptor):
    """A map in the kernel; keys and values are bytes. Of a per-CPU map all CPUs' values are written alike, and the sum
    of changes is not formed: reading gives the first CPU's. ``inner``: of a map of maps, one like those in it."""

    def __init__(self, item: MapDef, types: KernelTypes | None = None, inner: KernelMap | None = None) -> None:
        self.item = item
        kind, flags = MAP_TYPES[item.type], item.flags
        entries = item.max_entries or (_possible_cpus() if item.type == "perf_event_array" else 0)  # as libbpf does
        attributes = struct.pack("=5I", kind, item.key_size, item.value_size, entries, flags)
        told = types.described.maps.get(item.name) if types is not None else None
        if types is None or told is None:
            attributes += struct.pack("=I48x", 0 if inner is None else inner.fd)
        else:
            attributes += struct.pack("=8x15sx4xIII12x", item.name.encode(), types.fd, *told)
        super().__init__(bpf(_MAP_CREATE, attributes)[0])
        if item.data is not None:
            self[bytes(item.key_size)] = item.data
        self._slot = (item.value_size + 7) & ~7
        self._cpus = _possible_cpus() if item.type in _PER_CPU else 0

    def freeze(self) -> None:
        """No more writes from outside (constant data, so that the verifier may look at it)."""
        bpf(_MAP_FREEZE, struct.pack("=I", self.fd))

    def _element(self, command: int, key: bytes, value: ctypes.Array[ctypes.c_char]) -> None:
        if len(key) != self.item.key_size:
            raise ValueError(f"map {self.item.name}: a key of {len(key)} bytes, not {self.item.key_size}")
        held = _buffer(key)
        bpf(command, struct.pack("=IIQQQ", self.fd, 0, ctypes.addressof(held), ctypes.addressof(value), 0))

    def __getitem__(self, key: bytes) -> bytes:
        return self.values_of(key)[0]

    def values_of(self, key: bytes) -> list[bytes]:
        """The values of all CPUs; of a map that is not per CPU the one. Raises KeyError, OSError."""
        value = _buffer(self._slot * self._cpus if self._cpus else self.item.value_size)
        try:
            self._element(_MAP_LOOKUP, key, value)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise KeyError(key) from None
            raise
        return [value.raw[self._slot * i :][: self.item.value_size] for i in range(max(1, self._cpus))]

    def __setitem__(self, key: bytes, value: bytes) -> None:
        if len(value) != self.item.value_size:
            raise ValueError(f"map {self.item.name}: a value of {len(value)} bytes, not {self.item.value_size}")
        per_cpu = getattr(self, "_cpus", 0)
        content = value.ljust(self._slot, b"\0") * per_cpu if per_cpu else value
        self._element(_MAP_UPDATE, key, _buffer(content))

    def __delitem__(self, key: bytes) -> None:
        """Raises OSError."""
        held = _buffer(key)
        bpf(_MAP_DELETE, struct.pack("=IIQQQ", self.fd, 0, ctypes.addressof(held), 0, 0))

    def records(self) -> list[bytes]:
        """What lies in a ring buffer, oldest first; it stays there (kernel/bpf/ringbuf.c: a page with how far it was
        read, one with how far it is written, then the data twice, so that records never seem cut)."""
        page, size = mmap.PAGESIZE, self.item.max_entries
        with mmap.mmap(self.fd, page, prot=mmap.PROT_READ) as consumer:
            at = int.from_bytes(consumer[:8], sys.byteorder)
        out: list[bytes] = []
        with mmap.mmap(self.fd, page + 2 * size, prot=mmap.PROT_READ, offset=page) as ring:
            end = int.from_bytes(ring[:8], sys.byteorder)
            while at < end:
                start = page + at % size
                head = int.from_bytes(ring[start : start + 4], sys.byteorder)
                length = head & ~(_RING_BUSY | _RING_DISCARDED)
                if not head & (_RING_BUSY | _RING_DISCARDED):
                    out.append(ring[start + _RING_HEAD : start + _RING_HEAD + length])
                at += (_RING_HEAD + length + 7) & ~7
        return out

    def keys(self) -> list[bytes]:
        """The keys that are there."""
        if self.item.type in _WITHOUT_KEYS:
            return []
        out: list[bytes] = []
        before, key, address = _buffer(0), _buffer(self.item.key_size), 0
        while True:
            try:
                bpf(_MAP_NEXT_KEY, struct.pack("=IIQQQ", self.fd, 0, address, ctypes.addressof(key), 0))
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return out
                raise
            out.append(key.raw[: self.item.key_size])
            before = _buffer(out[-1])
            address = ctypes.addressof(before)

    def refill(self, elements: Iterable[tuple[bytes, bytes]]) -> None:
        """Hold ``elements`` and nothing else (of an array: zeros elsewhere; of global data: what it starts with)."""
        if self.item.data is not None:
            self[bytes(self.item.key_size)] = self.item.data
            return
        wanted = dict(elements)
        if self.item.type in _ARRAYS:
            empty = bytes(self.item.value_size)
            wanted = {i.to_bytes(4, "little"): empty for i in range(self.item.max_entries)} | wanted
        else:
            for key in self.keys():
                del self[key]
        for key, value in wanted.items():
            self[key] = value


def _possible_cpus() -> int:
    with open("/sys/devices/system/cpu/possible") as file:
        return max(int(part.split("-")[-1]) for part in file.read().strip().split(",")) + 1


@dataclass(frozen=True)
class TestRun:
    """What BPF_PROG_TEST_RUN gave: the program's result (unsigned 32 bits), the packet, the context, and its time."""

    __test__ = False

    result: int
    packet: bytes
    context: bytes
    nanoseconds: int


class KernelProgram(Descriptor):
    """A program that the kernel has taken. Raises :class:`Refused` with the verifier's log."""

    def __init__(
        self,
        hook: str,
        insns: Sequence[Insn],
        maps: Mapping[str, KernelMap] | None = None,
        license: str = "GPL",
        name: str = "",
        types: KernelTypes | None = None,
        attach_type: int = 0,
    ) -> None:
        try:
            code = encode(insns, {name: item.fd for name, item in (maps or {}).items()})
        except ValueError as error:
            raise Refused(errno.EINVAL, str(error)) from None
        held, said = _buffer(code), _buffer(license.encode() + b"\0")
        log = _buffer(_LOG_SIZE)
        functions, lines = (types.described.functions, types.described.lines) if types is not None else (b"", b"")
        records = _buffer(functions), _buffer(lines)
        head = (PROGRAM_TYPES[hook], len(code) // 8, ctypes.addressof(held), ctypes.addressof(said))
        tail = struct.pack(
            "=16s4xIIIQIIQI4x",
            *(name.encode(), attach_type, types.fd if types is not None else 0),
            *(FUNCTION_RECORD.size if functions else 0, ctypes.addressof(records[0]) if functions else 0),
            *(len(functions) // FUNCTION_RECORD.size, LINE_RECORD.size if lines else 0),
            *(ctypes.addressof(records[1]) if lines else 0, len(lines) // LINE_RECORD.size),
        )
        try:
            super().__init__(bpf(_PROG_LOAD, struct.pack("=IIQQ24x", *head) + tail)[0])
        except OSError:
            logged = struct.pack("=IIQ8x", 1, _LOG_SIZE, ctypes.addressof(log))
            try:
                super().__init__(bpf(_PROG_LOAD, struct.pack("=IIQQ", *head) + logged + tail)[0])  # says why
            except OSError as error:
                raise Refused(error.errno or 0, log.value.decode(errors="replace")) from None

    def test_run(self, packet: bytes, context: bytes = b"", context_size: int = 0) -> TestRun:
        """Run once on ``packet``; ``context`` goes in, ``context_size`` bytes of it come out. Raises OSError."""
        data_in, data_out = _buffer(packet), _buffer(len(packet) + _ROOM)
        context_in, context_out = _buffer(context), _buffer(context_size)
        attributes = struct.pack(
            "=IIIIQQIIIIQQIIII",
            *(self.fd, 0, len(packet), len(packet) + _ROOM, ctypes.addressof(data_in), ctypes.addressof(data_out)),
            *(1, 0, len(context), context_size),
            *(ctypes.addressof(context_in) if context else 0, ctypes.addressof(context_out) if context_size else 0),
            *(0, 0, 0, 0),
        )
        left = struct.unpack_from("=IIIIQQIIII", bpf(_PROG_TEST_RUN, attributes)[1])
        after = context_out.raw[: left[9]] if context_size else b""
        return TestRun(left[1], data_out.raw[: left[3]], after, left[7])


class Link(Descriptor):
    """An attachment that lasts as long as its descriptor (tcx)."""

    def __init__(self, program: KernelProgram, ifindex: int, attach_type: int = TCX_INGRESS) -> None:
        super().__init__(bpf(_LINK_CREATE, struct.pack("=IIII", program.fd, ifindex, attach_type, 0) + bytes(32))[0])


def pin(held: KernelMap, path: str) -> None:
    """A file in a BPF file system that keeps a map open. Raises OSError."""
    name = _buffer(os.fsencode(path) + b"\0")
    bpf(_OBJ_PIN, struct.pack("=QII", ctypes.addressof(name), held.fd, 0))


def program_name(number: int) -> str:
    """The name of the loaded program with this id ("" for none). Raises OSError."""
    fd = bpf(_PROG_BY_ID, struct.pack("=III", number, 0, 0))[0]
    try:
        info = ctypes.create_string_buffer(_INFO_SIZE)
        bpf(_OBJECT_INFO, struct.pack("=IIQ", fd, _INFO_SIZE, ctypes.addressof(info)))
        return info.raw[_NAME_AT : _NAME_AT + 16].rstrip(b"\0").decode(errors="replace")
    finally:
        os.close(fd)


def unusable() -> str | None:
    """Why this process cannot load programs; None if it can."""
    try:
        from ..artifact import asm

        KernelProgram("xdp", (asm.mov(asm.R0, 0), asm.exit_())).close()
    except (OSError, Refused) as error:
        return f"eBPF programs cannot be loaded here: {error}"
    return None
