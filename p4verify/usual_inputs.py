"""A difference of two machines once more, on an input that real machines can be given.

A solver takes any port for the one that the packet comes in by, and any length. No machine here has port 0 (or 1, which
is the loopback device), and none is given frames of more than an Ethernet's, though most differences show there, too.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from .interpreted import USUAL_PORT
from .machine_shown import can_show
from .proofs.engine import Engine
from .proofs.jobs import ETHERNET_LENGTH
from .proofs.refine import Outcome, search
from .proofs.verdict import Counterexample, Proof, Verdict
from .semantics import bits as b
from .semantics.meaning.behaviour import LENGTH, PORT
from .two_machines import Machine

SECONDS: Final = 10.0
"""How long such an input is looked for."""
MEANINGS: Final = 2
"""Those that confirm a difference of two machines in any case; then come the machines."""


def is_usual(shown: Counterexample) -> bool:
    """Whether machines can be given the input."""
    return shown.port >= USUAL_PORT and len(shown.packet) <= ETHERNET_LENGTH


def on_a_usual_input(
    proof: Proof, first: Machine, second: Machine, engine: Engine, confirmed: Callable[[Outcome], Proof],
    *, exactly: bool,
) -> Proof:  # fmt: skip
    """The proof; or, of a difference on an input that machines cannot be given, one that machines have shown.

    Args:
        proof: that was found.
        first: one machine.
        second: the other one.
        engine: where queries go.
        confirmed: the proof for a difference.
        exactly: as for the search that has found it.
    """
    shown = proof.counterexample
    if proof.verdict is not Verdict.REJECT or shown is None or is_usual(shown) or len(shown.confirmed_by) > MEANINGS:
        return proof
    if not all(can_show(machine.target) for machine in (first, second)):
        return proof
    usual = (b.eq(PORT, b.bv(USUAL_PORT, PORT.width)), b.ule(LENGTH, b.bv(ETHERNET_LENGTH, LENGTH.width)))
    limited = Engine.within(SECONDS, engine.progress, engine.execution)
    within = replace(second.behaviour, axioms=(*second.behaviour.axioms, *usual))
    outcome = search(first.behaviour, within, limited, exactly=exactly)
    again = confirmed(outcome) if outcome.difference is not None else proof
    found = again.counterexample
    better = found is not None and len(found.confirmed_by) > len(shown.confirmed_by)
    return again if better and again.verdict is Verdict.REJECT else proof
