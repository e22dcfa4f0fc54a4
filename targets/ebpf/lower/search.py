"""The search for the first slot whose rule matches (:mod:`..slots`): one word of 64 slots after the other.

A word is made without a jump, and so is the number of its lowest bit, so that the kernel's verifier has one way to
follow through each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..artifact import Label, asm
from ..artifact.asm import R0, R1, R2, R3, R7, R10
from ..layout import TableLayout
from ..slots import COUNT, EIGHTS, FOURS, TWOS, WORD_BITS, WORD_BYTES, Chain, Slots
from .frame import Ref
from .gen import Gen, Temp
from .hooks import MAP_LOOKUP

INDEX_BYTES: Final = 4


@dataclass(frozen=True)
class _Search:
    g: Gen
    layout: TableLayout
    slots: Slots
    key: int
    """Where the key's bytes lie on the stack."""
    index: int
    """Where an array's index is put on the stack."""

    def word(self, number: int, common: Temp) -> None:
        """``common`` = the slots of a word that match."""
        plane = 0
        for place, chain in enumerate(self.slots.chains):
            if len(chain) == 1:
                self._vector(number, plane, chain)
            else:
                self._chain(number, plane, chain)
            if place:
                _join(self.g, common, "and")
            else:
                common.save()
            plane += len(chain)

    def _chain(self, word: int, plane: int, chain: Chain) -> None:
        """r1 = the vectors of a chain, joined."""
        with self.g.temp() as joined:
            for step in range(len(chain)):
                self._vector(word, plane + step, chain[step:])
                if step:
                    _join(self.g, joined, chain[step].join)
                else:
                    joined.save()
            joined.load()

    def _vector(self, word: int, plane: int, chain: Chain) -> None:
        """r1 = the word of a plane at the key's byte."""
        place = chain[0].plane
        part = next(part for part in self.layout.keys if part.index == place.key)
        self.g.asm.emit(
            asm.load(1, R1, R10, self.key + part.offset + part.size - 1 - place.byte),
            asm.alu("add", R1, self.slots.first_index(word, plane)),
        )
        self.element(self.slots.bits.name)
        self.g.asm.emit(asm.load(WORD_BYTES, R1, R0))

    def element(self, name: str) -> None:
        """r0 = the address of the element of an array at the index in r1, which is there."""
        g = self.g
        g.asm.emit(
            asm.store(INDEX_BYTES, R10, self.index, R1),
            asm.load_map(R1, name), asm.mov(R2, R10), asm.alu("add", R2, self.index), asm.call(MAP_LOOKUP),
        )  # fmt: skip
        g.asm.jump("jeq", R0, 0, g.drop)


def find(g: Gen, layout: TableLayout, slots: Slots, key: int, miss: Label, number: Ref | None = None) -> None:
    """r7 = the value of the first slot that matches the key on the stack; go to ``miss`` if there is none. ``number``:
    where to note the slot's number, one higher."""
    assert layout.entries is not None
    g.maps[slots.bits.name] = slots.bits
    found = g.asm.label()
    with g.buffer(INDEX_BYTES) as index, g.temp() as common, g.temp() as first:
        search = _Search(g, layout, slots, key, index)
        for word in range(slots.words):
            last = word == slots.words - 1
            other = miss if last else g.asm.label()
            search.word(word, common)
            common.load()
            g.asm.jump("jeq", R1, 0, other)
            g.constant(R2, WORD_BITS * word)
            first.save(R2)
            if not last:
                g.asm.goto(found)
                g.asm.place(other)
        g.asm.place(found)
        common.load()
        _lowest_bit(g)
        first.load(R2)
        g.asm.emit(asm.alu("or", R1, R2))
        if number is not None:
            g.asm.emit(asm.alu("add", R1, 1))
            g.store_leaf(number, R1)
            g.asm.emit(asm.alu("sub", R1, 1))
        search.element(layout.entries.name)
    g.asm.emit(asm.mov(R7, R0))


def _join(g: Gen, temp: Temp, operation: str) -> None:
    """Join r1 to what ``temp`` holds."""
    if temp.reg is not None:
        g.asm.emit(asm.alu(operation, temp.reg, R1))
    else:
        temp.load(R2)
        g.asm.emit(asm.alu(operation, R1, R2))
        temp.save()


def _lowest_bit(g: Gen) -> None:
    """r1 = the number of the lowest bit that is set in r1, which is not 0: how many zeros are below it."""
    g.asm.emit(asm.mov(R2, R1), asm.alu("sub", R2, 1), asm.alu("xor", R1, -1), asm.alu("and", R1, R2))
    g.asm.emit(asm.load_imm64(R3, TWOS), asm.mov(R2, R1), asm.alu("rsh", R2, 1), asm.alu("and", R2, R3))
    g.asm.emit(asm.alu("sub", R1, R2))
    g.asm.emit(asm.load_imm64(R3, FOURS), asm.mov(R2, R1), asm.alu("rsh", R2, 2), asm.alu("and", R2, R3))
    g.asm.emit(asm.alu("and", R1, R3), asm.alu("add", R1, R2))
    g.asm.emit(asm.mov(R2, R1), asm.alu("rsh", R2, 4), asm.alu("add", R1, R2))
    g.asm.emit(asm.load_imm64(R3, EIGHTS), asm.alu("and", R1, R3))
    for shift in (8, 16, 32):
        g.asm.emit(asm.mov(R2, R1), asm.alu("rsh", R2, shift), asm.alu("add", R1, R2))
    g.asm.emit(asm.alu("and", R1, COUNT))
