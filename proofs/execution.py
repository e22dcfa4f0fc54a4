"""Where queries are answered that do not fold: on disk, in this process, or by an executor's processes.

A query that is small is first tried here for a moment, since starting a process takes longer than most queries do. What
is not decided by then goes to the executor, which has hard limits on time and memory, together with some of those that
are known to come next. Whatever way a query takes, it is asked in its canonical form, so the solver is given the same
text; and a model, wherever it comes from, is checked by our own evaluator before it counts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .answers import OUT_OF_TIME, Answer
from .cache import Cache
from .identity import solver_identity
from .jobs import Job, solve, tactics
from .pace import Pace
from .pool import Executor
from .units import Unit

QUICK_SECONDS: Final = 0.05
"""How long a query is tried in this process, where there are others."""

QUICK_LINES: Final = 3000
"""Nodes of the largest query that is tried in this process."""

QUICK_WIDTH: Final = 64
"""Bits of the widest product or quotient in such a query: the solver heeds no limit while it takes one apart."""

PATIENCE: Final = 0.5
"""Seconds after which a search that still has much before it calls for other processes."""

RACE_SECONDS: Final = 1.0
"""How long a tactic may take before the next one is tried beside it."""

AHEAD: Final = 2
"""Jobs under way for each process, those included that wait for one."""

Expected = Callable[[], tuple[Term, float] | None]
"""A query that will be asked, with its limit in seconds; None if it folds or cannot be told beforehand."""


@dataclass
class Execution:
    """How the queries of one or many checks are answered.

    Args:
        executor: other processes; without one, queries are answered here, within the solver's own limits.
        cache: answers on disk.
        memory_mb: limit of memory for each query, in MiB.
    """

    executor: Executor | None = None
    cache: Cache | None = None
    memory_mb: int = 4096
    pace: Pace = field(default_factory=Pace, init=False)
    """Of the queries answered here."""
    _upcoming: list[Expected] = field(default_factory=list, init=False)
    _spent: float = field(default=0.0, init=False)
    """Seconds of this search that went into queries answered here."""
    _sent: dict[bytes, int] = field(default_factory=dict, init=False)
    """The executor's numbers of queries, by digest, that nobody has asked for yet."""
    _asked: set[bytes] = field(default_factory=set, init=False)

    @contextmanager
    def expecting(self, queries: Sequence[Expected]) -> Iterator[None]:
        """While this lasts, ``queries`` will be asked in about this order; not all of them need to be."""
        self._upcoming, self._spent = list(reversed(queries)), 0.0
        try:
            yield
        finally:
            self._upcoming = []
            self._asked.clear()
            for number in self._sent.values():
                assert self.executor is not None
                self.executor.cancel(number)
            self._sent.clear()

    def answer(
        self, query: Term, seconds: float, until: float | None, tick: Callable[[], None], plain: bool = True
    ) -> Answer:
        """Whether ``query`` can be true.

        Args:
            query: of sort Bool.
            seconds: limit for the query itself.
            until: point of ``time.monotonic()`` after which nobody waits, be it under way or not.
            tick: called now and then while waiting.
            plain: as of :func:`.jobs.solve`.
        """
        unit = Unit.of(query)
        if self._upcoming:
            self._asked.add(unit.digest)
        answer = self._kept(unit, query)
        if answer is not None:
            return answer
        number = self._sent.pop(unit.digest, None) if self._sent else None
        if number is None and (self.executor is None or self._is_quick(unit, query)):
            here = self._answer_here(unit, seconds, plain)
            if here.status != "unknown" or self.executor is None or seconds <= QUICK_SECONDS:
                return here
        assert self.executor is not None
        if number is not None or self._upcoming or self.executor.width == 1:
            if number is None:
                number = self.executor.submit(Job(unit, seconds, self.memory_mb, plain=plain))
            self._look_ahead()
            found = self.executor.wait([number], until, tick)
            if found is None:
                self.executor.cancel(number)
            answer = _OVER if found is None else found[1]
        else:
            jobs = [Job(unit, seconds, self.memory_mb, way, plain) for way in tactics(query, alone=True)]
            answer = _race(self.executor, jobs, until, tick)
        return self._checked(unit, query, answer, plain)

    def close(self) -> None:
        """End all other processes."""
        if self.executor is not None:
            self.executor.close()

    # --- the ways a query may take ----------------------------------------------------------------------------------

    def _kept(self, unit: Unit, query: Term) -> Answer | None:
        if self.cache is None:
            return None
        key = unit.key(solver_identity())
        answer = self.cache.load(key, solver_identity())
        if answer is not None and answer.status == "sat" and not _holds(answer, query):
            self.cache.reject(key)
            return None
        return answer

    def _keep(self, unit: Unit, answer: Answer, plain: bool) -> None:
        if self.cache is not None and (plain or answer.model is None):  # who asks next may want to read the model
            self.cache.save(unit.key(solver_identity()), solver_identity(), answer)

    def _is_quick(self, unit: Unit, query: Term) -> bool:
        """Whether to try it here first."""
        assert self.executor is not None
        many = self.executor.width > 1 and len(self._upcoming) > 1
        if many and (self.executor.started or self._spent > PATIENCE):
            return False
        if unit.data.count(b"\n") > QUICK_LINES:
            return False
        return not any(t.op in _SLOW and t.width > QUICK_WIDTH for t in b.postorder([query]))

    def _answer_here(self, unit: Unit, seconds: float, plain: bool) -> Answer:
        started = time.monotonic()
        limit = seconds if self.executor is None else min(seconds, QUICK_SECONDS)
        with self.pace.measured():
            answer = solve(unit.term(), limit, self.memory_mb, plain=plain)
        self._spent += time.monotonic() - started
        self._keep(unit, answer, plain)
        return answer

    def _checked(self, unit: Unit, query: Term, answer: Answer, plain: bool) -> Answer:
        """An answer from elsewhere."""
        if answer.status == "sat" and not _holds(answer, query):
            return Answer("unknown", reason="a worker's model does not satisfy the query")
        self._keep(unit, answer, plain)
        return answer

    def _look_ahead(self) -> None:
        """Have the next ones answered too, as long as there is somebody to do it."""
        assert self.executor is not None
        while self._upcoming and len(self._sent) < AHEAD * self.executor.width - 1:
            expected = self._upcoming.pop()()
            if expected is None or expected[0].is_const or expected[1] <= 0:
                continue
            unit = Unit.of(expected[0])
            known = unit.digest in self._asked or unit.digest in self._sent
            if not known and self._kept(unit, expected[0]) is None:
                self._sent[unit.digest] = self.executor.submit(Job(unit, expected[1], self.memory_mb))


