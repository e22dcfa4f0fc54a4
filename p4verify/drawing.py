"""Whole pipelines of two programs on single inputs, beside a comparison that takes long: random runs, and frames.

A difference that is seen there, and stands when it is run, needs no proof to fail first; that none is seen says
nothing.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from .pair_blocks import Found
from .proofs.engine import Engine
from .proofs.verdict import Proof

if TYPE_CHECKING:
    from .pairs import ProgramPair

EARLY_SECONDS: Final = 3.0
"""Of processor time for what is tried early, with ..."""

EARLY_PART: Final = 0.1
"""... this part of what the search has taken so far."""

SECONDS: Final = 6.0
"""The same for random runs later on, and ..."""

LAST_SECONDS: Final = 8.0
"""... before it is said that nothing is known."""


class Beside:
    """Asked by a search that takes long (:data:`.proofs.deciding.Aside`) whether there is a difference."""

    def __init__(self, pair: ProgramPair, engine: Engine, started: float, blocks: Found | None = None) -> None:
        """``blocks``: what comparing blocks came to, once whole pipelines are compared."""
        self._pair, self._engine, self._started, self._blocks = pair, engine, started, blocks
        self._begun = time.process_time()
        self._asked = False
        self.proof: Proof | None = None

    def __call__(self, early: bool = False) -> bool:
        """Whether there is one; it is looked for once, and whenever it is asked ``early`` for a short time."""
        if self.proof is None and early:
            self.proof = self._look(EARLY_SECONDS + EARLY_PART * (time.process_time() - self._begun))
        elif self.proof is None and not self._asked:
            self._asked = True
            self.proof = self._look(None)
        return self.proof is not None

    def _look(self, seconds: float | None) -> Proof | None:
        """Runs of whole pipelines where these are there or soon made, and frames where they are not, or besides."""
        frames, whole = self._pair.frames, self._blocks is not None
        if not frames.large or whole:
            proof = self._pair.runs.reject(self._engine, self._started, seconds or SECONDS)
            if proof is not None or not whole:
                return proof
        return frames.reject(self._engine, self._started, self._blocks, seconds)
