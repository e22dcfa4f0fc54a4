"""Small behaviours made by hand, and what the search says of two of them."""

from __future__ import annotations

import time

from p4verify.proofs.engine import Engine
from p4verify.proofs.refine import Outcome, decide, search
from p4verify.semantics import bits as b
from p4verify.semantics.bits import Term
from p4verify.semantics.meaning.behaviour import (
    INPUT_PACKET,
    Behaviour,
    Case,
    Choice,
    Output,
    Packet,
)

ONE = b.bv(1, 32)


def choice(number: int, width: int) -> Term:
    return b.var(f"any.{number}", width)


def send(port: Term = ONE, packet: Packet = INPUT_PACKET, when: Term = b.TRUE) -> Output:
    return Output(when, "port", port, packet)


def always(
    *outputs: Output, choices: tuple[Term, ...] = (), axioms: tuple[Term, ...] = (), **more: object
) -> Behaviour:
    made = tuple(Choice(c, "test") for c in choices)
    return Behaviour((Case(b.TRUE, outputs, **more),), axioms=axioms, choices=made)  # type: ignore[arg-type]


def split(condition: Term, then: tuple[Output, ...], otherwise: tuple[Output, ...]) -> Behaviour:
    return Behaviour((Case(condition, then), Case(b.not_(condition), otherwise)))


def verdict(spec: Behaviour, impl: Behaviour, *, exactly: bool = False) -> str:
    outcome = search(spec, impl, Engine(timeout=20), exactly=exactly)
    proof = decide(outcome, time.monotonic(), "")
    return "differs" if proof is None else proof.verdict.value


def found(spec: Behaviour, impl: Behaviour) -> Outcome:
    return search(spec, impl, Engine(timeout=20))
