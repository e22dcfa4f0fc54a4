"""Memory that a solver frees is kept for its next query, and not given back to the system to be asked for again.

A query has a context of its own, of some megabytes. glibc gives them back when the context goes, and the pages are made
anew, filled with zeros, for the next one: in checks of a thousand small queries that took a quarter of the time.
"""

from __future__ import annotations

import ctypes
from typing import Final

_LIMITS: Final = {-1: 256 << 20, -3: 32 << 20}
"""``M_TRIM_THRESHOLD`` and ``M_MMAP_THRESHOLD`` of ``<malloc.h>`` (``mallopt(3)``): bytes at the heap's end that stay
with the process, and of a piece that is mapped by itself (the most that may be said). The first alone makes it worse:
whoever sets it ends the second's growth by itself."""


def keep_freed_memory() -> bool:
    """Whether it is kept from now on; not where the C library is another one than glibc."""
    library = ctypes.CDLL(None)
    if not hasattr(library, "gnu_get_libc_version"):
        return False
    return all(library.mallopt(what, size) == 1 for what, size in _LIMITS.items())
