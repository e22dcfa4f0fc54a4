"""Checked P4 to the IR: every instance a block of its own, generics made concrete, names made unique."""

from __future__ import annotations

from .program import elaborate

__all__ = ["elaborate"]
