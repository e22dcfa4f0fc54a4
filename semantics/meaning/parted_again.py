"""Decisions that have been made already, above what a variable holds."""

from __future__ import annotations

from collections.abc import Callable

from .. import bits as b
from ..bits import Term

Decide = Callable[[Term], Term]
"""A condition as far as it is decided."""


def as_decided(term: Term, decide: Decide) -> Term:
    """``term`` without the decisions above it that are decided."""
    while term.op == "ite":
        condition = decide(term.args[0])
        if not condition.is_const:
            break
        term = term.args[1] if condition is b.TRUE else term.args[2]
    return term
