"""Looking up numbers: which entry a key meets."""

from __future__ import annotations

from collections.abc import Sequence

from ..source import Unsupported
from .ruleset import Exact, Lpm, Match, Range, Rule, RuleSet, Ternary


def matches(match: Match, key: int, width: int) -> bool:
    """Whether a match takes in a key's value of ``width`` bits."""
    match match:
        case Exact(value):
            return key == value
        case Ternary(value, mask):
            return key & mask == value
        case Range(low, high):
            return low <= key <= high
        case Lpm(value, prefix_len):
            return (key ^ value) >> (width - prefix_len) == 0


def match_text(match: Match, width: int) -> str:
    """A match as people write it: ``0x5``, ``0xa000000/8``, ``0x1 &&& 0xf``, ``5..9``, ``*``."""
    match match:
        case Exact(value):
            return hex(value)
        case Lpm(value, prefix_len):
            return f"{value:#x}/{prefix_len}"
        case Ternary(_, 0):
            return "*"
        case Ternary(value, mask):
            return hex(value) if mask == (1 << width) - 1 else f"{value:#x} &&& {mask:#x}"
        case Range(low, high):
            return f"{low}..{high}"


def first(entries: Sequence[Rule], keys: Sequence[tuple[int, int]]) -> int | None:
    """The number of the first entry that matches keys, each given with its width."""
    for number, rule in enumerate(entries):
        if all(matches(match, key, width) for match, (key, width) in zip(rule.matches, keys, strict=True)):
            return number
    return None


def members(rules: RuleSet, kind: str, number: int, cuts: bool = False) -> tuple[tuple[int, int], ...]:
    """The members (port and instance) of a group or session; a number that is not set up has none.

    Raises:
        Unsupported: the session cuts its copies, and who asks does not say that they are cut (``cuts``).
    """
    if kind == "multicast":
        return tuple((r.port, r.instance) for r in rules.multicast.get(number, ()))
    session = rules.sessions.get(number)
    if session is None:
        return ()
    if session.truncate is not None and not cuts:
        raise Unsupported(f"clone session {number}, which cuts its copies to {session.truncate} bytes")
    return tuple((r.port, r.instance) for r in session.replicas)
