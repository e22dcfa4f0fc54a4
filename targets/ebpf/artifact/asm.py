"""Writing eBPF programs: one constructor per family of instructions, and an assembler with labels.

Registers are :class:`Reg`; wherever an operand may be a register or an immediate, a ``Reg`` is a register and a plain
``int`` is an immediate (32 bits, signed or unsigned, sign-extended by the machine).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final

from ....semantics.source import Span
from .insn import (
    ALU,
    ALU64,
    ALU_OPS,
    CALL_HELPER,
    CALL_LOCAL,
    JMP,
    JMP32,
    JMP_OPS,
    LD_IMM64,
    LDX,
    MODE_ATOMIC,
    MODE_MEM,
    MODE_MEMSX,
    PSEUDO_MAP_FD,
    PSEUDO_MAP_VALUE,
    PSEUDO_NONE,
    SIZES,
    ST,
    STX,
    Insn,
    K,
    X,
    slots,
)


class Reg(int):
    """A register's number, told apart from an immediate by its type."""

    def __repr__(self) -> str:
        return f"r{int(self)}"

    def __str__(self) -> str:
        return int.__repr__(self)


R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 = (Reg(n) for n in range(11))
FP: Final = R10
"""The frame pointer (read only; the stack lies below it)."""

REACH: Final = 1 << 14
"""Slots that a jump of 16 bits is used for. It could skip twice as many, but the kernel puts more instructions in the
place of some (``bpf_patch_insn_data``: fields of the context, look-ups in arrays) and refuses the program when a jump
over them no longer fits."""

_SIZE_NAME: Final = {1: "b", 2: "h", 4: "w", 8: "dw"}


def _imm32(value: int) -> int:
    if not -(1 << 31) <= value < 1 << 32:
        raise ValueError(f"{value:#x} is no 32-bit immediate")
    return value - (1 << 32) if value >= 1 << 31 else value


def alu(op: str, dst: Reg, operand: Reg | int = 0, width: int = 64) -> Insn:
    """``dst = dst op operand`` for an operation of :data:`ALU_OPS` (not "end"), or "sdiv", "smod"; ``width`` 32 or 64.

    The operand of "neg" is left out. 32-bit operations clear the upper half of ``dst``.
    """
    off = 1 if op in ("sdiv", "smod") else 0
    code = ALU_OPS[op.removeprefix("s") if off else op] | (ALU64 if width == 64 else ALU)
    if isinstance(operand, Reg):
        return Insn(code | X, dst, operand, off)
    return Insn(code | K, dst, 0, off, _imm32(operand))


def mov(dst: Reg, operand: Reg | int, width: int = 64) -> Insn:
    """``dst = operand``."""
    return alu("mov", dst, operand, width)


def movsx(dst: Reg, src: Reg, bits: int, width: int = 64) -> Insn:
    """``dst`` = the low ``bits`` (8, 16 or 32) of ``src``, sign-extended to ``width``."""
    return replace(alu("mov", dst, src, width), off=bits)


def to_big_endian(dst: Reg, bits: int) -> Insn:
    """``dst`` = its low 16, 32 or 64 bits in big-endian order (on a little-endian host: swapped), upper bits 0."""
    return Insn(ALU_OPS["end"] | ALU | X, dst, 0, 0, bits)


def to_little_endian(dst: Reg, bits: int) -> Insn:
    """``dst`` = its low 16, 32 or 64 bits in little-endian order (on a little-endian host: cut), upper bits 0."""
    return Insn(ALU_OPS["end"] | ALU | K, dst, 0, 0, bits)


def bswap(dst: Reg, bits: int) -> Insn:
    """``dst`` = its low 16, 32 or 64 bits with the bytes reversed, upper bits 0."""
    return Insn(ALU_OPS["end"] | ALU64, dst, 0, 0, bits)


