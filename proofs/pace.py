"""How much longer things take by the clock than a processor works on them, where others want it too.

How long something is tried before another way is taken says what it is worth, and that is work: on a machine that does
several things at once, ways that lead there would be left for others that do not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

MOST: Final = 4.0
"""How many times as long at most."""

KEPT: Final = 20.0
"""Seconds of the clock that are looked back on."""


@dataclass
class Pace:
    """Of what this process does, as far as it was measured."""

    _clock: float = field(default=0.0, init=False)
    _worked: float = field(default=0.0, init=False)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """What is done inside works all the time."""
        clock, worked = time.monotonic(), time.process_time()
        try:
            yield
        finally:
            self._clock += time.monotonic() - clock
            self._worked += time.process_time() - worked
            if self._clock > KEPT:
                self._worked *= KEPT / self._clock
                self._clock = KEPT

    def by_the_clock(self, seconds: float) -> float:
        """About how long by the clock so many seconds of work take; never less, nor more than :data:`MOST` times."""
        if self._clock <= self._worked:
            return seconds
        return seconds * min(MOST, self._clock / max(self._worked, self._clock / MOST))
