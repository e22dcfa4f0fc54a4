"""One query to be answered within limits, as bytes that any process can take up; and how it is answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from ..semantics.bits import Term
from .abstraction import abstracted
from .answers import Answer, Model
from .units import Unit

EASY_SECONDS: Final = 10.0
"""How long a query may take from which hard terms were left out."""


@dataclass(frozen=True)
class Job:
    """A query with its limits.

    Args:
        unit: the query.
        seconds: limit of time, by the clock.
        memory_mb: limit of memory in MiB.
        tactic: how the solver goes about it (:data:`.solvers.z3_engine.TACTICS`).
    """

    unit: Unit
    seconds: float
    memory_mb: int
    tactic: str = ""

    def packed(self) -> bytes:
        """The job as bytes."""
        head = {"seconds": self.seconds, "memory_mb": self.memory_mb, "tactic": self.tactic}
        return json.dumps(head).encode() + b"\n" + self.unit.data

    @staticmethod
    def unpacked(data: bytes) -> Job:
        """The job of such bytes. Raises ValueError."""
        head, _, unit = data.partition(b"\n")
        try:
            read = json.loads(head)
            return Job(Unit(unit), float(read["seconds"]), int(read["memory_mb"]), str(read["tactic"]))
        except (KeyError, TypeError) as error:
            raise ValueError(f"no job: {error!r}") from None

    def run(self) -> Answer:
        """Answer it in this process. Raises ValueError if the unit is none, KeyboardInterrupt on Ctrl-C."""
        return solve(self.unit.term(), self.seconds, self.memory_mb, self.tactic)


def solve(query: Term, seconds: float, memory_mb: int, tactic: str = "") -> Answer:
    """Ask the solver in this process; a model is checked by our own evaluator before it counts.

    Raises:
        KeyboardInterrupt: Ctrl-C.
    """
    from .solvers import z3_engine  # late: importing a solver takes longer than most folded checks

    easier = abstracted(query)
    if easier is not None:
        quick = z3_engine.solve([easier], timeout_s=min(seconds, EASY_SECONDS), memory_mb=memory_mb, tactic=tactic)
        if quick.status == "unsat":
            return Answer("unsat")
    result = z3_engine.solve([query], timeout_s=seconds, memory_mb=memory_mb, tactic=tactic)
    if result.status == "unsat":
        return Answer("unsat")
    if result.status != "sat":
        return Answer("unknown", reason=result.reason or "the solver gave up")
    model = Model(result.values, result.functions)
    if not model.holds(query):
        reason = "the solver's model does not satisfy the query (a bug of ours; please report)"
        return Answer("unknown", reason=reason)
    return Answer("sat", model)
