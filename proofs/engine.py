"""Discharging: is a condition satisfiable? Folding first, then a solver within its limits.

A query that folds to a literal never meets a solver. Anything else goes to the solver behind :mod:`.solvers`; whatever
the solver cannot say within its limits is ``unknown``, and nothing here turns that into an answer.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from ..semantics import bits as b
from ..semantics.bits import Term
from .abstraction import abstracted

Status = Literal["sat", "unsat", "unknown"]

EASY_SECONDS: Final = 10.0
"""How long a query may take from which hard terms were left out."""


@dataclass(frozen=True)
class Model:
    """Values for free variables, and tables for uninterpreted functions (arguments → value; ``None``: all others)."""

    values: Mapping[str, int] = field(default_factory=dict)
    functions: Mapping[str, Mapping[tuple[int, ...] | None, int]] = field(default_factory=dict)

    def callables(self) -> dict[str, Callable[..., int]]:
        """The functions as callables on numbers."""

        def look_up(table: Mapping[tuple[int, ...] | None, int]) -> Callable[..., int]:
            return lambda *args: table.get(args, table.get(None, 0))

        return {name: look_up(table) for name, table in self.functions.items()}

    def holds(self, term: Term) -> bool:
        """Whether a Bool term is true in this model (what the model leaves open is 0)."""
        return bool(b.evaluate([term], self.values, self.callables(), default=0)[0])


@dataclass(frozen=True)
class Answer:
    """What is known of one query."""

    status: Status
    model: Model | None = None
    reason: str = ""
    folded: bool = False


class OutOfTime(Exception):
    """The time for the whole check is over."""


@dataclass
class Engine:
    """Solves queries one after the other within a common deadline.

    Args:
        timeout: seconds for one query.
        deadline: point of ``time.monotonic()`` after which no query is started (None: none).
        memory_mb: limit of the solver's memory for one query.
        progress: called with a line for each query that needs the solver.
    """

    timeout: float = 60.0
    deadline: float | None = None
    memory_mb: int = 4096
    progress: Callable[[str], None] = lambda _line: None
    folded: int = 0
    solved: int = 0
    _unsatisfiable: set[Term] = field(default_factory=set)
    """Queries that were answered; a check asks some more than once (both sides' cases cover the same inputs)."""

    @classmethod
    def within(cls, seconds: float | None, progress: Callable[[str], None] = lambda _line: None) -> Engine:
        """An engine for one check of at most ``seconds`` (None: 60 seconds a query, no limit on the whole)."""
        if seconds is None:
            return cls(progress=progress)
        return cls(timeout=seconds, deadline=time.monotonic() + seconds, progress=progress)

    def satisfiable(self, query: Term, what: str = "", seconds: float | None = None) -> Answer:
        """Whether ``query`` (Bool) can be true; with a model that makes it so, checked by our own evaluator.

        ``seconds`` is a limit for this query, below the engine's own.
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
        seconds = min(self._remaining(), seconds or self.timeout)
        if seconds <= 0:
            return Answer("unknown", reason="the time limit ran out")
        self.progress(what)
        self.solved += 1
        answer = self._solve(query, seconds)
        if answer.status == "unsat":
            self._unsatisfiable.add(query)
        return answer

    def _remaining(self) -> float:
        if self.deadline is None:
            return self.timeout
        return min(self.timeout, self.deadline - time.monotonic())

    def _solve(self, query: Term, seconds: float) -> Answer:
        from .solvers import z3_engine  # late: importing a solver takes longer than most folded checks

        easier = abstracted(query)
        if easier is not None:
            quick = z3_engine.solve([easier], timeout_s=min(seconds, EASY_SECONDS), memory_mb=self.memory_mb)
            if quick.status == "unsat":
                return Answer("unsat")
        result = z3_engine.solve([query], timeout_s=seconds, memory_mb=self.memory_mb)
        if result.status == "unsat":
            return Answer("unsat")
        if result.status != "sat":
            return Answer("unknown", reason=result.reason or "the solver gave up")
        model = Model(result.values, result.functions)
        if not model.holds(query):
            return Answer(
                "unknown", reason="the solver's model does not satisfy the query (a bug of ours; please report)"
            )
        return Answer("sat", model)
