"""The state of one pass of code generation, and the code for loading and storing bits.

Registers: r6 holds the context throughout; r7 a pointer into the packet or a map's value, while one is used; r8 and r9
are temporaries, but r9 points to scratch memory (:mod:`..scratch`) in programs that need some; expressions leave their
value in r1 and may destroy r0 and r2 to r5. Values of up to 64 bits are kept zero-extended, whatever their sign.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from ....semantics import ir
from ....semantics.source import NOWHERE, Span
from ...base import CannotOffload
from ..artifact import Assembler, Label, MapDef, Reg, asm
from ..artifact.asm import R1, R2, R8, R9, R10
from ..artifact.shortest import ETH_HLEN
from ..layout import TableLayout, scalar_width
from ..scratch import MOST_BYTES
from .frame import STACK_BYTES, Frame, Leaf, Place, Ref, Usage, leaf_bytes, leaves, parts, type_name

if TYPE_CHECKING:
    from .hooks import Hook
    from .package import Arrivals
    from .parse_points import ParsePoint

_CALLEE_SAVED: Final = (R8, R9)


@dataclass
class Call:
    """An action, function or block that is being generated in line."""

    leave: Label
    """Where ``return`` goes."""
    exit: Label
    """Where ``exit`` goes: to the copies out of this call, then to its caller's ``exit``."""
    result: Ref | None = None
    exits: bool = False
    """Whether something jumps to ``exit``."""


@dataclass(frozen=True)
class Loop:
    """A loop that is being generated."""

    again: Label
    """Where ``continue`` goes."""
    leave: Label
    """Where ``break`` goes."""


@dataclass(frozen=True)
class LookedUp:
    """A table whose action is being generated."""

    layout: TableLayout
    key: int | None
    """Where on the stack its key lies, if that is still there."""
    entry: Ref | None
    """Where the rules are compiled in or lie in slots, and somebody asks for it: the number of the one that was hit,
    one higher."""


Forgets = Literal["nothing", "loops", "all"]
"""Headers of which parsers do not know whether they were extracted: those that states of loops extract, or all."""


