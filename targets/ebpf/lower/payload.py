"""The Internet checksum's sum over what the parser did not take, which has any length.

A loop copies the frame to the stack, :data:`CHUNK` bytes a turn, and adds up its 32-bit words as the machine reads
them; a second one adds what is left word by word, the last byte as a word with a zero behind it. The words' bytes are
in the machine's order (little-endian), so the folded sum's are swapped (RFC 1071, "Byte Order Independence"). A sum of
2**14 words of 32 bits does not overflow 64 bits.

The kernel's verifier follows every turn: it knows how many bytes were added, not where the frame ends. So there is one
condition a turn (of 8192 on a path) that it cannot decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ....semantics import ir
from ....semantics.ir.traverse import mentioned
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import Label, Reg, asm
from ..artifact.asm import R0, R1, R2, R3, R4, R6, R7, R10
from .gen import Gen
from .hooks import TAG_AT, TAG_BYTES, TcHook

if TYPE_CHECKING:
    from .package import Arrivals

CHUNK: Final = 64
"""Bytes that a turn adds: a power of two."""
WORD: Final = 2
MOST: Final = 1 << 16
"""More bytes than any frame has."""
_ASKING: Final = ("verify_checksum_with_payload", "update_checksum_with_payload")
_KNOWN: Final = "$rest"
"""Name of the sum, where it is kept."""
_FOLDS: Final = 4
"""A sum of 47 bits has at most 33 after the first time, then 18, 17, 16."""


def begin(g: Gen, *, copied: bool) -> None:
    """The parser has stopped: if several places ask for the sum, or each copy of a packet does, it is made here."""
    found = [node.span for node in mentioned(g.program) if isinstance(node, ir.ExternCall) and node.extern in _ASKING]
    if len(found) > 1 or (found and copied):
        known = g.declare(_KNOWN, ir.bits(16), found[0])
        _make(g, found[0])
        g.store_leaf(known, R1)
        g.objects[_KNOWN] = known


def add_up(g: Gen, span: Span) -> None:
    """r1 = the one's complement sum (16 bits) of the words from where the parser stopped to the end of the frame, which
    is as it came in. Destroys r0 to r5 and r7.

    Raises:
        CannotOffload: it may stop within a byte; or no register is left.
    """
    known = g.objects.get(_KNOWN)
    if known is not None:
        g.load_leaf(R1, known, span=span)
    else:
        _make(g, span)


def _make(g: Gen, span: Span) -> None:
    """As :func:`add_up`."""
    arrivals = g.arrivals
    if arrivals is None:
        raise CannotOffload("a checksum over the payload where the frame has changed", span)
    if any(way.cursor % 8 for way in arrivals.exits):
        raise CannotOffload("a checksum over a payload that does not begin at a byte", span)
    with g.buffer(8, span) as start, g.buffer(8, span) as left, g.buffer(CHUNK, span) as chunk, g.temp() as done:
        if done.reg is None:
            raise CannotOffload("a checksum over the payload inside another computation", span)
        g.hook.data_length(g)
        g.asm.emit(asm.store(8, R10, left, R1), asm.mov(R7, 0))
        _start(g, arrivals, span)
        g.asm.emit(asm.alu("and", R1, 0xFFFF), asm.store(8, R10, start, R1))
        g.asm.emit(asm.load(8, R2, R10, left), asm.alu("sub", R2, R1), asm.store(8, R10, left, R2))
        g.asm.jump("jslt", R2, 0, g.drop)  # never: the parser has been there; it tells readers of the code
        for size, most in ((CHUNK, MOST), (WORD, CHUNK)):
            again, less = g.asm.label(), g.asm.label()
            g.asm.emit(asm.mov(done.reg, 0))
            g.asm.place(again)
            _load(g, start, done.reg, chunk, size, less)
            g.asm.jump("jlt", done.reg, most, again)
            g.asm.goto(g.drop)  # never: no frame is that long
            g.asm.place(less)
            for place, op in ((start, "add"), (left, "sub")) if size == CHUNK else ():
                g.asm.emit(asm.load(8, R1, R10, place), asm.alu(op, R1, done.reg), asm.store(8, R10, place, R1))
        even = g.asm.label()
        g.asm.emit(asm.load(8, R1, R10, left), asm.alu("sub", R1, done.reg))
        g.asm.jump("jslt", R1, 1, even)
        _load(g, start, done.reg, chunk, 1, g.drop)  # never dropped: the byte is there
        g.asm.place(even)
    g.asm.emit(asm.mov(R1, R7))
    for _ in range(_FOLDS):
        g.asm.emit(asm.mov(R2, R1), asm.alu("rsh", R2, 16), asm.alu("and", R1, 0xFFFF), asm.alu("add", R1, R2))
    g.asm.emit(asm.to_big_endian(R1, 16))


def _load(g: Gen, start: int, done: Reg, chunk: int, size: int, short: Label) -> None:
    """The next ``size`` bytes added to r7, and as many to ``done``; to ``short`` if there are fewer."""
    g.asm.emit(asm.load(8, R2, R10, start), asm.alu("add", R2, done), asm.mov(R1, R6))
    g.asm.emit(asm.mov(R3, R10), asm.alu("add", R3, chunk), asm.mov(R4, size), asm.call(g.hook.load_bytes))
    g.asm.jump("jne", R0, 0, short)
    step = min(size, 4)
    for at in range(0, size, step):
        g.asm.emit(asm.load(step, R1, R10, chunk + at), asm.alu("add", R7, R1))
    g.asm.emit(asm.alu("add", done, size))


def _start(g: Gen, arrivals: Arrivals, span: Span) -> None:
    """r1 = where the rest begins in the data; words of a tag beside the data, and in front of it, are added to r7."""
    ready, first = g.asm.label(), sorted({way.cursor // 8 for way in arrivals.exits if way.tagged})
    if first:
        assert isinstance(g.hook, TcHook)
        g.asm.emit(asm.load(4, R2, R6, g.hook.VLAN_PRESENT))
        g.load_leaf(R1, arrivals.cursor, span=span)
        g.asm.emit(asm.alu("rsh", R1, 3))
        g.asm.jump("jeq", R2, 0, ready)
        behind = TAG_AT + TAG_BYTES
        for at in (at for at in first if at < behind):
            if at % 2:
                raise CannotOffload("a checksum over a payload that begins at an odd byte of a tag or before", span)
            other = g.asm.label()
            g.asm.jump("jne", R1, at, other)
            with g.hook.fetch(g, True, at, behind - at, g.drop) as (reg, place):
                for word in range(0, behind - at, 2):
                    g.asm.emit(asm.load(2, R1, reg, place + word), asm.alu("add", R7, R1))
            g.asm.emit(asm.mov(R1, TAG_AT))
            g.asm.goto(ready)
            g.asm.place(other)
        g.asm.emit(asm.alu("sub", R1, TAG_BYTES))
        g.asm.place(ready)
        return
    g.load_leaf(R1, arrivals.cursor, span=span)
    g.asm.emit(asm.alu("rsh", R1, 3))


__all__ = ["add_up", "begin"]
