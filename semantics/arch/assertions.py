"""``assert`` and ``assume``, and assumptions of the user's.

After the comments of p4c's ``v1model.p4``: a verifier looks for packets on which an ``assert`` is false, and leaves
those out on which an ``assume`` is. Both restrict what is compared, then, and whoever compares has to check asserts
besides.

What a condition reads that is undefined may be anything: the input is left out only if the condition is false whatever
it is. Such values are variables ``open.N`` of their own, which no side may choose.
"""

from __future__ import annotations

from typing import Final

from .. import bits as b
from .. import ir
from ..bits import Term
from ..meaning.behaviour import CHOICE, CHOICE_OF_A_COPY, Assumption
from ..meaning.dispatch import ExternTable
from ..meaning.machine import Machine
from ..meaning.values import Scalar
from ..source import Span
from .extern_call import Call

ASSUME_GIVEN: Final = "$assume"
"""The extern that an assumption of the user's calls; its span's file is what verdicts call the assumption."""
INGRESS_PORT: Final = "$ingress_port"
PACKET_LENGTH: Final = "$packet_length"
LENGTH_BITS: Final = 32
OPEN: Final = "open."


def _condition(m: Machine, node: ir.ExternCall) -> Term:
    """What the call asks for, with undefined values open."""
    first = m.next_choice
    term = Call(m, node).term(0)
    made = {f"{kind}{n}" for kind in (CHOICE, CHOICE_OF_A_COPY) for n in range(first, m.next_choice)}
    renamed = {v: b.var(OPEN + v.name.removeprefix(CHOICE), v.sort) for v in b.variables(term) if v.name in made}
    return b.substitute([term], renamed)[0]


def _assertion(m: Machine, node: ir.ExternCall) -> None:
    """Inputs that make it false are no inputs, and the verdict says so."""
    holds = _condition(m, node)
    _tell(m, node.extern, node.span, holds)
    holds = m.absolute(holds)
    if holds is not b.TRUE:
        m.assumptions.append(Assumption(f"{node.extern} at {node.span} holds", holds, node.extern, node.span))


def _given(m: Machine, node: ir.ExternCall) -> None:
    """An assumption of the user's."""
    holds = _condition(m, node)
    _tell(m, "assume", node.span, holds)
    text = node.span.file.removeprefix("--assume '").removesuffix("'")
    m.assumptions.append(Assumption(f"{text} (--assume)", m.absolute(holds), "given", node.span,
                                    b.not_(m.absolute(b.FALSE))))  # fmt: skip


def _tell(m: Machine, extern: str, span: Span, holds: Term) -> None:
    if m.trace is not None and holds.is_const:
        m.trace.add("assertion", span, extern=extern, holds=holds is b.TRUE)


def _port(m: Machine, node: ir.ExternCall) -> Scalar:
    return Scalar(m.input.port)


def _length(m: Machine, node: ir.ExternCall) -> Scalar:
    return Scalar(b.zext(m.input.length, LENGTH_BITS))


ASSERTIONS: Final[ExternTable] = {("assert", ""): _assertion, ("assume", ""): _assertion}
"""Of architectures whose programs can call them."""

GIVEN: Final[ExternTable] = {
    (ASSUME_GIVEN, ""): _given,
    (INGRESS_PORT, ""): _port,
    (PACKET_LENGTH, ""): _length,
}
"""Of every architecture: no program can call these."""
