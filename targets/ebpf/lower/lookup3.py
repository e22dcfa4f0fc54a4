"""ubpf_model's ``hash``: ``hashlittle`` of Bob Jenkins' public ``lookup3.c`` with the initial value 0, over the C
structure that p4c's ubpf back end makes of the data.

That structure has each number in the smallest of 1, 2, 4 and 8 bytes that holds it, the lowest byte first, and a byte
of 0 behind each number that takes an odd number of bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R1, R2, R3, R4
from . import stmts
from .checksums import fields_of
from .frame import Leaf, Ref
from .gen import Gen, Temp
from .hashes import MAX_BITS

BEGIN: Final = 0xDEADBEEF
BLOCK, WORD = 12, 4
"""Bytes that are mixed in at once, and of a word."""

_MIX: Final = (("a", "c", 4, "b"), ("b", "a", 6, "c"), ("c", "b", 8, "a"), ("a", "c", 16, "b"), ("b", "a", 19, "c"),
               ("c", "b", 4, "a"))  # fmt: skip
"""Steps of ``mix``: ``x -= y; x ^= rot(y, n); y += z``."""
_FINAL: Final = (("c", "b", 14), ("a", "c", 11), ("b", "a", 25), ("c", "b", 16), ("a", "c", 4), ("b", "a", 14),
                 ("c", "b", 24))  # fmt: skip
"""Steps of ``final``: ``x ^= y; x -= rot(y, n)``."""

_Placed = tuple[Leaf, int, int]
"""A number, its first byte and how many it has."""


def into(g: Gen, call: ir.ExternCall) -> None:
    """``hash(result, HashAlgorithm.lookup3, data)``.

    Raises:
        CannotOffload: data that a C compiler would align, or a number of more than 64 bits.
    """
    target, _, data = call.args
    if target is None or data is None:
        raise CannotOffload("an argument is missing", call.span)
    with g.scope():
        result = g.declare("$hash", ir.bits(32), call.span)
        _hash(g, data, result, call.span)
        stmts.store(g, target, ir.Var("$hash", ir.bits(32), call.span), call.span)


def _hash(g: Gen, data: ir.Expr, result: Ref, span: Span) -> None:
    fields, total = fields_of(g, data, span)
    if total > MAX_BITS:
        raise CannotOffload(f"a hash of more than {MAX_BITS} bits", span)
    placed, size = _structure([leaf for leaf, _ in fields], span)
    with g.temp() as a, g.temp() as b, g.temp() as c:
        state = {"a": a, "b": b, "c": c}
        g.constant(R1, BEGIN + size & 0xFFFFFFFF)
        for word in state.values():
            word.save()
        start = 0
        while size - start > BLOCK:
            _add_block(g, state, placed, start)
            for x, y, count, z in _MIX:
                _mix(g, state[x], state[y], count, state[z])
            start += BLOCK
        if size:
            _add_block(g, state, placed, start)
            for x, y, count in _FINAL:
                _finish(g, state[x], state[y], count)
        c.load()
    g.store_leaf(result, R1)


def _structure(fields: Sequence[Leaf], span: Span) -> tuple[list[_Placed], int]:
    """Where the numbers lie, and the bytes in all."""
    placed: list[_Placed] = []
    end, largest = 0, 1
    for leaf in fields:
        size = next((size for size in (1, 2, 4, 8) if leaf.width <= 8 * size), 0)
        if not size:
            raise CannotOffload("a hash of a field of more than 64 bits", span)
        if end % size:
            raise CannotOffload("a hash of fields that a C compiler aligns", span)
        placed.append((leaf, end, size))
        end += size + -(-leaf.width // 8) % 2
        largest = max(largest, size)
    if end % largest:
        raise CannotOffload("a hash of a structure that a C compiler pads at its end", span)
    return placed, end


def _add_block(g: Gen, state: dict[str, Temp], placed: Sequence[_Placed], start: int) -> None:
    """Add up to three words that begin at a byte."""
    for number, word in enumerate(state.values()):
        first = start + WORD * number
        inside = [(leaf, at) for leaf, at, size in placed if at < first + WORD and at + size > first]
        if not inside:
            continue
        _load(g, *inside[0], first)
        for leaf, at in inside[1:]:
            with g.hold() as lower:
                _load(g, leaf, at, first)
                lower.load(R2)
                g.asm.emit(asm.alu("or", R1, R2))
        word.load(R2)
        g.asm.emit(asm.alu("add", R2, R1, 32))
        word.save(R2)


def _load(g: Gen, leaf: Leaf, at: int, first: int) -> None:
    """r1 = a number that lies at byte ``at``, for a word that begins at ``first``; bits above the word may be set."""
    g.load_leaf(R1, Ref(leaf.path, ir.bits(leaf.width)))
    if at != first:
        g.asm.emit(asm.alu("rsh" if at < first else "lsh", R1, 8 * abs(at - first)))


def _rotated(g: Gen, count: int) -> None:
    """r3 = r2 rotated to the left, as 32 bits; destroys r4."""
    g.asm.emit(asm.mov(R3, R2, 32), asm.alu("lsh", R3, count, 32))
    g.asm.emit(asm.mov(R4, R2, 32), asm.alu("rsh", R4, 32 - count, 32), asm.alu("or", R3, R4))


def _mix(g: Gen, x: Temp, y: Temp, count: int, z: Temp) -> None:
    x.load(R1)
    y.load(R2)
    g.asm.emit(asm.alu("sub", R1, R2, 32))
    _rotated(g, count)
    g.asm.emit(asm.alu("xor", R1, R3))
    x.save(R1)
    z.load(R1)
    g.asm.emit(asm.alu("add", R2, R1, 32))
    y.save(R2)


def _finish(g: Gen, x: Temp, y: Temp, count: int) -> None:
    x.load(R1)
    y.load(R2)
    g.asm.emit(asm.alu("xor", R1, R2))
    _rotated(g, count)
    g.asm.emit(asm.alu("sub", R1, R3, 32))
    x.save(R1)


__all__ = ["into"]
