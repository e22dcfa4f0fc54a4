"""One query to be answered within limits, as bytes that any process can take up; and how it is answered."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from ..semantics import bits as b
from ..semantics.bits import Term
from .abstraction import abstracted, quotients_as_functions
from .answers import OUT_OF_TIME, Answer, Model, Table
from .decided_sums import with_sums_decided
from .sums import folds_sums
from .units import Unit

EASY_SECONDS: Final = 10.0
"""How long a query may take from which hard terms were left out."""


AUTO: Final = "auto"
BITWUZLA: Final = "bitwuzla"
INTEGERS: Final = "integers"
"""Z3 on a weaker query, of sums over integers: it can only say that there is no model, and says no reason otherwise."""

SHORT_SECONDS: Final = 0.2
"""With less time than this, one tactic is tried only."""


TURN_SECONDS: Final = 2.0
TURNS_IN: Final = 8
"""How long each of several ways is tried before any is for longer, in queries that may take so many such turns."""

PLAINER_SECONDS: Final = 1.0
"""How long a plainer model is looked for, where one is known."""

ETHERNET_LENGTH: Final = 1514
"""Bytes of the longest frame that an Ethernet carries without a frame check sequence (IEEE 802.3, 3.2.7)."""

DECIDING: Final = 4
"""The part of a query's time that may go into what its sums decide is one of so many, ..."""

DECIDING_SECONDS: Final = 1.0
"""... and no more than this."""

NO_MODEL: Final = "the solver's model does not satisfy the query (a bug of ours; please report)"

LEAST_SECONDS: Final = 0.3
"""The same for a query that has no time left: well within what a pool allows before it kills."""


