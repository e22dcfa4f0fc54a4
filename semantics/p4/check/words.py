"""The words of messages: numbers of things, articles, and names that were perhaps meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def number_of(number: int, what: str) -> str:
    """``1 argument``, ``2 arguments``."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def article(what: object) -> str:
    """``a table``, ``an action``."""
    text = str(what)
    return f"an {text}" if text[:1] in "aeiou" else f"a {text}"


def closest(name: str, candidates: Iterable[str]) -> str:
    """A hint at the name that was perhaps meant, or nothing."""
    found = get_close_matches(name, [c for c in candidates if c != name], 1, 0.75)
    return f"; did you mean '{found[0]}'?" if found else ""
