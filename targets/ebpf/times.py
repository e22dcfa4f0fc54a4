"""Which of PSA's or PNA's timestamps a program reads: for each of them the kernel's clock is asked once, in this
order."""

from __future__ import annotations

from typing import Final

from ...semantics import ir
from ...semantics.ir.printer.scope import mentioned

TIMESTAMPS: Final = {"psa": ("ingress_timestamp", "egress_timestamp"), "pna": ("timestamp",)}
"""Architecture → names of them."""


def asked(program: ir.Program) -> tuple[str, ...]:
    """Those that a program mentions."""
    if program.arch not in TIMESTAMPS:
        return ()
    blocks = (*program.parsers, *program.controls)
    names = {node.name for block in blocks for node in mentioned(block) if isinstance(node, ir.Member)}
    return tuple(name for name in TIMESTAMPS[program.arch] if name in names)
