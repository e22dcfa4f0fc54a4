"""Hash algorithms on terms: CRCs, the Internet checksum, xor, identity.

CRCs are linear over GF(2) apart from a constant: the result is the exclusive or of one literal per message bit that is
set, which makes a shallow term instead of a long chain. Parameters are those of BMv2's ``calculations.cpp``
(CRC-16/ARC, CRC-32/ISO-HDLC); the Internet checksum is RFC 1071's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from .. import bits as b
from ..bits import Term


@dataclass(frozen=True, slots=True)
class Crc:
    """A CRC in the usual parametric model (Rocksoft): ``reflect_in`` and ``reflect_out`` are both ``reflected``."""

    width: int
    polynomial: int
    initial: int
    final_xor: int
    reflected: bool


CRC16 = Crc(16, 0x8005, 0, 0, reflected=True)
CRC32 = Crc(32, 0x04C11DB7, 0xFFFFFFFF, 0xFFFFFFFF, reflected=True)


def reflect(value: int, width: int) -> int:
    """The bits of ``value`` in the opposite order."""
    return int(format(value, f"0{width}b")[::-1], 2)


def crc_bytes(parameters: Crc, data: bytes) -> int:
    """The CRC of bytes, bit by bit: the definition that everything else is tested against."""
    register = _advance(parameters, parameters.initial, data)
    if parameters.reflected:
        register = reflect(register, parameters.width)
    return register ^ parameters.final_xor


def _advance(parameters: Crc, register: int, data: bytes) -> int:
    """The shift register after more bytes."""
    width, mask = parameters.width, (1 << parameters.width) - 1
    for byte in data:
        for i in range(8):
            bit = byte >> (i if parameters.reflected else 7 - i) & 1
            feedback = register >> (width - 1) & 1 ^ bit
            register = (register << 1 & mask) ^ (parameters.polynomial if feedback else 0)
    return register


def crc(parameters: Crc, data: Term | None) -> Term:
    """The CRC of a whole number of bytes, the first byte highest."""
    count = 0 if data is None else data.width // 8
    constant = crc_bytes(parameters, bytes(count))
    if data is None:
        return b.bv(constant, parameters.width)
    if data.is_const:
        return b.bv(crc_bytes(parameters, data.value.to_bytes(count, "big")), parameters.width)
    parts = [b.bv(constant, parameters.width)]
    effect = _effects(parameters, data.width)
    for i in range(data.width):
        bit = b.extract(data, i, i)
        parts.append(b.ite(b.to_bool(bit), b.bv(effect[i], parameters.width), b.bv(0, parameters.width)))
    return balanced(b.bxor, parts)


def _effects(parameters: Crc, bits: int) -> list[int]:
    """What each message bit (0: the last byte's lowest) changes in the result."""
    width, mask = parameters.width, (1 << parameters.width) - 1
    effects = [0] * bits
    # The last bit that enters the register changes it by the polynomial; every bit before it by one more step.
    register = parameters.polynomial
    for step in range(bits):
        byte, within = divmod(step, 8)
        position = byte * 8 + (7 - within if parameters.reflected else within)
        effects[position] = reflect(register, width) if parameters.reflected else register
        top = register >> (width - 1) & 1
        register = (register << 1 & mask) ^ (parameters.polynomial if top else 0)
    return effects


@lru_cache(maxsize=256)
def _carried(parameters: Crc, count: int) -> tuple[int, ...]:
    """What each bit of the shift register (0: the lowest) is after ``count`` bytes of zeros."""
    return tuple(_advance(parameters, 1 << i, bytes(count)) for i in range(parameters.width))


@lru_cache(maxsize=256)
def _raw_effects(parameters: Crc, bits: int) -> tuple[int, ...]:
    effects = _effects(parameters, bits)
    return tuple(reflect(e, parameters.width) for e in effects) if parameters.reflected else tuple(effects)


def crc_start(parameters: Crc) -> Term:
    """The shift register before any data."""
    return b.bv(parameters.initial, parameters.width)


def crc_more(parameters: Crc, register: Term, data: Term | None) -> Term:
    """The shift register after a whole number of bytes more, the first byte highest."""
    if data is None:
        return register
    width = parameters.width
    parts = [b.bv(0, width)]
    for source, effects in (
        (register, _carried(parameters, data.width // 8)),
        (data, _raw_effects(parameters, data.width)),
    ):
        for i in range(source.width):
            bit = b.extract(source, i, i)
            parts.append(b.ite(b.to_bool(bit), b.bv(effects[i], width), b.bv(0, width)))
    return balanced(b.bxor, parts)


def crc_end(parameters: Crc, register: Term) -> Term:
    """The CRC that the shift register stands for."""
    bits = [b.extract(register, i, i) for i in range(parameters.width)]
    result = b.concat(*bits) if parameters.reflected else register
    return b.bxor(result, b.bv(parameters.final_xor, parameters.width))


def balanced(operation: Callable[[Term, Term], Term], parts: Sequence[Term]) -> Term:
    """An associative operation over many terms, as a shallow tree."""
    level = list(parts)
    while len(level) > 1:
        paired = [operation(level[i], level[i + 1]) for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return level[0]


def words(data: Term | None, width: int) -> list[Term]:
    """``data`` in words of ``width`` bits, the first one first; zeros fill up the last one."""
    if data is None:
        return []
    missing = -data.width % width
    if missing:
        data = b.concat(data, b.bv(0, missing))
    return b.chunks(data, width)


def internet_sum(data: Term | None) -> Term:
    """The one's complement sum of 16-bit words (RFC 1071), not complemented."""
    return ones_complement_sum(words(data, 16))


def ones_complement_sum(parts: Sequence[Term]) -> Term:
    """The one's complement sum of 16-bit terms; 0 only if they all are."""
    if not parts:
        return b.bv(0, 16)
    wide = 16 + len(parts).bit_length()
    total, low = b.total(tuple(b.zext(part, wide) for part in parts), wide), b.total(tuple(parts), 16)
    for _ in range(2):  # the second time takes in the carry of the first
        total = b.add(b.zext(low, wide), b.zext(b.extract(total, wide - 1, 16), wide))
        low = b.extract(total, 15, 0)
    return low


def internet_checksum(data: Term | None) -> Term:
    """The complement of :func:`internet_sum`."""
    return b.bnot(internet_sum(data))


def xor16(data: Term | None) -> Term:
    """The exclusive or of all 16-bit words."""
    parts = words(data, 16)
    return balanced(b.bxor, parts) if parts else b.bv(0, 16)


def identity(data: Term | None) -> Term:
    """The first eight bytes as a number, or all bytes if there are fewer (BMv2: 64 bits)."""
    if data is None:
        return b.bv(0, 64)
    return b.extract(data, data.width - 1, data.width - 64) if data.width >= 64 else b.zext(data, 64)


CUSTOM: dict[str, Crc] = {"crc16_custom": CRC16, "crc32_custom": CRC32}
"""The CRCs whose parameters the control plane sets, as they are until it does (BMv2: those of the standards)."""

ALGORITHMS: dict[str, Callable[[Term | None], Term]] = {
    "crc16": lambda data: crc(CRC16, data),
    "crc32": lambda data: crc(CRC32, data),
    "csum16": internet_checksum,
    "xor16": xor16,
    "identity": identity,
}
"""By v1model's ``HashAlgorithm`` members; ``data`` is a whole number of bytes. See :mod:`.hashes` for all of them."""
