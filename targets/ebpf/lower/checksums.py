"""Checksums: the Internet checksum of fields, and its update for fields that change."""

from __future__ import annotations

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R1, R2
from . import expr as ex
from . import operands, payload, stmts, wide
from .frame import SIZE, SIZE_BITS, VALID, Leaf, Ref, leaves
from .gen import Gen


def fields_of(
    g: Gen, data: ir.Expr, span: Span, *, last_may_vary: bool = False, zeros_before: bool = False
) -> tuple[list[tuple[Leaf, int]], int]:
    """The leaves of struct-like data side by side, each with its first bit, and the bits in all.

    The data is evaluated here, and kept until the scope ends. ``last_may_vary``: the last field may be a varbit, whose
    whole place then counts: there are zeros behind its bits. ``zeros_before``: they come first that make whole bytes.
    """
    out, at, _ = _fields_of(g, data, span, last_may_vary=last_may_vary, zeros_before=zeros_before)
    return out, at


def _fields_of(
    g: Gen, data: ir.Expr, span: Span, *, last_may_vary: bool, zeros_before: bool
) -> tuple[list[tuple[Leaf, int]], int, str | None]:
    """The same, with the path of the leaf that holds the size of the last field, if that varies."""
    place, size = None, None
    if isinstance(data, ir.Var | ir.Member | ir.Index) and operands.runtime_index(data) is None:
        place = operands.resolve(g, data)
    if place is None:
        place = g.declare("$data", data.type, span)
        stmts.assign(g, place, data)
    found = [leaf for leaf in leaves(g.program, place, span) if not leaf.path.endswith(f".{VALID}")]
    if last_may_vary and found and found[-1].path.endswith(f".{SIZE}"):
        size = found.pop().path
    out, at = [], -sum(leaf.width for leaf in found) % 8 if zeros_before else 0
    for leaf in found:
        if leaf.path.endswith(f".{SIZE}"):
            raise CannotOffload("a hash or checksum of a field of varying size", span)
        out.append((leaf, at))
        at += leaf.width
    return out, at, size


def checksum(
    g: Gen, data: ir.Expr, call: ir.ExternCall, *, zeros_before: bool = False, with_payload: bool = False
) -> None:
    """r1 = the Internet checksum (RFC 1071) of the fields side by side, and of what the parser did not take."""
    with g.scope():
        layout, total, size = _fields_of(g, data, call.span, last_may_vary=not zeros_before, zeros_before=zeros_before)
        if with_payload:
            payload.add_up(g, call.span)
            fixed = total if size is None else layout[-1][1]
            _behind(g, fixed, size, call.span)
        else:
            g.constant(R1, 0)
        with g.temp() as accumulated:
            accumulated.save()
            for word in range(0, total, 16):
                count = min(16, total - word)
                wide.compose(g, layout, word, count, call.span)
                if count < 16:  # zeros fill the last word up
                    g.asm.emit(asm.alu("lsh", R1, 16 - count))
                accumulated.load(R2)
                g.asm.emit(asm.alu("add", R2, R1))
                accumulated.save(R2)
            accumulated.load(R1)
    for _ in range(2):
        g.asm.emit(asm.mov(R2, R1), asm.alu("rsh", R2, 16), asm.alu("and", R1, 0xFFFF), asm.alu("add", R1, R2))
    g.asm.emit(asm.alu("xor", R1, 0xFFFF))


def _behind(g: Gen, fixed: int, size: str | None, span: Span) -> None:
    """r1, a sum of words, with its bytes swapped if an odd number of bytes lie in front: ``fixed`` bits, zeros that
    make them whole bytes, and as many bits as the leaf ``size`` says (RFC 1071, "Byte Order Independence")."""
    odd = -(-fixed // 8) % 2
    if size is None:
        if odd:
            g.asm.emit(asm.to_big_endian(R1, 16))
        return
    even = g.asm.label()
    g.load_leaf(R2, Ref(size, ir.bits(SIZE_BITS)), span=span)
    g.asm.emit(asm.alu("rsh", R2, 3), asm.alu("and", R2, 1))
    g.asm.jump("jeq", R2, odd, even)
    g.asm.emit(asm.to_big_endian(R1, 16))
    g.asm.place(even)


def _fold(g: Gen, width: int) -> None:
    """r1 = its low ``width`` bits and what lies above, added: the carry comes in at the low end."""
    g.asm.emit(asm.mov(R2, R1), asm.alu("rsh", R2, width))
    g.trim(R1, width)
    g.asm.emit(asm.alu("add", R1, R2))


def _replace(g: Gen, call: ir.ExternCall, result: Ref, width: int) -> None:
    """``~(~checksum + ~old + new)`` in one's complement of ``width`` bits (RFC 1624, equation 3)."""
    checksum_, old, new = call.args
    if checksum_ is None or old is None or new is None:
        raise CannotOffload("an argument is missing", call.span)
    ex.value(g, checksum_)
    with g.hold() as total:
        for part, inverted in ((old, True), (new, False)):
            ex.value(g, part)
            if inverted:
                g.asm.emit(asm.alu("xor", R1, -1))
                g.trim(R1, width)
            total.load(R2)
            if inverted:
                g.asm.emit(asm.alu("xor", R2, -1))
                g.asm.emit(asm.mov(R2, R2, 32)) if width == 32 else g.trim(R2, width)
            g.asm.emit(asm.alu("add", R1, R2))
            _fold(g, width)
            total.save()
        total.load(R1)
    if width > 16:
        _fold(g, 16)
        _fold(g, 16)
    g.asm.emit(asm.alu("xor", R1, 0xFFFF))
    g.store_leaf(result, R1)


def replace2(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``csum_replace2``: 16 bits of the data have changed."""
    _replace(g, call, result, 16)


def replace4(g: Gen, call: ir.ExternCall, result: Ref) -> None:
    """``csum_replace4``: 32 bits of the data have changed."""
    _replace(g, call, result, 32)


__all__ = ["checksum", "replace2", "replace4"]
