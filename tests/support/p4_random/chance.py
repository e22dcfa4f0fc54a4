"""Where decisions come from: a random source, Hypothesis's or a seeded one, and names that are used once."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from .settings import Settings

T = TypeVar("T")


@dataclass
class Chance:
    """Decisions for one program. What is picked first is what shrinking goes to."""

    rng: random.Random
    settings: Settings = field(default_factory=Settings)
    pool: list[int] = field(default_factory=list)
    """Constants used so far, worth meeting again in packets, rules and comparisons."""
    _names: dict[str, int] = field(default_factory=dict)

    def often(self, probability: float) -> bool:
        """True with this probability."""
        return self.rng.random() >= 1 - probability

    def number(self, low: int, high: int) -> int:
        """From ``low`` to ``high``, both included."""
        return self.rng.randrange(low, high + 1)

    def pick(self, options: Sequence[T]) -> T:
        """One of them."""
        return options[self.rng.randrange(len(options))]

    def weighted(self, options: Mapping[T, float]) -> T:
        """One of them, by weight."""
        spot = self.rng.random() * sum(options.values())
        for option, weight in options.items():
            spot -= weight
            if spot < 0:
                return option
        return next(iter(options))

    def some(self, options: Sequence[T], most: int) -> list[T]:
        """Up to ``most`` of them, each once, in order."""
        count = self.number(0, min(most, len(options)))
        kept = sorted(self.rng.sample(range(len(options)), count))
        return [options[i] for i in kept]

    def name(self, prefix: str) -> str:
        """A name that no other thing of the program has."""
        self._names[prefix] = self._names.get(prefix, -1) + 1
        return f"{prefix}{self._names[prefix]}"

    def constant(self, width: int) -> int:
        """A number of ``width`` bits: small, at an end, met before, or any."""
        full = (1 << width) - 1
        kind = self.number(0, 7)
        if kind <= 1:
            value = self.number(0, min(3, full))
        elif kind == 2:
            value = self.pick([full, full >> 1, 1 << (width - 1), full - 1])
        elif kind <= 5 and self.pool:
            value = self.pick(self.pool)
        else:
            value = self.rng.getrandbits(width)
        value &= full
        if len(self.pool) < 64:
            self.pool.append(value)
        return value
