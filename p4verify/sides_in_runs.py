"""Random runs of two sides that ask no table: of a program and a machine under rules that are given, or of two
machines. They are a search for a difference, which is confirmed like any other."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final

from .confirm import Pair, confirm
from .proofs.engine import Engine
from .proofs.refine import Outcome, seen_on
from .proofs.verdict import Proof, Verdict
from .running.rules import Drawn
from .running.runs import Runs, Seen
from .running.terms import NotCompiled
from .semantics.meaning.behaviour import Behaviour
from .semantics.rules.ruleset import RuleSet
from .semantics.source import Unsupported

SECONDS: Final = 8.0
"""Of processor time for all runs of one pair."""

ASIDE_SECONDS: Final = 3.0
"""Of these for what is run while a proof goes on, which has the less time."""

ASIDE_PART: Final = 0.2
"""Of the time that a proof takes, this part more is for runs."""

MOST: Final = 50_000
"""Runs at most."""

ALIKE: Final = 3
"""Differences in the same that are looked into: what takes one of them away mostly takes all."""


class SidesInRuns:
    """The runs of one pair; each search goes on where the one before stopped."""

    def __init__(
        self, pair: Pair, sides: Callable[[], tuple[Behaviour, Behaviour]], engine: Engine, *, exactly: bool = False
    ) -> None:
        """
        Args:
            pair: what is compared.
            sides: makes the two behaviours, in the same words.
            engine: is asked whether undefined values take a difference away.
            exactly: the first side may not choose either.
        """
        self._pair, self._make, self._engine, self._exactly = pair, sides, engine, exactly
        self._begun, self._spent = time.monotonic(), 0.0
        self._tried: Counter[tuple[str, ...]] = Counter()
        self._rng = random.Random(len(pair.spec.cases))
        self.proof: Proof | None = None
        """The ``reject`` that was found."""

    def __call__(self, _early: bool = False) -> bool:
        """Whether they differ (:data:`.proofs.deciding.Aside`)."""
        return self.reject(time.monotonic(), ASIDE_SECONDS) is not None

    def reject(self, started: float, seconds: float = SECONDS) -> Proof | None:
        """A difference on some input, confirmed; None if none is found in time.

        Args:
            started: when the check began, as of ``time.monotonic()``.
            seconds: of processor time, with what was spent before; more if the proof takes long.
        """
        left = seconds + ASIDE_PART * (time.monotonic() - self._begun) - self._spent
        if self.proof is None and left > 0 and not self._engine.out_of_time:
            begun = time.process_time()
            end = begun + left
            runs = self._runs
            if runs is not None:
                proofs = (self._confirmed(seen, started) for seen in self._differences(runs, end))
                self.proof = next((proof for proof in proofs if proof is not None), None)
            self._spent += time.process_time() - begun
        return self.proof

    @cached_property
    def sides(self) -> tuple[Behaviour, Behaviour]:
        """Both, in the same words."""
        return self._make()

    @cached_property
    def _runs(self) -> Runs | None:
        """None where the two are not of numbers alone."""
        spec, impl = self.sides
        program = self._pair.program
        try:
            return Runs(
                program, spec, impl, self._rng, exactly=self._exactly, draw=self._drawn, again=self._of_what_was_asked
            )
        except NotCompiled:
            return None

    @property
    def _of_what_was_asked(self) -> bool:
        """Whether what is drawn is made of what was asked before."""
        return False

    def _drawn(self, pool: Sequence[int]) -> Drawn | None:
        """What stands for functions; None if there is no more to draw."""
        return Drawn(self._rng, pool)

    def _differences(self, runs: Runs, end: float) -> Iterator[Seen]:
        """What was seen to differ; ``end`` in seconds of processor time."""
        for seen in runs.differences(MOST - runs.runs, end):
            if time.process_time() > end or self._engine.out_of_time:
                return
            self._tried[seen.names] += 1
            if self._tried[seen.names] <= ALIKE:
                yield seen

    def _confirmed(self, seen: Seen, started: float) -> Proof | None:
        """The ``reject`` of what was seen, if it differs whatever undefined values of the first side are."""
        outcome = seen_on(*self.sides, self._engine, seen.model, exactly=self._exactly)
        if outcome.difference is None:
            return None
        return confirmed(self._pair, outcome, started)


def confirmed(pair: Pair, outcome: Outcome, started: float, rules: RuleSet | None = None) -> Proof | None:
    """The ``reject`` of what was seen to differ; None if that is not confirmed, or comes to where a meaning ends.

    ``rules``: as of :func:`.confirm.confirm`.
    """
    try:
        proof = confirm(pair, of_the_packet(outcome), started, rules)
    except Unsupported:
        return None
    return proof if proof.verdict is Verdict.REJECT else None


def of_the_packet(outcome: Outcome) -> Outcome:
    """``outcome``, of whose model only that is kept which is true of other packets as well: a counterexample is made
    smaller, and what follows from the packet is not to be said of another one."""
    difference = outcome.difference
    assert difference is not None
    model = difference.model
    functions = {name: table for name, table in model.functions.items() if not name.startswith("payload.")}
    return replace(outcome, difference=replace(difference, model=replace(model, functions=functions)))