@dataclass(frozen=True)
class Job:
    """A query with its limits.

    Args:
        unit: the query.
        seconds: limit of time, by the clock.
        memory_mb: limit of memory in MiB.
        tactic: one of :func:`tactics`, or ``auto``: one after the other.
        plain: as of :func:`solve`.
    """

    unit: Unit
    seconds: float
    memory_mb: int
    tactic: str = AUTO
    plain: bool = True

    def packed(self) -> bytes:
        """The job as bytes."""
        head = {"seconds": self.seconds, "memory_mb": self.memory_mb, "tactic": self.tactic, "plain": self.plain}
        return json.dumps(head).encode() + b"\n" + self.unit.data

    @staticmethod
    def unpacked(data: bytes) -> Job:
        """The job of such bytes. Raises ValueError."""
        head, _, unit = data.partition(b"\n")
        try:
            read = json.loads(head)
            seconds, memory_mb, tactic = float(read["seconds"]), int(read["memory_mb"]), str(read["tactic"])
            return Job(Unit(unit), seconds, memory_mb, tactic, bool(read["plain"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no job: {error!r}") from None

    def run(self) -> Answer:
        """Answer it in this process, which should be there for that. Raises ValueError if the unit is none."""
        return solve(self.unit.term(), self.seconds, self.memory_mb, self.tactic, alone=True, plain=self.plain)


def tactics(query: Term, alone: bool = False) -> tuple[str, ...]:
    """The ways to go about a query, the more promising ones of each solver first: where functions are applied, not to
    turn each application into bits; where carries of sums are added again, to look at the sums alone.

    Args:
        query: the query.
        alone: it is asked in a process of its own, where a solver that does not heed Ctrl-C does no harm.
    """
    from .solvers import bitwuzla_engine

    applied = any(t.args for t in b.applications(query))
    first, last = ("smt", "sat") if applied else ("sat", "smt")
    bits = (first, BITWUZLA, last) if alone and bitwuzla_engine.installed() else (first, last)
    return (INTEGERS, *bits) if folds_sums(query) else bits


def solve(
    query: Term, seconds: float, memory_mb: int, tactic: str = AUTO, alone: bool = False, plain: bool = True
) -> Answer:
    """Ask the solver in this process; a model is checked by our own evaluator before it counts.

    ``plain``: whether anybody wants to read the model.

    Raises:
        KeyboardInterrupt: Ctrl-C.
        ValueError: there is no such tactic.
    """
    end = time.monotonic() + seconds
    plan = tactics(query, alone) if tactic == AUTO else (tactic,)
    bits = [way for way in plan if way != INTEGERS]
    for easier in (abstracted(query), quotients_as_functions(query)) if bits else ():
        if easier is not None and _ask(easier, min(seconds, EASY_SECONDS), memory_mb, bits[0]).status == "unsat":
            return Answer("unsat")
    plan = plan if seconds > SHORT_SECONDS or not bits else tuple(bits[:1])
    answers: list[Answer] = []
    if INTEGERS in plan:
        answers.append(_ask(query, min(seconds / len(plan), EASY_SECONDS), memory_mb, INTEGERS))
        if answers[-1].status == "unsat" or not bits:
            return answers[-1]
    asked = _with_sums_decided(query, seconds / DECIDING, memory_mb)
    turns = _turns([way for way in plan if way != INTEGERS], seconds)
    for k, (way, most) in enumerate(turns):
        left = end - time.monotonic() if answers else seconds
        if left > 0:
            answers.append(_ask(asked, min(most, left / (len(turns) - k)), memory_mb, way))
            if answers[-1].status == "sat" and way == "smt" and plain:
                left = max(end - time.monotonic(), LEAST_SECONDS)
                answers.append(_plainer(asked, min(left, PLAINER_SECONDS), memory_mb) or answers[-1])
            if answers[-1].status == "sat" and plain:
                left = max(end - time.monotonic(), LEAST_SECONDS)
                answers.append(_of_usual_length(asked, answers[-1], min(left, PLAINER_SECONDS), memory_mb))
            if answers[-1].status != "unknown":
                return answers[-1] if asked is query else _of_all(query, answers[-1])
    return next((answer for answer in answers if answer.reason), Answer("unknown", reason=OUT_OF_TIME))


def _turns(ways: Sequence[str], seconds: float) -> list[tuple[str, float]]:
    """Which way is tried when and for how long at most: where there is much time, each for a short turn first, for what
    one of them never answers another one often does at once."""
    short = [(way, TURN_SECONDS) for way in ways] if len(ways) > 1 and seconds >= TURNS_IN * TURN_SECONDS else []
    return [*short, *((way, seconds) for way in ways)]


def _with_sums_decided(query: Term, seconds: float, memory_mb: int) -> Term:
    """The query, without comparisons of sums that it decides itself."""
    if not folds_sums(query):
        return query
    end = time.monotonic() + min(seconds, DECIDING_SECONDS)

    def refuted(weaker: Term) -> bool:
        return _ask(weaker, max(end - time.monotonic(), LEAST_SECONDS), memory_mb, INTEGERS).status == "unsat"

    return with_sums_decided(query, refuted, lambda: time.monotonic() < end)


def _of_all(query: Term, answer: Answer) -> Answer:
    """The answer for a query of which some comparisons were put in: a model counts if it holds for the whole."""
    if answer.model is None:
        return answer
    values = {**{v.name: 0 for v in b.variables(query)}, **answer.model.values}
    model = replace(answer.model, values=values)
    return Answer("sat", model) if model.holds(query) else Answer("unknown", reason=NO_MODEL)


def _plainer(query: Term, seconds: float, memory_mb: int) -> Answer | None:
    """A model in which most of what does not matter is 0, which people read more easily; None if that takes long."""
    answer = _ask(query, seconds, memory_mb, "sat")
    return answer if answer.status == "sat" else None


def _of_usual_length(query: Term, answer: Answer, seconds: float, memory_mb: int) -> Answer:
    """The answer, or one with a packet that an Ethernet carries, as machines do whose run is to confirm it: a frame
    cannot always be made shorter afterwards, where it says itself how long it is or is read from its end."""
    length = next((v for v in b.variables(query) if v.name == "pkt.len"), None)
    if length is None or answer.model is None or answer.model.values.get(length.name, 0) <= ETHERNET_LENGTH:
        return answer
    within = b.and_(query, b.ule(length, b.bv(ETHERNET_LENGTH, length.width)))
    shorter = _ask(within, seconds, memory_mb, "sat")
    return shorter if shorter.status == "sat" else answer


def _ask(query: Term, seconds: float, memory_mb: int, tactic: str) -> Answer:
    if tactic == BITWUZLA:
        return _ask_bitwuzla(query, seconds, memory_mb)
    from .solvers import z3_engine  # late: importing a solver takes longer than most folded checks

    if tactic == INTEGERS:
        answer = z3_engine.refuted_over_integers(query, timeout_s=seconds, memory_mb=memory_mb)
        return Answer("unsat" if answer.status == "unsat" else "unknown")
    result = z3_engine.solve([query], timeout_s=seconds, memory_mb=memory_mb, tactic=tactic)
    if result.status == "unsat":
        return Answer("unsat")
    if result.status != "sat":
        return Answer("unknown", reason=result.reason or "the solver gave up")
    alone: dict[str, Table] = {t.name: {(): result.values[t.name]} for t in b.applications(query) if not t.args}
    model = Model(result.values, {**result.functions, **alone})
    if not model.holds(query):
        return Answer("unknown", reason=NO_MODEL)
    return Answer("sat", model)


def _ask_bitwuzla(query: Term, seconds: float, memory_mb: int) -> Answer:
    """What Bitwuzla says; Z3 completes its values of the variables to a model of the functions too."""
    from .solvers import bitwuzla_engine

    end = time.monotonic() + seconds
    found = bitwuzla_engine.solve([query], timeout_s=seconds, memory_mb=memory_mb)
    if found.status != "sat":
        return Answer(found.status, reason=found.reason)
    known = {v: b.literal(found.values[v.name], v) for v in b.variables(query) if v.name in found.values}
    fixed = b.and_(query, *(b.eq(v, value) for v, value in known.items()))
    answer = _ask(fixed, max(end - time.monotonic(), LEAST_SECONDS), memory_mb, "smt")
    if answer.model is None or not answer.model.holds(query):
        return Answer("unknown", reason="bitwuzla: it is satisfiable, but a whole model was not found")
    return answer
