"""Which of PSA's timestamps a program reads: for each of them the kernel's clock is asked once, in this order."""

from __future__ import annotations

from typing import Final

from ...semantics import ir
from ...semantics.ir.printer.scope import mentioned

TIMESTAMPS: Final = ("ingress_timestamp", "egress_timestamp")


def asked(program: ir.Program) -> tuple[str, ...]:
    """Those that a program of PSA mentions."""
    if program.arch != "psa":
        return ()
    names = {node.name for control in program.controls for node in mentioned(control) if isinstance(node, ir.Member)}
    return tuple(name for name in TIMESTAMPS if name in names)
