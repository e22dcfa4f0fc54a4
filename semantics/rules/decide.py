"""Looking up numbers: which entry a key meets."""

from __future__ import annotations

from collections.abc import Sequence

from .ruleset import Exact, Lpm, Match, Range, Rule, Ternary


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


def first(entries: Sequence[Rule], keys: Sequence[tuple[int, int]]) -> int | None:
    """The number of the first entry that matches keys, each given with its width."""
    for number, rule in enumerate(entries):
        if all(matches(match, key, width) for match, (key, width) in zip(rule.matches, keys, strict=True)):
            return number
    return None
