"""Random eBPF programs that the kernel's verifier takes: arithmetic, jumps, stack, packet, context, maps and helpers.

Register use: r6 the context, r7 the packet (while ``room`` bytes of it are known to be there), r8 scratch for
addresses; r0 to r5 and r9 hold numbers. At the end the numbers are folded into the packet, its mark and the result, so
that a wrong one shows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from p4verify.targets.ebpf.artifact import Assembler, BpfObject, BpfProgram, Insn, Label, MapDef, Reg, asm
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9
from p4verify.targets.ebpf.artifact.insn import (
    ALU_OPS,
    ATOMIC_CMPXCHG,
    ATOMIC_FETCH,
    ATOMIC_XCHG,
    LOAD_ACQUIRE,
    STORE_RELEASE,
)

NUMBERS = (R0, R1, R2, R3, R4, R5, R9)
MAPS = (
    MapDef("cells", "array", 4, 8, 4),
    MapDef("seen", "hash", 4, 8, 16),
    MapDef("routes", "lpm_trie", 8, 4, 16, 1),
    MapDef("recent", "lru_hash", 4, 8, 64),
)
KEYED = (MAPS[0], MAPS[1], MAPS[3])
"""Maps with keys of 4 bytes, which programs update."""
STACK = 64
"""Bytes of stack in use, all written at the start."""

_ALU = ("add", "sub", "mul", "div", "mod", "sdiv", "smod", "or", "and", "xor", "lsh", "rsh", "arsh", "mov", "neg")
_JUMPS = ("jeq", "jne", "jgt", "jge", "jlt", "jle", "jsgt", "jsge", "jslt", "jsle", "jset")
_SKB = {"len": 0, "mark": 8, "protocol": 16, "vlan_present": 20, "vlan_tci": 24, "vlan_proto": 28, "priority": 32,
        "ingress_ifindex": 36, "ifindex": 40, "tc_index": 44, "tc_classid": 72}  # fmt: skip
_QUEUE = 12
_CB = 48
"""Where the 20 bytes of ``cb`` lie."""
_XDP = {"ingress_ifindex": 12}


class Generator:
    """Writes one program for ``hook`` ("tc" or "xdp")."""

    rare = 0.4
    """The share of programs in which the rarer steps occur."""
    maps = MAPS
    keyed = KEYED

    def __init__(self, rng: random.Random, hook: str, size: int = 25, helpers: bool = True) -> None:
        self.rng, self.hook, self.helpers = rng, hook, helpers
        self.out = Assembler()
        self.room = 0
        self.end = self.out.label("end")
        self.function = self.out.label("function")
        self.called = False
        self.moved = False
        """Whether headers were put in or taken out: then it is open where the transport header lies."""
        self.more = rng.random() < self.rare
        self.size = size

    def object(self) -> BpfObject:
        """The program in an object of its own."""
        out = self.out
        out.emit(asm.mov(R6, R1))
        self._numbers(NUMBERS)
        for at in range(8, STACK + 1, 8):
            out.emit(asm.store(8, FP, -at, self.rng.choice(NUMBERS)))
        if self.rng.random() < 0.9:
            self.check()
        for _ in range(self.size):
            self.statement()
        self.finish()
        return BpfObject((BpfProgram("test", self.hook, out.finish()),), MAPS)

    def constant(self) -> int:
        """An immediate, more often one at an edge."""
        edges = (0, 1, 2, 7, 31, 32, 33, 63, 64, 0x7FFFFFFF, -1, -2, -(1 << 31), 0x80, 0xFF, 0x8000, 0xFFFF, 0x0800)
        return self.rng.choice((*edges, self.rng.randrange(-(1 << 31), 1 << 31), self.rng.randrange(-130, 130)))

    def number(self) -> Reg:
        return self.rng.choice(NUMBERS)

    def _numbers(self, registers: tuple[Reg, ...]) -> None:
        for register in registers:
            if self.rng.random() < 0.3:
                self.out.emit(asm.load_imm64(register, self.rng.getrandbits(64)))
            else:
                self.out.emit(asm.mov(register, self.constant()))

    # --- packet ---

    def check(self) -> None:
        """Establish that some bytes of the packet are there, or give up."""
        self.room = self.rng.choice((14, 14, 18, 20, 34, 34, 38, 54, 60))
        data, end = (76, 80) if self.hook == "tc" else (0, 4)
        out = self.out
        out.emit(asm.load(4, R7, R6, data), asm.load(4, R8, R6, end), asm.mov(R0, R7), asm.alu("add", R0, self.room))
        short = out.label("short")
        op, swap = self.rng.choice((("jgt", False), ("jlt", True)))
        out.jump(op, *((R8, R0) if swap else (R0, R8)), short)
        fine = out.label("fine")
        out.goto(fine)
        out.place(short)
        out.emit(asm.mov(R0, self.rng.choice((0, 1, 2, 3, 4))), asm.exit_())
        out.place(fine)
        out.emit(asm.mov(R0, self.constant()), asm.mov(R8, 0))

    def _size(self, limit: int) -> tuple[int, int]:
        size = self.rng.choice([s for s in (1, 2, 4, 8) if s <= limit])
        return size, self.rng.randrange(0, limit - size + 1)

    # --- statements ---

    def statement(self) -> None:
        """One random step; inside branches few helpers, so that ``room`` stays known."""
        kinds: list[tuple[int, Callable[[], None]]] = [
            (30, self.arithmetic), (8, self.byte_order), (8, self.stack), (10, self.packet), (10, self.branch),
            (4, self.context), (3, self.atomic),
        ]  # fmt: skip
        if self.more:
            kinds += [(3, self.somewhere), (1, self.call)]
        if self.helpers:
            kinds += [(3, self.look_up), (1, self.update), (1, self.checksum)]
            kinds += [(1, self.delete)] if self.more else []
            if self.hook == "tc":
                kinds += [(2, self.change_tc), (int(self.more), self.more_tc)]
            else:
                kinds += [(1, self.adjust_head), (int(self.more), self.bytes_xdp)]
        weights, actions = zip(*kinds, strict=True)
        self.rng.choices(actions, weights)[0]()

    def arithmetic(self) -> None:
        op = self.rng.choice(_ALU)
        width = self.rng.choice((32, 64))
        dst = self.number()
        if op == "neg":
            self.out.emit(asm.alu("neg", dst, 0, width))
            return
        if op == "mov" and self.rng.random() < 0.5:
            bits = self.rng.choice((8, 16) if width == 32 else (8, 16, 32))
            self.out.emit(asm.movsx(dst, self.number(), bits, width))
            return
        operand: Reg | int = self.number() if self.rng.random() < 0.6 else self.constant()
        if isinstance(operand, int) and not isinstance(operand, Reg):
            if op in ("lsh", "rsh", "arsh"):
                operand = self.rng.randrange(width)
            if op in ("div", "mod", "sdiv", "smod") and not operand:
                operand = 3
        self.out.emit(asm.alu(op, dst, operand, width))

    def byte_order(self) -> None:
        make = self.rng.choice((asm.to_big_endian, asm.to_little_endian, asm.bswap))
        self.out.emit(make(self.number(), self.rng.choice((16, 32, 64))))

    def stack(self) -> None:
        size = self.rng.choice((1, 2, 4, 8))
        at = -size * self.rng.randrange(1, STACK // size + 1)
        kind = self.rng.random()
        if kind < 0.4:
            self.out.emit(asm.load(size, self.number(), FP, at, signed=size < 8 and self.rng.random() < 0.3))
        elif kind < 0.8:
            self.out.emit(asm.store(size, FP, at, self.number()))
        else:
            self.out.emit(asm.store(size, FP, at, self.constant()))

    def packet(self) -> None:
        if not self.room:
            return
        size, at = self._size(self.room)
        kind = self.rng.random()
        if kind < 0.6:
            self.out.emit(asm.load(size, self.number(), R7, at, signed=size < 8 and self.rng.random() < 0.3))
        elif kind < 0.9:
            self.out.emit(asm.store(size, R7, at, self.number()))
        else:
            self._variable_offset()

    def _variable_offset(self) -> None:
        """A load at an offset of few values."""
        self.at_few_offsets(
            (3, 7, 0x3C, 0x7F, 0x3FF), lambda size, at: asm.load(size, self.rng.choice((R2, R3, R9)), R8, at)
        )

    def at_few_offsets(self, masks: Sequence[int], access: Callable[[int, int], Insn]) -> None:
        """An access to the packet, of so many bytes at a place behind R8, that is checked by itself: R8 points as far
        into the packet as a number says of which one of the masks is left."""
        out, at, size = self.out, self.rng.randrange(0, 40), self.rng.choice((1, 2, 4, 8))
        past = out.label()
        out.emit(asm.mov(R8, self.number()), asm.alu("and", R8, self.rng.choice(masks)))
        out.emit(asm.alu("add", R8, R7), asm.load(4, R0, R6, 80 if self.hook == "tc" else 4))
        out.emit(asm.mov(R1, R8), asm.alu("add", R1, at + size))
        out.jump("jgt", R1, R0, past)
        out.emit(access(size, at))
        out.place(past)
        out.emit(asm.mov(R8, 0), asm.mov(R0, self.constant()), asm.mov(R1, self.constant()))

    def branch(self) -> None:
        """A conditional jump over a few steps, or one of two ways."""
        out = self.out
        other, behind = out.label(), out.label()
        operand: Reg | int = self.number() if self.rng.random() < 0.5 else self.constant()
        out.jump(self.rng.choice(_JUMPS), self.number(), operand, other, self.rng.choice((32, 64)))
        self._quiet_steps()
        if self.rng.random() < 0.4:
            out.goto(behind)
            out.place(other)
            self._quiet_steps()
            out.place(behind)
        else:
            out.place(other)

    def _quiet_steps(self) -> None:
        for _ in range(self.rng.randrange(1, 4)):
            self.rng.choice((self.arithmetic, self.arithmetic, self.stack, self.packet, self.byte_order))()

    def context(self) -> None:
        fields = _SKB if self.hook == "tc" else _XDP
        name = self.rng.choice(sorted(fields))
        if self.hook == "tc" and self.rng.random() < 0.1:
            value = self.rng.choice((self.number(), self.rng.choice((-1, 5, 0xFFFE, 0xFFFF, 0x10000))))
            self.out.emit(asm.store(4, R6, _QUEUE, 7), asm.store(4, R6, _QUEUE, value))
            self.out.emit(asm.load(4, self.number(), R6, _QUEUE))
        elif name in ("mark", "priority", "tc_index") and self.rng.random() < 0.4:
            self.out.emit(asm.store(4, R6, fields[name], self.number()))
            self.out.emit(asm.load(4, self.number(), R6, fields[name]))
        elif self.hook == "tc" and self.rng.random() < 0.2:
            size, off = self._size(20)
            off = _CB + off - off % size
            self.out.emit(asm.store(size, R6, off, self.number()), asm.load(size, self.number(), R6, off))
        elif name in ("len", "mark", "priority") and self.rng.random() < 0.3:
            size = self.rng.choice((1, 2))
            off = self.rng.randrange(0, 4, size)
            self.out.emit(asm.load(size, self.number(), R6, fields[name] + off))
        else:
            self.out.emit(asm.load(4, self.number(), R6, fields[name]))

    def atomic(self) -> None:
        if self.rng.random() < 0.2:
            size = self.rng.choice((1, 2, 4, 8))
            code = 0xC3 | {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}[size]
            at = -size * self.rng.randrange(1, STACK // size + 1)
            acquire = Insn(code, dst=self.number(), src=FP, off=at, imm=LOAD_ACQUIRE)
            release = Insn(code, dst=FP, src=self.number(), off=at, imm=STORE_RELEASE)
            self.out.emit(self.rng.choice((acquire, release)))
            return
        size = self.rng.choice((4, 8))
        codes = [ALU_OPS[n] | f for n in ("add", "or", "and", "xor") for f in (0, ATOMIC_FETCH)]
        code = self.rng.choice([*codes, ATOMIC_XCHG, ATOMIC_CMPXCHG])
        at = -size * self.rng.randrange(1, STACK // size + 1)
        self.out.emit(asm.atomic(size, code, FP, at, self.number()))

    def somewhere(self) -> None:
        """A load or a store on the stack at an offset that a number says."""
        out, size = self.out, self.rng.choice((1, 2, 4, 8))
        span = self.rng.choice((8, 32, STACK))
        out.emit(asm.mov(R8, self.number()), asm.alu("and", R8, span - size))
        if self.rng.random() < 0.5:
            out.emit(asm.mov(R0, self.number()))
            out.jump("jlt", R0, R8, behind := out.label())
            out.emit(asm.mov(R8, size * self.rng.randrange(span // size)))
            out.place(behind)
        # Not "add r8, r10": a kernel (6.18) takes that, in a function, for an address in its caller's stack.
        out.emit(asm.mov(R0, R8), asm.mov(R8, FP), asm.alu("add", R8, R0))
        out.emit(asm.alu("add", R8, -self.rng.randrange(span, STACK + 1, 8)))
        if self.rng.random() < 0.5:
            out.emit(asm.load(size, self.number(), R8, 0))
        else:
            out.emit(asm.store(size, R8, 0, self.number()))
        out.emit(asm.mov(R8, 0))

    def call(self) -> None:
        """A call of a function, which reads and writes the caller's stack."""
        self.called = True
        self.out.emit(asm.mov(R1, self.number()), asm.mov(R2, FP), asm.alu("add", R2, -8 * self.rng.randrange(1, 8)))
        self.out.call(self.function)
        self._after_call()

    def _function(self) -> None:
        self.out.place(self.function)
        self.out.emit(*self._function_code())

    @staticmethod
    def _function_code() -> tuple[Insn, ...]:
        out = Assembler()
        out.emit(asm.load(8, R0, R2, 0), asm.store(8, FP, -8, R1), asm.load(4, R3, FP, -8))
        behind = out.label()
        out.jump("jset", R1, 1, behind)
        out.emit(asm.alu("xor", R0, R3), asm.store(4, R2, 4, R0))
        out.place(behind)
        out.emit(asm.alu("add", R0, R1), asm.exit_())
        return out.finish()

    # --- helpers ---

    def _after_call(self) -> None:
        self._numbers((R1, R2, R3, R4, R5))

    def _key(self, item: MapDef) -> int:
        """Put a key on the stack; its place."""
        at = -STACK
        if item.type == "lpm_trie":
            self.out.emit(asm.store(4, FP, at, 32))
        elif self.rng.random() < 0.7:
            self.out.emit(asm.store(4, FP, at, self.rng.randrange(0, 6)))
        return at

    def look_up(self) -> None:
        item = self.rng.choice(self.maps)
        out, missing = self.out, self.out.label()
        at = self._key(item)
        out.emit(asm.load_map(R1, item.name), asm.mov(R2, FP), asm.alu("add", R2, at), asm.call(1))
        out.emit(asm.mov(R8, R0), asm.mov(R0, self.constant()))
        self._after_call()
        out.jump("jeq", R8, 0, missing)
        out.emit(asm.load(4, R0, R8, 0))
        if item.type != "lpm_trie" and self.rng.random() < 0.5:
            if self.rng.random() < 0.5:
                out.emit(asm.atomic(8, ALU_OPS["add"], R8, 0, self.number()))
            else:
                size, off = self._size(8)
                out.emit(asm.store(size, R8, off - off % size, self.number()))
        if self.rng.random() < 0.5:
            out.emit(asm.load(1, self.number(), R8, self.rng.randrange(item.value_size)))
        out.place(missing)
        out.emit(asm.mov(R8, 0))

    def delete(self) -> None:
        item = self.rng.choice(self.keyed)
        at = self._key(item)
        self.out.emit(asm.load_map(R1, item.name), asm.mov(R2, FP), asm.alu("add", R2, at), asm.call(3))
        self._after_call()

    def update(self) -> None:
        item = self.rng.choice(self.keyed)
        at = self._key(item)
        out = self.out
        out.emit(asm.load_map(R1, item.name), asm.mov(R2, FP), asm.alu("add", R2, at), asm.mov(R3, FP))
        out.emit(asm.alu("add", R3, -16), asm.mov(R4, self.rng.choice((0, 0, 1, 2))), asm.call(2))
        self._after_call()

    def checksum(self) -> None:
        """The sum over some of the stack; differences are left out, since their zero is not determined."""
        size = 4 * self.rng.randrange(1, 8)
        out = self.out
        out.emit(
            asm.mov(R1, 0), asm.mov(R2, 0), asm.mov(R3, FP), asm.alu("add", R3, -size - self.rng.choice((0, 4, 8)))
        )
        out.emit(asm.mov(R4, size), asm.mov(R5, self.constant()), asm.call(28))
        self._after_call()

    def change_tc(self) -> None:
        kind = self.rng.choice(("push", "pop", "load", "store", "pull", "head"))
        out = self.out
        out.emit(asm.mov(R1, R6))
        if kind == "push":
            out.emit(asm.mov(R2, self.rng.choice((0x0081, 0xA888, 0x0008))), asm.mov(R3, self.rng.getrandbits(16)))
            out.emit(asm.call(18))
        elif kind == "pop":
            out.emit(asm.call(19))
        elif kind == "load":
            size = self.rng.randrange(1, 17)
            out.emit(asm.mov(R2, self.rng.randrange(0, 60)), asm.mov(R3, FP), asm.alu("add", R3, -24))
            out.emit(asm.mov(R4, size), asm.call(26))
            self._after_call()
            return
        elif kind == "store":
            size = self.rng.randrange(1, 17)
            out.emit(asm.mov(R2, self.rng.randrange(0, 60)), asm.mov(R3, FP), asm.alu("add", R3, -24))
            out.emit(asm.mov(R4, size), asm.mov(R5, self.rng.choice((0, 1, 2, 8))), asm.call(9))
        elif kind == "pull":
            out.emit(asm.mov(R2, self.rng.choice((0, 14, 34, 100, 5000))), asm.call(39))
        else:
            out.emit(asm.mov(R2, self.rng.choice((0, 4, 8, 20))), asm.mov(R3, 0), asm.call(43))
        self._after_call()
        out.emit(asm.mov(R7, R0))  # its result, before the packet is looked at again
        out.emit(asm.store(4, FP, -4 * self.rng.randrange(1, STACK // 4 + 1), R7))
        self.check()

    def more_tc(self) -> None:
        """Helpers that change less of the packet, or more of it."""
        out, rng = self.out, self.rng
        kind = rng.choice(("l3", "l4", "room", "proto", "type", "clone", "hash", "relative"))
        out.emit(asm.mov(R3, self.number()), asm.mov(R4, self.number()), asm.mov(R1, R6))
        if kind == "l3":
            size = rng.choice((0, 2, 4, 3))
            out.emit(*((asm.mov(R3, 0),) if rng.random() < 0.5 else ()))
            out.emit(asm.mov(R2, 2 * rng.randrange(7, 20)), asm.mov(R5, size), asm.call(10))
        elif kind == "l4":
            flags = rng.choice((0, 2, 4, 5)) | rng.choice((0, 0x10)) | rng.choice((0, 0x20, 0x60))
            out.emit(*((asm.mov(R3, 0),) if rng.random() < 0.5 else ()))
            out.emit(asm.mov(R2, 2 * rng.randrange(7, 20)), asm.mov(R5, flags), asm.call(11))
        elif kind == "room":
            flags = rng.choice((0, 1, 2, 4, 2 | 8, 2 | 16, 0x80, 0x100, 0x20, 2 | 4))
            self.room, self.moved = 0, True
            out.emit(asm.mov(R2, rng.choice((-40, -20, -8, 0, 4, 8, 20, 28))), asm.mov(R3, 1))
            out.emit(asm.mov(R4, flags), asm.call(50))
        elif kind == "proto":
            self.moved = True
            out.emit(asm.mov(R2, rng.choice((0x0008, 0xDD86))), asm.mov(R3, 0), asm.call(31))
        elif kind == "type":
            out.emit(asm.mov(R2, rng.choice((0, 7))), asm.call(32))
        elif kind == "clone":
            out.emit(asm.mov(R2, rng.choice((2, 3, 77))), asm.mov(R3, 0), asm.call(13))
        elif kind == "hash":
            out.emit(asm.mov(R2, R3), asm.call(48), asm.mov(R1, R6), asm.call(34))
        else:
            out.emit(asm.mov(R2, rng.randrange(0, 40)), asm.mov(R3, FP), asm.alu("add", R3, -24))
            out.emit(asm.mov(R4, rng.randrange(1, 17)), asm.mov(R5, rng.choice((0, 1))), asm.call(68))
        self._after_call()
        out.emit(asm.mov(R7, R0), asm.store(8, FP, -8 * rng.randrange(1, STACK // 8 + 1), R7))
        self.check()

    def bytes_xdp(self) -> None:
        """Bytes of the packet by helpers; what a load that fails leaves is what was there."""
        out, rng = self.out, self.rng
        stores = rng.random() < 0.5
        out.emit(asm.mov(R1, R6), asm.mov(R2, rng.randrange(0, 14)), asm.mov(R3, FP), asm.alu("add", R3, -24))
        out.emit(asm.mov(R4, rng.randrange(1, 2)), asm.call(190 if stores else 189))
        self._after_call()
        out.emit(asm.mov(R7, R0), asm.store(8, FP, -8, R7))
        self.check()

    def adjust_head(self) -> None:
        """Never forwards past what was cut off: what lies there is not determined."""
        self.out.emit(asm.mov(R1, R6), asm.mov(R2, self.rng.choice((0, 1, 4, 14, 20, 40))), asm.call(44))
        self._after_call()
        self.out.emit(asm.mov(R7, R0), asm.store(4, FP, -8, R7))
        self.check()

    # --- the end ---

    def finish(self) -> None:
        """Make everything that was computed visible, and return."""
        out = self.out
        for register in NUMBERS[1:]:
            out.emit(asm.alu("mul", R0, 31), asm.alu("xor", R0, register))
        for at in range(8, STACK + 1, 8):
            out.emit(asm.load(8, R8, FP, -at), asm.alu("mul", R0, 31), asm.alu("xor", R0, R8))
        if self.room:
            out.emit(asm.mov(R8, R0), asm.alu("rsh", R8, 32), asm.store(4, R7, 0, R0), asm.store(4, R7, 4, R8))
        if self.hook == "tc" and self.rng.random() < 0.7:
            out.emit(asm.store(4, R6, _SKB["mark"], R0))
        self._return()
        if self.called:
            self._function()

    def _return(self) -> None:
        out = self.out
        kind = self.rng.random()
        if kind < 0.35:
            out.emit(asm.mov(R1, R0), asm.alu("and", R1, 0xFF), asm.alu("add", R1, 2), asm.mov(R2, 0), asm.call(23))
        elif kind < 0.8:
            out.emit(asm.mov(R0, self.rng.choice((0, 0, 1, 2, 3, 4, -1))))
        else:
            out.emit(asm.alu("and", R0, 7))
            if self.rng.random() < 0.5:
                out.emit(asm.alu("sub", R0, 1))
        out.emit(asm.exit_())


def random_object(rng: random.Random, hook: str, size: int = 25) -> BpfObject:
    """A random program for ``hook`` ("tc" or "xdp") with :data:`MAPS`."""
    return Generator(rng, hook, size, helpers=rng.random() < 0.6).object()


def random_tables(rng: random.Random) -> dict[str, list[tuple[bytes, bytes]]]:
    """Elements for :data:`MAPS`."""
    cells = [(i.to_bytes(4, "little"), rng.randbytes(8)) for i in range(4)]
    seen = [(i.to_bytes(4, "little"), rng.randbytes(8)) for i in range(6) if rng.random() < 0.5]
    routes = {}
    for _ in range(rng.randrange(0, 6)):
        length = rng.choice((0, 8, 16, 24, 32))
        address = rng.getrandbits(32) >> (32 - length) << (32 - length) if length else 0
        routes[length.to_bytes(4, "little") + address.to_bytes(4, "big")] = rng.randbytes(4)
    recent = [(i.to_bytes(4, "little"), rng.randbytes(8)) for i in range(6) if rng.random() < 0.5]
    return {"cells": cells, "seen": seen, "routes": list(routes.items()), "recent": recent}


__all__ = ["MAPS", "Generator", "Label", "random_object", "random_tables"]
