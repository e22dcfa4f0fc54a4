"""Whole pipelines of two programs on inputs drawn at random, beside the comparison of their blocks."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from .pair_blocks import as_found
from .proofs.engine import Engine
from .proofs.refine import drawn
from .proofs.verdict import Proof, Verdict
from .replay import confirm_pair
from .semantics.source import Unsupported

if TYPE_CHECKING:
    from .pairs import ProgramPair


EARLY_SECONDS: Final = 3.0
"""Of processor time for the frames that are tried early, with ..."""

EARLY_PART: Final = 0.1
"""... this part of what the check has taken so far."""


class Drawn:
    """The whole pipelines on inputs that are drawn at random, while comparing blocks takes long: a difference that is
    seen there, and stands when it is run, needs no block."""

    def __init__(self, pair: ProgramPair, engine: Engine, started: float) -> None:
        self._pair, self._engine, self._started = pair, engine, started
        self._asked = False
        self.proof: Proof | None = None

    def __call__(self, early: bool = False) -> bool:
        """Whether there is one; it is looked for once, and whenever it is asked ``early`` on a few frames."""
        if self.proof is None and early:
            seconds = EARLY_SECONDS + EARLY_PART * (time.monotonic() - self._started)
            self.proof = self._pair.frames.reject(self._engine, self._started, seconds=seconds)
        elif self.proof is None and not self._asked:
            self._asked = True
            self.proof = self._pair.frames.reject(self._engine, self._started)
            if self.proof is None and not self._pair.frames.large:  # whole pipelines take too long then
                self._look()
        return self.proof is not None

    def _look(self) -> None:
        try:
            spec, impl, theirs = self._pair.pipelines
        except Unsupported:
            return
        outcome = drawn(spec, impl, self._engine, exactly=self._pair.exactly)
        found = as_found(self._pair, outcome, spec, theirs, "the pipeline")
        if found.difference is not None:
            proof = confirm_pair(found.difference, found.tally, self._started, self._engine)
            self.proof = proof if proof.verdict is Verdict.REJECT else None
