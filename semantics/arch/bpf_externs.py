"""What the architectures of user space and kernel BPF programs share: checksum updates, Jenkins' hash, registers.

After the helpers that p4c's ``backends/ubpf/target.cpp`` and ``backends/ebpf/runtime`` put into the programs that they
make (RFC 1624 for the incremental checksums), and Bob Jenkins' public ``lookup3.c`` (``hashlittle``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.dispatch import ExternHandler
from ..meaning.machine import Machine
from ..meaning.packet_out import field_bits
from ..meaning.values import Scalar, Value
from ..source import Span, Unsupported
from .extern_call import Call
from .register_cells import cell_width, from_cell, to_cell

TIME: Final = "the time"
"""Why what a clock says is a choice."""

# --- what a program has told the machine ----------------------------------------------------------------------------


def mark(name: str, value: Term) -> ExternHandler:
    """An extern without arguments that sets what the architecture remembers as ``name``."""

    def handler(m: Machine, node: ir.ExternCall) -> None:
        m.remember(name, value)

    return handler


# --- checksums ------------------------------------------------------------------------------------------------------


def _add_around(x: Term, y: Term) -> Term:
    """One's complement addition: the carry comes in at the low end."""
    wide = b.add(b.zext(x, x.width + 1), b.zext(y, x.width + 1))
    carry = b.zext(b.extract(wide, x.width, x.width), x.width)
    return b.add(b.extract(wide, x.width - 1, 0), carry)


def csum_replace2(checksum: Term, old: Term, new: Term) -> Term:
    """``checksum`` of data in which 16 bits ``old`` became ``new``: ~(~HC + ~m + m') (RFC 1624, equation 3)."""
    return b.bnot(_add_around(_add_around(b.bnot(checksum), b.bnot(old)), new))


def csum_replace4(checksum: Term, old: Term, new: Term) -> Term:
    """Likewise for 32 bits: summed in 32 bits (the checksum's complement has ones above), then folded to 16."""
    total = _add_around(_add_around(b.bnot(b.zext(checksum, 32)), b.bnot(old)), new)
    return b.bnot(_add_around(b.extract(total, 31, 16), b.extract(total, 15, 0)))


def checksum_update(m: Machine, node: ir.ExternCall) -> Value:
    """``csum_replace2`` and ``csum_replace4``."""
    call = Call(m, node)
    update = csum_replace2 if node.extern == "csum_replace2" else csum_replace4
    return Scalar(update(call.term(0), call.term(1), call.term(2)))


# --- lookup3 --------------------------------------------------------------------------------------------------------

_MIX: Final = ((0, 2, 4), (1, 0, 6), (2, 1, 8), (0, 2, 16), (1, 0, 19), (2, 1, 4))
"""Rounds of ``mix``: which word, by which one, rotated by how much."""
_FINAL: Final = ((2, 1, 14), (0, 2, 11), (1, 0, 25), (2, 1, 16), (0, 2, 4), (1, 0, 14), (2, 1, 24))
"""Rounds of ``final``."""


def _rotated(word: Term, count: int) -> Term:
    return b.concat(b.extract(word, 31 - count, 0), b.extract(word, 31, 32 - count))


def lookup3(data: Sequence[Term]) -> Term:
    """``hashlittle`` of bytes in memory, given in pieces of whole bytes (the first byte lowest in each), with initial
    value 0."""
    whole = b.concat(*reversed(data)) if data else None
    size = 0 if whole is None else whole.width // 8
    word = [b.bv(0xDEADBEEF + size, 32)] * 3
    at = 0
    while size - at > 12:
        word = [b.add(w, _little(whole, at + 4 * i)) for i, w in enumerate(word)]
        for to, by, count in _MIX:
            word[to] = b.bxor(b.sub(word[to], word[by]), _rotated(word[by], count))
            third = 3 - to - by
            word[by] = b.add(word[by], word[third])
        at += 12
    if at == size:
        return word[2]
    word = [b.add(w, _little(whole, at + 4 * i)) for i, w in enumerate(word)]
    for to, by, count in _FINAL:
        word[to] = b.sub(b.bxor(word[to], word[by]), _rotated(word[by], count))
    return word[2]


