"""Discharging: is a condition satisfiable? Folding first, then a solver within its limits.

A query that folds to a literal never meets a solver. Anything else goes where :mod:`.execution` sends it; whatever is
not answered within the limits is ``unknown``, and nothing here turns that into an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from ..semantics import bits as b
from ..semantics.bits import Term
from .answers import OUT_OF_TIME, Answer, Model, Status
from .execution import Execution, Expected

__all__ = ["Answer", "Engine", "Model", "Status"]


@dataclass
class Engine:
    """Solves queries one after the other within a common deadline.

    Args:
        timeout: seconds for one query.
        deadline: point of ``time.monotonic()`` after which no query is started (None: none).
        progress: called with a line for each query that needs the solver.
        execution: where queries are answered; by default in this process, within the solver's own limits.
    """

    timeout: float = 60.0
    deadline: float | None = None
    progress: Callable[[str], None] = lambda _line: None
    execution: Execution = field(default_factory=Execution)
    folded: int = 0
    stage: str = ""
    """What is being done, in front of each of these lines."""
    solved: int = 0
    """Queries that were answered by a solver, now or, for :attr:`cached` of them, at some time before."""
    cached: int = 0
    _unsatisfiable: set[Term] = field(default_factory=set)
    """Queries that were answered; a check asks some more than once (both sides' cases cover the same inputs)."""
    _not_refuted: dict[Term, float] = field(default_factory=dict)
    """Queries that were not seen to be unsatisfiable, and in how many seconds."""

    @classmethod
    def within(
        cls,
        seconds: float | None,
        progress: Callable[[str], None] = lambda _line: None,
        execution: Execution | None = None,
    ) -> Engine:
        """An engine for one check of at most ``seconds`` (None: 60 seconds a query, no limit on the whole)."""
        execution = execution or Execution()
        if seconds is None:
            return cls(progress=progress, execution=execution)
        return cls(seconds, time.monotonic() + seconds, progress, execution)

    @contextmanager
    def expecting(self, queries: Iterable[Callable[[], tuple[Term, float | None] | None]]) -> Iterator[None]:
        """While this lasts, these queries will be asked in about this order, so others may begin with them.

        Each is a callable, made use of only if it helps: the query and its limit (None: the engine's own), or None if
        it cannot be told beforehand.
        """

        def bounded(query: Callable[[], tuple[Term, float | None] | None]) -> Expected:
            def make() -> tuple[Term, float] | None:
                known = query()
                if known is None or known[0] in self._unsatisfiable:
                    return None
                return known[0], min(self._remaining(), self.patience(known[1]))

            return make

        try:
            with self.execution.expecting([bounded(q) for q in queries]):
                yield
        finally:
            self.stage = ""

    def satisfiable(self, query: Term, what: str = "", seconds: float | None = None, *, plain: bool = True) -> Answer:
        """Whether ``query`` (Bool) can be true; with a model that makes it so, checked by our own evaluator.

        ``plain``: a model has 0 for what does not matter, as far as that is soon found: many are asked for that nobody
        reads.

        ``seconds`` is a limit for this query, below the engine's own; it is by the clock on a machine that has nothing
        else to do, and on one that has it takes accordingly longer.
        """
        if query is b.FALSE:
            self.folded += 1
            return Answer("unsat", folded=True)
        if query is b.TRUE:
            self.folded += 1
            return Answer("sat", Model(), folded=True)
        if query in self._unsatisfiable:
            self.folded += 1
            return Answer("unsat", folded=True)
        seconds = min(self._remaining(), self.patience(seconds))
        if seconds <= 0:
            return Answer("unknown", reason=OUT_OF_TIME)
        line = f"{self.stage}{what}"
        self.progress(line)
        self.solved += 1
        answer = self.execution.answer(query, seconds, self.deadline, lambda: self.progress(line), plain)
        self.cached += answer.cached
        if answer.status == "unsat":
            self._unsatisfiable.add(query)
        return answer

    def refuted(self, query: Term, what: str, seconds: float) -> bool:
        """Whether ``query`` is seen to have no model within ``seconds``; one for which that was not so is not asked
        again, unless there is more time."""
        if self._not_refuted.get(query, 0.0) >= seconds:
            return False
        if self.satisfiable(query, what, seconds, plain=False).status == "unsat":
            return True
        self._not_refuted[query] = seconds
        return False

    def patience(self, seconds: float | None) -> float:
        """By the clock, for what is worth ``seconds`` of work (None: whatever a query may take)."""
        return self.execution.pace.by_the_clock(seconds) if seconds else self.timeout

    @property
    def out_of_time(self) -> bool:
        """Whether no query is started any more."""
        return self.deadline is not None and time.monotonic() > self.deadline

    def _remaining(self) -> float:
        if self.deadline is None:
            return self.timeout
        return min(self.timeout, self.deadline - time.monotonic())
