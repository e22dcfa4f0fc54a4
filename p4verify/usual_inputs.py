"""A difference of two machines once more, on an input that real machines can be given.

A solver takes any port for the one that the packet comes in by, and any length. No machine here has port 0 (or 1, which
is the loopback device), and none is given frames of more than an Ethernet's, though most differences show there, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from .interpreted import USUAL_PORT
from .proofs.engine import Engine
from .proofs.refine import Outcome, search
from .proofs.verdict import Counterexample, Proof, Verdict
from .semantics import bits as b
from .semantics.meaning.behaviour import LENGTH, PORT, Behaviour

SECONDS: Final = 10.0
"""How long such an input is looked for."""
LONGEST: Final = 1514
"""Bytes of a frame of Ethernet, with its header."""


def is_usual(shown: Counterexample) -> bool:
    """Whether machines can be given the input."""
    return shown.port >= USUAL_PORT and len(shown.packet) <= LONGEST


def on_a_usual_input(
    proof: Proof, first: Behaviour, second: Behaviour, engine: Engine, confirmed: Callable[[Outcome], Proof],
    *, exactly: bool,
) -> Proof:  # fmt: skip
    """The proof; or, of a difference on an input that machines cannot be given, one that machines have shown.

    Args:
        proof: that was found.
        first: what one machine does.
        second: what the other one does.
        engine: where queries go.
        confirmed: the proof for a difference.
        exactly: as for the search that has found it.
    """
    shown = proof.counterexample
    if proof.verdict is not Verdict.REJECT or shown is None or is_usual(shown):
        return proof
    usual = (b.eq(PORT, b.bv(USUAL_PORT, PORT.width)), b.ule(LENGTH, b.bv(LONGEST, LENGTH.width)))
    limited = Engine.within(SECONDS, engine.progress, engine.execution)
    outcome = search(first, replace(second, axioms=(*second.axioms, *usual)), limited, exactly=exactly)
    again = confirmed(outcome) if outcome.difference is not None else proof
    found = again.counterexample
    better = found is not None and len(found.confirmed_by) > len(shown.confirmed_by)
    return again if better and again.verdict is Verdict.REJECT else proof