def load(size: int, dst: Reg, src: Reg, off: int = 0, *, signed: bool = False) -> Insn:
    """``dst`` = the ``size`` (1, 2, 4, 8) bytes at ``src + off``, zero- or sign-extended."""
    mode = MODE_MEMSX if signed else MODE_MEM
    return Insn(LDX | mode | SIZES[_SIZE_NAME[size]], dst, src, off)


def store(size: int, dst: Reg, off: int, operand: Reg | int) -> Insn:
    """Write the low ``size`` bytes of ``operand`` to ``dst + off``."""
    if isinstance(operand, Reg):
        return Insn(STX | MODE_MEM | SIZES[_SIZE_NAME[size]], dst, operand, off)
    return Insn(ST | MODE_MEM | SIZES[_SIZE_NAME[size]], dst, 0, off, _imm32(operand))


def atomic(size: int, operation: int, dst: Reg, off: int, src: Reg) -> Insn:
    """An atomic operation (RFC 9669, section 5.3) of 4 or 8 bytes at ``dst + off``."""
    return Insn(STX | MODE_ATOMIC | SIZES[_SIZE_NAME[size]], dst, src, off, operation)


def load_imm64(dst: Reg, value: int) -> Insn:
    """``dst`` = a 64-bit constant, given signed or unsigned."""
    if not -(1 << 63) <= value < 1 << 64:
        raise ValueError(f"{value:#x} is no 64-bit immediate")
    return Insn(LD_IMM64, dst, PSEUDO_NONE, 0, value & (1 << 64) - 1)


def load_map(dst: Reg, name: str) -> Insn:
    """``dst`` = the address of map ``name``, for a helper."""
    return Insn(LD_IMM64, dst, PSEUDO_MAP_FD, 0, 0, name)


def load_map_value(dst: Reg, name: str, offset: int) -> Insn:
    """``dst`` = the address of byte ``offset`` of the only value of array map ``name`` (global data)."""
    return Insn(LD_IMM64, dst, PSEUDO_MAP_VALUE, 0, offset, name)


def jump(op: str, dst: Reg, operand: Reg | int, off: int, width: int = 64) -> Insn:
    """If ``dst op operand``, skip ``off`` slots; ``op`` is a condition of :data:`JMP_OPS`, ``width`` 32 or 64."""
    code = JMP_OPS[op] | (JMP if width == 64 else JMP32)
    if isinstance(operand, Reg):
        return Insn(code | X, dst, operand, off)
    return Insn(code | K, dst, 0, off, _imm32(operand))


def ja(off: int) -> Insn:
    """Skip ``off`` slots; from :data:`REACH` on in the 32-bit form (RFC 9669: JMP32 JA)."""
    if -REACH <= off < REACH:
        return Insn(JMP_OPS["ja"] | JMP, 0, 0, off)
    return Insn(JMP_OPS["ja"] | JMP32, 0, 0, 0, off)


def call(helper: int) -> Insn:
    """Call the kernel helper with this number."""
    return Insn(JMP_OPS["call"] | JMP, 0, CALL_HELPER, 0, helper)


def call_local(off: int) -> Insn:
    """Call the program's own function ``off`` slots behind the next instruction."""
    return Insn(JMP_OPS["call"] | JMP, 0, CALL_LOCAL, 0, off)


def exit_() -> Insn:
    """Return from the function."""
    return Insn(JMP_OPS["exit"] | JMP)


@dataclass(frozen=True, slots=True)
class Label:
    """A place in the program that jumps may name; made by :meth:`Assembler.label`."""

    number: int
    hint: str = ""


