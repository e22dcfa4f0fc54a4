"""What an artifact is made for: assumptions about frames, which a comment in its file names and a verdict tells.

A target that makes such artifacts has its own list of assumptions: name → what holds of frames.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from ..semantics.source import NOWHERE, InputError, Span

ASSUMES: Final = "# p4verify assumes: "
"""How the comment begins."""


def comment(names: Iterable[str]) -> list[str]:
    """The comment that names assumptions: no line, or one."""
    said = ", ".join(names)
    return [f"{ASSUMES}{said}"] if said else []


def assumed(line: str, place: Span, known: Mapping[str, str]) -> tuple[str, ...]:
    """The assumptions that a line of a file names; none if it is another line.

    Raises:
        InputError: it names one that is not ``known``.
    """
    if not line.startswith(ASSUMES.rstrip()):
        return ()
    names = tuple(name.strip() for name in line[len(ASSUMES.rstrip()) :].split(","))
    for name in names:
        if name not in known:
            raise InputError.at(place, f"no assumption is called {name!r} ({', '.join(known)})", line)
    return names


def allowed(chosen: str, known: Mapping[str, str], target: str) -> frozenset[str]:
    """The assumptions that a target's option ``assume`` allows: ``all``, ``none``, or some with ``+`` between them.

    Raises:
        InputError: there is none of a name.
    """
    if chosen in ("all", "none"):
        return frozenset(known if chosen == "all" else ())
    names = chosen.split("+")
    for name in names:
        if name not in known:
            raise InputError.at(NOWHERE, f"{target} knows no assumption {name!r} (all, none, {', '.join(known)})")
    return frozenset(names)
