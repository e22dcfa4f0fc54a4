"""Random runs of two behaviours of a pair of programs, and what of them stands before a solver."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .proofs.engine import Engine
from .proofs.refine import Outcome, seen_on
from .running.runs import Runs
from .running.terms import NotCompiled
from .semantics.meaning.behaviour import Behaviour

if TYPE_CHECKING:
    from .pairs import ProgramPair

ALIKE: Final = 3
"""Differences in the same that are looked into: where undefined values take these away, they mostly do all."""

MOST: Final = 100_000
"""Runs at most."""

SECONDS: Final = 6.0
"""Of processor time for two blocks."""


LEFT_SECONDS: Final = 15.0
"""Of a check's time what is kept for random runs at the end, or ..."""

LEFT_PART: Final = 0.25
"""... this part, if that is less."""


def with_time_left(engine: Engine) -> Engine:
    """``engine`` with a deadline that leaves some time for the last random runs."""
    if engine.deadline is None:
        return engine
    left = engine.deadline - time.monotonic()
    return replace(engine, deadline=engine.deadline - min(LEFT_SECONDS, LEFT_PART * left))


class SeenInRuns:
    """Two behaviours, run; each search goes on where the one before stopped, and all of them are the same each time."""

    def __init__(self, pair: ProgramPair, spec: Behaviour, impl: Behaviour, frame: bytes | None = None) -> None:
        """``frame``: the one of which alone they speak.

        Raises:
            NotCompiled: they are not of numbers alone.
        """
        self._pair, self._spec, self._impl = pair, spec, impl
        rng = random.Random(len(spec.cases) if frame is None else frame)
        self.runs = Runs(pair.first, spec, impl, rng, frame=frame, exactly=pair.exactly)
        self._tried: Counter[tuple[tuple[str, ...], bool]] = Counter()
        """What differed, and whether undefined values made no difference to that."""

    def outcomes(self, engine: Engine, end: float, most: int = MOST) -> Iterator[Outcome]:
        """Differences that no undefined values of the first side take away, as far as a solver is quick to say.

        Args:
            engine: is asked.
            end: when no more inputs are drawn or looked into, in seconds of processor time as of
                :func:`time.process_time`.
            most: inputs that are drawn in all.
        """
        for seen in self.runs.differences(most - self.runs.runs, end):
            if time.process_time() > end:  # one look at a large program may take as long as all that is drawn
                return
            self._tried[seen.names, seen.surely] += 1
            if self._tried[seen.names, seen.surely] > ALIKE:
                continue
            outcome = seen_on(self._spec, self._impl, engine, seen.model, exactly=self._pair.exactly)
            if outcome.difference is None:
                continue
            model = outcome.difference.model  # what follows from the packet is not to be said of another one
            functions = {name: table for name, table in model.functions.items() if not name.startswith("payload.")}
            yield replace(outcome, difference=replace(outcome.difference, model=replace(model, functions=functions)))


class BesideBlocks:
    """Asked by a search of two blocks that takes long (:data:`.proofs.deciding.Aside`) whether they differ."""

    def __init__(self, pair: ProgramPair, spec: Behaviour, impl: Behaviour, engine: Engine) -> None:
        self._pair, self._spec, self._impl, self._engine = pair, spec, impl, engine
        self._asked = False
        self.outcome: Outcome | None = None

    def __call__(self, _early: bool = False) -> bool:
        """Whether they do; it is looked for once."""
        if not self._asked and not self._engine.out_of_time:
            self._asked = True
            try:
                runs = SeenInRuns(self._pair, self._spec, self._impl)
            except NotCompiled:
                return False
            self.outcome = next(runs.outcomes(self._engine, time.process_time() + SECONDS), None)
        return self.outcome is not None
