"""How often Python looks through everything that is there for cycles of objects that nothing else holds."""

from __future__ import annotations

import gc
from typing import Final

_EVERY: Final = 1000
"""Collections of the middle generation from one of all objects to the next (of CPython's: 10)."""


def collect_all_rarely() -> None:
    """For a process that checks and ends: rules, entries and terms are millions of objects that live until then, and
    looking through all of them was a fourth of the time of a large rule set. Young objects are looked through as ever
    (``gc.set_threshold``)."""
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, _EVERY)
