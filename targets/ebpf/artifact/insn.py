"""eBPF instructions as data, and their encoding in 8-byte slots (RFC 9669, sections 3 to 5; host order: little-endian).

An :class:`Insn` is one instruction. The only wide one, ``LD_IMM64``, is one item that fills two slots; jumps and calls
count in slots, as encoded, so an instruction's *slot* and its position in a tuple differ behind a wide one
(:func:`slots` maps between them).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from ....semantics.source import Span

SLOT: Final = 8
"""Bytes of a slot."""

# Instruction classes (RFC 9669, table 3): the low three bits of the opcode.
LD, LDX, ST, STX, ALU, JMP, JMP32, ALU64 = range(8)

# The source bit of arithmetic and jumps (table 4): immediate or register.
K, X = 0x00, 0x08

ALU_OPS: Final = {
    "add": 0x00, "sub": 0x10, "mul": 0x20, "div": 0x30, "or": 0x40, "and": 0x50, "lsh": 0x60, "rsh": 0x70,
    "neg": 0x80, "mod": 0x90, "xor": 0xA0, "mov": 0xB0, "arsh": 0xC0, "end": 0xD0,
}  # fmt: skip
"""Arithmetic operations (RFC 9669, table 5). ``div`` and ``mod`` with ``off == 1`` are signed; ``mov`` with ``off`` 8,
16 or 32 sign-extends."""

JMP_OPS: Final = {
    "ja": 0x00, "jeq": 0x10, "jgt": 0x20, "jge": 0x30, "jset": 0x40, "jne": 0x50, "jsgt": 0x60, "jsge": 0x70,
    "call": 0x80, "exit": 0x90, "jlt": 0xA0, "jle": 0xB0, "jslt": 0xC0, "jsle": 0xD0,
}  # fmt: skip
"""Jumps (RFC 9669, table 8)."""

SIZES: Final = {"w": 0x00, "h": 0x08, "b": 0x10, "dw": 0x18}
"""Size modifiers of loads and stores (RFC 9669, table 10)."""

SIZE_BYTES: Final = {0x00: 4, 0x08: 2, 0x10: 1, 0x18: 8}
"""Size modifier → bytes."""

MODE_IMM, MODE_ABS, MODE_IND, MODE_MEM, MODE_MEMSX, MODE_ATOMIC = 0x00, 0x20, 0x40, 0x60, 0x80, 0xC0
"""Mode modifiers (RFC 9669, table 9)."""

LD_IMM64: Final = LD | MODE_IMM | 0x18
"""The opcode of the wide instruction."""

# What the source register of LD_IMM64 says about its immediate (RFC 9669, table 13, and the kernel's uapi bpf.h).
PSEUDO_NONE, PSEUDO_MAP_FD, PSEUDO_MAP_VALUE, PSEUDO_BTF_ID, PSEUDO_FUNC = range(5)

# What the source register of a call says (RFC 9669, table 9 of section 4.3).
CALL_HELPER, CALL_LOCAL, CALL_KFUNC = range(3)

ATOMIC_FETCH: Final = 0x01
ATOMIC_XCHG: Final = 0xE0 | ATOMIC_FETCH
ATOMIC_CMPXCHG: Final = 0xF0 | ATOMIC_FETCH
LOAD_ACQUIRE, STORE_RELEASE = 0x100, 0x110
"""Atomic loads and stores (BPF_LOAD_ACQ, BPF_STORE_REL; Linux 6.15)."""


@dataclass(frozen=True, slots=True)
class Insn:
    """One instruction.

    ``imm`` is signed 32 bits; of ``LD_IMM64`` it is unsigned 64 bits, except with a ``map``: then ``src`` is
    ``PSEUDO_MAP_FD`` and ``imm`` is 0, or ``src`` is ``PSEUDO_MAP_VALUE`` and ``imm`` is the byte offset (unsigned 32
    bits) into the value of the map's only element. ``map`` names a map of the object.

    Raises:
        ValueError: a field does not fit its place in the encoding.
    """

    opcode: int
    dst: int = 0
    src: int = 0
    off: int = 0
    imm: int = 0
    map: str | None = None
    asks: str = ""
    """What it takes from the running kernel, which no object tells, in words; "" of nearly all: for messages. Nothing
    is known of what such an instruction does, and it cannot be encoded."""
    source: Span | None = field(default=None, compare=False, repr=False)
    """Where in a source it comes from; not part of the instruction."""

    def __post_init__(self) -> None:
        fits = 0 <= self.opcode < 256 and 0 <= self.dst < 16 and 0 <= self.src < 16 and -(1 << 15) <= self.off < 1 << 15
        if self.map is not None:
            fits = fits and self.wide and 0 <= self.imm < 1 << 32 and self.src in (PSEUDO_MAP_FD, PSEUDO_MAP_VALUE)
        else:
            fits = fits and (0 <= self.imm < 1 << 64 if self.wide else -(1 << 31) <= self.imm < 1 << 31)
        if not fits:
            raise ValueError(f"instruction does not fit its encoding: {self!r}")

    @property
    def wide(self) -> bool:
        """Whether this is the instruction that fills two slots."""
        return self.opcode == LD_IMM64

    @property
    def size(self) -> int:
        """How many slots it fills."""
        return 2 if self.wide else 1

    @property
    def cls(self) -> int:
        """Its instruction class."""
        return self.opcode & 0x07


def called_helper(insn: Insn) -> int | None:
    """The number of the helper (``enum bpf_func_id``) that this calls; None for anything else."""
    return insn.imm if insn.opcode == JMP_OPS["call"] | JMP and insn.src == CALL_HELPER else None


def slots(insns: Sequence[Insn]) -> list[int]:
    """The slot of each instruction, and behind them the number of slots in all."""
    out, at = [], 0
    for insn in insns:
        out.append(at)
        at += insn.size
    return [*out, at]


def encode(insns: Iterable[Insn], map_fds: Mapping[str, int] | None = None) -> bytes:
    """The bytes of ``insns``.

    Args:
        insns: the instructions.
        map_fds: map's name → file descriptor, put where the kernel expects it; without it map references are left as
            an object file has them before relocation (descriptor 0, the offset in the first immediate).

    Raises:
        ValueError: an instruction is not whole without the running kernel (:attr:`Insn.asks`).
    """
    return b"".join(_encode(insn, map_fds) for insn in insns)


def _encode(insn: Insn, map_fds: Mapping[str, int] | None) -> bytes:
    if insn.asks:
        raise ValueError(f"an instruction {insn.asks}")
    if not insn.wide:
        return _slot(insn.opcode, insn.dst, insn.src, insn.off, insn.imm & 0xFFFFFFFF)
    low, high, src = insn.imm & 0xFFFFFFFF, insn.imm >> 32, insn.src
    if insn.map is not None:
        if map_fds is None:
            low, high, src = insn.imm, 0, 0
        else:
            low, high = map_fds[insn.map], insn.imm
    return _slot(insn.opcode, insn.dst, src, insn.off, low) + _slot(0, 0, 0, 0, high)


def _slot(opcode: int, dst: int, src: int, off: int, imm: int) -> bytes:
    return struct.pack("<BBhI", opcode, dst | src << 4, off, imm)


@dataclass
class DecodeError(ValueError):
    """Bytes that are no instruction; ``slot`` is where."""

    slot: int
    reason: str

    def __str__(self) -> str:
        return f"instruction {self.slot}: {self.reason}"


def decode(data: bytes) -> tuple[Insn, ...]:
    """The instructions in ``data``. Any opcode is taken; what it means is the meaning's business.

    Raises:
        DecodeError: not a whole number of slots, half a wide instruction, or one whose second slot is not empty.
    """
    if len(data) % SLOT:
        raise DecodeError(len(data) // SLOT, f"{len(data) % SLOT} bytes behind the last whole instruction")
    out: list[Insn] = []
    at = 0
    while at < len(data):
        opcode, regs, off, imm = struct.unpack_from("<BBhi", data, at)
        at += SLOT
        if opcode == LD_IMM64:
            imm = imm & 0xFFFFFFFF | _second_half(data, at) << 32
            at += SLOT
        out.append(Insn(opcode, regs & 15, regs >> 4, off, imm))
    return tuple(out)


def _second_half(data: bytes, at: int) -> int:
    slot = at // SLOT - 1
    if at >= len(data):
        raise DecodeError(slot, "a 64-bit immediate load without its second half")
    opcode, regs, off, imm = struct.unpack_from("<BBhI", data, at)
    if opcode or regs or off:
        raise DecodeError(slot, "a 64-bit immediate load whose second half is not empty")
    return int(imm)
