"""Random runs of a pair's whole pipelines, as a search for a difference: it is confirmed like any other."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from .pair_blocks import as_found
from .proofs.engine import Engine
from .proofs.refine import Outcome
from .proofs.verdict import Proof, Verdict
from .replay import confirm_pair
from .running.terms import NotCompiled
from .seen_in_runs import MOST, SeenInRuns
from .semantics.meaning.behaviour import Behaviour
from .semantics.source import Unsupported

if TYPE_CHECKING:
    from .pairs import ProgramPair

Sides = tuple[Behaviour, Behaviour, Behaviour]
"""As of :attr:`ProgramPair.pipelines`."""


class ByRuns:
    """The runs of one pair; each search goes on where the one before stopped."""

    def __init__(self, pair: ProgramPair) -> None:
        self._pair = pair
        self._spent = 0.0

    @cached_property
    def _seen(self) -> SeenInRuns | None:
        """None where the whole is not modelled, or not of numbers alone."""
        try:
            spec, impl, _ = self._pair.pipelines
            return SeenInRuns(self._pair, spec, impl)
        except (Unsupported, NotCompiled):
            return None

    def reject(self, engine: Engine, started: float, seconds: float) -> Proof | None:
        """A difference on some input, confirmed; None if none is found in time.

        Args:
            engine: confirms.
            started: when the check began, as of ``time.monotonic()``.
            seconds: of processor time, with what was spent before, but not what making the pipelines takes.
        """
        if self._spent >= seconds or engine.out_of_time or self._seen is None:
            return None
        begun = time.process_time()
        end = begun + seconds - self._spent
        try:
            return shown_by(self._seen, self._pair, self._pair.pipelines, engine, started, end)
        finally:
            self._spent += time.process_time() - begun


def shown_by(
    seen: SeenInRuns, pair: ProgramPair, sides: Sides, engine: Engine, started: float, end: float, most: int = MOST
) -> Proof | None:
    """A difference that runs of whole pipelines show, confirmed; ``end`` and ``most`` as of
    :meth:`SeenInRuns.outcomes`."""
    confirmed = (confirmed_guess(outcome, pair, sides, engine, started) for outcome in seen.outcomes(engine, end, most))
    return next((proof for proof in confirmed if proof is not None), None)


def confirmed_guess(outcome: Outcome, pair: ProgramPair, sides: Sides, engine: Engine, started: float) -> Proof | None:
    """The ``reject`` of a difference of whole pipelines that undefined values may still take away; None if they do."""
    found = as_found(pair, outcome, sides[0], sides[2], "the pipeline")
    assert found.difference is not None
    proof = confirm_pair(replace(found.difference, guessed=True), found.tally, started, engine)
    return proof if proof.verdict is Verdict.REJECT else None
