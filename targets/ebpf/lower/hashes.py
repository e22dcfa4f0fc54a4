"""Hashes over fields: CRCs, the Internet checksum, xor, identity (v1model's algorithms, as BMv2 computes them).

A CRC is linear over GF(2): it is a constant with one literal exclusive-ored for each message bit that is set, which
needs no branch and no table (see Rocksoft's "A painless guide to CRC error detection algorithms" for the parameters).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ....semantics import ir
from ....semantics.source import Span
from ...base import CannotOffload
from ..artifact import asm
from ..artifact.asm import R1, R2, R3
from . import checksums, stmts, wide
from . import expr as ex
from .checksums import fields_of
from .frame import Leaf
from .gen import Gen, Temp

MAX_BITS: Final = 4096
"""Bits that are hashed; more are refused."""


@dataclass(frozen=True)
class _Crc:
    """Parameters; both CRCs take each byte's lowest bit first, and so does the result."""

    width: int
    polynomial: int
    """With the highest power's coefficient lowest."""
    initial: int
    final: int


_CRCS: Final = {
    "crc16": _Crc(16, 0xA001, 0, 0),  # CRC-16/ARC
    "crc32": _Crc(32, 0xEDB88320, 0xFFFFFFFF, 0xFFFFFFFF),  # CRC-32/ISO-HDLC
}


def compute(g: Gen, name: str, data: ir.Expr, call: ir.ExternCall, *, zeros_before: bool = False) -> None:
    """r1 = the hash of ``data``, whose bits are filled up with zeros, behind or before them, to whole bytes.

    Raises:
        CannotOffload: an algorithm that only the control plane, or the machine, knows.
    """
    if name == "csum16":
        checksums.checksum(g, data, call, zeros_before=zeros_before)
        return
    with g.scope():
        fields, total = fields_of(g, data, call.span, zeros_before=zeros_before)
        if total > MAX_BITS:
            raise CannotOffload(f"a hash of more than {MAX_BITS} bits", call.span)
        if name in _CRCS:
            _crc(g, _CRCS[name], fields, total, call.span)
        elif name == "xor16":
            _xor16(g, fields, total, call.span)
        elif name == "identity":
            _identity(g, fields, total, call.span)
        else:
            raise CannotOffload(f"the hash {name}", call.span)


def _crc(g: Gen, crc: _Crc, fields: list[tuple[Leaf, int]], total: int, span: Span) -> None:
    bits = (total + 7) // 8 * 8
    effects = _effects(crc, bits)
    with g.temp() as result:
        g.constant(R1, _of_zeros(crc, bits))
        result.save()
        for start in range(0, total, 64):
            count = min(64, total - start)
            wide.compose(g, fields, start, count, span)
            result.load(R2)
            for i in range(count):  # from the lowest bit of this stretch on
                _xor_if(g, R1, i, effects[start + count - 1 - i])
            result.save(R2)
        result.load(R1)


def _xor_if(g: Gen, source: asm.Reg, bit: int, effect: int) -> None:
    """r2 ^= ``effect`` if ``bit`` of ``source`` is 1; destroys r3 and r4.

    By a product: kernels (6.18 was met) follow both values of a mask of all ones or zeros, which doubles their ways.
    """
    g.asm.emit(asm.mov(R3, source))
    if bit:
        g.asm.emit(asm.alu("rsh", R3, bit))
    g.asm.emit(asm.alu("and", R3, 1))
    if effect < 1 << 31:
        g.asm.emit(asm.alu("mul", R3, effect))
    else:
        g.constant(asm.R4, effect)
        g.asm.emit(asm.alu("mul", R3, asm.R4))
    g.asm.emit(asm.alu("xor", R2, R3))


def _shift(crc: _Crc, register: int) -> int:
    return register >> 1 ^ (crc.polynomial if register & 1 else 0)


def _of_zeros(crc: _Crc, bits: int) -> int:
    """The CRC of so many zero bits."""
    register = crc.initial
    for _ in range(bits):
        register = _shift(crc, register)
    return register ^ crc.final


def _effects(crc: _Crc, bits: int) -> list[int]:
    """What each bit of the message, in network order, changes."""
    out = [0] * bits
    register = 1
    for step in range(bits):  # backwards in the order in which bits enter the register
        register = _shift(crc, register)
        byte, within = divmod(bits - 1 - step, 8)
        out[8 * byte + 7 - within] = register
    return out


def _each_word(g: Gen, fields: list[tuple[Leaf, int]], total: int, span: Span, result: Temp) -> None:
    for start in range(0, total, 16):
        count = min(16, total - start)
        wide.compose(g, fields, start, count, span)
        if count < 16:
            g.asm.emit(asm.alu("lsh", R1, 16 - count))
        result.load(R2)
        g.asm.emit(asm.alu("xor", R2, R1))
        result.save(R2)


