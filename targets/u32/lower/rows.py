"""Filters before they have a place."""

from __future__ import annotations

from dataclasses import dataclass

from ..artifact import Key
from .architectures import Verdict


@dataclass(frozen=True, slots=True)
class Row:
    """A filter without its place: protocol, keys, how many bytes the frame must have, and the verdict."""

    protocol: int
    keys: tuple[Key, ...]
    length: int
    verdict: Verdict