class Assembler:
    """Collects instructions and labels; :meth:`finish` puts the distances in.

    A conditional jump reaches 32,767 slots; one that would have to go further is turned around over an unconditional
    one with a 32-bit distance.
    """

    def __init__(self) -> None:
        self._items: list[Insn | Label | tuple[Insn, Label]] = []
        self._labels = 0
        self._source: Span | None = None

    @contextmanager
    def at(self, source: Span) -> Iterator[None]:
        """What is appended inside comes from ``source`` (if that is a place in a file)."""
        before = self._source
        self._source = source if source.line else before
        yield
        self._source = before

    def _sourced(self, insn: Insn) -> Insn:
        return insn if self._source is None or insn.source is not None else replace(insn, source=self._source)

    def __len__(self) -> int:
        return len(self._items)

    def label(self, hint: str = "") -> Label:
        """A new label, not yet placed."""
        self._labels += 1
        return Label(self._labels, hint)

    def place(self, label: Label) -> None:
        """Put ``label`` before the next instruction."""
        self._items.append(label)

    def emit(self, *insns: Insn) -> None:
        """Append instructions."""
        self._items.extend(map(self._sourced, insns))

    def jump(self, op: str, dst: Reg, operand: Reg | int, to: Label, width: int = 64) -> None:
        """Append a conditional jump to ``to``."""
        self.branch(jump(op, dst, operand, 0, width), to)

    def branch(self, insn: Insn, to: Label) -> None:
        """Append a jump whose distance is to be that to ``to`` (an unconditional one keeps its 32 bits)."""
        self._items.append((self._sourced(insn), to))

    def goto(self, to: Label) -> None:
        """Append an unconditional jump to ``to``."""
        self._items.append((self._sourced(ja(0)), to))

    def call(self, to: Label) -> None:
        """Append a call of the program's own function at ``to``."""
        self._items.append((self._sourced(call_local(0)), to))

    def finish(self) -> tuple[Insn, ...]:
        """The program, with every distance filled in.

        Raises:
            ValueError: a label that is jumped to was never placed, or was placed twice.
        """
        long: set[int] = set()
        while True:
            places = self._places(long)
            too_far = {i for i, gap in self._gaps(places, long) if not -REACH <= gap < REACH} - long
            if not too_far:
                return tuple(self._resolved(places, long))
            long |= too_far

    def _size(self, index: int, long: set[int]) -> int:
        item = self._items[index]
        if isinstance(item, Label):
            return 0
        if isinstance(item, Insn):
            return item.size
        return 3 if index in long and not _is_ja(item[0]) else 1

    def _places(self, long: set[int]) -> tuple[list[int], dict[Label, int]]:
        at, starts, labels = 0, [], {}
        for index, item in enumerate(self._items):
            starts.append(at)
            if isinstance(item, Label):
                if item in labels:
                    raise ValueError(f"label {item} is placed twice")
                labels[item] = at
            at += self._size(index, long)
        return starts, labels

    def _gaps(self, places: tuple[list[int], dict[Label, int]], long: set[int]) -> Iterable[tuple[int, int]]:
        starts, labels = places
        for index, item in enumerate(self._items):
            if isinstance(item, tuple) and not _is_call(item[0]):
                if item[1] not in labels:
                    raise ValueError(f"label {item[1]} was never placed")
                yield index, labels[item[1]] - starts[index] - self._size(index, long)

    def _resolved(self, places: tuple[list[int], dict[Label, int]], long: set[int]) -> Iterable[Insn]:
        starts, labels = places
        for index, item in enumerate(self._items):
            if isinstance(item, Insn):
                yield item
            elif isinstance(item, tuple):
                insn, to = item
                if to not in labels:
                    raise ValueError(f"label {to} was never placed")
                gap = labels[to] - starts[index] - self._size(index, long)
                if _is_call(insn) or (insn.cls == JMP32 and _is_ja(insn)):
                    yield replace(insn, imm=gap)
                elif _is_ja(insn):
                    yield replace(ja(gap), source=insn.source)
                elif index in long:
                    yield from (replace(insn, off=1), ja(1), ja(gap))
                else:
                    yield replace(insn, off=gap)


def _is_ja(insn: Insn) -> bool:
    return insn.opcode in (JMP_OPS["ja"] | JMP, JMP_OPS["ja"] | JMP32)


def _is_call(insn: Insn) -> bool:
    return insn.opcode == JMP_OPS["call"] | JMP


def total_slots(insns: Iterable[Insn]) -> int:
    """How many slots ``insns`` fill."""
    return slots(list(insns))[-1]