_OVER: Final = Answer("unknown", reason=OUT_OF_TIME)


def _race(executor: Executor, jobs: Sequence[Job], until: float | None, tick: Callable[[], None]) -> Answer:
    """A query with nothing behind it, as jobs of one tactic each: another one is tried beside the first if that takes
    long."""
    left = list(jobs)
    running: list[int] = []
    undecided: list[Answer] = []
    try:
        while left or running:
            if left and (not running or executor.spare > 0):
                running.append(executor.submit(left.pop(0)))
            check = time.monotonic() + RACE_SECONDS
            pause = min(check, until or check) if left else until
            found = executor.wait(running, pause, tick)
            if found is not None:
                running.remove(found[0])
                if found[1].status != "unknown":
                    return found[1]
                undecided.append(found[1])
            elif until is not None and time.monotonic() >= until:
                return _OVER
        return next((answer for answer in undecided if answer.reason), undecided[0])
    finally:
        for number in running:
            executor.cancel(number)


_SLOW: Final = frozenset({"mul", "udiv", "urem", "sdiv", "srem"})


def _holds(answer: Answer, query: Term) -> bool:
    """Whether the model satisfies the query, by our own evaluator; a model that cannot be evaluated does not."""
    try:
        return answer.model is not None and answer.model.holds(query)
    except (ValueError, KeyError, TypeError, AssertionError):
        return False
