"""The static meaning of P4-16: names, types, compile-time values. ``check`` makes a typed tree of a syntax tree."""

from __future__ import annotations

from .program import Checked, check

__all__ = ["Checked", "check"]
