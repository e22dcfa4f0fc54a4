"""Inputs at random for two behaviours, drawn towards what these ask."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from ..semantics.bits import Term
from ..semantics.meaning.payload import of_any_length
from .ethernet import frame, with_checksum
from .hints import SHORT, Hints
from .rules import Drawn

KEPT: Final = 6
"""Frames that are kept for each thing that becomes of some."""

KINDS: Final = 256
"""Such things that are told apart."""

Met = tuple[int, ...]
"""What becomes of a frame: the cases that it gets into, and by which ports it leaves."""


RIGHT: Final = 0.5
"""How often the header checksum of IPv4 is what it should be: of programs that verify it others show little."""


class Inputs:
    """Frames and values. Bytes, lengths and other inputs are set to the numbers that they are compared with, and frames
    to which happened what happens to few are changed further."""

    def __init__(self, hints: Hints, rng: random.Random, pool: Sequence[int], only: bytes | None = None) -> None:
        """``only``: the frame of which alone the behaviours speak."""
        self._hints, self._rng, self._pool, self._only = hints, rng, pool, only
        self._kept: dict[Met, list[bytes]] = {}
        self.met: Counter[Met] = Counter()
        """How often each was met."""
        self._ports = [n for n in hints.of_variables.get("in.port", ()) if n < 512]

    def keep(self, met: Met, data: bytes) -> None:
        """Tell what became of a frame."""
        if met not in self._kept and len(self._kept) >= KINDS:
            return
        self.met[met] += 1
        kept = self._kept.setdefault(met, [])
        if len(kept) < KEPT:
            kept.append(data)
        elif self._rng.random() < 0.1:
            kept[self._rng.randrange(KEPT)] = data

    def frame(self) -> bytes:
        """A frame: one that was kept, one of usual headers, or any; some of it changed."""
        if self._only is not None:
            return self._only
        rng = self._rng
        kind = rng.random()
        if self._kept and kind < 0.6:
            some = rng.sample(list(self._kept), min(4, len(self._kept)))
            base = rng.choice(self._kept[min(some, key=lambda met: self.met[met])])
        elif kind < 0.75:
            base = frame(rng, self._pool)
        else:
            base = rng.randbytes(rng.choice((0, 14, 34, 64, min(self._hints.bytes, SHORT))))
        data = bytearray(base)
        self._hints.put(rng, data)
        if rng.random() < 0.3:
            size = self._hints.length(rng)
            data = data[:size] + bytearray(rng.randbytes(max(0, size - len(data))))
        if data and rng.random() < 0.3:
            data[rng.randrange(len(data))] = rng.choice((0, 1, 255, rng.randrange(256)))
        return with_checksum(bytes(data)) if rng.random() < RIGHT else bytes(data)

    def near(self, data: bytes) -> bytes:
        """A frame that differs from another one in a word or less, mostly in what functions are asked."""
        if self._only is not None or not data:
            return data
        rng = self._rng
        asked = [at for at in self._hints.in_functions if at < len(data)]
        at = rng.choice(asked) if asked and rng.random() < 0.7 else rng.randrange(len(data))
        size = rng.choice((1, 2, 4))
        at -= at % min(size, 2)  # behind Ethernet's header, words begin in the middle of four bytes
        changed = data[:at] + rng.randbytes(len(data[at : at + size])) + data[at + size :]
        return with_checksum(changed) if with_checksum(data) == data else changed

    def padded(self, data: bytes) -> bytes:
        """A frame with zeros behind it where the behaviours look."""
        return data + bytes(max(0, self._hints.bytes - len(data)))

    @staticmethod
    def of_frame(name: str, data: bytes) -> int | None:
        """The value of what is made of the frame; None if it is something else."""
        return len(data) if name == "pkt.len" else of_any_length(name, data)

    def value(self, variable: Term, data: bytes, rules: Drawn) -> int:
        """A value of anything but a byte of the frame, which is ``data``."""
        name, width = variable.name, max(1, variable.width)
        of_frame = self.of_frame(name, data)
        if of_frame is not None:
            return of_frame
        if name in rules.inputs:
            return rules.inputs[name] & ((1 << width) - 1)
        if name == "in.port" or re.fullmatch(r"each\.\d+\.port", name):
            return self._rng.choice((0, 1, 2, 255, self._rng.randrange(512), *self._ports))
        rng = self._rng
        usual = [0, 1, rng.getrandbits(width), rng.choice(self._pool)]
        hints = self._hints.of_variables.get(name)
        if hints and rng.random() < 0.7:
            usual = [rng.choice(hints) + rng.choice((0, 0, 0, 1, -1))]
        return rng.choice(usual) & ((1 << width) - 1)

    def undefined(self, variables: Sequence[Term]) -> dict[str, int]:
        """Values of undefined values: mostly zeros; or for each what it is compared with, zero or anything."""
        rng = self._rng
        if rng.random() < 0.5:
            return {}
        found = {}
        for v in variables:
            width = max(1, v.width)
            usual = (0, (1 << width) - 1, rng.getrandbits(width), *self._hints.of_variables.get(v.name, ()))
            found[v.name] = rng.choice(usual) & ((1 << width) - 1)
        return found