@dataclass
class Gen:
    """One pass over a program."""

    program: ir.Program
    hook: Hook
    layouts: Mapping[str, TableLayout]
    usage: Usage
    frame: Frame
    drop: Label
    """Where a packet is dropped."""
    asm: Assembler = field(default_factory=Assembler)
    shortest: int = ETH_HLEN
    """Bytes that every frame has."""
    port0: int = 0
    """The interface that is port 0."""
    maps: dict[str, MapDef] = field(default_factory=dict)
    kept: int = STACK_BYTES
    """Bytes of the stack that variables may take; those that find no room there lie in scratch memory."""
    scratch: Frame = field(default_factory=lambda: Frame(size=MOST_BYTES))
    slots: dict[str, Place] = field(default_factory=dict)
    """Path of a leaf → where it lies."""
    env: dict[str, Ref] = field(default_factory=dict)
    """Names in scope."""
    actions: dict[str, ir.Action] = field(default_factory=dict)
    tables: dict[str, ir.Table] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    value_sets: dict[str, str] = field(default_factory=dict)
    """Those of the parser being generated: name → control-plane name."""
    loops: list[Loop] = field(default_factory=list)
    turns: int = 1
    """How many times the code being generated is made, as loops are unrolled."""
    active: list[str] = field(default_factory=list)
    """Names of the functions and blocks being generated, against recursion."""
    point: ParsePoint | None = None
    """Where a parser stands, while one is generated."""
    looked_up: LookedUp | None = None
    """The table whose action is being generated."""
    learning: set[str] = field(default_factory=set)
    """Tables to which the program adds entries, as far as they have been applied: what is added is there for packets
    that come later, so that no table is asked again."""
    fixed: dict[str, int] = field(default_factory=dict)
    """Path of a leaf that nothing writes behind what set it → the number that it holds."""
    of_copy: bool = False
    """Whether the code that is being made runs for a copy of the packet."""
    objects: dict[str, Ref] = field(default_factory=dict)
    """Full name of a checksum object → what it holds."""
    bounded_loops: bool = False
    """Whether loops of parsers are followed only so far, as nothing else bounds them."""
    forgets: Forgets = "nothing"
    """Of which headers parsers know at no point whether they were extracted, nor with which sizes: ways on which as
    much was parsed meet again, where there would be too many of them."""
    forgotten: set[str] = field(default_factory=set)
    """Paths of these headers, as far as some code extracts them."""
    extracted: dict[str, set[int]] = field(default_factory=dict)
    """Paths of headers, and of their varbits, that some code extracts → the bits of a varbit (of a header: 0)."""
    loose: bool = False
    """Whether the headers that a parser leaves valid may have other bits, in all, than it has moved on."""
    arrivals: Arrivals | None = None
    """The ways out of the parser, where the frame stays as it came until the deparser writes it."""
    comes_back: bool = True
    """Whether packets come back to the program's beginning, as far as the last pass over it has found out."""
    standard: Ref | None = None
    """The architecture's own metadata, if it has any."""
    varbit_bytes_only: bool = False
    """Whether sizes of varbits, and what is skipped, must be whole bytes (BMv2)."""
    marked: Ref | None = None
    """Whether the packet is marked to be dropped, in architectures with such marks."""
    truncated: dict[int, Span] = field(default_factory=dict)
    """Lengths that the code made so far may cut the frame to → the first call that does."""
    to_stack: bool = False
    """Whether a frame may go on to the stack, for which it matters what type of frame the kernel takes it for."""
    conditional: int = 0
    """How many conditions decide whether the code being generated runs at all."""
    _roots: int = 0
    _registers: list[Reg] = field(default_factory=lambda: list(_CALLEE_SAVED))
    _scopes: list[list[tuple[str, Place, int]]] = field(default_factory=lambda: [[]])

    def reserve(self, reg: Reg) -> None:
        """A register for temporaries is none any more."""
        self._registers.remove(reg)

    @property
    def spills(self) -> bool:
        """Whether there is scratch memory."""
        return self.kept < STACK_BYTES

    # --- variables ---

    def width(self, type_: ir.Type, span: Span = NOWHERE) -> int:
        """Bits of a scalar type. Raises CannotOffload for others."""
        width = scalar_width(type_)
        if width is None:
            raise CannotOffload(f"a value of type {type_name(type_)} cannot be used here", span)
        return width

    @contextmanager
    def maybe(self) -> Iterator[None]:
        """Code inside runs under some condition only."""
        self.conditional += 1
        yield
        self.conditional -= 1

    @contextmanager
    def scope(self) -> Iterator[None]:
        """What is declared inside is gone behind it."""
        self._scopes.append([])
        env = dict(self.env)
        yield
        self.env = env
        for path, place, size in self._scopes.pop():
            del self.slots[path]
            self.forget(place, size)

    def declare(self, name: str, type_: ir.Type, span: Span = NOWHERE) -> Ref:
        """A new variable, in scope as ``name``; its leaves hold nothing yet."""
        self._roots += 1
        ref = Ref(f"{name}#{self._roots}", type_)
        for leaf in leaves(self.program, ref, span):
            if leaf.width and self.is_live(leaf.path):
                size = leaf_bytes(leaf.width)
                place = self.room(size, span)
                self.slots[leaf.path] = place
                self._scopes[-1].append((leaf.path, place, size))
        self.env[name] = ref
        return ref

    def room(self, size: int, span: Span = NOWHERE) -> Place:
        """``size`` bytes for a variable, until :meth:`forget`."""
        if not self.spills or self.frame.has_room(size, self.kept):
            return Place(R10, self.frame.take(size, span))
        return Place(R9, -self.scratch.take(size, span) - size)

    def forget(self, place: Place, size: int) -> None:
        """Free what :meth:`room` gave."""
        if place.base == R10:
            self.frame.give_back(place.offset, size)
        else:
            self.scratch.give_back(-place.offset - size, size)

    def is_live(self, path: str) -> bool:
        """Whether some code may read the leaf."""
        return self.usage.live is None or path in self.usage.live

    def any_live(self, ref: Ref) -> bool:
        """Whether some leaf of ``ref`` may be read."""
        return any(leaf.width and self.is_live(leaf.path) for leaf in leaves(self.program, ref))

    def clear(self, ref: Ref, span: Span = NOWHERE) -> None:
        """All leaves 0: headers invalid, and what P4 leaves undefined is 0."""
        for leaf in leaves(self.program, ref, span):
            self.store_constant(leaf, 0)

    @property
    def no_error(self) -> int:
        """The number of ``NoError``; a program may declare errors of its own before the core library's."""
        return self.program.errors.index("NoError") if "NoError" in self.program.errors else 0

    def no_errors(self, ref: Ref) -> None:
        """Every error in ``ref``, which was cleared, is ``NoError``."""
        todo = [ref] if self.no_error else []
        while todo:
            item = todo.pop()
            todo += parts(item.type, item)
            if isinstance(ir.bare(item.type), ir.ErrorType):
                self.store_constant(next(leaves(self.program, item)), self.no_error)

    def store_constant(self, leaf: Leaf, value: int) -> None:
        """Write a constant to a leaf, if it is kept."""
        if leaf.path not in self.slots:
            return
        place, size = self.slots[leaf.path], leaf_bytes(leaf.width)
        for low in range(0, size, 8):
            word = value >> 8 * low & ((1 << 8 * min(size, 8)) - 1)
            if size < 8 or word < 1 << 31:
                self.asm.emit(asm.store(min(size, 8), place.base, place.offset + low, word))
            else:
                self.constant(R1, word)
                self.asm.emit(asm.store(8, place.base, place.offset + low, R1))

    def load_leaf(self, dst: Reg, ref: Ref, limb: int = 0, span: Span = NOWHERE) -> None:
        """``dst`` = a leaf, or one 64-bit limb of a wide one."""
        self.usage.loads.setdefault(ref.path, span)
        width = self.width(ref.type, span)
        if not width:
            self.constant(dst, 0)
        else:
            place = self.slots[ref.path]
            self.asm.emit(asm.load(min(leaf_bytes(width), 8), dst, place.base, place.offset + 8 * limb))

    def store_leaf(self, ref: Ref, src: Reg, limb: int = 0) -> None:
        """Write ``src`` to a leaf (or limb of one), if it is kept."""
        if ref.path in self.slots:
            size, place = min(leaf_bytes(self.width(ref.type)), 8), self.slots[ref.path]
            self.asm.emit(asm.store(size, place.base, place.offset + 8 * limb, src))

    def move(self, source: Place, target: Place, size: int) -> None:
        """Copy a leaf of ``size`` bytes; destroys r1."""
        for low in range(0, size, 8):
            step = min(8, size)
            self.asm.emit(
                asm.load(step, R1, source.base, source.offset + low),
                asm.store(step, target.base, target.offset + low, R1),
            )

    def written(self, ref: Ref, span: Span, *, zero: bool = False) -> None:
        """Note that the program itself changes ``ref``; ``zero``: to nothing but zeros."""
        for leaf in leaves(self.program, ref, span):
            self.usage.stores.setdefault(leaf.path, span)
            if not zero:
                self.usage.nonzero.setdefault(leaf.path, span)

    # --- temporaries ---

    @contextmanager
    def hold(self, reg: Reg = R1) -> Iterator[Temp]:
        """Keep the value of ``reg`` while other code runs."""
        with self.temp() as temp:
            temp.save(reg)
            yield temp

    @contextmanager
    def temp(self) -> Iterator[Temp]:
        """A place for one 64-bit value: a register that calls leave alone, or eight bytes of stack."""
        if self._registers:
            reg = self._registers.pop()
            yield Temp(self, reg, 0)
            self._registers.append(reg)
        else:
            with self.buffer(8) as offset:
                yield Temp(self, None, offset)

    @contextmanager
    def buffer(self, size: int, span: Span = NOWHERE) -> Iterator[int]:
        """The offset of at least ``size`` bytes of stack, aligned to 8."""
        size = max(8, (size + 7) // 8 * 8)
        offset = self.frame.take(size, span)
        yield offset
        self.frame.give_back(offset, size)

    # --- code ---

    def constant(self, dst: Reg, value: int) -> None:
        """``dst`` = a number, modulo 2**64."""
        value &= (1 << 64) - 1
        if value < 1 << 31:
            self.asm.emit(asm.mov(dst, value))
        elif value < 1 << 32:
            self.asm.emit(asm.mov(dst, value, 32))
        elif value >= (1 << 64) - (1 << 31):
            self.asm.emit(asm.mov(dst, value - (1 << 64)))
        else:
            self.asm.emit(asm.load_imm64(dst, value))

    def trim(self, reg: Reg, width: int) -> None:
        """Keep the low ``width`` bits."""
        if width < 32:
            self.asm.emit(asm.alu("and", reg, (1 << width) - 1))
        elif width == 32:
            self.asm.emit(asm.mov(reg, reg, 32))
        elif width < 64:
            self.asm.emit(asm.alu("lsh", reg, 64 - width), asm.alu("rsh", reg, 64 - width))

    def sign_extend(self, reg: Reg, width: int) -> None:
        """Copy bit ``width - 1`` to all bits above."""
        if width < 64:
            self.asm.emit(asm.alu("lsh", reg, 64 - width), asm.alu("arsh", reg, 64 - width))

    def load_bits(self, base: Reg, offset: int, bit: int, width: int) -> None:
        """r1 = ``width`` bits (1 to 64) in network order from bit ``bit`` on, counted from the highest bit of the byte
        at ``base + offset``; ``base`` is neither r1 nor r2. Stack accesses are aligned, as the kernel asks."""
        first, last = bit // 8, (bit + width - 1) // 8
        if last - first >= 8:
            high = 8 * (first + 8) - bit
            self.load_bits(base, offset, bit, high)
            with self.hold() as held:
                self.load_bits(base, offset, bit + high, width - high)
                held.load(R2)
            self.asm.emit(asm.alu("lsh", R2, width - high), asm.alu("or", R1, R2))
            return
        for number, (at, size) in enumerate(chunks(offset + first, last - first + 1, base == R10)):
            reg = R2 if number else R1
            self.asm.emit(asm.load(size, reg, base, at))
            if size > 1:
                self.asm.emit(asm.to_big_endian(reg, 8 * size))
            if number:
                self.asm.emit(asm.alu("lsh", R1, 8 * size), asm.alu("or", R1, R2))
        tail = 8 * (last + 1) - (bit + width)
        if tail:
            self.asm.emit(asm.alu("rsh", R1, tail))
        if 8 * (last - first + 1) - tail > width:
            self.trim(R1, width)

    def store_bytes(self, base: Reg, offset: int, size: int) -> None:
        """Write the low ``size`` bytes of r1 in network order to ``base + offset``; destroys r2."""
        left = size
        for at, step in chunks(offset, size, base == R10):
            left -= step
            self.asm.emit(asm.mov(R2, R1))
            if left:
                self.asm.emit(asm.alu("rsh", R2, 8 * left))
            if step > 1:
                self.asm.emit(asm.to_big_endian(R2, 8 * step))
            self.asm.emit(asm.store(step, base, at, R2))


def chunks(offset: int, size: int, aligned: bool) -> list[tuple[int, int]]:
    """``size`` bytes from ``offset`` as accesses (offset, 1 or 2 or 4 or 8), aligned if asked."""
    out = []
    while size:
        step = next(s for s in (8, 4, 2, 1) if s <= size and (not aligned or offset % s == 0))
        out.append((offset, step))
        offset, size = offset + step, size - step
    return out


@dataclass
class Temp:
    """Holds one 64-bit value."""

    gen: Gen
    reg: Reg | None
    offset: int

    def save(self, src: Reg = R1) -> None:
        """Keep the value of ``src``."""
        if self.reg is not None:
            self.gen.asm.emit(asm.mov(self.reg, src))
        else:
            self.gen.asm.emit(asm.store(8, R10, self.offset, src))

    def load(self, dst: Reg = R1) -> None:
        """``dst`` = the value kept."""
        if self.reg is not None:
            self.gen.asm.emit(asm.mov(dst, self.reg))
        else:
            self.gen.asm.emit(asm.load(8, dst, R10, self.offset))
