"""Frames near one, to be run where a solver has told the way and not yet the difference."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from .proofs.counterexample import Input

FRAMES: Final = 64
"""How many there are."""
CHANGED: Final = 8
"""Bytes that are changed in each at most."""
LONGER: Final = (0, 0, 4, 16, 50)
"""By how many bytes they may be longer."""


def frames_near(given: Input) -> Iterator[Input]:
    """The input, and the same with frames that are longer and have other bytes; always the same ones."""
    yield given
    rng = random.Random(given.packet)
    for _ in range(FRAMES):
        frame = bytearray(given.packet + rng.randbytes(rng.choice(LONGER)))
        for _ in range(rng.randint(1, CHANGED) if frame else 0):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        yield replace(given, packet=bytes(frame))
