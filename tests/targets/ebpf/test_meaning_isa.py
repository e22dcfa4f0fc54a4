"""Every instruction of RFC 9669 in every form: the meaning, on numbers and on variables, against what Python computes
and against what this kernel does."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from p4verify.semantics import bits as b
from p4verify.semantics.source import Unsupported
from p4verify.targets.ebpf.artifact import Insn, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R6, R7
from p4verify.targets.ebpf.artifact.insn import (
    ALU_OPS,
    ATOMIC_CMPXCHG,
    ATOMIC_FETCH,
    ATOMIC_XCHG,
    JMP_OPS,
    LOAD_ACQUIRE,
    STORE_RELEASE,
)
from p4verify.targets.ebpf.oracle import KernelOracle, KernelProgram, Refused
from tests.support import bpf_memory

EDGES = (0, 1, 2, 7, 31, 32, 63, 0x7F, 0x80, 0xFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 1 << 32,
         0x123456789ABCDEF0, 0x7FFFFFFFFFFFFFFF, 1 << 63, (1 << 64) - 1, (1 << 64) - 2)  # fmt: skip


def signed(value: int, width: int) -> int:
    value &= (1 << width) - 1
    return value - (1 << width) if value >> (width - 1) else value


def truncated(x: int, y: int) -> int:
    return abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1)


def arithmetic(name: str, x: int, y: int, width: int) -> int:
    """RFC 9669, section 4.1, on unsigned numbers of ``width`` bits."""
    mask = (1 << width) - 1
    x, y = x & mask, y & mask
    sx, sy = signed(x, width), signed(y, width)
    shift = y % width
    found = {
        "add": lambda: x + y, "sub": lambda: x - y, "mul": lambda: x * y, "or": lambda: x | y, "and": lambda: x & y,
        "xor": lambda: x ^ y, "mov": lambda: y, "neg": lambda: -x, "lsh": lambda: x << shift,
        "rsh": lambda: x >> shift, "arsh": lambda: sx >> shift, "div": lambda: x // y if y else 0,
        "mod": lambda: x % y if y else x, "sdiv": lambda: truncated(sx, sy) if y else 0,
        "smod": lambda: sx - sy * truncated(sx, sy) if y else x,
    }[name]  # fmt: skip
    return found() & mask


@dataclass(frozen=True)
class Step:
    """One instruction on r1 (destination) and r2 (source), and what r1 holds behind it."""

    insn: Insn
    expected: int


def arithmetic_steps(x: int, y: int) -> Iterator[Step]:
    imm = signed(y, 32)
    for width in (64, 32):
        for name in (*(n for n in ALU_OPS if n not in ("end", "neg")), "sdiv", "smod"):
            yield Step(asm.alu(name, R1, R2, width), arithmetic(name, x, y, width))
            if name in ("div", "mod", "sdiv", "smod") and not imm:
                continue  # the verifier refuses a division by the immediate 0
            if name in ("lsh", "rsh", "arsh") and not 0 <= imm < width:
                continue
            yield Step(asm.alu(name, R1, imm, width), arithmetic(name, x, imm & (1 << 64) - 1, width))
        yield Step(asm.alu("neg", R1, 0, width), arithmetic("neg", x, 0, width))
        for bits in (8, 16) if width == 32 else (8, 16, 32):
            yield Step(asm.movsx(R1, R2, bits, width), signed(y, bits) & (1 << width) - 1)
    for bits in (16, 32, 64):
        low = x & (1 << bits) - 1
        swapped = int.from_bytes(low.to_bytes(bits // 8, "little"), "big")
        yield Step(asm.to_big_endian(R1, bits), swapped)
        yield Step(asm.to_little_endian(R1, bits), low)
        yield Step(asm.bswap(R1, bits), swapped)


def taken(name: str, x: int, y: int, width: int) -> bool:
    mask = (1 << width) - 1
    x, y = x & mask, y & mask
    sx, sy = signed(x, width), signed(y, width)
    return {
        "jeq": x == y, "jne": x != y, "jgt": x > y, "jge": x >= y, "jlt": x < y, "jle": x <= y, "jset": bool(x & y),
        "jsgt": sx > sy, "jsge": sx >= sy, "jslt": sx < sy, "jsle": sx <= sy,
    }[name]  # fmt: skip


def jumps(x: int, y: int) -> Iterator[tuple[Insn, bool]]:
    for width in (64, 32):
        for name in (n for n in JMP_OPS if n not in ("ja", "call", "exit")):
            yield asm.jump(name, R1, R2, 1, width), taken(name, x, y, width)
            imm = signed(y, 32)
            yield asm.jump(name, R1, imm, 1, width), taken(name, x, imm & (1 << 64) - 1, width)


def both_ways(insns: list[Insn], x: int, y: int) -> list[int]:
    """r0 behind ``insns``, run on the numbers in memory and on variables with these values."""
    raw = struct.pack("<QQ", x, y)
    values = {f"m{i}": octet for i, octet in enumerate(raw)}
    code = [asm.load(8, R2, R1, 8), asm.load(8, R1, R1, 0), *insns]
    out = []
    for memory in ([b.bv(octet, 8) for octet in raw], [b.var(name, 8) for name in values]):
        machine, states = bpf_memory.run(code, memory)
        assert not machine.faults
        (state,) = [s for s in states if b.evaluate([s.guard], values) == [1]]
        r0 = state.regs[0]
        assert isinstance(r0, b.Term)
        (value,) = b.evaluate([r0], values)
        assert isinstance(value, int)
        out.append(value)
    return out


def pairs(count: int, seed: int) -> list[tuple[int, int]]:
    rng = random.Random(seed)
    return [
        (rng.choice((*EDGES, rng.getrandbits(64))), rng.choice((*EDGES, rng.getrandbits(64)))) for _ in range(count)
    ]


def test_arithmetic_in_every_form() -> None:
    for x, y in [*pairs(12, 1), (1 << 63, (1 << 64) - 1), (1 << 31, 0xFFFFFFFF), (5, 0)]:
        for step in arithmetic_steps(x, y):
            got = both_ways([step.insn, asm.mov(R0, R1), asm.exit_()], x, y)
            assert got == [step.expected] * 2, (step.insn, hex(x), hex(y))


def test_jumps_in_every_form() -> None:
    for x, y in [*pairs(8, 2), (3, 3), (1 << 32, 0), (0xFFFFFFFF, (1 << 64) - 1)]:
        for insn, expected in jumps(x, y):
            got = both_ways([asm.mov(R0, 1), insn, asm.mov(R0, 0), asm.exit_()], x, y)
            assert got == [int(expected)] * 2, (insn, hex(x), hex(y))


@pytest.mark.parametrize("size", [1, 2, 4, 8])
def test_loads_and_stores_of_every_size(size: int) -> None:
    mask = (1 << 8 * size) - 1
    for x, y in pairs(6, size):
        stored = [asm.store(8, FP, -8, R2), asm.store(size, FP, -8, R1), asm.load(8, R0, FP, -8), asm.exit_()]
        assert both_ways(stored, x, y) == [(y & ~mask | x & mask) & (1 << 64) - 1] * 2
        constant = signed(x, 32)
        stored = [asm.store(8, FP, -8, R2), asm.store(size, FP, -8, constant), asm.load(8, R0, FP, -8), asm.exit_()]
        assert both_ways(stored, x, y) == [(y & ~mask | constant & mask) & (1 << 64) - 1] * 2
        loaded = [asm.store(8, FP, -8, R1), asm.load(size, R0, FP, -8), asm.exit_()]
        assert both_ways(loaded, x, y) == [x & mask] * 2
        if size < 8:
            loaded = [asm.store(8, FP, -8, R1), asm.load(size, R0, FP, -8, signed=True), asm.exit_()]
            assert both_ways(loaded, x, y) == [signed(x, 8 * size) & (1 << 64) - 1] * 2


def atomics(size: int, x: int, y: int) -> Iterator[tuple[int, int, int, int]]:
    """(operation, what memory that held x holds after it with operand y, r2 after it, r0 after it); r0 is y before."""
    mask = (1 << 8 * size) - 1
    old = x & mask
    for name in ("add", "or", "and", "xor"):
        new = arithmetic(name, x, y, 8 * size)
        yield ALU_OPS[name], new, y, y
        yield ALU_OPS[name] | ATOMIC_FETCH, new, old, y
    yield ATOMIC_XCHG, y & mask, old, y
    yield ATOMIC_CMPXCHG, (y if old == y & mask else x) & mask, y, old


@pytest.mark.parametrize("size", [4, 8])
def test_atomic_operations(size: int) -> None:
    for x, y in [*pairs(6, 7), (5, 5), (5 | 1 << 32, 5)]:
        for code, memory, r2, r0 in atomics(size, x, y):
            run = [asm.store(8, FP, -8, R1), asm.mov(R0, R2), asm.atomic(size, code, FP, -8, R2)]
            assert both_ways([*run, asm.load(size, R0, FP, -8), asm.exit_()], x, y) == [memory] * 2
            assert both_ways([*run, asm.mov(R0, R2), asm.exit_()], x, y) == [r2] * 2
            assert both_ways([*run, asm.exit_()], x, y) == [r0] * 2


@pytest.mark.parametrize(("size", "bits"), [(1, 0x10), (2, 0x08), (4, 0x00), (8, 0x18)])
def test_ordered_loads_and_stores(size: int, bits: int) -> None:
    mask = (1 << 8 * size) - 1
    acquire = Insn(0xC3 | bits, dst=R0, src=FP, off=-8, imm=LOAD_ACQUIRE)
    release = Insn(0xC3 | bits, dst=FP, src=R2, off=-8, imm=STORE_RELEASE)
    for x, y in pairs(4, 9):
        assert both_ways([asm.store(8, FP, -8, R1), acquire, asm.exit_()], x, y) == [x & mask] * 2
        run = [asm.store(8, FP, -8, R1), release, asm.load(8, R0, FP, -8), asm.exit_()]
        assert both_ways(run, x, y) == [x & ~mask | y & mask] * 2


def test_wide_immediates_and_long_jumps() -> None:
    far = [asm.load_imm64(R0, 0x123456789ABCDEF0), Insn(0x06, imm=1), asm.mov(R0, 1), asm.exit_()]
    assert both_ways(far, 0, 0) == [0x123456789ABCDEF0] * 2
    back = [asm.mov(R0, 4), asm.ja(1), asm.exit_(), asm.alu("add", R0, 3), Insn(0x06, imm=-3)]
    assert both_ways(back, 0, 0) == [7] * 2


@pytest.mark.parametrize(
    "insn",
    [
        Insn(0xB7, dst=1, src=3), Insn(0xBF, dst=1, src=2, imm=1), Insn(0x37, dst=1, off=2, imm=1),
        Insn(0xBC, dst=1, src=2, off=32), Insn(0xD7, dst=1, imm=24), Insn(0xDF, dst=1, imm=16), Insn(0xE5, dst=1),
        Insn(0x8D, dst=1), Insn(0xC3, dst=10, src=1, off=-8, imm=0x20), Insn(0xCB, dst=10, src=1, off=-8),
        Insn(0x9F, dst=1, src=2, off=3), Insn(0x99, dst=10, off=-8), Insn(0x18, dst=1, src=3), Insn(0x18, dst=1, src=4),
        Insn(0x18, dst=1, src=5), Insn(0x18, dst=1, src=6), Insn(0x20, imm=0), Insn(0x48, src=1), Insn(0xE7, dst=1),
    ],
)  # fmt: skip
def test_what_the_standard_leaves_undefined_is_refused_with_its_place(insn: Insn) -> None:
    code = [asm.mov(R0, 0), asm.mov(R2, 0), asm.store(8, FP, -8, 0), insn, asm.exit_(), asm.exit_()]
    with pytest.raises(Unsupported, match="instruction 3"):
        bpf_memory.run(code, [b.bv(0, 8)])


# --- the kernel ---------------------------------------------------------------------------------------------------


def shown_by_kernel(insns: list[Insn], x: int, y: int) -> int | None:
    """r0 behind ``insns`` on this kernel, put into a packet; None if the verifier refuses them."""
    head = [asm.mov(R6, R1), asm.load_imm64(R1, x), asm.load_imm64(R2, y), asm.store(8, FP, -8, R1), *insns]
    show = [
        asm.mov(R7, R0), asm.load(4, R1, R6, 0), asm.load(4, R2, R6, 4), asm.mov(R3, R1), asm.alu("add", R3, 14),
        asm.jump("jgt", R3, R2, 1), asm.store(8, R1, 0, R7), asm.mov(R0, 2), asm.exit_(),
    ]  # fmt: skip
    try:
        with KernelProgram("xdp", [*head, *show]) as program:
            return int.from_bytes(program.test_run(bytes(64)).packet[:8], "little")
    except Refused:
        return None


@pytest.mark.oracle
def test_the_kernel_computes_the_same(kernel_oracle: KernelOracle) -> None:
    ran = 0
    for x, y in pairs(3, 5):
        for step in arithmetic_steps(x, y):
            got = shown_by_kernel([step.insn, asm.mov(R0, R1)], x, y)
            assert got in (None, step.expected), (step.insn, hex(x), hex(y))
            ran += got is not None
        for insn, expected in jumps(x, y):
            got = shown_by_kernel([asm.mov(R0, 1), insn, asm.mov(R0, 0)], x, y)
            assert got in (None, int(expected)), (insn, hex(x), hex(y))
            ran += got is not None
        for size in (4, 8):
            for code, memory, r2, r0 in atomics(size, x, y):
                run = [asm.mov(R0, R2), asm.atomic(size, code, FP, -8, R2)]
                results = ([asm.load(size, R0, FP, -8)], memory), ([asm.mov(R0, R2)], r2), ([], r0)
                for tail, expected in results:
                    got = shown_by_kernel([*run, *tail], x, y)
                    assert got in (None, expected), (size, code)
                    ran += got is not None
    assert ran > 400
