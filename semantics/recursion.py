"""Room on the interpreter's stack for walks over trees whose depth the front end bounds."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_least(frames: int) -> Iterator[None]:
    """Let Python recurse ``frames`` deep (or deeper, if it may already) while the context lasts."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, frames))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)
