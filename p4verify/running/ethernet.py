"""Random frames that reach deep into a classifier: headers built from the constants that a program or its rules
mention, then damaged a little: cut short, tagged, options added, a byte changed."""

from __future__ import annotations

import random
from collections.abc import Sequence

from ..semantics.meaning.payload import sum16

MACS = (b"\x02\x00\x00\x00\x00\x01", b"\x02\x00\x00\x00\x00\x02", b"\xff\xff\xff\xff\xff\xff")
SHORTEST = 14
TAGS = (b"\x81\x00", b"\x88\xa8")


def frames(rng: random.Random, count: int, constants: Sequence[int] = ()) -> list[bytes]:
    """``count`` frames of at least 14 bytes; ``constants`` are numbers worth meeting in some field."""
    return [frame(rng, constants) for _ in range(count)]


def frame(rng: random.Random, constants: Sequence[int] = ()) -> bytes:
    """One frame."""
    kind = rng.random()
    if kind < 0.05:
        data = rng.randbytes(rng.randrange(SHORTEST, 80))
    else:
        data = _ethernet(rng, constants, tags=rng.choices((0, 1, 2), (8, 2, 1))[0])
    if rng.random() < 0.25:
        data = _damaged(rng, data, constants)
    if rng.random() < 0.15:
        data = data[: rng.randrange(SHORTEST, len(data) + 1)]
    return data if len(data) >= SHORTEST else data + bytes(SHORTEST - len(data))


def with_checksum(data: bytes) -> bytes:
    """A frame of IPv4 with the header checksum that it should have (RFC 791, RFC 1071); any other as it is."""
    at = 14
    while data[at - 2 : at] in TAGS:
        at += 4
    size = 4 * (data[at] & 15) if data[at - 2 : at] == b"\x08\x00" and len(data) > at else 0
    if size < 20 or len(data) < at + size:
        return data
    total = sum16(data[at : at + 10] + data[at + 12 : at + size])
    return data[: at + 10] + (total ^ 0xFFFF).to_bytes(2, "big") + data[at + 12 :]


def _number(rng: random.Random, width: int, constants: Sequence[int], usual: Sequence[int] = ()) -> bytes:
    """A number of ``width`` bytes: a constant or its neighbour, one of the usual values, or anything."""
    limit = 1 << 8 * width
    fitting = [c for c in constants if c < limit]
    choice = rng.random()
    if usual and choice < 0.35:
        value = rng.choice(usual)
    elif fitting and choice < 0.85:
        value = (rng.choice(fitting) + rng.choice((0, 0, 0, 0, 1, -1))) % limit
    else:
        value = rng.randrange(limit)
    return value.to_bytes(width, "big")


def _ethernet(rng: random.Random, constants: Sequence[int], tags: int) -> bytes:
    addresses = b"".join(rng.choice((*MACS, _number(rng, 6, constants))) for _ in range(2))
    tag = b"".join(rng.choice(TAGS) + _number(rng, 2, constants) for _ in range(tags))
    kind = rng.random()
    if kind < 0.8:
        return addresses + tag + b"\x08\x00" + _ipv4(rng, constants)
    if kind < 0.88:
        return (
            addresses
            + tag
            + b"\x86\xdd"
            + b"\x60"
            + rng.randbytes(3)
            + _number(rng, 2, constants)
            + rng.randbytes(rng.randrange(30, 60))
        )
    return addresses + tag + _number(rng, 2, constants, (0x0806, 0x0800)) + rng.randbytes(rng.randrange(0, 60))


def _ipv4(rng: random.Random, constants: Sequence[int]) -> bytes:
    words = rng.choices((5, 6, 15, 4), (16, 2, 1, 1))[0]
    payload = _layer4(rng, constants)
    length = 4 * words + len(payload) if rng.random() < 0.9 else rng.randrange(65536)
    flags = rng.choice((b"\x00\x00", b"\x40\x00", b"\x20\x00", b"\x00\x10"))
    head = bytes((0x40 | words, rng.randrange(256))) + length.to_bytes(2, "big") + rng.randbytes(2) + flags
    head += _number(rng, 1, constants, (0, 1, 2, 64, 255)) + _number(rng, 1, constants, (6, 17, 1))
    head += rng.randbytes(2) + _number(rng, 4, constants) + _number(rng, 4, constants)
    return head + rng.randbytes(4 * max(0, words - 5)) + payload


def _layer4(rng: random.Random, constants: Sequence[int]) -> bytes:
    ports = _number(rng, 2, constants) + _number(rng, 2, constants)
    return ports + rng.randbytes(rng.randrange(0, 40))


def _damaged(rng: random.Random, data: bytes, constants: Sequence[int]) -> bytes:
    at = rng.randrange(len(data))
    new = rng.choice((bytes((data[at] ^ 1 << rng.randrange(8),)), rng.randbytes(1)))
    return data[:at] + new + data[at + 1 :]
