"""Rates and sizes as ``tc`` reads them: ``get_rate64`` and ``get_size`` of iproute2's ``lib/utils_math.c``."""

from __future__ import annotations

import re
from typing import Final

_NUMBER: Final = re.compile(r"([0-9]{1,20}(?:\.[0-9]{1,20})?)([a-z]*)\Z", re.IGNORECASE)
_STEPS: Final = {"": 0, "k": 1, "m": 2, "g": 3, "t": 4}
_BITS: Final[dict[str, int]] = {
    **{f"{step}bit": 1000**power for step, power in _STEPS.items()},
    **{f"{step}ibit": 1024**power for step, power in _STEPS.items() if step},
    **{f"{step}bps": 8 * 1000**power for step, power in _STEPS.items()},
    **{f"{step}ibps": 8 * 1024**power for step, power in _STEPS.items() if step},
    "": 1,
}
"""Bits per second by suffix."""
_EIGHTHS: Final[dict[str, int]] = {
    **{f"{step}b": 8 * 1024**power for step, power in _STEPS.items() if step != "t"},
    **{step: 8 * 1024**power for step, power in _STEPS.items() if step != "t"},
    **{f"{step}bit": 1024**power for step, power in _STEPS.items() if step in ("k", "m", "g")},
}
"""Bits by suffix of a size."""


def read_rate(text: str) -> int:
    """A rate in bytes per second. Raises ValueError."""
    return int(_scaled(text, _BITS, "a rate") / 8)


def read_size(text: str) -> int:
    """A size in bytes. Raises ValueError."""
    return int(_scaled(text, _EIGHTHS, "a size") / 8)


def _scaled(text: str, scales: dict[str, int], what: str) -> float:
    found = _NUMBER.match(text)
    scale = scales.get(found[2].lower()) if found else None
    if found is None or scale is None:
        raise ValueError(f"{what} expected, not {text[:40]!r}")
    return float(found[1]) * scale
