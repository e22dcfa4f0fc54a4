"""How large random programs become, and what they may use."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Settings:
    """Bounds of one program. The defaults make some 150 lines, whose behaviour takes a fraction of a second."""

    headers: int = 4
    """Headers, stacks and unions in the packet, at most."""
    states: int = 5
    """Parser states, at most."""
    statements: int = 6
    """Statements in one block, at most."""
    depth: int = 3
    """Nesting of statements."""
    expression: int = 3
    """Nesting of operators."""
    callables: int = 3
    """Functions, actions and tables of one kind in one place, at most."""
    undefined: bool = True
    """Whether values are often read that nothing has set; else most things are set first, and few become invalid."""

    paths: bool = True
    """Whether packets are copied and sent back, where the architecture can."""


DEFINED = Settings(undefined=False, paths=False)
"""For an interpreter that stops at what is undefined, and at copies."""

SMALL = Settings(3, 3, 3, 2, 2, 2)
"""For laws that shrink, or ask a solver."""