def _little(whole: Term | None, at: int) -> Term:
    """The word that begins at a byte, filled up with zeros."""
    if whole is None or 8 * at >= whole.width:
        return b.bv(0, 32)
    return b.zext(b.extract(whole, min(8 * at + 31, whole.width - 1), 8 * at), 32)


def host_structure(parts: Sequence[Term], span: Span) -> list[Term]:
    """A tuple of numbers as the C structure that p4c's ``UBPFListType`` lays out, on a little-endian host, piece by
    piece.

    Every number takes the smallest of 1, 2, 4 and 8 bytes that holds it; a zero byte follows each number that needs an
    odd number of bytes.

    Raises:
        Unsupported: the C compiler would put padding of its own in between, whose bytes are anything.
    """
    pieces: list[Term] = []
    end, largest = 0, 1
    for part in parts:
        if part.width > 64:
            raise Unsupported("a hash of a field of more than 64 bits", span)
        size = next(size for size in (1, 2, 4, 8) if part.width <= 8 * size)
        if end % size:
            raise Unsupported("a hash of fields that a C compiler aligns", span)
        largest = max(largest, size)
        pieces.append(b.zext(part, 8 * size))
        if (part.width + 7) // 8 % 2:
            pieces.append(b.bv(0, 8))
        end = sum(piece.width for piece in pieces) // 8
    if end % largest:
        raise Unsupported("a hash of a structure that a C compiler pads at its end", span)
    return pieces


def hash_lookup3(m: Machine, node: ir.ExternCall) -> None:
    """``hash(result, algorithm, data)``; lookup3 is the only algorithm."""
    call = Call(m, node)
    parts = field_bits(m, call.value(2), node.params[2].type, node.span)
    call.put(0, Scalar(lookup3(host_structure(parts, node.span))))


# --- registers, time ------------------------------------------------------------------------------------------------


def register_read(m: Machine, node: ir.ExternCall) -> Value:
    """ "When index >= size, the final value of result is not specified"."""
    call = Call(m, node)
    index = call.term(0)
    width = _cell_width(node.type, node.span)
    assert node.object is not None
    cell = m.read_cell(node.object, index, width)
    inside = m.decide(_inside(call, index))
    if inside is not b.TRUE:
        cell = b.ite(inside, cell, m.fresh(width, "a register is read beyond its size", node.span))
    return from_cell(node.type, cell, node.span)


def register_write(m: Machine, node: ir.ExternCall) -> None:
    """A write beyond the size has no effect that the program could see, and is taken to have none."""
    call = Call(m, node)
    index = call.term(0)
    _cell_width(node.params[1].type, node.span)
    cell = to_cell(m, call.value(1), node.params[1].type, node.span)
    assert node.object is not None
    assert cell is not None
    m.write_cell(node.object, index, cell, _inside(call, index))


def _cell_width(type_: ir.Type, span: Span) -> int:
    width = cell_width(type_, span)
    if width == 0:
        raise Unsupported("a register of cells without bits", span)
    return width


def _inside(call: Call, index: Term) -> Term:
    width = max(64, index.width)
    return b.ult(b.zext(index, width), b.bv(call.size(), width))


def _width(type_: ir.Type, span: Span) -> int:
    try:
        width = ir.width_of(type_)
    except ValueError as problem:
        raise Unsupported(str(problem), span) from None
    if width == 0:
        raise Unsupported("a number without bits", span)
    return width


def arbitrary(reason: str) -> ExternHandler:
    """An extern that returns a number which nobody can foretell."""

    def handler(m: Machine, node: ir.ExternCall) -> Value:
        return Scalar(m.fresh(_width(node.type, node.span), reason, node.span))

    return handler
