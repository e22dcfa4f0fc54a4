"""Random packets that follow the ways through a random parser."""

from __future__ import annotations

import random

from .parsers import StateInfo

MAX_STATES = 12


def packet(rng: random.Random, states: dict[str, StateInfo], pool: list[int]) -> bytes:
    """A packet: bits that take a random way through the states, then a payload; sometimes cut or damaged."""
    if rng.random() < 0.05:
        return rng.randbytes(rng.randrange(40))
    bits: list[str] = []
    name = "start"
    for _ in range(MAX_STATES):
        info = states.get(name)
        if info is None:
            break
        image = [_digit(rng) for _ in range(info.bits)] if rng.random() < 0.5 else _from_pool(rng, info.bits, pool)
        values, name = rng.choice(info.cases) if info.cases else ([], "reject")
        for key, value in zip(info.keys, values, strict=False):
            if key is not None and value is not None:
                image[key.offset : key.offset + key.width] = format(value, f"0{key.width}b")
        bits += image
    data = int("".join(bits) or "0", 2).to_bytes((len(bits) + 7) // 8, "big") if bits else b""
    data += rng.randbytes(rng.choice([0, 1, 3, 8, 20]))
    if rng.random() < 0.12:
        data = data[: rng.randrange(len(data) + 1)]
    if data and rng.random() < 0.15:
        at = rng.randrange(len(data))
        data = data[:at] + rng.randbytes(1) + data[at + 1 :]
    return data


def _digit(rng: random.Random) -> str:
    return rng.choice("01")


def _from_pool(rng: random.Random, count: int, pool: list[int]) -> list[str]:
    """Bits of constants that the program mentions, side by side."""
    text = ""
    while len(text) < count:
        value = rng.choice(pool) if pool else rng.randrange(256)
        width = rng.choice([8, 16, 4, 32])
        text += format(value & ((1 << width) - 1), f"0{width}b")
    return list(text[:count])
