"""Damaged object files: what a reader and the meaning make of them must be a result, or one clear error, soon."""

from __future__ import annotations

import random
import signal
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType
from typing import Final

from p4verify.inputs import carried_in
from p4verify.semantics.source import InputError, Unsupported
from p4verify.targets.ebpf.artifact import read_elf
from p4verify.targets.ebpf.meaning import meaning
from p4verify.targets.ebpf.target import P4AST

SECONDS: Final = 20
"""What takes longer counts as a hang."""
EDGES: Final = (0, 1, 2, 7, 8, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, (1 << 63), (1 << 64) - 1)


@dataclass(frozen=True)
class Ended:
    """How one damaged file ended: "read", "error" (one that names the file) or "failure", with its text."""

    kind: str
    text: str = ""


def damaged(rng: random.Random, data: bytes) -> bytes:
    """``data`` with one or a few changes: bytes, words, pieces."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 1, 2, 4, 16))):
        at = rng.randrange(len(out))
        kind = rng.random()
        if kind < 0.35:
            out[at] ^= 1 << rng.randrange(8)
        elif kind < 0.5:
            out[at] = rng.randrange(256)
        elif kind < 0.8:
            size = rng.choice((1, 2, 4, 8))
            at -= at % size
            out[at : at + size] = (rng.choice(EDGES) & (1 << 8 * size) - 1).to_bytes(size, "little")
        elif kind < 0.86:
            del out[at:]
        elif kind < 0.92:
            del out[at : at + rng.randrange(1, 65)]
        elif kind < 0.96:
            out[at:at] = rng.randbytes(rng.randrange(1, 65))
        else:
            other, size = rng.randrange(len(out)), rng.randrange(1, 129)
            out[at : at + size] = out[other : other + size]
        if not out:
            return b""
    return bytes(out)


class Hang(Exception):
    """It took too long."""


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raises Hang in what takes longer of this process's own time (a busy machine is no hang)."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def tried(data: bytes) -> Ended:
    """Read the file, the p4ast in it if it carries any, and take the meaning of each of its programs."""
    refused = ""
    try:
        with limited(SECONDS):
            obj = read_elf(data, "damaged.o")
            if P4AST in obj.sections:
                carried_in(data, "damaged.o")
            for program in obj.programs:
                try:
                    meaning(obj, program.name)
                except Unsupported as error:
                    refused = str(error)
    except (InputError, Unsupported) as error:
        text = str(error)
        plain = "damaged.o" in text and "Traceback" not in text and "\n" not in text.strip()
        return Ended("error" if plain else "failure", text)
    except Hang:
        return Ended("failure", f"more than {SECONDS} seconds")
    except Exception:  # noqa: BLE001
        return Ended("failure", traceback.format_exc())
    return Ended("error", refused) if refused else Ended("read")
