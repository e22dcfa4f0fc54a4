"""The ways out of a parser, as a deparser tells them apart."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Exit:
    """A way out of the parser."""

    tagged: bool
    cursor: int
    """Bits parsed."""
    valid: frozenset[str]
    sizes: tuple[tuple[str, int], ...] = ()
    """Paths of varbits that were extracted, and their bits."""
    starts: tuple[tuple[str, int], ...] = ()
    """Paths of headers that were extracted, and where they began."""
    unknown: bool = False
    """Whether nobody knows what was extracted: ``valid``, ``sizes`` and ``starts`` are empty then."""


__all__ = ["Exit"]
