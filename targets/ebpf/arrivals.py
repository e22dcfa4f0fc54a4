"""What is taken for granted of how a packet of PNA comes in, as the kernel says nothing of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ...semantics import bits as b
from ...semantics import ir
from ...semantics.ir.printer.scope import mentioned
from ...semantics.meaning.behaviour import Assumption

_INPUTS: Final = {
    "direction": (1, "packets come from the network (direction is NET_TO_HOST)"),
    "pass": (3, "packets come in for the first time (pass is 0)"),
    "loopedback": (1, "packets are not looped back"),
    "class_of_service": (8, "packets come in with class of service 0"),
}
"""Input → its bits, and what it means that it is 0."""


def assumed(program: ir.Program) -> Sequence[Assumption]:
    """That the inputs which a program can see are 0."""
    if program.arch != "pna":
        return ()
    blocks = (*program.parsers, *program.controls)
    read = {node.name for block in blocks for node in mentioned(block) if isinstance(node, ir.Member)} | {"loopedback"}
    return [
        Assumption(text, b.eq(b.var(f"in.{name}", bits), b.bv(0, bits)))
        for name, (bits, text) in _INPUTS.items()
        if name in read
    ]
