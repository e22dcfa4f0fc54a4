"""Every side must refine itself; one that does not is a mistake of ours, and no verdict can rest on it."""

from __future__ import annotations

import time

from ..semantics.meaning.behaviour import Behaviour
from .compare import NO_FAULT
from .engine import Engine
from .refine import search
from .verdict import Proof, Verdict


def unlike_itself(side: Behaviour, what: str, engine: Engine, started: float) -> Proof | None:
    """That no verdict can rest on ``side``, called ``what`` in the reason; None if it can.

    Args:
        side: one that may meet faults of its own: those are no differences.
        what: as "the program".
        engine: decides.
        started: when the check began, as of ``time.monotonic()``.
    """
    difference = search(side, side, engine).difference
    if difference is None or difference.obligation.startswith(NO_FAULT):
        return None
    reason = f"{what} differs from itself ({difference.obligation}): a bug of ours, please report"
    return Proof(Verdict.UNDECIDED, reason, seconds=time.monotonic() - started)
