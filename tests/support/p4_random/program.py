"""A random program with what packets and rules for it need to know."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from hypothesis import strategies as st

from .architectures import ARCHITECTURES
from .chance import Chance
from .packets import packet
from .parsers import StateInfo
from .settings import Settings


@dataclass(frozen=True)
class Generated:
    """A program as text."""

    text: str
    arch: str
    states: dict[str, StateInfo]
    pool: list[int]
    """Constants that it mentions."""

    def packet(self, rng: random.Random) -> bytes:
        """A packet that goes deep into its parser."""
        return packet(rng, self.states, self.pool)


def random_program(rng: random.Random, arch: str = "v1model", settings: Settings | None = None) -> Generated:
    """A well-typed program; ``rng`` makes every decision."""
    g = Chance(rng, settings or Settings())
    lines, parsed = ARCHITECTURES[arch](g)
    return Generated("\n".join(lines) + "\n", arch, parsed.states, g.pool)


def programs(arch: str = "v1model", settings: Settings | None = None) -> st.SearchStrategy[Generated]:
    """The same as a strategy: it shrinks to programs that decide for what is simplest everywhere."""
    make: Callable[[random.Random], Generated] = lambda rng: random_program(rng, arch, settings)  # noqa: E731
    return st.randoms(use_true_random=False).map(make)
