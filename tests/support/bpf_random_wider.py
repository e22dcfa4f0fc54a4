"""More of what eBPF programs do than :mod:`.bpf_random` writes: global data, maps per CPU, maps of maps, tries with
prefixes in one another, ring buffers, loops of ``bpf_loop``, legacy loads, spilled pointers, stores at offsets that
numbers say, packets that are cut or moved at either end, metadata, more ways to make room and to redirect."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from p4verify.targets.ebpf.artifact import BpfObject, BpfProgram, Function, Insn, MapDef, Reg, asm, slots
from p4verify.targets.ebpf.artifact.asm import FP, R0, R1, R2, R3, R4, R5, R6, R7, R8, R9
from p4verify.targets.ebpf.artifact.insn import (
    ALU_OPS,
    ATOMIC_CMPXCHG,
    ATOMIC_FETCH,
    ATOMIC_XCHG,
    JMP32,
    JMP_OPS,
    LD_IMM64,
    LOAD_ACQUIRE,
    PSEUDO_FUNC,
    STORE_RELEASE,
)
from p4verify.targets.ebpf.artifact.program import F_RDONLY_PROG, INNER

from .bpf_random import KEYED, MAPS, STACK, Generator, random_tables

DATA, CONSTANTS = 32, 64
"""Bytes of global data that programs write, and of what they may only read."""
_PER_CPU = (
    MapDef("each", "percpu_array", 4, 8, 3),
    MapDef("mine", "percpu_hash", 4, 8, 16),
    MapDef("aged", "lru_percpu_hash", 4, 8, 64),
)
_LOOSE = MapDef("loose", "hash", 4, 8, 16, 1)
"""A map that takes memory for its elements when it needs it (BPF_F_NO_PREALLOC)."""
_INNER = MapDef("inner", "array", 4, 8, 4)
MORE_MAPS = (
    *_PER_CPU,
    _LOOSE,
    MapDef("one", "array", 4, 16, 1),
    MapDef("paths", "lpm_trie", 8, 8, 16, 1),
    MapDef("lists", "array_of_maps", 4, 4, 4, inner=_INNER),
    MapDef("sets", "hash_of_maps", 4, 4, 4, inner=replace(_INNER, type="hash")),
    MapDef("ring", "ringbuf", 0, 0, 1 << 17),
    MapDef("ports", "devmap", 4, 4, 4),
    MapDef("stages", "prog_array", 4, 4, 3, programs={1: "other"}),
    MapDef(".data", "array", 4, DATA, 1, data=bytes(range(100, 100 + DATA))),
    MapDef(".rodata", "array", 4, CONSTANTS, 1, F_RDONLY_PROG, data=bytes(range(7, 7 + CONSTANTS))),
)
_BASE = 0xC0A80155
"""The address around which the prefixes in "paths" lie."""
_LDX_SIZE = {1: 0x10, 2: 0x08, 4: 0x00}
_DATA_META = 8
_TIME, _CLASS = 152, 72
_MOST_METADATA = 32


class WiderGenerator(Generator):
    """Writes one program, half of it as :class:`.Generator` does."""

    first = True
    """Whether this is not the program that another hands over to."""
    maps = (*MAPS, *_PER_CPU, _LOOSE)
    keyed = (*KEYED, *_PER_CPU, _LOOSE)

    def __init__(self, rng: random.Random, hook: str, size: int = 25, helpers: bool = True) -> None:
        super().__init__(rng, hook, size, helpers)
        self.turn = self.out.label("turn")
        self.turns = False
        self.onward = self.out.label("onward")
        self.passed_on = False
        self.other: BpfObject | None = None
        self.checks = 0
        self.metadata = 0
        self.ends_anywhere = False
        """Whether a byte of the packet said where it ends: what lies so far from there is not modelled."""

    def object(self) -> BpfObject:
        made = super().object()
        (program,) = made.programs
        functions, insns = [], program.insns
        at = slots(insns)[-1]
        if self.passed_on:
            at -= slots(_onward())[-1]
            functions.append(Function("onward", at))
        if self.turns:
            at -= slots(_turn())[-1]
            functions.append(Function("turn", at))
            insns = tuple(_led_to(insns, at))
        if self.called:
            functions.append(Function("function", at - slots(self._function_code())[-1]))
        more = self.other.programs if self.other is not None else ()
        named = {insn.map for insn in (*insns, *(i for program in more for i in program.insns))}
        maps = tuple(item for item in (*MAPS, *MORE_MAPS) if item.name in named)
        return BpfObject((BpfProgram("test", self.hook, insns, tuple(reversed(functions))), *more), maps)

    def check(self) -> None:
        super().check()
        self.checks += 1

    def statement(self) -> None:
        if self.rng.random() < 0.5:
            super().statement()
            return
        kinds: list[Callable[[], None]] = [self.data, self.constants, self.further, self.immediate]
        if self.room:
            kinds += [self.at_an_offset, self.spilled, self.along, self.length]
        if self.hook == "tc":
            kinds += [self.fields, *[self.legacy] * self.first]
        if self.helpers:
            kinds += [self.single, self.kept, self.path, self.nested, self.ring, self.difference]
            kinds += [self.loop, self.hand_over] * self.first
            kinds += [self.wider_tc] * 3 if self.hook == "tc" else [self.wider_xdp] * 3
            kinds += [self.resized] * (not self.moved)
            kinds += [self.at_the_end] * (not self.moved and not self.ends_anywhere)
        self.rng.choice(kinds)()

    # --- memory ---

    def _access(self, base: Reg, limit: int) -> None:
        """A load, a store or an atomic operation on the ``limit`` bytes at ``base``."""
        out, rng = self.out, self.rng
        size, at = self._size(limit)
        even = at - at % size
        kind = rng.choice(("load", "store", "immediate", "atomic", "atomic", "ordered"))
        if kind == "load":
            out.emit(asm.load(size, self.number(), base, at, signed=size < 8 and rng.random() < 0.3))
        elif kind == "store":
            out.emit(asm.store(size, base, at, self.number()))
        elif kind == "immediate":
            out.emit(asm.store(size, base, at, self.constant()))
        elif kind == "atomic":
            size = rng.choice((4, 8))
            codes = [ALU_OPS[n] | f for n in ("add", "or", "and", "xor") for f in (0, ATOMIC_FETCH)]
            code = rng.choice([*codes, ATOMIC_XCHG, ATOMIC_CMPXCHG])
            out.emit(asm.atomic(size, code, base, size * rng.randrange(limit // size), self.number()))
        else:
            code = 0xC3 | {1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18}[size]
            acquire = Insn(code, dst=self.number(), src=base, off=even, imm=LOAD_ACQUIRE)
            release = Insn(code, dst=base, src=self.number(), off=even, imm=STORE_RELEASE)
            out.emit(rng.choice((acquire, release)))

    def data(self) -> None:
        """Global data."""
        at = 8 * self.rng.randrange(DATA // 8)
        self.out.emit(asm.load_map_value(R8, ".data", at))
        self._access(R8, DATA - at)
        self.out.emit(asm.mov(R8, 0))

    def constants(self) -> None:
        """Global data that is constant, at an offset that a number says."""
        out, size = self.out, self.rng.choice((1, 2, 4, 8))
        out.emit(asm.mov(R8, self.number()), asm.alu("and", R8, self.rng.choice((3, 0x1C, 0x1F))))
        out.emit(asm.load_map_value(R1, ".rodata", self.rng.randrange(0, 25)), asm.alu("add", R1, R8))
        out.emit(asm.load(size, R2, R1, 0), asm.mov(R8, 0), asm.mov(R1, self.constant()))

    def single(self) -> None:
        """The only element of an array, at an offset that a number says; or none."""
        out, missing = self.out, self.out.label()
        out.emit(asm.store(4, FP, -STACK, self.rng.choice((0, 0, 0, 1))))
        self._looked_up("one", -STACK)
        out.jump("jeq", R8, 0, missing)
        if self.rng.random() < 0.5:
            out.emit(asm.mov(R0, self.number()), asm.alu("and", R0, self.rng.choice((1, 7))), asm.alu("add", R8, R0))
            out.emit(asm.mov(R0, self.constant()))
            size = self.rng.choice((1, 2, 4, 8))
            out.emit(asm.store(size, R8, 0, self.number()), asm.load(1, self.number(), R8, self.rng.randrange(9)))
        else:
            self._access(R8, 16)
        out.place(missing)
        out.emit(asm.mov(R8, 0))

    def _looked_up(self, name: str, at: int) -> None:
        """R8 becomes what a look-up of the key on the stack gives; all numbers are new."""
        out = self.out
        out.emit(asm.load_map(R1, name), asm.mov(R2, FP), asm.alu("add", R2, at), asm.call(1), asm.mov(R8, R0))
        out.emit(asm.mov(R0, self.constant()))
        self._after_call()

    def kept(self) -> None:
        """A pointer to an element that is used when elements have been taken out: replaced first, deleted then."""
        out, missing, rng = self.out, self.out.label(), self.rng
        item = rng.choice(self.keyed)
        keys = [rng.randrange(6) for _ in range(2)]
        out.emit(asm.store(4, FP, -STACK, keys[0]))
        self._looked_up(item.name, -STACK)
        out.jump("jeq", R8, 0, missing)
        calls = [3] * rng.randrange(1, 3)
        if not item.type.startswith("lru") and rng.random() < 0.5:
            calls[0] = 2
        for call in calls:
            out.emit(asm.store(4, FP, -STACK, rng.choice(keys)), asm.load_map(R1, item.name), asm.mov(R2, FP))
            out.emit(asm.alu("add", R2, -STACK))
            if call == 2:
                out.emit(asm.mov(R3, FP), asm.alu("add", R3, -16), asm.mov(R4, rng.choice((0, 0, 1, 2))))
            out.emit(asm.call(call))
            self._after_call()
            self._access(R8, 8)
        out.emit(asm.load(8, R9, R8, 0))
        out.place(missing)
        out.emit(asm.mov(R8, 0))

    def path(self) -> None:
        """A look-up among prefixes that lie in one another, of an address or of a prefix; its value may be written."""
        out, missing, rng = self.out, self.out.label(), self.rng
        address = _BASE ^ rng.choice((0, 0, 1 << rng.randrange(32), rng.getrandbits(8)))
        out.emit(asm.store(4, FP, -STACK, rng.choice((32, 32, 32, 24, 12, 0, 33))))
        out.emit(asm.store(4, FP, -STACK + 4, int.from_bytes(address.to_bytes(4, "big"), "little")))
        if rng.random() < 0.4:
            out.emit(asm.store(1, FP, -STACK + rng.choice((4, 7)), self.number()))
        self._looked_up("paths", -STACK)
        out.jump("jeq", R8, 0, missing)
        self._access(R8, 8)
        out.place(missing)
        out.emit(asm.mov(R8, 0))

    def nested(self) -> None:
        """A look-up in a map that lies in another."""
        out, missing, rng = self.out, self.out.label(), self.rng
        for at in (-STACK, -STACK + 4):
            if rng.random() < 0.7:
                out.emit(asm.store(4, FP, at, rng.randrange(5)))
        self._looked_up(rng.choice(("lists", "sets")), -STACK)
        out.jump("jeq", R8, 0, missing)
        out.emit(asm.mov(R1, R8), asm.mov(R2, FP), asm.alu("add", R2, -STACK + 4), asm.call(1), asm.mov(R8, R0))
        out.emit(asm.mov(R0, self.constant()))
        self._after_call()
        out.jump("jeq", R8, 0, missing)
        size, at = self._size(8)
        out.emit(asm.load(size, self.number(), R8, at))
        out.place(missing)
        out.emit(asm.mov(R8, 0))

    def ring(self) -> None:
        """A record in a ring buffer, copied or made in place."""
        out, rng = self.out, self.rng
        if rng.random() < 0.5:
            size = rng.randrange(1, 33)
            out.emit(asm.load_map(R1, "ring"), asm.mov(R2, FP), asm.alu("add", R2, -rng.randrange(size, STACK + 1)))
            out.emit(asm.mov(R3, size), asm.mov(R4, rng.choice((0, 0, 1, 2))), asm.call(130))
            self._after_call()
            return
        size, missing = 8 * rng.randrange(1, 4), out.label()
        out.emit(asm.load_map(R1, "ring"), asm.mov(R2, size), asm.mov(R3, 0), asm.call(131), asm.mov(R8, R0))
        out.emit(asm.mov(R0, self.constant()))
        self._after_call()
        out.jump("jeq", R8, 0, missing)
        for at in range(0, size, 8):
            out.emit(asm.store(8, R8, at, self.number()))
        out.emit(asm.mov(R1, R8), asm.mov(R2, 0), asm.call(rng.choice((132, 132, 133))), asm.mov(R0, self.constant()))
        self._after_call()
        out.place(missing)
        out.emit(asm.mov(R8, 0))

    def spilled(self) -> None:
        """Pointers to the packet and to the context by way of the stack."""
        out, at = self.out, -STACK - 8 * self.rng.randrange(1, 3)
        if self.rng.random() < 0.6:
            size, off = self._size(self.room)
            out.emit(asm.store(8, FP, at, R7), asm.load(8, R8, FP, at), asm.load(size, self.number(), R8, off))
        else:
            place = 0 if self.hook == "tc" else 12
            out.emit(asm.store(8, FP, at, R6), asm.load(8, R8, FP, at), asm.load(4, self.number(), R8, place))
        out.emit(asm.mov(R8, 0))

    # --- packet ---

    def immediate(self) -> None:
        """A constant stored in the packet or on the stack."""
        base, limit, start = (R7, self.room, 0) if self.room else (FP, STACK, -STACK)
        size, at = self._size(limit)
        if base is FP:
            at -= at % size
        self.out.emit(asm.store(size, base, start + at, self.constant()))

    def at_an_offset(self) -> None:
        """A store to the packet at an offset of few values."""
        self.at_few_offsets(
            (1, 2, 3, 6, 9), lambda size, at: asm.store(size, R8, at, self.rng.choice((R2, R3, R4, R5)))
        )

    def along(self) -> None:
        """A pointer to the packet that is moved on and back."""
        ahead = self.rng.randrange(0, self.room)
        back = self.rng.randrange(0, ahead + 1)
        size, at = self._size(self.room - ahead + back)
        self.out.emit(asm.mov(R8, R7), asm.alu("add", R8, ahead), asm.alu("sub", R8, back))
        self.out.emit(asm.load(size, self.number(), R8, at - (ahead - back) if at >= ahead - back else 0))
        self.out.emit(asm.mov(R8, 0))

    def length(self) -> None:
        """How far the packet's end is from its start."""
        self.out.emit(asm.load(4, R8, R6, 80 if self.hook == "tc" else 4), asm.alu("sub", R8, R7))
        self.out.emit(asm.mov(self.number(), R8), asm.mov(R8, 0))

    def legacy(self) -> None:
        """LD_ABS and LD_IND."""
        out, size, at = self.out, self.rng.choice((1, 2, 4)), self.rng.randrange(0, 40)
        if self.rng.random() < 0.5:
            out.emit(Insn(0x20 | _LDX_SIZE[size], imm=at))
        else:
            out.emit(asm.mov(R8, self.number()), asm.alu("and", R8, self.rng.choice((3, 0x1F))))
            out.emit(Insn(0x40 | _LDX_SIZE[size], src=R8, imm=at), asm.mov(R8, 0))
        self._after_call()

    def fields(self) -> None:
        """Fields of the context that are written and read."""
        if self.rng.random() < 0.5:
            self.out.emit(asm.store(8, R6, _TIME, self.number()), asm.load(8, self.number(), R6, _TIME))
        else:
            self.out.emit(asm.store(4, R6, _CLASS, self.number()), asm.load(4, self.number(), R6, _CLASS))

    # --- control ---

    def further(self) -> None:
        """A jump whose distance has 32 bits, over steps that are done in other cases."""
        out = self.out
        there, behind = out.label(), out.label()
        out.jump("jset", self.number(), self.rng.choice((1, 0x80, -256)), there, 32)
        out.branch(Insn(JMP_OPS["ja"] | JMP32), behind)
        out.place(there)
        self._quiet_steps()
        out.place(behind)

    def loop(self) -> None:
        """``bpf_loop`` with a function that writes the stack, and may end it."""
        out, rng = self.out, self.rng
        self.turns = True
        if rng.random() < 0.5:
            out.emit(asm.mov(R1, self.number()), asm.alu("and", R1, 3))
        else:
            out.emit(asm.mov(R1, rng.choice((1, 1, 2, 5, (1 << 23) + 1))))
        out.emit(Insn(LD_IMM64, 2, PSEUDO_FUNC), asm.mov(R3, FP), asm.alu("add", R3, -8 * rng.randrange(1, 9)))
        out.emit(asm.mov(R4, rng.choice((0, 0, 0, 1))), asm.call(181))
        self._after_call()

    def hand_over(self) -> None:
        """A tail call to another program; most programs have none."""
        if self.other is None and self.rng.random() < 0.7:
            return
        if self.other is None:
            second = WiderGenerator(self.rng, self.hook, 6)
            second.first, second.moved = False, True
            made = second.object()
            self.other = replace(made, programs=(replace(made.programs[0], name="other"),))
        out = self.out
        out.emit(asm.mov(R3, self.number()), asm.alu("and", R3, self.rng.choice((1, 3))), asm.mov(R1, R6))
        if self.rng.random() < 0.5:
            self.passed_on = True
            out.call(self.onward)
            self._told()
            return
        out.emit(asm.load_map(R2, "stages"), asm.call(12), asm.mov(R0, self.constant()))
        self._after_call()

    # --- helpers ---

    def difference(self) -> None:
        """The checksum of a difference; 0 and 0xffff are taken together, for which comes out is not determined."""
        out, rng = self.out, self.rng
        sizes = rng.choice(((4, 4), (8, 8), (4, 0), (12, 4), (4, 16)))
        places = [(asm.mov(r, FP), asm.alu("add", r, -32)) if size else (asm.mov(r, 0),)
                  for r, size in zip((R1, R3), sizes, strict=True)]  # fmt: skip
        out.emit(asm.mov(R5, self.number()), *places[0], *places[1], asm.mov(R2, sizes[0]), asm.mov(R4, sizes[1]))
        out.emit(asm.call(28))
        out.jump("jne", R0, 0xFFFF, behind := out.label())
        out.emit(asm.mov(R0, 0))
        out.place(behind)
        self._after_call()

    def _told(self) -> None:
        """The helper's result onto the stack, and the packet looked at again."""
        self._after_call()
        self.out.emit(asm.mov(R7, R0), asm.store(8, FP, -8 * self.rng.randrange(1, STACK // 8 + 1), R7))
        self.check()

    def wider_tc(self) -> None:
        """More ways of the helpers at tc."""
        out, rng = self.out, self.rng
        kind = rng.choice(("room", "room", "tail", "load", "relative", "invalid", "push", "pop"))
        if kind == "load":
            out.emit(asm.mov(R2, self.number()), asm.alu("and", R2, rng.choice((7, 0x3F))), asm.mov(R1, R6))
            out.emit(asm.mov(R3, FP), asm.alu("add", R3, -24), asm.mov(R4, rng.randrange(1, 17)), asm.call(26))
            self._after_call()
            return
        if kind == "tail" and (self.checks != 1 or self.room < 34):
            return
        number = rng.choice((R0, R3, R4, R5))
        out.emit(asm.mov(R1, R6))
        if kind == "room":
            self.moved = True
            flags = rng.choice(
                (0, 1, 2, 4, 2 | 8, 2 | 16, 4 | 8, 4 | 16, 8 | 16 | 2, 0x20, 0x80, 0x100, 0x180, 6, 0x21)
            )
            flags |= rng.choice((0, 0, 0x40 | 14 << 56, 8 << 56, 0x40 | 8 << 56))
            out.emit(asm.mov(R2, rng.choice((-40, -20, -8, 0, 4, 8, 14, 20, 28, 40))), asm.mov(R3, rng.choice((0, 1))))
            out.emit(asm.load_imm64(R4, flags), asm.call(50))
        elif kind == "tail":
            size = rng.choice([n for n in (34, 38, 54, 60) if n <= self.room])
            out.emit(asm.mov(R2, size), asm.mov(R3, rng.choice((0, 0, 0, 1))), asm.call(38))
        elif kind == "relative":
            out.emit(asm.mov(R2, number), asm.alu("and", R2, rng.choice((3, 0x1F))), asm.mov(R3, FP))
            out.emit(asm.alu("add", R3, -24), asm.mov(R4, rng.randrange(1, 17)), asm.mov(R5, rng.choice((0, 1, 2))))
            out.emit(asm.call(68))
        elif kind == "invalid":
            out.emit(asm.mov(R2, number), asm.call(48), asm.mov(R1, R6), asm.call(41), asm.mov(R0, 0))
        elif kind == "push":
            out.emit(asm.mov(R2, rng.choice((0x0081, 0xA888))), asm.mov(R3, number), asm.call(18))
        else:
            out.emit(asm.call(19))
        self._told()

    def wider_xdp(self) -> None:
        """More ways of the helpers at XDP."""
        out, rng = self.out, self.rng
        kind = rng.choice(("front", "metadata", "tail", "length", "load", "store"))
        if kind == "metadata":
            self._more_metadata()
        elif kind == "front":
            self._more_in_front(rng.choice((1, 4, 8, 14)))
        elif kind == "tail" and self.room:
            size = rng.randrange(13, self.room + 1)
            out.emit(asm.load(4, R2, R6, 0), asm.load(4, R3, R6, 4), asm.alu("sub", R2, R3), asm.alu("add", R2, size))
            out.emit(asm.mov(R1, R6), asm.call(65))
            self._told()
        elif kind == "length":
            out.emit(asm.mov(R1, R6), asm.call(188))
            self._told()
        elif self.room:
            size = rng.randrange(1, 17)
            inside = rng.randrange(0, max(1, self.room - size))
            loads = kind == "load" and inside + size <= self.room
            out.emit(asm.mov(R1, R6), asm.mov(R2, inside if loads else rng.randrange(70)), asm.mov(R3, FP))
            out.emit(asm.alu("add", R3, -24), asm.mov(R4, size), asm.call(189 if loads else 190))
            self._told()

    def resized(self) -> None:
        """The packet longer or shorter at its end, by a number of bytes or to what a byte of it says."""
        out, rng, behind = self.out, self.rng, self.out.label()
        to_a_byte = bool(self.room) and rng.random() < 0.4
        by = rng.choice((-40, -9, -4, -4, -1, 0, 1, 4, 4, 9, 30))
        if to_a_byte:
            out.emit(asm.load(1, R2, R7, rng.randrange(self.room)), asm.alu("add", R2, rng.choice((14, 34, 60))))
            out.emit(*self._length(R1))
            out.jump("jgt", R2, R1, behind)
            out.emit(*[asm.alu("sub", R2, R1)] * (self.hook == "xdp"))
        elif self.hook == "xdp":
            out.emit(asm.mov(R2, by))
        else:
            out.emit(*self._length(R2), asm.alu("add", R2, by))
        out.emit(asm.mov(R1, R6), asm.mov(R3, 0), asm.call(38 if self.hook == "tc" else 65))
        out.place(behind)
        self.ends_anywhere |= to_a_byte
        out.emit(*[asm.mov(R0, self.constant())] * to_a_byte)
        self._told()

    def _length(self, to: Reg) -> tuple[Insn, ...]:
        if self.hook == "tc":
            return (asm.load(4, to, R6, 0),)
        return asm.load(4, to, R6, 4), asm.load(4, R3, R6, 0), asm.alu("sub", to, R3)

    def at_the_end(self) -> None:
        """Bytes read or written so many from the packet's end."""
        out, rng = self.out, self.rng
        back = rng.choice((1, 2, 4, 4, 5, 8, 12, 30))
        size = rng.choice((back, rng.randrange(1, back + 1), back + 1))
        size = min(size, 16)
        reads = rng.random() < 0.5 and (self.hook == "tc" or size <= back)
        out.emit(*self._length(R2), asm.alu("sub", R2, back), asm.mov(R1, R6), asm.mov(R3, FP))
        if reads and self.hook == "xdp":  # what it leaves where there is nothing to read is anything
            out.emit(asm.store(8, FP, -24, 0), asm.store(8, FP, -16, 0))
            out.jump("jle", R2, 0x7FFF, there := out.label())
            out.emit(asm.mov(R2, 0))
            out.place(there)
        out.emit(asm.alu("add", R3, -24), asm.mov(R4, size), asm.mov(R5, 0))
        out.emit(
            asm.call({("tc", True): 26, ("tc", False): 9, ("xdp", True): 189, ("xdp", False): 190}[self.hook, reads])
        )
        self._told()

    def _more_in_front(self, count: int) -> None:
        """More bytes in front of the frame; what lies there is overwritten before anybody may get the frame."""
        out, there = self.out, self.out.label()
        out.emit(asm.mov(R1, R6), asm.mov(R2, -count), asm.call(44), asm.mov(R9, R0))
        out.emit(asm.load(4, R7, R6, 0), asm.load(4, R8, R6, 4), asm.mov(R0, R7), asm.alu("add", R0, count))
        out.jump("jle", R0, R8, there)
        out.emit(asm.mov(R0, 1), asm.exit_())
        out.place(there)
        for at in range(count):
            out.emit(asm.store(1, R7, at, self.rng.randrange(128)))
        out.emit(asm.mov(R0, R9), asm.mov(R8, 0))
        self._told()

    def _more_metadata(self) -> None:
        """More metadata in front of the frame or less, which is written anew; or a size that is no multiple of 4."""
        out, rng = self.out, self.rng
        change = rng.choice((4, 8, 12, -4, 6))
        if not change % 4:
            change = max(-self.metadata, min(change, _MOST_METADATA - self.metadata))
            self.metadata += change
        behind = out.label()
        out.emit(asm.mov(R1, R6), asm.mov(R2, -change), asm.call(54), asm.mov(R9, R0))
        out.emit(asm.load(4, R8, R6, _DATA_META), asm.mov(R1, R8), asm.alu("add", R1, self.metadata))
        out.emit(asm.load(4, R2, R6, 0))
        out.jump("jgt", R1, R2, behind)
        for at in range(0, self.metadata, 4):
            out.emit(asm.store(4, R8, at, rng.randrange(1 << 31)))
        out.place(behind)
        out.emit(asm.mov(R0, R9), asm.mov(R8, 0))
        self._told()

    # --- the end ---

    def _return(self) -> None:
        out, rng = self.out, self.rng
        if rng.random() < 0.6:
            super()._return()
            return
        if self.hook == "xdp":
            if rng.random() < 0.3:
                out.emit(asm.mov(R1, 2), asm.mov(R2, rng.choice((0, 1))), asm.call(23), asm.exit_())
                return
            out.emit(asm.mov(R9, R0))
            shifts = rng.choice(((0,), (0, 3)))
            for shift in shifts:
                out.emit(asm.mov(R2, R9), asm.alu("rsh", R2, shift), asm.alu("and", R2, rng.choice((1, 3, 7))))
                if len(shifts) > 1:  # the index may become the number of an interface, which has to be seen
                    out.emit(asm.alu("or", R2, 2))
                out.emit(asm.load_map(R1, "ports"), asm.mov(R3, rng.randrange(5)), asm.call(51))
            if len(shifts) > 1 and rng.random() < 0.7:  # goes where the last but one of them said
                out.emit(asm.mov(R0, 4))
            out.emit(asm.exit_())
            return
        out.emit(asm.mov(R1, R0), asm.alu("and", R1, 0xFF), asm.alu("add", R1, 2))
        kind = rng.choice((23, 152, 155))
        if kind == 152:
            out.emit(asm.mov(R2, 0), asm.mov(R3, 0), asm.mov(R4, rng.choice((0, 0, 1))))
        else:
            out.emit(asm.mov(R2, rng.choice((0, 1))))
        out.emit(asm.call(kind), asm.exit_())

    def finish(self) -> None:
        super().finish()
        if self.turns:
            self.out.place(self.turn)
            self.out.emit(*_turn())
        if self.passed_on:
            self.out.place(self.onward)
            self.out.emit(*_onward())


def _onward() -> tuple[Insn, ...]:
    """A function that makes a tail call, and has a stack of its own: what is called returns to its caller."""
    return (
        asm.store(8, FP, -8, R3), asm.mov(R6, R3), asm.load_map(R2, "stages"), asm.call(12), asm.load(8, R0, FP, -8),
        asm.alu("xor", R0, R6), asm.alu("add", R0, 5), asm.exit_(),
    )  # fmt: skip


def _turn() -> tuple[Insn, ...]:
    """A turn: what r2 points to is multiplied, the turn's number added, and the loop goes on if the result is even."""
    return (
        asm.load(8, R3, R2, 0), asm.alu("mul", R3, 31), asm.alu("add", R3, R1), asm.store(8, R2, 0, R3),
        asm.mov(R0, R3), asm.alu("and", R0, 1), asm.exit_(),
    )  # fmt: skip


def _led_to(insns: tuple[Insn, ...], function: int) -> list[Insn]:
    """With addresses of functions that of the one at slot ``function``."""
    places = slots(insns)
    return [
        replace(insn, imm=function - at - 1) if insn.wide and insn.src == PSEUDO_FUNC else insn
        for insn, at in zip(insns, places, strict=False)
    ]


def wider_tables(rng: random.Random) -> dict[str, list[tuple[bytes, bytes]]]:
    """Elements for the maps of both."""

    def some(of: range, size: int, share: float = 0.5) -> list[tuple[bytes, bytes]]:
        return [(i.to_bytes(4, "little"), rng.randbytes(size)) for i in of if rng.random() < share]

    tables = random_tables(rng) | {name: some(range(6), 8) for name in ("mine", "aged", "loose")}
    tables |= {"each": some(range(3), 8), "one": some(range(1), 16)}
    prefixes = {}
    for length in range(33):
        if rng.random() < 0.3 and len(prefixes) < 16:
            address = _BASE >> (32 - length) << (32 - length)
            prefixes[length.to_bytes(4, "little") + address.to_bytes(4, "big")] = rng.randbytes(8)
    tables["paths"] = list(prefixes.items())
    for name, count in (("lists", 4), ("sets", 4)):
        numbers = [i.to_bytes(4, "big") for i in range(1, 4)]
        tables[name] = [(key, rng.choice(numbers)) for key, _ in some(range(count), 4, 0.7)]
        tables[name + INNER] = [(n + key, value) for n in numbers for key, value in some(range(4), 8)]
    tables["ports"] = [(key, rng.choice((2, 3, 77)).to_bytes(4, "little")) for key, _ in some(range(4), 4)]
    return tables


def wider_object(rng: random.Random, hook: str, size: int = 25) -> BpfObject:
    """A random program for ``hook`` ("tc" or "xdp") with the maps that it names."""
    return WiderGenerator(rng, hook, size, helpers=rng.random() < 0.8).object()


__all__ = ["MORE_MAPS", "WiderGenerator", "wider_object", "wider_tables"]
