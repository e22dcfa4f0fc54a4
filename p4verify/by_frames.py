"""Whole pipelines on single frames, for every rule set: where two large programs differ, a few frames show it.

The pipelines of a large program have a case for each way through its parser with each layout of what is sent, and it
takes long to say what has to hold of all of them. On one frame all that is left open is what the tables answer, what
state holds and where the frame came in, which is small. A difference there is one of the programs; that there is none
says nothing.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from .by_runs import Sides, confirmed_guess, shown_by
from .frames import fitting, frame_of, frames, of_parameters, ways
from .pair_blocks import Found
from .proofs.engine import Engine
from .proofs.refine import told
from .proofs.verdict import Proof
from .running.terms import NotCompiled
from .seen_in_runs import SeenInRuns
from .semantics.ir.traverse import mentioned
from .semantics.meaning.behaviour import LENGTH, Case
from .semantics.source import Unsupported

if TYPE_CHECKING:
    from .pairs import ProgramPair

NODES: Final = 1_500
"""Nodes of a program's blocks from which on frames may be tried, and ..."""
LARGE: Final = 100_000
"""... these times the ways through its parser."""

SECONDS: Final = 10.0
"""Of processor time for all frames, or ..."""
PART: Final = 0.25
"""... this part of what the check has left, if that is more, but no more than ..."""
MOST_SECONDS: Final = 20.0
"""... these."""

QUERY_SECONDS: Final = 0.4
"""For each query about one frame, and ..."""
FRAME_SECONDS: Final = 2.5
"""... for all of them."""

RUNS: Final = 400
"""Random runs on one frame, and ..."""
RUN_SECONDS: Final = 0.5
"""... seconds of processor time for them."""

MOST: Final = 64
"""Frames that are tried."""

AHEAD: Final = 4
"""Frames that are run before a solver is asked about the first of them."""


@dataclass(frozen=True)
class Tried:
    """A frame, and what the two programs do to it."""

    frame: bytes
    sides: Sides


class ByFrames:
    """The frames of one pair; none is tried twice."""

    def __init__(self, pair: ProgramPair) -> None:
        self._pair = pair
        self._tried: set[bytes] = set()
        self._open: deque[Tried] = deque()
        """Frames that were run, of which a solver has not been asked."""
        self._others: Iterator[bytes] | None = None
        """Frames for all ways, of which some may have been taken."""
        self._spent = 0.0

    @cached_property
    def large(self) -> bool:
        """Whether the pair is so large that frames are tried before all packets at once."""
        nodes = sum(1 for _ in mentioned((*self._pair.first.parsers, *self._pair.first.controls)))
        return nodes >= NODES and nodes * len(self._ways) >= LARGE

    @cached_property
    def _ways(self) -> tuple[Case, ...]:
        """The ways through the first program's parser; none where it is not modelled."""
        try:
            return ways(self._pair.first, self._pair.rules)
        except Unsupported:
            return ()

    def reject(
        self, engine: Engine, started: float, blocks: Found | None = None, seconds: float | None = None
    ) -> Proof | None:
        """A difference on some frame, confirmed; None if none is found in time.

        Args:
            engine: its deadline bounds the search.
            started: when the check began, as of ``time.monotonic()``.
            blocks: what comparing blocks came to: a difference of one says what frames may show it.
            seconds: of processor time, with what was tried before; None for as much as the engine's deadline leaves.
        """
        if not self._ways:
            return None
        looks = self._looks(blocks, engine, started)
        begun = time.process_time()
        end = begun + (_seconds(engine) if seconds is None else seconds) - self._spent
        try:
            while time.process_time() < end:
                look = next(looks, None)
                proof = look() if look is not None else None
                if proof is not None or look is None:
                    return proof
        except Unsupported:
            self._ways = ()  # the whole is not modelled
        finally:
            self._spent += time.process_time() - begun
        return None

    def _looks(self, blocks: Found | None, engine: Engine, started: float) -> Iterator[Callable[[], Proof | None]]:
        """What is tried, one by one: random rules on some frames, which is quick, then a solver on one of these."""
        for frame in self._frames(blocks, engine):
            self._open.append(Tried(frame, self._pair.on_frame(frame)))
            yield partial(self._run, self._open[-1], engine, started)
            if len(self._open) >= AHEAD:
                yield partial(self._ask, self._open.popleft(), engine, started)
        while self._open:
            yield partial(self._ask, self._open.popleft(), engine, started)

    def _frames(self, blocks: Found | None, engine: Engine) -> Iterator[bytes]:
        """Those that are not tried yet, first the ones that suit the blocks."""
        known = blocks.difference.outcome.difference if blocks is not None and blocks.difference is not None else None
        values = known.model.values if known is not None else {}
        own = frame_of(known.model) if known is not None and LENGTH.name in values else None
        if self._others is None:
            self._others = frames(self._ways, engine)
        suited = fitting(self._ways, of_parameters(values), engine)
        for frame in chain((own,) if own is not None else (), suited, self._others):
            if frame not in self._tried and len(self._tried) < MOST:
                self._tried.add(frame)
                yield frame

    def _run(self, tried: Tried, engine: Engine, started: float) -> Proof | None:
        """A difference that random rules show on one frame."""
        spec, impl, _ = tried.sides
        try:
            seen = SeenInRuns(self._pair, spec, impl, tried.frame)
        except NotCompiled:
            return None
        return shown_by(seen, self._pair, tried.sides, engine, started, time.process_time() + RUN_SECONDS, RUNS)

    def _ask(self, tried: Tried, engine: Engine, started: float) -> Proof | None:
        """A difference that a solver finds on one frame."""
        pair, frame = self._pair, tried.frame
        quick = replace(engine, timeout=min(engine.timeout, QUERY_SECONDS), deadline=_soon(engine))
        spec, impl, _ = tried.sides
        outcome = told(spec, impl, quick, exactly=pair.exactly)
        if outcome.difference is None:
            return None
        model = outcome.difference.model
        values = {**model.values, **{f"pkt[{i}]": octet for i, octet in enumerate(frame)}, LENGTH.name: len(frame)}
        outcome = replace(outcome, difference=replace(outcome.difference, model=replace(model, values=values)))
        return confirmed_guess(outcome, pair, tried.sides, engine, started)


def _seconds(engine: Engine) -> float:
    left = engine.deadline - time.monotonic() if engine.deadline is not None else 0.0
    return min(max(SECONDS, PART * left), MOST_SECONDS)


def _soon(engine: Engine) -> float:
    """When a search on one frame ends."""
    return min(engine.deadline or math.inf, time.monotonic() + FRAME_SECONDS)