def _xor16(g: Gen, fields: list[tuple[Leaf, int]], total: int, span: Span) -> None:
    with g.temp() as result:
        g.constant(R1, 0)
        result.save()
        _each_word(g, fields, total, span, result)
        result.load(R1)


def _identity(g: Gen, fields: list[tuple[Leaf, int]], total: int, span: Span) -> None:
    """The first eight bytes as a number, or all if there are fewer."""
    if not total:
        g.constant(R1, 0)
        return
    count = min(64, total)
    wide.compose(g, fields, 0, count, span)
    if count % 8:
        g.asm.emit(asm.alu("lsh", R1, -count % 8))


# --- hashes of data that comes bit by bit ---------------------------------------------------------------------------

STREAMS: Final = {**{name: crc.width for name, crc in _CRCS.items()}, "csum16": 16}
"""Algorithms of checksum objects → bits of what an object holds."""

_NAMES: Final = {"ONES_COMPLEMENT16": "csum16"}


def algorithm_of(instance: ir.Instance) -> str:
    """The algorithm with which a ``Hash`` or ``Checksum`` of PSA or PNA was made, as :func:`compute` calls it."""
    for _, value in instance.args:
        if isinstance(value, ir.Const) and isinstance(value.value, str):
            return _NAMES.get(value.value, value.value.lower())
    raise CannotOffload("a hash whose algorithm is not constant", instance.span)


def initial(name: str) -> int:
    """What a checksum object holds before any data."""
    return _CRCS[name].initial if name in _CRCS else 0


def more(g: Gen, name: str, fields: list[tuple[Leaf, int]], total: int, span: Span) -> None:
    """r1, what an object with a CRC holds, after ``total`` more bits of data."""
    if total > MAX_BITS:
        raise CannotOffload(f"a checksum of more than {MAX_BITS} bits at once", span)
    crc = _CRCS[name]
    effects = _effects(crc, total)
    with g.temp() as result:
        g.constant(R2, 0)
        for i in range(crc.width):
            register = 1 << i
            for _ in range(total):
                register = _shift(crc, register)
            _xor_if(g, R1, i, register)
        result.save(R2)
        for start in range(0, total, 64):
            count = min(64, total - start)
            wide.compose(g, fields, start, count, span)
            result.load(R2)
            for i in range(count):
                _xor_if(g, R1, i, effects[start + count - 1 - i])
            result.save(R2)
        result.load(R1)


def finish(g: Gen, name: str) -> None:
    """r1, what an object holds, as its checksum."""
    final = _CRCS[name].final if name in _CRCS else (1 << STREAMS[name]) - 1
    g.constant(R2, final)
    g.asm.emit(asm.alu("xor", R1, R2))


# --- v1model --------------------------------------------------------------------------------------------------------


def ranged(g: Gen, call: ir.ExternCall) -> None:
    """v1model's ``hash(result, algorithm, base, data, max)``: ``base + hash % max``, or ``base`` for a max of 0."""
    target, algorithm, base, data, limit = call.args
    if target is None or base is None or data is None or limit is None:
        raise CannotOffload("an argument is missing", call.span)
    if not isinstance(algorithm, ir.Const) or not isinstance(algorithm.value, str):
        raise CannotOffload("a hash algorithm that is not constant", call.span)
    for part in (target, base, limit):
        if g.width(part.type, call.span) > 64:
            raise CannotOffload("a hash with numbers of more than 64 bits", call.span)
    with g.scope():
        name = g.declare("$hash", ir.bits(64), call.span)
        first = g.declare("$base", ir.bits(64), call.span)
        ex.value(g, base)
        g.store_leaf(first, R1)
        compute(g, algorithm.value, data, call)
        g.store_leaf(name, R1)
        zero, end = g.asm.label(), g.asm.label()
        ex.value(g, limit)
        g.asm.jump("jeq", R1, 0, zero)
        g.asm.emit(asm.mov(R2, R1))
        g.load_leaf(R1, name, span=call.span)
        g.asm.emit(asm.alu("mod", R1, R2))
        g.asm.goto(end)
        g.asm.place(zero)
        g.constant(R1, 0)
        g.asm.place(end)
        g.load_leaf(R2, first, span=call.span)
        g.asm.emit(asm.alu("add", R1, R2))
        g.store_leaf(name, R1)
        value = ir.Cast(ir.Var("$hash", ir.bits(64), call.span), target.type, call.span)
        stmts.store(g, target, value, call.span)


__all__ = ["STREAMS", "algorithm_of", "compute", "finish", "initial", "more", "ranged"]
