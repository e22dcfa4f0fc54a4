"""Whole pipelines on single frames, for every rule set: where two large programs differ, a few frames show it.

The pipelines of a large program have a case for each way through its parser with each layout of what is sent, and it
takes long to say what has to hold of all of them. On one frame all that is left open is what the tables answer, what
state holds and where the frame came in, which is small. A difference there is one of the programs; that there is none
says nothing.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property, partial
from itertools import chain
from typing import TYPE_CHECKING, Final

from .frames import fitting, frame_of, frames, of_parameters, ways
from .pair_blocks import Found, as_found
from .proofs.engine import Engine
from .proofs.refine import told
from .proofs.verdict import Proof, Verdict
from .replay import confirm_pair
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

MOST: Final = 64
"""Frames that are tried."""


class ByFrames:
    """The frames of one pair; none is tried twice."""

    def __init__(self, pair: ProgramPair) -> None:
        self._pair = pair
        self._tried: set[bytes] = set()
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
        queue = self._frames(blocks, engine)
        begun = time.process_time()
        end = begun + (_seconds(engine) if seconds is None else seconds) - self._spent
        try:
            while time.process_time() < end and len(self._tried) < MOST:
                frame = next(queue, None)
                proof = self._on(frame, engine, started) if frame is not None else None
                if proof is not None or frame is None:
                    return proof
        except Unsupported:
            self._ways = ()  # the whole is not modelled
        finally:
            self._spent += time.process_time() - begun
        return None

    def _frames(self, blocks: Found | None, engine: Engine) -> Iterator[bytes]:
        """Those that are not tried yet, first the ones that suit the blocks."""
        known = blocks.difference.outcome.difference if blocks is not None and blocks.difference is not None else None
        values = known.model.values if known is not None else {}
        own = frame_of(known.model) if known is not None and LENGTH.name in values else None
        if self._others is None:
            self._others = frames(self._ways, engine)
        suited = fitting(self._ways, of_parameters(values), engine)
        for frame in chain((own,) if own is not None else (), suited, self._others):
            if frame not in self._tried:
                self._tried.add(frame)
                yield frame

    def _on(self, frame: bytes, engine: Engine, started: float) -> Proof | None:
        """A difference on one frame.

        Raises:
            Unsupported: a program uses what is not modelled.
        """
        pair = self._pair
        quick = replace(engine, timeout=min(engine.timeout, QUERY_SECONDS), deadline=_soon(engine))
        spec, impl, theirs = pair.on_frame(frame)
        outcome = told(spec, impl, quick, exactly=pair.exactly)
        if outcome.difference is None:
            return None
        model = outcome.difference.model
        values = {**model.values, **{f"pkt[{i}]": octet for i, octet in enumerate(frame)}, LENGTH.name: len(frame)}
        outcome = replace(outcome, difference=replace(outcome.difference, model=replace(model, values=values)))
        found = as_found(pair, outcome, spec, theirs, "the pipeline")
        assert found.difference is not None
        proof = confirm_pair(replace(found.difference, guessed=True), found.tally, started, engine)
        return proof if proof.verdict is Verdict.REJECT else None


class Meanwhile:
    """The frames of a pair while comparing it as a whole takes long."""

    def __init__(self, pair: ProgramPair, engine: Engine, started: float, blocks: Found) -> None:
        self._look: Callable[[], Proof | None] | None = partial(pair.frames.reject, engine, started, blocks)
        self.proof: Proof | None = None

    def __call__(self, _early: bool) -> bool:
        """Whether one shows a difference; they are tried once."""
        if self._look is not None:
            self.proof, self._look = self._look(), None
        return self.proof is not None


def _seconds(engine: Engine) -> float:
    left = engine.deadline - time.monotonic() if engine.deadline is not None else 0.0
    return min(max(SECONDS, PART * left), MOST_SECONDS)


def _soon(engine: Engine) -> float:
    """When a search on one frame ends."""
    return min(engine.deadline or math.inf, time.monotonic() + FRAME_SECONDS)
